"""Writes `docs/codes.md` from the tables, so that the page cannot say anything else than the code does."""

import sys
from collections.abc import Iterable, Sequence

from gateway.status import Status
from gateway.translator.legacy import LEGACY, LegacyCode
from gateway.translator.vocabulary import Row

_HEAD = f"""\
# Status codes

Generated from `gateway/status.py` and `gateway/translator/`: run `make codes` after changing a table.

The same numbers mean different things in the two vocabularies (legacy 101 is *{LEGACY.words(LegacyCode(101))}*,
v2 101 is *{Status.of(101).label}*), so every number below stands with its words. Source of a vocabulary's codes and
words: the provider's own documents. What a code becomes in the other vocabulary, and the three flags, are ours.
"""

_STATUSES = """\
## REST v2: the inner vocabulary

Source: the provider's developer page, "RESTful SMS API 2.0 status codes", with four slips of the pen mended.

*Final*: nothing follows it. *Delivered*: the SMS reached the handset. *Retryable*: the same message, sent anew later,
may arrive. A code that is not in this table becomes 599 Unknown, with the upstream's own code kept beside it.
"""

_INWARD = f"""\
## From the older APIs to v2

What a message becomes when an upstream that speaks SOAP, HTTP GET or REST v1 reports a code.

Source: {LEGACY.source}; table version {LEGACY.version}. A code that is not in this table becomes 599 Unknown.
Codes marked *request* answer a request and say nothing of a message on its way; one without a v2 status has no honest
equivalent there.
"""

_OUTWARD = f"""\
## From v2 to the older APIs

What a caller that speaks SOAP, HTTP GET or REST v1 is told of a message. This is a table of its own, not the one above
read backwards. One rule more: an Accepted or Queued message whose delivery window has yet to open is told as
{LegacyCode.DELAYED.value} {LEGACY.words(LegacyCode.DELAYED)}.
"""

_ERRORS = """\
## What a refused request is answered with

The first row that fits decides. Some clients take 45 for the id of an SMS, so it never stands here.
"""


def markdown() -> str:
    """The whole page."""
    sections = (
        _HEAD,
        _STATUSES,
        _table(("Code", "Name", "Group", "Final", "Delivered", "Retryable", "Description"), map(_status, Status)),
        _INWARD,
        _table(("Legacy", "Provider's words", "Answers", "v2", "Note"), map(_inward, LEGACY.rows.values())),
        _OUTWARD,
        _table(("v2", "Legacy"), ((_named(status), _worded(code)) for status, code in LEGACY.outward.items())),
        _ERRORS,
        _table(("Error", "Legacy"), ((f"`{kind.__name__}`", _worded(code)) for kind, code in LEGACY.errors)),
    )
    return "\n".join(sections)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = (head, ("---",) * len(head), *rows)
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _status(status: Status) -> tuple[str, ...]:
    flags = ("yes" if flag else "" for flag in (status.final, status.delivered, status.retryable))
    return (str(status.value), status.label, status.group.value, *flags, status.description)


def _inward(row: Row[LegacyCode]) -> tuple[str, ...]:
    answers = "request" if row.answers_request else "message"
    return (str(row.code.value), row.words, answers, _named(row.status) if row.status else "", row.note)


def _named(status: Status) -> str:
    return f"{status.value} {status.label}"


def _worded(code: LegacyCode) -> str:
    return f"{code.value} {LEGACY.words(code)}"


if __name__ == "__main__":
    sys.stdout.write(markdown())
