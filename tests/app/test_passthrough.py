"""Callers whose keys nobody here knows: what they give is what the provider sees, and the provider judges it."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import depths
from callers import FACES, a_letter, number_of
from gateways import ACCOUNT, KEY, Running, a_document, free_port, settled, until
from rawhttp import exchange, request

from gateway.app import Gateway
from gateway.auth import hash_key
from gateway.config import Caller
from gateway.sealing import new_seal_key
from gateway.status import Status

PASSED = {"name": "old", "account": ACCOUNT, "passthrough": True}
NONE = "no-key-of-the-gateway"
UPSTREAMS: dict[str, Callable[[int], dict[str, Any]]] = {
    "rest_v2": lambda port: {"adapter": "rest_v2", "url": f"http://127.0.0.1:{port}/v2", "token": NONE},
    "rest_v1": lambda port: {
        "adapter": "rest_v1",
        "url": f"http://127.0.0.1:{port}/api",
        "account": "nobody",
        "key": NONE,
    },
    "soap": lambda port: {
        "adapter": "soap",
        "url": f"http://127.0.0.1:{port}/sendsms/sendsms.asmx",
        "account": "nobody",
        "key": NONE,
    },
    "sendsms": lambda port: {
        "adapter": "sendsms",
        "url": f"http://127.0.0.1:{port}/sendsms.aspx",
        "account": "nobody",
        "key": NONE,
    },
}


class Chain:
    """A gateway that passes through, and where its provider, another gateway, may come to be."""

    def __init__(self, running: Running, folder: Path) -> None:
        """Take a port for the provider; nobody listens there yet."""
        self._running = running
        self._port = free_port()
        self.file = folder / "sluss.db"
        self.gateway: Gateway
        self.provider: Gateway

    async def open(self, adapter: str = "rest_v2", **over: Any) -> None:
        """Start the gateway before it."""
        document = a_document(
            store=f"sqlite:///{self.file}",
            callers=[PASSED],
            sealing={"keys": [new_seal_key()]},
            upstreams={"main": {**UPSTREAMS[adapter](self._port), "retry": {"first": "1s", "max": "1s"}}},
            routes=[{"name": "default", "to": "main"}],
        )
        self.gateway = await self._running(document | over)

    async def provide(self) -> None:
        """Start the provider."""
        listen = {"public": f"127.0.0.1:{self._port}", "internal": "127.0.0.1:0"}
        self.provider = await self._running(a_document(listen=listen))

    async def send(self, face: str = "sendsms", key: str = KEY) -> int | None:
        """Send over a face; None where it is refused."""
        answer = await exchange(self.gateway.public, a_letter(face, key=key).raw())
        return number_of(face, answer.body)

    def sealed(self) -> list[bytes]:
        """The credentials that are stored."""
        disk = sqlite3.connect(f"{self.file.as_uri()}?mode=ro", uri=True)
        try:
            return [row[0] for row in disk.execute("SELECT sealed FROM credential")]
        finally:
            disk.close()


@pytest.fixture
def chain(running: Running, tmp_path: Path) -> Chain:
    """A chain that is not opened yet."""
    return Chain(running, tmp_path)


@pytest.mark.parametrize("face", FACES)
async def test_the_provider_sees_the_callers_own_key(chain: Chain, face: str) -> None:
    """Whatever face it comes in by, the provider's account is the caller's; nothing of it is left here afterwards."""
    await chain.provide()
    await chain.open()

    number = await chain.send(face)

    assert number is not None
    await settled(chain.gateway, number, Status.QUEUED)
    await until(lambda: chain.provider.store.batch(1001))
    await until(lambda: not chain.sealed())


@pytest.mark.parametrize("adapter", ["rest_v1", "soap", "sendsms"])
async def test_by_every_protocol(chain: Chain, adapter: str) -> None:
    """Account and key of the caller stand where that protocol has them."""
    await chain.provide()
    await chain.open(adapter)

    assert await chain.send("soap") is not None
    await until(lambda: chain.provider.store.batch(1001))


@pytest.mark.parametrize(("face", "status"), [("rest_v2", 401), ("rest_v1", 401), ("soap", 200), ("sendsms", 200)])
async def test_a_wrong_key_is_refused_in_the_faces_words(chain: Chain, face: str, status: int) -> None:
    """The provider is asked before anything is stored, and its no is the gateway's."""
    await chain.provide()
    await chain.open()

    answer = await exchange(chain.gateway.public, a_letter(face, key="wrong-key-of-somebody").raw())

    assert (answer.status, number_of(face, answer.body)) == (status, None)
    assert await chain.gateway.store.batch(1001) is None


