"""The query string of `sendsms.aspx`: which parameters it has, how their text is coded and what their values mean."""

import re
from collections.abc import Callable
from urllib.parse import unquote, unquote_to_bytes

from gateway.model import MessageType, Recipient

_NAMES = frozenset({"acc", "pass", "msg", "from", "to", "prio", "type"})

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
    try:
        return _read(query, bytes.decode)
    except UnicodeDecodeError:
        return _read(query, _windows_1252)


def recipients(to: str) -> tuple[Recipient, ...]:
    """Whom `to` names: numbers as they were written, separated by commas (seen on SOAP) or semicolons."""
    numbers = to.replace(";", ",").split(",")
    return tuple([Recipient(number) for entry in numbers if (number := entry.strip())])


def _read(query: str, charset: Callable[[bytes], str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if name not in _NAMES:
            name = unquote(name).lower()
            if name not in _NAMES:
                continue
        value = value.replace("+", " ")
        if "%" in value or not value.isascii():
            value = _decoded(value.encode("utf-8", "surrogateescape"), charset)
        earlier = found.get(name)
        if not earlier:
            found[name] = value
        elif name == "to":
            found[name] = f"{earlier},{value}"
    return found


def _decoded(value: bytes, charset: Callable[[bytes], str]) -> str:
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
