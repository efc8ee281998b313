"""Handing over: each attempt sends once, what is unknown is never sent again, and no upstream waits for another."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import pytest
from builders import NOW, FrozenClock, a_content, a_new_batch, stored
from gateways import until
from structlog.testing import capture_logs

from gateway import dispatcher, lane
from gateway.breaker import FAILURES
from gateway.config import UpstreamSettings
from gateway.dispatcher import Dispatcher
from gateway.duties import Duties
from gateway.errors import Busy, Misconfigured, Refused, SendError, Throttled, Unanswered, Unreachable, Unsupported
from gateway.model import Dispatch, DispatchState, Plan, Recipient, StatusEntry, UnknownPolicy, Window
from gateway.observe import Metrics
from gateway.pacing import PATIENCE as PATIENCE_OF_POLLS
from gateway.ports import NewDispatch, Poll, Receipt, Receipts, Report, Settlement, Sharing, Transition
from gateway.rate import Bucket
from gateway.status import Status
from gateway.store import open_store
from gateway.store.sqlite import SqliteStore
from gateway.verdicts import Verdicts

MINUTE = 60_000
PATIENCE = 5.0


class Upstream:
    """A provider that does as its script says: each send takes the next step, and when there is none it accepts."""

    max_recipients = 500
    gather = 1

    def __init__(self, **settings: Any) -> None:
        """Accept everything at once."""
        given = {"name": "main", "adapter": "sandbox", "retry": {"first": "1s", "max": "300s", "give_up": "1h"}}
        self.settings = UpstreamSettings.model_validate(given | settings)
        self.script: list[Exception] = []
        self.polls: list[Poll | SendError] = []
        self.records: list[Receipts | SendError | None] = []
        self.looked: list[int] = []
        self.poll_after: int | None = None
        self.sent: list[int] = []
        self.carried: list[list[int]] = []
        """The messages of each request."""
        self.open = asyncio.Event()
        self.open.set()
        self.inside = 0
        self.most = 0
        self.done: list[int] = []

    async def send(self, dispatch: Dispatch) -> Receipts:
        """As the port says."""
        self.sent.append(dispatch.key)
        self.carried.append([message.number for message in dispatch.messages])
        step = self.script.pop(0) if self.script else None
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            await self.open.wait()
        finally:
            self.inside -= 1
        self.done.append(dispatch.key)
        if step:
            raise step
        receipts = tuple(Receipt(message.number, Status.QUEUED, "101") for message in dispatch.messages)
        return Receipts(f"ref-{dispatch.key}", receipts, self.poll_after)

    async def poll(self, _dispatch: Dispatch) -> Poll:
        """As the port says."""
        step = self.polls.pop(0)
        if isinstance(step, SendError):
            raise step
        return step

    async def find(self, dispatch: Dispatch) -> Receipts | None:
        """As the port says: the next of its records, and nothing of the kind when there is none."""
        self.looked.append(dispatch.key)
        if not self.records:
            raise Unsupported
        step = self.records.pop(0)
        if isinstance(step, Exception):
            raise step
        return step

    async def balance(self) -> tuple[str, str]:
        """As the port says."""
        return "0", "SEK"


class World:
    """A dispatcher with one upstream, `main`, and a clock that stands still."""

    def __init__(self, store: SqliteStore, **settings: Any) -> None:
        """Nothing is running yet."""
        self.store = store
        self.clock = FrozenClock()
        self.metrics = Metrics()
        self.verdicts = Verdicts()
        self.main = Upstream(**settings)
        self.trial = Upstream(name="trial")
        self.dispatcher = self.make()

    def make(self) -> Dispatcher:
        """A dispatcher of this world."""
        upstreams = {"main": self.main, "trial": self.trial}
        return Dispatcher(self.store, upstreams, self.clock, self.metrics, self.verdicts, Duties(self.store.company))

    async def add(self, upstream: str = "main", recipients: int = 1, **over: Any) -> int:
        """Accept a batch; returns its key."""
        given = {
            "recipients": tuple(Recipient(f"4670000000{n}") for n in range(recipients)),
            "dispatches": (NewDispatch(upstream, "default", range(recipients)),),
        }
        return (await stored(self.store, a_new_batch(**given | over))).key

    async def codes(self, number: int) -> list[int]:
        """The history of a message."""
        found = await self.store.message(number)
        assert found is not None
        return [entry.status.value for entry in found[2]]

    async def reached(self, number: int, *codes: int) -> None:
        """Wait until a message's history is this."""

        async def there() -> bool:
            return await self.codes(number) == [101, *codes]

        await until(there)

    async def state(self, key: int) -> tuple[DispatchState, int, int]:
        """(state, attempts, run_at) of a dispatch."""
        row = await self.store._read(
            lambda db: db.execute("SELECT state, attempts, run_at FROM dispatch WHERE key = ?", (key,)).fetchone()
        )
        return DispatchState(row[0]), row[1], row[2]

    async def stands(self, key: int, state: DispatchState) -> None:
        """Wait until a dispatch stands there."""

        async def there() -> bool:
            return (await self.state(key))[0] is state

        await until(there)

    async def turns(self, count: int = 5) -> None:
        """Let every lane look at the store a few times."""
        for _ in range(count):
            await asyncio.sleep(0.004)
            await self.store.check()

    def count(self, outcome: str, upstream: str = "main") -> float:
        """How many attempts ended so."""
        labels = {"upstream": upstream, "outcome": outcome}
        return self.metrics.registry.get_sample_value("sluss_attempts_total", labels) or 0


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "IDLE", 0.003)
    monkeypatch.setattr(dispatcher, "SWEEP", 0.005)


