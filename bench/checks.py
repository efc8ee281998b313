"""A speed run is a correctness run: what clients were told, what the gateway counted and what the disk holds agree."""

import json
import re
from dataclasses import dataclass, field
from typing import NamedTuple

from load import Request, send
from servers import Server
from subjects import Subject

from gateway.ids import FIRST_NUMBER
from gateway.store.inspect import reading

QUEUED = 102
"""What a message is once the upstream has said yes to it."""


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
    """What the clients of one server saw in all runs: answers, of so many messages, and what they may have missed."""

    answered: int = 0
    messages: int = 0
    cut: int = 0
    messages_cut: int = 0
    problems: list[str] = field(default_factory=list)

    def count(self, recipients: int, answered: int, cut: int = 0) -> None:
        """Answers to requests of so many recipients; `cut` is how many were not waited for."""
        self.answered += answered
        self.messages += answered * recipients
        self.cut += cut
        self.messages_cut += cut * recipients


def ask(server: Server, subject: Subject) -> list[str]:
    """Send the subject's first request once; what is wrong with the answer."""
    try:
        answer = send(server.base, subject.requests[0])
    except OSError as error:
        return [f"{subject.name}: {error}"]
    return [] if subject.accepted(answer) else [f"{subject.name}: the answer says no yes: {answer[:200]}"]


def metrics(gateway: Server) -> str:
    """What a gateway says of itself."""
    return send(gateway.internal, Request("GET", "/metrics"))


def tell(gateway: Server, verb: str) -> None:
    """Pause or resume the gateway's upstream, as operations do."""
    body = json.dumps({"upstream": "main"})
    send(gateway.internal, Request("POST", f"/queue/{verb}", {"Content-Type": "application/json"}, body))


def counts(upstream: Server) -> Counts:
    """What the fake upstream counted."""
    return Counts(**json.loads(send(upstream.base, Request("GET", "/counts"))))


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


def peer(seen: Seen, counts: Counts) -> list[str]:
    """What another program did not do with what it took. It is told, and no fault of the gateway."""
    found = list(seen.problems)
    left = counts.recipients - counts.repeated
    if not seen.messages <= left <= seen.messages + seen.messages_cut:
        found.append(f"it said yes to {seen.messages} messages, {left} left")
    if counts.repeated:
        found.append(f"{counts.repeated} messages left more than once")
    return found


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
