"""What only a store on a server can meet: a server that goes away, a second gateway, a schema that is not ours."""

import asyncio
import threading
from collections.abc import Awaitable
from contextlib import closing
from typing import Any

import psycopg
import pytest
from builders import NOW, a_content, a_new_batch, claimed, stored
from gateways import until
from postgresql import Server

from gateway.errors import Busy, ConfigError
from gateway.model import Recipient, StatusEntry
from gateway.ports import Transition
from gateway.status import Status
from gateway.store import open_store, pg_session
from gateway.store.numbers import Numbers
from gateway.store.pg_session import Writer, migrations
from gateway.store.schema import migrations as of_sqlite
from gateway.store.sql import SqlStore

MINUTE = 60_000
THREE = tuple(Recipient(f"4670000000{number}") for number in range(1, 4))


async def outcome(awaitable: Awaitable[Any]) -> str:
    """How something ended."""
    try:
        await awaitable
    except Exception as error:  # noqa: BLE001 - told by its name
        return type(error).__name__
    return "ok"


async def test_a_database_remembers_everything(database: str) -> None:
    """After a restart batches, histories, due work and the outbox are as they were, and numbers go on."""
    store = open_store(database)
    batch = await stored(store, a_new_batch(recipients=THREE, content=a_content(report_url="https://erp.example/")))
    await store.record([Transition(batch.key + 2, StatusEntry(Status.UNKNOWN, NOW))])
    await store.close()

    store = open_store(database)
    try:
        assert await store.batch(batch.key) == batch
        found = await store.message(batch.key + 2)
        assert found is not None
        assert [entry.status for entry in found[2]] == [Status.ACCEPTED, Status.UNKNOWN]
        assert [dispatch.key for dispatch in await store.lease("main", 1, NOW, NOW + MINUTE)] == [batch.key]
        assert len(await claimed(store)) == 1
        assert (await stored(store, a_new_batch())).key == batch.key + 3
    finally:
        await store.close()


async def test_gateways_may_start_together(database: str) -> None:
    """One of them makes the tables, and the others find them."""

    def start() -> str:
        async def run() -> str:
            store = open_store(database)
            await stored(store, a_new_batch())
            await store.close()
            return "ok"

        return asyncio.run(run())

    assert await asyncio.gather(*(asyncio.to_thread(start) for _ in range(4))) == ["ok"] * 4
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT COUNT(*), MAX(ordinal) FROM batch").fetchone() == (4, 4)


