"""One run: the servers that are up, the rounds, and whether everything that was accepted is where it belongs."""

import contextlib
import functools
import os
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import checks
import kannel
import postgresql
import servers
from load import Generator
from report import Measured, Result
from servers import Server
from subjects import PEER, TO_THE_END, Subject

WARM_UP = 1.0
"""Seconds of load before each measurement that count for nothing."""
DRAIN = 120.0
"""Seconds in which what was accepted must have left."""
FILLED = 2
"""Times as long as a measurement, for which the queue is filled that it empties: accepting is faster than leaving."""
ROUTES = 1000
"""Of the gateway that shows what routes cost. None of them takes the message."""
PROVIDERS: Mapping[str, Mapping[str, object]] = {"e2e": {}, "gather": {"gather": 50, "concurrency": 8}}
"""Options of the provider of each gateway that hands over. Fewer connections than clients let some messages wait."""
ACCOUNT = KEY = "bench"
"""The credentials of gateways on loopback that live as long as the run."""


class Wrong(Exception):
    """The very first answers are none that a client could use: there is nothing to measure."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how hard."""

    rounds: int
    seconds: float
    connections: int
    generator: Generator

    @property
    def warm_up(self) -> float:
        """Seconds of load before each measurement."""
        return min(WARM_UP, self.seconds)

    def estimate(self, subjects: Sequence[Subject]) -> int:
        """About how many seconds it takes."""
        # What was accepted for the end to end row takes about as long again to leave, or twice.
        runs = sum(
            1 if subject.server not in TO_THE_END else 3 if subject.ingest is None else 8 for subject in subjects
        )
        return round(self.rounds * runs * (self.warm_up + self.seconds) + 5)


@dataclass(frozen=True, slots=True)
class End:
    """Where what a server takes is handed over, and whether it still has some of it."""

    upstream: Server
    unfinished: Callable[[], bool]

    def drain(self) -> None:
        """Wait until everything is handed over."""
        until = time.monotonic() + DRAIN
        while self.unfinished() and time.monotonic() < until:
            time.sleep(0.05)


@dataclass(frozen=True, slots=True)
class Bench:
    """The servers by name, the ends of those that have one, and what the clients of each saw."""

    plan: Plan
    servers: Mapping[str, Server]
    ends: Mapping[str, End]
    seen: defaultdict[str, checks.Seen] = field(default_factory=lambda: defaultdict(checks.Seen))

    def measure(self, subject: Subject) -> Measured:
        """Warm up, then measure one subject."""
        os.sync()  # what the row before has left to the disk is not this one's
        if subject.ingest is not None:
            return self._leaving(subject, ingest=subject.ingest)
        self._load(subject, self.plan.warm_up)
        if end := self.ends.get(subject.server):
            end.drain()
            return self._end_to_end(subject, end)
        server = self.servers[subject.server]
        before = server.cpu()
        answered, seconds = self._load(subject, self.plan.seconds)
        return Measured(answered * subject.recipients, seconds, server.cpu() - before)

    def _end_to_end(self, subject: Subject, end: End) -> Measured:
        server = self.servers[subject.server]
        before, cpu, began = checks.counts(end.upstream), server.cpu(), time.monotonic()
        self._load(subject, self.plan.seconds)
        end.drain()
        after = checks.counts(end.upstream)
        return Measured(after.recipients - before.recipients, after.last - began, server.cpu() - cpu)

    def _leaving(self, subject: Subject, *, ingest: bool) -> Measured:
        """What leaves a queue that does not get empty meanwhile, with as many clients as ever, or with none."""
        gateway, end = self.servers["e2e"], self.ends["e2e"]
        checks.tell(gateway, "pause")
        for _ in range(FILLED):
            self._load(subject, self.plan.seconds)
        os.sync()
        before, cpu, began = checks.counts(end.upstream), gateway.cpu(), time.monotonic()
        checks.tell(gateway, "resume")
        if ingest:
            self._load(subject, self.plan.seconds)
        else:
            time.sleep(self.plan.seconds)
        after, seconds, used = checks.counts(end.upstream), time.monotonic() - began, gateway.cpu() - cpu
        end.drain()
        return Measured(after.recipients - before.recipients, seconds, used)

    def _load(self, subject: Subject, seconds: float) -> tuple[int, float]:
        plan, seen = self.plan, self.seen[subject.server]
        load = plan.generator.run(self.servers[subject.server].base, subject.requests, seconds, plan.connections)
        seen.count(subject.recipients, load.answered, plan.connections if plan.generator.cuts else 0)
        if load.refused or load.broken:
            seen.problems.append(f"{subject.name}: {load.refused} answers refused, {load.broken} connections broke")
        return load.answered, load.seconds

    def ask(self, subjects: Sequence[Subject]) -> None:
        """Send each server's request once, and read the answer as its client would."""
        for subject in subjects:
            if subject.server != "bare":
                seen = self.seen[subject.server]
                seen.count(subject.recipients, 1)
                seen.problems.extend(checks.ask(self.servers[subject.server], subject))
        for end in self.ends.values():
            end.drain()

    def problems(self) -> list[str]:
        """Stop the gateways; everything that does not add up."""
        found = list(self.seen["bare"].problems)
        for name, gateway in self.servers.items():
            if not gateway.store:
                continue
            said = checks.metrics(gateway)
            gateway.stop()
            stored = checks.stored(gateway.store)
            found += checks.acceptance(self.seen[name], said, stored)
            if name in self.ends:
                found += checks.handing_over(stored, checks.counts(self.ends[name].upstream))
        return found

    def remarks(self) -> list[str]:
        """What another program lost, or sent twice."""
        if "kannel" not in self.ends:
            return []
        said = checks.peer(self.seen["kannel"], checks.counts(self.ends["kannel"].upstream))
        return [f"{PEER}: {remark}" for remark in said]


