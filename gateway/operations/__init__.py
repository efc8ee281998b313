"""What operations see of a running gateway and do to it, behind the internal listener."""

from gateway.operations.erasure import ErasureDesk, ErasureOrder
from gateway.operations.outbox import OutboxDesk, PostOrder
from gateway.operations.queue import Action, Order, Queue

__all__ = ["Action", "ErasureDesk", "ErasureOrder", "Order", "OutboxDesk", "PostOrder", "Queue"]
