"""What a gateway may do: only what it has lately been told is its own."""

from collections.abc import Collection
from typing import Any

import pytest

from gateway.duties import SURE, Duties
from gateway.errors import Busy
from gateway.store.alone import Alone


class Company:
    """Gives out what it is told to, and remembers what it was asked."""

    alone = False

    def __init__(self) -> None:
        self.gives: frozenset[str] = frozenset()
        self.fails = False
        self.asked: list[tuple[list[str], list[str]]] = []

    async def attend(self, wanted: Collection[str], busy: Collection[str]) -> frozenset[str]:
        """As the port says."""
        self.asked.append((list(wanted), list(busy)))
        if self.fails:
            raise Busy
        return self.gives

    def tell(self, *_: Any) -> None:
        """Nobody hears."""

    def listen(self, *_: Any) -> None:
        """Nobody speaks."""


class Pace:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Now."""
        return self.now


async def test_who_is_alone_does_everything() -> None:
    """Nobody need be asked."""
    duties = Duties(Alone())
    assert duties.has("main")
    await duties.renew()
    assert duties.has("anything")


async def test_a_duty_is_sure_for_a_while() -> None:
    """From when it was asked for, not from when it was given; a process that stood still is sure of nothing."""
    company, pace = Company(), Pace()
    duties = Duties(company, pace)
    duties.serve(lambda: {"main": True, "trial": False})
    duties.serve(lambda: {"": False})
    assert not duties.has("main")

    company.gives = frozenset({"main"})
    assert await duties.renew()
    assert company.asked == [(["main", "trial", ""], ["main"])]
    assert duties.has("main")
    assert not duties.has("trial")
    pace.now += SURE
    assert not duties.has("main")
    assert not await duties.renew()
    assert duties.has("main")


async def test_who_cannot_be_heard_keeps_nothing() -> None:
    """While the store takes nothing the duties run out; what is taken away is gone at once."""
    company, pace = Company(), Pace()
    duties = Duties(company, pace)
    company.gives = frozenset({"main"})
    await duties.renew()
    company.fails = True
    pace.now += SURE - 1
    with pytest.raises(Busy):
        await duties.renew()
    assert duties.has("main")
    pace.now += 1
    assert not duties.has("main")

    company.fails, company.gives = False, frozenset()
    assert not await duties.renew()
    assert not duties.has("main")
