"""How the benchmark's own servers run: one uvloop, any free port, and its number on standard output."""

import asyncio
from collections.abc import Callable

import uvloop
from aiohttp import web


def run(runner: Callable[[], web.BaseRunner]) -> None:
    """Serve until killed."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        loop.run(_serve(runner))


async def _serve(make: Callable[[], web.BaseRunner]) -> None:
    runner = make()
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()
