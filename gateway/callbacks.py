"""Delivery reports going out: posted to the caller's URL from a durable outbox.

Source: the provider's delivery report page: exactly 200 acknowledges; otherwise again every ten minutes, ten times.
"""

import asyncio
from collections.abc import Callable, Sequence
from itertools import groupby
from urllib.parse import urlsplit

import structlog

from gateway.clock import Clock
from gateway.errors import Busy, SendError, Unreachable
from gateway.http import Http, is_public
from gateway.observe import Metrics
from gateway.ports import Call, Callback, Store

log = structlog.get_logger()

EVERY = 600.0
MOST = 10
AT_ONCE = 32
LEASE = 60.0
IDLE = 0.5


class Callbacks:
    """The outbox's one worker."""

    def __init__(
        self,
        store: Store,
        http: Http,
        clock: Clock,
        metrics: Metrics,
        *,
        encode: Callable[[Callback], Call],
        timeout: float,
        allow_private: bool,
    ) -> None:
        self._store = store
        self._http = http
        self._clock = clock
        self._metrics = metrics
        self._encode = encode
        self._timeout = timeout
        self._allow_private = allow_private
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to post."""
        self._task = asyncio.create_task(self._run(), name="callbacks")

    async def stop(self) -> None:
        """Stop; a report that was being posted is posted again after the next start."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                due, now = await self._store.next_callback(), self._clock.now()
                if due is None or due > now:
                    await asyncio.sleep(IDLE)
                    continue
                until = now + int((LEASE + self._timeout) * 1000)
                leased = await self._store.lease_callbacks(AT_ONCE, now, until)
                # What is due of one message is told in order; different messages need not wait for one another.
                told = groupby(sorted(leased, key=_of), key=_of)
                await asyncio.gather(
                    *(self._post_all(list(callbacks)) for _, callbacks in told), return_exceptions=True
                )
            except Busy:
                await asyncio.sleep(IDLE)
            except Exception:
                log.exception("callbacks.crashed")
                await asyncio.sleep(IDLE)

    async def _post_all(self, callbacks: Sequence[Callback]) -> None:
        for callback in callbacks:
            await self._post(callback)

    async def _post(self, callback: Callback) -> None:
        try:
            outcome = await self._outcome(callback)
        except Exception:
            # A bug of ours must not repeat a report for ever, nor keep the others waiting.
            log.exception("callback.broke", message=callback.message.number)
            outcome = "retry"
        self._metrics.callbacks.labels(outcome).inc()
        again = outcome == "retry" and callback.attempts < MOST
        log.info(
            "callback",
            message=callback.message.number,
            caller=callback.batch.caller,
            status=callback.entry.status.value,
            attempt=callback.attempts,
            outcome=outcome if again or outcome != "retry" else "given up",
        )
        await self._store.settle_callback(callback.key, self._clock.now() + int(EVERY * 1000) if again else None)

    async def _outcome(self, callback: Callback) -> str:
        try:
            url = urlsplit(callback.url)
        except ValueError:  # half an IPv6 address, say
            return "refused"
        if url.scheme not in {"http", "https"} or not (self._allow_private or is_public(url.hostname)):
            return "refused"
        try:
            reply = await self._http.perform(self._encode(callback), connect=self._timeout, total=self._timeout)
        except Unreachable as error:
            log.debug("callback.unreachable", message=callback.message.number, reason=error.detail)
            return "retry"
        except SendError:
            return "retry"
        return "delivered" if reply.status == 200 else "retry"


def _of(callback: Callback) -> int:
    return callback.message.number
