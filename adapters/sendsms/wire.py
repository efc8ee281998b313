"""The query string of `sendsms.aspx`: which parameters it has, how their text is coded and what their values mean."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote_to_bytes

from gateway.model import MessageType, Recipient

_NAMES = {name.encode(): name for name in ("acc", "pass", "msg", "from", "to", "prio", "type")}

# Only ever seen absent or empty; `flash` is inferred from REST v2's two types.
TYPES = {"": MessageType.SMS, "sms": MessageType.SMS, "flash": MessageType.FLASH}

_UNICODE_ESCAPE = re.compile(rb"%u([0-9A-Fa-f]{4})")

# Windows-1252 with the five bytes it leaves undefined taken as Latin-1, so that any byte is some character.
_WINDOWS_1252 = {
    byte: bytes([byte]).decode("cp1252") for byte in range(0x80, 0xA0) if byte not in (0x81, 0x8D, 0x8F, 0x90, 0x9D)
}


def parameters(query: str) -> dict[str, str]:
    """The documented parameters that a raw query string names, decoded; their names in any letter case.

    Newer clients percent-encode UTF-8, those of 2008 Latin-1: one query is one charset, UTF-8 if all of it is valid
    as such and Windows-1252 otherwise. A parameter that is repeated counts once, by its first value that is not empty;
    `to` is joined with commas, as ASP.NET does.
    """
    pairs = list(_pairs(query.encode("utf-8", "surrogateescape")))
    try:
        found = _collect(pairs, bytes.decode)
    except UnicodeDecodeError:
        found = _collect(pairs, _windows_1252)
    return {
        name: ",".join(values) if name == "to" else next(filter(None, values), "") for name, values in found.items()
    }


def recipients(to: str) -> tuple[Recipient, ...]:
    """Whom `to` names: numbers as they were written, separated by commas (seen on SOAP) or semicolons."""
    numbers = to.replace(";", ",").split(",")
    return tuple(Recipient(number) for entry in numbers if (number := entry.strip()))


def _pairs(query: bytes) -> Iterator[tuple[str, bytes]]:
    for pair in query.split(b"&"):
        raw_name, _, value = pair.partition(b"=")
        name = _NAMES.get(raw_name) or _NAMES.get(unquote_to_bytes(raw_name).lower())
        if name is not None:
            yield name, value.replace(b"+", b" ")


def _collect(pairs: list[tuple[str, bytes]], charset: Callable[[bytes], str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(_decoded(value, charset))
    return found


def _decoded(value: bytes, charset: Callable[[bytes], str]) -> str:
    if b"%" not in value:
        return charset(value)
    if b"%u" not in value:
        return charset(unquote_to_bytes(value))
    # Classic ASP's escape() writes UTF-16 units as %uXXXX; every second piece of the split is such a unit.
    pieces = _UNICODE_ESCAPE.split(value)
    text = "".join(
        chr(int(piece, 16)) if index % 2 else charset(unquote_to_bytes(piece)) for index, piece in enumerate(pieces)
    )
    # Two halves of a pair become one character. A lone half, left by a client that cut its text, becomes U+FFFD: a
    # message with one odd character arrives, one that cannot be encoded does not.
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _windows_1252(value: bytes) -> str:
    return value.decode("latin-1").translate(_WINDOWS_1252)
