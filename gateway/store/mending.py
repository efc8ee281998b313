"""Looking a whole store through, and putting right what can be proven: nothing here can make a message leave twice.

Its dispatch alone tells whether a message was tried. What has lost that is never queued again: it is told as unknown,
and a person decides.
"""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple, TypeVar

from gateway.ids import HIGHEST
from gateway.lifecycle import may_follow
from gateway.model import DispatchState, StatusEntry
from gateway.ports import Act, Transition
from gateway.status import Status
from gateway.store import schema, soundness, statuses, trail
from gateway.store.db import Db, Session
from gateway.store.inspect import Unreadable, path_of, reading
from gateway.store.soundness import Fault, Finding

T = TypeVar("T")

TOLD = "Found by sluss fsck: nothing says whether it has left"
SHOWN = 10
"""Rows of each fault that are named."""
_ROUNDS = 2
"""Times that a piece is mended: what a first repair takes away may leave something to be told."""

_Look = Callable[[Db], list[Finding]]


class Report(NamedTuple):
    """What is in a store, by account and status, and what is wrong with it, by fault."""

    accepted: Counter[str]
    statuses: Counter[tuple[str, int]]
    found: Counter[Fault]
    repaired: Counter[Fault]
    shown: dict[Fault, list[Finding]]


def look_through(url: str, now: int, *, repair: str | None = None) -> Report:
    """Look at everything, in short transactions; `repair` is who wants it repaired. Raises Unreadable, ConfigError."""
    report = Report(Counter(), Counter(), Counter(), Counter(), {})
    for look, findings in _steps(url, report, now):
        report.found.update(finding.fault for finding in findings)
        for finding in findings:
            shown = report.shown.setdefault(finding.fault, [])
            if len(shown) < SHOWN:
                shown.append(finding)
        if repair and any(finding.fault.repair for finding in findings):
            with contextlib.closing(_writer(url)) as session:
                report.repaired.update(_mended(session, look, now))
    if repair and report.repaired:
        with contextlib.closing(_writer(url)) as session:
            _keep(session, repair, report.repaired, now)
    return report


def _keep(session: Session, who: str, repaired: Counter[Fault], now: int) -> None:
    """Keep in the audit log what was repaired."""
    session.begin()
    key = trail.begin(session, Act(now, who, "fsck", "{}"))
    said = ", ".join(
        f"{fault.value} {rows}" for fault, rows in sorted(repaired.items(), key=lambda item: item[0].value)
    )
    trail.end(session, key, now, f"done, {said}")
    session.commit()


def _read(url: str, look: Callable[[Db], T]) -> T:
    with reading(url) as db:
        return look(db)


def _steps(url: str, report: Report, now: int) -> Iterator[tuple[_Look, list[Finding]]]:
    """All there is to look at, one after the other: how to look, and what was found."""
    glance = partial(soundness.of_the_whole, shared=path_of(url) is None)
    yield glance, _read(url, glance)
    after = 0
    while after < HIGHEST:
        piece = _read(url, partial(_piece, after=after, now=now))
        report.accepted.update(piece.accepted)
        report.statuses.update(piece.statuses)
        yield partial(_findings, after=after, upto=piece.upto, now=now), piece.findings
        after = piece.upto
    post: int | None = 0
    while post is not None:
        found, following = _read(url, partial(soundness.posts, after=post))
        yield partial(_posts, after=post), found
        post = following
    place: soundness.Place | None = soundness.START
    while place is not None:
        found, entry = _read(url, partial(soundness.talk, after=place))
        yield partial(_talk, after=place), found
        place = entry


def _piece(db: Db, after: int, now: int) -> soundness.Piece:
    return soundness.piece(db, after, soundness.end_of_piece(db, after), now)


def _findings(db: Db, after: int, upto: int, now: int) -> list[Finding]:
    return soundness.piece(db, after, upto, now).findings


def _posts(db: Db, after: int) -> list[Finding]:
    return soundness.posts(db, after)[0]


