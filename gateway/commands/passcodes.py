"""Codes that prove that somebody holds a phone: sent, checked, and how an account wants them."""

from typing import NamedTuple

from gateway.passcodes import Asked


class SendPasscode(NamedTuple):
    """Send a code to a phone; what is not asked for is as the account has set it."""

    phone: str
    asked: Asked


class CheckPasscode(NamedTuple):
    """Tell whether a code is the one that a phone was sent; it can be used once. A wrong one is Malformed."""

    phone: str
    code: str


class GetPasscodeSettings(NamedTuple):
    """Tell what the account has set."""


class SetPasscodeSettings(NamedTuple):
    """Set how codes are, unless something else is asked for."""

    asked: Asked


class PasscodeSent(NamedTuple):
    """A code is on its way; `message` is the number of its SMS."""

    phone: str
    asked: Asked
    expires: int
    message: int


class PasscodeChecked(NamedTuple):
    """The code was right."""

    phone: str


class PasscodeSettings(NamedTuple):
    """What the account has set."""

    asked: Asked


PasscodesInquiry = SendPasscode | CheckPasscode | GetPasscodeSettings | SetPasscodeSettings
PasscodesAnswer = PasscodeSent | PasscodeChecked | PasscodeSettings
