"""v1's addresses for SMS and the account: what was sent, alone or as a bundle, what came in, who is asking.

Source: the provider's help pages.
"""

import re
from urllib.parse import parse_qsl

from adapters.rest_v1.documents import (
    AccountDocument,
    IncomingSms,
    LoggedOutgoingSms,
    ProcessedOutgoingSms,
    WholeAccountDocument,
)
from adapters.rest_v1.exchange import document_of, number, stamp
from adapters.rest_v1.wire import SendRequest, account, logged, read_send, sent, whole_account
from gateway.commands import (
    Command,
    GetAccount,
    GetMessage,
    GetReceived,
    ListBundle,
    ListReceived,
    ListSent,
    Received,
    SentList,
)
from gateway.idempotency import once_of
from gateway.ids import Kind, public_id
from gateway.model import Incoming
from gateway.openapi import Parameter
from gateway.ports import Call
from gateway.rest import Op, Route, route

# `from[0]=…&from[1]=…`, in any letter case; without brackets, or with empty ones, as well.
_FILTER = re.compile(r"(from|to)(\[\d*\])?", re.IGNORECASE).fullmatch
_FILTERS = (
    Parameter("from[0]", {"type": "string"}, "A sender, or the first of several"),
    Parameter("to[0]", {"type": "string"}, "A recipient, or the first of several"),
)


def _send(call: Call, _match: re.Match[str]) -> Command:
    return read_send(document_of(call))._replace(once=once_of(call))


def _list_sent(call: Call, _match: re.Match[str]) -> Command:
    return ListSent(*_filters(call))


def _message(_call: Call, match: re.Match[str]) -> Command:
    return GetMessage(number(match))


def _bundle(_call: Call, match: re.Match[str]) -> Command:
    return ListBundle(number(match))


def _list_received(call: Call, _match: re.Match[str]) -> Command:
    return ListReceived(*_filters(call))


def _received(_call: Call, match: re.Match[str]) -> Command:
    return GetReceived(match[1].lower())


def _me(_call: Call, _match: re.Match[str]) -> Command:
    return GetAccount()


def _filters(call: Call) -> tuple[tuple[str, ...], tuple[str, ...]]:
    given: dict[str, list[str]] = {"from": [], "to": []}
    for name, value in parse_qsl(call.query, errors="replace"):
        if match := _FILTER(name):
            given[match[1].lower()].append(value)
    return tuple(given["from"]), tuple(given["to"])


def _show_sent(result: SentList) -> list[LoggedOutgoingSms]:
    return [logged(each) for each in result.messages]


def _show_received(result: Received) -> list[IncomingSms]:
    return [_incoming(each) for each in result.messages]


def _show_one_received(result: Received) -> IncomingSms:
    return _incoming(result.messages[0])


def _incoming(incoming: Incoming) -> IncomingSms:
    created = stamp(incoming.created)
    return {
        "ID": public_id(Kind.INCOMING, incoming.created, incoming.key),
        "To": incoming.recipient,
        "Prefix": None,
        "Created": created,
        "CreatedDate": created,
        "Prio": 1,
        "From": incoming.sender,
        "Message": incoming.body,
    }


ROUTES: tuple[Route, ...] = (
    route(
        "/api/sms/send",
        POST=Op(
            _send,
            "Send an SMS",
            list[ProcessedOutgoingSms],
            body=SendRequest,
            refusals=(403, 413, 415, 422),
            show=sent,
        ),
    ),
    route(
        "/api/sms/sent",
        GET=Op(
            _list_sent,
            "List the newest 1,000 SMS that were sent, oldest first",
            list[LoggedOutgoingSms],
            query=_FILTERS,
            show=_show_sent,
        ),
    ),
    route(
        "/api/sms/sent/{id}",
        GET=Op(_message, "Tell of an SMS that was sent", LoggedOutgoingSms, refusals=(404,), show=logged),
    ),
    route(
        "/api/sms/sent/bundle/{id}",
        GET=Op(_bundle, "List the SMS of one request", list[LoggedOutgoingSms], refusals=(404,), show=_show_sent),
    ),
    route(
        "/api/sms/received",
        GET=Op(
            _list_received,
            "List the newest 1,000 SMS that came in, oldest first",
            list[IncomingSms],
            query=_FILTERS,
            show=_show_received,
        ),
    ),
    route(
        "/api/sms/received/{received}",
        GET=Op(_received, "Tell of an SMS that came in", IncomingSms, refusals=(404,), show=_show_one_received),
    ),
    route("/api/me", GET=Op(_me, "Tell who is asking, and the balance", AccountDocument, show=account)),
    route(
        "/api/me/account",
        GET=Op(_me, "Tell who is asking, and the balance", WholeAccountDocument, show=whole_account),
    ),
)
