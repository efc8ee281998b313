"""Half an hour of a steady life: `make soak`. Memory, open files and latency must be at its end as at its beginning.

Clients of all four faces send at a steady pace, whatever they wait; the provider takes everything, and reports each
message as delivered; v2 clients have that posted to them. In the end every message must be accounted for.
"""

import asyncio
import contextlib
import json
import os
import random
import socket
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import plot
import servers
import typer
import uvloop
from aiohttp import ClientSession, ClientTimeout, TCPConnector, web
from measure import ACCOUNT, KEY
from rich.console import Console

from gateway.ids import FIRST_NUMBER
from gateway.samples import SAMPLES, Sample
from gateway.status import Status

_DELIVERED = Status.DELIVERED_TO_HANDSET.value

WARM = 0.2
"""The share of the time that counts for nothing."""
MORE = 0.10
"""The share by which memory may grow over the last third of the time. Before that the store's two connections may still
be filling their caches, 16 MB each, which takes a quarter of an hour at this pace."""
SLOWER = 1.5
"""Times as long as in the first third, answers may take in the last: the slowest hundredth of them."""
SLACK = 20.0
"""Milliseconds that are not worth telling apart."""
FILES = 16
"""Open files more or less: connections come and go."""
DRAIN = 60.0
"""Seconds in which the last reports must have come back."""
console = Console()


class Sent(NamedTuple):
    """A request, and how its client reads the answer."""

    sample: Sample
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Point:
    """What was seen at a moment, of the time since the one before."""

    second: float
    rss: float
    files: int
    p50: float
    p99: float
    answered: int


@dataclass
class World:
    """What is around the gateway: a provider, and a client's address for reports."""

    asked: int = 0
    answered: int = 0
    wrong: Counter[str] = field(default_factory=Counter)
    taken: Counter[str] = field(default_factory=Counter)
    expected: int = 0
    told: Counter[str] = field(default_factory=Counter)
    base: str = ""
    reporting: set["asyncio.Task[None]"] = field(default_factory=set)
    waits: list[float] = field(default_factory=list)
    """Milliseconds that clients waited since the last point."""

    async def provider(self, request: web.BaseRequest, session: ClientSession) -> web.Response:
        """Take a batch, and report it as delivered a moment later; or take a report, as a client."""
        document = json.loads(await request.read())
        if request.path == "/told":
            if document.get("code") == _DELIVERED:
                self.told[document["id"]] += 1
            return web.Response()
        self.taken[document["reference"]] += 1
        batch = f"{len(self.taken):024x}"
        self.reporting.add(task := asyncio.create_task(self._report(session, document)))
        task.add_done_callback(self.reporting.discard)
        return web.Response(status=201, body=json.dumps({"id": batch, "status": 101}), content_type="application/json")

    async def _report(self, session: ClientSession, document: dict[str, Any]) -> None:
        await asyncio.sleep(random.uniform(0.2, 2.0))
        about = {"code": _DELIVERED, "reference": document["reference"]}
        reports = [about | {"recipient": recipient} for recipient in document["recipients"]]
        async with session.post(document["deliveryReportUrl"], json=reports) as answer:
            if answer.status != 200:
                self.wrong[f"a report got {answer.status}"] += 1


