"""What every store promises of single messages that share a request: what leaves together is known before it leaves."""

import pytest
from builders import NOW, a_content, a_new_batch, stored

from gateway.model import Dispatch, DispatchState, Priority, Recipient, StatusEntry
from gateway.ports import Settlement, Sharing, Transition
from gateway.status import Status
from gateway.store.sql import SqlStore

MINUTE = 60_000
TEN = Sharing(10)


async def queued(store: SqlStore, count: int, first: int = 0, **over: object) -> list[int]:
    """Store single messages, one after the other, each to a number of its own; returns their keys."""
    return [
        (await stored(store, a_new_batch(**{"recipients": (number,), "created": NOW - 100 + at} | over))).key
        for at in range(first, first + count)
        for number in [Recipient(f"4670000{at:04}")]
    ]


async def claimed(store: SqlStore, limit: int, sharing: Sharing | None = TEN, **over: int) -> list[Dispatch]:
    """What is leased for so many requests."""
    given = {"now": NOW, "until": NOW + MINUTE} | over
    return await store.lease("main", limit, sharing=sharing, **given)


def leaders(dispatches: list[Dispatch]) -> list[tuple[int, int | None]]:
    """Each dispatch, and who leads it."""
    return [(dispatch.key, dispatch.leader) for dispatch in dispatches]


async def again(store: SqlStore, *keys: int) -> None:
    """Let these wait again, after an attempt by which nothing left."""
    await store.settle_together(
        [Settlement(key, DispatchState.READY, NOW - 100 + at, 0) for at, key in enumerate(keys)]
    )


