"""`sluss fsck`: every message is accounted for, what is wrong is found, and what can be proven is put right."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest
from builders import NOW, a_content, a_new_batch, stored
from command_line import sluss, sluss_json, told, write_config

from gateway.ids import FIRST_NUMBER
from gateway.model import DispatchState, Incoming, Recipient, StatusEntry
from gateway.ports import NewDispatch, Settlement, Transition
from gateway.status import Status
from gateway.store import open_store, schema, soundness
from gateway.store.inspect import reading
from gateway.store.mending import TOLD, look_through
from gateway.store.soundness import Fault
from gateway.store.sql import SqlStore
from gateway.store.trail import newest

MINUTE = 60_000
LATER = NOW + 60 * MINUTE
ONE = FIRST_NUMBER
"""The first message of four: it was handed over. The second was delivered, the third waits, the fourth is unknown."""
GONE = 999_999


class Kept(NamedTuple):
    """A store that is open, as a gateway has it, and its address."""

    store: SqlStore
    url: str

    async def corrupt(self, *statements: str) -> None:
        """Do what no gateway does."""
        await self.store._write(lambda db: [db.execute(statement) for statement in statements])


@pytest.fixture
async def kept(url: str) -> AsyncIterator[Kept]:
    """Four messages of one account, one of each fate, all told of and filed; and an incoming one."""
    store = open_store(url)
    try:
        await fill(store)
        yield Kept(store, url)
    finally:
        await store.close()


async def fill(store: SqlStore) -> None:
    """See `kept`."""
    for number, upstream in enumerate(("sent", "delivered", "waits", "doubtful")):
        dispatches = (NewDispatch(upstream, "default", range(1)),)
        content = a_content(report_url="https://erp.example/reports")
        recipients = (Recipient(f"4670000000{number}"),)
        await stored(store, a_new_batch(dispatches=dispatches, content=content, recipients=recipients))
    for upstream, state, code in (
        ("sent", DispatchState.SENT, Status.QUEUED),
        ("delivered", DispatchState.SENT, Status.DELIVERED_TO_HANDSET),
        ("doubtful", DispatchState.UNKNOWN, Status.UNKNOWN),
    ):
        (dispatch,) = await store.lease(upstream, 1, NOW, NOW + MINUTE)
        moved = tuple(Transition(one.number, StatusEntry(code, NOW)) for one in dispatch.messages)
        await store.settle(Settlement(dispatch.key, state, NOW, 1, transitions=moved))
    arrived = Incoming(0, NOW, "ip1-12345", "erp", "sent", "mo-1", "46700000001", "12345", "Yes", 1)
    await store.receive([arrived], NOW, {"erp"})
    await store.file(100)


async def found(kept: Kept, *, repair: bool = False) -> dict[str, int]:
    """What is found, by its name."""
    report = await asyncio.to_thread(look_through, kept.url, LATER, repair="anna" if repair else None)
    return {fault.value: count for fault, count in report.found.items()}


async def codes(kept: Kept, number: int) -> list[int]:
    """The history of a message."""
    row = await kept.store.message(number)
    assert row is not None
    return [entry.status.value for entry in row[2]]


async def test_a_sound_store_is_sound_and_every_message_is_counted_once(kept: Kept) -> None:
    """Nothing is found; accepted is what batches say, and messages are counted by where they stand."""
    report = await asyncio.to_thread(look_through, kept.url, LATER)

    assert report.found == {}
    assert report.accepted == {"ip1-12345": 4}
    assert report.statuses == {("ip1-12345", code): 1 for code in (101, 102, 201, 599)}


_EMPTY = (
    "INSERT INTO dispatch (key, batch, upstream, route, state, attempts, run_at, caller, priority)"
    f" VALUES ({GONE}, {ONE}, 'sent', 'default', 0, 0, 0, 'erp', 1)"
)

WRONG: list[tuple[Fault, tuple[str, ...]]] = [
    (Fault.NOT_CARRIED, (f"DELETE FROM dispatch WHERE key = {ONE + 2}",)),
    (Fault.ENDED_UNTOLD, (f"UPDATE dispatch SET state = 5 WHERE key = {ONE + 2}",)),
    (Fault.HISTORY_DIFFERS, (f"UPDATE message SET code = 102 WHERE number = {ONE + 1}",)),
    (Fault.HISTORY_DIFFERS, (f"DELETE FROM status WHERE number = {ONE}", f"DELETE FROM callback WHERE number = {ONE}")),
    (
        Fault.DISPATCH_EMPTY,
        (_EMPTY,),
    ),
    (Fault.DISPATCH_ALONE, (f"UPDATE dispatch SET batch = {GONE} WHERE key = {ONE + 1}",)),
    (Fault.DISPATCH_OVER, (f"UPDATE dispatch SET state = 0, run_at = 0 WHERE key = {ONE + 1}",)),
    (Fault.SEALED_ALONE, (f"INSERT INTO hidden VALUES ({GONE}, '')",)),
    (Fault.SEALED_ALONE, (f"INSERT INTO credential VALUES ({GONE}, '')",)),
    (
        Fault.POST_ALONE,
        (f"INSERT INTO callback (number, step, attempts, run_at, caller) VALUES ({GONE}, 1, 0, 0, 'erp')",),
    ),
    (
        Fault.POST_ALONE,
        (f"INSERT INTO callback (number, step, attempts, run_at, caller) VALUES ({ONE}, 7, 0, 0, 'erp')",),
    ),
    (Fault.POST_ALONE, (f"UPDATE callback SET incoming = {GONE} WHERE incoming IS NOT NULL",)),
    (Fault.TALK_ALONE, (f"UPDATE conversation SET key = {GONE} WHERE key = {ONE} AND side = 1",)),
    (Fault.TALK_ALONE, (f"UPDATE conversation SET key = {GONE} WHERE outgoing = 0 AND side = 2",)),
    (Fault.FILED_AHEAD, ("UPDATE filed SET ordinal = 17",)),
]


@pytest.mark.parametrize(
    ("fault", "statements"), WRONG, ids=[f"{fault.value}-{at}" for at, (fault, _) in enumerate(WRONG)]
)
async def test_what_is_wrong_is_found_and_put_right(kept: Kept, fault: Fault, statements: tuple[str, ...]) -> None:
    """It is found under its name alone, changed only where that is asked for, and gone afterwards."""
    blob = "''" if kept.url.startswith("postgresql:") else "x''"
    await kept.corrupt(*(statement.replace("'')", f"{blob})") for statement in statements))

    assert await found(kept) == {fault.value: 1}
    assert await found(kept, repair=True) == {fault.value: 1}
    await kept.store.file(100)
    assert await found(kept) == {}


LEFT = [
    (Fault.BATCH_INCOMPLETE, (f"UPDATE batch SET size = 2 WHERE key = {ONE + 3}",)),
    (Fault.LEASE_OVER, (f"UPDATE dispatch SET state = 1 WHERE key = {ONE + 2}",)),
]


@pytest.mark.parametrize(("fault", "statements"), LEFT, ids=[fault.value for fault, _ in LEFT])
async def test_what_cannot_be_proven_is_told_and_left(kept: Kept, fault: Fault, statements: tuple[str, ...]) -> None:
    """A message that is gone cannot be made up, and a lease is looked after by the gateway."""
    await kept.corrupt(*statements)

    assert fault.value in await found(kept, repair=True)
    assert fault.value in await found(kept)


async def test_a_message_that_lost_its_batch_is_told(kept: Kept) -> None:
    """What it said, and whose it was, is lost: it is named, its dispatch goes, so that others leave."""
    await kept.corrupt(f"DELETE FROM batch WHERE key = {ONE + 2}")

    assert (await found(kept, repair=True))["message-without-batch"] == 1
    assert await kept.store.lease("waits", 1, LATER, LATER + MINUTE) == []
    assert (await found(kept))["message-without-batch"] == 1


async def test_a_repair_is_in_the_audit_log(kept: Kept) -> None:
    """Who has repaired how much of what; a look alone is no act, and neither is a repair that found nothing."""
    await kept.corrupt(_EMPTY)
    await found(kept)
    await found(kept, repair=True)
    await found(kept, repair=True)

    with reading(kept.url) as db:
        (recorded,) = newest(db, None, 10)
    assert (recorded.act.who, recorded.act.what) == ("anna", "fsck")
    assert recorded.said == "done, dispatch-without-message 1"


async def test_numbers_are_never_given_out_again(kept: Kept) -> None:
    """Where the floor of a server's numbers lies below those in use, it is raised."""
    await kept.corrupt("UPDATE floor SET number = 0")
    shared = kept.url.startswith("postgresql:")

    assert await found(kept, repair=True) == ({"number-given-again": 1} if shared else {})
    assert await found(kept) == {}


