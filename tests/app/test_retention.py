"""What is old is removed while the gateway runs, and nobody who asks for what is left notices it."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from builders import NOW, FrozenClock
from command_line import sluss
from gateways import ACCOUNT, KEY, Running, a_document, settled, until
from rawhttp import exchange, request
from structlog.testing import capture_logs

from gateway.app import Gateway
from gateway.model import Incoming

HEADERS = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
DAY = 86_400


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[Any]]:
    """What is logged."""
    with capture_logs() as lines:
        yield lines


async def send(gateway: Gateway, to: str) -> int:
    """Send a message that is delivered at once; its number."""
    body = json.dumps({"sender": "iP1", "recipients": [to], "body": "Hello"}).encode()
    answer = await exchange(gateway.public, request("POST", "/v2/batches", HEADERS, body))
    number = int(json.loads(answer.body)["id"][10:], 16)
    await settled(gateway, number)
    return number


async def get(gateway: Gateway, path: str) -> Any:
    """The document at an address of REST v2."""
    answer = await exchange(gateway.public, request("GET", path, HEADERS, b""))
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


async def removed(gateway: Gateway) -> str:
    """What the metrics say of it."""
    answer = await exchange(gateway.internal, request("GET", "/metrics", {}, b""))
    lines = answer.body.decode().splitlines()
    return " ".join(line for line in lines if line.startswith("sluss_removed_total"))


async def test_what_is_old_goes_by_itself(
    running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logged: list[Any]
) -> None:
    """Counted in the metrics; what is younger is listed, shown and talked of as ever."""
    monkeypatch.setattr("gateway.housekeeping.IDLE", 0.0)
    clock = FrozenClock()
    store = f"sqlite:///{tmp_path}/sluss.db"
    gateway = await running(a_document(store=store, retention={"messages": "30d"}), clock)
    old = [await send(gateway, "46700000001") for _ in range(3)]
    await gateway.store.receive(
        [Incoming(0, NOW, ACCOUNT, "erp", "main", "1", "46700000001", "46799", "Hi", 1)], NOW, ()
    )
    clock.advance(29 * DAY)
    young = await send(gateway, "46700000001")
    assert await gateway.store.message(old[0]) is not None
    clock.advance(2 * DAY)

    async def gone() -> bool:
        return await gateway.store.message(old[-1]) is None and await gateway.store.incoming(1) is None

    await until(gone)
    said = await removed(gateway)
    assert 'kind="batches"} 3.0' in said
    assert 'kind="messages"} 3.0' in said
    assert 'kind="incoming"} 1.0' in said
    (listed,) = await get(gateway, "/v2/batches")
    assert int(listed["id"][10:], 16) == young
    (spoken,) = await get(gateway, "/v2/conversations/46700000001")
    assert int(spoken["id"][10:], 16) == young
    assert [line for line in logged if line["log_level"] == "error"] == []
    path = tmp_path / "sluss.yaml"
    path.write_text(yaml.safe_dump(a_document(store=store)), "utf-8")
    assert (await asyncio.to_thread(sluss, "fsck", "--config", path)).exit_code == 0


async def test_everything_is_kept_by_default(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """However old it is: nobody but operations knows how long it is needed."""
    monkeypatch.setattr("gateway.housekeeping.IDLE", 0.0)
    clock = FrozenClock()
    gateway = await running(a_document(), clock)
    old = await send(gateway, "46700000001")
    clock.advance(3650 * DAY)
    # What is filed after it was looked for, has been looked for again.
    young = await send(gateway, "46700000001")

    async def filed() -> bool:
        return (await gateway.store.life.traces("46700000001")).conversations == 4

    await until(filed)
    assert await gateway.store.message(old) is not None
    assert await gateway.store.message(young) is not None
    assert await removed(gateway) == ""
