"""What the operations do, whatever a WSDL calls them: the commands they become, from parameters by their meaning."""

from collections.abc import Callable, Mapping
from typing import NamedTuple
from zoneinfo import ZoneInfo

from gateway.commands import CancelBatch, Command, GetAccount, SubmitBatch
from gateway.errors import Malformed, NotCarried
from gateway.ids import number_of
from gateway.model import Content, MessageType, Recipient
from gateway.msisdn import listed
from gateway.schedule import windows_from
from gateway.translator import LEGACY, PRIORITIES, LegacyCode

Value = str | tuple[str, ...] | None
Args = Mapping[str, Value]
"""Values by meaning; what was not sent is None."""


class Meaning(NamedTuple):
    """An operation of ours: the meanings that it must be given and those that it may, and what it becomes.

    `command` raises RequestError. An operation without one is answered by `text` alone, without credentials.
    """

    needs: tuple[str, ...]
    takes: tuple[str, ...] = ()
    command: Callable[[Args, ZoneInfo], Command] | None = None


IGNORED = "ignored"
"""The meaning of a parameter that says nothing to us, in a WSDL of the user's."""

# What the parameters of the provider's services are called: in its samples, in its manual, in its other APIs.
MEANINGS_OF_NAMES = {
    "konto": "account",
    "acc": "account",
    "passwd": "key",
    "pass": "key",
    "till": "recipients",
    "to": "recipients",
    "from": "sender",
    "meddelande": "text",
    "msg": "text",
    "prio": "priority",
    "tid": "time",
    "time": "time",
    "id": "id",
    "url": IGNORED,
}


def _balance(_args: Args, _zone: ZoneInfo) -> Command:
    return GetAccount()


def _send(args: Args, zone: ZoneInfo) -> SubmitBatch:
    """Now, where no time is given. What else is missing is left to be judged once the credentials were checked."""
    priority = PRIORITIES.get(one(args, "priority").strip())
    if priority is None:
        raise Malformed("prio must be 0, 1, 2 or 3")
    try:
        windows = windows_from(one(args, "time"), zone)
    except ValueError as error:
        raise Malformed(str(error)) from None
    content = Content(one(args, "sender"), one(args, "text"), MessageType.SMS, None, priority, windows)
    return SubmitBatch(content, _recipients(args["recipients"]), loose=True)


def _send_at(args: Args, zone: ZoneInfo) -> SubmitBatch:
    """An empty time is now; one that is not there is a mistake, for it is what the operation is for."""
    if args["time"] is None:
        raise Malformed("the time is missing")
    return _send(args, zone)


def _cancel(args: Args, _zone: ZoneInfo) -> Command:
    number = number_of(one(args, "id"))
    if number is None:
        raise Malformed("id must be the number that sending was answered with")
    return CancelBatch(number)


def _mms(_args: Args, _zone: ZoneInfo) -> Command:
    raise NotCarried("MMS is not carried by REST v2")


_LOGIN = ("account", "key")
_MESSAGE = (*_LOGIN, "recipients", "sender", "text")

MEANINGS = {
    "balans": Meaning(_LOGIN, (), _balance),
    "sms": Meaning(_MESSAGE, ("priority", "time"), _send),
    "smsAt": Meaning((*_MESSAGE, "time"), ("priority",), _send_at),
    "smsBundle": Meaning(_MESSAGE, ("priority", "time"), _send),
    "avbrytBundle": Meaning((*_LOGIN, "id"), (), _cancel),
    "beskrivning": Meaning(("id",), _LOGIN),
    "mms": Meaning(_LOGIN, ("recipients", "sender", "text", "priority", "time"), _mms),
}


_WORDS = {str(code.value): LEGACY.words(code) for code in LegacyCode}


def explained(args: Args) -> str:
    """`beskrivning`: the provider's words for a legacy code; it never asked who wants to know."""
    return _WORDS.get(one(args, "id").strip(), "Unknown")


def one(args: Args, meaning: str) -> str:
    """A value as a single text; empty where it was not sent. Raises Malformed for a list."""
    value = args.get(meaning)
    if isinstance(value, tuple):
        raise Malformed(f"{meaning} holds elements instead of a text")
    return value or ""


def _recipients(value: Value) -> tuple[Recipient, ...]:
    """One number or several, in elements of their own or in one."""
    text = ",".join(value) if isinstance(value, tuple) else value or ""
    return tuple(map(Recipient, listed(text)))