Make = Callable[..., Awaitable[World]]


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    """Makes running worlds, and ends them."""
    worlds: list[World] = []

    async def build(**settings: Any) -> World:
        world = World(open_store("memory:"), **settings)
        worlds.append(world)
        await world.dispatcher.start()
        return world

    yield build
    for world in worlds:
        world.main.open.set()
        await world.dispatcher.stop(PATIENCE)
        await world.store.close()


@pytest.fixture
async def world(make: Make) -> World:
    """A running world with an unlimited upstream."""
    return await make()


async def test_what_is_due_is_sent_once(world: World) -> None:
    """A dispatch leaves once, its receipts are written, and what the upstream called it is kept."""
    key = await world.add(recipients=3)
    await world.reached(key + 2, 102)
    await world.turns()

    assert world.main.sent == [key]
    assert await world.state(key) == (DispatchState.SENT, 1, NOW)
    found = await world.store.message(key)
    assert found is not None
    assert found[2][1] == StatusEntry(Status.QUEUED, NOW, "101", None, "main")
    assert world.count("sent") == 1


async def test_one_log_line_tells_an_attempt(world: World) -> None:
    """Who, whereto, by which route, how it went: and neither the text nor a number."""
    with capture_logs() as lines:
        key = await world.add(content=a_content(body="Kod 4711"))
        await world.reached(key, 102)
        await until(lambda: [line for line in lines if line["event"] == "attempt"])

    (line,) = lines
    assert line.pop("ms") >= 0
    assert line == {
        "event": "attempt",
        "log_level": "info",
        "upstream": "main",
        "dispatch": key,
        "batch": key,
        "caller": "erp",
        "route": "default",
        "messages": 1,
        "attempt": 1,
        "outcome": "sent",
        "upstream_ref": f"ref-{key}",
    }


async def test_a_lane_keeps_its_concurrency(make: Make) -> None:
    """An upstream never has more calls at once than its configuration allows, and always as many as there is work."""
    world = await make(concurrency=3)
    world.main.open.clear()
    keys = [await world.add() for _ in range(8)]
    await until(lambda: world.main.inside == 3)
    await world.turns()
    assert len(world.main.sent) == 3

    world.main.open.set()
    await world.reached(keys[-1], 102)

    assert world.main.most == 3
    assert sorted(world.main.sent) == keys


async def test_one_upstream_never_starves_another(world: World) -> None:
    """While one upstream answers nobody, the other's messages leave."""
    world.main.open.clear()
    for _ in range(20):
        await world.add()
    key = await world.add("trial")

    await world.reached(key, 102)

    assert world.main.done == []


async def test_a_lane_keeps_its_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages, not calls, are counted: beyond a second's worth everything waits for its turn."""
    hand = [0.0]
    monkeypatch.setattr(lane, "Bucket", lambda rate: Bucket(rate, lambda: hand[0]))
    world = World(open_store("memory:"), rate="4/s")
    sizes = [2, 2, 9, 1, 1]
    keys = [await world.add(recipients=size) for size in sizes]
    await world.dispatcher.start()
    try:
        # Four at once; a second later the nine, which go whole and are paid for by those behind them.
        for passed, sent in ((0.0, 2), (0.2, 2), (0.3, 3), (0.8, 3), (1.0, 3), (0.2, 4), (0.2, 4), (0.3, 5)):
            hand[0] += passed
            await world.turns()
            assert world.main.sent == keys[:sent]
    finally:
        await world.dispatcher.stop(PATIENCE)
        await world.store.close()


