"""Several gateways on one database: what each of them does, what they hear of one another, what nobody does twice."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import psycopg
import pytest
from builders import NOW, a_content, a_new_batch, stored
from contract.store_conversations import said
from gateways import until
from postgresql import Server

from gateway.duties import SURE
from gateway.errors import ConfigError
from gateway.model import DispatchState, Page, Recipient, StatusEntry
from gateway.outcome import left
from gateway.ports import OUTBOX, KeyTaken, NewDispatch, Settlement, Transition, Word
from gateway.status import Status
from gateway.store import open_store, pg_company, pg_duties, pg_session
from gateway.store.pg_session import migrations
from gateway.store.postgres import BLOCK, PostgresStore

MINUTE = 60_000
MAIN = frozenset({"main"})
Opened = Callable[[], PostgresStore]


@pytest.fixture
async def opened(database: str) -> AsyncIterator[Opened]:
    """Opens stores on one database, each as a gateway of its own does."""
    async with contextlib.AsyncExitStack() as stack:

        def start() -> PostgresStore:
            store = open_store(database)
            assert isinstance(store, PostgresStore)
            stack.push_async_callback(store.close)
            return store

        yield start


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gateways are given up after a fifth of a second."""
    monkeypatch.setattr(pg_duties, "TTL", 200)
    monkeypatch.setattr(pg_duties, "_PATIENCE", 0.2)


async def attended(store: PostgresStore, *wanted: str, busy: tuple[str, ...] = ()) -> frozenset[str]:
    """The duties of a gateway that has said once that it lives."""
    return await store.company.attend(wanted or ("main",), busy)


async def comes_to_have(store: PostgresStore, duties: frozenset[str]) -> None:
    """Say again and again that a gateway lives, until it has these duties."""

    async def has_them() -> bool:
        return await attended(store, *duties) == duties

    await until(has_them)


async def in_order(first: PostgresStore, second: PostgresStore) -> tuple[PostgresStore, PostgresStore]:
    """The one that is the better for `main`, and the other one."""
    best = max((first, second), key=lambda store: pg_duties._weight(store.company.duties.gateway, "main"))
    return (first, second) if best is first else (second, first)


async def test_numbers_are_nobody_elses(opened: Opened) -> None:
    """Each gives out numbers of its own, which nobody else has given out; an account's batches have no gap."""
    stores = [opened() for _ in range(3)]
    batches = await asyncio.gather(*(stored(store, a_new_batch()) for store in stores * 20))

    assert len({batch.key for batch in batches}) == 60
    for store in stores:
        listed, total = await store.batches("ip1-12345", Page(limit=100))
        assert (total, len({batch.key for batch in listed})) == (60, 60)
        with psycopg.connect(store._url) as connection:
            ordinals = connection.execute("SELECT ordinal FROM batch ORDER BY ordinal").fetchall()
        assert ordinals == [(number,) for number in range(1, 61)]


async def test_blocks_of_numbers_follow_one_another(opened: Opened) -> None:
    """A gateway that is alone leaves no number out; what it did not need is there for the next one."""
    store = opened()
    first = (await stored(store, a_new_batch())).key
    store._numbers.next += BLOCK - 2
    assert (await stored(store, a_new_batch())).key == first + BLOCK - 1
    await until(lambda: store._numbers.left == BLOCK)
    keys = [(await stored(store, a_new_batch())).key for _ in range(2)]
    assert keys == [first + BLOCK, first + BLOCK + 1]
    await store.close()

    assert (await stored(opened(), a_new_batch())).key == first + BLOCK + 2


async def test_conversations_are_in_the_order_in_which_they_were_stored(opened: Opened) -> None:
    """Numbers of several gateways come in turns; none of them is left out of the index."""
    one, two = opened(), opened()
    keys = []
    for at, store in enumerate((two, one, two, one)):
        new = a_new_batch(recipients=(Recipient("46700000001"),), created=NOW + at)
        keys.append((await stored(store, new)).key)
        assert await store.file(10) == 1

    assert await said(one, "ip1-12345", "46700000001") == keys
    assert await one.accepted(NOW) == {"erp": 4}


async def test_a_duty_is_one_gateways(opened: Opened) -> None:
    """However many there are, each upstream is sent to by one of them; they share what there is to do."""
    names = [f"upstream-{number}" for number in range(30)]
    stores = [opened() for _ in range(3)]
    for _ in range(3):
        shared = [await attended(store, *names) for store in stores]

    assert sorted(name for duties in shared for name in duties) == sorted(names)
    assert all(2 < len(duties) < 20 for duties in shared)


