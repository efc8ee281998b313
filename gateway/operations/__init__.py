"""What operations see of a running gateway and do to it, behind the internal listener."""

from gateway.operations.outbox import OutboxDesk, PostOrder
from gateway.operations.queue import Action, Order, Queue

__all__ = ["Action", "Order", "OutboxDesk", "PostOrder", "Queue"]
