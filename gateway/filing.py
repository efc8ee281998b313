"""Files what was said under the people it was said to, behind the accept path, while there is little else to do."""

import asyncio

import structlog

from gateway.errors import Busy
from gateway.ports import Store

log = structlog.get_logger()

EVERY = 0.5
"""Seconds between two looks."""
AT_ONCE = 200
"""Messages of one look: of a gateway under full load this takes a fiftieth of its time. Readers file what is left."""


class Filing:
    """The index of conversations is kept fresh, so that no reader has much to wait for."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run(), name="filing")

    async def stop(self) -> None:
        """Stop; what is not filed yet is filed after the next start."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            try:
                await self._store.file(AT_ONCE)
            except Busy:
                pass  # a disk that is full will be told of by whoever has to write
            except Exception:
                log.exception("filing.crashed")
