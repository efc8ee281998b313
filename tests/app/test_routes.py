"""What routes decide, seen from both ends: by the old client that asked, and by the upstreams that were called."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from builders import depths
from callers import FACES, a_letter, number_of
from gateways import TOKEN, Running, a_document, settled, to_v2, until
from rawhttp import exchange
from recorder import Fault, Plan, Recorder

from gateway.app import Gateway
from gateway.auth import hash_key
from gateway.model import DispatchState
from gateway.status import Status

DEAD = {"adapter": "rest_v2", "url": "http://127.0.0.1:9/v2", "token": TOKEN, "connect_timeout": "1s"}
SANDBOX = {"adapter": "sandbox", "pace": 0}


@pytest.fixture
async def provider() -> AsyncIterator[Recorder]:
    """A v2 provider that keeps what it is sent."""
    async with Recorder() as recorder:
        yield recorder


def ruled(rule: dict[str, Any], **upstreams: Any) -> dict[str, Any]:
    """A configuration with one rule, and everything else to the sandbox."""
    document = a_document(upstreams={"sandbox": SANDBOX, **upstreams})
    document["routes"] = [{"name": "ruled", "when": {"caller": "erp"}, **rule}, *document["routes"]]
    return document


def v2(provider: Recorder, **over: Any) -> dict[str, Any]:
    """The upstream that this provider is."""
    upstream: dict[str, Any] = to_v2(provider.url, **over)["upstreams"]["main"]
    return upstream


async def sent(gateway: Gateway, face: str = "sendsms", **letter: Any) -> int:
    """Send, and read the number of the message."""
    number = number_of(face, (await exchange(gateway.public, a_letter(face, **letter).raw())).body)
    assert number is not None
    return number


async def test_an_upstream_that_cannot_be_reached_is_passed_over(running: Running) -> None:
    """The next one of the route gets the message at once, and its reports are believed."""
    gateway = await running(ruled({"to": "dead", "fallback": ["sandbox"]}, dead=DEAD))

    await settled(gateway, await sent(gateway))


async def test_one_after_the_other_is_tried(running: Running, provider: Recorder) -> None:
    """Two upstreams fail, each in a way that the route names; the third takes it, once."""
    provider.plan = lambda: Plan(fault=Fault.THROTTLED)
    rule = {"to": "dead", "fallback": ["main", "sandbox"], "on": ["unreachable", "throttled"]}
    gateway = await running(ruled(rule, dead=DEAD, main=v2(provider)))

    await settled(gateway, await sent(gateway))
    assert (len(provider.requests), provider.messages) == (1, 0)


async def test_what_may_have_arrived_goes_nowhere_else(running: Running, provider: Recorder) -> None:
    """A provider that breaks off after it has read the request is no reason to send it again by another."""
    provider.plan = lambda: Plan(fault=Fault.RESET_AFTER)
    rule = {"to": "main", "fallback": ["sandbox"], "on": ["unreachable", "throttled", "refused", "held"]}
    gateway = await running(ruled(rule, main=v2(provider)))

    assert await settled(gateway, await sent(gateway), Status.UNKNOWN) == (Status.ACCEPTED, Status.UNKNOWN)
    assert provider.messages == 1


async def test_what_may_have_arrived_is_sent_again_where_operations_say_so(
    running: Running, provider: Recorder
) -> None:
    """`on: unknown` takes the risk that somebody gets it twice."""
    provider.plan = lambda: Plan(fault=Fault.RESET_AFTER)
    gateway = await running(ruled({"to": "main", "fallback": ["sandbox"], "on": ["unknown"]}, main=v2(provider)))

    await settled(gateway, await sent(gateway))
    assert provider.messages == 1


@pytest.fixture
async def poor(running: Running) -> Gateway:
    """A provider whose account has no money left, and that takes no Norwegian number."""
    document = a_document(callers=[{"name": "sluss", "account": "ip1-99999", "keys": [hash_key(TOKEN)]}])
    rejections = [
        {"name": "norway", "when": {"country": 47}, "reject": 409},
        {"name": "poor", "when": {"recipient": "46700000402"}, "reject": 402},
    ]
    return await running(document | {"routes": [*rejections, *document["routes"]]})


WORDS = [
    ("sendsms", b"100", b"3"),
    ("soap", b"<smsResult>100</smsResult>", b"<smsResult>3</smsResult>"),
    ("rest_v1", b'"Message":', b'"Message":'),
    ("rest_v2", b'"title":', b'"Recipients":'),
]


@pytest.mark.parametrize(("face", "no_funds", "bad_number"), WORDS, ids=[case[0] for case in WORDS])
async def test_a_caller_may_wait_for_the_upstreams_word(
    face: str, no_funds: bytes, bad_number: bytes, running: Running, poor: Gateway
) -> None:
    """With `reply: sent` an old client reads the very code that the provider's refusal is, and an id otherwise."""
    url = f"http://127.0.0.1:{poor.public.port}/v2"
    gateway = await running(ruled({"to": "main", "reply": "sent"}, **to_v2(url)["upstreams"]))

    poor_answer = await exchange(gateway.public, a_letter(face, to=["46700000402"]).raw())
    bad_answer = await exchange(gateway.public, a_letter(face, to=["4799999999"]).raw())

    assert no_funds in poor_answer.body
    assert bad_number in bad_answer.body
    assert number_of(face, poor_answer.body) is None
    assert await sent(gateway, face, to=["46712345678"]) == 1003


