"""The routes of the configuration: which messages a rule takes, and what becomes of them."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from gateway import regex
from gateway.config.section import Section
from gateway.config.values import (
    Countries,
    Days,
    Names,
    Positive,
    Priorities,
    Range,
    Recipients,
    Slug,
    Spans,
    Text,
    not_empty,
)
from gateway.hours import Hours
from gateway.model import DataCoding, Plan, Rewrite, UnknownPolicy
from gateway.schedule import SWEDEN, TimeZone
from gateway.sender import shorten
from gateway.status import Status
from gateway.text import placeholders


def _pattern(written: str) -> str:
    regex.compile(written)
    return written


class TextCondition(Section):
    """What a rule asks of the text. A template is judged as it was written, its segments by its longest text."""

    length: Range | None = None
    segments: Range | None = None
    encoding: DataCoding | None = None
    matches: Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_pattern)] | None = None

    @model_validator(mode="after")
    def _asks(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("asks nothing: name length, segments, encoding or matches")
        return self


class TimeCondition(Section):
    """When a message must come in for a rule to take it."""

    days: Days = ()
    between: Spans = ()
    zone: TimeZone = SWEDEN

    @model_validator(mode="after")
    def _asks(self) -> Self:
        if not (self.days or self.between):
            raise ValueError("asks nothing: name days or between")
        return self

    @property
    def hours(self) -> Hours:
        """As they are kept with the messages."""
        return Hours(self.days, self.between, self.zone.key)


def _ends(quiet: TimeCondition) -> TimeCondition:
    if quiet.hours.endless:
        raise ValueError("never ends, so nothing would leave: write 'hold: true' where operations decide")
    return quiet


class When(Section):
    """What a rule asks for; what it does not name, it does not ask."""

    face: Names = frozenset()
    caller: Names = frozenset()
    account: Names = frozenset()
    sender: Names = frozenset()
    recipient: Recipients = ()
    country: Countries = ()
    tags: Names = frozenset()
    priority: Priorities = frozenset()
    text: TextCondition | None = None
    time: TimeCondition | None = None

    @property
    def everything(self) -> bool:
        """Whether every message matches."""
        return not (self.of_recipient or self.of_content or self.face or self.caller or self.account or self.sender)

    @property
    def of_recipient(self) -> bool:
        """Whether it asks anything of the number, so that a batch may be split."""
        return bool(self.recipient or self.country)

    @property
    def of_content(self) -> bool:
        """Whether it asks anything that differs from one batch of the same caller and sender to the next."""
        return bool(self.tags or self.priority or self.text or self.time)


def _targets(value: object) -> object:
    return {value: 1} if isinstance(value, str) else value


def _weighted(targets: Mapping[str, int]) -> Mapping[str, int]:
    if not any(targets.values()):
        raise ValueError("every weight is 0, so nobody would get anything: give one upstream more")
    return targets


Targets = Annotated[
    dict[str, Annotated[int, Field(ge=0, le=1_000_000)]],
    BeforeValidator(_targets),
    AfterValidator(not_empty),
    AfterValidator(_weighted),
    WithJsonSchema(
        {
            "description": "An upstream, or several with their weights",
            "anyOf": [
                {"type": "string"},
                {
                    "type": "object",
                    "additionalProperties": {"type": "integer", "minimum": 0, "maximum": 1_000_000},
                    "minProperties": 1,
                },
            ],
            "examples": ["main", {"main": 95, "trial": 5}],
        }
    ),
]
"""Upstreams with their weights; a single name has all of it."""


_FINAL = {status.value: str(status.value) for status in Status if status.final}
_REFUSALS = {status.value: str(status.value) for status in Status if status.final and not status.delivered}
_OUTCOMES = ("unreachable", "throttled", "held", "refused", "unknown")


def _several(value: object) -> object:
    return [value] if isinstance(value, (str, int)) else value


def _refusal(value: object) -> str:
    if not isinstance(value, int) or value not in _REFUSALS:
        raise ValueError("must be a status of REST v2 that ends in failure, as 405: 'sluss codes' lists them")
    return _REFUSALS[value]


Refusal = Annotated[
    str,
    BeforeValidator(_refusal),
    WithJsonSchema({"description": "A final status of REST v2 that is no delivery", "enum": list(_REFUSALS)}),
]
"""A final status of REST v2 that is no delivery, as its digits."""


def _outcome(value: object) -> str:
    if isinstance(value, str) and value in _OUTCOMES:
        return value
    if isinstance(value, int) and value in _FINAL:
        return _FINAL[value]
    raise ValueError(f"must be {', '.join(_OUTCOMES)} or a final status of REST v2, as 402")


def _sender(text: str) -> str:
    if not text or shorten(text) != text:
        raise ValueError("must be a number, or a name of at most 11 characters without blanks around it")
    return text


def _plain(prefix: str) -> str:
    if placeholders(prefix):
        raise ValueError("must not hold {words} in braces: in a template they would be replaced")
    return prefix


_OUTCOME = {"enum": [*_OUTCOMES, *_FINAL]}
Outcomes = Annotated[
    tuple[Annotated[str, BeforeValidator(_outcome)], ...],
    BeforeValidator(_several),
    AfterValidator(not_empty),
    WithJsonSchema(
        {
            "description": "A word or a final status of REST v2; one or a list",
            "anyOf": [_OUTCOME, {"type": "array", "items": _OUTCOME, "minItems": 1}],
        }
    ),
]
"""What an attempt came to: a word, or a refusal with that status of REST v2."""


class Rewriting(Section):
    """What is changed of a message on its way out; its caller reads it as it was written."""

    sender: Annotated[Text, Field(max_length=15), AfterValidator(_sender)] | None = None
    prefix: Annotated[Text, Field(min_length=1, max_length=160), AfterValidator(_plain)] | None = None
    gsm: bool = False

    @property
    def decided(self) -> Rewrite:
        """As it is kept with the messages."""
        return Rewrite(self.sender, self.prefix or "", self.gsm)


class Rule(Section):
    """One route: the messages it takes and what becomes of them."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["to"]}, {"required": ["reject"]}]})

    name: Slug
    when: When = When()
    to: Targets | None = None
    sticky: Literal["recipient", "caller"] = "recipient"
    fallback: Annotated[tuple[str, ...], BeforeValidator(_several, json_schema_input_type=str | list[str])] = ()
    on: Outcomes = ("unreachable",)
    unknown: UnknownPolicy = UnknownPolicy.HOLD
    rewrite: Rewriting | None = None
    quiet: Annotated[TimeCondition, AfterValidator(_ends)] | None = None
    hold: bool = False
    reject: Refusal | None = None
    reply: Literal["stored", "sent"] = "stored"
    within: Annotated[Positive, Field(le=60)] = 5.0

    @cached_property
    def plan(self) -> Plan:
        """What its messages keep of it."""
        rewrite = self.rewrite.decided if self.rewrite else None
        quiet = self.quiet.hours if self.quiet else None
        return Plan(self.fallback, self.on if self.fallback else (), self.unknown, rewrite, quiet)

    @property
    def upstreams(self) -> Iterator[str]:
        """Every upstream that it may send to."""
        yield from self.to or ()
        yield from self.fallback

    @model_validator(mode="after")
    def _decides(self) -> Self:
        if (self.to is None) == (self.reject is None):
            raise ValueError("give either 'to', an upstream, or 'reject', the status of REST v2 that is answered")
        if self.reject is not None and self.model_fields_set - {"name", "when", "reject"}:
            raise ValueError("a rule that rejects sends nothing: remove the keys beside name, when and reject")
        if set(self.fallback) & set(self.to or ()):
            raise ValueError("fallback names an upstream that 'to' names as well")
        if len(set(self.fallback)) < len(self.fallback):
            raise ValueError("fallback names an upstream twice")
        if "on" in self.model_fields_set and not self.fallback:
            raise ValueError("'on' says when to fall back, so it needs a 'fallback'")
        if "within" in self.model_fields_set and self.reply == "stored":
            raise ValueError("'within' says how long to wait for the upstream's word: it needs 'reply: sent'")
        if self.hold and self.reply == "sent":
            raise ValueError("what is held has no upstream's word to wait for: remove 'hold' or 'reply: sent'")
        return self
