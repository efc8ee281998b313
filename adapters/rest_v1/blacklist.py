"""v1's blacklist: the same as v2's, by ids that are numbers. Source: the provider's help pages."""

import re
from typing import Annotated

from adapters.rest_v1.documents import BlockedDocument
from adapters.rest_v1.exchange import NUMBER, SEVERAL, Body, number, one_or_several, read_each, stamp
from gateway.commands import Block, BlockedEntries, BlockedList, Command, GetBlocked, ListBlocked, Unblock
from gateway.model import Blocked, Page
from gateway.ports import Call
from gateway.rest import Op, Route, route

_EVERYTHING = Page(limit=2**31)


class BlockRequest(Body):
    """A number to be blocked."""

    phone: Annotated[str, NUMBER]


def _all(_call: Call, _match: re.Match[str]) -> Command:
    return ListBlocked(_EVERYTHING)


def _one(_call: Call, match: re.Match[str]) -> Command:
    return GetBlocked(number(match))


def _remove(_call: Call, match: re.Match[str]) -> Command:
    return Unblock(number(match))


def _add(call: Call, _match: re.Match[str]) -> Command:
    entries, several = read_each(BlockRequest, call)
    return Block(tuple([entry.phone for entry in entries]), several=several)


def _listed(result: BlockedList) -> list[BlockedDocument]:
    return [_entry(entry) for entry in result.entries]


def _shown(result: BlockedEntries) -> BlockedDocument | list[BlockedDocument]:
    """An object for an object, a list for a list."""
    return [_entry(entry) for entry in result.entries] if result.several else _entry(result.entries[0])


def _entry(entry: Blocked) -> BlockedDocument:
    return {"ID": entry.key, "Created": stamp(entry.created), "Phone": f"+{entry.msisdn}"}


_BODY = one_or_several(BlockRequest)
_ANSWER = BlockedDocument | list[BlockedDocument]

ROUTES: tuple[Route, ...] = (
    route(
        "/api/blacklist",
        GET=Op(_all, "List the blacklist", list[BlockedDocument], show=_listed),
        POST=Op(
            _add,
            "Block a number, or a list of them",
            _ANSWER,
            body=_BODY,
            refusals=(413, 415),
            query=(SEVERAL,),
            show=_shown,
        ),
    ),
    route(
        "/api/blacklist/{id}",
        GET=Op(_one, "Tell of a blocked number", BlockedDocument, refusals=(404,), show=_shown),
        DELETE=Op(_remove, "Let a number go", BlockedDocument, refusals=(404,), show=_shown),
    ),
)
