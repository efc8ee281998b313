"""The promise that everything rests on: kill -9 at any moment loses nothing accepted, and sends nothing twice.

The real process stores in a real file and is killed again and again, while clients of all four faces send and a
provider in this process takes, stalls, refuses and hangs up. `SLUSS_TEST_KILLS` says how many times, 60 by default;
`make chaos` lets it be more. `test_kills_together` does the same to several gateways on one server.
"""

import asyncio
import itertools
import os
import random
import signal
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from callers import FACES
from crowd import Clients, Row, account_for, drain, read
from gateways import BASIC, PATIENCE, Process, a_document, to_v2
from rawhttp import exchange, request
from recorder import Fault, Plan, Recorder

from gateway.config import Address
from gateway.status import Status

KILLS = int(os.environ.get("SLUSS_TEST_KILLS", "60"))
SEED = 20251029
COLD_EVERY = 20
"""Every so many lives start as the command does for everybody, imports and all."""

CONCURRENCY = 16
CHUNK = 2
"""Recipients in one request to the provider: batches of three leave as two."""

SHARED = 50
"""Single messages that may share a request, where any do."""

CLIENTS_PER_FACE = 2


def moods(noise: random.Random) -> dict[str, Callable[[], Plan]]:
    """How the provider may feel for the length of a life."""
    return {
        "prompt": Plan,
        "slow": lambda: Plan(delay=noise.uniform(0.02, 0.6)),
        "busy": lambda: Plan(fault=noise.choice([Fault.NONE, Fault.THROTTLED, Fault.UNAVAILABLE])),
        "broken": lambda: Plan(
            delay=noise.uniform(0, 0.05),
            fault=noise.choices(list(Fault), weights=[6, 1, 1, 1, 1, 1])[0],
        ),
    }


async def live_and_die(process: Process, clients: Clients, life: int, seconds: float) -> None:
    """One life: from its start to a kill, some time after its first acknowledgement."""
    await (process.start_warm() if life % COLD_EVERY else process.start())
    clients.heard.clear()
    clients.serving.set()
    async with asyncio.timeout(PATIENCE):
        await clients.heard.wait()
    await asyncio.sleep(seconds)
    assert await process.end(signal.SIGKILL) == -signal.SIGKILL
    clients.serving.clear()


def summary(clients: Clients, recorder: Recorder, rows: dict[int, Row], seen: Counter[str]) -> str:
    """One line that says what was survived."""
    doubts = [row for row in rows.values() if row.status is Status.UNKNOWN]
    taken = sum(row[:2] in recorder.copies for row in doubts)
    return (
        f"{seen.total()} kills (provider {', '.join(f'{mood} {times}' for mood, times in seen.items())}):"
        f" {len(clients.tried)} messages tried, {len(clients.acknowledged)} acknowledged, {len(rows)} stored,"
        f" {recorder.messages} taken by the provider, {len(doubts)} told as unknown ({taken} of them taken)"
    )


async def die_often(process: Process, clients: Clients, recorder: Recorder, kills: int = KILLS) -> Counter[str]:
    """All the lives, with clients that send through them; returns how often the provider was in which mood."""
    lives, noise = random.Random(SEED), random.Random(SEED)  # noqa: S311 - a script, not a secret
    feelings, seen = moods(noise), Counter[str]()
    async with clients.sending(FACES * CLIENTS_PER_FACE, noise):
        for life in range(kills):
            mood = lives.choice(list(feelings))
            seen[mood] += 1
            recorder.plan = feelings[mood]
            await live_and_die(process, clients, life, lives.uniform(0.05, 0.4))
    return seen


RETRY = {"first": "20ms", "max": "100ms"}


def a_gateway(recorder: Recorder) -> dict[str, Any]:
    """A configuration that sends to the recorder, in small pieces and without patience."""
    upstream = to_v2(recorder.url, max_recipients=CHUNK, concurrency=CONCURRENCY, retry=RETRY)
    return a_document(**upstream, log={"level": "error"})


@pytest.mark.once
async def test_kills_lose_nothing_accepted_and_send_nothing_twice(
    process: Callable[[dict[str, Any]], Process], recorder: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every acknowledged message is at the provider exactly once or is told as unknown; none is there twice."""
    serving = process(a_gateway(recorder))
    clients = Clients(serving.public)
    seen = await die_often(serving, clients, recorder)
    recorder.plan = Plan
    await serving.start()
    await drain(serving, recorder)
    rows, unknown = read(serving.store)

    with capsys.disabled():
        print(f"\n{summary(clients, recorder, rows, seen)}")  # noqa: T201 - what a run of minutes was worth
    assert clients.refused == []
    account_for(serving.store, recorder, clients)
    # Unknown is the honest word for what was under way at a kill or was not answered, and for nothing else.
    assert unknown <= CONCURRENCY * KILLS + recorder.doubtful
    await told_as_unknown(serving.public, rows)
    assert await serving.end(signal.SIGTERM) == 0


@pytest.mark.once
async def test_kills_amid_shared_requests_lose_nothing_and_send_nothing_twice(
    process: Callable[[dict[str, Any]], Process], recorder: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same where single messages of different callers share requests, and the provider can be asked for those."""
    shared = {"gather": SHARED, "concurrency": 1, "retry": RETRY}
    serving = process(a_document(**to_v2(recorder.url, **shared), log={"level": "error"}))
    clients = Clients(serving.public, numbers=(f"467{at:08}" for at in itertools.count()))
    recorder.remembers = True
    seen = await die_often(serving, clients, recorder, max(5, KILLS // 4))
    recorder.plan = Plan
    await serving.start()
    await drain(serving, recorder)
    rows, _ = read(serving.store)

    with capsys.disabled():
        print(f"\n{summary(clients, recorder, rows, seen)}, in {len(recorder.taken)} requests")  # noqa: T201 - as above
    assert clients.refused == []
    account_for(serving.store, recorder, clients)
    assert len(recorder.taken) < recorder.messages
    assert await serving.end(signal.SIGTERM) == 0


async def told_as_unknown(address: Address, rows: dict[int, Row]) -> None:
    """A message whose fate nobody knows is read back in the older code for 599, and not as delivered."""
    for number in [number for number, row in rows.items() if row.status is Status.UNKNOWN][:5]:
        answer = await exchange(address, request("GET", f"/api/sms/sent/{number}", {"Authorization": f"Basic {BASIC}"}))
        assert b'"Status":0,"StatusDescription":"Delivered to gateway"' in answer.body
