"""Keeps a gateway in step with the others on its store: says that it lives, and heeds what they tell."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, NamedTuple

import structlog

from gateway.dispatcher import Dispatcher
from gateway.duties import Duties
from gateway.errors import Busy
from gateway.limits import Limits
from gateway.ports import Company, Word
from gateway.registers import Registers
from gateway.verdicts import Verdicts

log = structlog.get_logger()

EVERY = 0.5
"""Seconds between two signs of life."""
GATHER = 0.25
"""Seconds for which is gathered what callers have had accepted, before the others are told."""
AGAIN = 1.0
"""Seconds until is read again what could not be read."""


class Parts(NamedTuple):
    """What others can tell something about."""

    dispatcher: Dispatcher
    registers: Registers
    verdicts: Verdicts
    limits: Limits


class Together:
    """Does nothing where the store is this gateway's own."""

    def __init__(self, company: Company, duties: Duties, parts: Parts) -> None:
        self._company = company
        self._duties = duties
        self._parts = parts
        self._tasks: set[asyncio.Task[None]] = set()
        self._stale: set[str | None] = set()
        self._heeds: Mapping[Word, Callable[[str], None]] = {
            Word.WAKE: self._wake,
            Word.HURRY: self._hurry,
            Word.PAUSED: lambda _: self._begin(self._until_read(self._parts.dispatcher.heed_pauses)),
            Word.REGISTERED: self._registered,
            Word.VERDICT: self._verdict,
            Word.SPENT: self._spent,
            Word.MISSED: self._missed,
        }

    def start(self) -> None:
        """Begin."""
        if not self._company.alone:
            self._company.listen(self._heard)
            self._begin(self._live())
            self._begin(self._tell())

    async def stop(self) -> None:
        """Stop; the duties are handed on when the store is closed."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.add(task := asyncio.create_task(work))
        task.add_done_callback(self._tasks.discard)

    async def _live(self) -> None:
        while True:
            try:
                if await self._duties.renew():
                    self._parts.dispatcher.wake(self._parts.dispatcher.lanes)
            except Busy:
                pass  # the lanes rest once this gateway cannot be sure any more, and the store tells why
            except Exception:
                log.exception("together.crashed")
            await asyncio.sleep(EVERY)

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(GATHER)
            for caller, messages in self._parts.limits.news().items():
                self._company.tell(Word.SPENT, f"{messages} {caller}")

    def _heard(self, word: Word, about: str) -> None:
        try:
            self._heeds[word](about)
        except ValueError:
            log.warning("together.misheard", word=word)

    def _wake(self, upstream: str) -> None:
        if (lane := self._parts.dispatcher.lanes.get(upstream)) is not None:
            lane.wake()

    def _hurry(self, upstream: str) -> None:
        if (lane := self._parts.dispatcher.lanes.get(upstream)) is not None:
            lane.hurry()

    def _verdict(self, about: str) -> None:
        dispatch, _, word = about.partition(" ")
        self._parts.verdicts.told(int(dispatch), int(word))

    def _spent(self, about: str) -> None:
        messages, _, caller = about.partition(" ")
        self._parts.limits.taken(caller, int(messages))

    def _registered(self, account: str | None) -> None:
        """Read it again; what is told of one account many times at once is read once."""
        if account not in self._stale:
            self._stale.add(account)
            self._begin(self._until_read(lambda: self._read(account)))

    async def _read(self, account: str | None) -> None:
        self._stale.discard(account)
        await self._parts.registers.load(account)

    def _missed(self, _about: str) -> None:
        """Whatever may have been told is looked up."""
        self._registered(None)
        self._begin(self._until_read(self._parts.dispatcher.heed_pauses))
        self._parts.dispatcher.wake(self._parts.dispatcher.lanes)

    async def _until_read(self, read: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                return await read()
            except Busy:
                await asyncio.sleep(AGAIN)
