"""What commands print and end with: JSON, tables and sentences, and the exit codes that scripts rely on."""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from gateway.errors import ConfigError

DEBUG = "SLUSS_DEBUG"

_PIPED_WIDTH = 1000
"""Columns of a table that goes to a file or a pipe: a row stays one line there, for grep."""


class ExitCode(IntEnum):
    """How every command ends. Numbers never change their meaning."""

    OK = 0
    FINDINGS = 1
    USAGE = 2
    UNREACHABLE = 3
    BUG = 70


class Guarded(TyperGroup):
    """The one place where an exception of any command becomes sentences and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; a user's mistake or a bug of ours ends in a sentence, never in a stack trace."""
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            fail(ExitCode.USAGE, *error.problems)
        except Exception as error:
            # typer's own exceptions know their exit code; a broken pipe is handled by typer too.
            own = isinstance(error, (typer.Abort, BrokenPipeError)) or hasattr(error, "exit_code")
            if own or os.environ.get(DEBUG):
                raise
            fail(
                ExitCode.BUG,
                f"Something went wrong inside Sluss ({type(error).__name__}):"
                f" run it again with {DEBUG}=1 to see the trace, and please report it.",
            )


def fail(code: ExitCode, *sentences: str) -> NoReturn:
    """End the command with an exit code, each sentence on a line of stderr."""
    for sentence in sentences:
        typer.echo(printable(sentence), err=True)
    raise typer.Exit(code)


def say(sentence: str = "") -> None:
    """Print a line on stdout."""
    typer.echo(sentence)


def show_json(document: object) -> None:
    """Print the one JSON document of a command."""
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2))


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "") -> None:
    """Print a table; None is shown as an empty cell."""
    from rich import box  # noqa: PLC0415 - tables are the exception, and rich is slow to import
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    if title:
        say(title)
    table = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*("" if cell is None else printable(str(cell)) for cell in row))
    width = None if sys.stdout.isatty() else _PIPED_WIDTH
    Console(width=width, markup=False, emoji=False, highlight=False).print(table)


def printable(text: str) -> str:
    """The text with control characters spelled out: upstreams' words must not steer anybody's terminal."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
