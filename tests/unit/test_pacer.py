"""What comes in waits while what was accepted leaves later than it could."""

import pytest

from gateway import pacer
from gateway.pacer import BUNCH, EVERY, Pacer


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
        await gate.turn(100, 1)

    assert waits == []


async def test_requests_are_let_in_bunch_by_bunch_while_the_lanes_are_behind(waits: list[float]) -> None:
    """Of many that come at once each bunch waits as long again as the one before; then the gate is as it was."""
    late = True
    gate = Pacer(lambda: late)
    for _ in range(10 * BUNCH):
        await gate.turn(10 * BUNCH, 1)

    assert len(waits) == 9 * BUNCH, "the first bunch does not wait"
    each = [round(wait / EVERY) for wait in waits]
    assert each == [bunch for bunch in range(1, 10) for _ in range(BUNCH)]
    assert 8 * EVERY < waits[-1] <= 9 * EVERY

    late = False
    waits.clear()
    await gate.turn(1, 1)
    assert waits == []


async def test_who_comes_after_a_while_does_not_wait(waits: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """What was let in long ago takes nobody's place."""
    gate = Pacer(lambda: True)
    for _ in range(BUNCH):
        await gate.turn(BUNCH + 1, 1)
    monkeypatch.setattr(pacer, "EVERY", 0.0)
    await gate.turn(BUNCH + 1, 1)

    assert waits == []


async def test_who_has_little_under_way_waits_for_the_next_bunch_alone(waits: list[float]) -> None:
    """A caller with a request or two passes by what another one has piled up, which waits the longer for it."""
    gate = Pacer(lambda: True)
    for _ in range(10 * BUNCH):
        await gate.turn(10 * BUNCH, 2)
    waits.clear()

    for _ in range(BUNCH):
        await gate.turn(1, 2)
    assert 0 < max(waits) < 2 * EVERY

    waits.clear()
    await gate.turn(10 * BUNCH, 2)
    assert round(waits[0] / EVERY) == 11
