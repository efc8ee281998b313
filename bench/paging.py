"""What a page of a list costs however deep it lies and however much is stored.

Stores of a growing number of batches; the first, the middle and the last page of the account's batches, of one batch's
messages, and of a conversation are read in turn. The ratio is that of a page to the first one of the smallest store.
"""

import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from gateway.model import Batch, Content, Page, Recipient, Side
from gateway.ports import NewBatch, NewDispatch
from gateway.store import open_store
from gateway.store.sqlite import SqliteStore

ACCOUNT = "bench"
OFTEN = 200
"""Pages of each kind that are read."""
LIMIT = 50
AT_ONCE = 5000
"""Batches that are stored together."""
console = Console()

Read = Callable[[int], Awaitable[object]]


def main(
    *,
    sizes: Annotated[str, typer.Option(metavar="N,..", help="How many batches are stored.")] = "10000,100000,1000000",
    folder: Annotated[Path, typer.Option(metavar="DIR", help="The disk that is measured.")] = Path(),
) -> None:
    """Read pages of stores of each size."""
    table = Table("batches", "list", "page", "median us", "95 % under, us", "ratio")
    base: dict[str, float] = {}
    for size in [int(text) for text in sizes.split(",")]:
        console.print(f"storing {size:,} batches")
        with tempfile.TemporaryDirectory(prefix=".bench-", dir=folder) as temporary:
            for name, where, times in asyncio.run(_measured(Path(temporary).absolute() / "paging.db", size)):
                median = statistics.median(times)
                base.setdefault(name, median)
                slow = statistics.quantiles(times, n=20)[-1]
                table.add_row(f"{size:,}", name, where, f"{median:,.0f}", f"{slow:,.0f}", f"{median / base[name]:.2f}")
    console.print(table)


async def _measured(path: Path, size: int) -> list[tuple[str, str, list[float]]]:
    store = open_store(f"sqlite:///{path}")
    try:
        large = await _filled(store, size)
        while await store.file(20_000):
            pass
        found = []
        for name, total, read in _lists(store, large, size):
            last = max(0, (total - 1) // LIMIT * LIMIT)
            for where, start in (("first", 0), ("middle", last // 2), ("last", last)):
                found.append((name, where, await _times(read, start)))
        return found
    finally:
        await store.close()


def _lists(store: SqliteStore, large: Batch, size: int) -> Iterator[tuple[str, int, Read]]:
    yield "batches", size, lambda start: store.batches(ACCOUNT, Page(start, LIMIT))
    yield "messages of a batch", large.size, lambda start: store.messages(large, Page(start, LIMIT))
    yield (
        "conversation",
        size // 10,
        lambda start: store.conversation(ACCOUNT, _number(0), Side.BOTH, Page(start, LIMIT)),
    )


async def _times(read: Read, start: int) -> list[float]:
    times = []
    for _ in range(OFTEN):
        began = time.perf_counter()
        await read(start)
        times.append((time.perf_counter() - began) * 1e6)
    return times


async def _filled(store: SqliteStore, size: int) -> Batch:
    """One batch in ten is to the same number, the others are to any; the last one has ten thousand recipients."""
    chance = random.Random(size)
    for first in range(0, size - 1, AT_ONCE):
        numbers = [
            0 if at % 10 == 0 else chance.randrange(1, 10_000_000)
            for at in range(first, min(first + AT_ONCE, size - 1))
        ]
        await asyncio.gather(*(_add(store, (number,))[1] for number in numbers))
    large, durable = _add(store, tuple(range(10_000)))
    await durable
    return large


def _add(store: SqliteStore, numbers: tuple[int, ...]) -> tuple[Batch, Awaitable[None]]:
    recipients = tuple([Recipient(_number(number)) for number in numbers])
    now = time.time_ns() // 1_000_000
    dispatches = (NewDispatch("main", "default", range(len(numbers))),)
    content = Content("iP1", "Hello")
    return store.add(
        NewBatch(now, now, ACCOUNT, ACCOUNT, "rest_v2", content, recipients, (1,) * len(numbers), dispatches)
    )


def _number(number: int) -> str:
    return str(46_700_000_000 + number)


if __name__ == "__main__":
    typer.run(main)
