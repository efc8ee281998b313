"""What several gateways reach on one PostgreSQL database, and how long each message keeps the others from writing.

Each gateway is a process with a store of its own: clients have messages stored, a lane claims and settles them. There
is no HTTP, so what is measured is the database and the way there; writes come one after the other, and what a message
costs under that lock says how many the database can take, whatever the number of gateways.
"""

import asyncio
import multiprocessing
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Annotated

import typer
from postgresql import Server, programs
from rich.console import Console
from rich.table import Table

from gateway.model import Content, DispatchState, Recipient, StatusEntry
from gateway.ports import NewBatch, NewDispatch, Settlement, Transition
from gateway.status import Status
from gateway.store.pg_session import Writer
from gateway.store.postgres import PostgresStore

WARM = 4.0
"""Seconds until the duties are shared out and everything has been prepared."""
UNTIL = 60_000
"""Milliseconds of a lease."""


AHEAD = 4
"""Rounds of all clients by which accepting may be ahead of sending: as much is sent as is accepted."""


@dataclass
class Done:
    """What one gateway did; it counts on."""

    accepted: int = 0
    sent: int = 0
    transactions: int = 0
    held: float = 0.0
    """Seconds for which it kept the others from writing."""

    def since(self, before: "Done") -> "Done":
        """What was done since."""
        return Done(*(now - then for now, then in zip(astuple(self), astuple(before), strict=True)))


def main(
    *,
    gateways: Annotated[str, typer.Option(metavar="N,..", help="How many gateways there are.")] = "1,2,3",
    clients: Annotated[int, typer.Option(help="Messages that each gateway accepts at the same time.")] = 64,
    secs: Annotated[float, typer.Option(help="How long each number of gateways is measured.")] = 5.0,
    database: Annotated[str, typer.Option(metavar="URL", help="An empty database; default: a server of its own.")] = "",
) -> None:
    """Measure each number of gateways in turn."""
    table = Table("gateways", "accepted/s", "sent/s", "transactions/s", "lock held", "us of lock, both")
    with _server(database) as url:
        for number in [int(text) for text in gateways.split(",")]:
            with multiprocessing.get_context("spawn").Pool(number) as pool:
                each = pool.starmap(_gateway, [(url, f"up-{at}", clients, secs) for at in range(number)])
            done = Done(*(sum(values) for values in zip(*map(astuple, each), strict=True)))
            table.add_row(
                str(number),
                f"{done.accepted / secs:,.0f}",
                f"{done.sent / secs:,.0f}",
                f"{done.transactions / secs:,.0f}",
                f"{done.held / secs:.0%}",
                f"{done.held / done.sent * 1e6:,.0f}",
            )
    Console().print(table)


@contextmanager
def _server(database: str) -> Iterator[str]:
    if database:
        yield database
        return
    binaries = programs()
    if binaries is None:
        raise typer.BadParameter("PostgreSQL is not installed here: name a database with --database")
    with tempfile.TemporaryDirectory(prefix="sluss-bench-") as folder:
        server = Server(Path(folder), binaries)
        server.start()
        try:
            yield server.create("bench")
        finally:
            server.stop(immediately=True)


def _gateway(url: str, upstream: str, clients: int, secs: float) -> Done:
    return asyncio.run(_measured(url, upstream, clients, secs))


async def _measured(url: str, upstream: str, clients: int, secs: float) -> Done:
    store = PostgresStore(url)
    counts = Done()
    _count_transactions(counts)
    ahead = asyncio.Semaphore(clients * AHEAD)
    works = [_client(store, upstream, ahead, counts) for _ in range(clients)]
    works += [_lane(store, upstream, clients, ahead, counts), _live(store, upstream)]
    tasks = [asyncio.create_task(work) for work in works]
    await asyncio.sleep(WARM)
    before = replace(counts)
    await asyncio.sleep(secs)
    done = counts.since(before)
    for task in tasks:
        if not task.cancel():
            task.result()  # what went wrong is told
    await asyncio.gather(*tasks, return_exceptions=True)
    await store.close()
    return done


def _count_transactions(counts: Done) -> None:
    begin, commit, began = Writer.begin, Writer.commit, [0.0]

    def timed_begin(writer: Writer) -> None:
        begin(writer)
        began[0] = time.perf_counter()

    def timed_commit(writer: Writer) -> None:
        commit(writer)
        counts.transactions += 1
        counts.held += time.perf_counter() - began[0]

    Writer.begin, Writer.commit = timed_begin, timed_commit  # type: ignore[method-assign]


async def _live(store: PostgresStore, upstream: str) -> None:
    while True:
        await store.company.attend([upstream], [upstream])
        await asyncio.sleep(0.5)


async def _client(store: PostgresStore, upstream: str, ahead: asyncio.Semaphore, counts: Done) -> None:
    recipients, content = (Recipient("46712345678"),), Content("iP1", "Hello")
    dispatches = (NewDispatch(upstream, "default", range(1)),)
    while True:
        now = _now()
        await store.add(NewBatch(now, now, upstream, upstream, "rest_v2", content, recipients, (1,), dispatches))[1]
        counts.accepted += 1
        await ahead.acquire()


async def _lane(store: PostgresStore, upstream: str, most: int, ahead: asyncio.Semaphore, counts: Done) -> None:
    """As fast as it can: what is claimed is settled at once, each dispatch by itself, as answers come in."""
    while True:
        now = _now()
        claimed = await store.lease(upstream, most, now, now + UNTIL)
        if not claimed:
            await asyncio.sleep(0.005)
        await asyncio.gather(*(store.settle(_sent(dispatch.key, now)) for dispatch in claimed))
        counts.sent += len(claimed)
        for _ in claimed:
            ahead.release()


def _sent(dispatch: int, now: int) -> Settlement:
    moved = (Transition(dispatch, StatusEntry(Status.QUEUED, now)),)
    return Settlement(dispatch, DispatchState.SENT, 0, 1, now, f"ref-{dispatch}", moved)


def _now() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    typer.run(main)
