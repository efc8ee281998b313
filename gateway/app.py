"""The composition root: the only place that knows every part."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

import structlog
from aiohttp import web
from pydantic import BaseModel, SecretStr

from gateway import registry
from gateway.auth import Auth
from gateway.callbacks import Callbacks
from gateway.clock import Clock, SystemClock
from gateway.config import Address, Settings, UpstreamSettings
from gateway.dispatcher import Dispatcher
from gateway.errors import ConfigError
from gateway.front import Server
from gateway.http import Http
from gateway.internal import internal_app
from gateway.limits import Limits, day_began
from gateway.observe import Metrics
from gateway.operations import Queue
from gateway.ports import Adapter, Store
from gateway.reports import Hook, Hooks, hook_path
from gateway.router import Router
from gateway.service import Service
from gateway.store import open_store
from gateway.upstreams import Connected, Inside, OnCall, Remote
from gateway.verdicts import Verdicts
from gateway.web import Mounted, Web

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway that is running. `public` and `internal` are the addresses it really listens on."""

    store: Store
    public: Address
    internal: Address
    _exit: contextlib.AsyncExitStack

    async def stop(self) -> None:
        """Take nothing new, finish what is in flight, let everything go."""
        await self._exit.aclose()


async def start(settings: Settings, *, clock: Clock | None = None, on_call: OnCall | None = None) -> Gateway:
    """Build and start a gateway. Raises ConfigError where an address or the store cannot be used."""
    clock = clock or SystemClock()
    async with contextlib.AsyncExitStack() as stack:
        store = open_store(settings.store)
        stack.push_async_callback(store.close)
        metrics = Metrics()
        http = Http(connections=sum(upstream.concurrency for upstream in settings.upstreams.values()))
        stack.push_async_callback(http.close)
        adapters = {name: registry.load(upstream.adapter) for name, upstream in settings.upstreams.items()}
        hooks = _hooks(settings, adapters)
        upstreams = {
            name: _connect(upstream, adapters[name], http, clock, _report_url(settings, hooks.get(name)), on_call)
            for name, upstream in settings.upstreams.items()
        }
        verdicts = Verdicts()
        dispatcher = Dispatcher(store, upstreams, clock, metrics, verdicts)
        callbacks = _callbacks(settings, store, clock, metrics, stack)
        auth = Auth(settings.callers)
        stack.callback(auth.close)
        service = Service(
            store,
            Router(settings.routes),
            clock,
            chunk={name: upstream.max_recipients for name, upstream in upstreams.items()},
            balances={name: upstream.balance for name, upstream in upstreams.items()},
            wake=dispatcher.wake,
            metrics=metrics,
            verdicts=verdicts,
            limits=await _limits(settings, store, clock),
        )
        faces = [Mounted.of(adapter, settings.face_options(adapter)) for adapter in registry.faces()]
        public = Web(faces, service, auth, Hooks(hooks, store, clock, metrics), metrics, settings.listen)
        # The order of the exits matters: listeners first, then what is in flight, the store last.
        await _tell_orphans(store, settings)
        await dispatcher.start()
        stack.push_async_callback(dispatcher.stop, settings.listen.shutdown)
        callbacks.start()
        stack.push_async_callback(callbacks.stop)
        queue = Queue(store, dispatcher, clock, metrics)
        internal_at = await _listen(
            web.AppRunner(internal_app(store, metrics, queue, settings.listen), access_log=None),
            settings.listen.internal,
            stack,
        )
        runner = web.ServerRunner(Server(public), shutdown_timeout=settings.listen.shutdown)
        public_at = await _listen(runner, settings.listen.public, stack)
        return Gateway(store, public_at, internal_at, stack.pop_all())


async def _limits(settings: Settings, store: Store, clock: Clock) -> Limits:
    """What the configuration lets in, less what was let in today."""
    capped = any(caller.daily is not None for caller in settings.callers)
    spent = await store.accepted(day_began(clock.now())) if capped else {}
    return Limits(settings.only, settings.callers, clock, spent=spent)


async def _tell_orphans(store: Store, settings: Settings) -> None:
    """Nobody sends for an upstream that the configuration has lost, so somebody must be told."""
    for (upstream, _), depth in (await store.depths()).items():
        if upstream not in settings.upstreams:
            log.error(
                "queue.orphaned", upstream=upstream, dispatches=depth.dispatches, remedy="name this upstream again"
            )


async def _listen(runner: web.BaseRunner, address: Address, stack: contextlib.AsyncExitStack) -> Address:
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    try:
        await web.TCPSite(runner, address.host, address.port, backlog=1024).start()
    except OSError as error:
        raise ConfigError(
            [f"listen: cannot listen on {address.host}:{address.port}: {error.strerror or error}"]
        ) from None
    host, port = runner.addresses[0][:2]
    return Address(host, port)


def _connect(
    settings: UpstreamSettings,
    adapter: Adapter,
    http: Http,
    clock: Clock,
    report_url: str | None,
    on_call: OnCall | None,
) -> Connected:
    if adapter.local is not None:
        return Inside(settings, adapter.local(settings.options), clock)
    if adapter.upstream is not None:
        return Remote(settings, adapter.upstream(settings.options), http, clock, report_url, on_call)
    raise ConfigError([f"upstreams.{settings.name}: adapter {adapter.name} cannot be called, only served"])


def _hooks(settings: Settings, adapters: Mapping[str, Adapter]) -> dict[str, Hook]:
    return {
        name: Hook(hook_path(name, _hook_secret(settings, upstream.options)), name, reports())
        for name, upstream in settings.upstreams.items()
        if (reports := adapters[name].reports) is not None
    }


def _hook_secret(settings: Settings, options: BaseModel | None) -> SecretStr:
    """The configured secret; otherwise the upstream's own credentials, which both sides know and nobody else."""
    if settings.listen.hook_secret is not None:
        return settings.listen.hook_secret
    fields = dict(options) if options is not None else {}
    return SecretStr("\0".join(value.get_secret_value() for value in fields.values() if isinstance(value, SecretStr)))


def _report_url(settings: Settings, hook: Hook | None) -> str | None:
    base = settings.listen.public_url
    return f"{base}{hook.path}" if base and hook else None


def _callbacks(
    settings: Settings, store: Store, clock: Clock, metrics: Metrics, stack: contextlib.AsyncExitStack
) -> Callbacks:
    http = Http(connections=64, public_only=not settings.callbacks.allow_private)
    stack.push_async_callback(http.close)
    encoders = {adapter.name: adapter.callback for adapter in registry.faces() if adapter.callback is not None}
    return Callbacks(
        store,
        http,
        clock,
        metrics,
        encode=lambda callback: encoders[callback.batch.face](callback),
        timeout=settings.callbacks.timeout,
        allow_private=settings.callbacks.allow_private,
    )


async def serve(gateway: Gateway, stop: asyncio.Event) -> None:
    """Run until `stop`, then end in good order."""
    log.info("serving", public=_shown(gateway.public), internal=_shown(gateway.internal))
    await stop.wait()
    log.info("stopping")
    await gateway.stop()
    log.info("stopped")


def _shown(address: Address) -> str:
    return f"{address.host}:{address.port}"
