"""The benchmark runs, and would notice what it is there to notice. How fast anything is, is not tested."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from postgresql import programs

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the benchmark pins processes and reads /proc")

METRICS = """\
# TYPE sluss_requests_total counter
sluss_requests_total{caller="bench",face="rest_v2",outcome="ok"} 7.0
sluss_requests_total{caller="-",face="rest_v2",outcome="Malformed"} 2.0
sluss_messages_accepted_total{caller="bench",face="rest_v2"} 9.0
"""


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """bench/checks.py, imported as the benchmark does it."""
    monkeypatch.syspath_prepend(ROOT / "bench")
    return importlib.import_module("checks")


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """bench/report.py, imported as the benchmark does it."""
    monkeypatch.syspath_prepend(ROOT / "bench")
    return importlib.import_module("report")


@pytest.mark.once
def test_a_short_run_measures_and_everything_agrees(tmp_path: Path) -> None:
    """One round of every row ends with exit code 0, all rows, and not one message that is not where it belongs."""
    result = tmp_path / "result.json"
    options = ("--rounds", "1", "--secs", "0.3", "--connections", "8", "--generator", "bundled")
    done = subprocess.run(
        [sys.executable, "bench/run.py", *options, "--folder", str(tmp_path), "--json", str(result)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(result.read_text())
    assert document["correct"] is True
    assert document["problems"] == []
    assert [row["name"] for row in document["rows"]] == [
        "bare HTTP GET",
        "bare REST v2",
        "bare SOAP sms",
        "bare REST v1",
        "get",
        "v2",
        "soap",
        "soap_to_get",
        "v1",
        "routes",
        *(["postgresql"] if programs() else []),
        "e2e",
        "leave",
        "leave_busy",
        "batch",
    ]
    assert all(row["messages_per_second"]["median"] > 0 for row in document["rows"])
    assert sorted(tmp_path.iterdir()) == [result], "it leaves nothing behind"


def test_an_unknown_row_is_refused() -> None:
    """A name that is no row ends at once, with exit code 2 and a sentence."""
    done = subprocess.run(
        [sys.executable, "bench/run.py", "--only", "v3"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 2
    assert "'v3' is not known" in done.stderr


@pytest.mark.parametrize(
    ("label", "answered", "cut", "stored", "problems"),
    [
        ("everything agrees", 7, 0, (7, 9, 1009, 0), []),
        ("answers that were cut off are no loss", 5, 64, (7, 9, 1009, 0), []),
        (
            "a client was told yes and nobody knows of it",
            8,
            64,
            (7, 9, 1009, 0),
            ["clients were answered 8 times, the gateway counted 7"],
        ),
        (
            "an answer that nobody got",
            6,
            0,
            (7, 9, 1009, 0),
            ["clients were answered 6 times, the gateway counted 7"],
        ),
        ("a lost batch", 7, 0, (6, 9, 1009, 0), ["7 requests were accepted, 6 batches are stored"]),
        (
            "a lost message",
            7,
            0,
            (7, 8, 1009, 0),
            ["9 messages were accepted, 8 are stored", "8 messages, but the highest number is 1009"],
        ),
    ],
)
def test_accepting_is_checked(
    checks: ModuleType, label: str, answered: int, cut: int, stored: tuple[int, ...], problems: list[str]
) -> None:
    """What clients were told, what was counted and what is stored must be the same."""
    seen = checks.Seen(answered=answered, cut=cut)

    assert checks.acceptance(seen, METRICS, checks.Stored(*stored)) == problems, label


@pytest.mark.parametrize(
    ("label", "handed_over", "counts", "problems"),
    [
        ("everything agrees", 9, (9, 0, 1.0), []),
        ("one that never left", 9, (8, 0, 1.0), ["9 messages are stored, the upstream got 8"]),
        ("one whose answer was not kept", 8, (9, 0, 1.0), ["9 messages are stored, 8 are known to be handed over"]),
        ("one that left twice", 9, (9, 1, 1.0), ["the upstream got 1 references more than once"]),
    ],
)
def test_handing_over_is_checked(
    checks: ModuleType, label: str, handed_over: int, counts: tuple[int, int, float], problems: list[str]
) -> None:
    """What is stored, what left and what came back must be the same."""
    stored = checks.Stored(7, 9, 1009, handed_over)

    assert checks.handing_over(stored, checks.Counts(*counts)) == problems, label


@pytest.mark.parametrize(
    ("label", "ratio", "missed"),
    [
        ("fast enough in every round", (0.45, 0.36, 0.50), ""),
        ("too slow", (0.39, 0.38, 0.50), "< 0.40"),
        ("fast enough, but not in every round", (0.45, 0.34, 0.50), "a round < 0.35"),
    ],
)
def test_floors_are_judged_by_the_median_and_the_worst_round(
    report: ModuleType, label: str, ratio: tuple[float, float, float], missed: str
) -> None:
    """The median must reach the floor, and no round may fall under what must never be."""
    some = report.Spread(1.0, 1.0, 1.0)
    line = report.Line("v2", "v2", "bare", some, some, report.Spread(*ratio), some, floor=0.40, never=0.35)

    assert line.missed == missed, label


@pytest.mark.parametrize(
    ("label", "rate", "cost", "noise"),
    [
        ("a calm machine", (30_000.0, 20_000.0, 31_000.0), 30.0, ""),
        ("rounds too far apart", (30_000.0, 20_000.0, 33_000.0), 30.0, "bare varied from 20,000 to 33,000 per second"),
        (
            "clients too slow for it",
            (20_000.0, 20_000.0, 20_000.0),
            30.0,
            "bare was busy only 60% of the time, so the load was too weak",
        ),
    ],
)
def test_a_machine_that_is_not_calm_judges_nothing(
    report: ModuleType, label: str, rate: tuple[float, float, float], cost: float, noise: str
) -> None:
    """Nothing is judged by a baseline that varies by more than 1.6, or that was not busy."""
    line = report.Line("bare", "bare", "", report.Spread(*rate), report.Spread(cost, cost, cost))

    assert report.noise([line]) == noise, label
