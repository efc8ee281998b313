"""The serving process: settings, logs, event loop and signals around the gateway."""

import asyncio
import contextlib
import gc
import os
import signal
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from gateway import app, registry
from gateway.cli.options import read_settings
from gateway.cli.supervision import Supervision
from gateway.config import Settings, find, findings
from gateway.errors import ConfigError
from gateway.observe import configure
from gateway.runtime import Read, Runtime

log = structlog.get_logger()

LOOK = 1.0
"""Seconds between two looks at the files of the configuration."""

_GC_THRESHOLD = 50_000
"""Allocations between collections: requests leave no cycles behind, so looking for them often only costs latency."""


def run(path: Path | None, overrides: Mapping[str, str], *, watch: bool) -> None:
    """Serve until told to stop. Raises ConfigError where the configuration, an address or the store is unusable."""
    path = find(path, os.environ)
    read = partial(read_settings, path, overrides)
    watched = Watched(path) if watch else None  # before it is read: what changes from now on is a change
    settings = read()
    configure(settings.log, _secret_names(settings))
    for finding in findings(settings):
        log.warning("configuration", finding=finding)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(settings, read, watched))


def _secret_names(settings: Settings) -> frozenset[str]:
    names = {*registry.known(), *(upstream.adapter for upstream in settings.upstreams.values())}
    return frozenset().union(*(registry.load(name).secrets for name in names))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


async def _serve(settings: Settings, read: Read, watched: "Watched | None") -> None:
    stop = asyncio.Event()
    supervision = Supervision(os.environ)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _signalled, stop, number, supervision)
    # Until there is something to reload, SIGHUP would end the process.
    loop.add_signal_handler(signal.SIGHUP, lambda: None)
    gateway = await app.start(settings, read=read)
    reloader = Reloader(gateway.runtime, supervision)
    loop.add_signal_handler(signal.SIGHUP, reloader.now, "SIGHUP")
    if watched is not None:
        reloader.watch(watched)
    # What exists now lives as long as the process: the collector need never look at it again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD)
    supervision.ready()
    alive = asyncio.create_task(supervision.keep_alive())
    try:
        await app.serve(gateway, stop)
    finally:
        reloader.stop()
        alive.cancel()


class Reloader:
    """Reads the configuration again when it is told to, or when its files change. What is wrong is in the log."""

    def __init__(self, runtime: Runtime, supervision: Supervision) -> None:
        self._runtime = runtime
        self._supervision = supervision
        self._tasks: set[asyncio.Task[None]] = set()

    def now(self, who: str) -> None:
        """Begin to, for whoever asked."""
        self._start(self._reload(who))

    def watch(self, watched: "Watched") -> None:
        """Look at the files from now on."""
        self._start(self._watch(watched))

    def stop(self) -> None:
        """End what was begun."""
        for task in self._tasks:
            task.cancel()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.add(task := asyncio.create_task(work))
        task.add_done_callback(self._tasks.discard)

    async def _reload(self, who: str) -> None:
        self._supervision.reloading()
        try:
            await self._runtime.reload(who=who)
        except ConfigError:
            pass  # its problems are in the log
        except Exception:
            log.exception("configuration.crashed")
        self._supervision.ready()

    async def _watch(self, watched: "Watched") -> None:
        while True:
            await asyncio.sleep(LOOK)
            if watched.changed():
                await self._reload("a change of the file")


class Watched:
    """The files of a configuration: one, and those in conf.d beside it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._used = self._seen = self._signature()

    def changed(self) -> bool:
        """Whether they are others than those that were used last, and have come to rest since the last look.

        Editors and copies write a file in pieces.
        """
        before, self._seen = self._seen, self._signature()
        if self._seen == self._used or self._seen != before:
            return False
        self._used = self._seen
        return True

    def _signature(self) -> list[tuple[str, int, int, int]]:
        found = []
        for file in (self._path, *sorted(self._path.parent.glob("conf.d/*.yaml"))):
            with contextlib.suppress(OSError):
                stat = file.stat()
                found.append((str(file), stat.st_ino, stat.st_size, stat.st_mtime_ns))
        return found


def _signalled(stop: asyncio.Event, number: signal.Signals, supervision: Supervision) -> None:
    if stop.is_set():
        os._exit(128 + number)
    supervision.stopping()
    stop.set()
