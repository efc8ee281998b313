"""The commands for what a person may ask of whoever stores something about them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.options import ConfigFile, Json, read_settings
from gateway.cli.output import ExitCode, fail, say, show_json


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


def export(
    *,
    account: Annotated[str | None, typer.Option(metavar="NAME", help="What is this account's alone.")] = None,
    number: Annotated[str | None, typer.Option(metavar="NUMBER", help="What is about this phone number alone.")] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Messages of this time and later alone.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Messages before this time alone.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="The file to be made; it must not exist.")] = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Write what is stored as JSON Lines, to stdout or into a file, also while the gateway runs.

    Each line is a document with a 'kind': batch, message, incoming, contact, sender, blocked or passcode. Phone
    numbers and texts stand in it as they are; credentials and two-factor codes do not.
    """
    from gateway.cli.history import stored
    from gateway.store import exporting

    chosen = exporting.Chosen(account, _moment("since", since), _moment("until", until), _msisdn(number))
    with stored(read_settings(config).store) as db:
        lines = map(exporting.line, exporting.export(db, chosen))
        if out is None:
            for line in lines:
                say(line)
            return
        written = _written(out, lines)
    if as_json:
        show_json({"file": str(out), "lines": written})
    else:
        say(f"{out} holds {written:,} lines.")


def _written(path: Path, lines: Iterable[str]) -> int:
    """Write a file that is whole, or is not there; how many lines it has."""
    from gateway.store.backup import becoming

    written = 0
    try:
        if path.exists():
            fail(ExitCode.FINDINGS, f"{path} exists already: nothing is ever overwritten")
        with becoming(path) as place, place.open("w", encoding="utf-8") as file:
            for line in lines:
                file.write(f"{line}\n")
                written += 1
    except OSError as error:
        fail(ExitCode.FINDINGS, f"Nothing was exported: {error}")
    return written


def _moment(option: str, text: str | None) -> int | None:
    from gateway.clock import parse_iso

    try:
        return None if text is None else parse_iso(text)
    except ValueError:
        fail(ExitCode.USAGE, f"--{option} must be a time as 2026-11-24 or 2026-11-24T12:00:00+01:00")


def _msisdn(number: str | None) -> str | None:
    from gateway.msisdn import international

    try:
        return None if number is None else international(number)
    except ValueError as error:
        fail(ExitCode.USAGE, str(error))
