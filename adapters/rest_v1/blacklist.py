"""v1's blacklist: the same as v2's, by ids that are numbers. Source: the provider's help pages."""

from urllib.parse import parse_qsl

from adapters.rest_v1.wire import Document, as_text, read_json, stamp
from gateway.commands import Block, BlockedEntries, BlockedList, Command, GetBlocked, ListBlocked, Unblock
from gateway.errors import Malformed, NotFound
from gateway.ids import number_of
from gateway.model import Blocked, Page
from gateway.ports import Call

MOST = 10_000
"""Entries of one request that adds several."""

_EVERYTHING = Page(limit=2**31)


def read_all(_call: Call, _id: str) -> Command:
    """All of it: there are no pages."""
    return ListBlocked(_EVERYTHING)


def read_one(_call: Call, id_: str) -> Command:
    """An entry by its ID. Raises NotFound."""
    return GetBlocked(_number(id_))


def read_removed(_call: Call, id_: str) -> Command:
    """An entry that goes, by its ID. Raises NotFound."""
    return Unblock(_number(id_))


def read_entries(body: bytes, query: str) -> Command:
    """One entry, or several in a list with `multiple` in the query. Raises Malformed."""
    document = read_json(body)
    if not wants_several(query):
        return Block((_phone(document),), several=False)
    if not isinstance(document, list) or not 0 < len(document) <= MOST:
        raise Malformed(f"With multiple, send a list of 1 to {MOST} entries")
    return Block(tuple([_phone(entry) for entry in document]), several=True)


def wants_several(query: str) -> bool:
    """Whether `multiple` is asked for, with any value but false."""
    given = {name.lower(): value.lower() for name, value in parse_qsl(query, keep_blank_values=True, errors="replace")}
    return given.get("multiple", "false") not in {"false", "0"}


def _number(id_: str) -> int:
    number = number_of(id_)
    if number is None:
        raise NotFound("There is no entry with this id")
    return number


def _phone(entry: object) -> str:
    given = {name.lower(): value for name, value in entry.items()} if isinstance(entry, dict) else {}
    phone = as_text(given.get("phone"))
    if phone is None:
        raise Malformed("The request is invalid", {"Phone": ["Give the number to block, as +46712345678"]})
    return phone


def listed(result: BlockedList) -> list[Document]:
    """All entries."""
    return [_entry(entry) for entry in result.entries]


def one(result: BlockedEntries) -> Document:
    """The entry that was asked for, or that went."""
    return _entry(result.entries[0])


def added(result: BlockedEntries) -> Document | list[Document]:
    """What was added: an object for an object, a list for a list."""
    return [_entry(entry) for entry in result.entries] if result.several else _entry(result.entries[0])


def _entry(entry: Blocked) -> Document:
    return {"ID": entry.key, "Created": stamp(entry.created), "Phone": f"+{entry.msisdn}"}
