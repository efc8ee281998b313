"""Sends codes that prove that somebody holds a phone, and checks them."""

import asyncio
from collections.abc import Callable

from gateway.auth import hash_password, password_matches
from gateway.clock import Clock
from gateway.commands import (
    Accepted,
    CheckPasscode,
    GetPasscodeSettings,
    PasscodeChecked,
    PasscodeSent,
    PasscodeSettings,
    SendPasscode,
    SetPasscodeSettings,
    SubmitBatch,
)
from gateway.config import Caller
from gateway.desks.desk import Handlers
from gateway.errors import BadRecipient, Malformed
from gateway.model import Content, Recipient
from gateway.msisdn import normalise
from gateway.passcodes import Asked, Passcode, new_code, settled
from gateway.ports import Store

Submit = Callable[[SubmitBatch], Accepted]
NewCode = Callable[..., str]


class PasscodeDesk:
    """Codes: random, kept as a slow hash alone, good for one right answer and few wrong ones."""

    def __init__(self, store: Store, clock: Clock, make: NewCode = new_code) -> None:
        """`make` makes a code of a length."""
        self._store = store
        self._clock = clock
        self._make = make

    @property
    def handlers(self) -> Handlers:
        """By command; sending is apart, for it needs to know how to submit."""
        return {
            CheckPasscode: self._check,
            GetPasscodeSettings: self._settings,
            SetPasscodeSettings: self._set,
        }

    async def send(self, command: SendPasscode, caller: Caller, submit: Submit) -> PasscodeSent:
        """Make a code and send it. Raises RequestError, as every batch does."""
        phone = _number(command.phone, caller)
        asked = settled(command.asked, await self._store.passcode_settings(caller.account))
        now = self._clock.now()
        code = self._make(int(asked.length or 0), numeric=bool(asked.numeric))
        hashed = await asyncio.to_thread(hash_password, code)
        expires = now + int(asked.seconds or 0) * 1000
        # Kept before it is sent: nobody gets a code that is known to nobody, and many requests at once get no more.
        passcode = Passcode(0, caller.account, phone, hashed, expires, 0, 0)
        key = await self._store.add_passcode(passcode, now, int(asked.concurrent or 0))
        if key is None:
            raise Malformed("The request is invalid", {"Phone": ["Too many codes of this phone wait for an answer"]})
        try:
            number = await self._send(phone, code, asked, submit)
        except BaseException:
            await self._store.sent_passcode(key, None)
            raise
        await self._store.sent_passcode(key, number)
        return PasscodeSent(phone, asked, expires, number)

    async def _send(self, phone: str, code: str, asked: Asked, submit: Submit) -> int:
        # The code is an argument of the text, not part of it: so it can be taken out once it is worth nothing.
        content = Content(str(asked.sender), str(asked.format), defaults={})
        accepted = submit(SubmitBatch(content, (Recipient(phone, {"0": code}),), loose=True))
        await accepted.durable
        return accepted.batch.key

    async def _check(self, command: CheckPasscode, caller: Caller) -> PasscodeChecked:
        phone = _number(command.phone, caller)
        # An answer counts before it is known to be wrong: asking many times at once does not help to guess.
        live = await self._store.attempt_passcodes(caller.account, phone, self._clock.now())
        given = command.code.strip().upper()
        for passcode in live:
            right = await asyncio.to_thread(password_matches, given, passcode.hash)
            if right and await self._store.use_passcode(passcode.key):
                return PasscodeChecked(phone)
        # An error and no answer: a client that reads nothing but the status must never let anybody in.
        sentence = "The code is wrong, was used, or has expired"
        raise Malformed(sentence, {"Code": [sentence]})

    async def _settings(self, _command: GetPasscodeSettings, caller: Caller) -> PasscodeSettings:
        return PasscodeSettings(await self._store.passcode_settings(caller.account))

    async def _set(self, command: SetPasscodeSettings, caller: Caller) -> PasscodeSettings:
        await self._store.set_passcode_settings(caller.account, command.asked)
        return PasscodeSettings(command.asked)


def _number(written: str, caller: Caller) -> str:
    msisdn = normalise(written, caller.country)
    if msisdn is None:
        sentence = "Write the number with country code, as +46712345678"
        raise BadRecipient(sentence, {"Phone": [sentence]})
    return msisdn
