"""A speed run is a correctness run: what clients were told, what the gateway counted and what the disk holds agree."""

import json
import re
import urllib.request
from dataclasses import dataclass, field
from typing import NamedTuple

from servers import Server
from subjects import Request, Subject

from gateway.ids import FIRST_NUMBER
from gateway.store.inspect import reading

QUEUED = 102
"""What a message is once the upstream has said yes to it."""
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Stored(NamedTuple):
    """What a database holds."""

    batches: int
    messages: int
    highest: int
    handed_over: int


class Counts(NamedTuple):
    """What the upstream counted: see upstream.py."""

    recipients: int
    repeated: int
    last: float


@dataclass(slots=True)
class Seen:
    """What the clients of one server saw in all runs; `cut` is how many answers they may have missed."""

    answered: int = 0
    cut: int = 0
    problems: list[str] = field(default_factory=list)


def ask(server: Server, subject: Subject) -> list[str]:
    """Send the subject's first request once; what is wrong with the answer."""
    try:
        answer = _open(server.base, subject.requests[0])
    except OSError as error:  # also an HTTP status that is no success
        return [f"{subject.name}: {error}"]
    number = subject.number(answer)
    return [] if number and number >= FIRST_NUMBER else [f"{subject.name}: the answer holds no id: {answer[:200]}"]


def metrics(gateway: Server) -> str:
    """What a gateway says of itself."""
    return _open(gateway.internal, Request("GET", "/metrics", {}, ""))


def _open(base: str, asked: Request) -> str:
    request = urllib.request.Request(  # noqa: S310 - loopback, http
        base + asked.path, asked.body.encode() or None, asked.headers, method=asked.method
    )
    with _OPENER.open(request, timeout=30) as reply:
        answer: bytes = reply.read()
    return answer.decode()


def tell(gateway: Server, verb: str) -> None:
    """Pause or resume the gateway's upstream, as operations do."""
    body = json.dumps({"upstream": "main"})
    _open(gateway.internal, Request("POST", f"/queue/{verb}", {"Content-Type": "application/json"}, body))


def counts(upstream: Server) -> Counts:
    """What the fake upstream counted."""
    return Counts(**json.loads(_open(upstream.base, Request("GET", "/counts", {}, ""))))


def _counter(text: str, name: str, label: str = "") -> int:
    lines = re.findall(rf"^{name}_total\{{(.*)\}} (\S+)$", text, re.MULTILINE)
    return sum(int(float(value)) for labels, value in lines if label in labels)


def stored(store: str) -> Stored:
    """Count, read-only, in the store itself."""
    with reading(store) as db:
        (batches,) = db.execute("SELECT count(*) FROM batch").fetchone()
        row = db.execute("SELECT count(*), max(number) FROM message").fetchone()
        (left,) = db.execute("SELECT count(*) FROM message WHERE code >= ?", (QUEUED,)).fetchone()
    return Stored(batches, row[0], row[1] or 0, left)


def unfinished(store: str) -> bool:
    """Whether a dispatch has still to be handed over."""
    with reading(store) as db:
        return db.execute("SELECT 1 FROM dispatch WHERE state <= 3 LIMIT 1").fetchone() is not None


def acceptance(seen: Seen, said: str, found: Stored) -> list[str]:
    """Where clients, counters and rows disagree; clients are only short of the answers that were cut off."""
    counted = _counter(said, "sluss_requests", 'outcome="ok"')
    messages = _counter(said, "sluss_messages_accepted")
    problems = list(seen.problems)
    if not seen.answered <= counted <= seen.answered + seen.cut:
        problems.append(f"clients were answered {seen.answered} times, the gateway counted {counted}")
    if found.batches != counted:
        problems.append(f"{counted} requests were accepted, {found.batches} batches are stored")
    if found.messages != messages:
        problems.append(f"{messages} messages were accepted, {found.messages} are stored")
    if found.highest != FIRST_NUMBER - 1 + found.messages:
        problems.append(f"{found.messages} messages, but the highest number is {found.highest}")
    return problems


def handing_over(found: Stored, counts: Counts) -> list[str]:
    """Where rows and upstream disagree."""
    problems = []
    if counts.recipients != found.messages:
        problems.append(f"{found.messages} messages are stored, the upstream got {counts.recipients}")
    if found.handed_over != found.messages:
        problems.append(f"{found.messages} messages are stored, {found.handed_over} are known to be handed over")
    if counts.repeated:
        problems.append(f"the upstream got {counts.repeated} references more than once")
    return problems
