"""v1's two-factor authentication: a code is sent to a phone and checked. Source: the provider's help pages.

The pages do not tell the answers: their form is inferred.
"""

from collections.abc import Mapping
from typing import Any

from adapters.rest_v1.contacts import given_object
from adapters.rest_v1.wire import Document, as_text, stamp
from gateway.commands import (
    CheckPasscode,
    Command,
    GetPasscodeSettings,
    PasscodeChecked,
    PasscodeSent,
    PasscodeSettings,
    SendPasscode,
    SetPasscodeSettings,
)
from gateway.errors import Malformed
from gateway.model import MAX_BODY
from gateway.passcodes import PLACE, Asked
from gateway.ports import Call

# Bounds of whole numbers, from and to; clients were seen to write them as texts.
_BOUNDS = {"Length": (3, 25), "ExpirationTime": (1, 86_400), "ConcurrentLimit": (1, 100)}


class _Given:
    """The properties of a body, and what is wrong with them."""

    def __init__(self, body: bytes) -> None:
        self._values: Mapping[str, Any] = given_object(body)
        self.problems: dict[str, list[str]] = {}

    def text(self, name: str, *, required: bool = False) -> str | None:
        value = self._values.get(name.lower())
        text = as_text(value)
        if (text is None and value is not None) or (required and not (text or "").strip()):
            self.problems[name] = [f"{name} is required" if value is None else f"{name} must be a string"]
        elif len(text or "") > MAX_BODY:
            self.problems[name] = [f"{name} has at most {MAX_BODY} characters"]
        return text or None

    def whole(self, name: str) -> int | None:
        low, high = _BOUNDS[name]
        text = self.text(name)
        if text is None:
            return None
        value = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
        if not low <= value <= high:
            self.problems[name] = [f"{name} is a number from {low} to {high}"]
        return value

    def flag(self, name: str) -> bool | None:
        value = self._values.get(name.lower())
        if value is None or isinstance(value, bool):
            return value
        if str(value).lower() not in {"true", "false"}:
            self.problems[name] = [f"{name} is true or false"]
        return str(value).lower() == "true"

    def asked(self, *, concurrent: bool) -> Asked:
        said = self.text("MessageFormat")
        if said is not None and PLACE not in said:
            self.problems["MessageFormat"] = [f"MessageFormat must hold {PLACE}, where the code goes"]
        limit = self.whole("ConcurrentLimit") if concurrent else None
        return Asked(
            self.text("From"), said, self.whole("Length"), self.whole("ExpirationTime"), self.flag("NumericOnly"), limit
        )

    def check(self) -> None:
        if self.problems:
            raise Malformed("The request is invalid", self.problems)


def read_sent(body: bytes, _query: str) -> Command:
    """A code that is to be sent. Raises Malformed."""
    given = _Given(body)
    phone, asked = given.text("Phone", required=True), given.asked(concurrent=False)
    given.check()
    return SendPasscode(phone or "", asked)


def read_checked(body: bytes, _query: str) -> Command:
    """A code that somebody typed. Raises Malformed."""
    given = _Given(body)
    phone, code = given.text("Phone", required=True), given.text("Code", required=True)
    given.check()
    return CheckPasscode(phone or "", code or "")


def read_settings(_call: Call, _id: str) -> Command:
    """What the account has set."""
    return GetPasscodeSettings()


def read_new_settings(body: bytes, _id: str) -> Command:
    """What the account sets; what is left out, or null, is not set any more. Raises Malformed."""
    given = _Given(body)
    asked = given.asked(concurrent=True)
    given.check()
    return SetPasscodeSettings(asked)


def sent(result: PasscodeSent) -> Document:
    """That a code is on its way; never the code."""
    return {
        "Phone": f"+{result.phone}",
        "ID": result.message,
        "Length": result.asked.length,
        "NumericOnly": result.asked.numeric,
        "ExpirationTime": result.asked.seconds,
        "Expires": stamp(result.expires),
    }


def checked(result: PasscodeChecked) -> Document:
    """That the code was right."""
    return {"Phone": f"+{result.phone}", "Valid": True}


def settings(result: PasscodeSettings) -> Document:
    """What the account has set; null is the provider's default."""
    asked = result.asked
    return {
        "ConcurrentLimit": asked.concurrent,
        "From": asked.sender,
        "MessageFormat": asked.format,
        "Length": asked.length,
        "ExpirationTime": asked.seconds,
        "NumericOnly": asked.numeric,
    }
