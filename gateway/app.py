"""The composition root: the only place that knows every part."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import structlog
from aiohttp import web

from gateway import registry
from gateway.assembly import assemble
from gateway.audit import Audit
from gateway.auth import Auth
from gateway.callbacks import Callbacks, Encoders
from gateway.clock import Clock, SystemClock
from gateway.config import Address, Settings
from gateway.connections import Connections, affordable
from gateway.dispatcher import Dispatcher
from gateway.duties import Duties
from gateway.front import Server
from gateway.housekeeping import Housekeeping
from gateway.http import Http
from gateway.internal import internal_app
from gateway.limits import Limits, spent_today
from gateway.observe import Metrics
from gateway.operations import ErasureDesk, OutboxDesk, Queue
from gateway.pacer import Pacer
from gateway.ports import Store
from gateway.reports import Hooks
from gateway.runtime import Read, Running, Runtime, tell_orphans
from gateway.service import Service
from gateway.shares import Shares
from gateway.sockets import Connection, Site
from gateway.store import open_store
from gateway.tls import Secure, identity_of
from gateway.together import Parts as Told
from gateway.together import Together
from gateway.upstreams import OnCall
from gateway.verdicts import Verdicts
from gateway.web import Room, Web

log = structlog.get_logger()

MAX_BODIES = 64 * 1024 * 1024
"""Bytes of the bodies of all requests that are under way."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway that is running, with the addresses it really listens on. `secure` is TLS's, where it has its own."""

    store: Store
    public: Address
    internal: Address
    secure: Address | None
    runtime: Runtime
    _exit: contextlib.AsyncExitStack

    async def stop(self) -> None:
        """Take nothing new, finish what is in flight, let everything go."""
        await self._exit.aclose()


async def start(
    settings: Settings, *, clock: Clock | None = None, on_call: OnCall | None = None, read: Read | None = None
) -> Gateway:
    """Build and start a gateway; `read` reads its configuration again, when it is told to.

    Raises ConfigError where an address or the store cannot be used.
    """
    clock = clock or SystemClock()
    async with contextlib.AsyncExitStack() as stack:
        store = open_store(settings.store)
        stack.push_async_callback(store.close)
        metrics = Metrics()
        secure = _secure(settings, metrics, clock)
        http = Http(connections=0)  # each lane has a limit of its own
        stack.push_async_callback(http.close)
        parts = assemble(settings, http, clock, on_call)
        verdicts = Verdicts()
        duties = Duties(store.company)
        dispatcher = Dispatcher(store, parts.upstreams, clock, metrics, verdicts, duties, parts.answering)
        callbacks = _callbacks(settings, store, clock, metrics, duties, stack)
        spent = await spent_today(store, settings.callers, clock)
        limits = Limits(settings.only, settings.callers, clock, spent=spent)
        service = Service(
            store, parts.ways, clock, wake=dispatcher.wake, metrics=metrics, verdicts=verdicts, limits=limits
        )
        await service.load()
        hooks = Hooks(parts.hooks, settings.callers, store, clock, metrics)
        auth = Auth(settings.callers)
        stack.callback(auth.close)
        room = _room(settings, dispatcher, metrics)
        public = Web(parts.faces, service, auth, hooks, metrics, room, settings.listen)
        running = Running(
            store=store,
            audit=Audit(store.trail, clock),
            auth=auth,
            service=service,
            web=public,
            dispatcher=dispatcher,
            callbacks=callbacks,
            limits=limits,
            http=http,
            clock=clock,
            metrics=metrics,
            on_call=on_call,
            secure=secure,
        )
        runtime = Runtime(running, parts, read)
        # The order of the exits matters: listeners first, then what is in flight, the store last.
        together = Together(store.company, duties, Told(dispatcher, service.registers, verdicts, limits))
        together.start()
        stack.push_async_callback(together.stop)
        await _begin(running, settings, stack)
        addresses = await _open(running, runtime, settings, stack)
        return Gateway(store, *addresses, runtime, stack.pop_all())


