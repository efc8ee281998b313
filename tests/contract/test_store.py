"""The store contract, held by the file and by the memory; and what the file alone promises: that it is still there."""

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from builders import NOW, a_content, a_new_batch, claimed, depths, stored
from callers import FACES, a_letter, number_of
from contract.store import MINUTE, THREE, StoreContract, codes, leased, settled, step
from gateways import Running, until
from rawhttp import exchange

from gateway.errors import Busy, ConfigError
from gateway.ids import FIRST_NUMBER
from gateway.model import Batch, DispatchState, Recipient
from gateway.status import Status
from gateway.store import open_store
from gateway.store.db import Db
from gateway.store.pg_session import PgSession
from gateway.store.sql import SqlStore


class TestMemory(StoreContract):
    """`memory:` is what the demo and the tests run on."""

    @pytest.fixture
    async def store(self) -> AsyncIterator[SqlStore]:
        """A store that lives in RAM."""
        store = open_store("memory:")
        yield store
        await store.close()


class TestFile(StoreContract):
    """`sqlite:///` is what a gateway runs on."""

    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[SqlStore]:
        """A store in a file of its own."""
        store = open_store(f"sqlite:///{tmp_path}/sluss.db")
        yield store
        await store.close()


class TestPostgresql(StoreContract):
    """`postgresql://` is what a gateway runs on that must outlive its machine."""

    @pytest.fixture
    async def store(self, database: str) -> AsyncIterator[SqlStore]:
        """A store in a database of its own."""
        store = open_store(database)
        yield store
        await store.close()

    async def plans(self, store: SqlStore, work: Callable[[], Awaitable[None]]) -> set[str]:
        """As PostgreSQL plans where it may not walk through a table, as it would through one of two rows."""
        asked: list[tuple[str, Sequence[Any]]] = []
        inner = PgSession.execute

        def noting(self: PgSession, sql: str, parameters: Sequence[Any] = (), /) -> Any:
            asked.append((sql, parameters))
            return inner(self, sql, parameters)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(PgSession, "execute", noting)
            await work()

        def explained(db: Db) -> set[str]:
            db.execute("SET LOCAL enable_seqscan = off")
            return {
                row[0]
                for sql, parameters in asked
                if sql.startswith(("SELECT", "UPDATE")) and "dispatch" in sql
                for row in db.execute(f"EXPLAIN {sql}", parameters)
            }

        return await store._write(explained)

    def uses_index(self, plan: str) -> bool:
        """Every step that reads a table of dispatches does so by an index."""
        return "Seq Scan" not in plan


async def test_a_file_remembers_everything(tmp_path: Path) -> None:
    """After a restart batches, histories, due work and the outbox are as they were, and numbers go on."""
    url = f"sqlite:///{tmp_path}/sluss.db"
    store = open_store(url)
    batch = await stored(store, a_new_batch(recipients=THREE, content=a_content(report_url="https://erp.example/")))
    await store.record([step(batch.key + 2, Status.UNKNOWN)])
    await store.close()

    store = open_store(url)
    try:
        assert await store.batch(batch.key) == batch
        assert await codes(store, batch.key + 2) == [101, 599]
        assert (await leased(store)).key == batch.key
        assert len(await claimed(store)) == 1
        assert (await stored(store, a_new_batch())).key == batch.key + 3
    finally:
        await store.close()


async def test_a_file_knows_whose_leases_are_gone(tmp_path: Path) -> None:
    """Whoever held a lease when the file is opened is dead: it ends at once, and what was not leased is still due."""
    url = f"sqlite:///{tmp_path}/sluss.db"
    store = open_store(url)
    held, ready = [(await stored(store, a_new_batch())).key for _ in range(2)]
    await store.lease("main", 1, NOW, NOW + 1000 * MINUTE)
    await store.close()

    store = open_store(url)
    try:
        assert [dispatch.key for dispatch in await store.reclaim(NOW + 1, NOW + MINUTE)] == [held]
        assert (await leased(store, NOW + 1)).key == ready
    finally:
        await store.close()


async def test_a_request_that_was_cancelled_leaves_its_row(tmp_path: Path) -> None:
    """A client that hangs up while its batch is being stored cannot take it back: it is there, and is due."""
    store = open_store(f"sqlite:///{tmp_path}/sluss.db")
    try:
        request = asyncio.create_task(stored(store, a_new_batch(recipients=(Recipient("46700000009"),))))
        await asyncio.sleep(0)
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request

        await store.check()
        assert (await leased(store)).messages[0].recipient == "46700000009"
    finally:
        await store.close()


async def cancelled(store: SqlStore, batch: Batch) -> None:
    """A batch is cancelled."""
    assert await store.cancel(batch, NOW)


async def sent(store: SqlStore, _: Batch) -> None:
    """Its dispatch is claimed and sent."""
    dispatch = await leased(store)
    moved = tuple(step(message.number, Status.QUEUED) for message in dispatch.messages)
    assert await store.settle(settled(dispatch, DispatchState.SENT, transitions=moved))


