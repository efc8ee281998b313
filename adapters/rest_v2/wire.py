"""The v2 documents: the batch request that clients post, and the batch and message documents they read.

Source: the provider's pages "Send SMS", "Batches" and "Messages"; letter case of values as those pages print it.
The provider's .NET sample posts PascalCase names and integer enums, so names match in any case and enums either way.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    ValidationError,
    WithJsonSchema,
)
from pydantic.fields import FieldInfo

from adapters.rest_v2.documents import (
    BatchDocument,
    CountDocument,
    IncomingDocument,
    MessageDocument,
    PriceDocument,
    StatusDocument,
    WindowDocument,
)
from adapters.rest_v2.exchange import at_most, whole
from gateway.clock import iso, parse_iso
from gateway.commands import Accepted
from gateway.errors import Malformed
from gateway.ids import Kind, public_id
from gateway.model import (
    MAX_BODY,
    MAX_RECIPIENTS,
    Account,
    Batch,
    Content,
    DataCoding,
    Incoming,
    Message,
    MessageType,
    Priority,
    Recipient,
    StatusEntry,
    Tally,
    Window,
)
from gateway.schedule import DEFAULT_WINDOW, LAST_MOMENT
from gateway.status import Status
from gateway.text import render

_TYPES = {"sms": MessageType.SMS, "flash": MessageType.FLASH, "1": MessageType.SMS, "0": MessageType.FLASH}
_CODINGS = {"gsm": DataCoding.GSM, "ucs": DataCoding.UCS, "0": DataCoding.GSM, "2": DataCoding.UCS}
_PRIORITIES = {"1": Priority.NORMAL, "2": Priority.HIGH}

_ACCEPTED = Status.ACCEPTED.code


def _choice(table: Mapping[str, Any], sentence: str, default: Any) -> BeforeValidator:
    def choose(value: object) -> object:
        if value is None or value in table.values():
            return value or default
        found = table.get(str(value).lower()) if isinstance(value, (str, int)) else None
        if found is None:
            raise ValueError(sentence)
        return found

    return BeforeValidator(choose)


def _moment(value: object) -> object:
    if value is None:
        return None
    try:
        moment = parse_iso(value) if isinstance(value, str) else LAST_MOMENT
    except (ValueError, OverflowError):
        moment = LAST_MOMENT
    if moment >= LAST_MOMENT:
        raise ValueError("Write the time as ISO 8601, as 2026-05-01T08:00:00Z")
    # .NET writes the year 1 for a time that was left unset.
    return moment if moment > 0 else None


def _lower_keys(value: object) -> object:
    return {str(key).lower(): item for key, item in value.items()} if isinstance(value, dict) else value


def _one_or_many(value: object) -> object:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else value


def _optional_url(value: object) -> object:
    if value in (None, ""):
        return None
    if not isinstance(value, str) or not value.lower().startswith(("http://", "https://")):
        raise ValueError("Give an http or https URL")
    return value


def _texts(value: object) -> object:
    return {key: "" if item is None else item for key, item in value.items()} if isinstance(value, dict) else value


_Moment = Annotated[
    int | None, BeforeValidator(_moment), WithJsonSchema({"type": ["string", "null"], "format": "date-time"})
]
_NUMBER = "^[0-9]{1,15}$"
_SAYABLE = "^[^\\u0000]*$"
_TEXT = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$"
_DIGITS: dict[str, Any] = {"type": ["string", "integer"], "minimum": 0, "maximum": 10**15 - 1}
_Msisdn = Annotated[
    str,
    StringConstraints(pattern=_NUMBER),
    BeforeValidator(whole),
    WithJsonSchema({"pattern": _NUMBER, **_DIGITS}),
]
_Arguments = Annotated[
    dict[str, str],
    BeforeValidator(_texts),
    at_most(1000),
    WithJsonSchema({"type": "object", "additionalProperties": {"type": ["string", "number", "null"]}}),
]
_TEMPLATE: dict[str, Any] = {
    "description": "Template arguments by number, and under `default` those of all others",
    "propertyNames": {"pattern": "^([0-9]{1,15}|default)$"},
    "minProperties": 1,
    "not": {"required": ["default"], "maxProperties": 1},
}


class DeliveryWindow(BaseModel):
    """A time in which delivery may happen; an end that is left out is open."""

    opens: _Moment = None
    closes: _Moment = None


_ALWAYS = DeliveryWindow()
"""A window without ends shuts nothing out."""


def _shown(**schema: Any) -> FieldInfo:
    """What OpenAPI shows beyond what is checked here, for it is checked further in."""
    return cast("FieldInfo", Field(json_schema_extra=schema))


def _kind(value: object) -> str:
    return "template" if isinstance(value, dict) else "list"


class BatchRequest(BaseModel):
    """POST /v2/batches as clients write it. Unknown names are ignored, as the provider's own server does."""

    # Clients write names in any letter case: they are read by the fields' own names, and shown by their aliases.
    model_config = ConfigDict(
        coerce_numbers_to_str=True, frozen=True, populate_by_name=True, loc_by_alias=False, title="BatchRequest"
    )

    sender: Annotated[str, BeforeValidator(whole), _shown(pattern="^(\\+?[0-9]{1,15}|[0-9A-Za-z]{1,11})$", **_DIGITS)]
    recipients: Annotated[
        Annotated[list[_Msisdn], Field(max_length=MAX_RECIPIENTS, fail_fast=True), _shown(minItems=1), Tag("list")]
        | Annotated[dict[str, _Arguments], at_most(MAX_RECIPIENTS + 1), _shown(**_TEMPLATE), Tag("template")],
        Discriminator(_kind),
    ]
    body: Annotated[str, _shown(type=["string", "number"], minLength=1, maxLength=MAX_BODY, pattern=_TEXT)]
    type: Annotated[
        MessageType,
        _choice(_TYPES, "Use sms or flash", MessageType.SMS),
        WithJsonSchema({"enum": ["sms", "flash", 1, 0, None], "default": "sms"}),
    ] = MessageType.SMS
    datacoding: Annotated[
        DataCoding | None,
        _choice(_CODINGS, "Use gsm or ucs", None),
        WithJsonSchema({"enum": ["gsm", "ucs", 0, 2, None], "default": None}),
    ] = None
    priority: Annotated[
        Priority,
        _choice(_PRIORITIES, "Use 1 or 2", Priority.NORMAL),
        WithJsonSchema({"enum": [1, 2, None], "default": 1}),
    ] = Priority.NORMAL
    deliverywindows: Annotated[
        tuple[Annotated[DeliveryWindow, BeforeValidator(_lower_keys)], ...],
        BeforeValidator(lambda value: () if value is None else value),
        at_most(100),
        Field(max_length=100, alias="deliveryWindows"),
        _shown(type=["array", "null"]),
    ] = ()
    deliveryreporturl: Annotated[
        Annotated[str, StringConstraints(max_length=2000)] | None,
        BeforeValidator(_optional_url),
        Field(alias="deliveryReportUrl"),
        WithJsonSchema({"type": ["string", "null"], "maxLength": 2000, "pattern": "^([Hh][Tt][Tt][Pp][Ss]?://.*)?$"}),
    ] = None
    reference: Annotated[
        Annotated[str, StringConstraints(max_length=1000)] | None,
        WithJsonSchema({"type": ["string", "number", "null"], "maxLength": 1000, "pattern": _SAYABLE}),
    ] = None
    tags: Annotated[
        tuple[str, ...],
        BeforeValidator(_one_or_many),
        at_most(100),
        Field(max_length=100),
        WithJsonSchema(
            {
                "anyOf": [
                    {"type": "array", "items": {"type": ["string", "number"], "pattern": _SAYABLE}, "maxItems": 100},
                    {"type": ["string", "null"], "pattern": _SAYABLE},
                ]
            }
        ),
    ] = ()


