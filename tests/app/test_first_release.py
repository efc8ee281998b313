"""A database of the first release, opened by today's program: everything in it is told by today's faces, and goes on.

The files in `tests/golden/store/` say what wrote them. They are never written anew: each new schema reads them.
"""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from builders import NOW, FrozenClock
from gateways import ACCOUNT, BASIC, KEY, TOKEN, Running, a_document, settled
from rawhttp import exchange, request
from recorder import Recorder

from gateway.app import Gateway
from gateway.commands import PasscodeSettings
from gateway.ids import Kind, public_id
from gateway.model import DispatchState, Plan, Priority, Rewrite, UnknownPolicy, Window
from gateway.ports import Pause
from gateway.status import Status

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "store"
REPORTS = "https://erp.example/reports"
HERE = "http://127.0.0.1:1/reports"
"""No name that a test would have to look up; and nobody listens there."""


def golden(name: str) -> str:
    """The statements of a file."""
    return (GOLDEN / name).read_text("utf-8").replace(REPORTS, HERE)


class Old:
    """A gateway of today on a store of then."""

    def __init__(self, gateway: Gateway, recorder: Recorder) -> None:
        """It sends to the recorder."""
        self.gateway = gateway
        self.store = gateway.store
        self.recorder = recorder

    async def v2(self, path: str) -> Any:
        """The document at an address of REST v2."""
        return await self._get(path, {"Authorization": f"Bearer {KEY}"})

    async def v1(self, path: str) -> Any:
        """The document at an address of REST v1."""
        return await self._get(path, {"Authorization": f"Basic {BASIC}"})

    async def _get(self, path: str, headers: dict[str, str]) -> Any:
        answer = await exchange(self.gateway.public, request("GET", path, headers, b""))
        assert answer.status == 200, answer.body
        return json.loads(answer.body)


def document(store: str, recorder: Recorder) -> dict[str, Any]:
    """A configuration with the upstreams that were configured then."""
    upstream = {"adapter": "rest_v2", "url": recorder.url, "token": TOKEN}
    ways = {"main": 1, "other": 1, "night": 1}
    routes = [{"name": "default", "to": ways}]
    return a_document(
        store=store, upstreams=dict.fromkeys(ways, upstream), routes=routes, callbacks={"allow_private": True}
    )


