"""REST v1's documents: the SMS that a client posts, and the SMS, account and error that it reads.

Sources: the provider's help pages (property order, types) and its REST API page (request, templating).
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, cast

import orjson
from pydantic import ConfigDict, Field

from adapters.rest_v1.documents import (
    AccountDocument,
    ErrorDocument,
    LoggedOutgoingSms,
    ProcessedOutgoingSms,
    WholeAccountDocument,
)
from adapters.rest_v1.exchange import ID, NUMBER, STRING, TEXT, Body, Read, as_text, read, stamp, string, whole_text
from gateway.commands import Accepted, AccountStatus, MessageStatus, SubmitBatch
from gateway.errors import GatewayError, Malformed
from gateway.ids import number_of
from gateway.model import MAX_BODY, MAX_RECIPIENTS, Batch, Content, DataCoding, Message, Recipient
from gateway.msisdn import normalise
from gateway.openapi import Document
from gateway.text import choose, placeholders, render
from gateway.translator import LEGACY, LegacyCode

Arguments = Mapping[str, Mapping[str, str]]

# The help pages name the type SmsEncoding and not its values: inferred.
_ENCODINGS = {DataCoding.GSM: "GSM7", DataCoding.UCS: "UCS2"}

# The account types are documented as Swedish and international, in letter case that varies; that the country of the
# caller tells them apart is inferred.
_ACCOUNT_TYPES = {"46": "Swedish"}
_OTHER_ACCOUNT_TYPE = "International"

# Our model's field names in errors, and what this protocol calls them.
_FIELDS = {
    "sender": "From",
    "body": "Message",
    "recipients": "Numbers",
    "msisdn": "Phone",
    "format": "MessageFormat",
    "code": "Code",
}


_TOO_MANY = f"A request may name at most {MAX_RECIPIENTS} recipients; split it"


def _numbers(given: object) -> list[str]:
    entries = given if isinstance(given, list) else [] if given is None else [given]
    if len(entries) > MAX_RECIPIENTS:
        raise ValueError(_TOO_MANY)
    numbers = [whole_text(entry) for entry in entries]
    if None in numbers:
        raise ValueError("{} must be a list of strings")
    return cast("list[str]", numbers)


def _ids(given: object) -> tuple[int, ...]:
    entries = given if isinstance(given, list) else [given] if given else []
    if len(entries) > MAX_RECIPIENTS:
        raise ValueError(_TOO_MANY)
    ids = [number_of(whole_text(entry) or "") for entry in entries]
    if None in ids:
        raise ValueError("{} must be a list of ids")
    return tuple(cast("list[int]", ids))


def _arguments(given: object) -> Arguments:
    given = given or {}
    if not isinstance(given, dict) or not all(isinstance(group or {}, dict) for group in given.values()):
        raise ValueError("{} must hold an object of arguments for each number, or for default")
    if len(given) > MAX_RECIPIENTS + 1:
        raise ValueError(_TOO_MANY)
    read = {
        number: {name: _argument(value) for name, value in (group or {}).items()} for number, group in given.items()
    }
    if any(value is None for group in read.values() for value in group.values()):
        raise ValueError("Template arguments must be strings")
    return cast("Arguments", read)


def _argument(value: object) -> str | None:
    if value is None:
        return ""
    return as_text(value)


def _no_email(given: object) -> None:
    if given and not (isinstance(given, str) and given.strip().lower() in ("", "false")):
        raise ValueError("E-mail copies cannot be sent from here; leave {} out or false")


def _prio(given: object) -> None:
    prio = as_text(given or 0)
    if prio is None or not prio.strip().removeprefix("-").isdecimal():
        raise ValueError("{} must be a whole number")


_NUMBERS: Document = {"type": "array", "items": NUMBER.schema, "maxItems": MAX_RECIPIENTS}
_IDS: Document = {"type": ["array", "null"], "items": ID.schema}
_SENDER = "A number of up to 15 digits, or a name of up to 11 letters and digits; a longer name is cut"
_SOMEBODY: list[Any] = [
    {"required": [name], "properties": {name: {"type": "array", "minItems": 1}}}
    for name in ("Numbers", "Contacts", "Groups")
]


class SendRequest(Body):
    """An SMS as clients write it; it needs a number, a contact or a group."""

    model_config = ConfigDict(json_schema_extra={"anyOf": _SOMEBODY})

    sender: Annotated[str, string(as_text, pattern=TEXT, description=_SENDER)] = Field(alias="From")
    message: Annotated[str, string(as_text, pattern=TEXT, minLength=1, maxLength=MAX_BODY)]
    numbers: Annotated[list[str], Read(_numbers, {"anyOf": [_NUMBERS, NUMBER.schema, {"type": "null"}]})] = Field(
        default_factory=list
    )
    contacts: Annotated[tuple[int, ...], Read(_ids, _IDS)] = ()
    groups: Annotated[tuple[int, ...], Read(_ids, _IDS)] = ()
    parameters: Annotated[
        Arguments,
        Read(
            _arguments,
            {
                "type": ["object", "null"],
                "description": "Template arguments by number, and under `default` those of all others",
                "additionalProperties": {
                    "type": ["object", "null"],
                    "additionalProperties": {**STRING, "type": ["string", "integer", "null"]},
                },
            },
        ),
    ] = Field(default_factory=dict)
    # Without effect, and refused only where that would change who gets what, or where it is no number at all.
    email: Annotated[None, Read(_no_email, {"enum": [False, None, "", "false", "False"]})] = None
    prio: Annotated[None, Read(_prio, {"type": ["integer", "null"], "deprecated": True})] = None


def read_send(document: object) -> SubmitBatch:
    """The posted SMS. Raises Malformed with every problem, each under the name of its property."""
    request = read(SendRequest, document)
    text, arguments = request.message, request.parameters
    # Only names that `render` finds in a text can be carried; another one would be sent with its brackets.
    if arguments and any(f"{{{name}}}" in text for name in _known(arguments) - placeholders(text)):
        sentence = "A template argument may be named with letters, digits and underscores only"
        raise Malformed("The request is invalid", {"Parameters": [sentence]})
    content = Content(request.sender, text, defaults=_defaults(text, arguments) if arguments else None)
    recipients = _recipients(request.numbers, arguments)
    return SubmitBatch(content, recipients, loose=True, contacts=request.contacts, groups=request.groups)


def sent(result: Accepted) -> list[ProcessedOutgoingSms]:
    """What `sms/send` answers: one ProcessedOutgoingSMS for each recipient."""
    content, currency = result.batch.content, result.account.currency
    plain = None if content.templated else _said(content, {})
    return [
        _processed(result.batch, message, LEGACY.from_status(message.status), currency, plain)
        for message in result.messages
    ]


def logged(result: MessageStatus) -> LoggedOutgoingSms:
    """What `sms/sent/{id}` answers: one LoggedOutgoingSMS."""
    created, modified = stamp(result.batch.created), stamp(result.message.modified)
    code = LEGACY.current(result.message.status, delayed=result.delayed)
    return {
        "Created": created,
        "CreatedDate": created,
        "Modified": modified,
        "UpdatedDate": modified,
        **_processed(result.batch, result.message, code, result.account.currency),
    }


def account(result: AccountStatus) -> AccountDocument:
    """What `me` answers."""
    return {
        "Account": result.account.name,
        "Organization": result.account.organization,
        "Type": _ACCOUNT_TYPES.get(result.account.country, _OTHER_ACCOUNT_TYPE),
        "Balance": _digits(result.balance),
        "Currency": result.currency,
    }


def whole_account(result: AccountStatus) -> WholeAccountDocument:
    """What `me/account` answers; the key and the id are the account's name and its number, never an API key."""
    digits = re.search(r"[0-9]{1,9}$", result.account.name)
    return {
        "Key": result.account.name,
        "Parent": None,
        "Type": _ACCOUNT_TYPES.get(result.account.country, _OTHER_ACCOUNT_TYPE),
        "Balance": _digits(result.balance),
        "Currency": result.currency,
        "ID": int(digits[0]) if digits else 0,
        "Name": result.account.organization,
    }


