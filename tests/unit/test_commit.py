"""Group commit: what comes in while the disk is busy shares one transaction; nobody pays for a neighbour's fault."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest

from gateway.errors import Busy
from gateway.store import commit
from gateway.store.commit import GroupCommit, Rows
from gateway.store.db import Db
from gateway.store.schema import Connection

TABLE = "CREATE TABLE item (number INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT"
ADD = "INSERT INTO item (number, name)"


class Disk:
    """An in-memory database that notes every statement, and can be made to stand still."""

    def __init__(self) -> None:
        """Open it, with one empty table."""
        self.connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False, factory=Connection)
        self.connection.execute(TABLE)
        self.said: list[str] = []
        self.connection.set_trace_callback(self.said.append)
        self.moving = threading.Event()
        self.moving.set()

    def connect(self) -> Connection:
        """The one connection."""
        return self.connection

    def count(self, statement: str) -> int:
        """How often a statement was run."""
        return sum(said.startswith(statement) for said in self.said)

    def stand_still(self, _db: sqlite3.Connection) -> None:
        """A unit of work that takes until `moving` is set."""
        assert self.moving.wait(10)


@pytest.fixture
async def disk() -> Disk:
    """A disk to write on."""
    return Disk()


@pytest.fixture
async def writer(disk: Disk) -> AsyncIterator[GroupCommit]:
    """A writer on that disk."""
    writer = GroupCommit(disk.connect)
    yield writer
    disk.moving.set()
    await writer.close()


def item(number: int, name: Any = "x") -> Callable[[], Rows]:
    """One row to insert."""
    return lambda _: ((ADD, [(number, name)]),)


def names(db: sqlite3.Connection) -> list[tuple[int, str]]:
    """Everything that is stored."""
    return db.execute("SELECT number, name FROM item ORDER BY number").fetchall()


async def outcomes(*futures: "asyncio.Future[Any]") -> list[Any]:
    """What became of each, errors by the name of their class."""
    return [
        type(result).__name__ if isinstance(result, Exception) else result
        for result in await asyncio.gather(*futures, return_exceptions=True)
    ]


async def test_requests_that_come_together_share_one_transaction(disk: Disk, writer: GroupCommit) -> None:
    """A hundred inserts of one turn of the event loop are one transaction, one fsync, and 64 + 16 + 16 + 4 rows."""
    await asyncio.gather(*(writer.insert(item(number)) for number in range(100)))

    assert (disk.count("BEGIN"), disk.count("COMMIT"), disk.count("INSERT")) == (1, 1, 4)


@pytest.mark.parametrize("rows", [1, 3, 4, 5, 63, 64, 65, 200])
async def test_every_row_is_written_once(writer: GroupCommit, rows: int) -> None:
    """However the rows of a group are cut into statements, each is there, with its own values."""
    await asyncio.gather(
        writer.insert(lambda _: ((ADD, [(number, "a") for number in range(rows)]),)),
        writer.insert(lambda _: ((ADD, [(1000 + number, "b") for number in range(rows)]),)),
    )

    assert await writer.run(names) == [(n, "a") for n in range(rows)] + [(1000 + n, "b") for n in range(rows)]


async def test_what_comes_while_the_disk_is_busy_shares_the_next(disk: Disk, writer: GroupCommit) -> None:
    """Requests that arrive one by one during a slow write wait for it together, then are written together."""
    disk.moving.clear()
    slow = writer.run(disk.stand_still)
    waiting = []
    for number in range(20):
        await asyncio.sleep(0)
        waiting.append(writer.insert(item(number)))
    assert not slow.done()
    disk.moving.set()
    await asyncio.gather(slow, *waiting)

    assert disk.count("COMMIT") == 2


async def test_a_lone_request_does_not_wait_for_company(disk: Disk, writer: GroupCommit) -> None:
    """One after the other, each gets its own commit."""
    for number in range(3):
        await writer.insert(item(number))

    assert disk.count("COMMIT") == 3


async def test_nothing_is_answered_before_it_is_durable(disk: Disk, writer: GroupCommit) -> None:
    """A future is done only after the COMMIT of its transaction."""
    future = writer.insert(item(1))
    future.add_done_callback(lambda _: disk.said.append("answered"))
    await future
    await asyncio.sleep(0)

    assert disk.said.index("COMMIT") < disk.said.index("answered")


async def test_work_sees_the_inserts_of_its_group_and_returns_a_value(writer: GroupCommit) -> None:
    """A function runs inside the transaction, and what it returns is what is awaited."""
    _, seen = await asyncio.gather(writer.insert(item(1, "å")), writer.run(names))

    assert seen == [(1, "å")]


def _fails(_db: sqlite3.Connection) -> None:
    raise LookupError("a bug")


def _add_all(db: Db, numbers: Sequence[int]) -> list[str]:
    """Insert these; says of each how many came together."""
    db.insert(ADD, [(number, "joined") for number in numbers])
    return [f"{number} of {len(numbers)}" for number in numbers]


async def test_what_a_function_does_for_many_is_one_call(disk: Disk, writer: GroupCommit) -> None:
    """Units of the same function share its call, and each is answered with its own result."""
    got = await asyncio.gather(*(writer.join(_add_all, number) for number in (1, 2, 3)), writer.insert(item(4)))

    assert got == ["1 of 3", "2 of 3", "3 of 3", None]
    assert disk.count("COMMIT") == 1


async def test_one_bad_unit_of_many_fails_alone(writer: GroupCommit) -> None:
    """Where the call fails, each unit gets one of its own."""
    await writer.insert(item(2))

    got = await outcomes(*(writer.join(_add_all, number) for number in (1, 2, 3)))

    assert got == ["1 of 1", "IntegrityError", "3 of 1"]


FAULTS: list[tuple[str, Callable[[GroupCommit], "asyncio.Future[Any]"], str]] = [
    ("a number that is taken", lambda writer: writer.insert(item(0)), "IntegrityError"),
    ("a value of the wrong type", lambda writer: writer.insert(item(7, b"x")), "IntegrityError"),
    ("a number beyond 64 bits", lambda writer: writer.insert(item(2**70)), "OverflowError"),
    ("half a row", lambda writer: writer.insert(lambda _: ((ADD, [(8, "x"), (9, None)]),)), "IntegrityError"),
    ("a function with a bug", lambda writer: writer.run(_fails), "LookupError"),
]


@pytest.mark.parametrize(("label", "fault", "expected"), FAULTS, ids=[case[0] for case in FAULTS])
async def test_one_bad_unit_does_not_fail_its_neighbours(
    writer: GroupCommit, label: str, fault: Callable[[GroupCommit], "asyncio.Future[Any]"], expected: str
) -> None:
    """A unit that cannot be written fails alone and leaves nothing; all others of its group are stored, once."""
    await writer.insert(item(0, "first"))

    got = await outcomes(
        writer.insert(item(1)), fault(writer), writer.insert(item(2)), writer.run(lambda db: len(names(db)))
    )

    assert got == [None, expected, None, 3]
    assert await writer.run(names) == [(0, "first"), (1, "x"), (2, "x")]


async def test_a_disk_without_room_is_busy_until_there_is_room(disk: Disk, writer: GroupCommit) -> None:
    """A request that does not fit is told Busy and leaves nothing; one that fits is taken."""
    disk.connection.execute("PRAGMA max_page_count = 3")
    large = "x" * 20_000

    assert await outcomes(writer.insert(item(1, large)), writer.insert(item(2)), writer.insert(item(3, large))) == [
        "Busy",
        None,
        "Busy",
    ]
    disk.connection.execute("PRAGMA max_page_count = 1000")
    await writer.insert(item(4, large))
    assert [number for number, _ in await writer.run(names)] == [2, 4]


async def test_a_disk_that_cannot_be_written_is_busy(disk: Disk, writer: GroupCommit) -> None:
    """Read-only: everybody is told Busy, with SQLite's own error as the cause, for the log."""
    disk.connection.execute("PRAGMA query_only = ON")

    with pytest.raises(Busy) as caught:
        await writer.insert(item(1))
    assert isinstance(caught.value.__cause__, sqlite3.OperationalError)
    assert await outcomes(writer.insert(item(2)), writer.run(names)) == ["Busy", "Busy"]


