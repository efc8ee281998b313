"""What a rule asks of a message, each condition with the sentence that says why it does not hold. Pure."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from re import compile as re_compile
from typing import NamedTuple

from gateway import regex
from gateway.config import Rule
from gateway.config.routes import TextCondition, TimeCondition, When
from gateway.model import Content

_WILD = re_compile("[?*]").split
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Question(NamedTuple):
    """Who sends, from where and under which name: what stays the same for most of what a caller sends."""

    face: str
    caller: str
    account: str
    sender: str


class Said(NamedTuple):
    """What is said, and when (milliseconds since 1970). `segments` are those of the longest text."""

    content: Content
    segments: int
    now: int


def of_question(when: When, question: Question) -> str | None:
    """Why a rule takes nothing of this caller; None where nothing speaks against it."""
    asked = (when.face, when.caller, when.account, when.sender)
    for name, wanted, given in zip(Question._fields, asked, question, strict=True):
        if wanted and given not in wanted:
            return f"{name} {given} is not {' or '.join(sorted(wanted))}"
    return None


def of_said(when: When, said: Said) -> str | None:
    """Why a rule does not take what is said now."""
    content = said.content
    if when.tags and when.tags.isdisjoint(content.tags):
        return f"tags {', '.join(content.tags) or '(none)'} hold none of {', '.join(sorted(when.tags))}"
    if when.priority and content.priority not in when.priority:
        return f"priority is {content.priority.name.lower()}"
    return (when.text and _of_text(when.text, said)) or (when.time and _of_time(when.time, said.now)) or None


def of_recipient(when: When, recipient: str) -> str | None:
    """Why a rule does not take a number."""
    if when.recipient and not _patterns(when.recipient).match(recipient):
        return f"recipient {recipient} is not {' or '.join(when.recipient)}"
    if when.country and not recipient.startswith(when.country):
        return f"recipient {recipient} is not in country {' or '.join(when.country)}"
    return None


def objection(rule: Rule, question: Question, said: Said, recipient: str) -> str | None:
    """The first reason why a rule does not take a message; None where it does."""
    when = rule.when
    return of_question(when, question) or of_said(when, said) or of_recipient(when, recipient)


def beginnings(when: When) -> list[tuple[str, str]]:
    """The patterns one of which must take a number for a rule to take it, each with the digits that it begins with."""
    patterns = when.recipient or [f"{country}*" for country in when.country]
    return [(_WILD(pattern, 1)[0], pattern) for pattern in patterns]


def any_of(patterns: Sequence[str]) -> Callable[[str], object] | None:
    """Tells of a number whether any pattern takes it; None where one of them asks for nothing but a beginning."""
    if any(len(_WILD(pattern.removesuffix("*"), 1)) == 1 for pattern in patterns):
        return None
    return re_compile("|".join(map(_expression, patterns))).fullmatch


def _expression(pattern: str) -> str:
    return pattern.replace("*", "[0-9]*").replace("?", "[0-9]")


class Patterns:
    """Patterns of numbers: `*` is any further digits, `?` any single one. Thousands cost what a few do."""

    def __init__(self, patterns: Sequence[str]) -> None:
        # Whole numbers and plain beginnings, which most are, are looked up; the others are tried one by one.
        self._numbers = frozenset(pattern for pattern in patterns if not _WILD(pattern, 1)[1:])
        begun = [pattern[:-1] for pattern in patterns if _WILD(pattern, 1)[1:] == [""] and pattern.endswith("*")]
        self._beginnings = frozenset(begun)
        self._lengths = sorted({len(beginning) for beginning in begun})
        self._others = [
            re_compile(_expression(pattern))
            for pattern in patterns
            if pattern not in self._numbers and pattern[:-1] not in self._beginnings
        ]

    def match(self, number: str) -> bool:
        """Whether a number is of one of them."""
        if number in self._numbers or any(number[:length] in self._beginnings for length in self._lengths):
            return True
        # At most fifteen digits are looked at, so that several stars in a pattern cost nothing.
        return any(pattern.fullmatch(number) for pattern in self._others)


@lru_cache(maxsize=1024)
def _patterns(patterns: tuple[str, ...]) -> Patterns:
    return Patterns(patterns)


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> regex.Pattern:
    return regex.compile(pattern)


def _of_text(asked: TextCondition, said: Said) -> str | None:
    body, coding = said.content.body, said.content.datacoding
    if asked.length and len(body) not in asked.length:
        return f"the text has {len(body)} characters, not {asked.length}"
    if asked.segments and said.segments not in asked.segments:
        return f"the text has {said.segments} segments, not {asked.segments}"
    if asked.encoding and coding is not asked.encoding:
        return f"the text is in {coding or asked.encoding}, not in {asked.encoding}"
    if asked.matches and not _compiled(asked.matches).search(body):
        return f"the text does not match {asked.matches}"
    return None


def _of_time(asked: TimeCondition, now: int) -> str | None:
    local = datetime.fromtimestamp(now / 1000, asked.zone)
    if asked.days and local.weekday() not in asked.days:
        return f"it is {_DAYS[local.weekday()]} in {asked.zone.key}"
    if not asked.hours.hold(now):
        return f"it is {local:%H:%M} in {asked.zone.key}"
    return None
