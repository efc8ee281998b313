"""REST v1's two-factor codes: `authentications`, and what an account has set of them.

Sources: the provider's help pages (properties, bounds, defaults) and its C# sample, which sends numbers as strings.
What is answered is documented nowhere.
"""

from collections.abc import Mapping
from typing import Any

from adapters.rest_v1.wire import Document, as_text, read_object, stamp
from gateway.commands import (
    CheckPasscode,
    Command,
    GetPasscodeSettings,
    PasscodeSent,
    PasscodeSettings,
    PasscodeValid,
    SendPasscode,
    SetPasscodeSettings,
)
from gateway.errors import Malformed
from gateway.model import MAX_BODY
from gateway.ports import Call

MAX_CONCURRENT = 100
MAX_TEXT = 100
"""Characters of a number or a code; who writes more means something else."""

_TRUTH = {"true": True, "false": False}


def read_request(body: bytes, _query: str) -> Command:
    """A code to be sent. Raises Malformed."""
    given = _Given(body)
    phone, wishes = given.required("Phone"), given.wishes()
    given.check()
    return SendPasscode(phone, wishes)


def read_validation(body: bytes, _query: str) -> Command:
    """A code to be checked. Raises Malformed."""
    given = _Given(body)
    phone, code = given.required("Phone"), given.required("Code")
    given.check()
    return CheckPasscode(phone, code)


def read_settings(body: bytes, _id: str) -> Command:
    """What the account sets; what is null or left out it unsets. Raises Malformed."""
    given = _Given(body)
    wishes = given.wishes()._replace(concurrent=given.number("ConcurrentLimit", 1, MAX_CONCURRENT))
    given.check()
    return SetPasscodeSettings(wishes)


def asked_settings(_call: Call, _id: str) -> Command:
    """What the account has set."""
    return GetPasscodeSettings()


def sent(result: PasscodeSent) -> Document:
    """A code that was sent; the code itself is told to its phone alone."""
    created, expires = stamp(result.created), stamp(result.expires)
    return {"ID": result.number, "Phone": result.msisdn, "Created": created, "Expires": expires}


def valid(result: PasscodeValid) -> Document:
    """A code that was good."""
    return {"Phone": result.msisdn, "IsValid": True}


def settings(result: PasscodeSettings) -> Document:
    """What the account has set, in the documented order."""
    return {
        "ConcurrentLimit": result.concurrent,
        "From": result.sender,
        "MessageFormat": result.format,
        "Length": result.length,
        "ExpirationTime": result.lifetime,
        "NumericOnly": result.numeric,
    }


class _Given:
    """The properties of a body, found without regard to letter case, and what is wrong with them."""

    def __init__(self, body: bytes) -> None:
        self._values: Mapping[str, Any] = read_object(body)
        self._problems: dict[str, list[str]] = {}

    def check(self) -> None:
        """Raises Malformed with every problem."""
        if self._problems:
            raise Malformed("The request is invalid", self._problems)

    def required(self, name: str) -> str:
        """A text that must be there."""
        text = self._text(name, MAX_TEXT)
        if text is None and name not in self._problems:
            self._refuse(name, f"{name} is required")
        return text or ""

    def wishes(self) -> PasscodeSettings:
        """What a request and the settings both may say."""
        sender, format_ = self._text("From", MAX_TEXT), self._text("MessageFormat", MAX_BODY)
        if format_ is not None and "{0}" not in format_:
            self._refuse("MessageFormat", "MessageFormat must contain {0}, where the code goes")
        return PasscodeSettings(
            None,
            sender,
            format_,
            self.number("Length", 3, 25),
            self.number("ExpirationTime", 1, 86400),
            self._truth("NumericOnly"),
        )

    def number(self, name: str, least: int, most: int) -> int | None:
        """A whole number, which may be written as a string."""
        value = self._values.get(name.lower())
        if value is None:
            return None
        digits = (as_text(value) or "").strip()
        # No more digits than any bound has: a number may have thousands.
        if digits.isascii() and digits.isdigit() and len(digits) < 9 and least <= int(digits) <= most:
            return int(digits)
        self._refuse(name, f"{name} must be a whole number from {least} to {most}")
        return None

    def _text(self, name: str, most: int) -> str | None:
        value = self._values.get(name.lower())
        if value is None:
            return None
        text = as_text(value)
        if text is None or not text.strip() or len(text) > most or "\0" in text:
            self._refuse(name, f"{name} must be a string of 1 to {most} characters")
            return None
        return text

    def _truth(self, name: str) -> bool | None:
        value = self._values.get(name.lower())
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str) and (said := _TRUTH.get(value.strip().lower())) is not None:
            return said
        self._refuse(name, f"{name} must be true or false")
        return None

    def _refuse(self, name: str, sentence: str) -> None:
        self._problems.setdefault(name, []).append(sentence)