async def test_a_file_that_is_no_database_any_more_is_busy() -> None:
    """SQLite has a class of its own for it, already at BEGIN; the writer tells each request and lives on."""

    class Spoilt(Connection):
        """A connection to such a file."""

        def execute(self, *_args: Any) -> sqlite3.Cursor:
            """Whatever is asked, the file cannot say."""
            raise sqlite3.DatabaseError("file is not a database")

    writer = GroupCommit(lambda: sqlite3.connect(":memory:", factory=Spoilt, check_same_thread=False))
    for _ in range(2):
        with pytest.raises(Busy):
            await writer.insert(item(1))
    await writer.close()


async def test_a_cancelled_request_keeps_its_row(disk: Disk, writer: GroupCommit) -> None:
    """Whoever goes away while the disk is busy gets no answer; the row is written, and so are its neighbours'."""
    disk.moving.clear()
    slow = writer.run(disk.stand_still)
    await asyncio.sleep(0)
    gone, stays = writer.insert(item(1)), writer.insert(item(2))
    gone.cancel()
    disk.moving.set()
    await asyncio.gather(slow, stays)

    assert gone.cancelled()
    assert await writer.run(names) == [(1, "x"), (2, "x")]


async def test_closing_writes_what_is_queued(disk: Disk) -> None:
    """Closing waits for a slow write and for what queued behind it; afterwards there is only Busy."""
    writer = GroupCommit(disk.connect)
    disk.moving.clear()
    slow = writer.run(disk.stand_still)
    await asyncio.sleep(0)
    queued = writer.insert(item(1))
    closing = asyncio.create_task(writer.close())
    await asyncio.sleep(0)
    disk.moving.set()
    await closing

    assert slow.done()
    assert await queued is None
    assert await outcomes(writer.insert(item(2)), writer.run(names)) == ["Busy", "Busy"]