async def test_new_work_wakes_a_lane(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sleeping lane begins as soon as it is told, long before it would look by itself."""
    await world.turns()
    monkeypatch.setattr(lane, "IDLE", 1000.0)
    await world.turns()
    key = await world.add()
    world.dispatcher.wake({"main"})

    await world.reached(key, 102)


async def test_an_upstream_that_cannot_be_reached_is_tried_again(world: World) -> None:
    """Each attempt sends once, after its pause and not before; then it succeeds and is sent no more."""
    world.main.script = [Unreachable(), Unreachable()]
    key = await world.add()
    for attempt, longest in ((1, 1.0), (2, 2.0)):
        await until(lambda attempt=attempt: len(world.main.sent) == attempt)
        await world.stands(key, DispatchState.READY)
        _, attempts, run_at = await world.state(key)
        assert attempts == attempt
        assert longest / 2 <= (run_at - world.clock.now()) / 1000 <= longest
        world.clock.advance((run_at - world.clock.now() - 1) / 1000)
        await world.turns()
        assert len(world.main.sent) == attempt
        world.clock.advance(0.001)

    await world.reached(key, 102)
    world.clock.advance(10_000)
    await world.turns()

    assert world.main.sent == [key] * 3
    assert (await world.state(key))[:2] == (DispatchState.SENT, 3)
    assert (world.count("retry"), world.count("sent")) == (2, 1)


async def test_trying_ends_when_the_batch_is_too_old(world: World) -> None:
    """After `give_up` the messages fail as not handed over, and nothing more is sent."""
    world.main.script = [Unreachable("Cannot connect: refused") for _ in range(9)]
    key = await world.add()
    await until(lambda: world.main.sent)
    await world.stands(key, DispatchState.READY)
    world.clock.advance(3600)
    await world.reached(key, 511)
    world.clock.advance(3600)
    await world.turns()

    assert len(world.main.sent) == 2
    found = await world.store.message(key)
    assert found is not None
    assert found[2][1].raw_text == "Cannot connect: refused"


HOUR = 3600


def scheduled(*windows: tuple[int | None, int | None]) -> dict[str, Any]:
    """A batch with these windows, in seconds from now, due when the first one opens."""
    moments = [Window(*(None if at is None else NOW + at * 1000 for at in window)) for window in windows]
    return {"content": a_content(windows=tuple(moments)), "due": moments[0].opens or NOW}


async def test_a_scheduled_batch_leaves_when_its_window_opens(world: World) -> None:
    """Not a millisecond before, whoever wakes the lane; then once."""
    key = await world.add(**scheduled((HOUR, None)))
    world.dispatcher.wake({"main"})
    await world.turns()
    world.clock.advance(HOUR - 0.001)
    world.dispatcher.wake({"main"})
    await world.turns()
    assert world.main.sent == []

    world.clock.advance(0.001)
    await world.reached(key, 102)
    await world.turns()
    assert world.main.sent == [key]
    assert (await world.state(key))[1] == 1


async def test_a_lane_wakes_by_itself_for_what_becomes_due(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lane sleeps no longer than until the next dispatch is due, though nobody tells it."""
    slept: list[float] = []
    sleep = dispatcher.Lane._sleep

    async def noted(lane: dispatcher.Lane, seconds: float) -> None:
        if lane is world.dispatcher._lanes["main"]:
            slept.append(seconds)
        await sleep(lane, min(seconds, 0.003))

    await world.add(**scheduled((HOUR, None)))
    monkeypatch.setattr(lane, "IDLE", 1000.0)
    monkeypatch.setattr(dispatcher.Lane, "_sleep", noted)
    world.dispatcher.wake({"main"})
    await until(lambda: 1000.0 in slept)
    world.clock.advance(HOUR - 60)
    await until(lambda: 60.0 in slept)

    assert world.main.sent == []


async def test_a_trial_that_cannot_be_written_opens_the_way(world: World) -> None:
    """An upstream that cannot be reached is tried by a message it cannot carry: the next one tries in its place."""
    world.main.script = [*(Unreachable() for _ in range(FAILURES)), Unsupported("no flash there")]
    keys = [await world.add() for _ in range(FAILURES)]
    await until(lambda: len(world.main.sent) == FAILURES)
    await world.stands(keys[-1], DispatchState.READY)

    world.clock.advance(HOUR / 2)
    world.dispatcher.wake({"main"})
    await until(lambda: len(world.main.sent) > FAILURES + 1)


async def test_a_lane_is_behind_once_it_is_full_for_a_while(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """More is due than can be set flying: not at once, but for as long as that goes on; paused, it is not."""
    monkeypatch.setattr(lane, "BEHIND", 0.05)
    world.main.open.clear()
    keys = [await world.add() for _ in range(world.main.settings.concurrency + 5)]
    await until(lambda: world.main.inside == world.main.settings.concurrency)
    await until(lambda: world.dispatcher.behind)

    world.main.open.set()
    await world.reached(keys[-1], 102)
    await until(lambda: not world.dispatcher.behind)
    await world.turns()
    assert not world.dispatcher.behind


async def test_a_scheduled_batch_is_tried_as_long_as_any_other(world: World) -> None:
    """`give_up` counts from its due time: accepted a week ago it is tried again, and given up an hour after that."""
    week = 7 * 24 * HOUR
    world.main.script = [Unreachable() for _ in range(9)]
    key = await world.add(**scheduled((week, None)))
    world.clock.advance(week)
    await until(lambda: len(world.main.sent) == 1)
    await world.stands(key, DispatchState.READY)
    assert await world.codes(key) == [101]

    world.clock.advance(HOUR)
    await world.reached(key, 511)
    assert len(world.main.sent) == 2


async def test_nothing_is_sent_after_its_window(world: World) -> None:
    """The upstream was down until the window closed: Expired, not late. It is no attempt, and is logged and counted."""
    world.main.script = [Unreachable()]
    with capture_logs() as lines:
        key = await world.add(recipients=2, **scheduled((0, 60)))
        await until(lambda: world.main.sent)
        await world.stands(key, DispatchState.READY)
        world.clock.advance(60)
        await world.reached(key + 1, 202)
        await until(lambda: [line for line in lines if line.get("outcome") == "expired"])
    world.clock.advance(1000)
    await world.turns()

    assert world.main.sent == [key]
    assert (await world.state(key))[:2] == (DispatchState.FAILED, 1)
    assert world.count("expired") == 1
    labels = {"upstream": "main", "status": "Expired"}
    assert world.metrics.registry.get_sample_value("sluss_statuses_total", labels) == 2
    found = await world.store.message(key)
    assert found is not None
    assert found[2][1] == StatusEntry(
        Status.EXPIRED, NOW + 60_000, None, "Its delivery window closed before it could be sent", "main"
    )


async def test_the_next_window_is_waited_for(world: World) -> None:
    """What missed one window leaves in the next: not between them, and its waiting is no attempt."""
    world.main.script = [Unreachable()]
    key = await world.add(**scheduled((0, 60), (HOUR, 2 * HOUR)))
    await until(lambda: world.main.sent)
    await world.stands(key, DispatchState.READY)
    world.clock.advance(60)
    await until(lambda: world.count("delayed") == 1)
    assert await world.state(key) == (DispatchState.READY, 1, NOW + HOUR * 1000)
    world.clock.advance(HOUR - 61)
    await world.turns()
    assert len(world.main.sent) == 1

    world.clock.advance(1)
    await world.reached(key, 102)
    assert world.main.sent == [key, key]


async def test_what_expired_uses_up_no_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    """After an outage, what is too late must not keep what is in time from leaving."""
    monkeypatch.setattr(lane, "Bucket", lambda rate: Bucket(rate, lambda: 0.0))
    world = World(open_store("memory:"), rate="4/s")
    late = [await world.add(recipients=3, **scheduled((-60, -1))) for _ in range(9)]
    key = await world.add(recipients=3)
    await world.dispatcher.start()
    try:
        await world.reached(key, 102)
        assert [await world.codes(number) for number in late] == [[101, 202]] * 9
        assert world.main.sent == [key]
    finally:
        await world.dispatcher.stop(PATIENCE)
        await world.store.close()


async def test_what_was_cancelled_is_never_sent(world: World) -> None:
    """Neither a batch that waits for its time nor one that waits for its second attempt."""
    world.main.script = [Unreachable()]
    tried = await world.add()
    await until(lambda: world.main.sent)
    await world.stands(tried, DispatchState.READY)
    planned = await world.add(**scheduled((HOUR, None)))
    for key in (tried, planned):
        batch = await world.store.batch(key)
        assert batch is not None
        assert len(await world.store.cancel(batch, NOW)) == 1
    world.clock.advance(2 * HOUR)
    await world.turns()

    assert world.main.sent == [tried]
    assert [await world.codes(key) for key in (tried, planned)] == [[101, 203], [101, 203]]


async def test_an_upstream_that_asks_to_wait_is_given_its_time(world: World) -> None:
    """Throttled: the dispatch is due after the time that was asked for."""
    world.main.script = [Throttled("later", 42.0)]
    key = await world.add()
    await until(lambda: world.main.sent)
    await world.stands(key, DispatchState.READY)

    assert await world.state(key) == (DispatchState.READY, 1, NOW + 42_000)
    world.clock.advance(42)
    await world.reached(key, 102)


async def test_later_is_meant_for_all_that_goes_there(world: World) -> None:
    """While an upstream wants to be left alone, what comes in meanwhile waits too; other upstreams go on."""
    world.main.script = [Throttled("later", 42.0)]
    first = await world.add()
    await world.stands(first, DispatchState.READY)
    await until(lambda: world.main.sent)
    second, elsewhere = await world.add(), await world.add("trial")
    world.dispatcher.wake(["main", "trial"])
    await world.reached(elsewhere, 102)

    assert world.main.sent == [first]
    world.clock.advance(42)
    await world.reached(second, 102)


@pytest.mark.parametrize(
    "error", [Unanswered("No answer"), RuntimeError("a bug in a codec")], ids=["no answer", "a bug"]
)
async def test_what_may_have_left_is_never_sent_again(world: World, error: Exception) -> None:
    """No answer, or an answer that our own code could not read: 599 for every message, and no second attempt ever."""
    world.main.script = [error]
    with capture_logs() as lines:
        key = await world.add(recipients=2)
        await world.reached(key + 1, 599)
    await world.dispatcher.stop(PATIENCE)
    world.dispatcher = world.make()
    await world.dispatcher.start()
    world.clock.advance(10**6)
    await world.turns()

    assert world.main.sent == [key]
    assert (await world.state(key))[0] is DispatchState.UNKNOWN
    assert world.count("unknown") == 1
    assert [line["log_level"] for line in lines if line["event"] == "attempt.broke"] == (
        ["error"] if isinstance(error, RuntimeError) else []
    )


async def test_a_refusal_is_final(world: World) -> None:
    """The upstream's verdict becomes every message's status, in its own words."""
    world.main.script = [Refused(Status.INVALID_RECIPIENT, "400", "Fel nummer")]
    key = await world.add()
    await world.reached(key, 409)
    await world.turns()

    assert (await world.state(key))[0] is DispatchState.FAILED
    found = await world.store.message(key)
    assert found is not None
    assert (found[2][1].raw_code, found[2][1].raw_text) == ("400", "Fel nummer")
    assert world.main.sent == [key]


async def test_wrong_credentials_hold_the_lane_and_fail_nothing(make: Make) -> None:
    """The upstream refuses us, not the message: all of its queue rests a minute, then goes on. Others are not held."""
    world = await make(concurrency=1)
    held = {"upstream": "main"}
    world.main.script = [Misconfigured("The upstream answers 401")]
    with capture_logs() as lines:
        first = await world.add()
        await until(lambda: world.metrics.registry.get_sample_value("sluss_upstream_held", held) == 1)
    await world.stands(first, DispatchState.READY)
    second, other = await world.add(), await world.add("trial")
    world.dispatcher.wake({"main"})
    await world.reached(other, 102)
    world.clock.advance(59)
    await world.turns()
    assert world.main.sent == [first]
    assert (await world.codes(first), await world.codes(second)) == ([101], [101])
    assert (await world.state(first))[1] == 0

    world.clock.advance(1)
    await world.reached(first, 102)
    await world.reached(second, 102)
    assert len(world.main.sent) == 3
    await until(lambda: world.metrics.registry.get_sample_value("sluss_upstream_held", held) == 0)
    assert [line["reason"] for line in lines if line["event"] == "upstream.held"] == ["The upstream answers 401"]


async def test_what_was_learnt_is_written_however_long_it_takes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full when the answer comes is asked again until the answer is written; nothing is sent anew."""
    refused = []
    settle = world.store.settle

    async def full(settlement: Settlement) -> list[Transition]:
        if len(refused) < 3:
            refused.append(settlement)
            raise Busy
        return await settle(settlement)

    monkeypatch.setattr(world.store, "settle", full)
    key = await world.add()
    await world.reached(key, 102)

    assert refused == [refused[0]] * 3
    assert world.main.sent == [key]


@pytest.mark.parametrize("error", [Busy(), RuntimeError("a bug")], ids=["full", "a bug"])
async def test_a_store_that_fails_does_not_end_a_lane(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """A lane that could not lease looks again; what was accepted meanwhile is sent."""
    lease, failed = world.store.lease, []

    async def broken(*args: Any) -> list[Dispatch]:
        if len(failed) < 5:
            failed.append(args)
            raise error
        return await lease(*args)

    with capture_logs() as lines:
        monkeypatch.setattr(world.store, "lease", broken)
        key = await world.add()
        await world.reached(key, 102)

    assert len(failed) == 5
    assert sum(line["event"] in {"lane.store_busy", "lane.crashed"} for line in lines) == 5


async def test_an_answer_that_cannot_be_written_is_unknown(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug while the answer is written is logged and ends no lane; the lease runs out, and nothing is sent again."""
    settle, key, broke = world.store.settle, await world.add("nowhere"), []

    async def broken(settlement: Settlement) -> list[Transition]:
        if settlement.dispatch == key + 1 and not broke:
            broke.append(settlement)
            raise LookupError("a bug")
        return await settle(settlement)

    monkeypatch.setattr(world.store, "settle", broken)
    with capture_logs() as lines:
        assert await world.add() == key + 1
        await world.reached(await world.add(), 102)
    world.clock.advance(100)
    await world.reached(key + 1, 599)

    assert world.main.sent == [key + 1, key + 2]
    assert [line["upstream"] for line in lines if line["event"] == "attempt.crashed"] == ["main"]


async def test_a_sweep_that_finds_the_store_full_comes_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases that ran out are ended once the store takes writes again; no error ends the sweep."""
    reclaim, failed = world.store.reclaim, []

    async def full(now: int, until: int, flying: Collection[int]) -> list[Dispatch]:
        failed.append(now)
        if len(failed) <= 3:
            raise Busy
        if len(failed) <= 5:
            raise LookupError("a bug of ours")
        return await reclaim(now, until, flying)

    monkeypatch.setattr(world.store, "reclaim", full)
    key = await world.add("gone")
    await world.store.lease("gone", 1, NOW, NOW)

    await world.reached(key, 599)


async def test_an_upstream_that_cannot_be_reached_is_left_in_peace(world: World) -> None:
    """After five misses the others wait without an attempt; one tries, and when it gets through, all go."""
    world.main.script = [Unreachable("Cannot connect")] * 5
    with capture_logs() as lines:
        first = [await world.add() for _ in range(5)]
        await until(lambda: not world.main.script)
        late = await world.add()
        await until(lambda: world.count("spared"))
        assert world.main.sent == first
        assert await world.state(late) == (DispatchState.READY, 0, NOW + 5000)
        world.clock.advance(1000)
        for key in (*first, late):
            await world.reached(key, 102)
    events = [line["event"] for line in lines]
    assert (events.count("upstream.open"), events.count("upstream.reached")) == (1, 1)


TAKEN = Receipts("batch-7", (Receipt(1001, Status.QUEUED, "101"),))


@pytest.mark.parametrize(
    ("label", "records", "looks", "history"),
    [
        ("it is there", [TAKEN], 1, [101, 102]),
        ("it is there a little later", [None, TAKEN], 2, [101, 102]),
        ("it is not there", [None, None], 2, [101, 599]),
        ("there are no records", [], 1, [101, 599]),
        ("the records cannot be read", [Unreachable()], 1, [101, 599]),
    ],
)
async def test_what_was_not_answered_is_looked_up(
    label: str, records: list[Any], looks: int, history: list[int], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The upstream's own records are asked before anything else happens; it is never sent twice."""
    monkeypatch.setattr(lane, "FIND_PAUSE", 0)
    world.main.script.append(Unanswered("No answer"))
    world.main.records = records
    key = await world.add()

    await world.reached(key, *history[1:])

    assert await world.codes(key) == history
    assert (world.main.sent, world.main.looked) == ([key], [key] * looks)


@pytest.mark.parametrize(
    ("policy", "records", "history", "sent"),
    [
        (UnknownPolicy.HOLD, [TAKEN], [101, 102], 0),
        (UnknownPolicy.HOLD, [None, None], [101, 599], 0),
        (UnknownPolicy.FAIL, [TAKEN], [101, 102], 0),
        (UnknownPolicy.FAIL, [], [101, 511], 0),
        (UnknownPolicy.RESEND, [TAKEN], [101, 102], 0),
        (UnknownPolicy.RESEND, [None, None], [101, 102], 1),
    ],
)
async def test_a_lost_lease_is_looked_up_before_its_route_decides(
    policy: UnknownPolicy,
    records: list[Any],
    history: list[int],
    sent: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After a crash the records are asked first; then it is held, failed or sent again, as its route says."""
    monkeypatch.setattr(lane, "FIND_PAUSE", 0)
    url = f"sqlite:///{tmp_path}/sluss.db"
    store = open_store(url)
    dispatches = (NewDispatch("main", "r", range(1), Plan(unknown=policy)),)
    key = (await stored(store, a_new_batch(dispatches=dispatches))).key
    await store.lease("main", 1, NOW, NOW + 1000 * MINUTE)
    await store.close()

    world = World(open_store(url))
    world.main.records = records
    try:
        await world.dispatcher.start()
        await until(lambda: world.main.looked)
        world.clock.advance(2)
        await world.reached(key, *history[1:])
        await world.turns()
        assert await world.codes(key) == history
        assert len(world.main.sent) == sent
    finally:
        await world.dispatcher.stop(PATIENCE)
        await world.store.close()


async def test_a_look_that_a_stop_interrupts_is_taken_up_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed while it asks for what an earlier process was sending, the next one asks again; nothing stays in limbo."""
    url = f"sqlite:///{tmp_path}/sluss.db"
    store = open_store(url)
    dispatches = (NewDispatch("main", "r", range(1), Plan(unknown=UnknownPolicy.FAIL)),)
    key = (await stored(store, a_new_batch(dispatches=dispatches))).key
    await store.lease("main", 1, NOW, NOW + MINUTE)
    await store.close()

    monkeypatch.setattr(lane, "FIND_PAUSE", 1000)
    first = World(open_store(url))
    first.main.records = [None]
    await first.dispatcher.start()
    await until(lambda: first.main.looked)
    await first.dispatcher.stop(0.01)
    assert await first.codes(key) == [101]
    await first.store.close()

    second = World(open_store(url))
    second.main.records = [TAKEN]
    try:
        await second.dispatcher.start()
        await second.reached(key, 102)
        assert second.main.sent == []
    finally:
        await second.dispatcher.stop(PATIENCE)
        await second.store.close()


@pytest.mark.parametrize(
    ("policy", "history"),
    [(UnknownPolicy.HOLD, [599]), (UnknownPolicy.FAIL, [511]), (UnknownPolicy.RESEND, [599])],
)
async def test_a_lost_lease_of_an_upstream_that_is_gone(
    world: World, policy: UnknownPolicy, history: list[int]
) -> None:
    """Nobody can be asked, and nothing can be sent again: it is Unknown, or fails, as its route says."""
    plan = Plan(unknown=policy)
    key = (await stored(world.store, a_new_batch(dispatches=(NewDispatch("gone", "r", range(1), plan),)))).key
    await world.store.lease("gone", 1, NOW, NOW)

    await world.reached(key, *history)

    found = await world.store.message(key)
    assert found is not None
    assert found[2][1].raw_text == "The gateway stopped while this was being sent"
    assert world.main.sent == []


async def test_records_that_break_the_gateway_are_no_records(world: World) -> None:
    """A bug of ours while the upstream's records are read is logged; the route decides as if there were none."""
    world.main.script.append(Unanswered("No answer"))
    world.main.records = [LookupError("a bug of ours")]
    with capture_logs() as lines:
        key = await world.add()
        await world.reached(key, 599)

    assert [line["upstream"] for line in lines if line["event"] == "find.broke"] == ["main"]


async def test_an_attempt_outlives_its_lease_however_the_clock_jumps(world: World) -> None:
    """What is in flight here is no lost lease: the sweep leaves it alone, and its answer stands."""
    world.main.open.clear()
    with capture_logs() as lines:
        key = await world.add()
        await until(lambda: world.main.inside)
        # The lease outlives the longest attempt: five seconds to connect, thirty to answer, thirty to spare.
        world.clock.advance(64.9)
        await world.turns()
        assert await world.codes(key) == [101]
        world.clock.advance(24 * HOUR)
        await world.turns()
        assert await world.codes(key) == [101]
    assert "dispatch.lost" not in [line["event"] for line in lines]

    world.main.open.set()
    await world.stands(key, DispatchState.SENT)
    assert world.main.sent == [key]


async def test_an_upstream_that_must_be_asked_is_asked(world: World) -> None:
    """A dispatch waits, is asked when it is due, and again until all is said; no question is an attempt."""
    world.main.poll_after = 1000
    key = await world.add()
    await world.stands(key, DispatchState.WAITING)
    world.main.polls = [
        Poll((Report(Status.SENDING, NOW + 900, number=key),), 2000),
        Unanswered("No answer"),
        Poll((Report(Status.SENDING, number=key), Report(Status.DELIVERED_TO_HANDSET, number=key)), None),
    ]
    world.clock.advance(0.999)
    await world.turns()
    assert len(world.main.polls) == 3

    world.clock.advance(0.001)
    await world.reached(key, 102, 110)
    assert await world.state(key) == (DispatchState.WAITING, 1, NOW + 3000)
    world.clock.advance(2)
    await until(lambda: len(world.main.polls) == 1)
    await world.stands(key, DispatchState.WAITING)
    # A question that failed is asked again by the age of the message: soon, for it is young.
    assert await world.state(key) == (DispatchState.WAITING, 1, NOW + 8_000)
    world.clock.advance(5)
    await world.reached(key, 102, 110, 201)
    assert (await world.state(key))[0] is DispatchState.SENT
    assert world.main.sent == [key]


async def test_an_upstream_that_never_says_is_not_asked_for_ever(world: World) -> None:
    """Three days after it was sent, nobody will tell any more: the last status stands, and the question ends."""
    world.main.poll_after = 1000
    key = await world.add()
    await world.stands(key, DispatchState.WAITING)
    world.main.polls = [Unanswered("No answer")]

    world.clock.advance(PATIENCE_OF_POLLS / 1000)
    await until(lambda: not world.main.polls)
    await world.stands(key, DispatchState.SENT)
    assert await world.codes(key) == [101, 102]


async def test_stopping_waits_for_what_is_in_flight(world: World) -> None:
    """Nothing new is leased, what has left is waited for, and its answer is written before the stop is over."""
    world.main.open.clear()
    key = await world.add()
    await until(lambda: world.main.inside)
    stopping = asyncio.create_task(world.dispatcher.stop(PATIENCE))
    await world.turns()
    late = await world.add()
    world.dispatcher.wake({"main"})
    await world.turns()
    assert not stopping.done()
    world.main.open.set()
    await stopping

    assert world.main.sent == [key]
    assert await world.codes(key) == [101, 102]
    assert (await world.state(late))[:2] == (DispatchState.READY, 0)


async def test_stopping_sends_what_was_leased_last(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stop in the middle of a lease must not leave leased what never left: after a restart it would be unknown."""
    lease, began, go = world.store.lease, asyncio.Event(), asyncio.Event()

    async def slow(*args: Any) -> list[Dispatch]:
        found = await lease(*args)
        if found:
            began.set()
            await go.wait()
        return found

    monkeypatch.setattr(world.store, "lease", slow)
    key = await world.add()
    await began.wait()
    stopping = asyncio.create_task(world.dispatcher.stop(PATIENCE))
    await asyncio.sleep(0)
    go.set()
    await stopping

    assert await world.codes(key) == [101, 102]
    assert (await world.state(key))[0] is DispatchState.SENT


async def test_stopping_does_not_wait_for_ever(world: World) -> None:
    """After the grace the stop is over; what was still in flight is unknown at the next start, not sent again."""
    world.main.open.clear()
    key = await world.add()
    await until(lambda: world.main.inside)
    await world.dispatcher.stop(0.01)
    assert world.main.inside == 0
    assert await world.codes(key) == [101]

    world.main.open.set()
    world.clock.advance(120)
    world.dispatcher = world.make()
    await world.dispatcher.start()
    assert await world.codes(key) == [101, 599]
    await world.turns()
    assert world.main.sent == [key]


async def test_a_new_process_ends_the_leases_of_a_dead_one(tmp_path: Path) -> None:
    """Leased before the crash: unknown, unless a report showed that it left. Not leased: sent. Nothing twice."""
    url = f"sqlite:///{tmp_path}/sluss.db"
    store = open_store(url)
    lost, told, half, ready = [
        (await stored(store, a_new_batch(recipients=(Recipient("461"), Recipient("462"))))).key for _ in range(4)
    ]
    assert len(await store.lease("main", 3, NOW, NOW + 1000 * MINUTE)) == 3
    early = [(told, Status.DELIVERED_TO_HANDSET), (told + 1, Status.SENDING), (half, Status.DELIVERED_TO_CARRIER)]
    await store.record([Transition(number, StatusEntry(status, NOW)) for number, status in early])
    await store.close()

    world = World(open_store(url))
    try:
        await world.dispatcher.start()
        for number in (lost, half + 1):
            await world.reached(number, 599)
        histories = [await world.codes(key + n) for key in (lost, told, half) for n in (0, 1)]
        assert histories == [[101, 599], [101, 599], [101, 201], [101, 110], [101, 112], [101, 599]]
        await world.reached(ready + 1, 102)
        await world.turns()
        assert world.main.sent == [ready]
    finally:
        await world.dispatcher.stop(PATIENCE)
        await world.store.close()


async def together(world: World, count: int, **over: Any) -> list[int]:
    """Accept single messages while nothing leaves, and then let them leave by one connection; their keys."""
    world.main.gather = 10
    lane = world.dispatcher.lanes["main"]
    lane.paused = True
    await world.store.check()  # what it had begun to lease, it has
    news = [
        a_new_batch(**{"recipients": (Recipient(f"4670000{at:04}"),), "content": a_content(body=f"text {at}")} | over)
        for at in range(count)
    ]
    keys = [(await stored(world.store, new)).key for new in news]
    lane.paused = False
    lane.wake()
    return keys


def one(plan: Plan) -> dict[str, Any]:
    """The dispatch of a single message that follows a plan."""
    return {"dispatches": (NewDispatch("main", "default", range(1), plan),)}


def taken(*keys: int) -> Receipts:
    """What the upstream's records say of a request that it took."""
    return Receipts("batch-7", tuple(Receipt(key, Status.QUEUED, "101") for key in keys))


async def test_single_messages_share_a_request(make: Make) -> None:
    """What waits for the one connection leaves at once: each has its own history, log line and figures."""
    world = await make(concurrency=1)
    with capture_logs() as lines:
        keys = await together(world, 3)
        for key in keys:
            await world.reached(key, 102)
        await until(lambda: world.count("sent") == 3)

    assert world.main.carried == [keys]
    assert [await world.state(key) for key in keys] == [(DispatchState.SENT, 1, NOW)] * 3
    told = [
        (line["dispatch"], line.get("leader"), line["upstream_ref"]) for line in lines if line["event"] == "attempt"
    ]
    ref = f"ref-{keys[0]}"
    assert told == [(keys[0], None, ref), (keys[1], keys[0], ref), (keys[2], keys[0], ref)]


@pytest.mark.parametrize("error", [Refused(Status.INVALID_RECIPIENT, "400"), Unsupported("Cannot be said")])
async def test_what_one_is_refused_for_refuses_nobody_else(make: Make, error: SendError) -> None:
    """A shared request that is refused was not sent: each of its messages goes by itself at once."""
    world = await make(concurrency=1)
    world.main.script = [error, error]
    keys = await together(world, 3)
    await world.reached(keys[0], error.status.value)
    for key in keys[1:]:
        await world.reached(key, 102)

    assert world.main.carried == [keys, *([key] for key in keys)]
    assert [(await world.state(key))[:2] for key in keys] == [(DispatchState.FAILED, 1), *[(DispatchState.SENT, 1)] * 2]
    assert (world.count("parted"), world.count("failed"), world.count("sent")) == (3, 1, 2)
    assert not world.dispatcher.lanes["main"]._alone  # what is done with is not remembered

    later = await together(world, 2)
    await world.reached(later[1], 102)
    assert world.main.carried[-1] == later


@pytest.mark.parametrize(
    ("error", "outcome", "attempts"),
    [
        (Unreachable("Cannot connect"), "retry", 1),
        (Throttled("Later", 5), "retry", 1),
        (Misconfigured("401"), "held", 0),
    ],
)
async def test_what_did_not_leave_together_waits_as_ever(
    make: Make, error: SendError, outcome: str, attempts: int
) -> None:
    """Each waits for its next attempt as if it had been alone, and leaves alone where nobody untried can lead it."""
    world = await make(concurrency=1)
    world.main.script = [error]
    keys = await together(world, 3)
    await until(lambda: world.count(outcome) == 3)
    stood = [await world.state(key) for key in keys]
    world.clock.advance(120)
    for key in keys:
        await world.reached(key, 102)

    assert [(state, count) for state, count, _ in stood] == [(DispatchState.READY, attempts)] * 3
    alone = [[key] for key in keys]
    assert sorted(map(sorted, world.main.carried)) == sorted([keys, *([keys] if attempts == 0 else alone)])


async def test_what_could_not_leave_together_falls_back(make: Make) -> None:
    """Where the route says so, each goes on to the next upstream; where that one shares nothing, each by itself."""
    world = await make(concurrency=1)
    world.main.script = [Unreachable("Cannot connect")]
    keys = await together(world, 2, **one(Plan(("trial",), ("unreachable",))))
    for key in keys:
        await world.reached(key, 102)

    assert sorted(world.trial.carried) == [[key] for key in keys]


@pytest.mark.parametrize(
    ("policy", "found", "history"),
    [
        (UnknownPolicy.HOLD, True, 102),
        (UnknownPolicy.HOLD, False, 599),
        (UnknownPolicy.FAIL, False, 511),
        (UnknownPolicy.RESEND, True, 102),
    ],
)
async def test_a_shared_request_is_looked_up_once(
    make: Make, monkeypatch: pytest.MonkeyPatch, policy: UnknownPolicy, history: int, *, found: bool
) -> None:
    """What is found was taken, all of it; what is not, becomes of each as its route says. Nothing is sent twice."""
    monkeypatch.setattr(lane, "FIND_PAUSE", 0)
    world = await make(concurrency=1)
    world.main.script = [Unanswered("No answer")]
    world.main.records = [taken(1001, 1002, 1003)] if found else [None, None]
    keys = await together(world, 3, **one(Plan(unknown=policy)))
    for key in keys:
        await world.reached(key, history)

    assert world.main.carried == [keys]
    assert world.main.looked == [keys[0]] * (1 if found else 2)


async def test_what_is_sent_again_shares_nothing(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have arrived under its leader's reference: under that one, nothing new must ever leave."""
    monkeypatch.setattr(lane, "FIND_PAUSE", 0)
    world = await make(concurrency=1)
    world.main.script = [Unanswered("No answer")]
    world.main.records = [None, None]
    keys = await together(world, 3, **one(Plan(unknown=UnknownPolicy.RESEND)))
    await until(lambda: world.count("resend") == 3)
    world.clock.advance(10)
    for key in keys:
        await world.reached(key, 102)

    assert world.main.carried[0] == keys
    assert sorted(world.main.carried[1:]) == [[key] for key in keys]


async def test_an_answer_that_leaves_one_out_is_no_answer(make: Make) -> None:
    """Whether the others were taken cannot be told from it."""
    world = await make(concurrency=1)

    async def forgetful(dispatch: Dispatch) -> Receipts:
        return taken(dispatch.key)

    world.main.send = forgetful  # type: ignore[method-assign]
    keys = await together(world, 2)

    for key in keys:
        await world.reached(key, 599)


async def test_what_was_learnt_of_a_shared_request_is_written_however_long_it_takes(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that is full for a while makes nothing of it Unknown, and nothing is sent again."""
    world = await make(concurrency=1)
    settle, failed = world.store.settle_together, []

    async def full(settlements: Sequence[Settlement]) -> list[list[Transition]]:
        failed.append(len(settlements))
        if len(failed) <= 2:
            raise Busy
        return await settle(settlements)

    monkeypatch.setattr(world.store, "settle_together", full)
    keys = await together(world, 2)
    for key in keys:
        await world.reached(key, 102)

    assert (failed, world.main.carried) == ([2, 2, 2], [keys])


@pytest.mark.parametrize("found", [True, False])
async def test_a_shared_request_that_a_crash_cut_off_is_looked_up_by_its_leader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, found: bool
) -> None:
    """The next start knows what left together, and asks for it once, by the reference that it left under."""
    monkeypatch.setattr(lane, "FIND_PAUSE", 0)
    url = f"sqlite:///{tmp_path}/sluss.db"
    store = open_store(url)
    keys = [(await stored(store, a_new_batch(recipients=(Recipient(f"467{at}"),)))).key for at in range(3)]
    await store.lease("main", 1, NOW, NOW + MINUTE, sharing=Sharing(10))
    await store.close()

    world = World(open_store(url))
    world.main.records = [taken(*keys)] if found else [None, None]
    try:
        await world.dispatcher.start()
        for key in keys:
            await world.reached(key, 102 if found else 599)
        assert world.main.sent == []
        assert world.main.looked == [keys[0]] * (1 if found else 2)
    finally:
        await world.dispatcher.stop(PATIENCE)
        await world.store.close()
