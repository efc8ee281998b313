"""What must not grow with what is stored, waits, or is connected: `make growth`. How to read it: docs/performance.md.

A start with very much queued, and the memory it takes; accepting and leaving beside very much that is stored, as ratios
to the same beside nothing; and what clients cost that are connected and say nothing.
"""

import contextlib
import json
import resource
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

import checks
import servers
import typer
from filling import fill
from load import Generator, choose
from measure import ACCOUNT, KEY
from rich.console import Console
from rich.table import Table
from servers import Server
from subjects import Subject, subjects, wanted

FASTEST, SMALLEST = 5.0, 200.0
"""Seconds until a gateway with a long queue serves and sends, and megabytes that it may take: what was promised."""
KEEPS = 0.85
"""The share of its speed that accepting must keep, whatever is stored."""
LENGTHS = (("v2", 64), ("batch", 8))
"""What is accepted, and with how many clients."""
ASKED = 200
"""Requests of a lone client, one after the other."""
console = Console()


class Finding(NamedTuple):
    """A row of the result. `bound` is what the value must not miss, empty where nothing was promised."""

    what: str
    value: float
    unit: str
    spread: str = ""
    bound: str = ""
    kept: bool = True


def main(  # noqa: PLR0913 - each is an option of the command
    *,
    queued: Annotated[int, typer.Option(min=1, help="Messages that wait when the gateway starts.")] = 1_000_000,
    stored: Annotated[int, typer.Option(min=1, help="Messages that are done with.")] = 10_000_000,
    idle: Annotated[int, typer.Option(min=1, help="Clients that say nothing.")] = 10_000,
    rounds: Annotated[int, typer.Option(min=1, help="Of accepting, beside much and beside nothing in turn.")] = 5,
    secs: Annotated[float, typer.Option(min=0.1, help="Seconds of each measurement.")] = 3.0,
    generator: Annotated[str, typer.Option(metavar="auto|wrk|bundled", help="What makes the load.")] = "auto",
    folder: Annotated[Path, typer.Option(metavar="DIR", help="The disk that is measured.")] = Path(),
    as_json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the result there, too.")] = None,
) -> None:
    """Measure what must not grow. Exits with 1 where it did."""
    found: list[Finding] = []
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=folder) as temporary:
        found += _restarted(Path(temporary) / "queued", queued)
        found += _beside(Path(temporary), stored, rounds, secs, choose(generator))
        found += _idle(Path(temporary) / "idle", idle)
    table = Table("", "", "", box=None, padding=(0, 2, 0, 0))
    for one in found:
        style = "" if one.kept else "red"
        table.add_row(one.what, f"{one.value:,.2f} {one.unit} {one.spread}".strip(), one.bound, style=style)
    console.print(table)
    if as_json:
        as_json.write_text(json.dumps([one._asdict() for one in found], indent=2) + "\n")
    sys.exit(0 if all(one.kept for one in found) else 1)


def _restarted(folder: Path, queued: int) -> list[Finding]:
    """A gateway that starts with a long queue, and one with a single message in it."""
    seconds: list[tuple[float, float]] = []
    sizes = []
    for name, messages in (("one", 1), ("all", queued)):
        console.print(f"queueing {messages:,}")
        fill(folder.with_name(f"{folder.name}-{name}") / "sluss.db", ACCOUNT, messages, finished=False)
        with _leaving(folder.with_name(f"{folder.name}-{name}")) as (began, gateway, upstream):
            serving = time.monotonic() - began
            _until(lambda upstream=upstream: checks.counts(upstream).recipients > 0)
            seconds.append((serving, time.monotonic() - began))
            if messages > 1:
                time.sleep(5)
            sizes.append(gateway.memory("VmHWM"))
    named = f"{queued:,} queued"
    return [
        Finding("serves after, with one queued", seconds[0][0], "s"),
        Finding(f"serves after, with {named}", seconds[1][0], "s"),
        Finding(f"sends after, with {named}", seconds[1][1], "s", "", f"< {FASTEST:g}", seconds[1][1] < FASTEST),
        Finding("memory at most, with one queued", sizes[0], "MB"),
        Finding(f"memory at most, with {named}", sizes[1], "MB", "", f"< {SMALLEST:g}", sizes[1] < SMALLEST),
    ]


