"""What the operations do, whatever a WSDL calls them: the commands they become, from parameters by their meaning."""

from collections.abc import Callable, Mapping
from typing import NamedTuple
from zoneinfo import ZoneInfo

from gateway.commands import CancelBatch, Command, GetAccount, SubmitBatch
from gateway.errors import Malformed, NotCarried
from gateway.ids import LAST_NUMBER
from gateway.model import Content, MessageType, Recipient
from gateway.schedule import parse_local, window_from
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


def _send(args: Args, _zone: ZoneInfo) -> SubmitBatch:
    """What is missing of the message is left to be judged once the credentials were checked."""
    priority = PRIORITIES.get(one(args, "priority").strip())
    if priority is None:
        raise Malformed("prio must be 0, 1, 2 or 3")
    content = Content(one(args, "sender"), one(args, "text"), MessageType.SMS, None, priority)
    return SubmitBatch(content, _recipients(args["recipients"]), loose=True)


def _send_at(args: Args, zone: ZoneInfo) -> SubmitBatch:
    """Without a time: now."""
    order = _send(args, zone)
    written = one(args, "time").strip()
    if not written:
        return order
    try:
        opens = parse_local(written, zone)
    except ValueError as error:
        raise Malformed(str(error)) from None
    return order._replace(content=order.content._replace(windows=(window_from(opens),)))


def _cancel(args: Args, _zone: ZoneInfo) -> Command:
    written = one(args, "id").strip()
    # Ten digits hold every int32; a longer id is nobody's.
    if not (written.isascii() and written.isdigit() and len(written) <= 10) or int(written) > LAST_NUMBER:
        raise Malformed("id must be the number that sending was answered with")
    return CancelBatch(int(written))


def _mms(_args: Args, _zone: ZoneInfo) -> Command:
    raise NotCarried("MMS is not carried by REST v2")


_LOGIN = ("account", "key")
_MESSAGE = (*_LOGIN, "recipients", "sender", "text")

MEANINGS = {
    "balans": Meaning(_LOGIN, (), _balance),
    "sms": Meaning(_MESSAGE, ("priority", "time"), _send_at),
    "smsAt": Meaning((*_MESSAGE, "time"), ("priority",), _send_at),
    "smsBundle": Meaning(_MESSAGE, ("priority", "time"), _send_at),
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
    """One number or several: a list, or separated by commas (seen in a client) or semicolons."""
    text = ",".join(value) if isinstance(value, tuple) else value or ""
    return tuple([Recipient(number) for entry in text.replace(";", ",").split(",") if (number := entry.strip())])
