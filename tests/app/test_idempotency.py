"""Requests with an Idempotency-Key: sent once, however often they are asked, and answered the same each time."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from builders import FrozenClock
from gateways import ACCOUNT, BASIC, KEY, Running, a_document
from rawhttp import Answer, exchange, request

from gateway.app import Gateway
from gateway.auth import hash_key
from gateway.housekeeping import KEPT

V2 = {"sender": "iP1", "recipients": ["46700000001", "46700000002"], "body": "Hello"}
V1 = {"Numbers": ["46700000001", "46700000002"], "From": "iP1", "Message": "Hello"}
FACES = {"v2": ("/v2/batches", V2, f"Bearer {KEY}"), "v1": ("/api/sms/send", V1, f"Basic {BASIC}")}


@pytest.fixture(params=FACES)
def face(request: pytest.FixtureRequest) -> str:
    """Each REST face."""
    return str(request.param)


def a_request(face: str, key: str | None, **over: Any) -> bytes:
    """A request to send, with a key."""
    path, document, login = FACES[face]
    headers = {"Authorization": login, "Content-Type": "application/json"}
    if key is not None:
        headers["Idempotency-Key"] = key
    return request("POST", path, headers, json.dumps(document | over).encode())


async def ask(gateway: Gateway, *asked: Any, **over: Any) -> Answer:
    """The answer to such a request."""
    return await exchange(gateway.public, a_request(*asked, **over))


async def batches(gateway: Gateway) -> int:
    """How many batches there are."""
    headers = {"Authorization": f"Bearer {KEY}"}
    return len(json.loads((await exchange(gateway.public, request("GET", "/v2/batches", headers))).body))


async def test_a_repeated_request_is_answered_the_same(running: Running, face: str) -> None:
    """Byte for byte, and stored once; without a key, or with another, it is another request."""
    gateway = await running()
    first = await ask(gateway, face, "order-7")
    again = await ask(gateway, face, '"order-7"')

    assert first.status in (200, 201)
    assert again.raw == first.raw
    assert await batches(gateway) == 1
    assert (await ask(gateway, face, "order-8")).raw != first.raw
    assert (await ask(gateway, face, None)).status == first.status
    assert await batches(gateway) == 3


async def test_a_key_belongs_to_one_request(running: Running, face: str) -> None:
    """Another body is refused with 422; nothing of it is sent."""
    gateway = await running()
    await ask(gateway, face, "order-7")
    refused = await ask(gateway, face, "order-7", Message="x", body="x")

    assert refused.status == 422
    assert b"Idempotency-Key" in refused.body
    assert await batches(gateway) == 1


async def test_many_at_once_are_one(running: Running, face: str) -> None:
    """A client that lost patience repeats while the first request is still being stored."""
    gateway = await running()
    answers = await asyncio.gather(*(ask(gateway, face, "order-7") for _ in range(20)))

    assert len({answer.raw for answer in answers}) == 1
    assert await batches(gateway) == 1


@pytest.mark.parametrize("key", ["", " ", "x" * 256, '""'])
async def test_a_key_that_is_none(running: Running, face: str, key: str) -> None:
    """It is refused: a client that means to repeat must know that it cannot."""
    gateway = await running()

    assert (await ask(gateway, face, key)).status == 400
    assert await batches(gateway) == 0


async def test_keys_are_an_accounts_own(running: Running, face: str) -> None:
    """Another account may use the same one."""
    other = {"name": "crm", "account": "ip1-2", "keys": [hash_key("other")]}
    mine = {"name": "erp", "account": ACCOUNT, "keys": [hash_key(KEY)]}
    gateway = await running(a_document(callers=[mine, other]))
    first = await ask(gateway, "v2", "order-7")
    theirs = a_request("v2", "order-7").replace(f"Bearer {KEY}".encode(), b"Bearer other")

    assert (await exchange(gateway.public, theirs)).body != first.body


async def test_a_key_is_known_after_a_restart_and_for_a_day(running: Running, tmp_path: Path, face: str) -> None:
    """It is stored with the batch, in the same transaction; after a day it may be anything again."""
    document = a_document(store=f"sqlite:///{tmp_path}/sluss.db")
    gateway = await running(document, FrozenClock())
    first = await ask(gateway, face, "order-7")
    await gateway.stop()
    clock = FrozenClock()
    clock.advance(60)
    gateway = await running(document, clock)

    assert (await ask(gateway, face, "order-7")).raw == first.raw
    await gateway.store.forget_keys(clock.now() - KEPT, 100)
    assert (await ask(gateway, face, "order-7")).raw == first.raw
    await gateway.store.forget_keys(clock.now() + 1, 100)
    assert (await ask(gateway, face, "order-7")).raw != first.raw


async def test_what_was_on_the_blacklist_is_told_again(running: Running) -> None:
    """The first answer is what is repeated, whatever has happened since."""
    gateway = await running()
    headers = {"Authorization": f"Bearer {KEY}"}
    await exchange(gateway.public, request("PUT", "/v2/blacklist/46700000001", headers))
    first = await ask(gateway, "v2", "order-7")
    await exchange(gateway.public, request("DELETE", "/v2/blacklist/46700000001", headers))

    assert b'"405"' in first.body
    assert (await ask(gateway, "v2", "order-7")).raw == first.raw
