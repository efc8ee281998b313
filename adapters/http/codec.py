"""Templates: texts with placeholders, and how a value is escaped for the place where it stands."""

import json
import re
from collections.abc import Callable, Collection, Mapping
from urllib.parse import quote, quote_plus

from gateway.errors import Unsupported
from gateway.nearest import unknown

Values = Mapping[str, str | tuple[str, ...]]
"""What placeholders stand for; several values are written one after the other, with a separator between them."""

Escape = Callable[[str, str], str]
"""(value, charset) to what is written. Raises UnicodeEncodeError, or Unsupported, where it cannot be said there."""

_TOKEN = re.compile(r"(\{\{|\}\})|\{([^{}]*)\}|[{}]")
_NAME = re.compile(r"[A-Za-z][\w.]*", re.ASCII)


class Template:
    """A text with placeholders. `{{` and `}}` are braces."""

    def __init__(self, written: str, known: Collection[str]) -> None:
        """Raises ValueError with a sentence where a placeholder is none of those that are known."""
        self._parts: list[tuple[str, str | None]] = []
        start, literal = 0, ""
        for token in _TOKEN.finditer(written):
            literal += written[start : token.start()]
            start = token.end()
            if token[1]:
                literal += token[1][0]
                continue
            self._parts.append((literal, _checked(token[2], known)))
            literal = ""
        self._parts.append((literal + written[start:], None))

    @property
    def names(self) -> frozenset[str]:
        """The placeholders in it."""
        return frozenset(name for _, name in self._parts if name is not None)

    def fill(self, values: Values, escape: Callable[[str], str], separator: str = "") -> str:
        """The text with its values. The separator, as the text around the placeholders, is written as it is."""
        written = []
        for literal, name in self._parts:
            written.append(literal)
            if name is not None:
                value = values[name]
                written.append(escape(value) if isinstance(value, str) else separator.join(map(escape, value)))
        return "".join(written)


def _checked(name: str | None, known: Collection[str]) -> str:
    if name is None or not _NAME.fullmatch(name):
        raise ValueError("holds a brace that belongs to no placeholder: write {{ and }} for braces that are meant")
    if name not in known:
        raise ValueError(unknown("placeholder", name, known))
    return name


def percent(value: str, charset: str) -> str:
    """In a URL."""
    return quote(value, safe="", encoding=charset, errors="strict")


def form(value: str, charset: str) -> str:
    """In a form."""
    return quote_plus(value, encoding=charset, errors="strict")


def json_text(value: str, _charset: str) -> str:
    """Inside the quotes of a JSON text; pure ASCII, so that it is the same in every charset."""
    value.encode()  # JSON could write half a character, and nobody could read it.
    return json.dumps(value)[1:-1]


_XML = str.maketrans(
    {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        '"': "&quot;",
        "'": "&apos;",
        # As they are, they would become blanks in an attribute, and a carriage return a line feed anywhere.
        "\t": "&#9;",
        "\n": "&#10;",
        "\r": "&#13;",
    }
)
_NOT_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def xml_text(value: str, _charset: str) -> str:
    """In an element or an attribute of XML 1.0, which has no way to say most control characters."""
    if _NOT_XML.search(value):
        raise Unsupported("XML cannot hold a control character")
    return value.translate(_XML)


def plain(value: str, _charset: str) -> str:
    """In plain text, as it is."""
    return value


def header(value: str, _charset: str) -> str:
    """In a header, which ends with the line, and for whose letters beyond ASCII there is no rule."""
    if not (value.isascii() and value.isprintable()):
        raise Unsupported("A header cannot hold a line break, nor a letter beyond ASCII")
    return value


BODIES: Mapping[str, Escape] = {
    "application/x-www-form-urlencoded": form,
    "application/json": json_text,
    "text/xml": xml_text,
    "application/xml": xml_text,
    "application/soap+xml": xml_text,
    "text/plain": plain,
}
"""How values are escaped in a body, by its content type."""
