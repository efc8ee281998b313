"""The commands for what a person may ask of whoever stores something about them."""

from typing import Annotated

import typer

from gateway.cli.options import ConfigFile, Json


def erase(  # noqa: PLR0913 - to typer an option is an argument
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="The phone number, with its country code.")],
    *,
    cancel: Annotated[bool, typer.Option("--cancel", help="End what is still to be sent to it.")] = False,
    blacklist: Annotated[
        bool, typer.Option("--blacklist", help="Take it off the blacklists, too: then it can get messages again.")
    ] = False,
    no_vacuum: Annotated[
        bool, typer.Option("--no-vacuum", help="Leave bytes in unused parts of the database file.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it: it cannot be taken back.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would happen.")] = False,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Erase a person's phone number from the store of the running gateway, and what was written to them and by them.

    Batches and messages stay, with 0000000000 in its place, so that callers can still ask for them. Backups and logs
    elsewhere are not touched. What is still to be sent stops it; blacklists keep the number unless told otherwise.
    """
    from gateway.cli import operating

    order = {"number": number, "cancel": cancel, "blacklist": blacklist, "vacuum": not no_vacuum}
    operating.RunningGateway(config, as_json=as_json).erase(order, yes=yes, dry_run=dry_run)