async def test_a_provider_that_is_away_keeps_nobody_from_sending(chain: Chain) -> None:
    """The message is taken, its credentials sealed in the file, and sent when the provider is back."""
    await chain.open()
    number = await chain.send()
    assert number is not None

    (sealed,) = await asyncio.to_thread(chain.sealed)
    assert KEY.encode() not in sealed
    disk = b"".join(path.read_bytes() for path in chain.file.parent.glob("sluss.db*"))
    assert sealed in disk
    assert KEY.encode() not in disk

    await chain.provide()
    await settled(chain.gateway, number, Status.QUEUED)
    await until(lambda: not chain.sealed())


async def test_nobody_reads_without_being_known(chain: Chain) -> None:
    """While nobody can say whether a key is good, a message's status is told to nobody; found wrong, it is refused."""
    await chain.open()
    number = await chain.send()
    ask = request("GET", f"/api/sms/sent/{number}", {"Authorization": f"Bearer {KEY}"})

    assert (await exchange(chain.gateway.public, ask)).status == 503

    await chain.provide()
    assert (await exchange(chain.gateway.public, ask)).status == 200
    wrong = request("GET", f"/api/sms/sent/{number}", {"Authorization": "Bearer wrong-key-of-somebody"})
    assert (await exchange(chain.gateway.public, wrong)).status == 401


async def test_a_wrong_key_harms_nobody_else(chain: Chain) -> None:
    """Taken while the provider was away and refused by it later, it fails alone: the others' messages leave."""
    await chain.open()
    wrong = await chain.send(key="wrong-key-of-somebody")
    right = await chain.send()
    assert wrong is not None
    assert right is not None

    await chain.provide()
    await settled(chain.gateway, right, Status.QUEUED)
    await settled(chain.gateway, wrong, Status.GENERIC_REJECTED)
    assert await depths(chain.gateway.store) == {}
    metrics = await exchange(chain.gateway.internal, request("GET", "/metrics"))
    assert b'sluss_upstream_held{upstream="main"} 1.0' not in metrics.body
    await until(lambda: not chain.sealed())


async def test_the_upstreams_word_is_waited_for(chain: Chain) -> None:
    """With reply: sent, a key that has become wrong is told in the same breath."""
    await chain.provide()
    await chain.open(routes=[{"name": "default", "to": "main", "reply": "sent", "within": "5s"}])
    assert await chain.send() is not None

    # The provider forgets the key that it has just vouched for.
    key = hash_key("another key of the same account")
    caller = Caller.model_validate({"name": "erp", "account": ACCOUNT, "keys": [key]})
    chain.provider.runtime._running.auth.configure([caller])

    assert await chain.send() is None


async def test_the_balance_is_the_callers_own(chain: Chain) -> None:
    """What `balans` answers comes from the account that asks."""
    await chain.provide()
    await chain.open()
    question = request(
        "POST",
        "/sendsms/sendsms.asmx",
        {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '"http://web.smscom.se/sendsms/balans"'},
        (
            '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
            '<balans xmlns="http://web.smscom.se/sendsms/">'
            f"<konto>{ACCOUNT}</konto><passwd>{KEY}</passwd></balans></soap:Body></soap:Envelope>"
        ).encode(),
    )

    answer = await exchange(chain.gateway.public, question)

    assert answer.status == 200
    assert b"<balansResult>1000" in answer.body, answer.body