def run(plan: Plan, subjects: Sequence[Subject], folder: Path, tell: Callable[[int, str, Measured], None]) -> Result:
    """Measure every subject once a round. Raises Wrong."""
    found: dict[str, list[Measured]] = {subject.name: [] for subject in subjects}
    cpus = servers.Cpus.of_this_machine()
    with contextlib.ExitStack() as stack:
        os.sched_setaffinity(0, cpus.load)
        bench = _started(stack, plan, folder, cpus, {subject.server for subject in subjects})
        bench.ask(subjects)
        if wrong := [problem for seen in bench.seen.values() for problem in seen.problems]:
            raise Wrong("\n".join(wrong))
        for number in range(1, plan.rounds + 1):
            for subject in subjects:
                measured = bench.measure(subject)
                found[subject.name].append(measured)
                tell(number, subject.name, measured)
        bench.ask(subjects)
        return Result(found, bench.problems(), bench.remarks())


def _started(stack: contextlib.ExitStack, plan: Plan, folder: Path, cpus: servers.Cpus, needed: set[str]) -> Bench:
    ends = {}
    up = {"bare": stack.enter_context(servers.script("bare", cpus.server))}
    # One message a minute leaves, so accepting is measured alone, with all that was accepted waiting.
    waiting: dict[str, object] = {"adapter": "sandbox", "rate": "1/m"}
    for name, routes in (("accept", 0), ("routes", ROUTES)):
        if name in needed:
            up[name] = stack.enter_context(servers.gateway(folder / name, KEY, waiting, cpus.server, routes))
    if "postgresql" in needed:
        database = {"store": stack.enter_context(postgresql.server()).create("bench")}
        up["postgresql"] = stack.enter_context(
            servers.gateway(folder / "postgresql", KEY, waiting, cpus.server, over=database)
        )
    for name, options in PROVIDERS.items():
        if name in needed:
            upstream = stack.enter_context(servers.script("upstream", cpus.load))
            provider = {"adapter": "rest_v2", "url": f"{upstream.base}/v2", "token": KEY, **options}
            up[name] = stack.enter_context(servers.gateway(folder / name, KEY, provider, cpus.server))
            ends[name] = End(upstream, functools.partial(checks.unfinished, up[name].store))
    if "kannel" in needed:
        upstream = stack.enter_context(servers.script("upstream", cpus.load))
        other = kannel.running(folder / "kannel", upstream.base, ACCOUNT, KEY, cpus.server)
        up["kannel"] = stack.enter_context(other)
        ends["kannel"] = End(upstream, functools.partial(kannel.unfinished, up["kannel"]))
    return Bench(plan, up, ends)
