"""The audit log: who did what to a gateway, when, and how it ended. Names and ids alone: no secret, number or text."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import structlog

from gateway.clock import Clock
from gateway.errors import Busy
from gateway.ids import number_of
from gateway.msisdn import without_numbers
from gateway.ports import Act, Trail

log = structlog.get_logger()

MOST = 2000
"""Characters that are kept of what an act was about, and of how it ended."""


class Ending:
    """How an act ends, as whoever does it says."""

    def __init__(self) -> None:
        self.said = "done"

    def say(self, **facts: object) -> None:
        """It is done, with so much of each."""
        self.said = ", ".join(["done", *(f"{name} {value}" for name, value in facts.items())])


class Audit:
    """Keeps an act before it is begun, and its end after it."""

    def __init__(self, trail: Trail, clock: Clock) -> None:
        self._trail = trail
        self._clock = clock

    @asynccontextmanager
    async def act(self, who: str, what: str, about: Mapping[str, str]) -> AsyncIterator[Ending]:
        """Within this, something is done. Where the store can keep nothing now, the log alone has it."""
        ending, what = Ending(), without_numbers(what)[:64]
        key = await self._begin(who, what, about)
        try:
            yield ending
        except BaseException as error:
            # Its class alone: what it says may repeat what was given.
            ending.said = f"failed: {type(error).__name__}"
            raise
        finally:
            log.warning("audit", who=who, what=what, about=_clean(about), outcome=ending.said, act=key)
            await self._end(key, ending.said)

    async def _begin(self, who: str, what: str, about: Mapping[str, str]) -> int | None:
        try:
            return await self._trail.begin(Act(self._clock.now(), who, what, described(about)))
        except Busy:
            log.error("audit.unwritten", what=what)  # noqa: TRY400 - the store has said why
            return None

    async def _end(self, key: int | None, said: str) -> None:
        if key is None:
            return
        try:
            await self._trail.end(key, self._clock.now(), said[:MOST])
        except Busy:
            log.error("audit.unwritten", act=key)  # noqa: TRY400 - the store has said why


def described(about: Mapping[str, str]) -> str:
    """What an act is about, as it is kept."""
    return json.dumps(_clean(about), ensure_ascii=False)


def _clean(about: Mapping[str, str]) -> dict[str, str]:
    """Whatever somebody typed in the place of a name, it is no phone number."""
    return {
        name: value if name == "id" and number_of(value) is not None else without_numbers(value)[:MOST]
        for name, value in about.items()
    }