@pytest.mark.parametrize("work", [cancelled, sent])
async def test_what_a_message_goes_through_is_found_by_keys(work: Callable[[SqlStore, Batch], Awaitable[None]]) -> None:
    """Rows are found by their keys, never by a scan: what it costs does not grow with what is stored."""
    store = open_store("memory:")
    try:
        batch = await stored(store, a_new_batch(recipients=THREE, content=a_content(report_url="https://erp.example/")))
        disk = await store._writer.run(lambda db: db)
        said: list[str] = []
        disk.set_trace_callback(said.append)
        await work(store, batch)
        disk.set_trace_callback(None)
        asked = [statement for statement in said if statement.startswith(("SELECT", "UPDATE", "WITH new"))]
        plans = [row[3] for statement in asked for row in disk.execute(f"EXPLAIN QUERY PLAN {statement}")]
        # The keys that are looked for, and the rows that are written, come as lists.
        lists = re.compile("SCAN (json_each|new|([0-9]+ )?CONSTANT ROW)|(MATERIALIZE|CO-ROUTINE) new|.*SUBQUERY")
        plans = [plan for plan in plans if not lists.match(plan)]
    finally:
        await store.close()

    assert {"UPDATE dispatch", "UPDATE message"} <= set(re.findall(r"UPDATE \w+", " ".join(asked)))
    assert {plan.split(" (")[0].split(" USING ")[0] for plan in plans} == {
        "SEARCH credential",
        "SEARCH hidden",
        "SEARCH message",
        "SEARCH dispatch",
        "SEARCH status",
        "SEARCH batch",
    }


@pytest.mark.parametrize("settings", ["PRAGMA max_page_count = 1", "PRAGMA query_only = ON"], ids=["full", "read-only"])
async def test_a_disk_that_takes_nothing_more_is_busy(tmp_path: Path, settings: str) -> None:
    """Full or read-only: the batch is refused with Busy and leaves nothing, and it is taken once there is room."""
    store = open_store(f"sqlite:///{tmp_path}/sluss.db")
    try:
        first = await stored(store, a_new_batch())
        disk = await store._writer.run(lambda db: db)
        disk.execute(settings)
        big = a_new_batch(content=a_content(body="x" * 2000), recipients=THREE * 100)
        with pytest.raises(Busy, match="cannot store anything now"):
            await stored(store, big)
        assert await store.batch(first.key) == first
        assert list((await depths(store)).values()) == [1]

        disk.execute("PRAGMA query_only = OFF")
        disk.execute("PRAGMA max_page_count = 1000000")
        assert (await stored(store, big)).size == 300
    finally:
        await store.close()


async def test_a_read_only_disk_is_not_ready() -> None:
    """The check behind /readyz writes, so a disk that cannot be written is seen."""
    store = open_store("memory:")
    try:
        (await store._writer.run(lambda db: db)).execute("PRAGMA query_only = ON")
        with pytest.raises(Busy):
            await store.check()
    finally:
        await store.close()


async def test_a_store_that_could_not_end_its_leases_still_closes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full from the start must not keep the gateway from letting go of the file."""
    url = f"sqlite:///{tmp_path}/sluss.db"
    await open_store(url).close()
    with monkeypatch.context() as patch:
        patch.setattr("gateway.store.schema._SETTINGS", ("PRAGMA query_only = ON",))
        store = open_store(url)
        await store.close()

    await open_store(url).close()


@pytest.mark.parametrize("url", ["", "sluss.db", "sqlite://", "sqlite:///", "mysql://db/sluss", "memory"])
async def test_a_url_that_names_no_store_is_refused(url: str) -> None:
    """What is not understood is told with what is."""
    with pytest.raises(ConfigError, match="use sqlite:///PATH, postgresql://"):
        open_store(url)


@pytest.mark.parametrize("face", FACES)
async def test_accepted_means_stored(running: Running, face: str) -> None:
    """No face answers before the batch is durable: while the disk stands still, so does the answer."""
    gateway = await running()
    assert isinstance(gateway.store, SqlStore)
    moving = threading.Event()
    gateway.store._writer.run(lambda _db: moving.wait(10))
    asking = asyncio.create_task(exchange(gateway.public, a_letter(face).raw()))
    try:
        await until(lambda: gateway.store._numbers.next > FIRST_NUMBER)
        await asyncio.sleep(0.02)
        assert not asking.done()
    finally:
        moving.set()
    answer = await asking

    assert number_of(face, answer.body) == FIRST_NUMBER


@pytest.mark.parametrize("face", FACES)
async def test_nothing_is_accepted_where_nothing_is_stored(running: Running, face: str) -> None:
    """A disk that takes nothing is told in each protocol's own words, and no id is given out."""
    gateway = await running()
    assert isinstance(gateway.store, SqlStore)
    disk = await gateway.store._writer.run(lambda db: db)
    disk.execute("PRAGMA query_only = ON")
    answer = await exchange(gateway.public, a_letter(face).raw())
    disk.execute("PRAGMA query_only = OFF")

    assert number_of(face, answer.body) is None
    assert await gateway.store.message(FIRST_NUMBER) is None
