"""The HTTP GET and POST forms that ASP.NET offers beside SOAP: `/service.asmx/operation?name=value`."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote_to_bytes

from adapters.soap.description import Operation
from adapters.soap.wire import attribute, text
from gateway.errors import Malformed, UnsupportedMedia
from gateway.ports import Headers, Reply

MAX_PAIRS = 1000
"""Names and values of a form; ASP.NET stops there as well."""

# What is repeated of a name that came from outside: after anything else, a key may follow.
_name = re.compile(r"[A-Za-z0-9_.-]{1,100}").match

_MEDIA_TYPE = "application/x-www-form-urlencoded"

# Some of it came from outside: no browser may take it for a page.
_PLAIN: Headers = {
    "Content-Type": "text/plain; charset=utf-8",
    "Cache-Control": "private",
    "X-Content-Type-Options": "nosniff",
}


class MissingParameter(ValueError):
    """A form without one of the operation's parameters; the text is ASP.NET's."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Missing parameter: {name}.")
        self.name = name


def check_media(content_type: str) -> None:
    """Let a POST pass that carries a form; its charset is not asked for, the bytes tell. Raises UnsupportedMedia."""
    if content_type.partition(";")[0].strip().lower() != _MEDIA_TYPE:
        raise UnsupportedMedia


def read(operation: Operation, pairs: bytes) -> dict[str, str | tuple[str, ...]]:
    """The values by the parameters' names, from a query string or a POST body; a list is every value of its name.

    Names count in any letter case, two values are joined with a comma, and what is not a parameter is passed over.
    Raises MissingParameter for the first in the operation's order that is not there, and Malformed for what no SOAP
    call could hold either: too many values, or a NUL.
    """
    given = _given(operation, pairs)
    values: dict[str, str | tuple[str, ...]] = {}
    for parameter in operation.parameters:
        found = given.get(parameter.name)
        if found is None:
            raise MissingParameter(parameter.name)
        # .NET joins what is sent twice, so that `till=…&till=…` reaches both.
        values[parameter.name] = tuple(found) if parameter.many else ",".join(found)
    return values


def answer(namespace: str, type_: str, value: str) -> bytes:
    """The result of an operation: one element, named after its type."""
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\r\n<{type_} xmlns="{attribute(namespace)}">{text(value)}</{type_}>'
    ).encode()


def missing(error: MissingParameter) -> Reply:
    """The answer to a form without one of the parameters."""
    return Reply(500, str(error).encode(), _PLAIN)


def off(operation_name: str) -> Reply:
    """The answer to every form where forms are switched off, in the words of .NET's runtime."""
    name = _name(operation_name)
    sentence = f"Request format is unrecognized for URL unexpectedly ending in '/{name[0] if name else ''}'."
    return Reply(500, sentence.encode(), _PLAIN)


def _given(operation: Operation, pairs: bytes) -> dict[str, list[str]]:
    names = operation.spellings
    given: dict[str, list[str]] = {}
    for written, value in _decoded(pairs):
        name = names.get(written) or names.get(written.lower())
        if name is not None:
            given.setdefault(name, []).append(value)
    return given


def _decoded(pairs: bytes) -> list[tuple[str, str]]:
    """Names and values. One form is one charset: UTF-8 if all of it is valid as such, and Windows-1252 otherwise."""
    if pairs.count(b"&") >= MAX_PAIRS:
        raise Malformed(f"The form has more than {MAX_PAIRS} values")
    if b"\0" in unquote_to_bytes(pairs):
        raise Malformed("The form may not hold NUL characters")
    try:
        return list(_split(pairs, bytes.decode))
    except UnicodeDecodeError:
        return list(_split(pairs, _windows_1252))


def _split(pairs: bytes, charset: Callable[[bytes], str]) -> Iterator[tuple[str, str]]:
    for pair in pairs.replace(b"+", b" ").split(b"&"):
        name, equals, value = pair.partition(b"=")
        # What has no equals sign is a value without a name to ASP.NET.
        if equals:
            yield charset(unquote_to_bytes(name)), charset(unquote_to_bytes(value))


def _windows_1252(value: bytes) -> str:
    return value.decode("cp1252", "replace")