@pytest.fixture(params=["sqlite_0001.sql", "sqlite_0010.sql", "postgresql_0011.sql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of each of them in turn."""
    if request.param.startswith("sqlite"):
        url = f"sqlite:///{tmp_path}/sluss.db"
        with closing(sqlite3.connect(tmp_path / "sluss.db")) as db:
            db.executescript(golden(request.param))
    else:
        url = request.getfixturevalue("database")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(golden(request.param).encode())
    return url


@pytest.fixture
async def old(url: str, running: Running, recorder: Recorder) -> Old:
    """A gateway of today on it."""
    return Old(await running(document(url, recorder), FrozenClock(NOW + 60_000)), recorder)


async def test_what_was_sent_is_told(old: Old) -> None:
    """By REST v2 and v1, with its whole history; batches are listed in their order, and numbers go on behind them."""
    listed = await old.v2("/v2/batches?limit=100")
    numbers = [int(batch["id"][10:], 16) for batch in listed]
    assert numbers[:4] == [1001, 1002, 1003, 1004]
    batch, number = (public_id(kind, NOW, 1001) for kind in (Kind.BATCH, Kind.MESSAGE))
    told = await old.v2(f"/v2/batches/{batch}/messages/{number}")
    assert (told["recipient"], told["statuses"][-1]["code"]) == ("46712345678", 201)
    sent = await old.v1("/api/sms/sent/1001")
    assert (sent["To"], sent["Status"]) == ("46712345678", 22)

    found = await old.store.message(1001)
    assert found is not None
    kept, message, history = found
    assert (kept.face, kept.content.body, kept.content.report_url) == ("rest_v2", "Hello", HERE)
    assert (message.price, message.currency) == ("0.35", "SEK")
    assert [entry.status for entry in history] == [Status.ACCEPTED, Status.QUEUED, Status.DELIVERED_TO_HANDSET]
    assert (history[-1].raw_code, history[-1].raw_text, history[-1].upstream) == ("22", "Delivered", "main")
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    body = b'{"sender":"iP1","recipients":["46712345670"],"body":"Of today"}'
    answer = await exchange(old.gateway.public, request("POST", "/v2/batches", headers, body))
    assert int(json.loads(answer.body)["id"][10:], 16) > max(numbers)


async def test_what_was_to_be_done_goes_on(old: Old) -> None:
    """What waited leaves, each recipient by its own way; what was taken is asked after; what is unknown waits."""
    for number in (1004, 1005):
        await settled(old.gateway, number, Status.QUEUED)
    assert old.recorder.copies[("Hi Anna", "46700000001")] == 1
    assert old.recorder.copies[("Hi you", "46700000002")] == 1
    dispatches = {number: await old.store.dispatch(number) for number in (1001, 1002, 1003)}
    assert {number: dispatch and dispatch.state for number, dispatch in dispatches.items()} == {
        1001: DispatchState.SENT,
        1002: DispatchState.UNKNOWN,
        1003: DispatchState.WAITING,
    }
    polled = dispatches[1003]
    assert polled is not None
    assert (polled.upstream_ref, polled.sent_at) == ("77", NOW + 3000)
    batch = await old.store.batch(1004)
    assert batch is not None
    assert batch.content.windows == (Window(NOW, None),)
    assert (batch.content.priority, batch.content.reference, batch.content.tags) == (
        Priority.HIGH,
        "order 7",
        ("a", "å"),
    )
    (outbox,) = await old.store.outboxes()
    assert outbox.caller == "erp"
    assert outbox.waiting >= 2


async def test_what_was_said_is_told_as_conversations(old: Old) -> None:
    """Also where there were no conversations then: they are filed behind."""

    async def said() -> list[int]:
        return [int(entry["id"][10:], 16) for entry in await old.v2("/v2/conversations/46712345678?limit=2")]

    assert await said() == [1001, 1002]
    summary = await old.v2("/v2/conversations/46712345679/summary")
    assert (summary["mt"]["messages"], summary["mo"]["messages"]) == (1, 0)


@pytest.mark.parametrize("url", ["sqlite_0010.sql", "postgresql_0011.sql"], indirect=True)
async def test_what_accounts_have_is_there(old: Old) -> None:
    """Address book, senders, blacklist, what came in, two-factor codes and their settings, keys of requests, pauses."""
    (anna, bo) = await old.v2("/v2/contacts")
    assert anna["properties"] == {"phoneNumber": "46700000001", "firstName": "Anna"}
    assert (anna["labels"], bo["labels"]) == (["friends"], [])
    assert [group["Name"] for group in await old.v1("/api/groups")] == ["friends"]
    assert [sender["sender"] for sender in await old.v2("/v2/me/senders")] == ["Shop"]
    assert [entry["Phone"] for entry in await old.v1("/api/blacklist")] == ["+46700000009"]
    received = await old.v1("/api/sms/received")
    assert sorted(letter["Message"] for letter in received) == ["Hej då", "STOP"]
    assert await old.store.use_passcode(ACCOUNT, "46700000001", [b"\x02" * 32], NOW, 5)
    assert await old.store.passcode_settings(ACCOUNT) == PasscodeSettings(3, "Shop", None, 6, 300, numeric=True)
    repeated = await old.store.repeated(ACCOUNT, "order-7")
    assert repeated is not None
    assert (repeated.batch.key, repeated.fingerprint) == (1004, b"\x07" * 32)
    assert await old.store.pauses() == {"night": Pause(NOW, "their maintenance")}


@pytest.mark.parametrize("url", ["sqlite_0010.sql", "postgresql_0011.sql"], indirect=True)
async def test_what_was_decided_is_kept(old: Old) -> None:
    """Plans, what is held, what is sealed, and who was rejected."""
    found = {number: await old.store.dispatch(number) for number in (1004, 1006, 1008, 1009)}
    planned, held, hidden, sealed = (dispatch for dispatch in found.values() if dispatch is not None)
    assert planned.plan == Plan(("other",), ("unreachable",), UnknownPolicy.FAIL, Rewrite(sender="Shop"))
    assert held.state is DispatchState.HELD
    assert (hidden.hidden, sealed.sealed) == (b"sealed text", b"sealed credentials")
    rejected = await old.store.message(1007)
    assert rejected is not None
    assert [entry.status for entry in rejected[2]] == [Status.ACCEPTED, Status.RECIPIENT_REJECTED]
