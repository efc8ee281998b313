"""What is measured: the rows of the table as data, and the requests they are made of."""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

import kannel
import postgresql
from load import Request

from gateway.ids import FIRST_NUMBER
from gateway.samples import SAMPLES, Sample

POOL = 32
"""Different requests that are sent in turn, where numbers matter."""

BARE = "bare "
"""How the names of the bare handler's measurements begin."""
TO_THE_END = frozenset({"e2e", "gather", "kannel"})
"""Servers that hand over what they take, and are measured by what is handed over."""
PEER = "Kannel"
"""How the names of the measurements of another program begin, which does the same work."""

_SAMPLES = {sample.title: sample for sample in SAMPLES}


@dataclass(frozen=True, slots=True)
class Row:
    """One row: a request of a face, and what its messages per second are divided by.

    `server` is the gateway that it is asked of, `needs` a program that must be installed for it. `floor` is what the
    median of the ratios must reach, `never` what no single round may fall under. With `pool`, so many requests to
    different numbers are sent in turn. With `ingest`, what leaves is counted, out of a queue that was filled before:
    while nothing comes in (False), or as much as can (True).
    """

    name: str
    title: str
    sample: str
    recipients: int = 1
    pool: int = 1
    server: str = "accept"
    ingest: bool | None = None
    baseline: str = ""
    peer: str = ""
    needs: str = ""
    floor: float | None = None
    never: float | None = None

    @property
    def divisor(self) -> str:
        """The name of the subject that the ratio is to: the bare handler asked the same, another row or program."""
        return self.baseline or self.peer or f"{BARE}{self.sample}"


ROWS = (
    Row("get", "GET", "HTTP GET", floor=0.40, never=0.35),
    Row("v2", "v2", "REST v2", floor=0.40, never=0.35),
    Row("soap", "SOAP", "SOAP sms", floor=0.30),
    Row("soap_to_get", "SOAP, to GET", "SOAP sms", baseline="get", floor=0.75),
    Row("v1", "v1", "REST v1"),
    Row("routes", "v2, 1,000 routes", "REST v2", server="routes", baseline="v2", floor=0.90),
    Row("postgresql", "v2, PostgreSQL to SQLite", "REST v2", server="postgresql", baseline="v2", needs="PostgreSQL"),
    Row("e2e", "v2, end to end", "REST v2", server="e2e"),
    Row("gather", "v2, end to end, shared", "REST v2", pool=16 * POOL, server="gather"),
    Row("kannel", "GET, to Kannel", "HTTP GET", server="e2e", peer=PEER, needs="Kannel"),
    Row(
        "kannel_many",
        "GET to 100, to Kannel",
        "HTTP GET",
        recipients=100,
        pool=POOL,
        server="e2e",
        peer=f"{PEER}, to 100",
        needs="Kannel",
    ),
    Row("leave", "leaving, nothing comes in", "REST v2", server="e2e", ingest=False),
    Row("leave_busy", "leaving under full load", "REST v2", server="e2e", ingest=True, baseline="leave", floor=0.80),
    Row("batch", "500 at once, to v2", "REST v2", recipients=500, pool=POOL, baseline="v2"),
)


@dataclass(frozen=True, slots=True)
class Subject:
    """What one measurement loads: a server, and the requests it gets in turn."""

    name: str
    server: str
    requests: Sequence[Request]
    recipients: int
    ingest: bool | None
    accepted: Callable[[str], bool]


_PROGRAMS: dict[str, Callable[[], object]] = {"PostgreSQL": postgresql.programs, "Kannel": kannel.programs}


def missing(row: Row) -> bool:
    """Whether the program that it needs is not installed."""
    return bool(row.needs) and _PROGRAMS[row.needs]() is None


def wanted(only: str) -> list[Row]:
    """The rows that `NAME,NAME` names, with those they are divided by; all that can be measured for an empty text.

    Raises KeyError for a name that is none, LookupError where what a row needs is not installed.
    """
    if not only:
        return [row for row in ROWS if not missing(row)]
    known = {row.name: row for row in ROWS}
    rows = [known[name.strip()] for name in only.split(",")]
    if cannot := [row for row in rows if missing(row)]:
        raise LookupError(f"{cannot[0].name} needs {cannot[0].needs}, which is not installed")
    needed = {row.name for row in rows} | {row.baseline for row in rows}
    return [row for row in ROWS if row.name in needed]


def subjects(rows: Sequence[Row], account: str, key: str) -> list[Subject]:
    """The measurements of a round in their order: each row right after the bare handler it is compared with."""
    found: dict[str, Subject] = {}
    for row in rows:
        sample = _SAMPLES[row.sample]
        requests = _requests(row, sample.filled(account, key))
        accepted = _accepted(sample)
        if row.peer:
            asked = tuple(Request("GET", kannel.path(request.path)) for request in requests)
            found[row.peer] = Subject(row.peer, "kannel", asked, row.recipients, None, kannel.accepted)
        elif not row.baseline:
            found.setdefault(row.divisor, Subject(row.divisor, "bare", requests, 1, None, accepted))
        found[row.name] = Subject(row.name, row.server, requests, row.recipients, row.ingest, accepted)
    return list(found.values())


def _accepted(sample: Sample) -> Callable[[str], bool]:
    return lambda answer: (sample.number(answer) or 0) >= FIRST_NUMBER


def _requests(row: Row, filled: Sample) -> Sequence[Request]:
    if row.pool == 1:
        return (Request(filled.method, filled.path, dict(filled.headers), filled.body),)
    # The same numbers in every run, in no order: an index on them would cost what it costs in life.
    chance = random.Random(row.recipients)
    numbers = range(46_700_000_000, 46_800_000_000)
    return tuple(_to(filled, chance.sample(numbers, row.recipients)) for _ in range(row.pool))


def _to(filled: Sample, numbers: Sequence[int]) -> Request:
    to = [str(number) for number in numbers]
    if filled.body:
        body = json.dumps(json.loads(filled.body) | {"recipients": to})
        return Request(filled.method, filled.path, dict(filled.headers), body)
    address = urlsplit(filled.path)
    query = dict(parse_qsl(address.query, keep_blank_values=True)) | {"to": ",".join(to)}
    return Request(filled.method, f"{address.path}?{urlencode(query)}", dict(filled.headers))