def main(
    *,
    minutes: Annotated[
        float, typer.Option(min=0.1, help="How long; under 20, filling caches look like a leak.")
    ] = 30.0,
    rate: Annotated[float, typer.Option(min=1, help="Requests a second, over all faces.")] = 100.0,
    every: Annotated[float, typer.Option(min=0.5, help="Seconds between two looks.")] = 10.0,
    folder: Annotated[Path, typer.Option(metavar="DIR", help="The disk that is used.")] = Path(),
    as_json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the result there, too.")] = None,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw it there.")] = None,
) -> None:
    """Let a gateway live, and see whether anything of it grows. Exits with 1 where it does, or a message is missing."""
    with (
        tempfile.TemporaryDirectory(prefix=".bench-", dir=folder) as temporary,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        points, missing = runner.run(_lived(Path(temporary), minutes * 60, rate, every))
    verdict = judged(points) + missing
    named = {"memory, MB": "rss", "open files": "files", "p50, ms": "p50", "p99, ms": "p99"}
    series = {name: [float(getattr(point, key)) for point in points] for name, key in named.items()}
    for name, values in series.items():
        console.print(f"{name:<12}{_sparks(values)}  {min(values):,.1f} to {max(values):,.1f}", highlight=False)
    for sentence in verdict:
        console.print(f"NOT FLAT: {sentence}", style="red")
    if not verdict:
        console.print(f"flat, and every message accounted for: {sum(point.answered for point in points):,} answers")
    if as_json:
        result = {"minutes": minutes, "rate": rate, "points": [asdict(point) for point in points], "wrong": verdict}
        as_json.write_text(json.dumps(result, indent=2) + "\n")
    if svg:
        svg.write_text(plot.lines(f"{minutes:g} minutes, {rate:g} requests a second", list(series.items())))
    sys.exit(1 if verdict else 0)


async def _lived(folder: Path, seconds: float, rate: float, every: float) -> tuple[list[Point], list[str]]:
    world, cpus = World(), servers.Cpus.of_this_machine()
    os.sched_setaffinity(0, cpus.load)
    async with contextlib.AsyncExitStack() as stack:
        session = ClientSession(connector=TCPConnector(limit=0), timeout=ClientTimeout(30))
        await stack.enter_async_context(session)
        runner = web.ServerRunner(web.Server(lambda request: world.provider(request, session), access_log=None))
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
        world.base = "http://{}:{}".format(*runner.addresses[0][:2])
        gateway = stack.enter_context(_gateway(folder, world.base, cpus))
        points = await _loaded(world, gateway, session, seconds, rate, every)
        await _drained(world)
    return points, _missing(world)


def _gateway(folder: Path, provider: str, cpus: servers.Cpus) -> contextlib.AbstractContextManager[servers.Server]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    listen = {"public": f"127.0.0.1:{port}", "internal": "127.0.0.1:0", "public_url": url}
    over: dict[str, object] = {"listen": listen, "callbacks": {"allow_private": True}}
    main: dict[str, object] = {"adapter": "rest_v2", "url": f"{provider}/v2", "token": KEY}
    return servers.gateway(folder / "soak", KEY, main, cpus.server, over=over)


async def _loaded(
    world: World, gateway: servers.Server, session: ClientSession, seconds: float, rate: float, every: float
) -> list[Point]:
    loop, sent = asyncio.get_running_loop(), _requests(world)
    began, points, asking = loop.time(), [], set()
    look, number = began + every, 0
    while (due := began + number / rate) < began + seconds:
        await asyncio.sleep(max(0.0, due - loop.time()))
        asking.add(task := asyncio.create_task(_ask(world, gateway.base, session, sent[number % len(sent)], due)))
        task.add_done_callback(asking.discard)
        number += 1
        if loop.time() >= look:
            points.append(_seen(world, gateway, loop.time() - began))
            look += every
            if len(points) % 6 == 0:
                console.print(
                    "  {second:,.0f} s: {rss:.1f} MB, {files} files, p99 {p99:.1f} ms".format(**asdict(points[-1]))
                )
    await asyncio.gather(*asking)
    return points


def _requests(world: World) -> list[Sent]:
    found = []
    for sample in SAMPLES:
        filled, body = sample.filled(ACCOUNT, KEY), sample.filled(ACCOUNT, KEY).body
        if not sample.sends:
            continue
        if sample.title == "REST v2":
            body = json.dumps(json.loads(body) | {"deliveryReportUrl": f"{world.base}/told"})
        found.append(Sent(sample, filled.method, filled.path, dict(filled.headers), body.encode()))
    return found


async def _ask(world: World, base: str, session: ClientSession, sent: Sent, due: float) -> None:
    world.asked += 1
    try:
        async with session.request(sent.method, base + sent.path, headers=sent.headers, data=sent.body) as answer:
            text = await answer.text()
        number = sent.sample.number(text)
    except (OSError, ValueError, TimeoutError) as error:
        world.wrong[f"{sent.sample.title}: {type(error).__name__}"] += 1
        return
    # From when it was due: a gateway that stands still is not asked less for it.
    world.waits.append((asyncio.get_running_loop().time() - due) * 1e3)
    if number is None or number < FIRST_NUMBER:
        world.wrong[f"{sent.sample.title}: {text[:80]}"] += 1
        return
    world.answered += 1
    world.expected += sent.sample.title == "REST v2"


def _seen(world: World, gateway: servers.Server, second: float) -> Point:
    waits, world.waits = sorted(world.waits) or [0.0], []
    process = Path(f"/proc/{gateway.process.pid}")
    files = len(list((process / "fd").iterdir()))
    p50, p99 = waits[len(waits) // 2], waits[len(waits) * 99 // 100]
    return Point(second, gateway.memory(), files, p50, p99, len(waits))


async def _until(done: Callable[[], bool]) -> None:
    for _ in range(round(DRAIN / 0.02)):
        if done():
            return
        await asyncio.sleep(0.02)


async def _drained(world: World) -> None:
    await _until(lambda: world.told.total() >= world.expected and world.taken.total() >= world.answered)
    await asyncio.gather(*world.reporting, return_exceptions=True)


def _missing(world: World) -> list[str]:
    found = [f"{text}: {count} times" for text, count in world.wrong.items()]
    if world.taken.total() != world.answered or len(world.taken) != world.answered:
        found.append(f"{world.answered} accepted, {world.taken.total()} sent, {len(world.taken)} of them different")
    if len(world.told) != world.expected:
        found.append(f"{world.expected} reports were to come back, {len(world.told)} did")
    return found


def judged(points: list[Point]) -> list[str]:
    """What is not at the end as it was at the beginning."""
    points = points[round(len(points) * WARM) :]
    if len(points) < 6:
        return ["it was too short to tell"]
    third = len(points) // 3
    first, last = points[:third], points[-third:]
    found = []
    slope = statistics.linear_regression([p.second for p in last], [p.rss for p in last]).slope
    more = slope * (last[-1].second - last[0].second)
    usual = statistics.median(p.rss for p in last)
    if more > MORE * usual:
        found.append(f"memory grew by {more:.1f} of {usual:.1f} MB, {slope * 60:.2f} MB a minute")
    before, after = (statistics.median(p.p99 for p in some) for some in (first, last))
    if after > SLOWER * before + SLACK:
        found.append(f"the slowest hundredth of the answers took {before:.1f} ms at first, {after:.1f} ms in the end")
    if statistics.median(p.files for p in last) > statistics.median(p.files for p in first) + FILES:
        found.append(f"open files: {first[0].files} at first, {last[-1].files} in the end")
    return found


def _sparks(values: list[float]) -> str:
    most = max(values) or 1.0
    shown = values[:: max(1, len(values) // 60)]
    return "".join("▁▂▃▄▅▆▇█"[min(7, int(8 * value / most))] for value in shown)


if __name__ == "__main__":
    typer.run(main)
