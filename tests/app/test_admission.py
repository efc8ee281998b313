"""Who is let in, over each face alike: from which address, behind which proxy, and after how many wrong keys."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
from callers import FACES, a_letter, number_of
from gateways import ACCOUNT, KEY, Running, a_document, free_port
from rawhttp import exchange

from gateway.app import Gateway
from gateway.auth import hash_key, hash_password
from gateway.guesses import BURST
from gateway.sealing import new_seal_key

OFFICE, STRANGER = "198.51.100.7", "203.0.113.9"
PROXY = {"trusted_proxies": ["127.0.0.1"]}
LOCK = ["198.51.100.0/24"]


def a_caller(**over: Any) -> dict[str, Any]:
    """The caller that a letter is of."""
    return {"name": "erp", "account": ACCOUNT, "keys": [hash_key(KEY)]} | over


def the_caller(**over: Any) -> list[dict[str, Any]]:
    """It alone."""
    return [a_caller(**over)]


CALLERS: list[tuple[str, Callable[[], list[dict[str, Any]]]]] = [
    ("a caller's networks", lambda: the_caller(allow_from=LOCK)),
    ("a key's own networks", lambda: the_caller(keys=[{"hash": hash_key(KEY), "allow_from": LOCK}])),
    (
        "a key's own networks in the place of the caller's",
        lambda: the_caller(keys=[{"hash": hash_key(KEY), "allow_from": LOCK}], allow_from=["127.0.0.1"]),
    ),
]
COMES = [
    ("from there, by the proxy that is trusted", PROXY, OFFICE, True),
    ("from elsewhere, by the proxy", PROXY, STRANGER, False),
    ("from elsewhere, who forges the list that the proxy adds to", PROXY, f"{OFFICE}, {STRANGER}", False),
    ("from the proxy's own machine", PROXY, None, False),
    ("straight from elsewhere, with a forged field", {}, OFFICE, False),
]


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("pieces", [1, 2], ids=["whole", "in pieces"])
@pytest.mark.parametrize("callers", [make for _, make in CALLERS], ids=[label for label, _ in CALLERS])
async def test_from_where_a_key_may_be_used(
    running: Running, face: str, pieces: int, callers: Callable[[], list[dict[str, Any]]]
) -> None:
    """Only from its networks, of which X-Forwarded-For tells nothing unless a trusted proxy has written it."""
    for label, listen, forwarded, let_in in COMES:
        gateway = await running(
            a_document(callers=callers(), listen={"public": "127.0.0.1:0", "internal": "127.0.0.1:0", **listen})
        )
        letter = a_letter(face)
        if forwarded is not None:
            letter = letter.but(X_Forwarded_For=forwarded)

        answer = await exchange(gateway.public, letter.raw(), pieces)

        assert (number_of(face, answer.body) is not None) is let_in, label
        assert (await gateway.store.batch(1001) is not None) is let_in, label
        await gateway.stop()


async def refusals(gateway: Gateway, face: str, keys: list[str], peer: str = STRANGER) -> list[bytes]:
    """The answers to keys, one after the other, from an address behind the proxy."""
    letters = [a_letter(face, key=key).but(X_Forwarded_For=peer) for key in keys]
    if face == "rest_v1":  # an account with its key, for a key alone is no password
        logins = [base64.b64encode(f"{ACCOUNT}:{key}".encode()).decode() for key in keys]
        letters = [letter.but(Authorization=f"Basic {login}") for letter, login in zip(letters, logins, strict=True)]
    return [(await exchange(gateway.public, letter.raw())).body for letter in letters]


@pytest.mark.parametrize("face", [face for face in FACES if face != "rest_v2"])
async def test_wrong_passwords_are_few(running: Running, face: str) -> None:
    """After ten the right one is not looked at either, but elsewhere it is; REST v2's bearer keys are random ones."""
    listen = {"public": "127.0.0.1:0", "internal": "127.0.0.1:0", **PROXY}
    gateway = await running(a_document(callers=the_caller(keys=[hash_password(KEY)]), listen=listen))
    wrong = await refusals(gateway, face, [f"guess {at}" for at in range(BURST)])

    assert {number_of(face, body) for body in wrong} == {None}
    (right,) = await refusals(gateway, face, [KEY])
    assert number_of(face, right) is None
    assert right != wrong[0]
    (elsewhere,) = await refusals(gateway, face, [KEY], OFFICE)
    assert number_of(face, elsewhere) is not None


@pytest.mark.parametrize("face", FACES)
async def test_a_provider_hears_few_wrong_keys(running: Running, face: str) -> None:
    """Of a caller that is passed through as well: after ten the provider is not asked, whatever the key."""
    port = free_port()
    provider = await running(a_document(listen={"public": f"127.0.0.1:{port}", "internal": "127.0.0.1:0"}))
    main = {"adapter": "rest_v2", "url": f"http://127.0.0.1:{port}/v2", "token": "none-of-ours"}
    gateway = await running(
        a_document(
            callers=[{"name": "old", "account": ACCOUNT, "passthrough": True}],
            sealing={"keys": [new_seal_key()]},
            upstreams={"main": main},
            routes=[{"name": "default", "to": "main"}],
            listen={"public": "127.0.0.1:0", "internal": "127.0.0.1:0", **PROXY},
        )
    )
    # The balance is what a v2 provider is asked for, and it has that under v1's address.
    asked = provider.runtime._running.metrics.requests.labels("rest_v1", "-", "Unauthenticated")._value

    wrong = await refusals(gateway, face, [f"guess-{at}" for at in range(BURST)])
    assert {number_of(face, body) for body in wrong} == {None}
    assert asked.get() == BURST

    more = await refusals(gateway, face, [f"more-{at}" for at in range(BURST)] + [KEY])
    assert {number_of(face, body) for body in more} == {None}
    assert asked.get() == BURST
    (elsewhere,) = await refusals(gateway, face, [KEY], OFFICE)
    assert number_of(face, elsewhere) is not None
