"""Single messages that share requests: each arrives once, and hears its own reports; amid kills, too."""

import asyncio
import json
import signal
from collections.abc import Callable
from typing import Any

import pytest
from callers import FACES, a_letter, number_of
from crowd import Row, read
from gateways import Process, Running, a_document, free_port, to_v2, until
from rawhttp import exchange, request
from recorder import Plan, Recorder, said

from gateway.config import Address
from gateway.status import Status

LATENCY = 0.02
"""Seconds that the provider takes to answer."""


def a_gateway(recorder: Recorder, connections: int, port: int) -> dict[str, Any]:
    """A configuration that sends to the recorder, and hears its reports at a port."""
    listen = {"public": f"127.0.0.1:{port}", "internal": "127.0.0.1:0", "public_url": f"http://127.0.0.1:{port}"}
    return a_document(**to_v2(recorder.url, gather=50, concurrency=connections), listen=listen, log={"level": "error"})


async def send(address: Address, at: int) -> int:
    """One message, by one of the faces, with a text and to a number of its own."""
    face = FACES[at % len(FACES)]
    answer = await exchange(address, a_letter(face, f"text {at}", (f"467{at:08}",)).raw())
    number = number_of(face, answer.body)
    assert number is not None
    return number


def code_of(recipient: str) -> Status:
    """What the provider reports of a message in the end."""
    return Status.DELIVERED_TO_HANDSET if int(recipient) % 2 else Status.DELIVERY_TO_HANDSET_FAILED


async def report(recorder: Recorder, address: Address) -> None:
    """Post the last report of every message that was taken, under its batch's reference as the provider documents."""
    for reference, document in recorder.taken.items():
        path = "/" + document["deliveryReportUrl"].split("/", 3)[3]
        for _, recipient in said(document):
            told = {"reference": reference, "recipient": recipient, "code": code_of(recipient).value, "duration": 1}
            body = json.dumps(told).encode()
            answer = await exchange(address, request("POST", path, {"Content-Type": "application/json"}, body))
            assert answer.status == 200


async def test_many_messages_leave_in_few_requests(running: Running, recorder: Recorder) -> None:
    """Each arrives exactly once, whatever face it came by, and each is told what became of itself and of no other."""
    recorder.plan = lambda: Plan(delay=LATENCY)
    gateway = await running(a_gateway(recorder, 2, free_port()))
    numbers = await asyncio.gather(*(send(gateway.public, at) for at in range(120)))
    await until(lambda: recorder.messages >= 120)
    await report(recorder, gateway.public)

    assert recorder.copies == {(f"text {at}", f"467{at:08}"): 1 for at in range(120)}
    assert len(recorder.taken) < 60
    for at, number in enumerate(numbers):
        found = await gateway.store.message(number)
        assert found is not None
        assert (found[1].recipient, found[1].status) == (f"467{at:08}", code_of(found[1].recipient))


@pytest.mark.parametrize("remembers", [True, False], ids=["it can be asked", "it cannot be asked"])
async def test_a_kill_amid_a_shared_request(
    process: Callable[..., Process], recorder: Recorder, *, remembers: bool
) -> None:
    """Nothing is sent again; what the provider can be asked for is taken, and late reports find each message."""
    delays = iter([0.4, 2.0])
    recorder.plan = lambda: Plan(delay=next(delays, 0.0))
    recorder.remembers = remembers
    serving = process(a_document())
    serving.write(a_gateway(recorder, 1, serving.public.port))
    await serving.start()
    await send(serving.public, 0)
    await until(lambda: recorder.messages)
    numbers = await asyncio.gather(*(send(serving.public, at) for at in range(1, 13)))
    await until(lambda: recorder.messages > 1)
    await serving.end(signal.SIGKILL)
    assert [len(taken["recipients"]) for taken in recorder.taken.values()] == [1, 13]  # twelve, and `default`

    await serving.start()
    word = Status.QUEUED if remembers else Status.UNKNOWN
    await until(lambda: {row.status for row in rows(serving, numbers)} == {word})
    await report(recorder, serving.public)

    assert recorder.copies == {(f"text {at}", f"467{at:08}"): 1 for at in range(13)}
    assert [row.status for row in rows(serving, numbers)] == [code_of(row.recipient) for row in rows(serving, numbers)]
    assert await serving.end(signal.SIGTERM) == 0


def rows(process: Process, numbers: list[int]) -> list[Row]:
    """What is stored of these messages."""
    found, _ = read(process.store)
    return [found[number] for number in numbers]
