"""v2's addresses for senders and for the blacklist. Source: the provider's pages "Senders" and "Blacklist"."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import unquote

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from adapters.rest_v2.documents import BlockedDocument, SenderDocument
from adapters.rest_v2.exchange import Encoder, answer, listed, object_of, page_of, whole
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
from gateway.rest import Op, Route, route

MSISDN = "^\\+?[1-9][0-9]{2,14}$"
_MSISDN = re.compile(MSISDN, re.ASCII)
_INTEGERS: dict[str, Any] = {"pattern": MSISDN, "type": ["string", "integer"], "minimum": 100, "maximum": 10**15 - 1}


class BlockedRequest(BaseModel):
    """POST /v2/blacklist as clients write it."""

    model_config = ConfigDict(coerce_numbers_to_str=True, frozen=True)

    msisdn: Annotated[
        str, BeforeValidator(whole), StringConstraints(pattern=MSISDN), Field(json_schema_extra=_INTEGERS)
    ]


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
    try:
        entry = BlockedRequest.model_validate({name.lower(): value for name, value in object_of(call).items()})
    except ValidationError:
        raise _no_number() from None
    return Block((entry.msisdn,))


def _blocked(_call: Call, match: re.Match[str]) -> Command:
    return GetBlocked(_number(match))


def _block(_call: Call, match: re.Match[str]) -> Command:
    return Block((_number(match),))


def _unblock(_call: Call, match: re.Match[str]) -> Command:
    return Unblock(_number(match))


def _number(match: re.Match[str]) -> str:
    msisdn = _segment(match)
    if not _MSISDN.fullmatch(msisdn):
        raise _no_number()
    return msisdn


def _no_number() -> Malformed:
    sentence = "Give the number with country code, as 46712345678"
    return Malformed(sentence, {"msisdn": [sentence]})


def _segment(match: re.Match[str]) -> str:
    """The end of a path as its client meant it: a sender may hold what must be escaped."""
    return unquote(match[1], errors="replace")


# The clients that were seen register and block with PUT and no body, so none is asked for.
ROUTES: tuple[Route, ...] = (
    route("/v2/me/senders", GET=Op(_senders, "List the registered senders", list[SenderDocument], paged=True)),
    route(
        "/v2/me/senders/{sender}",
        GET=Op(_sender, "Tell of a registered sender", SenderDocument, refusals=(404,)),
        PUT=Op(_register, "Register a sender", SenderDocument),
        DELETE=Op(_unregister, "Forget a sender", SenderDocument, refusals=(404,)),
    ),
    route(
        "/v2/blacklist",
        GET=Op(_blacklist, "List the blacklist", list[BlockedDocument], paged=True),
        POST=Op(
            _add, "Add a number to the blacklist", BlockedDocument, status=201, body=BlockedRequest, refusals=(413, 415)
        ),
    ),
    route(
        "/v2/blacklist/{msisdn}",
        GET=Op(_blocked, "Tell of a number on the blacklist", BlockedDocument, refusals=(404,)),
        PUT=Op(_block, "Add a number to the blacklist", BlockedDocument),
        DELETE=Op(_unblock, "Take a number off the blacklist", BlockedDocument, refusals=(404,)),
    ),
)


def _sender_document(sender: Sender) -> SenderDocument:
    return {"sender": sender.name, "created": iso(sender.created)}


def _blocked_document(entry: Blocked) -> BlockedDocument:
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
