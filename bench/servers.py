"""The processes that are measured: starting them, pinning them, reading what they cost, ending them."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from gateway.auth import hash_key

HERE = Path(__file__).parent
PATIENCE = 30.0
"""Seconds a server may take to start, and to end."""
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cpus:
    """Where the measured server runs and where the load does; the same, unpinned, on a machine with one CPU."""

    server: frozenset[int]
    load: frozenset[int]

    @classmethod
    def of_this_machine(cls) -> "Cpus":
        """The first for the server; the last, which is the least likely to share its core, for the load."""
        cpus = sorted(os.sched_getaffinity(0))
        return cls(frozenset(cpus[:1]), frozenset(cpus[-1:]))


@dataclass(frozen=True, slots=True)
class Server:
    """A process that listens, with those `beside` it. `internal` is where operations ask, `store` a gateway's."""

    process: subprocess.Popen[bytes]
    base: str
    internal: str = ""
    store: str = ""
    beside: tuple[subprocess.Popen[bytes], ...] = ()

    def cpu(self) -> float:
        """Seconds of CPU that it has used, user and system, all its threads."""
        return sum(_ticks(process.pid) for process in (self.process, *self.beside)) / _TICKS

    def memory(self, which: str = "VmRSS") -> float:
        """Megabytes that it takes now, or with VmHWM ever took."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        (found,) = [line for line in lines if line.startswith(f"{which}:")]
        return int(found.split()[1]) / 1024

    def stop(self) -> None:
        """End it in good order, and wait."""
        self.process.terminate()
        self.process.wait(PATIENCE)


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@contextlib.contextmanager
def script(name: str, cpus: frozenset[int]) -> Iterator[Server]:
    """One of the benchmark's own servers."""
    command = [sys.executable, str(HERE / f"{name}.py")]
    with process(command, cpus, stdout=subprocess.PIPE) as started:
        if started.stdout is None:
            raise RuntimeError("a pipe was asked for")
        port = started.stdout.readline().decode().strip()
        if not port:
            raise RuntimeError(f"{name} did not start")
        yield Server(started, f"http://127.0.0.1:{port}")


@contextlib.contextmanager
def gateway(
    folder: Path,
    key: str,
    upstream: dict[str, object],
    cpus: frozenset[int],
    routes: int = 0,
    over: Mapping[str, object] | None = None,
) -> Iterator[Server]:
    """The gateway as users start it: a configuration file, SQLite in `folder`, and its log in a file there.

    `routes` stand above the default one. What is said `over` takes the place of what would be configured.
    """
    folder.mkdir(exist_ok=True)
    config = folder / "sluss.yaml"
    settings = _settings(folder / "sluss.db", key, upstream, routes) | dict(over or {})
    config.write_text(json.dumps(settings))  # YAML understands JSON
    log = folder / "log"
    command = [sys.executable, "-m", "gateway.cli", "serve", "--config", str(config)]
    with log.open("wb") as output, process(command, cpus, stdout=output) as started:
        public, internal = _listening(started, log)
        yield Server(started, f"http://{public}", f"http://{internal}", str(settings["store"]))


def _settings(database: Path, key: str, upstream: dict[str, object], routes: int) -> dict[str, object]:
    asked = ({"recipient": "4699{:04}*"}, {"sender": "sender{:04}"}, {"recipient": "46?9{:04}"}, {"tags": "tag{}"})
    above = [
        {"name": f"r{at}", "to": "main", "when": {key: value.format(at) for key, value in asked[_kind(at)].items()}}
        for at in range(routes)
    ]
    return {
        "version": 1,
        "listen": {"public": "127.0.0.1:0", "internal": "127.0.0.1:0"},
        "store": f"sqlite:///{database.absolute()}",
        "callers": [{"name": "bench", "account": "bench", "keys": [hash_key(key)]}],
        "upstreams": {"main": upstream},
        "routes": [*above, {"name": "default", "to": "main"}],
        "log": {"format": "json"},
    }


def _kind(at: int) -> int:
    # Most rules ask for a prefix or a sender; one in a hundred for a pattern, one in a hundred for a tag.
    return {98: 2, 99: 3}.get(at % 100, at % 2)


def _listening(process: subprocess.Popen[bytes], log: Path) -> tuple[str, str]:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        for line in log.read_text().splitlines():
            if line.startswith("{") and line.endswith("}") and (event := json.loads(line))["event"] == "serving":
                return event["public"], event["internal"]
        time.sleep(0.05)
    raise RuntimeError(f"the gateway did not start:\n{log.read_text()}")


@contextlib.contextmanager
def process(
    command: list[str], cpus: frozenset[int], *, stdout: IO[bytes] | int, stderr: IO[bytes] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A program on these CPUs, ended whatever happens. Its output goes to files, or to subprocess.PIPE."""
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)  # inherited, also by threads that it starts at once
    try:
        started = subprocess.Popen(command, stdout=stdout, stderr=stderr)
    finally:
        os.sched_setaffinity(0, mine)
    try:
        yield started
    finally:
        started.terminate()
        try:
            started.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()
        if started.stdout:
            started.stdout.close()
