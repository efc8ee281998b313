"""What all subjects of v1 share: bodies are read into models, and what is wrong with a property is said in its name.

As ASP.NET Web API binds them: names in any letter case, unknown ones ignored, numbers taken where strings belong.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl

import orjson
from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic.alias_generators import to_pascal
from pydantic_core import CoreSchema, core_schema

from gateway.clock import iso
from gateway.errors import Malformed, NotFound, UnsupportedMedia
from gateway.ids import LAST_NUMBER, number_of
from gateway.openapi import Document, Parameter
from gateway.ports import Call
from gateway.rest import document_in

MOST = 10_000
"""Objects of one request that adds several."""
MSISDN = "^\\+?[1-9][0-9]{2,14}$"
INTEGERS = {"minimum": 100, "maximum": 10**15 - 1}
"""Numbers that are phone numbers."""
TEXT = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$"
"""With something in it that can be seen, and without NUL."""

SEVERAL = Parameter("multiple", {"type": "string"}, "Given where the body is a list; then the answer is one, too")

_MEDIA = re.compile(r"\s*((application|text)/json|[^/\s]+/[^/\s]+\+json)\s*(;.*)?", re.IGNORECASE).fullmatch
STRING: Document = {"type": ["string", "integer"], "minimum": -(2**63), "maximum": 2**64 - 1}
"""A string, or a number that every reader of JSON reads whole."""

B = TypeVar("B", bound="Body")


def as_text(value: object) -> str | None:
    """A string, or a whole number taken for one as Json.NET does; None for anything else.

    Others are refused: their digits are gone once parsed, so `1.50` would be sent as `1.5`, and what has more than 64
    bits as something else.
    """
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def whole_text(value: object) -> str | None:
    """As `as_text`, where 46.0 means 46, as JSON Schema has it: for numbers and names, not for what is sent."""
    if isinstance(value, float) and value.is_integer() and -(2**63) < value < 2**64:
        return str(int(value))
    return as_text(value)


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """How the value of a property is read, and what OpenAPI shows of it.

    `value` raises ValueError with a sentence in which `{}` is the property's name.
    """

    value: Callable[[Any], Any]
    schema: Document

    def __get_pydantic_core_schema__(self, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.value)

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> Document:
        return self.schema


class Body(BaseModel):
    """An object that a client posts; each of its properties is read by a Read."""

    model_config = ConfigDict(frozen=True, alias_generator=to_pascal)


def string(read_text: Callable[[object], str | None], **schema: Any) -> Read:
    """Any string: what it must be like is checked further in, and shown here."""

    def value(given: object) -> str:
        text = read_text(given)
        if text is None:
            raise ValueError("{} is required" if given is None else "{} must be a string")
        return text

    return Read(value, {**STRING, **schema})


def text(longest: int, pattern: str = TEXT, sentence: str = "", **schema: Any) -> Read:
    """A string with something in it; `sentence` says what to do where it does not match the pattern.

    `schema` is what OpenAPI shows otherwise.
    """
    matches = re.compile(pattern).fullmatch

    def value(given: object) -> str:
        if given is None:
            raise ValueError("{} is required")
        said = whole_text(given)
        if said is None or not said.strip() or len(said) > longest or "\0" in said:
            raise ValueError(f"{{}} must be a string of 1 to {longest} characters")
        if not matches(said):
            raise ValueError(sentence)
        return said

    return Read(value, {**STRING, "minLength": 1, "maxLength": longest, "pattern": pattern, **schema})


def whole(low: int, high: int) -> Read:
    """A whole number, which may be written as a string."""

    def value(given: object) -> int:
        digits = (whole_text(given) or "").strip()
        # No more digits than any bound has: a number may have thousands.
        if digits.isascii() and digits.isdigit() and len(digits) < 9 and low <= int(digits) <= high:
            return int(digits)
        raise ValueError(f"{{}} must be a whole number from {low} to {high}")

    return Read(value, {"type": "integer", "minimum": low, "maximum": high})


def optional(read: Read) -> Read:
    """The same, or nothing: null, or a string with nothing in it."""

    def value(given: object) -> object:
        nothing = given is None or (isinstance(given, str) and not given.strip())
        return None if nothing else read.value(given)

    return Read(value, {"anyOf": [read.schema, {"enum": [None, ""]}]})


def _flag(given: object) -> bool:
    if isinstance(given, bool):
        return given
    said = given.strip().lower() if isinstance(given, str) else None
    if said not in ("true", "false"):
        raise ValueError("{} must be true or false")
    return said == "true"


def _id(given: object) -> int:
    found = number_of(whole_text(given) or "")
    if found is None:
        raise ValueError("{} must be an id")
    return found


FLAG = Read(_flag, {"enum": [True, False, "true", "false", "True", "False"]})
ID = Read(_id, {"type": "integer", "minimum": 0, "maximum": LAST_NUMBER})


NUMBER = string(whole_text, pattern=MSISDN, **INTEGERS)
"""A phone number; others than those with a country code are for the core to judge."""


def one_or_several(model: type[Body]) -> Any:
    """The type of a body that adds one, or a list of them."""
    return model | Annotated[list[model], Field(min_length=1, max_length=MOST)]  # type: ignore[valid-type]


def document_of(call: Call) -> Any:
    """What the body says. Raises UnsupportedMedia where it is not said to be JSON, Malformed where it is none."""
    if not _MEDIA(call.headers.get("Content-Type", "")):
        raise UnsupportedMedia("Send JSON with Content-Type: application/json")
    try:
        return document_in(call.body)
    except orjson.JSONDecodeError:
        raise Malformed("The body is not valid JSON in UTF-8") from None


def read(model: type[B], part: object) -> B:
    """The object that a body, or a part of one, is. Raises Malformed with every problem, each under its property."""
    if not isinstance(part, dict):
        raise Malformed("The body must be a JSON object")
    names = _names(model)
    try:
        return model.model_validate({names.get(name.lower(), name): value for name, value in part.items()})
    except ValidationError as error:
        raise Malformed("The request is invalid", _problems(error)) from None


def read_each(model: type[B], call: Call) -> tuple[tuple[B, ...], bool]:
    """What a body adds, one or a list, and whether its client is answered with a list. Raises RequestError."""
    document = document_of(call)
    if not isinstance(document, list):
        return (read(model, document),), wants_several(call.query)
    if not 0 < len(document) <= MOST:
        raise Malformed(f"Send an object, or a list of 1 to {MOST}")
    return tuple([read(model, part) for part in document]), True


def wants_several(query: str) -> bool:
    """Whether `multiple` is asked for, with any value but false."""
    given = {name.lower(): value.lower() for name, value in parse_qsl(query, keep_blank_values=True, errors="replace")}
    return given.get("multiple", "false") not in {"false", "0"}


@cache
def _names(model: type[Body]) -> Mapping[str, str]:
    return {field.alias.lower(): field.alias for field in model.model_fields.values() if field.alias}


def _problems(error: ValidationError) -> dict[str, list[str]]:
    problems: dict[str, list[str]] = {}
    for problem in error.errors(include_url=False, include_context=False, include_input=False):
        name = str(problem["loc"][0])
        sentence = "{} is required" if problem["type"] == "missing" else problem["msg"].removeprefix("Value error, ")
        problems.setdefault(name, []).append(sentence.replace("{}", name))
    return problems


def number(match: re.Match[str]) -> int:
    """The id in a path. Raises NotFound."""
    found = number_of(match[1])
    if found is None:
        raise NotFound("There is nothing with this id")
    return found


def stamp(millis: int) -> str:
    """`2025-12-16T03:27:02.5890000+00:00`: the help pages' form, seven digits of a second."""
    return f"{iso(millis)[:-1]}.{millis % 1000:03d}0000+00:00"
