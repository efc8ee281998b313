"""What a configuration becomes: upstreams that can be called, faces that can be mounted, rules, hooks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic import BaseModel, SecretStr

from gateway import registry
from gateway.clock import Clock
from gateway.config import Settings, UpstreamSettings
from gateway.errors import ConfigError
from gateway.http import Http
from gateway.ports import Adapter, Credentials, Upstream
from gateway.reports import Hook, hook_path
from gateway.router import Router
from gateway.sealing import Seal, process_key
from gateway.service import Ways
from gateway.upstreams import Connected, Inside, OnCall, Remote
from gateway.web import Mounted


@dataclass(frozen=True, slots=True)
class Parts:
    """All of it, built and not yet in use: another configuration is another one of these."""

    settings: Settings
    upstreams: Mapping[str, Connected]
    hooks: Mapping[str, Hook]
    faces: tuple[Mounted, ...]
    ways: Ways

    @property
    def answering(self) -> frozenset[str]:
        """The routes whose callers wait for the upstream's word."""
        return frozenset(rule.name for rule in self.settings.routes if rule.reply == "sent")


def assemble(settings: Settings, http: Http, clock: Clock, on_call: OnCall | None) -> Parts:
    """Build what a configuration says. Raises ConfigError; opens no socket and starts nothing."""
    adapters = {name: registry.load(upstream.adapter) for name, upstream in settings.upstreams.items()}
    hooks = _hooks(settings, adapters)
    # What is in memory alone outlives no key of this process.
    seal = Seal(settings.sealing.keys or ((process_key(),) if settings.store == "memory:" else ()))
    upstreams = {
        name: _connect(upstream, adapters[name], http, clock, _report_url(settings, hooks.get(name)), on_call, seal)
        for name, upstream in settings.upstreams.items()
    }
    ways = Ways(
        Router(settings.routes),
        chunk={name: upstream.max_recipients for name, upstream in upstreams.items()},
        balances={name: upstream.balance for name, upstream in upstreams.items()},
        relays={name: upstream.relay for name, upstream in upstreams.items()},
        seal=seal,
    )
    hsts = settings.listen.tls.hsts if settings.listen.tls else 0
    faces = tuple(Mounted.of(adapter, settings.face_options(adapter), hsts) for adapter in registry.faces())
    return Parts(settings, upstreams, hooks, faces, ways)


def _connect(
    settings: UpstreamSettings,
    adapter: Adapter,
    http: Http,
    clock: Clock,
    report_url: str | None,
    on_call: OnCall | None,
    seal: Seal,
) -> Connected:
    if adapter.local is not None:
        return Inside(settings, adapter.local(settings.options), clock, seal)
    if adapter.upstream is not None:
        build, options = adapter.upstream, settings.options
        as_caller = adapter.as_caller and partial(_of_caller, build, adapter.as_caller, options)
        return Remote(settings, build(options), http, clock, report_url, on_call, as_caller, seal)
    raise ConfigError([f"upstreams.{settings.name}: adapter {adapter.name} cannot be called, only served"])


def _of_caller(
    build: Callable[[Any], Upstream],
    as_caller: Callable[[Any, Credentials], Any],
    options: BaseModel | None,
    credentials: Credentials,
) -> Upstream:
    return build(as_caller(options, credentials))


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
