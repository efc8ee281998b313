"""The commands of the outbox: what a running gateway still has to post to callers, and what it has given up."""

from typing import Annotated

import typer

from gateway.cli.options import ConfigFile, Json

SomePost = Annotated[
    int | None, typer.Argument(metavar="[POST]", min=1, help="The number of a post, as 'ls' shows it.")
]
OfCaller = Annotated[str | None, typer.Option("--caller", metavar="NAME", help="All of this caller.")]
All = Annotated[bool, typer.Option("--all", help="All of every caller.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only tell what would happen.")]


def ls(
    *,
    given_up: Annotated[bool, typer.Option("--given-up", help="List what was given up, post by post.")] = False,
    caller: OfCaller = None,
    after: Annotated[int, typer.Option(metavar="POST", min=0, help="Go on behind this post.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many to list.")] = 50,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Show how much each caller is still to be posted, and how much was given up; or list what was given up.

    A post is a delivery report, or an SMS that came in. It is given up after ten attempts.
    """
    from gateway.cli.operating import RunningGateway

    gateway = RunningGateway(config, as_json=as_json)
    if given_up or caller is not None or after:
        gateway.posts({"caller": caller, "after": str(after), "limit": str(limit)})
    else:
        gateway.outboxes()


def retry(
    post: SomePost = None,
    *,
    caller: OfCaller = None,
    every: All = False,
    dry_run: DryRun = False,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Post again what was given up, once the caller's server is well: now, and with ten attempts before it."""
    from gateway.cli.operating import RunningGateway

    RunningGateway(config, as_json=as_json).move_posts("retry", post, caller, every=every, dry_run=dry_run)


def drop(
    post: SomePost = None,
    *,
    caller: OfCaller = None,
    every: All = False,
    dry_run: DryRun = False,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Forget what was given up. The statuses and the messages themselves stay."""
    from gateway.cli.operating import RunningGateway

    RunningGateway(config, as_json=as_json).move_posts("drop", post, caller, every=every, dry_run=dry_run)
