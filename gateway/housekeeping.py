"""What is done behind the accept path, a little at a time: conversations are filed, old keys are forgotten."""

import asyncio

import structlog

from gateway.clock import Clock
from gateway.errors import Busy
from gateway.ports import Store

log = structlog.get_logger()

EVERY = 0.5
"""Seconds between two looks."""
AT_ONCE = 200
"""Messages that one look files: a fiftieth of the time of a gateway under full load. Readers file the rest."""
KEPT = 24 * 3600 * 1000
"""Milliseconds for which a repeated Idempotency-Key is known."""


class Housekeeping:
    """Keeps conversations filed, so that no reader has much to wait for, and the store free of old keys."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
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
        while True:
            await asyncio.sleep(EVERY)
            try:
                await self._store.file(AT_ONCE)
                now = self._clock.now()
                await self._store.forget_keys(now - KEPT, AT_ONCE)
                await self._store.forget_passcodes(now, AT_ONCE)
            except Busy:
                pass  # a disk that is full will be told of by whoever has to write
            except Exception:
                log.exception("housekeeping.crashed")