async def test_a_duty_is_handed_on_once_nothing_is_under_way(opened: Opened) -> None:
    """Whoever is better comes later: the first one begins nothing more, ends what is on its way, and lets go."""
    better, first = await in_order(opened(), opened())
    assert await attended(first) == MAIN

    assert await attended(better) == frozenset()
    assert await attended(first, busy=("main",)) == frozenset()
    assert await attended(better) == frozenset()
    assert await attended(first) == frozenset()
    assert await attended(better) == MAIN


async def test_what_a_gateway_cannot_do_it_does_not_get(opened: Opened) -> None:
    """Its configuration names other upstreams: another one has that duty, or nobody."""
    one, two = opened(), opened()
    assert await attended(one, "main", OUTBOX) == {"main", OUTBOX}
    assert await attended(two, "trial") == {"trial"}
    assert await attended(one, OUTBOX) == {OUTBOX}
    assert await attended(two, "trial", "main") == {"trial", "main"}


async def test_who_ends_hands_its_duties_on(opened: Opened) -> None:
    """At once, and with what it has leased: nobody waits for the answers any more."""
    worse, better = reversed(await in_order(opened(), opened()))
    assert await attended(better) == MAIN
    key = (await stored(better, a_new_batch())).key
    assert [each.key for each in await better.lease("main", 1, NOW, NOW + MINUTE)] == [key]
    await better.close()

    assert await attended(worse) == MAIN
    assert [each.key for each in await worse.reclaim(NOW, NOW + MINUTE)] == [key]


async def test_who_is_not_heard_of_loses_its_duties(opened: Opened, hasty: None) -> None:
    """A gateway that died holds a duty for a while, then another one has it, and ends its leases."""
    dead, heir = opened(), opened()
    assert await attended(dead) == MAIN
    key = (await stored(dead, a_new_batch())).key
    await dead.lease("main", 1, NOW, NOW + 1000 * MINUTE)

    assert await attended(heir) == frozenset()
    await comes_to_have(heir, MAIN)
    assert [each.key for each in await heir.reclaim(NOW, NOW + MINUTE)] == [key]
    await comes_to_have(dead, MAIN)


