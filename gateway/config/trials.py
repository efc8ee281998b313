"""The configuration's own tests: a message that nobody sends, and the way that it is meant to go."""

from typing import Annotated, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from gateway.clock import parse_iso
from gateway.config.routes import Refusal
from gateway.config.section import Section
from gateway.config.values import Names, Phone, Prioritised, Text
from gateway.model import Priority
from gateway.schedule import LAST_MOMENT


def _moment(value: object) -> int:
    try:
        moment = parse_iso(value if isinstance(value, str) else "")
    except (ValueError, OverflowError):
        moment = -1
    if not 0 <= moment < LAST_MOMENT:
        raise ValueError("must be a time in quotes, as 2026-05-01T08:00:00Z or with an offset")
    return moment


_Moment = Annotated[str, Field(description="A time in quotes", examples=["2026-05-01T08:00:00Z"])]


class Given(Section):
    """A message; what is not named is as most messages are."""

    caller: Text
    recipient: Phone
    face: str = "rest_v2"
    sender: Annotated[Text, Field(min_length=1)] = "Sluss"
    text: Annotated[str, Field(min_length=1, max_length=2000)] = "Hello"
    tags: Names = frozenset()
    priority: Prioritised = Priority.NORMAL
    at: Annotated[int, BeforeValidator(_moment, json_schema_input_type=_Moment)] | None = None
    """Milliseconds since 1970; None is now."""


class Expected(Section):
    """What must become of it."""

    route: Text | None = None
    upstream: Text | None = None
    reject: Refusal | None = None

    @model_validator(mode="after")
    def _expects(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("expects nothing: name route, upstream or reject")
        return self


class Trial(Section):
    """One test."""

    given: Given
    expect: Expected

    @field_validator("expect")
    @classmethod
    def _one_end(cls, expect: Expected) -> Expected:
        if expect.upstream is not None and expect.reject is not None:
            raise ValueError("what is rejected goes to no upstream: name one of the two")
        return expect
