"""The configuration of a gateway that runs: read again, compared, and put in place whole or not at all."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from gateway.assembly import Parts, assemble
from gateway.audit import Audit
from gateway.auth import Auth
from gateway.callbacks import Callbacks
from gateway.clock import Clock
from gateway.config import Settings, findings
from gateway.config.difference import Change, changes, followed
from gateway.dispatcher import Dispatcher
from gateway.errors import ConfigError
from gateway.http import Http
from gateway.limits import Limits, spent_today
from gateway.observe import Metrics
from gateway.ports import Store
from gateway.rehearsal import failures
from gateway.reports import Hooks
from gateway.service import Service
from gateway.tls import Identity, Secure, identity_of
from gateway.upstreams import OnCall
from gateway.web import Web

log = structlog.get_logger()

Read = Callable[[], Settings]
"""Reads the configuration from where the gateway was started with. Raises ConfigError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What follows the configuration of a running gateway, and what new parts of it are built with."""

    store: Store
    audit: Audit
    auth: Auth
    service: Service
    web: Web
    dispatcher: Dispatcher
    callbacks: Callbacks
    limits: Limits
    http: Http
    clock: Clock
    metrics: Metrics
    on_call: OnCall | None
    secure: Secure | None


class Runtime:
    """Holds the configuration that is in use. In-flight work keeps what was decided for it."""

    def __init__(self, running: Running, parts: Parts, read: Read | None) -> None:
        """`read` is None where there is nothing to read again."""
        self._running = running
        self._parts = parts
        self._read = read
        self._one = asyncio.Lock()

    async def reload(self, *, dry_run: bool = False, who: str = "the gateway") -> list[Change]:
        """Put what the file says now in place; returns what differs, with `dry_run` that alone.

        Raises ConfigError where the file is not sound or fails its own tests: then nothing has changed.
        """
        if dry_run:
            return await self._reload(dry_run=True)
        async with self._running.audit.act(who, "reload", {}) as ending:
            found = await self._reload(dry_run=False)
            ending.say(changed=" ".join(change.path for change in found) or "nothing")
            return found

    async def _reload(self, *, dry_run: bool) -> list[Change]:
        async with self._one:
            try:
                settings = await self._sound()
                found = changes(self._parts.settings, settings)
                if dry_run:
                    return found
                parts = self._assembled(settings)
                identity = self._identity(parts.settings)
            except ConfigError as error:
                if not dry_run:
                    self._told("refused")
                    log.warning("configuration.refused", problems=list(error.problems))
                raise
            spent = await spent_today(self._running.store, settings.callers, self._running.clock)
            self._use(parts, spent)
            if identity is not None and self._running.secure is not None:
                self._running.secure.follow(identity, self._running.clock.now())
            self._told("applied" if found else "unchanged")
            log.info(
                "configuration.read",
                changed=[change.path for change in found if not change.at_start],
                at_next_start=[change.path for change in found if change.at_start],
            )
            await tell_orphans(self._running.store, parts.settings)
            return found

    async def _sound(self) -> Settings:
        if self._read is None:
            raise ConfigError(["this gateway was started without a file, so there is nothing to read again"])
        settings = await asyncio.to_thread(self._read)
        if wrong := failures(settings, self._running.clock.now()):
            raise ConfigError(wrong)
        return settings

    def _assembled(self, settings: Settings) -> Parts:
        for finding in findings(settings):
            log.warning("configuration", finding=finding)
        effective = followed(self._parts.settings, settings)
        return assemble(effective, self._running.http, self._running.clock, self._running.on_call)

    def _identity(self, settings: Settings) -> Identity | None:
        """What the files of the certificate say now: it may have been renewed, though nothing else has changed."""
        secure = settings.listen.tls
        return None if secure is None else identity_of(secure, self._running.clock.now())

    def _use(self, parts: Parts, spent: Mapping[str, int]) -> None:
        # Nothing here waits, so no request and no attempt ever sees half of a configuration.
        running = self._running
        running.dispatcher.configure(parts.upstreams, parts.answering)
        running.service.configure(parts.ways)
        running.auth.configure(parts.settings.callers)
        running.limits.configure(parts.settings.only, parts.settings.callers, spent)
        running.callbacks.configure(parts.settings.callers)
        hooks = Hooks(parts.hooks, parts.settings.callers, running.store, running.clock, running.metrics)
        running.web.configure(parts.faces, hooks, parts.settings.listen)
        self._parts = parts

    def _told(self, outcome: str) -> None:
        self._running.metrics.configurations.labels(outcome).inc()


async def tell_orphans(store: Store, settings: Settings) -> None:
    """Nobody sends for an upstream that the configuration has lost, so somebody must be told."""
    for (upstream, state), depth in (await store.depths()).items():
        if upstream not in settings.upstreams:
            remedy = "name this upstream again, or cancel what waits there: sluss queue cancel --upstream"
            log.error(
                "queue.orphaned",
                upstream=upstream,
                state=state.name.lower(),
                dispatches=depth.dispatches,
                remedy=remedy,
            )