@pytest.mark.parametrize("state", [4, 5, 6])
async def test_nothing_that_may_have_left_is_sent_by_a_repair(kept: Kept, state: int) -> None:
    """A message of which nothing says whether it left becomes unknown: its caller is told, and nobody sends it."""
    await kept.corrupt(f"UPDATE dispatch SET state = {state} WHERE key = {ONE + 2}")

    assert await found(kept, repair=True) == {"dispatch-ended-untold": 1}
    assert await codes(kept, ONE + 2) == [101, 599]
    row = await kept.store.message(ONE + 2)
    assert row is not None
    assert row[2][-1].raw_text == TOLD
    assert await kept.store.lease("waits", 1, LATER, LATER + MINUTE) == []


async def test_a_status_is_never_put_back(kept: Kept) -> None:
    """Where history says less than the message, history is completed: else what was handed over would leave again."""
    await kept.corrupt(f"DELETE FROM status WHERE number = {ONE}", f"DELETE FROM callback WHERE number = {ONE}")

    await found(kept, repair=True)
    assert await codes(kept, ONE) == [101, 102]


async def test_what_history_shows_to_have_left_is_not_called_unknown(kept: Kept) -> None:
    """A status that was put back is put forward again, and nothing else is made of it."""
    await kept.corrupt(f"UPDATE message SET code = 101 WHERE number = {ONE}")

    await found(kept, repair=True)
    assert await codes(kept, ONE) == [101, 102]
    assert await found(kept) == {}


