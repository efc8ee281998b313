"""v2's addresses for senders and for the blacklist. Source: the provider's pages "Senders" and "Blacklist"."""

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from adapters.rest_v2.exchange import Encoder, Route, answer, listed, object_of, page_of, route
from gateway.clock import iso
from gateway.commands import (
    Block,
    BlockedEntries,
    BlockedList,
    Command,
    GetBlocked,
    GetSender,
    ListBlocked,
    ListSenders,
    RegisterSender,
    Result,
    SenderList,
    SenderStatus,
    Unblock,
    UnregisterSender,
)
from gateway.errors import Malformed
from gateway.model import Blocked, Sender
from gateway.ports import Call, Reply


def _senders(call: Call, _match: re.Match[str]) -> Command:
    return ListSenders(page_of(call))


def _sender(_call: Call, match: re.Match[str]) -> Command:
    return GetSender(_segment(match))


def _register(_call: Call, match: re.Match[str]) -> Command:
    return RegisterSender(_segment(match))


def _unregister(_call: Call, match: re.Match[str]) -> Command:
    return UnregisterSender(_segment(match))


def _blacklist(call: Call, _match: re.Match[str]) -> Command:
    return ListBlocked(page_of(call))


def _add(call: Call, _match: re.Match[str]) -> Command:
    document = {name.lower(): value for name, value in object_of(call).items()}
    msisdn = document.get("msisdn")
    if not isinstance(msisdn, (str, int)) or isinstance(msisdn, bool):
        sentence = "Give the number to block, as 46712345678"
        raise Malformed(sentence, {"msisdn": [sentence]})
    return Block((str(msisdn),))


def _blocked(_call: Call, match: re.Match[str]) -> Command:
    return GetBlocked(_segment(match))


def _block(_call: Call, match: re.Match[str]) -> Command:
    return Block((_segment(match),))


def _unblock(_call: Call, match: re.Match[str]) -> Command:
    return Unblock(_segment(match))


def _segment(match: re.Match[str]) -> str:
    """The end of a path as its client meant it: a sender may hold what must be escaped."""
    return unquote(match[1], errors="replace")


# The clients that were seen register and block with PUT and no body, so none is asked for.
ROUTES: tuple[Route, ...] = (
    route("/v2/me/senders", GET=_senders),
    route("/v2/me/senders/([^/]+)", GET=_sender, PUT=_register, DELETE=_unregister),
    route("/v2/blacklist", GET=_blacklist, POST=_add),
    route("/v2/blacklist/([^/]+)", GET=_blocked, PUT=_block, DELETE=_unblock),
)


def _sender_document(sender: Sender) -> dict[str, Any]:
    return {"sender": sender.name, "created": iso(sender.created)}


def _blocked_document(entry: Blocked) -> dict[str, Any]:
    # Milliseconds and no zone, unlike v2's other times: as the provider prints it.
    moment = datetime.fromtimestamp(entry.created / 1000, UTC).replace(tzinfo=None)
    return {"msisdn": entry.msisdn, "created": moment.isoformat(timespec="milliseconds")}


def _sender_list(result: SenderList, call: Call) -> Reply:
    return listed([_sender_document(sender) for sender in result.senders], result.page, result.total, call)


def _sender_status(result: SenderStatus, _call: Call) -> Reply:
    return answer(_sender_document(result.sender))


def _blocked_list(result: BlockedList, call: Call) -> Reply:
    return listed([_blocked_document(entry) for entry in result.entries], result.page, result.total, call)


def _blocked_entry(result: BlockedEntries, call: Call) -> Reply:
    return answer(_blocked_document(result.entries[0]), 201 if call.method == "POST" else 200)


ENCODERS: dict[type[Result], Encoder] = {
    SenderList: _sender_list,
    SenderStatus: _sender_status,
    BlockedList: _blocked_list,
    BlockedEntries: _blocked_entry,
}
