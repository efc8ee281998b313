"""Delivery reports and messages that came in, on their way to callers: posted to their URLs from a durable outbox.

Source: the provider's delivery report page: exactly 200 acknowledges; otherwise again every ten minutes, ten times.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import structlog

from gateway.clock import Clock
from gateway.config import Callbacks as Settings
from gateway.config import Caller
from gateway.duties import Duties
from gateway.errors import Busy, SendError, Unreachable
from gateway.http import Http, is_public
from gateway.ids import Kind, public_id
from gateway.model import Incoming
from gateway.observe import Metrics
from gateway.ports import OUTBOX, Call, Callback, Forward, Store
from gateway.signing import signature

log = structlog.get_logger()

EVERY = 600.0
MOST = 10
AT_ONCE = 64
"""Posts on their way."""
OF_ONE = 16
"""Of them to one caller: one whose server is slow keeps no other's waiting."""
LEASE = 60.0
IDLE = 0.5


class Encoders(NamedTuple):
    """How each is posted: a report to its own URL, a message that came in to the URL that is given."""

    report: Callable[[Callback], Call]
    forward: Callable[[Incoming, str], Call]


class Callbacks:
    """The outbox's one worker."""

    def __init__(  # noqa: PLR0913, PLR0917 - its parts, put together in one place
        self,
        store: Store,
        http: Http,
        clock: Clock,
        metrics: Metrics,
        settings: Settings,
        callers: Sequence[Caller],
        encode: Encoders,
        duties: Duties,
    ) -> None:
        self._store = store
        self._duties = duties
        duties.serve(lambda: {OUTBOX: bool(self._flying)} if self._task else {})
        self._http = http
        self._clock = clock
        self._metrics = metrics
        self._encode = encode
        self._timeout = settings.timeout
        self._allow_private = settings.allow_private
        self._task: asyncio.Task[None] | None = None
        self._flying: set[asyncio.Task[None]] = set()
        self._latest: dict[tuple[int, int], asyncio.Task[None]] = {}
        """Of each message that is told of now, what must have been told before anything else is."""
        self._on_the_way: Counter[str] = Counter()
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
        tasks = [*self._flying, *([self._task] if self._task else [])]
        self._task = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            again = False
            try:
                again = await self._lease()
            except Busy:
                pass
            except Exception:
                log.exception("callbacks.crashed")
            if not again:
                await self._rest()

    async def _rest(self) -> None:
        """Until there may be something to do: room again, or something that is due."""
        if self._flying:
            await asyncio.wait(self._flying, timeout=IDLE, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(IDLE)

    async def _lease(self) -> bool:
        """Begin to post what is due and has room; whether there was anything."""
        if not self._duties.has(OUTBOX):
            return False
        now = self._clock.now()
        due = await self._store.callbacks_due()
        room = self._room([caller for caller, moment in due.items() if moment <= now])
        if not room:
            return False
        until = now + int((LEASE + self._timeout) * 1000)
        leased = await self._store.lease_callbacks(room, now, until)
        # What is due of one message is told in order; different messages need not wait for one another.
        for of, posts in groupby(sorted(leased, key=_of), key=_of):
            self._begin(of, list(posts))
        return bool(leased)

    def _room(self, callers: Sequence[str]) -> dict[str, int]:
        """How many more posts of each caller may begin; those with the fewest on their way come first."""
        left = AT_ONCE - self._on_the_way.total()
        room = {}
        for caller in sorted(callers, key=self._on_the_way.__getitem__):
            most = min(left, OF_ONE - self._on_the_way[caller])
            if most > 0:
                room[caller] = most
                left -= most
        return room

    def _begin(self, of: tuple[int, int], posts: list[Callback | Forward]) -> None:
        caller = _about(posts[0])["caller"]
        task = asyncio.create_task(self._post_all(posts, self._latest.get(of)))
        self._flying.add(task)
        self._latest[of] = task
        self._on_the_way[caller] += len(posts)

        def ended(task: asyncio.Task[None]) -> None:
            self._flying.discard(task)
            self._on_the_way[caller] -= len(posts)
            if self._latest.get(of) is task:
                del self._latest[of]

        task.add_done_callback(ended)

    async def _post_all(self, posts: Sequence[Callback | Forward], before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
        for post in posts:
            try:
                await self._post(post)
            except Busy:
                log.warning("callback.postponed", **_about(post))  # its lease runs out, and it is posted again
            except Exception:
                log.exception("callback.broke", **_about(post))

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
        now = self._clock.now()
        if told == "given up":
            await self._store.give_up_callback(post.key, now)
        else:
            await self._store.settle_callback(post.key, now + int(EVERY * 1000) if again else None)

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
