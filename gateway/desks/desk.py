"""What a desk is: it answers the commands of one subject, each by a function of its own."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from gateway.commands import Accepted, Answer, SubmitBatch
from gateway.config import Caller
from gateway.model import Account

Handler = Callable[[Any, Caller], Awaitable[Answer]]
"""Gets a command and who asks; raises RequestError."""

Handlers = Mapping[type, Handler]
"""By the type of the command."""


Send = Callable[[SubmitBatch], Awaitable[Accepted]]
"""Takes a message as if the caller itself had sent it; done once it is durable. Raises RequestError."""

Sender = Callable[[Any, Caller, Send], Awaitable[Answer]]
"""As a handler, of a command that sends a message."""

Senders = Mapping[type, Sender]
"""By the type of the command."""


def account_of(caller: Caller) -> Account:
    """What faces say of a caller's account."""
    return Account(caller.account, caller.organization, caller.currency, caller.country)
