"""The audit log: what operations have done, and what a command without a gateway does to a store."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.options import ConfigFile, Json, read_settings
from gateway.cli.output import say, show_json, show_table

if TYPE_CHECKING:
    from gateway.audit import Ending
    from gateway.ports import Recorded


def audit(
    *,
    before: Annotated[int | None, typer.Option(metavar="NUMBER", min=1, help="Only what came before this act.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many to list.")] = 50,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Show who has done what to the gateway and its store, when, and how it ended: the last acts, oldest first.

    An act without an outcome was cut off: how far it came, nobody knows.
    """
    from gateway.cli.history import stored
    from gateway.store.trail import newest

    with stored(read_settings(config).store) as db:
        found = newest(db, before, limit)
    rows = [_document(each) for each in found]
    if as_json:
        show_json({"acts": rows})
        return
    if not rows:
        say("Nobody has done anything yet.")
        return
    columns = ("act", "time", "who", "what", "about", "outcome")
    told = ({**row, "about": ", ".join(f"{name} {value}" for name, value in row["about"].items())} for row in rows)
    show_table([column.capitalize() for column in columns], ([row[column] for column in columns] for row in told))
    if len(rows) == limit:
        say(f"There may be more: --before {rows[0]['act']}")


def _document(each: "Recorded") -> dict[str, Any]:
    from gateway.clock import iso

    return {
        "act": each.key,
        "time": iso(each.act.moment),
        "who": each.act.who,
        "what": each.act.what,
        "about": json.loads(each.act.about),
        "ended": None if each.ended is None else iso(each.ended),
        "outcome": each.said,
    }


@contextlib.contextmanager
def audited(store: Path | None, what: str, about: dict[str, str]) -> Iterator["Ending"]:
    """Within this, a command does something with an embedded store. Where it cannot be kept, it is said."""
    import sqlite3

    from gateway.audit import Ending, described
    from gateway.clock import SystemClock
    from gateway.operators import oneself
    from gateway.ports import Act
    from gateway.store import schema, trail

    ending, clock = Ending(), SystemClock()
    if store is None or not store.is_file():
        yield ending
        return
    with contextlib.ExitStack() as stack:
        try:
            url = f"{store.absolute().as_uri()}?mode=rw"
            db = stack.enter_context(contextlib.closing(schema.connect(url, uri=True)))
            key = trail.begin(db, Act(clock.now(), oneself(), what, described(about)))
        except sqlite3.Error as error:
            typer.echo(f"The audit log was not told of it: {error}", err=True)
            yield ending
            return
        try:
            yield ending
        except BaseException as error:
            ending.said = f"failed: {type(error).__name__}"
            raise
        finally:
            with contextlib.suppress(sqlite3.Error):
                trail.end(db, key, clock.now(), ending.said)
