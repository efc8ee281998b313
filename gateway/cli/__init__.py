"""The command line: `sluss`. Commands import what they need when they run, so that help comes at once."""

from collections.abc import Callable
from typing import Annotated

import typer

from gateway import __version__
from gateway.cli import ask, auditing, checkup, keeping, outbox, privacy, queue, run, setup
from gateway.cli.output import Guarded

_HELP = """A gateway that keeps software alive which speaks an SMS provider's retired APIs.

Exit codes: 0 fine, 1 a problem was found, 2 wrong usage or configuration, 3 cannot be reached.
"""

app = typer.Typer(
    cls=Guarded,
    help=_HELP,
    epilog="Start with: sluss demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_queue = typer.Typer(help="What waits in the running gateway: look at it, stop it, move it on.", no_args_is_help=True)
_outbox = typer.Typer(help="What callers are still to be posted, and what was given up.", no_args_is_help=True)
_key = typer.Typer(help="API keys of callers: make one, or hash one that exists.", no_args_is_help=True)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it by position
    if wanted:
        typer.echo(f"sluss {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    _version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version),
    ] = False,
) -> None:
    pass


_COMMANDS: tuple[tuple[str, Callable[..., None], str], ...] = (
    ("serve", run.serve, "sluss serve --config /etc/sluss/sluss.yaml"),
    ("demo", run.demo, "sluss demo"),
    ("check", setup.check, "sluss check sluss.yaml && systemctl restart sluss"),
    ("diff", setup.diff, "sluss diff || sluss reload"),
    ("reload", setup.reload, "sluss check && sluss reload"),
    ("schema", setup.schema, "sluss schema > sluss.schema.json"),
    ("explain", ask.explain, "sluss explain --caller erp --sender iP1 --to 46712345678"),
    ("send", ask.send, "SLUSS_KEY=... sluss send --to 46712345678 --from iP1 --text Hello --wait"),
    ("status", ask.status, "sluss status 1001"),
    ("codes", ask.codes, "sluss codes 101"),
    ("backup", keeping.backup, "sluss backup /var/backups/sluss-$(date +%F).db"),
    ("restore", keeping.restore, "sluss restore /var/backups/sluss-2026-11-23.db"),
    ("audit", auditing.audit, "sluss audit --limit 20"),
    ("fsck", checkup.fsck, "sluss fsck || sluss fsck --repair"),
    ("erase", privacy.erase, "sluss erase +46712345678 --dry-run"),
    ("export", privacy.export, "sluss export --number +46712345678 --out /tmp/export.jsonl"),
    ("doctor", setup.doctor, "sluss doctor --config /etc/sluss/sluss.yaml"),
)
_KEY_COMMANDS: tuple[tuple[str, Callable[..., None], str], ...] = (
    ("new", setup.key_new, "sluss key new --caller erp"),
    ("hash", setup.key_hash, "sluss key hash < /run/secrets/erp.key"),
    ("seal", setup.key_seal, "sluss key seal > /run/secrets/sluss-seal"),
    ("sign", setup.key_sign, "sluss key sign > /run/secrets/erp-signing"),
)

_QUEUE_COMMANDS: tuple[tuple[str, Callable[..., None], str], ...] = (
    ("ls", queue.ls, "sluss queue ls --state unknown"),
    ("show", queue.show, "sluss queue show 1001"),
    ("pause", queue.pause, 'sluss queue pause main --reason "their maintenance"'),
    ("resume", queue.resume, "sluss queue resume main"),
    ("drain", queue.drain, "sluss queue drain main && systemctl stop sluss"),
    ("retry", queue.retry, "sluss queue retry --upstream main"),
    ("release", queue.release, "sluss queue release --route night"),
    ("cancel", queue.cancel, "sluss queue cancel --route campaign --dry-run"),
    ("resolve", queue.resolve, "sluss queue resolve 1001 --as delivered"),
)

_OUTBOX_COMMANDS: tuple[tuple[str, Callable[..., None], str], ...] = (
    ("ls", outbox.ls, "sluss outbox ls --given-up"),
    ("retry", outbox.retry, "sluss outbox retry --caller erp"),
    ("drop", outbox.drop, "sluss outbox drop 17"),
)

_GROUPS = (
    (app, _COMMANDS),
    (_queue, _QUEUE_COMMANDS),
    (_outbox, _OUTBOX_COMMANDS),
    (_key, _KEY_COMMANDS),
)
for _group, _commands in _GROUPS:
    for _name, _command, _example in _commands:
        _group.command(_name, epilog=f"Example: {_example}")(_command)
app.add_typer(_queue, name="queue", epilog="Example: sluss queue ls")
app.add_typer(_outbox, name="outbox", epilog="Example: sluss outbox ls")
app.add_typer(_key, name="key", epilog="Example: sluss key new --caller erp")


def main() -> None:
    """The entry point of `sluss`."""
    app(prog_name="sluss")