def _talk(db: Db, after: soundness.Place) -> list[Finding]:
    return soundness.talk(db, after)[0]


def _writer(url: str) -> Session:
    path = path_of(url)
    if path is not None:
        return schema.connect(str(path))
    from gateway.store.pg_session import Writer  # noqa: PLC0415 - the driver is loaded where it is used

    return Writer(url)


def _mended(session: Session, look: _Look, now: int) -> Counter[Fault]:
    """Look again, where nobody else writes, and repair what is found then."""
    repaired: Counter[Fault] = Counter()
    for _ in range(_ROUNDS):
        try:
            session.begin()
            for finding in look(session):
                if (mend := _REPAIRS.get(finding.fault)) is not None:
                    mend(session, finding, now)
                    repaired[finding.fault] += 1
            session.commit()
        except Exception as error:
            session.rollback()
            if session.is_busy(error):
                raise Unreadable("store: nothing can be written to it now; try again later") from error
            raise
    return repaired


def _tell(db: Db, finding: Finding, now: int) -> None:
    # What is known to have left by now, for its history says so, is waited for.
    doubt = finding.fault is Fault.ENDED_UNTOLD
    entry = StatusEntry(status=Status.UNKNOWN, created=now, raw_text=TOLD)
    statuses.record(db, [Transition(finding.key, entry, doubt=doubt)])


def _agree(db: Db, finding: Finding, _now: int) -> None:
    """What is further on is right: nothing goes back to where it would be sent again."""
    number = finding.key
    (code, modified) = db.execute("SELECT code, modified FROM message WHERE number = ?", (number,)).fetchone()
    row = db.execute(
        "SELECT step, code, created FROM status WHERE number = ? ORDER BY step DESC LIMIT 1", (number,)
    ).fetchone()
    step, last, created = row or (0, Status.ACCEPTED.value, modified)
    if may_follow(Status.of(code), Status.of(last)):
        db.execute("UPDATE message SET code = ?, modified = ? WHERE number = ?", (last, created, number))
    else:
        db.insert("INSERT INTO status (number, step, code, created)", [(number, step + 1, code, modified)])


def _end(db: Db, finding: Finding, _now: int) -> None:
    db.execute("UPDATE dispatch SET state = ? WHERE key = ?", (DispatchState.SENT.value, finding.key))


def _delete_dispatch(db: Db, finding: Finding, _now: int) -> None:
    db.execute("DELETE FROM dispatch WHERE key = ?", (finding.key,))


def _delete_sealed(db: Db, finding: Finding, _now: int) -> None:
    db.execute("DELETE FROM credential WHERE batch = ?", (finding.key,))
    db.execute("DELETE FROM hidden WHERE batch = ?", (finding.key,))


def _delete_post(db: Db, finding: Finding, _now: int) -> None:
    db.execute("DELETE FROM callback WHERE key = ?", (finding.key,))


def _file_anew(db: Db, finding: Finding, _now: int) -> None:
    """The gateway's housekeeping fills what is empty."""
    db.execute("DELETE FROM conversation WHERE account = ?", (finding.account,))
    db.execute("DELETE FROM filed WHERE account = ?", (finding.account,))


def _raise_floor(db: Db, finding: Finding, _now: int) -> None:
    db.execute("UPDATE floor SET number = ?", (finding.key,))


_REPAIRS: dict[Fault, Callable[[Db, Finding, int], None]] = {
    Fault.NOT_CARRIED: _tell,
    Fault.ENDED_UNTOLD: _tell,
    Fault.HISTORY_DIFFERS: _agree,
    Fault.DISPATCH_OVER: _end,
    Fault.DISPATCH_EMPTY: _delete_dispatch,
    Fault.DISPATCH_ALONE: _delete_dispatch,
    Fault.SEALED_ALONE: _delete_sealed,
    Fault.POST_ALONE: _delete_post,
    Fault.TALK_ALONE: _file_anew,
    Fault.FILED_AHEAD: _file_anew,
    Fault.NUMBER_AGAIN: _raise_floor,
}