@pytest.mark.parametrize(("face", "no_funds", "bad_number"), WORDS, ids=[case[0] for case in WORDS])
async def test_a_route_may_reject(face: str, no_funds: bytes, bad_number: bytes, running: Running) -> None:
    """Each face says it in its own words, and nothing is stored."""
    for status, words in ((402, no_funds), (405, bad_number)):
        gateway = await running(ruled({"reject": status}))
        assert words in (await exchange(gateway.public, a_letter(face).raw())).body
        assert await gateway.store.batch(1001) is None


async def test_a_provider_that_is_slow_holds_nobody_up(running: Running, provider: Recorder) -> None:
    """When the time is up the caller has its id, and the message goes its way."""
    provider.plan = lambda: Plan(delay=2)
    gateway = await running(ruled({"to": "main", "reply": "sent", "within": "100ms"}, main=v2(provider)))

    assert await sent(gateway) == 1001
    await settled(gateway, 1001, Status.QUEUED)


async def test_what_leaves_is_rewritten_and_what_is_read_is_not(running: Running, provider: Recorder) -> None:
    """The provider gets another sender and plain letters; the caller's own document says what it wrote."""
    rewrite = {"sender": "Alarm", "prefix": "[test] ", "gsm": True}
    gateway = await running(ruled({"to": "main", "rewrite": rewrite}, main=v2(provider)))

    number = await sent(gateway, "rest_v2", text="Zażółć “gęślą” 👍")

    await settled(gateway, number, Status.QUEUED)
    (taken,) = provider.taken.values()
    assert (taken["sender"], taken["body"], taken["datacoding"]) == ("Alarm", '[test] Zazolc "gesla" ?', "gsm")
    batch = await gateway.store.batch(number)
    assert batch is not None
    assert (batch.content.sender, batch.content.body) == ("iP1", "Zażółć “gęślą” 👍")


async def test_what_is_held_waits(running: Running, provider: Recorder) -> None:
    """It is accepted, and leaves for nobody."""
    gateway = await running(ruled({"to": "main", "hold": True}, main=v2(provider)))
    await sent(gateway)
    assert await gateway.store.next_due("main") is None
    assert provider.requests == []
    assert await depths(gateway.store) == {("main", DispatchState.HELD): 1}


@pytest.mark.parametrize("face", FACES)
async def test_a_batch_is_split_between_upstreams(face: str, running: Running, provider: Recorder) -> None:
    """Half of the recipients go one way and half the other, each of them always the same; all arrive."""
    numbers = [f"4671000{number:04}" for number in range(40)]
    gateway = await running(ruled({"to": {"main": 1, "sandbox": 1}}, main=v2(provider)))

    for _ in range(2):
        number = await sent(gateway, face, to=numbers)
        await until(lambda: _all_left(gateway))
        assert number

    copies = {recipient: count for (_, recipient), count in provider.copies.items()}
    assert 10 < len(copies) < 30
    assert set(copies.values()) == {2}


async def _all_left(gateway: Gateway) -> bool:
    found = await depths(gateway.store)
    return not any(state is DispatchState.READY or state is DispatchState.SENDING for _, state in found)


async def test_what_was_not_answered_is_found_at_the_provider(running: Running, provider: Recorder) -> None:
    """The provider took it and the connection broke: its own list shows our reference, so nothing is unknown."""
    provider.remembers = True
    provider.plan = lambda: Plan(fault=Fault.RESET_AFTER)
    gateway = await running(ruled({"to": "main", "unknown": "resend"}, main=v2(provider)))

    number = await sent(gateway)

    assert await settled(gateway, number, Status.QUEUED) == (Status.ACCEPTED, Status.QUEUED)
    assert provider.messages == 1
