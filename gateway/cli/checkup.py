"""The command that proves a store's promises: what was accepted, what became of it, and whether the rows agree."""

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.options import ConfigFile, Json, read_settings
from gateway.cli.output import ExitCode, fail, say, show_json, show_table
from gateway.status import Status

if TYPE_CHECKING:
    # Only for the annotations: a driver of databases would make `sluss --help` slow.
    from gateway.store.mending import Report

_FATES = ("delivered", "failed", "pending", "unknown")


def fsck(
    *,
    repair: Annotated[
        bool, typer.Option("--repair", help="Put right what can be proven; nothing leaves by it.")
    ] = False,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Account for every message, and look whether the store agrees with itself; the gateway may run meanwhile.

    Accepted is what the batches say; delivered, failed, pending and unknown is what their messages say. Ends with 0
    where all is well and 1 where something is not, also where it was repaired: a second run shows what is left.
    """
    from gateway.clock import SystemClock
    from gateway.operators import oneself
    from gateway.store.inspect import Unreadable
    from gateway.store.mending import look_through

    try:
        report = look_through(read_settings(config).store, SystemClock().now(), repair=oneself() if repair else None)
    except Unreadable as error:
        fail(ExitCode.UNREACHABLE, str(error))
    document = _document(report)
    if as_json:
        show_json(document)
    else:
        _print(document)
    raise typer.Exit(ExitCode.OK if document["ok"] else ExitCode.FINDINGS)


def fate(status: Status) -> str:
    """Which of the four a message of this status is counted as."""
    if status is Status.UNKNOWN:
        return "unknown"
    if not status.final:
        return "pending"
    return "delivered" if status.delivered else "failed"


def _document(report: "Report") -> dict[str, Any]:
    accounts: dict[str, Counter[str]] = {name: Counter(accepted=size) for name, size in report.accepted.items()}
    states: Counter[int] = Counter()
    for (account, code), messages in report.statuses.items():
        accounts[account][fate(Status.of(code))] += messages
        states[code] += messages
    total = sum(accounts.values(), Counter[str]())
    return {
        "ok": not report.found and total["accepted"] == sum(total[fate] for fate in _FATES),
        "total": _row(total),
        "accounts": [{"account": name, **_row(accounts[name])} for name in sorted(accounts)],
        "states": [{"code": code, "name": Status.of(code).label, "messages": states[code]} for code in sorted(states)],
        "findings": [
            {
                "fault": fault.value,
                "found": count,
                "repaired": report.repaired[fault],
                "told": fault.told,
                "repair": fault.repair,
                "rows": [finding.account or finding.key for finding in report.shown[fault]],
            }
            for fault, count in sorted(report.found.items(), key=lambda item: item[0].value)
        ],
    }


def _row(counts: Counter[str]) -> dict[str, int]:
    return {name: counts[name] for name in ("accepted", *_FATES)}


def _print(document: dict[str, Any]) -> None:
    rows = [list(row.values()) for row in document["accounts"]]
    show_table(
        ("Account", "Accepted", *(name.capitalize() for name in _FATES)), [*rows, ["all", *document["total"].values()]]
    )
    show_table(("Status", "Name", "Messages"), [list(row.values()) for row in document["states"]])
    for row in document["findings"]:
        shown = ", ".join(map(str, row["rows"])) + (", …" if row["found"] > len(row["rows"]) else "")
        say(f"{row['fault']}: {row['found']:,} ({shown}): {row['told']}.")
        if row["repaired"]:
            say(f"  Repaired: {row['repaired']:,}, {row['repair']}.")
        else:
            say(f"  With --repair: {row['repair']}." if row["repair"] else "  Nothing can be proven here.")
    if document["ok"]:
        say("Every message is accounted for, and the store agrees with itself.")
