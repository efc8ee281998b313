"""v1's lists of SMS: what was sent, alone or as a bundle, and what came in. Source: the provider's help pages."""

import re
from urllib.parse import parse_qsl

from adapters.rest_v1.wire import Document, logged, stamp
from gateway.commands import Command, GetReceived, ListBundle, ListReceived, ListSent, Received, SentList
from gateway.errors import NotFound
from gateway.ids import Kind, number_of, public_id
from gateway.model import Incoming
from gateway.ports import Call

# `from[0]=…&from[1]=…`, in any letter case; without brackets, or with empty ones, as well.
_FILTER = re.compile(r"(from|to)(\[\d*\])?", re.IGNORECASE).fullmatch


def read_sent(call: Call, _id: str) -> Command:
    """What was sent, of some senders or to some recipients."""
    return ListSent(*_filters(call))


def read_received(call: Call, _id: str) -> Command:
    """What came in, of some senders or to some recipients."""
    return ListReceived(*_filters(call))


def read_bundle(_call: Call, id_: str) -> Command:
    """What was sent in one request. Raises NotFound."""
    number = number_of(id_)
    if number is None:
        raise NotFound("There is no bundle with this id")
    return ListBundle(number)


def read_one_received(_call: Call, id_: str) -> Command:
    """One SMS that came in."""
    return GetReceived(id_)


def _filters(call: Call) -> tuple[tuple[str, ...], tuple[str, ...]]:
    given: dict[str, list[str]] = {"from": [], "to": []}
    for name, value in parse_qsl(call.query, errors="replace"):
        if match := _FILTER(name):
            given[match[1].lower()].append(value)
    return tuple(given["from"]), tuple(given["to"])


def sent(result: SentList) -> list[Document]:
    """A list of LoggedOutgoingSMS."""
    return [logged(each) for each in result.messages]


def received(result: Received) -> list[Document]:
    """A list of IncomingSMS."""
    return [_incoming(each) for each in result.messages]


def one_received(result: Received) -> Document:
    """The IncomingSMS that was asked for."""
    return _incoming(result.messages[0])


def _incoming(incoming: Incoming) -> Document:
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
