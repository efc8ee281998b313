"""How a text travels as SMS: which data coding it needs and how many segments it becomes.

Source: 3GPP TS 23.038 section 6.2.1 (default alphabet and extension table) and TS 23.040 (concatenation: 153 septets
or 67 UTF-16 units per part). Lengths are septets and UTF-16 units, never bytes or code points.
"""

import re
from collections.abc import Callable, Mapping
from unicodedata import combining, normalize

from gateway.model import DataCoding

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The default alphabet in the order of its 128 positions; position 27 is the escape, which is no character."""

EXTENSION = "\f^{}\\[~]|€"
"""The extension table: each takes an escape and a septet."""

GSM_SINGLE, GSM_PART = 160, 153
UCS_SINGLE, UCS_PART = 70, 67

_BASIC_ONLY = re.compile(f"[{re.escape(BASIC)}]*").fullmatch
_GSM_ONLY = re.compile(f"[{re.escape(BASIC + EXTENSION)}]*").fullmatch
_EXTENDED = re.compile(f"[{re.escape(EXTENSION)}]").findall


def fits_gsm(text: str) -> bool:
    """Whether the GSM 03.38 alphabet with its extension table can carry the text."""
    return _GSM_ONLY(text) is not None


# What Unicode has no decomposition for, or a worse one: the nearest that people would write on a phone of old.
_NEAREST = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u00b4`", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
        "\u2022": "*",
        "\u2039": "<",
        "\u203a": ">",
        "\u00d0": "D",
        "\u00f0": "d",
        "\u00de": "Th",
        "\u00fe": "th",
        "\u0141": "L",
        "\u0142": "l",
        "\u0131": "i",
        "\u0152": "OE",
        "\u0153": "oe",
        "\u0110": "D",
        "\u0111": "d",
        "\u00d7": "x",
        "\u00f7": "/",
        "\u2044": "/",
        "\t": " ",
        "\u200b": "",
        "\ufe0f": "",
    }
)


def to_gsm(text: str) -> str:
    """The text in letters of the GSM alphabet: the nearest where it lacks one, `?` where there is none."""
    return text if fits_gsm(text) else "".join(map(_nearest, normalize("NFC", text).translate(_NEAREST)))


def _nearest(char: str) -> str:
    if fits_gsm(char):
        return char
    base = "".join(part for part in normalize("NFKD", char) if not combining(part)).translate(_NEAREST)
    return "".join(part if fits_gsm(part) else "?" for part in base)


def choose(text: str, wanted: DataCoding | None = None) -> DataCoding:
    """The coding a text is sent in: the caller's, unless it cannot carry the text; GSM where possible otherwise.

    A caller's `gsm` that cannot hold the text becomes UCS-2: an alarm with one odd character arrives whole.
    """
    if wanted is DataCoding.UCS or not fits_gsm(text):
        return DataCoding.UCS
    return DataCoding.GSM


def length(text: str, coding: DataCoding) -> int:
    """Septets (GSM) or UTF-16 units (UCS-2) of the text."""
    if coding is DataCoding.GSM:
        return len(text) + len(_EXTENDED(text))
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def measure(text: str, wanted: DataCoding | None = None) -> tuple[DataCoding, int]:
    """What `choose` and `segments` say of a text; nearly every text is of the basic alphabet, and needs no counting."""
    if wanted is not DataCoding.UCS and _BASIC_ONLY(text):
        return DataCoding.GSM, 1 if len(text) <= GSM_SINGLE else -(-len(text) // GSM_PART)
    coding = choose(text, wanted)
    return coding, segments(text, coding)


def segments(text: str, coding: DataCoding) -> int:
    """How many SMS the text becomes; an escaped character or a surrogate pair is never cut in two."""
    units = length(text, coding)
    if coding is DataCoding.GSM:
        return 1 if units <= GSM_SINGLE else _parts(text, GSM_PART, _septets)
    return 1 if units <= UCS_SINGLE else _parts(text, UCS_PART, _utf16_units)


def _septets(char: str) -> int:
    return 2 if char in EXTENSION else 1


def _utf16_units(char: str) -> int:
    return 2 if char > "\uffff" else 1


def _parts(text: str, room: int, cost: Callable[[str], int]) -> int:
    parts, used = 1, 0
    for char in text:
        units = cost(char)
        if used + units > room:
            parts, used = parts + 1, 0
        used += units
    return parts


_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def placeholders(body: str) -> frozenset[str]:
    """The argument names `{name}` that a templated body uses."""
    return frozenset(_PLACEHOLDER.findall(body))


def template_to_gsm(body: str) -> str:
    """As `to_gsm`, but for the names of arguments: letters of theirs never leave."""
    between = _PLACEHOLDER.split(body)
    between[::2] = [to_gsm(part) for part in between[::2]]
    return "".join(f"{{{part}}}" if at % 2 else part for at, part in enumerate(between))


def render(body: str, params: Mapping[str, str], defaults: Mapping[str, str]) -> str:
    """The text one recipient gets: its own argument, else the default, else nothing; names are case-sensitive.

    Source: the provider's templating rules for the REST v2 `recipients` object. REST v1 leaves what nobody defines as
    it stands; its face says so with defaults.
    """
    return _PLACEHOLDER.sub(lambda match: params.get(match[1], defaults.get(match[1], "")), body)
