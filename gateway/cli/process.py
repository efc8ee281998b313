"""The serving process: settings, logs, event loop and signals around the gateway."""

import asyncio
import gc
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from gateway import app, registry
from gateway.cli.options import read_settings
from gateway.config import Settings, findings
from gateway.observe import configure

log = structlog.get_logger()

_GC_THRESHOLD = 50_000
"""Allocations between collections: requests leave no cycles behind, so looking for them often only costs latency."""


def run(path: Path | None, overrides: Mapping[str, str]) -> None:
    """Serve until told to stop. Raises ConfigError where the configuration, an address or the store is unusable."""
    settings = read_settings(path, overrides)
    configure(settings.log, _secret_names(settings))
    for finding in findings(settings):
        log.warning("configuration", finding=finding)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(settings))


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


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _signalled, stop, number)
    gateway = await app.start(settings)
    # What exists now lives as long as the process: the collector need never look at it again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD)
    await app.serve(gateway, stop)


def _signalled(stop: asyncio.Event, number: signal.Signals) -> None:
    if stop.is_set():
        os._exit(128 + number)
    stop.set()
