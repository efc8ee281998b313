"""The commands that keep copies of a store: making one while the gateway runs, and putting one back."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.auditing import audited
from gateway.cli.options import ConfigFile, Json, read_settings
from gateway.cli.output import ExitCode, fail, say, show_json


def backup(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="The file to be made; it must not exist.")],
    *,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Copy the store into a file, while the gateway runs: whole, checked, and readable by its owner alone.

    A PostgreSQL server has pg_dump, and more, for this.
    """
    import sqlite3

    from gateway.store import backup as copies
    from gateway.store.inspect import Unreadable, path_of

    url = read_settings(config).store
    if url.startswith("postgresql://"):
        fail(ExitCode.USAGE, "The store is a PostgreSQL server's: use pg_dump, or what your server is backed up with")
    try:
        with audited(path_of(url), "backup", {"file": str(target)}) as ending:
            size = copies.backup(url, target, _show_progress)
            ending.say(bytes=size)
    except Unreadable as error:
        fail(ExitCode.UNREACHABLE, str(error))
    except (OSError, sqlite3.Error) as error:
        fail(ExitCode.FINDINGS, f"No backup was made: {error}")
    if as_json:
        show_json({"file": str(target), "bytes": size})
    else:
        say(f"{target} holds the whole store: {size:,} bytes.")


def restore(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="A file that 'sluss backup' has made.")],
    *,
    nothing_left: Annotated[
        bool,
        typer.Option("--nothing-left", help="No gateway has run since it was made, so what waits in it is sent."),
    ] = False,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Put a backup where the configuration says that the store is, for a gateway that does not run.

    What waited when the backup was made may have left since. So it is not sent again: it becomes unknown (599), for
    'sluss queue resolve' or 'sluss queue retry'. What was accepted since is not in it.
    """
    import sqlite3

    from gateway.audit import described
    from gateway.clock import SystemClock
    from gateway.errors import ConfigError
    from gateway.operators import oneself
    from gateway.store import backup as copies
    from gateway.store.inspect import path_of

    path = path_of(read_settings(config).store)
    if path is None:
        fail(ExitCode.USAGE, "The store is no file: only one that 'store: sqlite:///PATH' names can be put back")
    if not source.is_file():
        fail(ExitCode.UNREACHABLE, f"There is no file {source}")
    try:
        about = described({"file": source.name})
        found = copies.restore(source, path, SystemClock().now(), nothing_left=nothing_left, who=oneself(), about=about)
    except FileExistsError as error:
        fail(ExitCode.FINDINGS, f"{error}: move it away first, nothing is ever overwritten")
    except ConfigError as error:
        fail(ExitCode.FINDINGS, *error.problems)
    except (OSError, sqlite3.Error) as error:
        fail(ExitCode.FINDINGS, f"Nothing was put back: {error}")
    if as_json:
        show_json({"store": str(path), **found._asdict()})
        return
    say(f"{path} is put back, with {found.messages:,} messages.")
    if found.doubtful:
        say(
            f"{found.doubtful:,} of them waited, and may have left since: they are unknown now, and are not sent."
            " See: sluss queue ls --state unknown"
        )


def _show_progress(left: int, whole: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{100 - 100 * left // max(whole, 1)} % " if left else "\r\033[K")
