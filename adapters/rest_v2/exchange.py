"""What all subjects of v2 share: bodies, pages and their links, JSON answers."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

import orjson
from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from gateway.errors import Malformed, UnsupportedMedia
from gateway.model import Page
from gateway.ports import Call, Reply
from gateway.rest import document_in

MAX_LIMIT = 1000
JSON: Mapping[str, str] = {"Content-Type": "application/json; charset=utf-8"}

_MEDIA = re.compile(r"\s*(application|text)/([\w.-]+\+)?json\s*(;.*)?", re.IGNORECASE).fullmatch

Encoder = Callable[[Any, Call], Reply]
"""Gets the result."""


def json_of(call: Call) -> Any:
    """The body. Raises UnsupportedMedia where it is not said to be JSON, Malformed where it is none."""
    if not _MEDIA(call.headers.get("Content-Type", "")):
        raise UnsupportedMedia("Send JSON, with Content-Type: application/json")
    try:
        return document_in(call.body)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"The body is not JSON: {error.msg} at character {error.pos}") from None


def object_of(call: Call) -> dict[str, Any]:
    """The one JSON object that the body is. Raises UnsupportedMedia, Malformed."""
    document = json_of(call)
    if not isinstance(document, dict):
        raise Malformed("The body must be one JSON object")
    return document


def at_most(count: int) -> BeforeValidator:
    """A list or an object with more entries is refused before one of them is looked at: each may be a problem."""

    def check(value: object) -> object:
        if isinstance(value, (list, dict)) and len(value) > count:
            raise PydanticCustomError("too_long", "Give at most {count}", {"count": count})
        return value

    return BeforeValidator(check)


def whole(value: object) -> object:
    """A number as JSON Schema has it: 46.0 is the integer 46."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def said(value: object) -> str:
    """What a field says, whatever its type; a list or an object says nothing, and may be nested too deeply to print."""
    return "" if value is None or isinstance(value, (list, dict)) else str(value)


def query_of(call: Call, *, lower: bool = True) -> dict[str, str]:
    """The parameters by name, in lower case unless asked otherwise; of those that are named alike the last."""
    pairs = parse_qsl(call.query, keep_blank_values=True, errors="replace")
    return {name.lower() if lower else name: value for name, value in pairs}


def page_of(call: Call) -> Page:
    """The page that the query asks for. Raises Malformed."""
    query = query_of(call)
    order = query.get("order", "ASC").upper()
    if order not in {"ASC", "DESC"}:
        raise Malformed("order is ASC or DESC", {"order": ["Use ASC or DESC"]})
    return Page(
        start=_bounded(query, "start", 0, 0, 2**31),
        limit=_bounded(query, "limit", 50, 1, MAX_LIMIT),
        descending=order == "DESC",
    )


def _bounded(query: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = query.get(name, str(default))
    value = int(text) if text.isascii() and text.isdigit() and len(text) < 12 else -1
    if not low <= value <= high:
        sentence = f"Use a number from {low} to {high}"
        raise Malformed(f"{name}: {sentence}", {name: [sentence]})
    return value


def answer(document: object, status: int = 200, **headers: str) -> Reply:
    """A document as JSON."""
    return Reply(status, orjson.dumps(document), {**JSON, **headers})


def listed(documents: Sequence[object], page: Page, total: int, call: Call) -> Reply:
    """One page of a list, with the links to others: RFC 8288, in the form and parameter order the provider prints."""
    start, limit, descending = page
    pages = {"self": start, "first": 0}
    if start > 0:
        pages["prev"] = max(0, start - limit)
    if start + limit < total:
        pages["next"] = start + limit
    pages["last"] = max(0, (total - 1) // limit * limit)
    order = "DESC" if descending else "ASC"
    url = f"{call.base}{call.path}"
    links = ", ".join(
        f'<{url}?start={at}&limit={limit}&order={order}>; rel="{relation}"' for relation, at in pages.items()
    )
    return answer(documents, Link=links)
