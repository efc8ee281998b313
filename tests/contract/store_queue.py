"""What every store promises of its queue: callers share it fairly, and operations can look into it and move it."""

import sqlite3
from collections.abc import Awaitable, Callable

import pytest
from builders import NOW, a_content, a_new_batch, depths, stored

from gateway.model import DispatchState, Priority, Recipient
from gateway.ports import Depth, NewDispatch, Pause, Selection, Settlement, Transition
from gateway.status import Status
from gateway.store.sql import SqlStore

MINUTE = 60_000
TWO = (Recipient("46700000001"), Recipient("46700000002"))


async def fill(store: SqlStore, caller: str, count: int, **over: object) -> list[int]:
    """Store batches of one caller; returns their keys."""
    return [(await stored(store, a_new_batch(caller=caller, **over))).key for _ in range(count)]


async def order(store: SqlStore, limit: int, turn: int = 0) -> list[str]:
    """Whose dispatches are leased, one after the other."""
    leased = await store.lease("main", limit, NOW, NOW + MINUTE, turn=turn)
    return [dispatch.batch.caller for dispatch in leased]


def to(upstream: str, *, held: bool = False, route: str = "default") -> dict[str, object]:
    """A batch of two, whole to one upstream."""
    return {"recipients": TWO, "dispatches": (NewDispatch(upstream, route, range(2), held=held),)}


async def become(store: SqlStore, state: DispatchState, upstream: str = "main") -> int:
    """Store a batch of two and bring its dispatch to a state; returns its key."""
    key = (await stored(store, a_new_batch(**to(upstream, held=state is DispatchState.HELD)))).key
    if state in (DispatchState.READY, DispatchState.HELD):
        return key
    leased = await store.lease(upstream, 100, NOW, NOW + MINUTE)
    assert [dispatch.key for dispatch in leased] == [key]
    if state is not DispatchState.SENDING:
        await store.settle(Settlement(key, state, NOW, 1))
    return key


class Sharing:
    """A caller's thousand messages do not stand before another's one."""

    async def test_callers_take_turns(self, store: SqlStore) -> None:
        """However many one caller has queued, and how long ago, each of the others gets its share of what leaves."""
        await fill(store, "newsletter", 10)
        await fill(store, "alarm", 2)
        await fill(store, "erp", 1)

        assert sorted(await order(store, 6)) == ["alarm", "alarm", "erp", *["newsletter"] * 3]
        assert await order(store, 10) == ["newsletter"] * 7

    async def test_one_at_a_time_takes_turns_as_well(self, store: SqlStore) -> None:
        """A lane that may send one at a time says how often it did, and no caller is passed over."""
        await fill(store, "newsletter", 10)
        await fill(store, "alarm", 10)

        leased = [caller for turn in range(6) for caller in await order(store, 1, turn)]

        assert [leased.count(caller) for caller in ("alarm", "newsletter")] == [3, 3]

    async def test_high_priority_goes_first_and_starves_nobody(self, store: SqlStore) -> None:
        """Of ten that leave while both wait, eight are of high priority, though the others came first."""
        await fill(store, "erp", 50)
        high = await fill(store, "erp", 50, content=a_content(priority=Priority.HIGH))

        leased = [
            dispatch.key
            for turn in range(50)
            for dispatch in await store.lease("main", 1, NOW, NOW + MINUTE, turn=turn)
        ]

        assert len(set(leased) & set(high)) == 40
        assert len(leased) == 50

    async def test_the_oldest_of_a_caller_comes_first(self, store: SqlStore) -> None:
        """Within a caller's own messages the order is that in which they are due."""
        late, early, later = [(await stored(store, a_new_batch(due=NOW - wait))).key for wait in (1_000, 5_000, 0)]

        leased = await store.lease("main", 3, NOW, NOW + MINUTE)

        assert [dispatch.key for dispatch in leased] == [early, late, later]

    async def test_what_is_not_due_holds_nobody_up(self, store: SqlStore) -> None:
        """A caller whose messages wait for their time leaves its turns to the others."""
        await fill(store, "later", 5, due=NOW + MINUTE)
        await fill(store, "now", 3)

        assert await order(store, 10) == ["now"] * 3
        assert await store.next_due("main") == NOW + MINUTE


