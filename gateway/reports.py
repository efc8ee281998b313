"""Delivery reports coming in: who they are about, and whether they move a message.

The path holds a secret that only this gateway and the upstream know; without it nobody can forge a status.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

import structlog
from pydantic import SecretStr

from gateway.clock import Clock
from gateway.errors import NotFound
from gateway.observe import Metrics
from gateway.outcome import transition_of
from gateway.ports import Call, Report, Reports, Store, Transition

log = structlog.get_logger()

PREFIX = "/hooks/"


def hook_path(upstream: str, secret: SecretStr) -> str:
    """The path an upstream posts its reports to; it changes only with the secret."""
    digest = hmac.new(secret.get_secret_value().encode(), f"sluss hook {upstream}".encode(), hashlib.sha256)
    return f"{PREFIX}{upstream}/{digest.hexdigest()[:40]}"


@dataclass(frozen=True, slots=True)
class Hook:
    """One upstream's hook: its path, and the codec that reads what is posted there."""

    path: str
    upstream: str
    codec: Reports


class Hooks:
    """Takes what upstreams post."""

    def __init__(self, hooks: Mapping[str, Hook], store: Store, clock: Clock, metrics: Metrics) -> None:
        """`hooks` by upstream name."""
        self._hooks = hooks
        self._store = store
        self._clock = clock
        self._metrics = metrics

    async def take(self, call: Call) -> int:
        """Record the reports in a call; returns how many moved a message. Raises RequestError, Busy.

        A report about a message we never sent is counted and swallowed: refusing it would make the upstream repeat it.
        """
        upstream = call.path.removeprefix(PREFIX).partition("/")[0]
        hook = self._hooks.get(upstream)
        if hook is None or not hmac.compare_digest(hook.path.encode(), call.path.encode("utf-8", "surrogateescape")):
            raise NotFound
        transitions = [
            transition for report in hook.codec.decode(call) if (transition := await self._match(report, upstream))
        ]
        moved = await self._store.record(transitions)
        self._count(upstream, transitions, moved)
        return len(moved)

    async def _match(self, report: Report, upstream: str) -> Transition | None:
        found = None
        if report.dispatch is not None and report.recipient is not None:
            found = await self._store.resolve(report.dispatch, report.recipient)
        if found is None or found[0] != upstream:
            self._metrics.ignored.labels(upstream, "unmatched").inc()
            log.warning("report.unmatched", upstream=upstream, status=report.status.value)
            return None
        return transition_of(report, found[1], upstream, self._clock.now())

    def _count(self, upstream: str, wanted: list[Transition], moved: list[Transition]) -> None:
        for transition in moved:
            status = transition.entry.status
            self._metrics.statuses.labels(upstream, status.label).inc()
            if transition.entry.raw_code not in (None, str(status.value)):
                self._metrics.unknown_codes.labels(upstream).inc()
        if len(moved) < len(wanted):
            self._metrics.ignored.labels(upstream, "late or repeated").inc(len(wanted) - len(moved))
        log.info("reports", upstream=upstream, reports=len(wanted), moved=len(moved))