def _digits(balance: str) -> float:
    """A number in the digits in which the upstream wrote it: a float would drop the noughts of 1000.00."""
    return cast("float", orjson.Fragment(balance))


def error_document(error: GatewayError, message: str) -> ErrorDocument:
    """ASP.NET Web API's error object: `Message`, and `ModelState` where single properties are at fault."""
    document: ErrorDocument = {"Message": message}
    if isinstance(error, Malformed) and error.fields:
        document["ModelState"] = {_FIELDS.get(name, name): list(said) for name, said in error.fields.items()}
    return document


def _known(arguments: Arguments) -> set[str]:
    return {name for group in arguments.values() for name in group}


def _defaults(body: str, arguments: Arguments) -> dict[str, str]:
    """The defaults with which `render` follows REST v1's rule for arguments that nobody has given.

    A placeholder is left as it stands unless some number, or default, gives its argument.
    """
    verbatim = {name: f"{{{name}}}" for name in placeholders(body) - _known(arguments)}
    return {**verbatim, **arguments.get("default", {})}


def _recipients(numbers: list[str], arguments: Arguments) -> tuple[Recipient, ...]:
    if not arguments:
        return tuple(Recipient(number) for number in numbers)
    own = {_bare(number): group for number, group in arguments.items() if number != "default"}
    return tuple(Recipient(number, own.get(_bare(number), {})) for number in numbers)


def _bare(number: str) -> str:
    """A number's digits without `+`, `00` or blanks, so that its arguments are found however it is written."""
    return normalise(number, "") or number


def _said(content: Content, params: Mapping[str, str]) -> tuple[str, str]:
    """The text that one recipient gets, and the name of its encoding."""
    text = content.body if content.defaults is None else render(content.body, params, content.defaults)
    return text, _ENCODINGS[choose(text, content.datacoding)]


def _processed(
    batch: Batch, message: Message, code: LegacyCode, currency: str, said: tuple[str, str] | None = None
) -> ProcessedOutgoingSms:
    text, encoding = said or _said(batch.content, message.params)
    price = float(message.price or 0)
    return {
        "ID": message.number,
        "BundleID": batch.key if batch.size > 1 else None,
        "Status": code.value,
        "StatusDescription": LEGACY.words(code),
        "To": message.recipient,
        "CountryCode": None,
        "Currency": message.currency or currency,
        "TotalPrice": price,
        "Price": round(price / message.segments, 6),
        "Encoding": encoding,
        "Segments": message.segments,
        "Prio": int(batch.content.priority),
        "From": batch.content.sender,
        "Message": text,
    }
