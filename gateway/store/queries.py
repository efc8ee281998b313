"""Batches, messages and their statuses, as they are read: run inside a transaction, or on the reading connection."""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

from gateway.ids import HIGHEST
from gateway.model import Batch, Message, Page, StatusEntry, Tally
from gateway.status import Status
from gateway.store.db import Db
from gateway.store.rows import BATCH, ENTRY, MESSAGE, batch_of, entry_of, message_of

_PAGE = 1000
"""Rows that are looked through at a time."""
_SKEW = 60_000
"""Milliseconds by which several gateways' clocks, or one that was set back, may put batches out of their order."""


def highest(db: Db) -> int:
    """The highest message number that was, or may have been, given out; 0 for none."""
    (number,) = db.execute("SELECT COALESCE(MAX(number), 0) FROM message").fetchone()
    (floor,) = db.execute("SELECT number FROM floor").fetchone()
    return max(int(number), int(floor))


def batch(db: Db, key: int) -> Batch | None:
    """A batch by its key."""
    row = db.execute(f"SELECT {BATCH} FROM batch WHERE key = ?", (key,)).fetchone()
    return None if row is None else batch_of(row)


def accounts(db: Db) -> list[str]:
    """Whoever has sent or received anything, found by a look at each of them and not at each row."""
    found: set[str] = set()
    for table in ("batch", "incoming"):
        following = f"SELECT account FROM {table} WHERE account > ? ORDER BY account LIMIT 1"
        last = ""
        while row := db.execute(following, (last,)).fetchone():
            (last,) = row
            found.add(last)
    return sorted(found)


def accepted(db: Db, since: int) -> dict[str, int]:
    """Messages by caller, of the batches since a moment: each account's newest are looked at alone."""
    counts: Counter[str] = Counter()
    for account in accounts(db):
        for created, caller, size in _newest_first(db, account):
            if created >= since:
                counts[caller] += size
            elif created < since - _SKEW:
                break
    return dict(counts)


def _newest_first(db: Db, account: str) -> Iterator[tuple[int, str, int]]:
    page = (
        "SELECT created, caller, size, ordinal FROM batch WHERE account = ? AND ordinal < ?"
        " ORDER BY ordinal DESC LIMIT ?"
    )
    before = HIGHEST
    while rows := db.execute(page, (account, before, _PAGE)).fetchall():
        for created, caller, size, _ in rows:
            yield created, caller, size
        before = rows[-1][3]


def tallies(db: Db, of: Batch) -> tuple[Tally, ...]:
    """Messages, segments and known prices per status."""
    found: dict[Status, Tally] = {}
    for code, price, currency, count, segments in db.execute(
        "SELECT code, price, currency, COUNT(*), CAST(SUM(segments) AS BIGINT) FROM message"
        " WHERE number BETWEEN ? AND ? GROUP BY code, price, currency ORDER BY code",
        (of.key, of.key + of.size - 1),
    ):
        status = Status.of(code)
        so_far = found.get(status, Tally(status, 0, 0))
        found[status] = Tally(
            status,
            so_far.messages + count,
            so_far.segments + segments,
            so_far.price + count * Decimal(price or 0),
            currency or so_far.currency,
        )
    return tuple(found.values())


def last_ordinal(db: Db, account: str) -> int:
    """The number of an account's newest batch, also where that was removed; 0 for none."""
    (last,) = db.execute(
        "SELECT COALESCE((SELECT MAX(ordinal) FROM batch WHERE account = ?),"
        " (SELECT ordinal FROM filed WHERE account = ?), 0)",
        (account, account),
    ).fetchone()
    return int(last)


def batches(db: Db, account: str, page: Page) -> tuple[tuple[Batch, ...], int]:
    """A page of an account's batches by their ordinals, and how many batches it has."""
    (first,) = db.execute("SELECT MIN(ordinal) FROM batch WHERE account = ?", (account,)).fetchone()
    last = last_ordinal(db, account)
    if first is None:
        return (), 0
    rows = db.execute(
        f"SELECT {BATCH} FROM batch WHERE account = ? AND ordinal BETWEEN ? AND ? ORDER BY ordinal {_order(page)}",
        (account, *span(first, last, page)),
    )
    return tuple([batch_of(row) for row in rows]), last - first + 1


def span(first: int, last: int, page: Page) -> tuple[int, int]:
    """The lowest and the highest number of a page, of numbers from `first` to `last` without a gap: none is skipped."""
    if page.descending:
        high = last - page.start
        return max(first, high - page.limit + 1), high
    low = first + page.start
    return low, min(last, low + page.limit - 1)


def _order(page: Page) -> str:
    return "DESC" if page.descending else "ASC"


def messages(db: Db, of: Batch, page: Page) -> tuple[Message, ...]:
    """A page of a batch's messages by their numbers."""
    rows = db.execute(
        f"SELECT {MESSAGE} FROM message WHERE number BETWEEN ? AND ? ORDER BY number {_order(page)}",
        span(of.key, of.key + of.size - 1, page),
    )
    return tuple(message_of(row) for row in rows)


def message(db: Db, number: int) -> tuple[Batch, Message, tuple[StatusEntry, ...]] | None:
    """A message, its batch and its whole history."""
    row = db.execute(f"SELECT {MESSAGE} FROM message WHERE number = ?", (number,)).fetchone()
    owner = db.execute(f"SELECT {BATCH} FROM batch WHERE key <= ? ORDER BY key DESC LIMIT 1", (number,)).fetchone()
    if row is None or owner is None:
        return None
    of = batch_of(owner)
    steps = db.execute(f"SELECT {ENTRY} FROM status WHERE number = ? ORDER BY step", (number,))
    return of, message_of(row), (StatusEntry(status=Status.ACCEPTED, created=of.created), *map(entry_of, steps))
