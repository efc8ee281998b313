"""What an account registers: the senders that it uses, and the numbers that nothing may be sent to."""

from typing import NamedTuple

from gateway.model import Blocked, Page, Sender


class ListSenders(NamedTuple):
    """List the registered senders in alphabetical order."""

    page: Page = Page()


class GetSender(NamedTuple):
    """Tell of a registered sender."""

    name: str


class RegisterSender(NamedTuple):
    """Register a sender; one that is there stays as it is."""

    name: str


class UnregisterSender(NamedTuple):
    """Forget a sender; answered with what it was."""

    name: str


class ListBlocked(NamedTuple):
    """List the blacklist in the order in which it grew."""

    page: Page = Page()


class GetBlocked(NamedTuple):
    """Tell of an entry of the blacklist, by its number or by its key."""

    which: str | int


class Block(NamedTuple):
    """Put numbers on the blacklist; they may be written as people do."""

    numbers: tuple[str, ...]
    several: bool = False


class Unblock(NamedTuple):
    """Take a number off the blacklist, by itself or by its entry's key; answered with what the entry was."""

    which: str | int


class SenderList(NamedTuple):
    """One page of the registered senders; `total` is how many there are."""

    senders: tuple[Sender, ...]
    page: Page
    total: int


class SenderStatus(NamedTuple):
    """A registered sender."""

    sender: Sender


class BlockedList(NamedTuple):
    """One page of the blacklist; `total` is its length."""

    entries: tuple[Blocked, ...]
    page: Page
    total: int


class BlockedEntries(NamedTuple):
    """What was added, or the one entry that was asked for or taken off."""

    entries: tuple[Blocked, ...]
    several: bool = False
    """Whether a list was asked for."""


RegistersInquiry = (
    ListSenders | GetSender | RegisterSender | UnregisterSender | ListBlocked | GetBlocked | Block | Unblock
)
RegistersAnswer = SenderList | SenderStatus | BlockedList | BlockedEntries
