"""Gateways on one PostgreSQL database, each with its own address: to clients and operations they are one."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from callers import a_letter, number_of
from command_line import sluss_json
from gateways import KEY, Running, a_document, settled, to_v2, until
from rawhttp import exchange, request
from recorder import _REFUSALS, Fault, Plan, Recorder
from structlog.testing import capture_logs

from gateway.app import Gateway
from gateway.dispatcher import Dispatcher
from gateway.lane import Lane
from gateway.limits import Limits
from gateway.status import Status

HEADERS = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
BARRED = "46700000009"


def dispatcher_of(gateway: Gateway) -> Dispatcher:
    """The part of a gateway that sends."""
    return gateway.runtime._running.dispatcher


def lane(gateway: Gateway) -> Lane:
    """Its lane to the one upstream there is."""
    return dispatcher_of(gateway).lanes["main"]


def limits(gateway: Gateway) -> Limits:
    """What it lets its callers have."""
    return gateway.runtime._running.limits


class Two:
    """Two gateways on one database before one provider."""

    def __init__(self, gateways: Mapping[bool, Gateway]) -> None:
        """By whether it is the one that sends."""
        self.sends = gateways[True]
        self.other = gateways[False]


@pytest.fixture
def document(database: str, recorder: Recorder) -> dict[str, Any]:
    """The configuration of both; what is asked for `reply: sent` goes by a route of its own."""
    given = a_document(store=database, **to_v2(recorder.url))
    given["routes"].insert(
        0, {"name": "asked", "when": {"face": "sendsms"}, "to": "main", "reply": "sent", "within": "55s"}
    )
    given["callers"][0] |= {"daily": 20}
    return given


@pytest.fixture
async def two(document: dict[str, Any], running: Running) -> Two:
    """Both of them, once one of them sends; the database, which `document` names, outlives them."""
    gateways = [await running(json.loads(json.dumps(document))) for _ in range(2)]
    await until(lambda: lane(gateways[0]).here != lane(gateways[1]).here)
    return Two({lane(gateway).here: gateway for gateway in gateways})


async def test_each_takes_and_one_sends(two: Two, recorder: Recorder) -> None:
    """A message that either has taken leaves by the one, at once, and both tell its status."""
    for gateway, text in ((two.other, "at the other"), (two.sends, "at the one")):
        number = number_of("rest_v2", (await exchange(gateway.public, a_letter("rest_v2", text).raw())).body)
        assert number is not None
        for told_by in (two.sends, two.other):
            await settled(told_by, number, Status.QUEUED)

    assert recorder.copies == {("at the other", "46712345678"): 1, ("at the one", "46712345678"): 1}
    assert lane(two.sends)._leased == 2
    assert lane(two.other)._leased == 0


async def test_the_upstreams_word_is_heard_at_the_other(
    two: Two, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waits for it at a gateway that does not send is told it all the same, and long before time is up."""
    taken = await exchange(two.other.public, a_letter("sendsms", "Taken").raw())
    assert number_of("sendsms", taken.body) is not None

    monkeypatch.setitem(_REFUSALS, Fault.FAILED, (402, {}))
    recorder.plan = lambda: Plan(fault=Fault.FAILED)
    refused = await exchange(two.other.public, a_letter("sendsms", "Refused").raw())
    assert number_of("sendsms", refused.body) is None


async def test_a_pause_is_everybodys(two: Two, recorder: Recorder, tmp_path: Path, document: dict[str, Any]) -> None:
    """Operations may ask whichever they like; what waits leaves when it is resumed, by whoever sends then."""
    config = tmp_path / "other.yaml"
    internal = f"{two.other.internal.host}:{two.other.internal.port}"
    config.write_text(yaml.safe_dump(document | {"listen": {"internal": internal}}), "utf-8")

    async def queue(*words: str) -> Any:
        return await asyncio.to_thread(sluss_json, "queue", *words, "--config", config)

    with capture_logs():  # on stdout it would stand between what the commands print
        (shown,) = (await queue("ls"))["upstreams"]
        assert shown["elsewhere"] is True
        await queue("pause", "main", "--reason", "maintenance")
    await until(lambda: lane(two.sends).paused)
    answer = await exchange(two.sends.public, a_letter("rest_v2").raw())
    number = number_of("rest_v2", answer.body)
    assert number is not None
    await asyncio.sleep(0.1)
    assert recorder.messages == 0

    with capture_logs():
        await queue("resume", "main")
    await settled(two.other, number, Status.QUEUED)


async def test_a_blacklist_is_everybodys(two: Two) -> None:
    """A number that was barred at one gateway is barred at the other a moment later, and so is the way back."""
    target = f"/v2/blacklist/{BARRED}"

    def knows(gateway: Gateway) -> bool:
        return BARRED in gateway.runtime._running.service.registers.blacklist("ip1-12345")

    await exchange(two.sends.public, request("PUT", target, HEADERS))
    await until(lambda: knows(two.other))
    await exchange(two.other.public, request("DELETE", target, HEADERS))
    await until(lambda: not knows(two.sends))


async def test_a_day_is_counted_by_all(two: Two) -> None:
    """What a caller may send in a day it may send at all gateways together."""
    answers = [await exchange(two.sends.public, a_letter("rest_v2", str(at)).raw()) for at in range(12)]
    assert {answer.status for answer in answers} == {201}
    await until(lambda: limits(two.other)._used["erp"].spent == 12)
    answers = [await exchange(two.other.public, a_letter("rest_v2", str(at)).raw()) for at in range(12, 22)]
    assert [answer.status for answer in answers] == [201] * 8 + [503] * 2


async def test_who_ends_hands_on_what_it_had(two: Two, running: Running, document: dict[str, Any]) -> None:
    """A rolling restart: the other one goes on sending at once, and a new one may join."""
    await two.sends.stop()
    answer = await exchange(two.other.public, a_letter("rest_v2").raw())
    number = number_of("rest_v2", answer.body)
    assert number is not None
    await settled(two.other, number, Status.QUEUED)

    new = await running(document)
    await until(lambda: lane(new).here != lane(two.other).here)
    answer = await exchange(new.public, a_letter("rest_v2", "Again").raw())
    number = number_of("rest_v2", answer.body)
    assert number is not None
    await settled(new, number, Status.QUEUED)
