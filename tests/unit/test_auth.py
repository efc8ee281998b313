"""Who may call, from where and which face; and that nothing in memory tells a key."""

import asyncio
import gc
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pydantic import SecretStr

from gateway import auth
from gateway.auth import Auth, hash_key, hash_password, new_key
from gateway.config import Caller
from gateway.errors import Busy, Unauthenticated
from gateway.ports import Credentials

KEY = "CnbXFfyTM5BTKh7uNV"
PASSWORD = "sommar-2019-hemligt"
CHEAP = "scrypt:16:1:1:MDEyMzQ1Njc=:"
"""A salt and a cost that no test waits for."""


def cheap(password: str) -> str:
    """The scrypt form of a password, at a cost that no test waits for."""
    import base64
    import hashlib

    digest = hashlib.scrypt(password.encode(), salt=b"01234567", n=16, r=1, p=1)
    return CHEAP + base64.b64encode(digest).decode()


def a_caller(**over: Any) -> Caller:
    """A caller with one random key."""
    return Caller.model_validate({"name": "erp", "account": "ip1-12345", "keys": [hash_key(KEY)]} | over)


async def allowed(
    *callers: Caller, key: str = KEY, account: str | None = "ip1-12345", peer: str = "10.1.2.3", face: str = "soap"
) -> str | None:
    """The name of the caller that gets in, None where nobody does."""
    gate = Auth(callers)
    try:
        return (await gate.check(Credentials(account, SecretStr(key)), peer, face)).name
    except Unauthenticated:
        return None
    finally:
        gate.close()


KEYS = [
    ("the right key and account", KEY, "ip1-12345", "erp"),
    ("a bearer key, which names no account", KEY, None, "erp"),
    ("another key", KEY + "x", "ip1-12345", None),
    ("another key as bearer", "x", None, None),
    ("the right key of another account", KEY, "ip1-99999", None),
    ("an account in another case", KEY, "IP1-12345", None),
    ("no account where one is named", KEY, "", None),
    ("no key", "", "ip1-12345", None),
    ("the hash in the place of the key", hash_key(KEY), "ip1-12345", None),
    ("a key that is no text", "\udcff", "ip1-12345", None),
    ("an account that is no text", KEY, "\ud800", None),
    ("a key with letters beyond ASCII", "å€😀", "ip1-12345", None),
]


@pytest.mark.parametrize(("label", "key", "account", "expected"), KEYS, ids=[case[0] for case in KEYS])
@pytest.mark.parametrize("form", [hash_key, cheap], ids=["random", "password"])
async def test_a_key_opens_its_own_account(
    label: str, key: str, account: str | None, expected: str | None, form: Any
) -> None:
    """Account and key belong together; both kinds of key behave alike, but that a password needs its account."""
    if form is cheap and account is None:
        expected = None

    assert await allowed(a_caller(keys=[form(KEY)]), key=key, account=account) == expected


async def test_several_callers_and_keys() -> None:
    """Each key leads to its own caller, also where callers share an account and one of them has two keys."""
    erp = a_caller(keys=[hash_key("a"), hash_key("b")])
    crm = a_caller(name="crm", keys=[cheap("c")])
    old = a_caller(name="old", keys=[cheap("d"), hash_key("e")])

    got = [await allowed(erp, crm, old, key=key) for key in "abcdef"]

    assert got == ["erp", "erp", "crm", "old", "old", None]


async def test_a_key_of_our_own_making_is_accepted() -> None:
    """What `sluss key new` prints is what its hash lets in; no two are alike."""
    key = new_key()

    assert await allowed(a_caller(keys=[hash_key(key)]), key=key) == "erp"
    assert len({new_key() for _ in range(100)}) == 100


async def test_a_password_is_hashed_slowly_and_with_its_own_salt() -> None:
    """The form that `sluss key hash` prints fits the configuration; the same password is never hashed alike twice."""
    first, second = hash_password(PASSWORD), hash_password(PASSWORD)

    assert first != second
    assert first.startswith("scrypt:16384:8:1:")
    assert await allowed(a_caller(keys=[first]), key=PASSWORD) == "erp"
    assert await allowed(a_caller(keys=[first]), key=PASSWORD + "x") is None


