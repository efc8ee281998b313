"""How many may be connected, and how many files that takes."""

import resource

import pytest
from structlog.testing import capture_logs

from gateway.connections import affordable


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What the system lets this process open, and how much of that it has claimed."""
    found = [1024, 4096]
    monkeypatch.setattr(resource, "getrlimit", lambda _which: tuple(found))
    monkeypatch.setattr(resource, "setrlimit", lambda _which, new: found.__setitem__(slice(None), list(new)))
    return found


def test_the_process_claims_all_the_files_that_it_may_open(limits: list[int]) -> None:
    """The soft limit is raised to the hard one, which is a good deal more than most services begin with."""
    with capture_logs() as lines:
        assert affordable(3000) == 3000

    assert limits == [4096, 4096]
    assert lines == []


def test_it_is_said_when_these_are_too_few(limits: list[int]) -> None:
    """A quarter stays free for what is no client; the log says what is to be done."""
    with capture_logs() as lines:
        assert affordable(10_000) == 3072

    assert [(line["event"], line["wanted"], line["possible"], line["files"]) for line in lines] == [
        ("connections.few", 10_000, 3072, 4096)
    ]
    assert "LimitNOFILE" in lines[0]["remedy"]
    assert limits == [4096, 4096]
