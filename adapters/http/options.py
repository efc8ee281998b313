"""What the configuration of an upstream says whose provider speaks HTTP in a way of its own."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from adapters.http.codec import Values
from adapters.http.wire import Part, Request, Where, Writer, objections
from gateway import regex
from gateway.status import Status

MESSAGE = (
    "recipient",
    "recipients",
    "sender",
    "text",
    "reference",
    "report_url",
    "priority",
    "coding",
    "type",
)
"""The placeholders that stand for something of a message."""

ID = "id"
"""The placeholder of a question how a message went: what the provider called it."""


def secret_name(name: str) -> str:
    """What a secret is called in a template."""
    return f"secret.{name}"


def _pattern(written: str) -> str:
    regex.compile(written)
    return written


def _one_group(written: str) -> str:
    if regex.compile(written).groups != 1:
        raise ValueError("must hold one group in brackets, around what is looked for")
    return written


def _pointer(written: str) -> str:
    if (written and not written.startswith("/")) or "~" in written.replace("~0", "").replace("~1", ""):
        raise ValueError("must be a JSON pointer, as /data/0/id")
    return written


Pattern = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_pattern)]


class Place(Part):
    """Where in an answer something stands."""

    regex: Annotated[str, Field(max_length=1000), AfterValidator(_one_group)] | None = Field(
        None, description="Regular expression of RE2 with one group, searched for in the body"
    )
    json_pointer: Annotated[str, AfterValidator(_pointer)] | None = Field(
        None, alias="json", description="JSON pointer (RFC 6901) into the body, as /data/0/id"
    )
    header: Annotated[str, Field(min_length=1)] | None = Field(None, description="Name of a header field")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(where is not None for where in (self.regex, self.json_pointer, self.header)) != 1:
            raise ValueError("give one of regex, json and header: where it stands")
        return self


def _range(value: object) -> tuple[int, int]:
    if isinstance(value, int) and not isinstance(value, bool):
        value = f"{value}-{value}"
    first, _, last = value.partition("-") if isinstance(value, str) else ("", "", "")
    if not (len(first) == len(last) == 3 and (first + last).isascii() and (first + last).isdigit() and first <= last):
        raise ValueError("must be a status of HTTP or a range, as 503 or 200-299")
    return int(first), int(last)


def _several(value: object) -> object:
    return value if isinstance(value, (list, tuple)) else [value]


_Written = Annotated[str, Field(pattern="^[0-9]{3}-[0-9]{3}$")] | Annotated[int, Field(ge=100, le=999)]
Range = Annotated[tuple[int, int], BeforeValidator(_range, json_schema_input_type=_Written)]


class Rule(Part):
    """Which answers mean something: those of which all holds that is named."""

    status: Annotated[
        tuple[Range, ...], BeforeValidator(_several, json_schema_input_type=_Written | list[_Written])
    ] = Field((), description="Statuses of HTTP and ranges of them; any, where none is named")
    body: Pattern | None = Field(None, description="Regular expression of RE2, searched for in the body")

    @model_validator(mode="after")
    def _asks(self) -> Self:
        if not self.status and self.body is None:
            raise ValueError("asks nothing: name status or body")
        return self


Rules = Annotated[tuple[Rule, ...], BeforeValidator(_several, json_schema_input_type=Rule | list[Rule])]
"""One rule, or several of which one must hold."""


def _statuses(*ranges: tuple[int, int]) -> tuple[Rule, ...]:
    return (Rule.model_construct(status=ranges),)


_STATUSES = {status.value: status for status in Status}
_STATUS = WithJsonSchema({"description": "A status of REST v2", "enum": list(_STATUSES)})


def _status(value: object) -> Status:
    if not isinstance(value, int) or value not in _STATUSES:
        raise ValueError("must be a status of REST v2, as 405: 'sluss codes' lists them")
    return _STATUSES[value]


def _text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Word = Annotated[str, BeforeValidator(_text, json_schema_input_type=str | int)]
"""A text of the provider's, which may look like a number."""


class Priorities(Part):
    """What a priority is called."""

    normal: Word = Field("1", description="{priority} of most messages")
    high: Word = Field("2", description="{priority} of urgent ones")


class Codings(Part):
    """What a data coding is called."""

    gsm: Word = Field("0", description="{coding} of a text that the GSM alphabet holds")
    ucs: Word = Field("2", description="{coding} of any other")


class Types(Part):
    """What a type of message is called."""

    sms: Word = Field("", description="{type} of an ordinary SMS")
    flash: Word = Field("flash", description="{type} of one that only shows on the screen")


class Words(Part):
    """What the provider calls what a message asks for."""

    priority: Priorities = Field(Priorities(), description="What {priority} stands for")
    coding: Codings = Field(Codings(), description="What {coding} stands for")
    type: Types = Field(Types(), description="What {type} stands for")


class Poll(Request):
    """How to ask what became of a message."""

    code: Place = Field(description="Where the answer has the code that `codes` knows")


def _place_or_text(value: object) -> Place | str:
    return value if isinstance(value, str) else Place.model_validate(value)


