"""Delivery reports and messages that came in, on their way to callers: posted to their URLs from a durable outbox.

Source: the provider's delivery report page: exactly 200 acknowledges; otherwise again every ten minutes, ten times.
"""

import asyncio
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import structlog

from gateway.clock import Clock
from gateway.config import Callbacks as Settings
from gateway.config import Caller
from gateway.errors import Busy, SendError, Unreachable
from gateway.http import Http, is_public
from gateway.ids import Kind, public_id
from gateway.model import Incoming
from gateway.observe import Metrics
from gateway.ports import Call, Callback, Forward, Store
from gateway.signing import signature

log = structlog.get_logger()

EVERY = 600.0
MOST = 10
AT_ONCE = 32
LEASE = 60.0
IDLE = 0.5


class Encoders(NamedTuple):
    """How each is posted: a report to its own URL, a message that came in to the URL that is given."""

    report: Callable[[Callback], Call]
    forward: Callable[[Incoming, str], Call]


class Callbacks:
    """The outbox's one worker."""

    def __init__(
        self,
        store: Store,
        http: Http,
        clock: Clock,
        metrics: Metrics,
        settings: Settings,
        callers: Sequence[Caller],
        encode: Encoders,
    ) -> None:
        self._store = store
        self._http = http
        self._clock = clock
        self._metrics = metrics
        self._encode = encode
        self._timeout = settings.timeout
        self._allow_private = settings.allow_private
        self._task: asyncio.Task[None] | None = None
        self.configure(callers)

    def configure(self, callers: Sequence[Caller]) -> None:
        """Post to these from now on."""
        self._signing = {caller.name: caller.signing for caller in callers if caller.signing is not None}
        self._forward_to = {
            caller.name: caller.incoming.url for caller in callers if caller.incoming and caller.incoming.url
        }

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
                await asyncio.gather(*(self._post_all(list(posts)) for _, posts in told), return_exceptions=True)
            except Busy:
                await asyncio.sleep(IDLE)
            except Exception:
                log.exception("callbacks.crashed")
                await asyncio.sleep(IDLE)

    async def _post_all(self, posts: Sequence[Callback | Forward]) -> None:
        for post in posts:
            await self._post(post)

    async def _post(self, post: Callback | Forward) -> None:
        about = _about(post)
        try:
            outcome = await self._outcome(post, about["caller"])
        except Exception:
            # A bug of ours must not repeat a report for ever, nor keep the others waiting.
            log.exception("callback.broke", **about)
            outcome = "retry"
        again = outcome == "retry" and post.attempts < MOST
        told = outcome if again or outcome != "retry" else "given up"
        self._metrics.callbacks.labels(told).inc()
        log.info("callback", **about, attempt=post.attempts, outcome=told)
        await self._store.settle_callback(post.key, self._clock.now() + int(EVERY * 1000) if again else None)

    async def _outcome(self, post: Callback | Forward, caller: str) -> str:
        address = post.url if isinstance(post, Callback) else self._forward_to.get(caller, "")
        try:
            url = urlsplit(address)
        except ValueError:  # half an IPv6 address, say
            return "refused"
        if url.scheme not in {"http", "https"} or not (self._allow_private or is_public(url.hostname)):
            return "refused"
        try:
            call = self._call(post, address, caller)
            reply = await self._http.perform(call, connect=self._timeout, total=self._timeout)
        except Unreachable as error:
            log.debug("callback.unreachable", caller=caller, reason=error.detail)
            return "retry"
        except SendError:
            return "retry"
        return "delivered" if reply.status == 200 else "retry"

    def _call(self, post: Callback | Forward, address: str, caller: str) -> Call:
        of = self._encode
        call = of.report(post) if isinstance(post, Callback) else of.forward(post.incoming, address)
        key = self._signing.get(caller)
        if key is None:
            return call
        return call._replace(headers={**call.headers, **signature(key, _id(post), self._clock.now(), call.body)})


def _of(post: Callback | Forward) -> tuple[int, int]:
    """What it is about: a message that went out, or one that came in."""
    return (0, post.message.number) if isinstance(post, Callback) else (1, post.incoming.key)


def _about(post: Callback | Forward) -> dict[str, Any]:
    if isinstance(post, Callback):
        return {"message": post.message.number, "caller": post.batch.caller, "status": post.entry.status.value}
    return {"incoming": post.incoming.key, "caller": post.incoming.caller}


def _id(post: Callback | Forward) -> str:
    """What makes each thing told another, and each repetition of it the same."""
    if isinstance(post, Forward):
        return public_id(Kind.INCOMING, post.incoming.created, post.incoming.key)
    message = public_id(Kind.MESSAGE, post.batch.created, post.message.number)
    return f"{message}-{post.entry.status.value}-{post.entry.created}"
