"""What statements are run on: the few methods of a database connection that both kinds of store have.

Statements are written once, in the SQL that SQLite and PostgreSQL share, with `?` for a value.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol


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


class Update(NamedTuple):
    """A statement that changes many rows; the values of each are called `:name`, the table's columns `table.column`."""

    change: str
    """`UPDATE t SET a = :b`"""
    where: str
    """`t.key = :key`"""
    values: str
    """The names of a row's values, in order, with their types: `key BIGINT, b TEXT`"""

    @property
    def names(self) -> list[str]:
        """The names alone."""
        return [value.split()[0] for value in self.values.split(", ")]

    def sql(self, source: str) -> str:
        """The whole statement, with its values out of a `source` that is called `new`."""
        return re.sub(r":(\w+)", r"new.\1", f"{self.change} FROM {source} WHERE {self.where}")


class Db(Protocol):
    """A connection."""

    def execute(self, sql: str, parameters: Sequence[Any] = ..., /) -> Cursor:
        """Run a statement."""
        ...

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> Cursor:
        """Run a statement for each of these rows."""
        ...

    def execute_for(self, head: str, keys: Collection[int], parameters: Sequence[Any] = ..., /) -> Cursor:
        """Run a statement for the rows that have one of these keys, which are found in any order.

        The head, which has `parameters`, is all up to the column: `SELECT … WHERE key`.
        """
        ...

    def update(self, statement: "Update", rows: Sequence[Sequence[Any]], /) -> None:
        """Change rows, each with values of its own; no two of them are to change the same row."""
        ...

    def insert(self, head: str, rows: Sequence[Sequence[Any]], /) -> None:
        """Insert rows that have the same columns; the head is `INSERT INTO t (a, b)`."""
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
