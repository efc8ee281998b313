"""What operations have done, in SQL: added to by a gateway or a command, read by `sluss audit`."""

from gateway.ids import HIGHEST
from gateway.ports import Act, Recorded
from gateway.store.book import Run
from gateway.store.db import Db


def begin(db: Db, act: Act) -> int:
    """Keep an act; its key."""
    (key,) = db.execute("INSERT INTO act (moment, who, what, about) VALUES (?,?,?,?) RETURNING key", act).fetchone()
    return int(key)


def end(db: Db, key: int, moment: int, said: str) -> None:
    """Keep how an act ended."""
    db.execute("INSERT INTO outcome (act, moment, said) VALUES (?,?,?)", (key, moment, said))


def newest(db: Db, before: int | None, limit: int) -> list[Recorded]:
    """The last acts before a key, or of all; oldest first."""
    rows = db.execute(
        "SELECT act.key, act.moment, who, what, about, outcome.moment, said"
        " FROM act LEFT JOIN outcome ON outcome.act = act.key WHERE act.key < ? ORDER BY act.key DESC LIMIT ?",
        (HIGHEST if before is None else before, limit),
    ).fetchall()
    return [Recorded(key, Act(*act), ended, said) for key, *act, ended, said in reversed(rows)]


class SqlTrail:
    """See `gateway.ports.Trail`."""

    def __init__(self, write: Run) -> None:
        self._write = write

    async def begin(self, act: Act) -> int:
        """Keep an act; see the port."""
        return await self._write(lambda db: begin(db, act))

    async def end(self, key: int, moment: int, said: str) -> None:
        """Keep its end; see the port."""
        await self._write(lambda db: end(db, key, moment, said))
