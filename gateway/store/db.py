"""What statements are run on: the few methods of a database connection that both kinds of store have.

Statements are written once, in the SQL that SQLite and PostgreSQL share, with `?` for a value.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol


class Cursor(Protocol):
    """What a statement found, or how many rows it changed."""

    @property
    def rowcount(self) -> int:
        """Rows that were changed."""
        ...

    def fetchone(self) -> Any:
        """The next row, or None."""
        ...

    def fetchall(self) -> list[Any]:
        """The rows that are left."""
        ...

    def __iter__(self) -> Iterator[Any]: ...


class Db(Protocol):
    """A connection."""

    def execute(self, sql: str, parameters: Sequence[Any] = ..., /) -> Cursor:
        """Run a statement."""
        ...

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> Cursor:
        """Run a statement for each of these rows."""
        ...


class Session(Db, Protocol):
    """A connection that writes, one transaction after the other."""

    def begin(self) -> None:
        """Begin a transaction."""
        ...

    def commit(self) -> None:
        """Make it durable."""
        ...

    def rollback(self) -> None:
        """Undo it, where there is one."""
        ...

    def close(self) -> None:
        """Let go."""
        ...

    def is_busy(self, error: Exception) -> bool:
        """Whether the error says that nothing can be written now, and not that a statement was wrong."""
        ...
