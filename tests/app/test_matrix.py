"""Every face to every upstream: the text arrives whole, and its status is read back in the caller's own vocabulary."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from callers import FACES, a_letter, number_of
from gateways import ACCOUNT, BASIC, KEY, TOKEN, Running, a_document, free_port, settled
from rawhttp import exchange, request

from gateway import registry
from gateway.app import Gateway
from gateway.auth import hash_key
from gateway.ids import FIRST_NUMBER, Kind, public_id
from gateway.status import Status

LETTERS = "åäö € 😀 'q' \"qq\" <&> 100% +1"
PROVIDER = "ip1-99999"

Behind = Callable[[str], Awaitable[tuple[Gateway, Gateway | None]]]


def upstream(adapter: str, base: str) -> dict[str, Any]:
    """An upstream that is the same provider, spoken to in another protocol."""
    login = {"account": PROVIDER, "key": TOKEN}
    query = f"acc={PROVIDER}&pass={{secret.key}}&msg={{text}}&from={{sender}}&to={{recipient}}&prio=1&type="
    options: dict[str, dict[str, Any]] = {
        "sandbox": {"pace": 0},
        "rest_v2": {"url": f"{base}/v2", "token": TOKEN},
        "rest_v1": {"url": f"{base}/api", **login},
        "soap": {"url": f"{base}/sendsms/sendsms.asmx", **login},
        "sendsms": {"url": f"{base}/sendsms.aspx", **login},
        "http": {
            "url": f"{base}/sendsms.aspx?{query}",
            "secrets": {"key": TOKEN},
            "accepted": {"body": "^[0-9]{4,}$"},
            "permanent": {"body": "^[0-9]{1,3}$"},
            "id": {"regex": "^([0-9]{4,})$"},
        },
    }
    return {"adapter": adapter, **options[adapter]}


UPSTREAMS = [name for name in registry.known() if registry.load(name).upstream or registry.load(name).local]

ENDS = {"sandbox": (201, 22), "rest_v2": (201, 22), "rest_v1": (201, 22)}
"""What the last status is to v2 and to the older APIs; an upstream that says no more has the message in its queue."""


@pytest.fixture
def behind(running: Running) -> Behind:
    """Starts a gateway whose upstream speaks that adapter's protocol, and the provider behind it."""

    async def begin(adapter: str) -> tuple[Gateway, Gateway | None]:
        provider = None
        if adapter != "sandbox":
            caller = {"name": "sluss", "account": PROVIDER, "keys": [hash_key(TOKEN)]}
            provider = await running(a_document(callers=[caller], callbacks={"allow_private": True}))
        base = f"http://127.0.0.1:{provider.public.port}" if provider else ""
        port = free_port()
        listen = {"public": f"127.0.0.1:{port}", "internal": "127.0.0.1:0", "public_url": f"http://127.0.0.1:{port}"}
        document = a_document(
            listen=listen,
            upstreams={"main": upstream(adapter, base)},
            routes=[{"name": "default", "to": "main"}],
            callbacks={"allow_private": True},
        )
        return await running(document), provider

    return begin


async def read(gateway: Gateway, target: str, login: str) -> Any:
    """A JSON document that the caller asks for."""
    return json.loads((await exchange(gateway.public, request("GET", target, {"Authorization": login}))).body)


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("adapter", UPSTREAMS)
async def test_from_every_face_to_every_upstream(face: str, adapter: str, behind: Behind) -> None:
    """Sent by one protocol and taken by another, and told by v2's statuses and by the older codes alike."""
    gateway, provider = await behind(adapter)
    number = number_of(face, (await exchange(gateway.public, a_letter(face, LETTERS).raw())).body)
    assert number == FIRST_NUMBER
    code, legacy = ENDS.get(adapter, (102, 10))

    await settled(gateway, number, Status.of(code))

    sent = await gateway.store.batch(number)
    assert sent is not None
    if provider is not None:
        taken = await provider.store.batch(FIRST_NUMBER)
        assert taken is not None
        assert (taken.content.body, taken.content.sender) == (LETTERS, "iP1")
    batch = await read(gateway, f"/v2/batches/{public_id(Kind.BATCH, sent.created, number)}", f"Bearer {KEY}")
    logged = await read(gateway, f"/api/sms/sent/{number}", f"Basic {BASIC}")
    assert (batch["status"], logged["Status"], logged["Message"]) == (code, legacy, LETTERS)
    assert batch["owner"] == ACCOUNT


def test_every_adapter_is_in_the_matrix() -> None:
    """A new upstream needs its row here."""
    for adapter in UPSTREAMS:
        assert upstream(adapter, "http://127.0.0.1")["adapter"] == adapter
