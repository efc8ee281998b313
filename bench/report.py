"""What the numbers say: ratios round by round, verdicts, the table and the JSON document."""

import os
import platform
import sqlite3
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from rich.table import Table
from subjects import BARE, Row

NOISE = 1.6
"""A bare handler whose own best and worst round are further apart than this shows a machine that is not calm."""
BUSY = 0.75
"""A bare handler that used less of its CPU than this waited for its clients: ratios to it would flatter."""


Document = dict[str, Any]
"""JSON."""


class Measured(NamedTuple):
    """One measurement: messages, the seconds they took, and the server's seconds of CPU."""

    messages: int
    seconds: float
    cpu: float

    @property
    def rate(self) -> float:
        """Messages per second."""
        return self.messages / self.seconds if self.messages else 0.0

    @property
    def cost(self) -> float:
        """Microseconds of CPU for each message."""
        return self.cpu / max(1, self.messages) * 1e6


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured by name, what does not add up, and what is to be said of another program."""

    found: Mapping[str, Sequence[Measured]]
    problems: Sequence[str]
    remarks: Sequence[str]


class Spread(NamedTuple):
    """Some numbers in short."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Of at least one number."""
        return cls(statistics.median(values), min(values), max(values))


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table. The ratios are medians of each round's own ratio, not ratios of medians."""

    name: str
    title: str
    divisor: str
    rate: Spread
    cost: Spread
    ratio: Spread | None = None
    cost_ratio: Spread | None = None
    floor: float | None = None
    never: float | None = None

    @property
    def bare(self) -> bool:
        """Whether it is the bare handler's."""
        return self.name.startswith(BARE)

    @property
    def busy(self) -> float:
        """The share of its CPU that the server used, about."""
        return self.rate.median * self.cost.median / 1e6

    @property
    def missed(self) -> str:
        """Which floor it fell through, empty for none."""
        if self.ratio is None:
            return ""
        if self.floor is not None and self.ratio.median < self.floor:
            return f"< {self.floor:.2f}"
        if self.never is not None and self.ratio.least < self.never:
            return f"a round < {self.never:.2f}"
        return ""


def lines(rows: Sequence[Row], rounds: Mapping[str, Sequence[Measured]]) -> list[Line]:
    """What it is compared with, then the rows."""
    others = [name for name in rounds if name not in {row.name for row in rows}]
    return [_other(name, rounds[name]) for name in others] + [_line(row, rounds) for row in rows]


def _other(name: str, found: Sequence[Measured]) -> Line:
    return Line(name, name, "", Spread.of([one.rate for one in found]), Spread.of([one.cost for one in found]))


def _line(row: Row, rounds: Mapping[str, Sequence[Measured]]) -> Line:
    found = rounds[row.name]
    pairs = list(zip(found, rounds[row.divisor], strict=True))
    return Line(
        name=row.name,
        title=row.title,
        divisor=row.divisor,
        rate=Spread.of([one.rate for one in found]),
        cost=Spread.of([one.cost for one in found]),
        ratio=Spread.of([one.rate / other.rate if other.rate else 0.0 for one, other in pairs]),
        cost_ratio=Spread.of([one.cost / other.cost if other.cost else 0.0 for one, other in pairs]),
        floor=row.floor,
        never=row.never,
    )


def ratios(table: Sequence[Line]) -> list[tuple[str, float, float, float]]:
    """What a picture shows of it: the ratios to the bare handler, each with its median, worst and best round."""
    found = [(line.title, line.ratio) for line in table if line.ratio and line.divisor.startswith(BARE)]
    return [(title, ratio.median, ratio.least, ratio.most) for title, ratio in found]


def noise(table: Sequence[Line]) -> str:
    """Why nothing can be judged by these baselines, empty where they can be trusted."""
    for line in table:
        if not line.bare:
            continue
        if line.rate.most > NOISE * line.rate.least:
            return f"{line.title} varied from {line.rate.least:,.0f} to {line.rate.most:,.0f} per second"
        if line.busy < BUSY:
            return f"{line.title} was busy only {line.busy:.0%} of the time, so the load was too weak"
    return ""


def drawn(table: Sequence[Line], *, judged: bool) -> Table:
    """The table for a terminal of 80 columns: medians, and the ratios with their worst and best round."""
    drawing = Table("", box=None, padding=(0, 1, 0, 0), header_style="bold")
    for heading in ("per second", "ratio", "CPU us", "CPU ratio"):
        drawing.add_column(heading, justify="right", no_wrap=True)
    drawing.add_column("floor", no_wrap=True)
    for line in table:
        drawing.add_row(
            line.title,
            f"{line.rate.median:,.0f}",
            _shown(line.ratio),
            f"{line.cost.median:.{0 if line.cost.median >= 10 else 1}f}",
            f"{line.cost_ratio.median:.2f}" if line.cost_ratio else "",
            _verdict(line, judged=judged),
        )
    return drawing


def _shown(spread: Spread | None) -> str:
    return f"{spread.median:.2f} ({spread.least:.2f}-{spread.most:.2f})" if spread else ""


def _verdict(line: Line, *, judged: bool) -> str:
    if line.floor is None:
        return ""
    return (line.missed or f"{line.floor:.2f} ok") if judged else f"{line.floor:.2f} not judged"


def document(table: Sequence[Line], result: Result, run: Mapping[str, object]) -> Document:
    """What `--json` writes."""
    return {
        "machine": _machine(),
        "run": dict(run),
        "correct": not result.problems,
        "problems": list(result.problems),
        "remarks": list(result.remarks),
        "noise": noise(table),
        "rows": [_as_json(line) for line in table],
    }


def _as_json(line: Line) -> dict[str, Any]:
    return {
        "name": line.name,
        "title": line.title,
        "divisor": line.divisor or None,
        "messages_per_second": line.rate._asdict(),
        "ratio": line.ratio._asdict() if line.ratio else None,
        "cpu_us_per_message": line.cost._asdict(),
        "cpu_ratio": line.cost_ratio._asdict() if line.cost_ratio else None,
        "floor": line.floor,
        "never": line.never,
        "missed": line.missed,
    }


def _machine() -> dict[str, object]:
    found = [line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name")]
    return {
        "cpu": found[0] if found else platform.machine(),
        "cpus": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "aiohttp": version("aiohttp"),
        "uvloop": version("uvloop"),
    }


def _cpuinfo() -> list[str]:
    return Path("/proc/cpuinfo").read_text().splitlines()
