"""What is done behind the accept path, a little at a time: conversations are filed, old keys are forgotten."""

import asyncio

import structlog

from gateway.clock import Clock
from gateway.config import Retention
from gateway.errors import Busy
from gateway.observe import Metrics
from gateway.ports import Store

log = structlog.get_logger()

EVERY = 0.5
"""Seconds between two looks where there is nothing to do."""
AT_ONCE = 500
"""Messages that one look files, or keys that it drops."""
SHARE = 20
"""Times as long as a look took, the next one waits, but no longer than for `EVERY`: so this takes a twentieth of the
time, or two looks a second where those take longer."""
KEPT = 24 * 3600 * 1000
"""Milliseconds for which a repeated Idempotency-Key is known."""
DAY = 24 * 3600 * 1000
GIVEN_UP = 30 * DAY
"""Milliseconds for which operations can see what a caller could not be posted."""
PIECE = 100
"""Messages that are removed in one transaction because they are old: callers' requests come in between."""
IDLE = 60.0
"""Seconds until it is looked for old messages again where there were none."""


class Housekeeping:
    """Keeps conversations filed, so that no reader has much to wait for, and the store free of what is old."""

    def __init__(self, store: Store, clock: Clock, metrics: Metrics, retention: Retention) -> None:
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._kept = None if retention.messages is None else round(retention.messages * 1000)
        # A post is forgotten before the message that it tells of.
        self._given_up = GIVEN_UP if self._kept is None else min(GIVEN_UP, self._kept - DAY)
        self._expire_at = 0.0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run(), name="housekeeping")

    async def stop(self) -> None:
        """Stop; what is left is done after the next start."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        rest = EVERY
        while True:
            await asyncio.sleep(rest)
            began, rest = loop.time(), EVERY
            try:
                more = bool(await self._store.file(AT_ONCE))
                now = self._clock.now()
                await self._store.forget_keys(now - KEPT, AT_ONCE)
                await self._store.forget_passcodes(now, AT_ONCE)
                await self._store.forget_given_up(now - self._given_up, AT_ONCE)
                more = await self._expire(loop.time()) or more
                if more:
                    rest = min(EVERY, SHARE * (loop.time() - began))
            except Busy:
                pass  # a disk that is full will be told of by whoever has to write
            except Exception:
                log.exception("housekeeping.crashed")

    async def _expire(self, at: float) -> bool:
        """Remove a few of the messages that are older than they are kept; whether there may be more."""
        if self._kept is None or at < self._expire_at:
            return False
        removed = await self._store.life.expire(self._clock.now() - self._kept, PIECE)
        for kind, count in removed._asdict().items():
            self._metrics.removed.labels(kind).inc(count)
        if any(removed):
            return True
        self._expire_at = at + IDLE
        return False