class Leading:
    """Work is claimed to share requests."""

    async def test_what_shares_a_request_names_its_leader(self, store: SqlStore) -> None:
        """Where more is due than may leave by itself, requests are shared, and who shares them is durable at once."""
        keys = await queued(store, 5)
        found = await claimed(store, 2, Sharing(3))

        assert leaders(found) == [
            (keys[0], None),
            (keys[1], keys[0]),
            (keys[2], keys[0]),
            (keys[3], None),
            (keys[4], keys[3]),
        ]
        lost = await store.reclaim(NOW + MINUTE, NOW + 2 * MINUTE)
        assert sorted(leaders(lost)) == leaders(found)

    async def test_nothing_is_shared_without_need(self, store: SqlStore) -> None:
        """Where no more is due than may leave by itself, each does; and so does each where none may share."""
        keys = await queued(store, 3)

        assert leaders(await claimed(store, 3)) == [(key, None) for key in keys]
        await again(store, *keys)
        assert leaders(await claimed(store, 2, None)) == [(key, None) for key in keys[:2]]

    async def test_no_more_requests_than_were_asked_for(self, store: SqlStore) -> None:
        """What finds no place in one of the requests waits, and is leased by the next."""
        keys = [
            (await queued(store, 1, at, content=a_content(sender=f"s{at % 3}", body=str(at))))[0] for at in range(6)
        ]

        first = await claimed(store, 2)
        assert leaders(first) == [(keys[0], None), (keys[3], keys[0]), (keys[1], None), (keys[4], keys[1])]
        assert leaders(await claimed(store, 2)) == [(keys[2], None), (keys[5], None)]

    @pytest.mark.parametrize(("room", "count"), [(1, 1), (3, 3), (None, 7)])
    async def test_a_rate_holds_for_what_is_shared(self, store: SqlStore, room: int | None, count: int) -> None:
        """No more messages are claimed than may leave, however many fit into a request."""
        await queued(store, 7)

        assert len(await store.lease("main", 1, NOW, NOW + MINUTE, room, sharing=TEN)) == count

    async def test_callers_share_a_request_in_their_turn(self, store: SqlStore) -> None:
        """Whoever queued a thousand before fills no request alone."""
        await queued(store, 8, caller="newsletter")
        (alarm,) = await queued(store, 1, 8, caller="alarm", content=a_content(body="Fire"))

        assert alarm in [dispatch.key for dispatch in await claimed(store, 1, Sharing(4))]

    async def test_what_cannot_share_keeps_nobody_else_from_it(self, store: SqlStore) -> None:
        """A large batch in front has a request of its own; those behind it share the next one."""
        two = (Recipient("46700000001"), Recipient("46700000002"))
        large = await stored(store, a_new_batch(created=NOW - 200, recipients=two))
        keys = await queued(store, 3)

        found = leaders(await claimed(store, 2))
        assert found == [(large.key, None), (keys[0], None), (keys[1], keys[0]), (keys[2], keys[0])]

    async def test_priorities_are_not_mixed(self, store: SqlStore) -> None:
        """A provider is told one priority for a request."""
        (normal,) = await queued(store, 1)
        high = await queued(store, 2, content=a_content(priority=Priority.HIGH))

        found = {dispatch.key: dispatch.leader for dispatch in await claimed(store, 2)}
        assert found == {high[0]: None, high[1]: high[0], normal: None}

    async def test_a_later_lease_forgets_the_leader(self, store: SqlStore) -> None:
        """Who leaves by itself names nobody any more, also once nothing is shared: it would be looked for in vain."""
        keys = await queued(store, 3)
        await claimed(store, 1)
        await again(store, *keys)
        found = leaders(await claimed(store, 1, Sharing(10, {keys[0]})))
        await again(store, keys[0])

        assert found == [(keys[0], None)]
        assert leaders(await claimed(store, 5, None)) == [(key, None) for key in keys]
        assert await store.resolve(keys[0], "46700000001") is None

    async def test_a_leader_leads_those_of_its_last_request_alone(self, store: SqlStore) -> None:
        """Who waits and still names it was not in that request: a report of the new one is not about him."""
        keys = await queued(store, 2)
        await claimed(store, 1)
        await again(store, *keys)
        (newer,) = await queued(store, 1, 1, created=NOW)
        found = leaders(await claimed(store, 1, Sharing(10, {keys[1]})))

        assert found == [(keys[0], None), (newer, keys[0])]
        assert await store.resolve(keys[0], "46700000001") == ("main", newer)

    async def test_a_report_finds_whoever_its_leader_led(self, store: SqlStore) -> None:
        """A report names the leader and a recipient, whatever has become of the dispatch since."""
        keys = await queued(store, 3)
        await claimed(store, 1)
        sent = [Settlement(key, DispatchState.SENT, NOW, 1, NOW, "ref") for key in keys]
        await store.settle_together(sent)

        assert [await store.resolve(keys[0], f"4670000{at:04}") for at in range(4)] == [
            *(("main", key) for key in keys),
            None,
        ]
        assert await store.resolve(keys[1], "46700000000") is None
        assert await store.resolve(keys[1], "46700000001") == ("main", keys[1])

    async def test_what_shared_a_request_ends_together(self, store: SqlStore) -> None:
        """All of it or nothing: nobody is left behind who would look for a leader that is on its next way already."""
        keys = await queued(store, 2)
        dispatches = await claimed(store, 1)
        moves = [Transition(key, StatusEntry(Status.QUEUED, NOW, upstream="main")) for key in keys]
        ends = [Settlement(move.number, DispatchState.SENT, NOW, 1, transitions=(move,)) for move in moves]

        with pytest.raises(Exception, match="object"):
            await store.settle_together([ends[0], ends[1]._replace(upstream_ref=object())])
        lost = await store.reclaim(NOW + MINUTE, NOW + MINUTE)
        assert sorted(leaders(lost)) == leaders(dispatches)
        assert await store.settle_together(ends) == [[moves[0]], [moves[1]]]

    async def test_a_leader_is_found_by_its_index(self, store: SqlStore) -> None:
        """What a report, or a lease that shares, looks for is not looked for among all dispatches."""
        keys = await queued(store, 3)

        async def work() -> None:
            await claimed(store, 1)
            await store._write(lambda db: db.execute("SELECT 1 FROM dispatch WHERE leader = ?", (keys[0],)).fetchone())

        plans = {plan for plan in await self.plans(store, work) if "dispatch" in plan}
        assert any("dispatch_led" in plan for plan in plans)
        assert not [plan for plan in plans if not self.uses_index(plan)], plans