@contextlib.contextmanager
def _leaving(folder: Path) -> Iterator[tuple[float, Server, Server]]:
    """When it was started, a gateway of a store that was filled, and the provider that it sends to."""
    cpus = servers.Cpus.of_this_machine()
    with servers.script("upstream", cpus.load) as upstream:
        provider: dict[str, object] = {"adapter": "rest_v2", "url": f"{upstream.base}/v2", "token": KEY}
        began = time.monotonic()
        with servers.gateway(folder, KEY, provider, cpus.server) as gateway:
            yield began, gateway, upstream


def _beside(folder: Path, stored: int, rounds: int, secs: float, generator: Generator) -> list[Finding]:
    """What is accepted a second beside very much, as a ratio to what is beside nothing."""
    console.print(f"storing {stored:,}")
    fill(folder / "much" / "sluss.db", ACCOUNT, stored, finished=True)
    cpus = servers.Cpus.of_this_machine()
    waiting: dict[str, object] = {"adapter": "sandbox", "rate": "1/m"}
    kinds = {subject.name: subject for subject in subjects(wanted("v2,batch"), ACCOUNT, KEY)}
    ratios: dict[str, list[float]] = {name: [] for name, _ in LENGTHS}
    with contextlib.ExitStack() as stack:
        much, nothing = (
            stack.enter_context(servers.gateway(folder / name, KEY, waiting, cpus.server))
            for name in ("much", "nothing")
        )
        for _ in range(rounds):
            for name, clients in LENGTHS:
                rates = [_rate(generator, server, kinds[name], secs, clients) for server in (nothing, much)]
                ratios[name].append(rates[1] / rates[0])
                console.print(f"  {name}: {rates[0]:,.0f} a second beside nothing, {rates[1]:,.0f} beside {stored:,}")
    return [
        _ratio(f"{title}, beside {stored:,} to beside nothing", ratios[name])
        for name, title in (("v2", "accepts"), ("batch", "accepts batches of 500"))
    ]


def _ratio(what: str, found: Sequence[float]) -> Finding:
    median = statistics.median(found)
    spread = f"({min(found):.2f}-{max(found):.2f})"
    return Finding(what, median, "", spread, f"> {KEEPS:g}", median > KEEPS)


def _rate(generator: Generator, server: Server, subject: Subject, secs: float, clients: int) -> float:
    generator.run(server.base, subject.requests, min(secs, 1.0), clients)
    load = generator.run(server.base, subject.requests, secs, clients)
    return load.answered / load.seconds


def _idle(folder: Path, idle: int) -> list[Finding]:
    """What a client costs that is connected and says nothing, and how long another one then waits."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    cpus = servers.Cpus.of_this_machine()
    (_, v2) = subjects(wanted("v2"), ACCOUNT, KEY)
    with contextlib.ExitStack() as stack:
        gateway = stack.enter_context(servers.gateway(folder, KEY, {"adapter": "sandbox", "rate": "1/m"}, cpus.server))
        _waits(gateway, v2)
        alone, empty = _waits(gateway, v2), gateway.memory()
        where = urlsplit(gateway.base)
        for _ in range(idle - 10):
            stack.enter_context(socket.create_connection((where.hostname or "", where.port or 0)))
        among, full = _waits(gateway, v2), gateway.memory()
    named = f"beside {idle - 10:,} idle connections"
    return [
        Finding("memory of an idle connection", (full - empty) * 1024 / (idle - 10), "kB"),
        Finding("a lone client waits", alone, "ms"),
        Finding(f"a lone client waits, {named}", among, "ms"),
    ]


def _waits(gateway: Server, subject: Subject) -> float:
    """The median of the milliseconds that a lone client waits for an answer."""
    times = []
    for _ in range(ASKED):
        began = time.perf_counter()
        if wrong := checks.ask(gateway, subject):
            raise RuntimeError(wrong[0])
        times.append((time.perf_counter() - began) * 1e3)
    return statistics.median(times)


def _until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + servers.PATIENCE
    while not true():
        if time.monotonic() > until:
            raise RuntimeError("nothing was sent")
        time.sleep(0.01)


if __name__ == "__main__":
    typer.run(main)