async def test_a_server_that_is_away_has_not_used_up_the_numbers(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is refused long enough uses up the numbers at hand; nobody is told to start a new database for that."""
    store = open_store(database)
    try:
        await stored(store, a_new_batch())
        with monkeypatch.context() as patch:
            patch.setattr(Writer, "begin", _away)
            store._numbers = Numbers(1, 2)
            said = [await _refused(store) for _ in range(4)]
        assert said == ["The gateway cannot store anything now; try again later"] * 4
        await until(lambda: store._numbers.left > 2)
        assert (await stored(store, a_new_batch())).key > 2
    finally:
        await store.close()


def _away(_: Writer) -> None:
    raise psycopg.OperationalError("the server is away")


async def _refused(store: SqlStore) -> str:
    with pytest.raises(Busy) as caught:
        await stored(store, a_new_batch())
    return str(caught.value.detail)


async def test_nobody_writes_while_a_newer_sluss_changes_the_schema(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a connection is lost meanwhile, and the change takes longer than anybody waits."""
    monkeypatch.setattr(pg_session, "_PATIENCE", 0.1)
    store = open_store(database)
    try:
        await stored(store, a_new_batch())
        with psycopg.connect(database, autocommit=True) as newer:
            newer.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE mode = 'ShareLock'")
            newer.execute("SELECT pg_advisory_lock(%s)", (pg_session._RUNNING,))
            with pytest.raises(Busy):
                await stored(store, a_new_batch())
            with pytest.raises(Busy):
                await stored(store, a_new_batch())
        assert await stored(store, a_new_batch())
    finally:
        await store.close()


async def test_a_database_of_another_program_is_left_alone(database: str) -> None:
    """Nothing is made in it."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE TABLE batch (id INT)")
    with pytest.raises(ConfigError, match="another program"):
        open_store(database)


async def test_a_database_of_a_newer_sluss_is_left_alone(database: str) -> None:
    """It may mean something else by what is there."""
    await open_store(database).close()
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE sluss SET version = 9999")
    with pytest.raises(ConfigError, match="newer Sluss"):
        open_store(database)


def test_both_kinds_of_store_have_come_as_far() -> None:
    """A migration of the one is a migration of the other."""
    assert migrations()[-1][0] == of_sqlite()[-1][0]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://sluss:s3cr3t@127.0.0.1:1/nothing", "refused"),
        ("postgresql://sluss:s3cr3t@no-such-host.invalid/sluss", "resolve"),
        ("postgresql://sluss:s3cr3t@127.0.0.1:x/sluss", "port"),
    ],
)
async def test_a_server_that_cannot_be_reached_is_told(url: str, said: str) -> None:
    """In the driver's words, which name no password."""
    with pytest.raises(ConfigError, match=said) as caught:
        open_store(url)
    assert "s3cr3t" not in str(caught.value)


async def test_a_server_that_dies_loses_nothing(postgresql: Server, database: str) -> None:
    """While it is away nothing is accepted; once it is back, all that was accepted is there, and work goes on."""
    store = open_store(database)
    try:
        before = await stored(store, a_new_batch())
        postgresql.stop(immediately=True)
        try:
            refused = [await outcome(stored(store, a_new_batch())), await outcome(store.batch(before.key))]
            refused.append(await outcome(store.check()))
        finally:
            postgresql.start()
        assert refused == ["Busy"] * 3

        async def well() -> bool:
            return await outcome(store.check()) == "ok"

        await until(well)
        assert await store.batch(before.key) == before
        after = await stored(store, a_new_batch())
        assert after.key > before.key
        leased = await store.lease("main", 10, NOW, NOW + MINUTE)
        assert [dispatch.key for dispatch in leased] == [before.key, after.key]
    finally:
        await store.close()


async def test_a_storm_of_deaths_loses_nothing(postgresql: Server, database: str) -> None:
    """Connections are cut while batches come in: what was answered is there once, what was refused is not."""
    store = open_store(database)
    answered: list[int] = []
    refused = 0
    over = asyncio.Event()

    async def client(number: int) -> None:
        nonlocal refused
        while not over.is_set():
            try:
                batch = await stored(store, a_new_batch(recipients=(Recipient(f"4670000{number:04}"),)))
                answered.append(batch.key)
            except Busy:
                refused += 1
                await asyncio.sleep(0.01)

    def cut() -> None:
        with psycopg.connect(postgresql.url("postgres"), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                (database.rsplit("/", maxsplit=1)[-1],),
            )

    clients = [asyncio.create_task(client(number)) for number in range(8)]
    try:
        for _ in range(20):
            await asyncio.sleep(0.1)
            await asyncio.to_thread(cut)
        over.set()
        await asyncio.gather(*clients)
        await store.check()
        with psycopg.connect(database) as connection:
            kept = [key for (key,) in connection.execute("SELECT key FROM batch ORDER BY key")]
    finally:
        over.set()
        await store.close()

    assert len(answered) > 100
    assert kept == sorted(answered)


def test_a_commit_whose_answer_was_lost_is_asked_after(postgresql: Server, database: str) -> None:
    """The connection breaks between the server's commit and its word: the server is asked, and knows."""
    with closing(Writer(database)) as writer:
        writer.execute("CREATE TABLE item (id BIGINT)")
        for kept in (True, False):
            writer.begin()
            writer.execute("INSERT INTO item VALUES (?)", (int(kept),))
            inner = writer.connection()
            lost = _Lost(inner, kept=kept)
            writer._connection = lost  # type: ignore[assignment]
            if kept:
                writer.commit()
            else:
                with pytest.raises(psycopg.OperationalError):
                    writer.commit()
                writer.rollback()
        assert writer.execute("SELECT id FROM item").fetchall() == [(1,)]


class _Lost:
    """A connection that breaks over COMMIT, after or before the server has heard it."""

    def __init__(self, inner: Any, *, kept: bool) -> None:
        self._inner = inner
        self._kept = kept

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def execute(self, sql: str, *_parameters: Any) -> Any:
        """Commit or not, and break."""
        assert sql == "COMMIT"
        if self._kept:
            self._inner.execute(sql)
        self._inner.close()
        raise psycopg.OperationalError("the connection is lost")


async def test_what_the_server_cannot_hold_is_kept_without_it(database: str) -> None:
    """An upstream may say anything, NUL included, which PostgreSQL has no place for."""
    store = open_store(database)
    try:
        batch = await stored(store, a_new_batch())
        entry = StatusEntry(Status.QUEUED, NOW, raw_text="o\0k")
        assert len(await store.record([Transition(batch.key, entry)])) == 1
        found = await store.message(batch.key)
        assert found is not None
        assert found[2][-1].raw_text == "o\ufffdk"
    finally:
        await store.close()


async def test_readers_do_not_wait_for_the_writer(database: str) -> None:
    """A long transaction holds nobody up who only looks."""
    store = open_store(database)
    moving = threading.Event()
    try:
        batch = await stored(store, a_new_batch())
        slow = asyncio.ensure_future(store._write(lambda _db: moving.wait(10)))
        await asyncio.sleep(0.05)
        assert await asyncio.wait_for(store.batch(batch.key), 5) == batch
        moving.set()
        await slow
    finally:
        moving.set()
        await store.close()
