"""The commands of operations: what waits in a running gateway, and moving it on, stopping it or ending it."""

from enum import StrEnum
from typing import Annotated

import typer

from gateway.cli.options import ConfigFile, Json


class State(StrEnum):
    """Where a dispatch may stand that is not finished."""

    READY = "ready"
    SENDING = "sending"
    WAITING = "waiting"
    POLLING = "polling"
    UNKNOWN = "unknown"
    HELD = "held"


class Outcome(StrEnum):
    """What the provider said, when it was asked by a person."""

    DELIVERED = "delivered"
    SENT = "sent"
    FAILED = "failed"


_ID = "A message's number, or the id of a message, a batch or a dispatch."
Id = Annotated[str, typer.Argument(metavar="ID", help=_ID)]
SomeId = Annotated[str | None, typer.Argument(metavar="[ID]", help=_ID)]
Upstream = Annotated[str, typer.Argument(metavar="UPSTREAM", help="The upstream's name.")]
OfUpstream = Annotated[str | None, typer.Option("--upstream", metavar="NAME", help="All of this upstream.")]
OfRoute = Annotated[str | None, typer.Option("--route", metavar="NAME", help="All of this route.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only tell what would happen.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it, where it cannot be taken back.")]


def ls(
    upstream: Annotated[str | None, typer.Argument(metavar="[UPSTREAM]", help="List what this one has to do.")] = None,
    *,
    route: OfRoute = None,
    state: Annotated[State | None, typer.Option(help="List what stands so.")] = None,
    after: Annotated[str | None, typer.Option(metavar="ID", help="Go on behind this dispatch.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many to list.")] = 50,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Show every upstream with what waits for it; with an upstream, a route or a state, list the dispatches themselves.

    A dispatch is what one call of an upstream carries: some messages of one batch.
    """
    from gateway.cli import operating

    gateway = operating.RunningGateway(config, as_json=as_json)
    if upstream is None and route is None and state is None:
        gateway.overview()
    else:
        gateway.listed({"upstream": upstream, "route": route, "state": state, "after": after, "limit": str(limit)})


def show(
    queue_id: Id,
    *,
    full: Annotated[bool, typer.Option("--full", help="Show phone numbers whole.")] = False,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Show a dispatch: its messages, what happened to it, and what can be done with it."""
    from gateway.cli import operating

    operating.RunningGateway(config, as_json=as_json).shown(queue_id, full=full)


def pause(
    upstream: Upstream,
    *,
    reason: Annotated[str, typer.Option(help="Why, for whoever looks at it later.")] = "",
    dry_run: DryRun = False,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Send nothing more to an upstream, also after a restart. Messages are accepted as ever, and wait."""
    from gateway.cli import operating

    operating.RunningGateway(config, as_json=as_json).stop("pause", upstream, reason=reason, dry_run=dry_run)


def resume(upstream: Upstream, *, dry_run: DryRun = False, config: ConfigFile = None, as_json: Json = False) -> None:
    """Send to an upstream again, at once."""
    from gateway.cli import operating

    operating.RunningGateway(config, as_json=as_json).stop("resume", upstream, dry_run=dry_run)


def drain(
    upstream: Upstream,
    *,
    timeout: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="How long to wait.")] = 60.0,
    dry_run: DryRun = False,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Pause an upstream and wait until nothing is on its way to it. Ends with 1 where something still is."""
    from gateway.cli import operating

    operating.RunningGateway(config, as_json=as_json).drain(upstream, timeout, dry_run=dry_run)


def retry(  # noqa: PLR0913 - to typer an option is an argument
    queue_id: SomeId = None,
    *,
    upstream: OfUpstream = None,
    route: OfRoute = None,
    state: Annotated[State | None, typer.Option(help="ready, or unknown, which may send twice.")] = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Send now what waits for its next attempt, or once more what was never answered (unknown).

    What is unknown may have arrived, so its recipients may get it twice: that needs --yes.
    """
    from gateway.cli import operating

    order = operating.order(queue_id, upstream=upstream, route=route, state=state)
    operating.RunningGateway(config, as_json=as_json).act("retry", order, yes=yes, dry_run=dry_run)


def release(
    queue_id: SomeId = None,
    *,
    upstream: OfUpstream = None,
    route: OfRoute = None,
    dry_run: DryRun = False,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Send what a route with 'hold: true' has held back."""
    from gateway.cli import operating

    order = operating.order(queue_id, upstream=upstream, route=route)
    operating.RunningGateway(config, as_json=as_json).act("release", order, yes=True, dry_run=dry_run)


def cancel(  # noqa: PLR0913 - to typer an option is an argument
    queue_id: SomeId = None,
    *,
    upstream: OfUpstream = None,
    route: OfRoute = None,
    state: Annotated[State | None, typer.Option(help="ready or held; both where it is not given.")] = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """End what has not left: its messages become Canceled (203), and their callers are told."""
    from gateway.cli import operating

    order = operating.order(queue_id, upstream=upstream, route=route, state=state)
    operating.RunningGateway(config, as_json=as_json).act("cancel", order, yes=yes, dry_run=dry_run)


def resolve(  # noqa: PLR0913 - to typer an option is an argument
    queue_id: SomeId = None,
    *,
    outcome: Annotated[Outcome, typer.Option("--as", help="What the provider says became of it.")],
    upstream: OfUpstream = None,
    route: OfRoute = None,
    state: Annotated[State | None, typer.Option(help="unknown, to mean all of an upstream or a route.")] = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """End what was never answered (unknown), once the provider was asked: delivered, on its way (sent), or failed."""
    from gateway.cli import operating

    order = operating.order(queue_id, upstream=upstream, route=route, state=state, outcome=outcome)
    operating.RunningGateway(config, as_json=as_json).act("resolve", order, yes=yes, dry_run=dry_run)
