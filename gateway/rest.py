"""What the REST faces share: addresses with what each method does there, bodies, and what a face says of itself."""

import re
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, NamedTuple

import orjson

from gateway.commands import Command
from gateway.errors import Malformed, MethodNotAllowed
from gateway.openapi import Api, Document, Operation, Parameter, document
from gateway.openapi_page import PAGE_HEADERS, page
from gateway.ports import Call, Reply

MAX_PARTS = 300_000
"""Commas, brackets and braces of a document. 10,000 recipients with 25 template arguments each have fewer."""

Decoder = Callable[[Call, re.Match[str]], Command]
"""Gets the call and the match of its path. Raises RequestError."""


class Op(NamedTuple):
    """What a method does at an address: how it is read, and what OpenAPI says of it.

    `answers` and `body` are types of documents; `refusals` are the HTTP statuses beside those that all share.
    """

    decode: Decoder
    summary: str
    answers: Any
    status: int = 200
    body: Any = None
    paged: bool = False
    refusals: tuple[int, ...] = ()
    headers: Mapping[str, str] = {}
    query: tuple[Parameter, ...] = ()
    also: tuple[int, ...] = ()
    """Other statuses of the same answer."""
    show: Callable[[Any], object] | None = None
    """Makes the document that answers of the result, where a face does not tell that by the result's type."""


class Route(NamedTuple):
    """An address, and what each method that can be used there does."""

    template: str
    match: Callable[[str], re.Match[str] | None]
    operations: Mapping[str, Op]


def route(template: str, **operations: Op) -> Route:
    """An address by its path, in which `{name}` is any segment; in any letter case, without a slash at its end."""
    pattern = re.sub(r"\{\w+\}", "([^/]+)", template)
    return Route(template, re.compile(pattern, re.IGNORECASE).fullmatch, operations)


def document_in(body: bytes) -> Any:
    """The JSON that a body is. Raises JSONDecodeError, and Malformed where it is made of too many parts.

    What a document costs goes by its parts: four megabytes of `[],` are a million and a half, and seconds of work.
    """
    if len(body) > MAX_PARTS and sum(body.count(mark) for mark in (b",", b"[", b"{")) > MAX_PARTS:
        raise Malformed("The body is made of too many values")
    return orjson.loads(body.removeprefix(BOM_UTF8))


class Reference:
    """The OpenAPI document and the page of a face, below its mount; made when somebody asks for the first time."""

    def __init__(self, api: Api, mount: str, version: str, operations: Callable[[], Iterable[Operation]]) -> None:
        self._api = api
        self._version = version
        self._operations = operations
        self._document_at, self._page_at = f"{mount}openapi.json", f"{mount}docs"

    def shown(self, call: Call) -> Reply | None:
        """The one that a call asks for, None where it asks for something else. Raises MethodNotAllowed."""
        path = call.path.lower().rstrip("/")
        if not self.serves(path):
            return None
        if call.method != "GET":
            raise MethodNotAllowed(["GET"])
        if path == self._document_at:
            told = orjson.dumps({**self.document, "servers": [{"url": call.base}]})
            return Reply(200, told, {"Content-Type": "application/json; charset=utf-8"})
        return Reply(200, page(self.document, self._document_at), PAGE_HEADERS)

    def serves(self, path: str) -> bool:
        """Whether a path, in small letters and without a slash at its end, is one of the two."""
        return path in (self._document_at, self._page_at)

    @cached_property
    def document(self) -> Document:
        """The OpenAPI document, without the address of its server."""
        return document(self._api, self._operations(), self._version)
