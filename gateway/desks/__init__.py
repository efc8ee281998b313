"""Who answers what: one module per subject. A command that a face brings finds its handler by its type."""

from gateway.clock import Clock
from gateway.desks.addresses import AddressDesk
from gateway.desks.conversations import ConversationDesk
from gateway.desks.desk import Handlers, account_of
from gateway.desks.messages import MessageDesk
from gateway.desks.passcodes import PasscodeDesk
from gateway.desks.registers import RegisterDesk
from gateway.desks.sent import SentDesk
from gateway.observe import Metrics
from gateway.ports import Store
from gateway.registers import Registers

__all__ = ["AddressDesk", "PasscodeDesk", "account_of", "handlers"]


def handlers(store: Store, clock: Clock, metrics: Metrics, registers: Registers) -> Handlers:
    """Every desk's."""
    desks = (
        MessageDesk(store, clock, metrics),
        SentDesk(store, clock),
        ConversationDesk(store),
        RegisterDesk(registers, clock),
        AddressDesk(store, clock),
    )
    return {command: handler for desk in desks for command, handler in desk.handlers.items()}
