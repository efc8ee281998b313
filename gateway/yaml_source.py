"""YAML read strictly: every value keeps its line, and no scalar is taken for more than YAML 1.2 says it is."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import yaml

from gateway.nearest import shown

MAX_BYTES = 1_000_000
MAX_DEPTH = 32
MAX_VALUES = 100_000
"""Counted after aliases are followed: a few lines of aliases to aliases can otherwise fill the memory."""

Where = tuple[str | int, ...]
"""The keys and list positions that lead to a value."""

Expand = Callable[[str], str]
"""Fills in the references inside a text. Raises ValueError with a sentence that shows no value."""


class Place(NamedTuple):
    """Where something was written; line 0 where there are no lines, such as in the environment."""

    source: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.source}:{self.line}" if self.line else self.source


class Problem(NamedTuple):
    """What is wrong, where, and what to do about it. Never shows a value."""

    place: Place
    where: Where
    sentence: str

    def __str__(self) -> str:
        return ": ".join(filter(None, (str(self.place), dotted(self.where), self.sentence)))


def dotted(where: Where) -> str:
    """`callers.0.keys`; a key that is no name is shown as `?`, for it may hold a secret."""
    return ".".join("?" if shown(str(part)).startswith("(") and isinstance(part, str) else str(part) for part in where)


@dataclass(slots=True)
class Document:
    """A mapping as it was read, the place of each value, and what was wrong.

    `unread`: values with a reference that could not be filled in. `failed`: nothing of the file could be read.
    """

    values: dict[str, object] = field(default_factory=dict)
    places: dict[Where, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    unread: set[Where] = field(default_factory=set)
    failed: bool = False

    def place(self, where: Where) -> Place:
        """The place of a value, or of the nearest thing around it."""
        while where and where not in self.places:
            where = where[:-1]
        return self.places[where]


def read(path: Path, expand: Expand) -> Document:
    """A file's mapping; whatever is wrong with it is in its problems."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        return _failed(Place(str(path)), f"cannot be read: {error.strerror}")
    return parse(raw, str(path), expand)


def parse(raw: bytes, source: str, expand: Expand) -> Document:
    """The mapping that some YAML says."""
    try:
        node = _root(raw)
        builder = _Builder(source, expand)
        if node is not None:
            builder.document.values = builder.mapping(node, ())
    except _Unreadable as error:
        return _failed(Place(source, error.line), error.sentence)
    return builder.document


class _Unreadable(Exception):
    """Nothing of the file can be used."""

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(sentence)
        self.line = line
        self.sentence = sentence


def _root(raw: bytes) -> yaml.MappingNode | None:
    if len(raw) > MAX_BYTES:
        raise _Unreadable(0, f"is larger than {MAX_BYTES} bytes: move a part of it to conf.d/")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _Unreadable(line, "is not UTF-8: save the file as UTF-8") from error
    try:
        node = _Loader(text).get_single_node()
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _Unreadable(line, "holds a control character: remove it") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _Unreadable(mark.line + 1 if mark else 1, _syntax(error)) from error
    except (ValueError, OverflowError) as error:
        # PyYAML lets the escape of a character beyond Unicode ("\UFFFFFFFF") through to chr().
        raise _Unreadable(0, "holds an escape of no character: look for \\U between double quotes") from error
    if node is not None and not isinstance(node, yaml.MappingNode):
        raise _Unreadable(node.start_mark.line + 1, "must be a mapping that starts with 'version: 1'")
    return node


def _failed(place: Place, sentence: str) -> Document:
    return Document(places={(): place}, problems=[Problem(place, (), sentence)], failed=True)


# PyYAML's sentences that quote what was written (it may be a password that starts with one of these characters) or
# that tell nobody what to do, and ours instead. All others quote single characters and names of tokens at most.
_REWORDED = (
    ("found undefined alias", "there is no anchor of that name: put quotes around a text that starts with *"),
    ("second occurrence", "there is another anchor of that name: put quotes around a text that starts with &"),
    ("found undefined tag handle", "tags are not used here: put quotes around a text that starts with !"),
)


def _syntax(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or "cannot be understood"
    ours = next((sentence for start, sentence in _REWORDED if problem.startswith(start)), None)
    return ours or f"is not YAML: {problem}"


class _Loader(yaml.BaseLoader):
    """Builds nodes only, without tags, and not deeper than anyone needs."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if getattr(event, "tag", None):
            raise yaml.composer.ComposerError(None, None, "found undefined tag handle", event.start_mark)
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise yaml.composer.ComposerError(None, None, f"nested deeper than {MAX_DEPTH}", event.start_mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


class _Builder:
    """Turns nodes into values and writes down where each stood."""

    def __init__(self, source: str, expand: Expand) -> None:
        self.document = Document(places={(): Place(source, 1)})
        self._source = source
        self._expand = expand

    def mapping(self, node: yaml.MappingNode, where: Where) -> dict[str, object]:
        """The values under each key; a key is the text that was written, whatever it looks like."""
        values: dict[str, object] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            inner = (*where, key.value) if isinstance(key, yaml.ScalarNode) else where
            if inner is where:
                self._problem(line, where, "a key must be plain text: put quotes around it")
            elif key.value in values:
                first = self.document.places[inner]
                self._problem(line, where, f"the key {shown(key.value)} is already on line {first.line}: keep one")
            else:
                values[key.value] = self._value(value, inner, line)
        return values

    def _value(self, node: yaml.Node, where: Where, line: int) -> object:
        if len(where) > MAX_DEPTH or len(self.document.places) > MAX_VALUES:
            raise _Unreadable(line, "the aliases make this endless or too large: write the values out")
        self.document.places[where] = Place(self._source, line)
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, where)
        if isinstance(node, yaml.SequenceNode):
            return [
                self._value(item, (*where, index), item.start_mark.line + 1) for index, item in enumerate(node.value)
            ]
        value = node.value if getattr(node, "style", None) else plain(node.value)
        return self._expanded(value, where, line) if isinstance(value, str) else value

    def _expanded(self, text: str, where: Where, line: int) -> str:
        try:
            return self._expand(text)
        except ValueError as error:
            self._problem(line, where, str(error))
            self.document.unread.add(where)
            return text

    def _problem(self, line: int, where: Where, sentence: str) -> None:
        self.document.problems.append(Problem(Place(self._source, line), where, sentence))


# YAML 1.2, section 10.3.2 (core schema), less what surprises: a number with a leading zero, an octal, a hexadecimal
# and an endless one stay text.
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})", re.ASCII)
_FLOAT = re.compile(r"[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?", re.ASCII)


def plain(text: str) -> str | int | float | bool | None:
    """What a scalar without quotes means: `no`, `on`, `0700` and `10:00` are text."""
    if text in _NULLS or text in _BOOLEANS:
        return _BOOLEANS.get(text)
    if _INTEGER.fullmatch(text):
        return int(text)
    if any(mark in text for mark in ".eE") and _FLOAT.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    return text
