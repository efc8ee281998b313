"""What a vocabulary is: rows of a provider's codes, a way in to our statuses and a way out, each a table of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

from gateway.errors import GatewayError
from gateway.status import Status

Code = TypeVar("Code", bound=Enum)


@dataclass(frozen=True, slots=True)
class Row(Generic[Code]):
    """One code: the provider's words for it and our status; None where it has no honest message status."""

    code: Code
    words: str
    status: Status | None
    answers_request: bool = False
    note: str = ""


class Vocabulary(Generic[Code]):
    """Two total maps and the provider's words. Refuses to exist if a code or a status is missing or stands twice."""

    def __init__(
        self,
        *,
        name: str,
        version: str,
        source: str,
        rows: Sequence[Row[Code]],
        outward: Mapping[Status, Code],
        errors: Sequence[tuple[type[GatewayError], Code]],
    ) -> None:
        self.name, self.version, self.source = name, version, source
        self.rows = {row.code: row for row in rows}
        self.outward = dict(outward)
        self.errors = tuple(errors)
        missing = [status.label for status in Status if status not in self.outward]
        if missing or len(self.rows) != len(rows) or set(self.rows) != set(type(rows[0].code)):
            raise ValueError(f"vocabulary {name} is not total: {missing or 'a code is missing or doubled'}")
        self._by_value = {row.code.value: row.code for row in rows}

    def code_of(self, raw: object) -> Code | None:
        """The code that a number or its digits spell, or None where the vocabulary does not know it."""
        if isinstance(raw, str):
            raw = int(raw) if raw.isascii() and raw.isdigit() and len(raw) < 6 else None
        return self._by_value.get(raw) if isinstance(raw, int) and not isinstance(raw, bool) else None

    def to_status(self, raw: object) -> Status:
        """Our status for a code as the upstream wrote it; Unknown for one nobody documented."""
        code = self.code_of(raw)
        return Status.UNKNOWN if code is None else self.rows[code].status or Status.UNKNOWN

    def from_status(self, status: Status) -> Code:
        """The code a client of this vocabulary is told for a status."""
        return self.outward[status]

    def from_error(self, error: GatewayError) -> Code:
        """The code a client is told when its request is refused: the first row whose class fits."""
        return next(code for kind, code in self.errors if isinstance(error, kind))

    def words(self, code: Code) -> str:
        """The provider's own words for a code."""
        return self.rows[code].words
