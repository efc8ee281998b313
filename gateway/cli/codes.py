"""Both vocabularies as the tables say them, and what each code becomes in the other."""

from typing import Any

from gateway.cli.output import ExitCode, fail, show_json, show_table
from gateway.status import Status
from gateway.translator import LEGACY, LegacyCode
from gateway.translator.vocabulary import Row


def show(code: int | None, *, legacy: bool | None, as_json: bool) -> None:
    """Print the tables; `code` None means all of it, `legacy` None both vocabularies."""
    document: dict[str, list[dict[str, Any]]] = {}
    if legacy is not True:
        document["v2"] = [_status(status) for status in Status if code in (None, status.value)]
    if legacy is not False:
        document["legacy"] = [_row(row) for row in LEGACY.rows.values() if code in (None, row.code.value)]
    if not any(document.values()):
        fail(
            ExitCode.FINDINGS,
            f"Nobody documented the code {code} {_where(legacy)}; a message that reports it becomes 599 Unknown.",
        )
    if as_json:
        show_json(document)
    else:
        _print(document)


def _where(legacy: bool | None) -> str:  # noqa: FBT001 - three-valued, as the option is
    if legacy is None:
        return "in either vocabulary"
    return "of the older APIs" if legacy else "of REST v2"


def _status(status: Status) -> dict[str, Any]:
    return {
        "code": status.value,
        "name": status.label,
        "group": status.group.value,
        "description": status.description,
        "final": status.final,
        "delivered": status.delivered,
        "retryable": status.retryable,
        "legacy": legacy_words(LEGACY.from_status(status)),
    }


def _row(row: Row[LegacyCode]) -> dict[str, Any]:
    return {
        **legacy_words(row.code),
        "answers": "request" if row.answers_request else "message",
        "note": row.note,
        "v2": None if row.status is None else {"code": row.status.value, "name": row.status.label},
    }


def legacy_words(code: LegacyCode) -> dict[str, Any]:
    """A legacy code with the provider's words for it."""
    return {"code": code.value, "words": LEGACY.words(code)}


def _print(document: dict[str, list[dict[str, Any]]]) -> None:
    if statuses := document.get("v2"):
        show_table(
            ("Code", "Name", "Group", "Final", "Delivered", "Retryable", "Older APIs are told", "Description"),
            (
                (
                    row["code"],
                    row["name"],
                    row["group"],
                    *("yes" if row[flag] else "" for flag in ("final", "delivered", "retryable")),
                    "{code} {words}".format(**row["legacy"]),
                    row["description"],
                )
                for row in statuses
            ),
            title="REST v2",
        )
    if rows := document.get("legacy"):
        show_table(
            ("Code", "Provider's words", "Answers a", "Becomes in v2", "Note"),
            (
                (
                    row["code"],
                    row["words"],
                    row["answers"],
                    "{code} {name}".format(**row["v2"]) if row["v2"] else "no message status",
                    row["note"],
                )
                for row in rows
            ),
            title="Older APIs (SOAP, HTTP GET, REST v1)",
        )