_WORDS = {
    "missing": "This field is required",
    "too_long": f"A request may name at most {MAX_RECIPIENTS} recipients, 100 tags and 100 windows; split it",
    "string_pattern_mismatch": "A recipient is written with digits only, at most 15",
}

_NAMES = {name: name.capitalize() for name in BatchRequest.model_fields} | {
    "deliverywindows": "DeliveryWindows",
    "deliveryreporturl": "DeliveryReportUrl",
}


def read_batch(document: Mapping[str, Any]) -> tuple[Content, tuple[Recipient, ...]]:
    """What a posted document asks for. Raises Malformed with every field that is wrong."""
    try:
        request = BatchRequest.model_validate({name.lower(): value for name, value in document.items()})
    except ValidationError as error:
        raise Malformed("One or more validation errors occurred.", _problems(error)) from None
    recipients, defaults = _recipients(request.recipients)
    content = Content(
        request.sender,
        request.body,
        request.type,
        request.datacoding,
        request.priority,
        tuple([_window(window) for window in request.deliverywindows if window != _ALWAYS]),
        request.deliveryreporturl,
        request.reference,
        request.tags,
        defaults,
    )
    return content, recipients


def _problems(error: ValidationError) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for problem in error.errors(include_url=False, include_context=False, include_input=False):
        name = _NAMES[str(problem["loc"][0])]
        words = _WORDS.get(problem["type"], problem["msg"].removeprefix("Value error, "))
        sentences = fields.setdefault(name, [])
        if words not in sentences:
            sentences.append(words)
    return fields