async def _begin(running: Running, settings: Settings, stack: contextlib.AsyncExitStack) -> None:
    """Begin to send and to post."""
    await tell_orphans(running.store, settings)
    await running.dispatcher.start()
    stack.push_async_callback(running.dispatcher.stop, settings.listen.shutdown)
    for behind in (running.callbacks, Housekeeping(running.store, running.clock, running.metrics, settings.retention)):
        behind.start()
        stack.push_async_callback(behind.stop)


def _internal(running: Running, runtime: Runtime, settings: Settings) -> web.Application:
    store, clock, metrics = running.store, running.clock, running.metrics
    desks = (
        Queue(store, running.dispatcher, clock, metrics),
        OutboxDesk(store, clock),
        ErasureDesk(store, running.service.registers, clock, metrics),
    )
    return internal_app(store, metrics, desks, runtime, running.audit, settings.listen)


def _room(settings: Settings, dispatcher: Dispatcher, metrics: Metrics) -> Room:
    room = Room(Shares(settings.listen.requests), Shares(MAX_BODIES), Pacer(lambda: dispatcher.behind))
    metrics.under_way.set_function(lambda: room.requests.used)
    metrics.bodies.set_function(lambda: room.bodies.used)
    return room


def _server(public: Web, settings: Settings, metrics: Metrics) -> Server:
    clients = Connections(affordable(settings.listen.connections), metrics.crowded)
    metrics.connections.set_function(lambda: len(clients))
    return Server(public, clients)


def _secure(settings: Settings, metrics: Metrics, clock: Clock) -> Secure | None:
    tls = settings.listen.tls
    return None if tls is None else Secure.of(identity_of(tls, clock.now()), metrics, clock.now())


async def _open(
    running: Running, runtime: Runtime, settings: Settings, stack: contextlib.AsyncExitStack
) -> tuple[Address, Address, Address | None]:
    """Listen: the addresses for clients, for operations, and for clients by TLS where it has one of its own."""
    listen, tls = settings.listen, settings.listen.tls
    inside = await _set_up(web.AppRunner(_internal(running, runtime, settings), access_log=None), stack)
    internal = await _listen(inside, listen.internal, partial(Connection.of, cast("web.Server", inside.server)))
    server = _server(running.web, settings, running.metrics)
    runner = await _set_up(web.ServerRunner(server, shutdown_timeout=listen.shutdown), stack)
    if tls is None or tls.address is None:
        return await _listen(runner, listen.public, server, running.secure), internal, None
    public = await _listen(runner, listen.public, server)
    return public, internal, await _listen(runner, tls.address, server, running.secure)


async def _set_up(runner: web.BaseRunner, stack: contextlib.AsyncExitStack) -> web.BaseRunner:
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    return runner


async def _listen(
    runner: web.BaseRunner, address: Address, factory: Callable[[], Any], secure: Secure | None = None
) -> Address:
    site = Site(runner, address, factory, secure)
    await site.start()
    return site.address


def _callbacks(
    settings: Settings, store: Store, clock: Clock, metrics: Metrics, duties: Duties, stack: contextlib.AsyncExitStack
) -> Callbacks:
    http = Http(connections=64, public_only=not settings.callbacks.allow_private)
    stack.push_async_callback(http.close)
    encoders = {adapter.name: adapter.callback for adapter in registry.faces() if adapter.callback is not None}
    forward = next(adapter.forward for adapter in registry.faces() if adapter.forward is not None)
    return Callbacks(
        store,
        http,
        clock,
        metrics,
        settings.callbacks,
        settings.callers,
        Encoders(lambda callback: encoders[callback.batch.face](callback), forward),
        duties,
    )


async def serve(gateway: Gateway, stop: asyncio.Event) -> None:
    """Run until `stop`, then end in good order."""
    also = {} if gateway.secure is None else {"tls": _shown(gateway.secure)}
    log.info("serving", public=_shown(gateway.public), internal=_shown(gateway.internal), **also)
    await stop.wait()
    log.info("stopping")
    await gateway.stop()
    log.info("stopped")


def _shown(address: Address) -> str:
    return f"{address.host}:{address.port}"