async def test_after_a_silence_of_all_nobody_takes_anything(
    opened: Opened, hasty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the server was away, every gateway seems dead: each has time to say that it is not."""
    one, two = opened(), opened()
    await attended(one)
    await comes_to_have(two, frozenset({"trial"}))
    monkeypatch.setattr(pg_duties, "_PATIENCE", 30.0)
    await asyncio.sleep(0.4)

    assert await attended(two, "main", "trial") == {"trial"}
    await comes_to_have(one, MAIN)


async def test_nobody_sends_what_another_one_sends(opened: Opened) -> None:
    """Whatever a gateway believes: what it would lease, post or take over is another one's."""
    mine, other = opened(), opened()
    assert await attended(mine, "main", OUTBOX) == {"main", OUTBOX}
    new = a_new_batch(content=a_content(report_url="https://erp.example/"))
    key = (await stored(other, new)).key
    assert await other.lease("main", 1, NOW, NOW + MINUTE) == []
    assert [each.key for each in await mine.lease("main", 1, NOW, NOW + 1)] == [key]
    assert await other.reclaim(NOW + 2, NOW + MINUTE) == []

    await other.record([Transition(key, StatusEntry(Status.QUEUED, NOW))])
    assert await other.lease_callbacks({"erp": 1}, NOW, NOW + MINUTE) == []
    assert len(await mine.lease_callbacks({"erp": 1}, NOW, NOW + MINUTE)) == 1


async def test_what_is_nobodys_is_decided_about(opened: Opened) -> None:
    """A dispatch for an upstream that no gateway names any more does not hang for ever."""
    store = opened()
    await attended(store, "main")
    new = a_new_batch(dispatches=(NewDispatch("gone", "default", range(1)),))
    key = (await stored(store, new)).key
    await store.lease("gone", 1, NOW, NOW + 1)

    assert [each.key for each in await store.reclaim(NOW + 2, NOW + MINUTE)] == [key]


async def test_who_stood_still_takes_nothing_back(opened: Opened) -> None:
    """It had leased a message and not sent it: it may give it back only where nobody else has begun with it."""
    store = opened()
    await stored(store, a_new_batch())
    (stale,) = await store.lease("main", 1, NOW, NOW + 1)
    (taken_over,) = await store.reclaim(NOW + 2, NOW + MINUTE)
    await store.settle(left(stale, NOW + 3))
    found = await store.dispatch(stale.key)
    assert found is not None
    assert found.state is DispatchState.SENDING

    await store.settle(Settlement(taken_over.key, DispatchState.READY, NOW + 4, 0))
    (leased,) = await store.lease("main", 1, NOW + 5, NOW + MINUTE)
    await store.settle(left(leased, NOW + 6))
    assert [each.key for each in await store.lease("main", 1, NOW + 7, NOW + MINUTE)] == [stale.key]


async def test_a_key_is_used_once(opened: Opened) -> None:
    """The same request at two gateways in the same moment: one stores it, the other one is told."""
    one, two = opened(), opened()
    new = a_new_batch(once=("key", b"print"))

    async def outcome(durable: Awaitable[None]) -> str:
        try:
            await durable
        except KeyTaken:
            return "taken"
        return "stored"

    outcomes = [outcome(store.add(new)[1]) for store in (one, two)]
    assert sorted(await asyncio.gather(*outcomes)) == ["stored", "taken"]
    assert (await one.batches("ip1-12345", Page(limit=10)))[1] == 1


class Ear:
    """What a gateway has heard."""

    def __init__(self, store: PostgresStore) -> None:
        self.words: list[tuple[Word, str]] = []
        store.company.listen(lambda word, about: self.words.append((word, about)))

    async def hears(self, word: Word, about: str) -> None:
        """Wait for a word."""
        await until(lambda: (word, about) in self.words)


async def test_what_one_tells_the_others_hear(opened: Opened) -> None:
    """Each of the others, once what was written before can be read; the teller does not hear itself."""
    one, two, three = (opened() for _ in range(3))
    ears = [Ear(store) for store in (one, two, three)]
    for ear in ears:
        await ear.hears(Word.MISSED, "")
    for _ in range(100):
        one.company.tell(Word.WAKE, "main of åäö 'x'")
    two.company.tell(Word.SPENT, "3 erp")

    await ears[1].hears(Word.WAKE, "main of åäö 'x'")
    await ears[2].hears(Word.WAKE, "main of åäö 'x'")
    await ears[0].hears(Word.SPENT, "3 erp")
    assert [len(ear.words) for ear in ears] == [2, 2, 3]


async def test_who_heard_nothing_for_a_while_knows_it(
    opened: Opened, database: str, monkeypatch: pytest.MonkeyPatch, postgresql: Server
) -> None:
    """When the connection was lost, words may have been; what another version says is passed over."""
    monkeypatch.setattr(pg_company, "_AGAIN", 0.05)
    ear = Ear(opened())
    await ear.hears(Word.MISSED, "")
    with psycopg.connect(database, autocommit=True) as connection:
        for payload in ("", "1", "1 sing", "1 sing loud"):
            connection.execute("SELECT pg_notify('sluss', %s)", (payload,))
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'LISTEN sluss'")
    await until(lambda: len(ear.words) == 2)
    assert ear.words == [(Word.MISSED, "")] * 2


async def test_words_that_could_not_be_told_are_told_later(
    opened: Opened, monkeypatch: pytest.MonkeyPatch, postgresql: Server
) -> None:
    """The server was away: whoever listens hears it once it is back."""
    monkeypatch.setattr(pg_company, "_AGAIN", 0.05)
    one, two = opened(), opened()
    ear = Ear(two)
    await ear.hears(Word.MISSED, "")
    postgresql.stop(immediately=True)
    try:
        one.company.tell(Word.HURRY, "main")
        await asyncio.sleep(0.2)
    finally:
        postgresql.start()
    await until(lambda: len(ear.words) > 1)
    assert (Word.MISSED, "") in ear.words[1:]


async def test_the_schema_stays_while_gateways_run(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A newer Sluss changes nothing under an older one that runs; an older one that lost its connection notices."""
    monkeypatch.setattr(pg_session, "_PATIENCE", 0.2)
    older = open_store(database)
    everything = migrations()
    newer = [*everything, (everything[-1][0] + 1, "CREATE TABLE more (id BIGINT)")]
    with monkeypatch.context() as patch:
        patch.setattr(pg_session, "migrations", lambda: newer)
        with pytest.raises(ConfigError, match="older Sluss still use the database; stop all"):
            open_store(database)
    await older.close()

    with monkeypatch.context() as patch:
        patch.setattr(pg_session, "migrations", lambda: newer)
        await open_store(database).close()
    with pytest.raises(ConfigError, match="newer Sluss"):
        open_store(database)


async def test_who_stops_in_a_transaction_keeps_nobody_waiting(opened: Opened) -> None:
    """A gateway that stands still while it writes is cut off by the server, and all others go on."""
    stuck, other = opened(), opened()
    moving = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stand_still(_db: object) -> None:
        asyncio.run_coroutine_threadsafe(moving.wait(), loop).result()

    standing = asyncio.ensure_future(stuck._write(stand_still))
    try:
        assert (await stored(other, a_new_batch())).size == 1
    finally:
        moving.set()
    with contextlib.suppress(Exception):
        await standing
    assert (await stored(stuck, a_new_batch())).size == 1


def test_others_wait_longer_than_a_gateway_is_sure() -> None:
    """Who is sure of a duty has it: nobody takes one before whoever had it has stopped for a second and more."""
    assert pg_duties.TTL / 1000 >= SURE + 1.0
