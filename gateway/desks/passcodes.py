"""Two-factor codes: made, sent as an SMS like any other, and checked.

A code is stored as a keyed digest, and its text sealed until it has left, both under keys of the configuration: whoever
has the database alone learns no code. Whoever has the key, too, can try all codes of a few letters in no time.
"""

import contextlib
import secrets
from collections.abc import Callable
from typing import Any, NamedTuple

import structlog

from gateway.clock import Clock
from gateway.commands import (
    CheckPasscode,
    GetPasscodeSettings,
    PasscodeSent,
    PasscodeSettings,
    PasscodeValid,
    Secret,
    SendPasscode,
    SetPasscodeSettings,
    SubmitBatch,
)
from gateway.config import Caller
from gateway.desks.desk import Handlers, Send, Senders
from gateway.errors import Busy, GatewayError, Internal, Malformed
from gateway.model import Content, Recipient
from gateway.msisdn import normalise
from gateway.ports import NewPasscode, Store
from gateway.sealing import Seal

log = structlog.get_logger()

DIGITS = "0123456789"
LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
"""Capitals and digits, without those that are taken for one another: 0 and O, 1, I and L."""

ATTEMPTS = 5
"""Wrong guesses from which on a code is dead."""


class _Recipe(NamedTuple):
    """As PasscodeSettings, with nothing left open."""

    concurrent: int
    sender: str
    format: str
    length: int
    lifetime: int
    numeric: bool


DEFAULTS = _Recipe(concurrent=5, sender="iP1", format="{0}", length=5, lifetime=1200, numeric=False)
"""Source: the provider's help pages; the format without any words is ours."""

# What is wrong with the message, as whoever asked for a code knows it.
_FIELDS = {"body": "format", "recipients": "msisdn"}

_WRONG = "This code is wrong, used up, expired, or was guessed at too often; send a new one"


def random_code(alphabet: str, length: int) -> str:
    """So many letters of an alphabet that nobody can foretell."""
    return "".join(secrets.choice(alphabet) for _ in range(length))


class PasscodeDesk:
    """An account's codes."""

    def __init__(
        self, store: Store, clock: Clock, seal: Callable[[], Seal], make: Callable[[str, int], str] = random_code
    ) -> None:
        """`seal` tells by what to seal now, `make` makes a code of an alphabet and a length."""
        self._store = store
        self._clock = clock
        self._seal = seal
        self._make = make

    @property
    def handlers(self) -> Handlers:
        """By command."""
        return {CheckPasscode: self._check, GetPasscodeSettings: self._settings, SetPasscodeSettings: self._set}

    @property
    def senders(self) -> Senders:
        """By command."""
        return {SendPasscode: self._send}

    async def _send(self, command: SendPasscode, caller: Caller, send: Send) -> PasscodeSent:
        msisdn = _msisdn(command.phone, caller)
        own = await self._store.passcode_settings(caller.account)
        concurrent, sender, format_, length, lifetime, numeric = _recipe(command.wishes, own)
        code = self._make(DIGITS if numeric else LETTERS, length)
        created = self._clock.now()
        expires = created + lifetime * 1000
        mark = self._marks(caller, msisdn, code)[0]
        key = await self._store.keep_passcode(NewPasscode(caller.account, msisdn, mark, created, expires), concurrent)
        if key is None:
            sentence = f"This phone has {concurrent} codes already; wait until one is used or expires"
            raise Malformed(sentence, {"msisdn": [sentence]})
        content = Content(sender, format_.replace("{0}", code))
        secret = Secret(format_.replace("{0}", "*" * length), expires)
        try:
            accepted = await send(SubmitBatch(content, (Recipient(msisdn),), loose=True, secret=secret))
        except GatewayError as error:
            with contextlib.suppress(Busy):  # it expires by itself, too
                await self._store.forget_passcode(key)
            raise _renamed(error) from None
        log.info("passcode.sent", batch=accepted.batch.key, caller=caller.name)
        return PasscodeSent(accepted.batch.key, msisdn, created, expires)

    async def _check(self, command: CheckPasscode, caller: Caller) -> PasscodeValid:
        msisdn = _msisdn(command.phone, caller)
        marks = self._marks(caller, msisdn, command.code.strip().upper())
        good = await self._store.use_passcode(caller.account, msisdn, marks, self._clock.now(), ATTEMPTS)
        log.info("passcode.checked", caller=caller.name, good=good)
        if not good:
            raise Malformed(_WRONG, {"code": [_WRONG]})
        return PasscodeValid(msisdn)

    async def _settings(self, _command: GetPasscodeSettings, caller: Caller) -> PasscodeSettings:
        return await self._store.passcode_settings(caller.account)

    async def _set(self, command: SetPasscodeSettings, caller: Caller) -> PasscodeSettings:
        await self._store.set_passcode_settings(caller.account, command.settings)
        return command.settings

    def _marks(self, caller: Caller, msisdn: str, code: str) -> list[bytes]:
        seal = self._seal()
        if not seal.ready:
            raise Internal("Two-factor codes need a key under sealing.keys in the gateway's configuration")
        return seal.marks(caller.account, msisdn, code)


def _msisdn(phone: str, caller: Caller) -> str:
    msisdn = normalise(phone, caller.country)
    if msisdn is None:
        sentence = "This is not a phone number; write it with country code, as +46712345678"
        raise Malformed(sentence, {"msisdn": [sentence]})
    return msisdn


def _recipe(wishes: PasscodeSettings, own: PasscodeSettings) -> _Recipe:
    found: list[Any] = [
        next(value for value in values if value is not None) for values in zip(wishes, own, DEFAULTS, strict=True)
    ]
    return _Recipe(*found)


def _renamed(error: GatewayError) -> GatewayError:
    if not isinstance(error, Malformed):
        return error
    return type(error)(error.detail, {_FIELDS.get(name, name): said for name, said in error.fields.items()})
