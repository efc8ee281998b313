"""What upstreams post: delivery reports, and whether they move a message; messages that come in, and whose they are.

The path holds a secret that only this gateway and the upstream know; without it nobody can forge a status.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog
from pydantic import SecretStr

from gateway.clock import Clock
from gateway.conditions import Patterns
from gateway.config import Caller
from gateway.errors import Busy, NotFound
from gateway.model import Incoming
from gateway.observe import Metrics
from gateway.outcome import transition_of
from gateway.ports import Arrival, Call, Report, Reports, Store, Transition

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

    def __init__(
        self, hooks: Mapping[str, Hook], callers: Sequence[Caller], store: Store, clock: Clock, metrics: Metrics
    ) -> None:
        """`hooks` by upstream name."""
        self._hooks = hooks
        self._receivers = [(caller, caller.incoming) for caller in callers if caller.incoming is not None]
        self._store = store
        self._clock = clock
        self._metrics = metrics

    async def take(self, call: Call) -> int:
        """Record what a call tells; returns how many reports moved a message. Raises RequestError, Busy.

        A report about a message we never sent is counted and swallowed: refusing it would make the upstream repeat it.
        A message that comes in for nobody is refused as Busy for that very reason: once the configuration says whose
        it is, it comes again.
        """
        upstream = call.path.removeprefix(PREFIX).partition("/")[0]
        hook = self._hooks.get(upstream)
        if hook is None or not hmac.compare_digest(hook.path.encode(), call.path.encode("utf-8", "surrogateescape")):
            raise NotFound
        told = hook.codec.decode(call)
        arrived = [self._received(arrival, upstream) for arrival in told if isinstance(arrival, Arrival)]
        reports = [report for report in told if isinstance(report, Report)]
        transitions = [transition for report in reports if (transition := await self._match(report, upstream))]
        if reports:
            moved = await self._store.record(transitions)
            self._count(upstream, transitions, moved)
        if arrived:
            await self._receive(upstream, arrived)
        return len(moved) if reports else 0

    def _received(self, arrival: Arrival, upstream: str) -> Incoming:
        for caller, incoming in self._receivers:
            if not incoming.numbers or Patterns(incoming.numbers).match(arrival.recipient):
                now = self._clock.now()
                return Incoming(
                    key=0,
                    # By our own clock: what is listed by time is listed as it came.
                    created=now,
                    account=caller.account,
                    caller=caller.name,
                    upstream=upstream,
                    upstream_id=arrival.upstream_id,
                    sender=arrival.sender,
                    recipient=arrival.recipient,
                    body=arrival.body,
                    segments=arrival.segments,
                    datacoding=arrival.datacoding,
                    mcc=arrival.mcc,
                    mnc=arrival.mnc,
                )
        self._metrics.ignored.labels(upstream, "nobody's").inc()
        log.warning("incoming.unclaimed", upstream=upstream, remedy="name its number in callers[].incoming.numbers")
        raise Busy("No caller takes messages to this number")

    async def _receive(self, upstream: str, arrived: list[Incoming]) -> None:
        passed_on = {caller.name for caller, incoming in self._receivers if incoming.url is not None}
        kept = await self._store.receive(arrived, self._clock.now(), passed_on)
        for incoming in kept:
            self._metrics.incoming.labels(upstream, incoming.caller).inc()
        log.info("incoming", upstream=upstream, messages=len(arrived), kept=len(kept))

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