async def test_closing_loses_nobody_who_asks_once_more(disk: Disk) -> None:
    """Whoever is answered while the writer closes, and asks again at once, is answered again: nobody waits for ever."""
    writer = GroupCommit(disk.connect)
    disk.moving.clear()

    async def twice() -> list[tuple[int, str]]:
        await writer.run(disk.stand_still)
        return await writer.run(names)

    asking = asyncio.create_task(twice())
    await asyncio.sleep(0)
    closing = asyncio.create_task(writer.close())
    await asyncio.sleep(0)
    disk.moving.set()
    async with asyncio.timeout(5):
        await closing
        assert await asking == []


async def test_a_database_that_cannot_be_opened_is_told_at_once() -> None:
    """What goes wrong is raised where the store is opened, instead of leaving requests to wait for ever."""

    def broken() -> Connection:
        raise sqlite3.OperationalError("unable to open database file")

    with pytest.raises(sqlite3.OperationalError):
        GroupCommit(broken)


async def test_who_comes_while_the_disk_stands_still_is_told_so_at_once(
    disk: Disk, writer: GroupCommit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a while nobody is kept waiting any more, and nothing of it is kept; what waited before is written."""
    disk.moving.clear()
    waiting = [writer.run(disk.stand_still), writer.insert(item(1))]
    await asyncio.sleep(0)
    monkeypatch.setattr(commit, "STALLED", -1.0)
    with pytest.raises(Busy):
        await writer.insert(item(2))
    disk.moving.set()
    await asyncio.gather(*waiting)

    assert await writer.run(names) == [(1, "x")]
