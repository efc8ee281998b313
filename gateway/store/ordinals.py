"""Numbers without a gap for what each account has: used in the writing thread alone, inside its transaction."""

from collections.abc import Callable

from gateway.store.db import Db


class Ordinals:
    """The last number of each account; read from the database once, and again after a transaction that failed."""

    def __init__(self, last: Callable[[Db, str], int]) -> None:
        """`last` reads the last number of an account."""
        self._read = last
        self._last: dict[str, int] = {}

    def next(self, db: Db, account: str) -> int:
        """The next number of an account."""
        last = self._last.get(account)
        number = 1 + (self._read(db, account) if last is None else last)
        self._last[account] = number
        return number

    def forget(self) -> None:
        """What was given out since the last commit may not have been kept."""
        self._last.clear()
