"""What an answer means: read by rules and places that the configuration describes, whatever bytes it holds."""

import json
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from adapters.http.options import Place, Rule
from gateway import regex
from gateway.ports import Reply

MAX_SEARCHED = 16_384
"""Bytes of a body that expressions are searched for in; an id or a code stands near the beginning."""

MAX_FOUND = 200
"""Characters; what is longer is no id, code or amount."""


class Answer:
    """A reply that is looked at in several ways."""

    def __init__(self, reply: Reply, charset: str) -> None:
        self.status = reply.status
        self.headers = reply.headers
        self._body = reply.body
        self._charset = charset
        # Trimmed, so that `^` and `$` mean the ends of what is said.
        self.text = _sound(reply.body[:MAX_SEARCHED].decode(charset, "replace")).strip()

    @cached_property
    def document(self) -> Any:
        """The body as JSON, its numbers as they were written; None where it is none."""
        try:
            text = self._body.decode(self._charset, "replace").removeprefix("\ufeff")
            return json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
        except (ValueError, RecursionError):
            return None


def _sound(text: str) -> str:
    """Half a character cannot be stored: it becomes a question mark."""
    return text.encode("utf-8", "replace").decode()


class Finder:
    """Finds what stands in a place."""

    def __init__(self, place: Place) -> None:
        self._pattern = None if place.regex is None else regex.compile(place.regex)
        self._pointer = place.json_pointer
        self._header = place.header

    def find(self, answer: Answer) -> str | None:
        """What stands there; None where there is nothing, or nothing that is short and plain."""
        if self._pattern is not None:
            match = self._pattern.search(answer.text)
            found = match[1] if match else None
        elif self._header is not None:
            found = answer.headers.get(self._header)
        else:
            found = _at(answer.document, self._pointer or "")
        found = _sound(found or "").strip()
        return found if 0 < len(found) <= MAX_FOUND else None


def _at(document: Any, pointer: str) -> str | None:
    """What a JSON pointer leads to (RFC 6901), as text."""
    for escaped in pointer.split("/")[1:]:
        name = escaped.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict):
            document = document.get(name)
        elif isinstance(document, list) and name in map(str, range(len(document))):
            document = document[int(name)]
        else:
            return None
    if isinstance(document, bool):
        return "true" if document else "false"
    return document if isinstance(document, str) else None


class Reader:
    """Tells whether one of some rules fits an answer."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = [(rule.status, None if rule.body is None else regex.compile(rule.body)) for rule in rules]

    def fits(self, answer: Answer) -> bool:
        """Whether all holds that one of the rules names."""
        return any(
            (not ranges or any(first <= answer.status <= last for first, last in ranges))
            and (body is None or body.search(answer.text) is not None)
            for ranges, body in self._rules
        )
