"""What the soak calls flat, and what it would notice."""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the benchmark pins processes and reads /proc")


@pytest.fixture
def soak(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """bench/soak.py, imported as it is run."""
    monkeypatch.syspath_prepend(ROOT / "bench")
    return importlib.import_module("soak")


def _nothing(_at: int) -> dict[str, float]:
    return {}


LIVES: list[tuple[str, Callable[[int], dict[str, float]], list[str]]] = [
    ("a flat life", _nothing, []),
    ("it warms up", lambda at: {"rss": 60 + min(at, 30)}, []),
    ("a peak that passes", lambda at: {"rss": 300.0, "p99": 900.0} if at == 90 else {}, []),
    ("the store's caches fill", lambda at: {"rss": 90 + min(at * 0.4, 32)}, []),
    ("a leak", lambda at: {"rss": 90 + at * 0.6}, ["memory grew"]),
    ("slower and slower", lambda at: {"p99": 10 + at / 2}, ["the slowest hundredth"]),
    ("files that nobody closes", lambda at: {"files": 40 + at}, ["open files"]),
]


@pytest.mark.parametrize(("label", "life", "said"), LIVES, ids=[case[0] for case in LIVES])
def test_what_is_flat(soak: ModuleType, label: str, life: Callable[[int], dict[str, float]], said: list[str]) -> None:
    """Half an hour, seen every ten seconds."""

    def point(at: int) -> Any:
        seen = {"rss": 90 + at % 7 / 7, "files": 40, "p50": 3.0, "p99": 12 + at % 5} | life(at)
        return soak.Point(second=10.0 * at, answered=1000, **seen)

    found = soak.judged([point(at) for at in range(180)])

    assert [sentence.startswith(words) for sentence, words in zip(found, said, strict=True)] == [True] * len(said), (
        label
    )


def test_too_short_a_life_says_nothing(soak: ModuleType) -> None:
    """A verdict needs more than a moment."""
    assert soak.judged([soak.Point(1.0, 90.0, 40, 3.0, 12.0, 1000)] * 5) == ["it was too short to tell"]
