"""Hands over: leases what is due, sends it, records how it ended. One lane per upstream, so none starves another."""

import asyncio
from collections.abc import Collection, Iterable, Mapping

import structlog

from gateway.clock import Clock
from gateway.duties import Duties
from gateway.errors import Busy, Unanswered
from gateway.gathering import flights
from gateway.lane import LOST, Lane
from gateway.model import Dispatch
from gateway.observe import Metrics
from gateway.outcome import NEVER_AGAIN, failed
from gateway.ports import Pause, Settlement, Store, Word
from gateway.upstreams import Connected
from gateway.verdicts import Verdicts, verdict

log = structlog.get_logger()

SWEEP = 5.0
"""Seconds between looks for leases that ran out."""
GRACE = 600.0
"""Seconds that what is on its way may take which goes by an upstream that is gone: more than any time-out."""
LEASE = 60.0
"""Seconds within which must be decided about what an earlier process was sending: more than asking for it takes."""


class Dispatcher:
    """The lanes, and the sweep that ends leases which ran out."""

    def __init__(
        self,
        store: Store,
        upstreams: Mapping[str, Connected],
        clock: Clock,
        metrics: Metrics,
        verdicts: Verdicts,
        duties: Duties,
        answering: Collection[str] = (),
    ) -> None:
        """`answering`: the routes whose callers wait for the upstream's word."""
        self._store = store
        self._duties = duties
        duties.serve(self._able)
        self._stopping = False
        self._clock = clock
        self._metrics = metrics
        self._verdicts = verdicts
        self._paused: set[str] = set()
        self._pausing = asyncio.Lock()
        self._sweeper: asyncio.Task[None] | None = None
        self._leaving: dict[asyncio.Task[None], Lane] = {}
        self._lanes: dict[str, Lane] = {}
        self.configure(upstreams, answering)

    def configure(self, upstreams: Mapping[str, Connected], answering: Collection[str]) -> None:
        """Send by these from now on. What is on its way by an upstream that is gone comes to its end."""
        self._answering = frozenset(answering)
        for name in self._lanes.keys() - upstreams.keys():
            lane = self._lanes.pop(name)
            self._leaving[task := asyncio.create_task(lane.stop(GRACE))] = lane
            task.add_done_callback(self._leaving.pop)
            self._metrics.forget(name)
        for name, upstream in upstreams.items():
            if name in self._lanes:
                self._lanes[name].configure(upstream)
                continue
            self._lanes[name] = Lane(name, upstream, self._store, self._clock, self._metrics, self._duties, self._ended)
            self._lanes[name].paused = name in self._paused
            if self._sweeper is not None:
                self._lanes[name].start()

    async def start(self) -> None:
        """Find what an earlier process left behind, then begin to send."""
        await self._duties.renew()
        await self._reclaim()
        await self.heed_pauses()
        for lane in self._lanes.values():
            lane.start()
        self._sweeper = asyncio.create_task(self._sweep(), name="sweep")

    @property
    def lanes(self) -> Mapping[str, Lane]:
        """The upstreams' lanes, by name."""
        return self._lanes

    @property
    def behind(self) -> bool:
        """Whether any lane is."""
        return any(lane.behind for lane in self._lanes.values())

    def wake(self, upstreams: Iterable[str]) -> None:
        """Tell these upstreams, or who sends to them, that there is work; those that nobody names cannot hear it."""
        for name in upstreams:
            if name in self._lanes and self._lanes[name].here:
                self._lanes[name].wake()
            else:
                self._store.company.tell(Word.WAKE, name)

    def hurry(self, upstream: str) -> None:
        """Let an upstream be tried now, whatever it was resting for, here and wherever else."""
        if upstream in self._lanes:
            self._lanes[upstream].hurry()
        self._store.company.tell(Word.HURRY, upstream)

    async def pause(self, upstream: str, pause: Pause | None) -> None:
        """Lease nothing more for an upstream, or with None go on; also after the next start."""
        async with self._pausing:
            self._pause(upstream, paused=pause is not None)
            await self._store.pause(upstream, pause)
        self._store.company.tell(Word.PAUSED, upstream)

    async def heed_pauses(self) -> None:
        """Stop and go on as is stored."""
        async with self._pausing:  # what is paused meanwhile must not be undone by what was read before
            stored = await self._store.pauses()
            for name in self._paused.symmetric_difference(stored):
                self._pause(name, paused=name in stored)

    def _pause(self, upstream: str, *, paused: bool) -> None:
        (self._paused.add if paused else self._paused.discard)(upstream)
        if upstream in self._lanes:
            self._lanes[upstream].paused = paused
            self._metrics.paused.labels(upstream).set(int(paused))
            self._lanes[upstream].wake()

    def _ended(self, dispatch: Dispatch, settlement: Settlement) -> None:
        word = verdict(settlement)
        self._verdicts.told(dispatch.key, word)
        if dispatch.route in self._answering and word is not None:
            self._store.company.tell(Word.VERDICT, f"{dispatch.key} {word}")
        if settlement.onward is not None:
            self.wake([settlement.onward])

    def _able(self) -> Mapping[str, bool]:
        flying = {name: bool(lane.flying) for name, lane in self._lanes.items()}
        return {name: True for name, flies in flying.items() if flies} if self._stopping else flying

    async def stop(self, grace: float) -> None:
        """Lease nothing more and give what is in flight `grace` seconds; what remains is Unknown at the next start."""
        self._stopping = True
        if self._sweeper:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        lanes = [*self._lanes.values(), *self._leaving.values()]
        await asyncio.gather(*(lane.stop(grace) for lane in lanes))
        await asyncio.gather(*self._leaving)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP)
            try:
                await self._reclaim()
            except Busy:
                log.warning("sweep.postponed")
            except Exception:
                log.exception("sweep.crashed")

    async def _reclaim(self) -> None:
        # What is in flight here comes to its end, however the clock jumps.
        flying = [key for lane in (*self._lanes.values(), *self._leaving.values()) for key in lane.flying]
        now = self._clock.now()
        for flight in flights(await self._store.reclaim(now, now + int(LEASE * 1000), flying)):
            upstream = flight[0].upstream
            for dispatch in flight:
                log.warning("dispatch.lost", upstream=upstream, dispatch=dispatch.key, reason="lease ran out")
            if upstream in self._lanes:
                self._lanes[upstream].recover(flight)
            else:
                for dispatch in flight:
                    await self._orphaned(dispatch)

    async def _orphaned(self, dispatch: Dispatch) -> None:
        """Decide about a dispatch whose upstream the configuration has lost: there is nobody to ask, or to send to."""
        _, settlement = failed(dispatch, Unanswered(LOST), self._clock.now(), NEVER_AGAIN)
        await self._store.settle(settlement)
        self._ended(dispatch, settlement)
