"""Two-factor codes: sent, checked, and what an account has set of them."""

from typing import NamedTuple


class PasscodeSettings(NamedTuple):
    """What is wished of a code; None is left to the account's own settings, and then to the defaults.

    `concurrent` is how many codes of a phone may be valid at a time, `lifetime` is in seconds, and the `format` holds
    `{0}` where the code goes.
    """

    concurrent: int | None = None
    sender: str | None = None
    format: str | None = None
    length: int | None = None
    lifetime: int | None = None
    numeric: bool | None = None


class SendPasscode(NamedTuple):
    """Make a code and send it to a phone, whose number is written as people write them."""

    phone: str
    wishes: PasscodeSettings = PasscodeSettings()


class CheckPasscode(NamedTuple):
    """Tell whether this is a code that the phone was sent; a code is good once."""

    phone: str
    code: str


class GetPasscodeSettings(NamedTuple):
    """Tell what the account has set."""


class SetPasscodeSettings(NamedTuple):
    """Set these in the place of all that the account has set."""

    settings: PasscodeSettings


PasscodesInquiry = SendPasscode | CheckPasscode | GetPasscodeSettings | SetPasscodeSettings


class PasscodeSent(NamedTuple):
    """The code is on its way in the message of this number; times in milliseconds since 1970."""

    number: int
    msisdn: str
    created: int
    expires: int


class PasscodeValid(NamedTuple):
    """It was the phone's code, and is used up."""

    msisdn: str


PasscodesAnswer = PasscodeSent | PasscodeValid | PasscodeSettings
