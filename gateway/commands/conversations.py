"""What was said between an account and the people it reaches, and what came in."""

from typing import NamedTuple

from gateway.model import Account, Conversation, Incoming, Outgoing, Page, Side


class GetConversation(NamedTuple):
    """List what was said with a participant: a number, or the name that somebody sends under."""

    participant: str
    side: Side
    page: Page = Page()


class SummariseConversation(NamedTuple):
    """Tell how much was said with a participant, and when."""

    participant: str


class ListReceived(NamedTuple):
    """List the newest messages that came in, of these senders and to these recipients where any are named."""

    senders: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()


class GetReceived(NamedTuple):
    """Tell of one message that came in, by its 24-hex id."""

    incoming_id: str


class ConversationList(NamedTuple):
    """One page of a conversation; `total` is how much was said."""

    entries: tuple[Outgoing | Incoming, ...]
    page: Page
    total: int
    account: Account


class ConversationSummary(NamedTuple):
    """How much was said with a participant."""

    participant: str
    mt: Conversation
    mo: Conversation


class Received(NamedTuple):
    """Messages that came in, oldest first."""

    messages: tuple[Incoming, ...]


ConversationsInquiry = GetConversation | SummariseConversation | ListReceived | GetReceived
ConversationsAnswer = ConversationList | ConversationSummary | Received
