"""One upstream's lane: leases what is due, sends it, asks how it went, records how it ended."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterable, Sequence
from typing import Any

import structlog

from gateway.breaker import Breaker
from gateway.clock import Clock
from gateway.duties import Duties
from gateway.errors import Busy, Misconfigured, SendError, Throttled, Unanswered, Unreachable, Unsupported
from gateway.gathering import Flight, flights, joined, shares
from gateway.model import Dispatch, DispatchState
from gateway.observe import Metrics
from gateway.outcome import HOLD, Backoff, failed, left, parted, polled, shut, spared, taken
from gateway.pacing import next_question
from gateway.ports import Poll, Receipts, Settlement, Sharing, Store, Transition
from gateway.rate import Bucket
from gateway.rewriting import outgoing
from gateway.upstreams import Connected

log = structlog.get_logger()

Ends = list[tuple[str, Settlement]]
"""What came of an attempt for each that shared its request, with a word for the log."""

LEASE_MARGIN = 30.0
"""Seconds a lease outlives the longest possible attempt."""
FIND_PAUSE = 2.0
"""Seconds after which an upstream is asked once more for what it did not answer: it may still be busy with it."""
STEP = 200
"""Milliseconds that a lane rests while it puts back what an upstream in peace has to wait for."""
BEHIND = 0.5
"""Seconds of work in hand from which a lane counts as behind; a burst that is soon over is nobody's concern."""
LOST = "The gateway stopped while this was being sent"
"""What is known of a dispatch whose lease ran out."""
IDLE = 1.0
"""Seconds a lane sleeps at most without looking at the store."""