ADDRESSES = [
    ("no list lets everybody in", [], [], "203.0.113.9", True),
    ("inside a network", ["10.1.0.0/16"], [], "10.1.2.3", True),
    ("outside", ["10.1.0.0/16"], [], "10.2.2.3", False),
    ("one of several", ["10.1.0.0/16", "192.0.2.7"], [], "192.0.2.7", True),
    ("IPv4 as a dual-stack listener shows it", ["10.1.0.0/16"], [], "::ffff:10.1.2.3", True),
    ("IPv4 outside, as a dual-stack listener shows it", ["10.1.0.0/16"], [], "::ffff:10.2.2.3", False),
    ("inside an IPv6 network", ["2001:db8::/32"], [], "2001:db8::5", True),
    ("outside an IPv6 network", ["2001:db8::/32"], [], "2001:db9::5", False),
    ("IPv4 against an IPv6 list", ["::/0"], [], "10.1.2.3", False),
    ("IPv6 against an IPv4 list", ["0.0.0.0/0"], [], "2001:db8::5", False),
    ("a peer that is no address", ["0.0.0.0/0", "::/0"], [], "unix", False),
    ("no peer", ["0.0.0.0/0"], [], "", False),
    ("the key's own list beats the caller's", ["10.1.0.0/16"], ["192.0.2.7"], "10.1.2.3", False),
    ("the key's own list lets in whom the caller's does not", ["10.1.0.0/16"], ["192.0.2.7"], "192.0.2.7", True),
    ("a key's list alone", [], ["192.0.2.7"], "10.1.2.3", False),
]


@pytest.mark.parametrize(
    ("label", "caller_from", "key_from", "peer", "expected"), ADDRESSES, ids=[case[0] for case in ADDRESSES]
)
@pytest.mark.parametrize("form", [hash_key, cheap], ids=["random", "password"])
async def test_from_where(
    label: str, caller_from: list[str], key_from: list[str], peer: str, form: Any, *, expected: bool
) -> None:
    """A key is good from its own networks, or its caller's where it has none; a mapped address is the IPv4 one."""
    caller = a_caller(allow_from=caller_from, keys=[{"hash": form(KEY), "allow_from": key_from}])

    assert await allowed(caller, peer=peer) == ("erp" if expected else None)


@pytest.mark.parametrize(("faces", "expected"), [(None, "erp"), (["soap", "rest_v1"], "erp"), (["rest_v2"], None)])
async def test_which_face(faces: list[str] | None, expected: str | None) -> None:
    """A caller may be held to some faces; elsewhere it is as unknown as anybody."""
    assert await allowed(a_caller(faces=faces)) == expected


async def test_every_refusal_sounds_the_same() -> None:
    """Nobody learns from the answer whether it was the key, the account, the address or the face."""
    gate = Auth([a_caller(allow_from=["10.0.0.0/8"], faces=["soap"])])
    words = set()
    for account, key, peer, face in [
        ("ip1-12345", "wrong", "10.0.0.1", "soap"),
        ("ip1-99999", KEY, "10.0.0.1", "soap"),
        ("ip1-12345", KEY, "192.0.2.1", "soap"),
        ("ip1-12345", KEY, "10.0.0.1", "rest_v2"),
    ]:
        with pytest.raises(Unauthenticated) as caught:
            await gate.check(Credentials(account, SecretStr(key)), peer, face)
        words.add(caught.value.detail)

    assert words == {"The credentials are missing or wrong, or may not be used from here"}


def reachable(root: object) -> list[object]:
    """Everything that can be got at from an object, short of modules, classes and functions."""
    seen: dict[int, object] = {}
    ahead = [root]
    while ahead:
        found = ahead.pop()
        if id(found) in seen or isinstance(found, type) or callable(found) or type(found).__name__ == "module":
            continue
        seen[id(found)] = found
        ahead += gc.get_referents(found)
    return list(seen.values())


