"""The benchmark runs, and would notice what it is there to notice. How fast anything is, is not tested."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from urllib.parse import parse_qsl, urlsplit

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


@pytest.fixture
def kannel(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """bench/kannel.py, imported as the benchmark does it."""
    monkeypatch.syspath_prepend(ROOT / "bench")
    return importlib.import_module("kannel")


@pytest.fixture
def subjects(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """bench/subjects.py, imported as the benchmark does it."""
    monkeypatch.syspath_prepend(ROOT / "bench")
    return importlib.import_module("subjects")


@pytest.mark.once
def test_a_short_run_measures_and_everything_agrees(tmp_path: Path, kannel: ModuleType) -> None:
    """One round of every row ends with exit code 0, all rows, and not one message that is not where it belongs.

    The rows of Kannel, too: it gets the very messages, and hands over what it says it took.
    """
    if not (with_kannel := kannel.programs() is not None) and os.environ.get("CI") == "true":
        pytest.fail("Kannel is not installed")
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
    assert document["problems"] == document["remarks"] == []
    assert [row["name"] for row in document["rows"]] == [
        "bare HTTP GET",
        "bare REST v2",
        "bare SOAP sms",
        "bare REST v1",
        *(["Kannel", "Kannel, to 100"] if with_kannel else []),
        "get",
        "v2",
        "soap",
        "soap_to_get",
        "v1",
        "routes",
        *(["postgresql"] if programs() else []),
        "e2e",
        "gather",
        *(["kannel", "kannel_many"] if with_kannel else []),
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


def test_a_row_needs_its_program(subjects: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Kannel is not installed there is no row of it, and whoever asks for one is told why."""
    monkeypatch.setitem(subjects._PROGRAMS, "Kannel", lambda: None)

    assert [row.name for row in subjects.ROWS if subjects.missing(row) and row.needs == "Kannel"] == [
        "kannel",
        "kannel_many",
    ]
    assert not [row.name for row in subjects.wanted("") if row.needs == "Kannel"]
    with pytest.raises(LookupError, match=r"^kannel needs Kannel, which is not installed$"):
        subjects.wanted("get,kannel")


def test_kannel_is_asked_for_the_very_messages(subjects: ModuleType) -> None:
    """Sender, recipients, text and credentials are those that the GET face is asked for right beside it."""
    rows = [row for row in subjects.ROWS if row.needs == "Kannel"]
    found = {subject.name: subject for subject in subjects.subjects(rows, "acc", "key")}

    for row in rows:
        ours, others = found[row.name].requests, found[row.peer].requests
        assert len(ours) == len(others) == row.pool
        for mine, other in zip(ours, others, strict=True):
            sent, asked = dict(parse_qsl(urlsplit(mine.path).query)), dict(parse_qsl(urlsplit(other.path).query))
            assert urlsplit(other.path).path == "/cgi-bin/sendsms"
            assert asked["to"].split() == sent["to"].split(",")
            assert len(set(asked["to"].split())) == row.recipients
            assert (asked["from"], asked["text"]) == (sent["from"], sent["msg"])
            assert (asked["username"], asked["password"]) == ("acc", "key")


def test_kannel_is_configured_for_the_same_work(kannel: ModuleType, tmp_path: Path) -> None:
    """It keeps what it takes in a file, listens on loopback alone, and hands over to the counting provider."""
    ports = kannel.Ports(admin=1, boxes=2, clients=3)
    text = kannel.config(tmp_path, ports, "http://127.0.0.1:4", "acc", "key")
    groups = [dict(line.split(" = ", 1) for line in group.splitlines()) for group in text.strip().split("\n\n")]

    core, smsc, smsbox, user = groups
    assert (core["group"], core["store-type"], core["store-location"]) == ("core", "file", f'"{tmp_path}/store"')
    assert (core["admin-port"], core["smsbox-port"], smsbox["bearerbox-port"], smsbox["sendsms-port"]) == (*"1223",)
    assert {core["admin-interface"], core["smsbox-interface"], smsbox["sendsms-interface"]} == {"127.0.0.1"}
    assert smsc["send-url"].startswith('"http://127.0.0.1:4/kannel?id=%I&')
    assert user == {"group": "sendsms-user", "username": "acc", "password": "key"}


@pytest.mark.parametrize(
    ("answer", "accepted"),
    [("0: Accepted for delivery", True), ("3: Queued for later delivery", False), ("Authorization failed", False)],
)
def test_kannel_says_yes(kannel: ModuleType, answer: str, accepted: bool) -> None:  # noqa: FBT001 - a case
    """Its answers as its smsbox 1.4.5 words them."""
    assert kannel.accepted(answer) is accepted


def test_kannel_tells_what_it_keeps(kannel: ModuleType) -> None:
    """The line of its status page, as bearerbox 1.4.5 writes it; a page without one is an error, not an empty store."""
    page = "WDP: received 0 (0 queued)\n\nSMS: received 0 (0 queued), sent 1 (4 queued), store size 17\n"

    assert kannel.waiting(page) == 17
    with pytest.raises(ValueError, match="no size of the store"):
        kannel.waiting("Denied")


@pytest.mark.parametrize(
    ("label", "counts", "remarks"),
    [
        ("all of it left", (300, 0, 1.0), []),
        ("answers that were cut off may have left, too", (700, 0, 1.0), []),
        ("one was lost", (299, 0, 1.0), ["it said yes to 300 messages, 299 left"]),
        ("one left twice", (301, 1, 1.0), ["1 messages left more than once"]),
    ],
)
def test_another_program_is_checked(
    checks: ModuleType, label: str, counts: tuple[int, int, float], remarks: list[str]
) -> None:
    """Three answers of a hundred messages each, and four that nobody waited for."""
    seen = checks.Seen()
    seen.count(100, 3, 4)

    assert checks.peer(seen, checks.Counts(*counts)) == remarks, label


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
        (
            "rounds too far apart",
            (30_000.0, 20_000.0, 33_000.0),
            30.0,
            "bare v2 varied from 20,000 to 33,000 per second",
        ),
        (
            "clients too slow for it",
            (20_000.0, 20_000.0, 20_000.0),
            30.0,
            "bare v2 was busy only 60% of the time, so the load was too weak",
        ),
    ],
)
def test_a_machine_that_is_not_calm_judges_nothing(
    report: ModuleType, label: str, rate: tuple[float, float, float], cost: float, noise: str
) -> None:
    """Nothing is judged by a baseline that varies by more than 1.6, or that was not busy; another program is none."""
    other = report.Line("Kannel", "Kannel", "", report.Spread(9.0, 1.0, 9.0), report.Spread(1.0, 1.0, 1.0))
    line = report.Line("bare v2", "bare v2", "", report.Spread(*rate), report.Spread(cost, cost, cost))

    assert report.noise([other, line]) == noise, label