class Lane:
    """One upstream's work: its concurrency, its rate, its attempts in flight."""

    def __init__(
        self,
        name: str,
        upstream: Connected,
        store: Store,
        clock: Clock,
        metrics: Metrics,
        duties: Duties,
        ended: Callable[[Dispatch, Settlement], None],
    ) -> None:
        """`ended` is told how each attempt ended, once that is durable."""
        self._duties = duties
        self._ended = ended
        self._name = name
        self._upstream = upstream
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._settings = upstream.settings
        self._bucket = Bucket(self._settings.rate)
        self._breaker = Breaker()
        self._awake = asyncio.Event()
        self.paused = False
        """Whether it leases nothing; what is in flight ends as ever."""
        self._stopping = False
        self._running: asyncio.Task[None] | None = None
        self._held_until = 0
        self._later = 0
        self._leased = 0
        self._full_since: float | None = None
        self._flying: dict[asyncio.Task[None], Flight] = {}
        self._alone: set[int] = set()
        """What was refused in company, and is to leave by itself."""

    def configure(self, upstream: Connected) -> None:
        """Send by this from now on; where anything about it is new, without waiting for the end of a pause."""
        before, self._upstream, self._settings = self._settings, upstream, upstream.settings
        if before.rate != self._settings.rate:
            self._bucket = Bucket(self._settings.rate)
        if before != self._settings:
            self.hurry()

    @property
    def behind(self) -> bool:
        """Whether for a while now more was due than could be set flying."""
        return self._full_since is not None and asyncio.get_running_loop().time() - self._full_since > BEHIND

    @property
    def flying(self) -> Collection[int]:
        """The dispatches that are being sent, or asked about."""
        return [dispatch.key for flight in self._flying.values() for dispatch in flight]

    @property
    def held(self) -> bool:
        """Whether it rests because the upstream refuses the gateway itself."""
        return self._held_until > self._clock.now()

    @property
    def open(self) -> bool:
        """Whether the upstream could not be reached for so long that only a trial now and then is sent."""
        return self._breaker.open

    @property
    def here(self) -> bool:
        """Whether this gateway, and no other one on the same store, sends to the upstream."""
        return self._duties.has(self._name)

    def wake(self) -> None:
        """There is work."""
        self._awake.set()

    def hurry(self) -> None:
        """Rest no longer, whatever for: somebody says that the upstream can be used now."""
        self._held_until = min(self._held_until, self._clock.now())
        self._later = 0
        self._breaker.hurry(self._clock.now())
        self._awake.set()

    def start(self) -> None:
        """Begin to lease and send."""
        self._running = asyncio.create_task(self._run(), name=f"lane {self._name}")

    async def stop(self, grace: float) -> None:
        """Lease nothing more; wait for what is in flight.

        The last turn is waited for, not cancelled: what it has leased would count as sent, and nobody would know.
        """
        self._stopping = True
        self._awake.set()
        if self._running:
            await _finish({self._running}, grace)
        await _finish(set(self._flying), grace)

    async def _run(self) -> None:
        while not self._stopping:
            self._awake.clear()
            try:
                pause = await self._turn()
            except Busy:
                log.warning("lane.store_busy", upstream=self._name)
                pause = IDLE
            except Exception:
                log.exception("lane.crashed", upstream=self._name)
                pause = IDLE
            if pause > 0:
                await self._sleep(pause)

    async def _turn(self) -> float:
        """Lease what may be sent now and set it flying; returns how long there is nothing to do, in seconds."""
        now = self._clock.now()
        free = self._settings.concurrency - len(self._flying)
        if self.paused or not self.here:
            self._full_since = None
            return IDLE
        if free <= 0:
            return IDLE
        rest = max(self._held_until, self._later) - now
        if rest > 0 or self._bucket.room() <= 0:
            self._full_since = None
            # New work cannot go before its time, so nothing wakes this sleep but the end of the lane.
            await asyncio.sleep(min(IDLE, max(rest / 1000, self._bucket.wait())))
            return 0.0
        until = now + int((self._settings.connect_timeout + self._settings.timeout + LEASE_MARGIN) * 1000)
        room, sharing = self._bucket.room(), self._sharing()
        leased = await self._store.lease(self._name, free, now, until, room, self._leased, sharing)
        self._leased += len(leased)
        flying = flights(leased)
        if len(flying) < free:
            self._full_since = None
        elif self._full_since is None:
            self._full_since = asyncio.get_running_loop().time()
        for dispatch in leased:
            # What will not be sent uses nothing up: else whatever expired in an outage would hold back what is in time.
            if dispatch.state is DispatchState.SENDING and shut(dispatch, now) is None:
                self._bucket.take(len(dispatch.messages))
        for flight in flying:
            self._fly(flight, self._attempt(flight))
        if leased:
            return 0.0
        due = await self._store.next_due(self._name)
        return IDLE if due is None else min(IDLE, max(0.001, (due - now) / 1000))

    def _sharing(self) -> Sharing | None:
        most = self._upstream.gather
        return Sharing(most, self._alone) if most > 1 else None

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._awake.wait()
        except TimeoutError:
            pass

    def _fly(self, flight: Flight, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._flying[task] = flight
        task.add_done_callback(self._landed)

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._flying.pop(task, None)
        self._awake.set()
        if not task.cancelled() and (error := task.exception()):
            log.error("attempt.crashed", upstream=self._name, exc_info=error)

    async def _attempt(self, flight: Flight) -> None:
        began = asyncio.get_running_loop().time()
        if flight[0].state is DispatchState.POLLING:
            ends = [await self._poll(flight[0])]
        else:
            ends = await self._send(flight)
        took = asyncio.get_running_loop().time() - began
        moves = await self._settle([settlement for _, settlement in ends])
        for dispatch, (outcome, settlement), moved in zip(flight, ends, moves, strict=True):
            self._ended(dispatch, settlement)
            self._count(outcome, moved)
            self._metrics.latency.labels(self._name).observe(took)
            self._note(dispatch, outcome, settlement, took)

    def _note(self, dispatch: Dispatch, outcome: str, settlement: Settlement, took: float) -> None:
        # One line per hand-over; a question, or a wait without an attempt, is no event that operations need to see.
        note = log.debug if outcome in {"polled", "spared"} else log.info
        note(
            "attempt",
            upstream=self._name,
            dispatch=dispatch.key,
            batch=dispatch.batch.key,
            caller=dispatch.batch.caller,
            route=dispatch.route,
            messages=len(dispatch.messages),
            attempt=settlement.attempts,
            outcome=outcome,
            upstream_ref=settlement.upstream_ref,
            **({} if dispatch.leader is None else {"leader": dispatch.leader}),
            ms=round(took * 1000, 1),
        )

    def _count(self, outcome: str, moved: Iterable[Transition]) -> None:
        self._metrics.attempts.labels(self._name, outcome).inc()
        for transition in moved:
            self._metrics.statuses.labels(self._name, transition.entry.status.label).inc()

    async def _send(self, flight: Flight) -> Ends:
        sent_at = self._clock.now()
        self._alone.discard(flight[0].key)
        if not self.here:
            # This process stood still after it had leased it, and another gateway may have begun with it.
            return [("left", left(dispatch, sent_at)) for dispatch in flight]
        if missed := [end for dispatch in flight if (end := shut(dispatch, sent_at))]:
            return missed  # what shares a request has the same windows, so it is none of them or all
        if (pause := self._breaker.wait(sent_at)) is not None:
            ends = [spared(dispatch, sent_at, pause) for dispatch in flight]
            if any(settlement.onward is None for _, settlement in ends):
                # A long queue is put back in small steps, so that it keeps neither the disk nor the log busy.
                self._later = max(self._later, sent_at + STEP)
            return ends
        try:
            receipts = await self._upstream.send(joined(tuple(map(outgoing, flight))))
            self._reached()
            return _taken("sent", flight, receipts, sent_at)
        except Unanswered as error:
            self._reached()
            return await self._unanswered(tuple(dispatch._replace(sent_at=sent_at) for dispatch in flight), error)
        except SendError as error:
            return self._failed(flight, error)
        except Exception:
            # A bug of ours after the request may have left: the one safe word for it is Unknown.
            log.exception("attempt.broke", upstream=self._name, dispatch=flight[0].key)
            return self._failed(flight, Unanswered("The gateway could not read the answer"))

    async def _unanswered(self, flight: Flight, error: Unanswered) -> Ends:
        """It left, and whether it arrived the upstream alone may know: it is asked before anything else happens."""
        receipts = await self._find(flight)
        if receipts is None:
            return self._failed(flight, error)
        return _taken("found", flight, receipts, flight[0].sent_at or flight[0].batch.created)

    async def _find(self, flight: Flight) -> Receipts | None:
        """What the upstream's own records say of a request; None where they say nothing, or there are none."""
        dispatch = joined(flight)
        try:
            async with asyncio.timeout(LEASE_MARGIN / 2):
                receipts = await self._upstream.find(dispatch)
                if receipts is None:
                    await asyncio.sleep(FIND_PAUSE)
                    receipts = await self._upstream.find(dispatch)
                return receipts
        except Unsupported:
            pass
        except (SendError, TimeoutError) as error:
            log.warning("find.failed", upstream=self._name, dispatch=dispatch.key, reason=str(error))
        except Exception:
            log.exception("find.broke", upstream=self._name, dispatch=dispatch.key)
        return None

    def recover(self, flight: Flight) -> None:
        """Decide about a request whose lease ran out, for its answer was lost with the process that waited for it."""
        self._fly(flight, self._recover(flight))

    async def _recover(self, flight: Flight) -> None:
        ends = await self._unanswered(flight, Unanswered(LOST))
        moves = await self._settle([settlement for _, settlement in ends])
        for dispatch, (outcome, settlement), moved in zip(flight, ends, moves, strict=True):
            self._ended(dispatch, settlement)
            self._count(outcome, moved)
            log.info("dispatch.recovered", upstream=self._name, dispatch=dispatch.key, outcome=outcome)

    def _reached(self) -> None:
        if self._breaker.open:
            log.info("upstream.reached", upstream=self._name)
            self._metrics.open.labels(self._name).set(0)
        self._breaker.reached()

    def _missed(self, now: int, error: SendError) -> None:
        was_open = self._breaker.open
        self._breaker.missed(now)
        if self._breaker.open and not was_open:
            log.warning("upstream.open", upstream=self._name, reason=error.detail)
            self._metrics.open.labels(self._name).set(1)

    def _failed(self, flight: Flight, error: SendError) -> Ends:
        now = self._clock.now()
        if isinstance(error, Unreachable):
            self._missed(now, error)
        elif isinstance(error, Unsupported):
            self._breaker.untold()
        else:
            self._reached()
        if isinstance(error, Misconfigured) and flight[0].sealed is None:
            self._held_until = now + int(HOLD * 1000)
            self._metrics.held.labels(self._name).set(1)
            log.error("upstream.held", upstream=self._name, held_seconds=HOLD, reason=error.detail)
        elif isinstance(error, Throttled):
            self._later = now + int(max(1.0, error.after) * 1000)  # "later" is meant for all that goes there
        elif len(flight) > 1 and not isinstance(error, (Unanswered, Unreachable)):
            # Nothing was sent, and what was wrong with one of them is no reason to refuse the others.
            log.info("request.parted", upstream=self._name, dispatch=flight[0].key, messages=len(flight))
            self._alone.update(dispatch.key for dispatch in flight)
            return [parted(dispatch, now) for dispatch in flight]
        retry = self._settings.retry
        backoff = Backoff(retry.first, retry.max, retry.give_up)
        return [failed(dispatch, error, now, backoff) for dispatch in flight]

    async def _poll(self, dispatch: Dispatch) -> tuple[str, Settlement]:
        try:
            poll = await self._upstream.poll(dispatch)
        except SendError as error:
            log.info("poll.failed", upstream=self._name, dispatch=dispatch.key, reason=error.detail)
            # An upstream that will not say is asked as seldom as one that has nothing to say, and as long.
            poll = Poll((), next_question(dispatch.sent_at or dispatch.batch.created, self._clock.now()))
        return "polled", polled(dispatch, poll, self._clock.now())

    async def _settle(self, settlements: Sequence[Settlement]) -> Sequence[Sequence[Transition]]:
        # What was learnt must be written, however long the disk is full: the lease makes it Unknown otherwise.
        while True:
            try:
                if len(settlements) == 1:
                    moves = [await self._store.settle(settlements[0])]
                else:
                    moves = await self._store.settle_together(settlements)
            except Busy:
                log.warning("settle.postponed", upstream=self._name, dispatch=settlements[0].dispatch)
                await asyncio.sleep(IDLE)
            else:
                if self._held_until and settlements[0].state in (DispatchState.SENT, DispatchState.WAITING):
                    self._held_until = 0
                    self._metrics.held.labels(self._name).set(0)
                return moves


def _taken(outcome: str, flight: Flight, receipts: Receipts, sent_at: int) -> Ends:
    told = shares(receipts, flight)
    return [(outcome, taken(dispatch, said, sent_at)) for dispatch, said in zip(flight, told, strict=True)]


async def _finish(tasks: set[asyncio.Task[None]], grace: float) -> None:
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=grace)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
