"""Upstreams that do not report are asked, soon and then seldom."""

import pytest

from gateway.pacing import LATEST, PATIENCE, SOONEST, next_question


@pytest.mark.parametrize(
    ("age", "pause"),
    [
        pytest.param(0, SOONEST, id="just sent"),
        pytest.param(-60_000, SOONEST, id="sent in the future, by a clock that was set back"),
        pytest.param(10_000, 5_000, id="half of ten seconds"),
        pytest.param(60_000, 30_000, id="half of a minute"),
        pytest.param(3_600_000, LATEST, id="an hour old"),
        pytest.param(PATIENCE - 1, LATEST, id="nearly three days old"),
        pytest.param(PATIENCE, None, id="three days old"),
    ],
)
def test_the_older_the_message_the_longer_the_pause(age: int, pause: int | None) -> None:
    """Half of its age, from five seconds to ten minutes, and no more after three days."""
    assert next_question(1_000_000_000, 1_000_000_000 + age) == pause
