"""Clients call `/v2/…` here as they called the provider. Bearer keys, JSON both ways."""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson
from pydantic import SecretStr

from adapters.rest_v2.wire import accepted_document, batch_document, message_document, read_batch
from gateway.commands import Accepted, BatchStatus, Command, GetBatch, ListMessages, MessageList, Result, SubmitBatch
from gateway.errors import (
    Busy,
    Forbidden,
    GatewayError,
    Malformed,
    MethodNotAllowed,
    NoFunds,
    NotFound,
    RequestError,
    TooLarge,
    TooLate,
    Unauthenticated,
    UnsupportedMedia,
)
from gateway.ports import Call, Credentials, Inbound, Reply

MAX_LIMIT = 1000

# Error class -> HTTP status and title; the first that fits. Source: the provider's table of HTTP codes; titles as
# ASP.NET Core's ProblemDetails has them, which the one known client that reads error bodies expects.
_PROBLEMS: tuple[tuple[type[GatewayError], int, str], ...] = (
    (Unauthenticated, 401, "Unauthorized"),
    (Forbidden, 403, "Forbidden"),
    (NoFunds, 403, "Forbidden"),
    (NotFound, 404, "Not Found"),
    (TooLate, 409, "Conflict"),
    (MethodNotAllowed, 405, "Method Not Allowed"),
    (TooLarge, 413, "Payload Too Large"),
    (UnsupportedMedia, 415, "Unsupported Media Type"),
    (Busy, 503, "Service Unavailable"),
    (RequestError, 400, "One or more validation errors occurred."),
    (GatewayError, 500, "An error occurred while processing your request."),
)

_JSON = {"Content-Type": "application/json; charset=utf-8"}
_MEDIA = re.compile(r"\s*(application|text)/([\w.-]+\+)?json\s*(;.*)?", re.IGNORECASE).fullmatch

Decoder = Callable[[Call, re.Match[str]], Command]


class RestV2Face:
    """The routes of v2 that carry messages; see docs/rest-v2.md for what of the provider's API works."""

    mounts = ("/v2/",)
    max_body = 4 * 1024 * 1024

    def decode(self, call: Call) -> Inbound:
        """The command; an error in it waits until the key has been checked."""
        credentials = _bearer(call.headers)
        try:
            command: Command | RequestError = _command(call)
        except RequestError as error:
            command = error
        return Inbound(credentials, command)

    def encode(self, result: Result, inbound: Inbound, call: Call) -> Reply:
        """The document that answers."""
        match result:
            case Accepted():
                document = accepted_document(result)
                location = f"{call.base}/v2/batches/{document['id']}"
                return Reply(201, orjson.dumps(document), {**_JSON, "Location": location})
            case BatchStatus(batch, status, tallies, account):
                return Reply(200, orjson.dumps(batch_document(batch, status, tallies, account)), _JSON)
            case MessageList(batch, messages, total, account):
                page = orjson.dumps([message_document(batch, message, account) for message in messages])
                return Reply(200, page, {**_JSON, "Link": _links(call, inbound, total)})
            case _:
                return self.refuse(NotFound(), call, inbound)

    def refuse(self, error: GatewayError, call: Call, inbound: Inbound | None) -> Reply:  # noqa: ARG002 - the port's signature
        """A problem document with `title`, `status` and, where fields are wrong, `errors`."""
        status, title = next((status, title) for kind, status, title in _PROBLEMS if isinstance(error, kind))
        problem: dict[str, Any] = {"title": title, "status": status, "detail": error.detail}
        if isinstance(error, Malformed) and error.fields:
            problem["errors"] = {name[:1].upper() + name[1:]: list(words) for name, words in error.fields.items()}
        headers = {"Content-Type": "application/problem+json; charset=utf-8"}
        if isinstance(error, MethodNotAllowed):
            headers["Allow"] = ", ".join(error.allow)
        elif isinstance(error, Unauthenticated):
            headers["WWW-Authenticate"] = "Bearer"
        elif isinstance(error, Busy):
            headers["Retry-After"] = "1"
        return Reply(status, orjson.dumps(problem), headers)


def _bearer(headers: Mapping[str, str]) -> Credentials:
    scheme, _, key = headers.get("Authorization", "").strip().partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise Unauthenticated("Send the API key as Authorization: Bearer KEY")
    return Credentials(None, SecretStr(key.strip()))


def _command(call: Call) -> Command:
    path = call.path.rstrip("/")
    for pattern, decoders in _ROUTES:
        if match := pattern(path):
            decoder = decoders.get(call.method)
            if decoder is None:
                raise MethodNotAllowed(tuple(decoders))
            return decoder(call, match)
    raise NotFound("There is no such address under /v2")


def _submit(call: Call, _match: re.Match[str]) -> Command:
    if not _MEDIA(call.headers.get("Content-Type", "")):
        raise UnsupportedMedia("Send JSON, with Content-Type: application/json")
    try:
        document = orjson.loads(call.body.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise Malformed(f"The body is not JSON: {error.msg} at character {error.pos}") from None
    if not isinstance(document, dict):
        raise Malformed("The body must be one JSON object")
    return SubmitBatch(*read_batch(document))


def _get(_call: Call, match: re.Match[str]) -> Command:
    return GetBatch(match[1])


def _list(call: Call, match: re.Match[str]) -> Command:
    query = {name.lower(): value for name, value in parse_qsl(call.query, errors="replace")}
    order = query.get("order", "ASC").upper()
    if order not in {"ASC", "DESC"}:
        raise Malformed("order is ASC or DESC", {"order": ["Use ASC or DESC"]})
    return ListMessages(
        match[1],
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


def _links(call: Call, inbound: Inbound, total: int) -> str:
    """RFC 8288, in the form and parameter order the provider prints."""
    command = inbound.command
    if not isinstance(command, ListMessages):
        return ""
    start, limit = command.start, command.limit
    last = max(0, (total - 1) // limit * limit)
    pages = {"self": start, "first": 0}
    if start > 0:
        pages["prev"] = max(0, start - limit)
    if start + limit < total:
        pages["next"] = start + limit
    pages["last"] = last
    order = "DESC" if command.descending else "ASC"
    url = f"{call.base}{call.path}"
    return ", ".join(
        f'<{url}?start={at}&limit={limit}&order={order}>; rel="{relation}"' for relation, at in pages.items()
    )


def _route(pattern: str, **decoders: Decoder) -> tuple[Callable[[str], re.Match[str] | None], dict[str, Decoder]]:
    return re.compile(pattern, re.IGNORECASE).fullmatch, decoders


_ROUTES = (
    _route("/v2/batches", POST=_submit),
    _route("/v2/batches/([^/]+)", GET=_get),
    _route("/v2/batches/([^/]+)/messages", GET=_list),
)