class Operating:
    """Operations look into the queue, and move what is in it."""

    async def test_depths_tell_the_oldest(self, store: SqlStore) -> None:
        """What is unfinished is counted by upstream and state, what waits for a person among it, with its age."""
        await stored(store, a_new_batch(created=NOW - 9_000))
        for state in (DispatchState.UNKNOWN, DispatchState.SENT, DispatchState.FAILED, DispatchState.HELD):
            await become(store, state, "second")

        assert await store.depths() == {
            ("main", DispatchState.READY): Depth(1, NOW - 9_000),
            ("second", DispatchState.UNKNOWN): Depth(1, NOW),
            ("second", DispatchState.HELD): Depth(1, NOW),
        }

    async def test_a_message_leads_to_its_dispatch(self, store: SqlStore) -> None:
        """Any message of it does; a number that is nobody's leads nowhere."""
        key = await become(store, DispatchState.READY)

        found = await store.dispatch(key + 1)

        assert found is not None
        assert (found.key, [message.number for message in found.messages]) == (key, [key, key + 1])
        assert await store.dispatch(key + 2) is None

    async def test_what_is_unfinished_is_listed(self, store: SqlStore) -> None:
        """In the order of the keys, narrowed down by upstream, route and state, a page at a time."""
        unknown = await become(store, DispatchState.UNKNOWN)
        await become(store, DispatchState.SENT)
        held = (await stored(store, a_new_batch(**to("main", held=True, route="night")))).key
        other = await become(store, DispatchState.READY, "second")

        async def keys(after: int = 0, limit: int = 10, **wanted: object) -> list[int]:
            return [dispatch.key for dispatch in await store.select(Selection(**wanted), after, limit)]

        assert await keys() == [unknown, held, other]
        assert await keys(limit=2) == [unknown, held]
        assert await keys(after=held) == [other]
        assert await keys(upstream="main") == [unknown, held]
        assert await keys(state=DispatchState.HELD) == [held]
        assert await keys(route="night") == [held]
        assert await keys(upstream="second", state=DispatchState.HELD) == []

    async def test_a_batch_is_listed_whole(self, store: SqlStore) -> None:
        """All dispatches of a batch, also those that are done, and none of its neighbours."""
        split = (NewDispatch("main", "a", (0,)), NewDispatch("second", "b", (1,)))
        await become(store, DispatchState.READY)
        batch = await stored(store, a_new_batch(recipients=TWO, dispatches=split))
        await stored(store, a_new_batch())
        (leased,) = await store.lease("second", 1, NOW, NOW + MINUTE)
        await store.settle(Settlement(leased.key, DispatchState.SENT, NOW, 1))

        found = await store.select(Selection(batch=batch), 0, 10)

        assert [(one.key, one.state) for one in found] == [
            (batch.key, DispatchState.READY),
            (batch.key + 1, DispatchState.SENT),
        ]
        assert await store.select(Selection(batch=batch), batch.key + 1, 10) == []

    @pytest.mark.parametrize(
        ("state", "moved"),
        [
            (DispatchState.READY, True),
            (DispatchState.UNKNOWN, True),
            (DispatchState.HELD, True),
            (DispatchState.SENDING, False),
            (DispatchState.SENT, False),
            (DispatchState.FAILED, False),
        ],
    )
    async def test_what_waits_is_sent_now(self, store: SqlStore, state: DispatchState, *, moved: bool) -> None:
        """It becomes due at once with all of its attempts; what is on its way or done is left alone."""
        key = await become(store, state)
        if state is DispatchState.READY:
            await store.lease("main", 1, NOW, NOW + MINUTE)
            await store.settle(Settlement(key, state, NOW + MINUTE, 7))

        assert await store.requeue([key], NOW) == ([key] if moved else [])
        leased = await store.lease("main", 10, NOW, NOW + MINUTE)
        assert [(dispatch.key, dispatch.attempts) for dispatch in leased] == ([(key, 0)] if moved else [])

    async def test_what_has_left_is_not_sent_again(self, store: SqlStore) -> None:
        """Unknown here, yet reported by the upstream: made ready by hand, it ends without being claimed."""
        key = await become(store, DispatchState.UNKNOWN)
        (entry,) = (await store.message(key) or ((), (), ()))[2]
        await store.record([Transition(key, entry._replace(status=Status.DELIVERED_TO_CARRIER))])

        await store.requeue([key], NOW)

        assert await store.lease("main", 10, NOW, NOW + MINUTE) == []
        assert await depths(store) == {}

    async def test_dispatches_are_withdrawn(self, store: SqlStore) -> None:
        """What has not left of them is cancelled, message by message; the rest stays as it is."""
        ready, held, unknown = [
            await become(store, state, upstream)
            for state, upstream in (
                (DispatchState.READY, "main"),
                (DispatchState.HELD, "main"),
                (DispatchState.UNKNOWN, "second"),
            )
        ]

        moved = await store.withdraw([ready, held, unknown], NOW + 1)

        assert [(one.number, one.entry.status, one.entry.created) for one in moved] == [
            (number, Status.CANCELED, NOW + 1) for number in (ready, ready + 1, held, held + 1)
        ]
        assert await depths(store) == {("second", DispatchState.UNKNOWN): 1}

    async def test_what_a_caller_was_let_send_is_counted(self, store: SqlStore) -> None:
        """Messages of each caller, of the batches since a moment."""
        await fill(store, "erp", 1, created=NOW - 2)
        await fill(store, "erp", 2, created=NOW, recipients=TWO)
        await fill(store, "crm", 1, created=NOW + 1)

        assert await store.accepted(NOW - 1) == {"erp": 4, "crm": 1}
        assert await store.accepted(NOW + 2) == {}

    async def test_sealed_credentials_are_erased_with_the_last_dispatch(self, store: SqlStore) -> None:
        """They come with each dispatch of their batch, and are forgotten when none of it has anything left to do."""
        split = (NewDispatch("main", "a", (0,)), NewDispatch("second", "b", (1,)))
        batch = await stored(store, a_new_batch(recipients=TWO, dispatches=split, sealed=b"secret"))
        other = await stored(store, a_new_batch(sealed=b"other"))

        async def kept() -> list[bytes | None]:
            found = [await store.dispatch(number) for number in (batch.key, batch.key + 1, other.key)]
            return [dispatch.sealed for dispatch in found if dispatch is not None]

        (first, _) = await store.lease("main", 10, NOW, NOW + MINUTE)
        assert first.sealed == b"secret"
        await store.settle(Settlement(first.key, DispatchState.SENT, NOW, 1))
        assert await kept() == [b"secret", b"secret", b"other"]
        await store.withdraw([batch.key + 1], NOW)
        assert await kept() == [None, None, b"other"]

    @pytest.mark.parametrize("state", [DispatchState.UNKNOWN, DispatchState.WAITING, DispatchState.READY])
    async def test_sealed_credentials_stay_while_they_may_be_needed(
        self, store: SqlStore, state: DispatchState
    ) -> None:
        """What may be sent again, or is asked about, keeps them."""
        key = (await stored(store, a_new_batch(sealed=b"secret"))).key
        await store.lease("main", 1, NOW, NOW + MINUTE)
        await store.settle(Settlement(key, state, NOW, 1))

        found = await store.dispatch(key)
        assert found is not None
        assert found.sealed == b"secret"

    async def test_a_pause_is_remembered(self, store: SqlStore) -> None:
        """With its time and its reason, the first of which stays; ended, it is forgotten."""
        assert await store.pauses() == {}
        await store.pause("main", Pause(NOW, "their maintenance"))
        await store.pause("main", Pause(NOW + 1, "again"))
        await store.pause("second", Pause(NOW, ""))
        assert await store.pauses() == {"main": Pause(NOW, "their maintenance"), "second": Pause(NOW, "")}

        await store.pause("main", None)
        assert await store.pauses() == {"second": Pause(NOW, "")}

    async def test_nothing_is_looked_for_among_what_is_done(self, store: SqlStore) -> None:
        """Leases, listings, counts and sweeps find their rows by an index that holds what is unfinished alone."""
        key = await become(store, DispatchState.READY)

        async def work() -> None:
            await store.lease("main", 1, NOW, NOW + MINUTE)
            await store.reclaim(NOW + MINUTE, NOW + 2 * MINUTE)
            await store.requeue([key], NOW)
            await store.next_due("main")
            await store.select(Selection(), 0, 10)
            await store.select(Selection("main", "default", DispatchState.UNKNOWN), 0, 10)
            await store.depths()

        looks = {plan for plan in await self.plans(store, work) if "dispatch" in plan}
        assert looks
        assert not [plan for plan in looks if not self.uses_index(plan)], looks

    async def test_a_lease_looks_at_what_it_takes(self, store: SqlStore) -> None:
        """What a lease and its next look cost does not grow with what waits: the index has it in order."""
        await become(store, DispatchState.READY)

        async def work() -> None:
            await store.lease("main", 1, NOW, NOW + MINUTE)
            await store.next_due("main")
            await store.reclaim(NOW, NOW + MINUTE)

        plans = await self.plans(store, work)
        assert len(plans) >= 4
        assert not [plan for plan in plans if "TEMP B-TREE" in plan or "Sort Key: run_at" in plan], plans
        found = {plan for plan in plans if "dispatch_due" in plan}
        assert found
        assert not [plan for plan in found if "state<" in plan], found

    async def plans(self, store: SqlStore, work: Callable[[], Awaitable[None]]) -> set[str]:
        """How the database finds the rows of what is asked and changed meanwhile, step by step."""
        disk = await store._write(lambda db: db)
        assert isinstance(disk, sqlite3.Connection)
        said: list[str] = []
        disk.set_trace_callback(said.append)
        await work()
        disk.set_trace_callback(None)
        asked = {statement for statement in said if statement.startswith(("SELECT", "UPDATE"))}
        return {row[3] for statement in asked for row in disk.execute(f"EXPLAIN QUERY PLAN {statement}")}

    def uses_index(self, plan: str) -> bool:
        """Whether a step looks into an index of what is unfinished, or goes by the key."""
        return "INDEX dispatch_" in plan or "PRIMARY KEY" in plan
