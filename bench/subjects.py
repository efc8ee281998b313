"""What is measured: the rows of the table as data, and the requests they are made of."""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from postgresql import programs

from gateway.samples import SAMPLES, Sample

POOL = 32
"""Different batch requests that are sent in turn."""

_SAMPLES = {sample.title: sample for sample in SAMPLES}


class Request(NamedTuple):
    """An HTTP request as a load generator repeats it."""

    method: str
    path: str
    headers: dict[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class Row:
    """One row: a request of a face, and what its messages per second are divided by.

    `server` is the gateway that it is asked of. `floor` is what the median of the ratios must reach, `never` what no
    single round may fall under. With `ingest`, what leaves is counted, out of a queue that was filled before: while
    nothing comes in (False), or as much as can (True).
    """

    name: str
    title: str
    sample: str
    recipients: int = 1
    server: str = "accept"
    ingest: bool | None = None
    baseline: str = ""
    floor: float | None = None
    never: float | None = None

    @property
    def divisor(self) -> str:
        """The name of the subject that the ratio is to: the bare handler asked the same, or another row."""
        return self.baseline or f"bare {self.sample}"


ROWS = (
    Row("get", "GET", "HTTP GET", floor=0.40, never=0.35),
    Row("v2", "v2", "REST v2", floor=0.40, never=0.35),
    Row("soap", "SOAP", "SOAP sms", floor=0.30),
    Row("soap_to_get", "SOAP, to GET", "SOAP sms", baseline="get", floor=0.75),
    Row("v1", "v1", "REST v1"),
    Row("routes", "v2, 1,000 routes", "REST v2", server="routes", baseline="v2", floor=0.90),
    Row("postgresql", "v2, PostgreSQL to SQLite", "REST v2", server="postgresql", baseline="v2"),
    Row("e2e", "v2, end to end", "REST v2", server="e2e"),
    Row("leave", "leaving, nothing comes in", "REST v2", server="e2e", ingest=False),
    Row("leave_busy", "leaving under full load", "REST v2", server="e2e", ingest=True, baseline="leave", floor=0.80),
    Row("batch", "500 at once, to v2", "REST v2", recipients=500, baseline="v2"),
)


@dataclass(frozen=True, slots=True)
class Subject:
    """What one measurement loads: a server, and the requests it gets in turn."""

    name: str
    server: str
    requests: Sequence[Request]
    recipients: int
    ingest: bool | None
    number: Callable[[str], int | None]


def wanted(only: str) -> list[Row]:
    """The rows that `NAME,NAME` names, with those they are divided by; all for an empty text. Raises KeyError.

    Where PostgreSQL is not installed there is no row of it.
    """
    possible = [row for row in ROWS if row.server != "postgresql" or programs() is not None]
    if not only:
        return possible
    known = {row.name: row for row in possible}
    rows = [known[name.strip()] for name in only.split(",")]
    needed = {row.name for row in rows} | {row.baseline for row in rows}
    return [row for row in ROWS if row.name in needed]


def subjects(rows: Sequence[Row], account: str, key: str) -> list[Subject]:
    """The measurements of a round in their order: each row right after the bare handler it is compared with."""
    found: dict[str, Subject] = {}
    for row in rows:
        sample = _SAMPLES[row.sample]
        requests = _requests(sample, row.recipients, account, key)
        if not row.baseline:
            found.setdefault(row.divisor, Subject(row.divisor, "bare", requests, 1, None, sample.number))
        found[row.name] = Subject(row.name, row.server, requests, row.recipients, row.ingest, sample.number)
    return list(found.values())


def _requests(sample: Sample, recipients: int, account: str, key: str) -> Sequence[Request]:
    filled = sample.filled(account, key)
    if recipients == 1:
        return (Request(filled.method, filled.path, dict(filled.headers), filled.body),)
    # The same numbers in every run, in no order: an index on them would cost what it costs in life.
    chance = random.Random(recipients)
    return tuple(
        Request(filled.method, filled.path, dict(filled.headers), _many(filled.body, recipients, chance))
        for _ in range(POOL)
    )


def _many(body: str, recipients: int, chance: random.Random) -> str:
    numbers = chance.sample(range(46_700_000_000, 46_800_000_000), recipients)
    return json.dumps(json.loads(body) | {"recipients": [str(number) for number in numbers]})
