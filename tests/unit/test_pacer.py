"""What comes in waits while what was accepted leaves later than it could."""

import pytest

from gateway import pacer
from gateway.pacer import SPACING, Pacer


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long each request has to wait; nobody really does."""
    told: list[float] = []

    async def sleep(seconds: float) -> None:
        told.append(seconds)

    monkeypatch.setattr(pacer.asyncio, "sleep", sleep)
    return told


async def test_nobody_waits_while_the_lanes_keep_up(waits: list[float]) -> None:
    """Requests are let in as they come."""
    gate = Pacer(lambda: False)
    for _ in range(100):
        await gate.turn()

    assert waits == []


async def test_requests_are_let_in_one_by_one_while_the_lanes_are_behind(waits: list[float]) -> None:
    """Of many that come at once each waits a spacing longer than the one before; then the gate is as it was."""
    late = True
    gate = Pacer(lambda: late)
    for _ in range(1000):
        await gate.turn()

    assert waits == sorted(waits)
    assert len(waits) >= 998
    assert waits[-1] > 900 * SPACING

    late = False
    waits.clear()
    await gate.turn()
    assert waits == []
