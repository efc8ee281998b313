"""REST v1's documents: the SMS that a client posts, and the SMS, account and error that it reads.

Sources: the provider's help pages (property order, types) and its REST API page (request, templating).
"""

import re
from codecs import BOM_UTF8
from collections.abc import Mapping
from typing import Any

import orjson

from gateway.clock import iso
from gateway.commands import Accepted, AccountStatus, MessageStatus, SubmitBatch
from gateway.errors import GatewayError, Malformed
from gateway.ids import number_of
from gateway.model import Batch, Content, DataCoding, Message, Recipient
from gateway.msisdn import normalise
from gateway.text import choose, placeholders, render
from gateway.translator import LEGACY, LegacyCode

Document = dict[str, object]
Arguments = Mapping[str, Mapping[str, str]]

_UNCARRIED = {
    "Email": "E-mail copies cannot be sent from here; leave Email out or false",
}

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


def read_send(body: bytes) -> SubmitBatch:
    """The posted SMS. Raises Malformed with every problem, each under the name of its property.

    As ASP.NET Web API binds it: names in any letter case, unknown ones ignored, numbers taken where strings belong.
    """
    given = _Given(_object(body))
    sender, text, numbers, arguments = given.text("From"), given.text("Message"), given.numbers(), given.arguments()
    contacts, groups = given.ids("Contacts"), given.ids("Groups")
    given.check_ignored()
    # Only names that `render` finds in a text can be carried; another one would be sent with its brackets.
    if any(f"{{{name}}}" in text for name in _known(arguments) - placeholders(text)):
        given.refuse("Parameters", "A template argument may be named with letters, digits and underscores only")
    if given.problems:
        raise Malformed("The request is invalid", given.problems)
    content = Content(sender=sender, body=text, defaults=_defaults(text, arguments) if arguments else None)
    return SubmitBatch(content, _recipients(numbers, arguments), loose=True, contacts=contacts, groups=groups)


def sent(result: Accepted) -> list[Document]:
    """What `sms/send` answers: one ProcessedOutgoingSMS for each recipient."""
    content, currency = result.batch.content, result.account.currency
    plain = None if content.templated else _said(content, {})
    return [
        _processed(result.batch, message, LEGACY.from_status(message.status), currency, plain)
        for message in result.messages
    ]


def logged(result: MessageStatus) -> Document:
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


def account(result: AccountStatus) -> Document:
    """What `me` answers."""
    return {
        "Account": result.account.name,
        "Organization": result.account.organization,
        "Type": _ACCOUNT_TYPES.get(result.account.country, _OTHER_ACCOUNT_TYPE),
        # Digits as the upstream wrote them: a float would drop the noughts of 1000.00.
        "Balance": orjson.Fragment(result.balance),
        "Currency": result.currency,
    }


def whole_account(result: AccountStatus) -> Document:
    """What `me/account` answers; the key and the id are the account's name and its number, never an API key."""
    digits = re.search(r"[0-9]{1,9}$", result.account.name)
    return {
        "Key": result.account.name,
        "Parent": None,
        "Type": _ACCOUNT_TYPES.get(result.account.country, _OTHER_ACCOUNT_TYPE),
        "Balance": orjson.Fragment(result.balance),
        "Currency": result.currency,
        "ID": int(digits[0]) if digits else 0,
        "Name": result.account.organization,
    }


def error_document(error: GatewayError, message: str) -> Document:
    """ASP.NET Web API's error object: `Message`, and `ModelState` where single properties are at fault."""
    document: Document = {"Message": message}
    if isinstance(error, Malformed) and error.fields:
        document["ModelState"] = {_FIELDS.get(name, name): list(said) for name, said in error.fields.items()}
    return document


def read_json(body: bytes) -> Any:
    """What a body says. Raises Malformed."""
    try:
        return orjson.loads(body.removeprefix(BOM_UTF8))
    except orjson.JSONDecodeError:
        raise Malformed("The body is not valid JSON in UTF-8") from None


def read_object(body: bytes) -> dict[str, Any]:
    """The properties of the object that a body holds, by their names in small letters. Raises Malformed."""
    return {name.lower(): value for name, value in _object(body).items()}


def _object(body: bytes) -> dict[str, Any]:
    document = read_json(body)
    if not isinstance(document, dict):
        raise Malformed("The body must be a JSON object")
    return document


def as_text(value: object) -> str | None:
    """A string, or a whole number taken for one as Json.NET does; None for anything else.

    Numbers with decimals are refused: their digits are gone once parsed, and `1.50` would be sent as `1.5`.
    """
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


class _Given:
    """The properties of a posted SMS, found without regard to letter case, and what is wrong with them."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._values = {name.lower(): value for name, value in document.items()}
        self.problems: dict[str, list[str]] = {}

    def refuse(self, name: str, sentence: str) -> None:
        self.problems.setdefault(name, []).append(sentence)

    def text(self, name: str) -> str:
        value = self._values.get(name.lower())
        text = as_text(value)
        if text is None:
            self.refuse(name, f"{name} is required" if value is None else f"{name} must be a string")
        return text or ""

    def numbers(self) -> list[str]:
        value = self._values.get("numbers")
        entries = value if isinstance(value, list) else [] if value is None else [value]
        numbers = [as_text(entry) for entry in entries]
        if None in numbers:
            self.refuse("Numbers", "Numbers must be a list of strings")
        return [number for number in numbers if number is not None]

    def ids(self, name: str) -> tuple[int, ...]:
        value = self._values.get(name.lower())
        entries = value if isinstance(value, list) else [value] if value else []
        ids = [number_of(as_text(entry) or "") for entry in entries]
        if None in ids:
            self.refuse(name, f"{name} must be a list of ids")
        return tuple([id_ for id_ in ids if id_ is not None])

    def arguments(self) -> Arguments:
        given = self._values.get("parameters") or {}
        if not isinstance(given, dict) or not all(isinstance(group or {}, dict) for group in given.values()):
            self.refuse("Parameters", "Parameters must hold an object of arguments for each number, or for default")
            return {}
        read = {
            number: {name: "" if value is None else as_text(value) for name, value in (group or {}).items()}
            for number, group in given.items()
        }
        if any(value is None for group in read.values() for value in group.values()):
            self.refuse("Parameters", "Template arguments must be strings")
        return {number: {name: value or "" for name, value in group.items()} for number, group in read.items()}

    def check_ignored(self) -> None:
        """Refuse what would change who gets what; let pass what is without effect."""
        for name, sentence in _UNCARRIED.items():
            value = self._values.get(name.lower())
            if value and not (isinstance(value, str) and value.strip().lower() == "false"):
                self.refuse(name, sentence)
        # Deprecated and without effect, but an integer: clients send 0 (unset) to 3.
        prio = as_text(self._values.get("prio") or 0)
        if prio is None or not prio.strip().removeprefix("-").isdecimal():
            self.refuse("Prio", "Prio must be a whole number")


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
) -> Document:
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


def stamp(millis: int) -> str:
    """`2025-12-16T03:27:02.5890000+00:00`: the help pages' form, seven digits of a second."""
    return f"{iso(millis)[:-1]}.{millis % 1000:03d}0000+00:00"