def _recipients(
    given: list[str] | dict[str, dict[str, str]],
) -> tuple[tuple[Recipient, ...], dict[str, str] | None]:
    if isinstance(given, list):
        return tuple([Recipient(msisdn) for msisdn in given]), None
    defaults = given.pop("default", {})
    if any(not (number.isascii() and number.isdigit() and len(number) <= 15) for number in given):
        sentence = _WORDS["string_pattern_mismatch"]
        raise Malformed("One or more validation errors occurred.", {"Recipients": [sentence]})
    return tuple(Recipient(msisdn, params) for msisdn, params in given.items()), defaults


def _window(window: DeliveryWindow) -> Window:
    closes = window.closes
    if closes is None and window.opens is not None:
        closes = window.opens + DEFAULT_WINDOW
    if window.opens is not None and closes is not None and closes <= window.opens:
        raise Malformed(
            "One or more validation errors occurred.", {"DeliveryWindows": ["A window closes after it opens"]}
        )
    return Window(window.opens, closes)


def accepted_document(result: Accepted) -> BatchDocument:
    """The batch document of a batch that was taken just now: nothing is known of its price, nothing of it has left."""
    currency = result.account.currency
    if result.rejected:
        tallies = _tallies(result)
        return batch_document(result.batch, tallies[0].status, tallies, result.account)
    return _document(
        result.batch,
        result.account,
        _ACCEPTED,
        {"total": 0.0, "currency": currency, "average": 0.0},
        {str(_ACCEPTED): {"messages": result.batch.size, "sms": sum(result.segments)}},
    )


def _tallies(result: Accepted) -> tuple[Tally, ...]:
    at: dict[Status, list[int]] = {Status.ACCEPTED: [], Status.RECIPIENT_REJECTED: []}
    for offset, segments in enumerate(result.segments):
        at[result.status(offset)].append(segments)
    return tuple([Tally(status, len(counts), sum(counts)) for status, counts in at.items() if counts])