async def test_it_goes_piece_by_piece(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """However small the pieces are, all is seen, and nothing twice."""
    monkeypatch.setattr(soundness, "PIECE", 1)
    await kept.corrupt(f"UPDATE dispatch SET state = 5 WHERE key = {ONE + 2}")

    report = await asyncio.to_thread(look_through, kept.url, LATER)
    assert (report.accepted.total(), report.statuses.total()) == (4, 4)
    assert report.found == {Fault.ENDED_UNTOLD: 1}


def test_the_command_prints_the_sum_and_what_is_wrong(tmp_path: Path) -> None:
    """0 where all is well, 1 where something is not, 3 where there is no store; also as JSON."""
    config = write_config(tmp_path)
    assert sluss("fsck", "--config", config).exit_code == 3
    kept = asyncio.run(_made(f"sqlite:///{tmp_path}/sluss.db"))

    assert "Every message is accounted for" in sluss("fsck", "--config", config).stdout
    asyncio.run(_made(kept, f"UPDATE dispatch SET state = 5 WHERE key = {ONE + 2}"))
    said = sluss_json("fsck", "--config", config, code=1)
    assert said["total"] == {"accepted": 4, "delivered": 1, "failed": 0, "pending": 2, "unknown": 1}
    assert said["accounts"] == [{"account": "ip1-12345", **said["total"]}]
    assert said["states"][0] == {"code": 101, "name": "Accepted", "messages": 1}
    assert said["findings"][0]["fault"] == "dispatch-ended-untold"
    assert "With --repair: told as unknown." in sluss("fsck", "--config", config).stdout
    assert "Repaired: 1, told as unknown." in sluss("fsck", "--repair", "--config", config).stdout
    assert sluss("fsck", "--config", config).exit_code == 0


def test_a_store_that_cannot_be_written_is_not_repaired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so in a sentence, and ends as where nothing can be reached."""
    config = write_config(tmp_path)
    asyncio.run(_made(asyncio.run(_made(f"sqlite:///{tmp_path}/sluss.db")), "UPDATE filed SET ordinal = 17"))

    def connect(target: str) -> schema.Connection:
        connection = sqlite3.connect(target, isolation_level=None, factory=schema.Connection)
        connection.execute("PRAGMA query_only = ON")
        return connection

    monkeypatch.setattr(schema, "connect", connect)
    result = sluss("fsck", "--repair", "--config", config)

    assert (result.exit_code, "nothing can be written to it now" in told(result)) == (3, True)


async def _made(url: str, *statements: str) -> str:
    store = open_store(url)
    try:
        if not statements:
            await fill(store)
        await Kept(store, url).corrupt(*statements)
    finally:
        await store.close()
    return url
