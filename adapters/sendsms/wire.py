"""The query string of `sendsms.aspx`: which parameters it has, how their text is coded and what their values mean."""

import codecs
import re
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from urllib.parse import unquote, unquote_to_bytes

from gateway.errors import Malformed
from gateway.model import MessageType, Priority

Decode = Callable[[bytes], str]
"""How bytes of one charset become text."""

MAX_PAIRS = 1000
"""Names and values of a query or a form; ASP.NET stops there as well."""

DOCUMENTED = frozenset({"acc", "pass", "msg", "from", "to", "prio", "type"})
"""The parameters of a message."""

TIME = "time"
"""Another one, inferred, where operations let callers schedule: no client was ever seen to."""

_NOBODY: Mapping[str, Decode] = MappingProxyType({})

# Only ever seen absent or empty; `flash` is inferred from REST v2's two types.
TYPES = {"": MessageType.SMS, "sms": MessageType.SMS, "flash": MessageType.FLASH}

TYPE = {MessageType.SMS: "", MessageType.FLASH: "flash"}
"""How `type` is written: for an SMS as the provider's sample does, empty."""

PRIO = {Priority.NORMAL: "2", Priority.HIGH: "3"}
"""How `prio` is written: what clients call normal and urgent (PYSMS); nobody here asks for 1, which is lower."""

_UNICODE_ESCAPE = re.compile(rb"%u([0-9A-Fa-f]{4})")

# ISO-8859-1 is read as Windows-1252, as browsers do: nobody writes its control characters, many write the euro sign.
_WESTERN = frozenset({"iso8859-1", "cp1252"})
_EUROPEAN = frozenset(
    {
        "utf-8",
        *(f"iso8859-{part}" for part in (2, 3, 4, 5, 7, 9, 10, 13, 14, 15, 16)),
        *(f"cp{page}" for page in (1250, 1251, 1253, 1254, 1257)),
    }
)
_CHARSETS_THERE_ARE = (
    "is no charset that can be pinned: write utf-8, iso-8859-1 (or -2 to -5, -7, -9, -10, -13 to -16)"
    " or windows-1252 (or -1250, -1251, -1253, -1254, -1257)"
)

# Windows-1252 with the five bytes it leaves undefined taken as Latin-1, so that any byte is some character.
_WINDOWS_1252 = {
    byte: bytes([byte]).decode("cp1252") for byte in range(0x80, 0xA0) if byte not in (0x81, 0x8D, 0x8F, 0x90, 0x9D)
}


def parameters(
    query: str, pinned: Mapping[str, Decode] = _NOBODY, names: Collection[str] = DOCUMENTED
) -> dict[str, str]:
    """The parameters of these names that a raw query string holds, decoded; the names in any letter case.

    Newer clients percent-encode UTF-8, those of 2008 Latin-1: one query is one charset, UTF-8 if all of it is valid
    as such and Windows-1252 otherwise; where `pinned` has the account in `acc`, it is that charset. A parameter that is
    repeated counts once, by its first value that is not empty; `to` is joined with commas, as ASP.NET does.
    Raises Malformed for a query of too many pairs.
    """
    if query.count("&") >= MAX_PAIRS:
        raise Malformed(f"More than {MAX_PAIRS} parameters")
    try:
        found = _read(query, bytes.decode, names)
    except UnicodeDecodeError:
        found = _read(query, _windows_1252, names)
    if pinned and (charset := pinned.get(found.get("acc", ""))):
        return _read(query, charset, names)
    return found


def decoder(charset: str) -> Decode:
    """How text of a charset is read, whatever the bytes: those that are no text become U+FFFD. Raises ValueError."""
    try:
        name = codecs.lookup(charset).name
    except (LookupError, ValueError):
        name = ""
    if name in _WESTERN:
        return _windows_1252
    if name not in _EUROPEAN:
        raise ValueError(_CHARSETS_THERE_ARE)
    return lambda text: text.decode(name, "replace")


def _read(query: str, charset: Decode, names: Collection[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if name not in names:
            name = unquote(name).lower()
            if name not in names:
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


def _decoded(value: bytes, charset: Decode) -> str:
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
