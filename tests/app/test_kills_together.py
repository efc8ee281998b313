"""Three gateways on one PostgreSQL database, killed and frozen under load: nothing is lost, and nothing sent twice.

`SLUSS_TEST_KILLS_TOGETHER` says how often, 20 times by default; `make chaos` lets it be more.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from callers import FACES
from crowd import Clients, account_for, drain
from gateways import Process, a_document, to_v2
from recorder import Fault, Plan, Recorder

ROUNDS = int(os.environ.get("SLUSS_TEST_KILLS_TOGETHER", "20"))
SEED = 20251029
GATEWAYS = 3
UPSTREAMS = ("main", "second", "third")
CONCURRENCY = 16
FROZEN = 4.0
"""Seconds for which a process stands still: longer than others wait for a sign of life."""


def a_gateway(recorder: Recorder, database: str) -> dict[str, Any]:
    """A configuration with three upstreams, so that each gateway has something to send by."""
    document = to_v2(recorder.url, max_recipients=2, concurrency=CONCURRENCY, retry={"first": "20ms", "max": "100ms"})
    document["upstreams"] = {name: json.loads(json.dumps(document["upstreams"]["main"])) for name in UPSTREAMS}
    faces = [{"name": face, "when": {"face": face}, "to": name} for face, name in zip(FACES, UPSTREAMS, strict=False)]
    return a_document(store=database, upstreams=document["upstreams"], routes=[*faces, *document["routes"]])


class Fleet:
    """Gateways with their clients."""

    def __init__(self, folder: Path, document: dict[str, Any], database: str) -> None:
        """None of them runs yet."""
        self.processes = []
        self.clients = []
        for number in range(GATEWAYS):
            of = folder / f"gateway-{number}"
            of.mkdir()
            process = Process(of, document | {"log": {"level": "warning"}})
            process.keep_in(database, document | {"log": {"level": "warning"}})
            self.processes.append(process)
            self.clients.append(Clients(process.public, f" at gateway {number}"))

    async def start(self, number: int) -> None:
        """Let one live; its clients send as soon as it listens."""
        await self.processes[number].start_warm()
        self.clients[number].serving.set()

    async def kill(self, number: int) -> None:
        """End one without a warning, and start it again."""
        assert await self.processes[number].end(signal.SIGKILL) == -signal.SIGKILL
        await self.start(number)

    async def black_out(self, _number: int) -> None:
        """End all of them at once, and start them again."""
        await asyncio.gather(*(process.end(signal.SIGKILL) for process in self.processes))
        await asyncio.gather(*(self.start(number) for number in range(GATEWAYS)))

    async def freeze(self, number: int) -> None:
        """Let one stand still so long that others take over what it does, then let it go on."""
        self.processes[number].tell(signal.SIGSTOP)
        await asyncio.sleep(FROZEN)
        self.processes[number].tell(signal.SIGCONT)

    async def close(self) -> None:
        """Leave no process behind."""
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                process.tell(signal.SIGCONT)
            await process.close()


def moods(noise: random.Random) -> list[Any]:
    """How the provider may feel for the length of a round."""
    return [
        Plan,
        lambda: Plan(delay=noise.uniform(0.02, 0.6)),
        lambda: Plan(delay=noise.uniform(0, 0.05), fault=noise.choices(list(Fault), weights=[12, 1, 1, 1, 1, 1])[0]),
    ]


async def torment(fleet: Fleet, recorder: Recorder) -> Counter[str]:
    """Kill or freeze one after the other while the rest goes on; returns how often which was done."""
    done: Counter[str] = Counter()
    # Of its own, for what the clients do does not come in the same order twice.
    script = random.Random(SEED)  # noqa: S311 - a script, not a secret
    feelings = moods(random.Random(SEED))  # noqa: S311 - a script, not a secret
    for _ in range(ROUNDS):
        recorder.plan = script.choice(feelings)
        await asyncio.sleep(script.uniform(0.3, 2.0))
        (end,) = script.choices((fleet.kill, fleet.freeze, fleet.black_out), weights=(7, 2, 1))
        done[end.__name__] += 1
        await end(script.randrange(GATEWAYS))
    return done


@pytest.mark.once
async def test_kills_of_several_gateways_lose_nothing(
    tmp_path: Path, recorder: Recorder, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every acknowledged message is at the provider exactly once or is told as unknown; none is there twice."""
    fleet = Fleet(tmp_path, a_gateway(recorder, database), database)
    script = random.Random(SEED)  # noqa: S311 - a script, not a secret
    try:
        await asyncio.gather(*(fleet.start(number) for number in range(GATEWAYS)))
        async with contextlib.AsyncExitStack() as stack:
            for clients in fleet.clients:
                await stack.enter_async_context(clients.sending(FACES, script))
            done = await torment(fleet, recorder)
        recorder.plan = Plan
        await drain(fleet.processes[0], recorder)
        account = account_for(database, recorder, *fleet.clients)
        for process in fleet.processes:
            assert await process.end(signal.SIGTERM) == 0
    finally:
        await fleet.close()

    with capsys.disabled():
        print(f"\n{GATEWAYS} gateways, {dict(done)}: {account}")  # noqa: T201 - what a run of minutes was worth
    assert account.acknowledged > 10 * ROUNDS
    assert account.dispatches <= CONCURRENCY * len(UPSTREAMS) * done.total() + recorder.doubtful