class Balance(Request):
    """How to ask what is left."""

    amount: Place = Field(description="Where the answer has the balance")
    currency: Annotated[Place | str, BeforeValidator(_place_or_text)] = Field(
        description="Where the answer has the currency, or the currency itself"
    )


_ASCII = "".join(map(chr, range(32, 127))) + "\r\n\t"


def _charset(name: str) -> str:
    try:
        fits = _ASCII.encode(name) == _ASCII.encode("ascii")
        b"\xff".decode(name, "replace")
    except (LookupError, UnicodeError):
        fits = False
    if not fits:
        raise ValueError("must be a charset that holds ASCII as it is, as utf-8, iso-8859-1 or windows-1252")
    return name


PREFIXES = {"msisdn": "", "plus": "+", "zeros": "00"}
"""What stands before the country code, by the form of the number."""


class HttpOptions(Request):
    """Everything that is known of the provider."""

    secrets: Mapping[
        Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,30}$")], Annotated[SecretStr, Field(min_length=1)]
    ] = Field(default_factory=dict, description="What templates call {secret.NAME}, by its name")
    charset: Annotated[str, AfterValidator(_charset)] = Field("utf-8", description="What texts are written in")
    number_format: Literal["msisdn", "plus", "zeros"] = Field(
        "msisdn", description="How numbers are written: 46701234567, +46701234567 or 0046701234567"
    )
    recipients_per_call: int = Field(1, ge=1, le=500, description="Recipients of one call; more than one: {recipients}")
    separator: str = Field(",", description="What stands between {recipients}, as the template would write it")
    values: Words = Field(Words(), description="The provider's words for priorities, data codings and types")
    misconfigured: Rules = Field(_statuses((401, 401), (403, 403)), description="Answers that refuse the gateway")
    temporary: Rules = Field(_statuses((429, 429), (503, 503)), description="Answers that say later; nothing was taken")
    permanent: Rules = Field(_statuses((400, 499)), description="Answers that refuse the message")
    accepted: Rules = Field(_statuses((200, 299)), description="Answers that say that it was taken")
    id: Place | None = Field(None, description="Where the answer has the provider's own id of the message")
    code: Place | None = Field(None, description="Where the answer has a code")
    codes: Mapping[Word, Annotated[Status, BeforeValidator(_status), _STATUS]] = Field(
        default_factory=dict, description="Statuses of REST v2 by the provider's own codes"
    )
    poll: Poll | None = Field(None, description="How to ask what became of a message")
    balance: Balance | None = Field(None, description="How to ask what is left")

    @model_validator(mode="after")
    def _says_a_message(self) -> Self:
        details = [
            InitErrorDetails(
                type=PydanticCustomError("template", "{sentence}", {"sentence": sentence}), loc=where, input=""
            )
            for where, sentence in self._objections()
        ]
        if details:
            raise ValidationError.from_exception_data(type(self).__name__, details, hide_input=True)
        return self

    def _objections(self) -> Iterator[tuple[Where, str]]:
        named = {secret_name(name): value.get_secret_value() for name, value in self.secrets.items()}
        samples: list[Values] = [{**sample, **named} for sample in self._samples()]
        wrong = [
            ((*where, *inner), sentence)
            for where, request, known in (
                ((), self, (*MESSAGE, *named)),
                (("poll",), self.poll, (*MESSAGE, ID, *named)),
                (("balance",), self.balance, tuple(named)),
            )
            if request is not None
            for inner, sentence in objections(request, known, self.charset, self.separator, samples)
        ]
        yield from wrong
        if not wrong:
            yield from self._unsaid(Writer(self, (*MESSAGE, *named), self.charset).names)
        if self.codes and self.code is None and self.poll is None:
            yield ("codes",), "name with 'code' where an answer has its code"
        if self.poll is not None and not self.codes:
            yield ("poll",), "name with 'codes' what the codes of its answers mean"
        if self.poll is not None and self.recipients_per_call > 1:
            yield ("poll",), "asks for one message: set recipients_per_call to 1"

    def _unsaid(self, names: frozenset[str]) -> Iterator[tuple[Where, str]]:
        if "text" not in names:
            yield ("url",), "neither url nor headers nor body holds {text}"
        if names.isdisjoint({"recipient", "recipients"}):
            yield ("url",), "neither url nor headers nor body holds {recipient}"
        if self.recipients_per_call > 1 and ("recipient" in names or "recipients" not in names):
            yield ("recipients_per_call",), "is more than one: write {recipients} in place of {recipient}"

    def _samples(self) -> Iterator[Values]:
        """Values as they come, so that what they make of a template can be looked at."""
        numbers = tuple(PREFIXES[self.number_format] + number for number in ("46701234567", "46709876543"))
        words = self.values
        for priority, coding, type_ in (
            (words.priority.normal, words.coding.gsm, words.type.sms),
            (words.priority.high, words.coding.ucs, words.type.flash),
        ):
            yield {
                "recipient": numbers[0],
                "recipients": numbers[: self.recipients_per_call],
                "sender": "Sluss",
                "text": 'The "text"',
                "reference": "5bcf5e97d1000000000003e9",
                "report_url": "https://sms.example.org/hooks/",
                "priority": priority,
                "coding": coding,
                "type": type_,
                "id": 'The "id"',
            }
