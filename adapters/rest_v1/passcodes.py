"""REST v1's two-factor codes: `authentications`, and what an account has set of them.

Sources: the provider's help pages (properties, bounds, defaults) and its C# sample, which sends numbers as strings.
What is answered is documented nowhere.
"""

import re
from typing import Annotated

from pydantic import Field

from adapters.rest_v1.documents import PasscodeDocument, SettingsDocument, ValidDocument
from adapters.rest_v1.exchange import (
    FLAG,
    NUMBER,
    Body,
    Read,
    document_of,
    optional,
    read,
    stamp,
    text,
    whole,
)
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
from gateway.model import MAX_BODY
from gateway.ports import Call
from gateway.rest import Op, Route, route

MAX_LENGTH = 25
MAX_CONCURRENT = 100
MAX_TEXT = 100
"""Characters of a number or a code; who writes more means something else."""

# What it must be like is judged by the core, which knows more forms of a number.
_PHONE = Read(text(MAX_TEXT).value, NUMBER.schema)
_FORMAT = text(
    MAX_BODY - MAX_LENGTH + len("{0}"),
    "^[^\\u0000]*\\{0\\}[^\\u0000]*$",
    "{} must contain {0}, where the code goes",
    type="string",
)


class _Phone(Body):
    """Whose code it is."""

    phone: Annotated[str, _PHONE]


class _Wishes(Body):
    """What a request and the settings both may say."""

    sender: Annotated[str | None, optional(text(MAX_TEXT))] = Field(None, alias="From")
    message_format: Annotated[str | None, optional(_FORMAT)] = None
    length: Annotated[int | None, optional(whole(3, MAX_LENGTH))] = None
    expiration_time: Annotated[int | None, optional(whole(1, 86_400))] = None
    numeric_only: Annotated[bool | None, optional(FLAG)] = None

    def settings(self, concurrent: int | None = None) -> PasscodeSettings:
        """As the core knows them."""
        return PasscodeSettings(
            concurrent, self.sender, self.message_format, self.length, self.expiration_time, self.numeric_only
        )


class PasscodeRequest(_Wishes, _Phone):
    """A code that is to be sent."""


class PasscodeSettingsRequest(_Wishes):
    """What an account sets; what is null or left out it unsets."""

    concurrent_limit: Annotated[int | None, optional(whole(1, MAX_CONCURRENT))] = None


class ValidationRequest(_Phone):
    """A code that somebody typed."""

    code: Annotated[str, text(MAX_TEXT)]


def _send(call: Call, _match: re.Match[str]) -> Command:
    request = read(PasscodeRequest, document_of(call))
    return SendPasscode(request.phone, request.settings())


def _check(call: Call, _match: re.Match[str]) -> Command:
    request = read(ValidationRequest, document_of(call))
    return CheckPasscode(request.phone, request.code)


def _settings(_call: Call, _match: re.Match[str]) -> Command:
    return GetPasscodeSettings()


def _set(call: Call, _match: re.Match[str]) -> Command:
    request = read(PasscodeSettingsRequest, document_of(call))
    return SetPasscodeSettings(request.settings(request.concurrent_limit))


def _sent(result: PasscodeSent) -> PasscodeDocument:
    created, expires = stamp(result.created), stamp(result.expires)
    return {"ID": result.number, "Phone": result.msisdn, "Created": created, "Expires": expires}


def _valid(result: PasscodeValid) -> ValidDocument:
    return {"Phone": result.msisdn, "IsValid": True}


def _show_settings(result: PasscodeSettings) -> SettingsDocument:
    return {
        "ConcurrentLimit": result.concurrent,
        "From": result.sender,
        "MessageFormat": result.format,
        "Length": result.length,
        "ExpirationTime": result.lifetime,
        "NumericOnly": result.numeric,
    }


ROUTES: tuple[Route, ...] = (
    route(
        "/api/authentications",
        POST=Op(
            _send,
            "Make a code and send it to a phone",
            PasscodeDocument,
            body=PasscodeRequest,
            refusals=(403, 413, 415, 500),
            show=_sent,
        ),
    ),
    route(
        "/api/authentications/validate",
        POST=Op(
            _check,
            "Check a code, which can be used once; a wrong one is answered with 400",
            ValidDocument,
            body=ValidationRequest,
            refusals=(413, 415, 500),
            show=_valid,
        ),
    ),
    route(
        "/api/authentications/settings",
        GET=Op(_settings, "Tell what the account has set", SettingsDocument, show=_show_settings),
        PUT=Op(
            _set,
            "Set what the account's codes are like",
            SettingsDocument,
            body=PasscodeSettingsRequest,
            refusals=(413, 415),
            show=_show_settings,
        ),
    ),
)