async def test_nothing_in_memory_holds_a_key() -> None:
    """After keys were checked, right and wrong, neither they nor their plain digest stand in anything auth keeps."""
    import hashlib

    gate = Auth([a_caller(keys=[hash_key(KEY), cheap(PASSWORD)])])
    for key in (KEY, PASSWORD, PASSWORD, "wrong" + PASSWORD):
        try:
            await gate.check(Credentials("ip1-12345", SecretStr(key)), "10.1.2.3", "soap")
        except Unauthenticated:
            continue
    gate.close()
    kept = reachable(list(vars(gate).values()))
    texts = [found for found in kept if isinstance(found, str)]
    blobs = [found for found in kept if isinstance(found, bytes)]

    assert len(gate._verified) == 1
    assert len(texts) > 5
    assert not [text for text in texts if KEY in text or PASSWORD in text]
    assert not [blob for blob in blobs if KEY.encode() in blob or PASSWORD.encode() in blob]
    assert hashlib.sha256(PASSWORD.encode()).digest() not in blobs


async def test_a_password_is_checked_once_and_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The slow check runs once per password in ten minutes; a wrong one is never remembered."""
    checks: list[str] = []
    now = [1000.0]

    def slow(key: str, stored: str) -> bool:
        checks.append(key)
        return key == PASSWORD

    monkeypatch.setattr(auth, "password_matches", slow)
    monkeypatch.setattr(auth.time, "monotonic", lambda: now[0])
    gate = Auth([a_caller(keys=[cheap(PASSWORD)])])

    async def ask(key: str) -> bool:
        try:
            await gate.check(Credentials("ip1-12345", SecretStr(key)), "10.1.2.3", "soap")
        except Unauthenticated:
            return False
        return True

    assert [await ask(key) for key in (PASSWORD, PASSWORD, "x", "x")] == [True, True, False, False]
    assert checks == [PASSWORD, "x", "x"]
    now[0] += auth.CACHE_SECONDS + 1
    assert await ask(PASSWORD)
    assert checks[3:] == [PASSWORD]
    gate.close()


async def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many passwords are good, no more than so many are remembered: the oldest goes first."""
    monkeypatch.setattr(auth, "CACHE_SIZE", 2)
    callers = [a_caller(name=f"c{n}", account=f"a{n}", keys=[cheap(f"p{n}")]) for n in range(4)]
    gate = Auth(callers)
    for n in range(4):
        await gate.check(Credentials(f"a{n}", SecretStr(f"p{n}")), "10.1.2.3", "soap")
    gate.close()

    assert [caller.name for _, caller, _ in gate._verified.values()] == ["c2", "c3"]


async def test_a_flood_of_guesses_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond so many slow checks at once callers are told Busy, and random keys still pass without waiting."""
    gate = Auth([a_caller(keys=[cheap(PASSWORD)]), a_caller(name="crm", keys=[hash_key(KEY)])])
    stuck = asyncio.Event()
    loop = asyncio.get_running_loop()

    def run(_executor: ThreadPoolExecutor, _check: Any, key: str, _stored: str) -> "asyncio.Future[bool]":
        async def wait() -> bool:
            await stuck.wait()
            return key == PASSWORD

        return asyncio.ensure_future(wait())

    monkeypatch.setattr(loop, "run_in_executor", run)

    async def ask(key: str) -> str:
        # Each from an address of its own: one address has few tries.
        return (await gate.check(Credentials("ip1-12345", SecretStr(key)), f"10.1.2.{key[-2:].strip()}", "soap")).name

    waiting = [asyncio.create_task(ask(f"guess {n}")) for n in range(auth.MAX_QUEUED)]
    await asyncio.sleep(0)
    with pytest.raises(Busy, match="try again later"):
        await ask(PASSWORD)
    assert await ask(KEY) == "crm"

    stuck.set()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert await ask(PASSWORD) == "erp"
    monkeypatch.undo()
    gate.close()


async def test_a_check_that_is_given_up_frees_its_place() -> None:
    """A client that hangs up while its password is checked leaves the queue as it found it."""
    gate = Auth([a_caller(keys=[cheap(PASSWORD)])])
    asking = asyncio.create_task(gate.check(Credentials("ip1-12345", SecretStr("x")), "10.1.2.3", "soap"))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)

    assert gate._queued == 0
    gate.close()