def batch_document(batch: Batch, status: Status, tallies: Sequence[Tally], account: Account) -> BatchDocument:
    """The batch document of a batch whose messages stand where `tallies` says."""
    total = sum((tally.price for tally in tallies if tally.price), Decimal(0))
    price: PriceDocument = {
        "total": float(total),
        "currency": next((tally.currency for tally in tallies if tally.currency), account.currency),
        "average": float(round(total / batch.size, 4)) if total else 0.0,
    }
    summary: dict[str, CountDocument] = {
        str(tally.status.code): {"messages": tally.messages, "sms": tally.segments} for tally in tallies
    }
    return _document(batch, account, status.code, price, summary)


def _document(
    batch: Batch, account: Account, code: int, price: PriceDocument, messages: dict[str, CountDocument]
) -> BatchDocument:
    """Its fields in the documented order; `body` stays untemplated."""
    sender, body, type_, coding, priority, windows, report_url, reference, tags, defaults, _ = batch.content
    return {
        "id": public_id(Kind.BATCH, batch.created, batch.key),
        "sender": sender,
        "body": body,
        "owner": account.name,
        "direction": "MT",
        "type": type_,
        "datacoding": "UCS" if coding is DataCoding.UCS else "GSM",
        "priority": priority,
        "templated": defaults is not None,
        "priceSummary": price,
        "messageSummary": messages,
        "deliveryWindows": [window_document(window) for window in windows] if windows else [],
        "status": code,
        "deliveryReportUrl": report_url,
        "reference": reference,
        "tags": tags,
    }


def window_document(window: Window) -> WindowDocument:
    """A delivery window with ISO times, None for an open end."""
    return {
        "opens": None if window.opens is None else iso(window.opens),
        "closes": None if window.closes is None else iso(window.closes),
    }


def message_document(
    batch: Batch, message: Message, account: Account, history: Sequence[StatusEntry] = ()
) -> MessageDocument:
    """The message document: its fields in the documented order; without a history, as in lists, the latest status."""
    content = batch.content
    statuses = history or (StatusEntry(status=message.status, created=message.modified),)
    body = content.body if content.defaults is None else render(content.body, message.params, content.defaults)
    return {
        "id": public_id(Kind.MESSAGE, batch.created, message.number),
        "batchId": public_id(Kind.BATCH, batch.created, batch.key),
        "owner": account.name,
        "sender": content.sender,
        "recipient": message.recipient,
        "body": body,
        "direction": "mt",
        "segments": message.segments,
        "type": content.type.value.upper(),
        "datacoding": (content.datacoding or DataCoding.GSM).value,
        "priority": content.priority.value,
        "price": float(message.price or 0),
        "currency": message.currency or account.currency,
        "statuses": [status_document(entry) for entry in statuses],
        "modified": iso(message.modified),
        "reference": content.reference,
        "mcc": None,
        "mnc": None,
    }


def incoming_document(incoming: Incoming) -> IncomingDocument:
    """The message document of one that came in, as it is listed and as it is passed on (the provider's MO page).

    The provider's `batchId` groups what was received together, normally one message: here it is always one.
    """
    incoming_id = public_id(Kind.INCOMING, incoming.created, incoming.key)
    received = StatusEntry(status=Status.DELIVERED_TO_HANDSET, created=incoming.created)
    return {
        "id": incoming_id,
        "batchId": incoming_id,
        "owner": incoming.account,
        "sender": incoming.sender,
        "recipient": incoming.recipient,
        "body": incoming.body,
        "direction": "mo",
        "segments": incoming.segments,
        "type": "SMS",
        "datacoding": "UCS" if incoming.datacoding is DataCoding.UCS else "GSM",
        "priority": 1,
        "statuses": [status_document(received)],
        "modified": iso(incoming.created),
        "mcc": incoming.mcc,
        "mnc": incoming.mnc,
    }


def status_document(entry: StatusEntry) -> StatusDocument:
    """One step of a history; `duration` 1 says that it is final."""
    return {"created": iso(entry.created), "code": entry.status.code, "duration": int(entry.status.final)}
