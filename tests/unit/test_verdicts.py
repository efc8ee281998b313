"""A caller whose route waits is told the upstream's own word, in bounded time."""

import asyncio

import pytest
from builders import NOW

from gateway.errors import BadRecipient, NoFunds
from gateway.model import DispatchState, StatusEntry
from gateway.ports import Settlement, Transition
from gateway.status import Status
from gateway.verdicts import Verdicts, verdict


def settled(key: int, state: DispatchState, *codes: int) -> Settlement:
    """The end of an attempt, with what became of its messages."""
    steps = [Transition(key + at, StatusEntry(Status.of(code), NOW)) for at, code in enumerate(codes)]
    return Settlement(key, state, NOW, 1, transitions=tuple(steps))


AGAIN, TAKEN = settled(1001, DispatchState.READY), settled(1001, DispatchState.SENT, 102)
NO_FUNDS, BAD_NUMBER = settled(1001, DispatchState.FAILED, 402), settled(1001, DispatchState.FAILED, 409)
UNSURE = TAKEN._replace(
    state=DispatchState.FAILED,
    transitions=(Transition(1001, StatusEntry(Status.DELIVERY_TO_GATEWAY_FAILED, NOW), doubt=True),),
)
ANOTHER = settled(1, DispatchState.SENT, 102)


@pytest.mark.parametrize(
    ("label", "settlements", "kind"),
    [
        ("refused", [NO_FUNDS], NoFunds),
        ("taken", [TAKEN], None),
        ("taken, and asked for later", [settled(1001, DispatchState.WAITING, 102)], None),
        ("no answer", [settled(1001, DispatchState.UNKNOWN, 599)], None),
        ("one of two recipients refused", [settled(1001, DispatchState.SENT, 409, 102)], None),
        ("both recipients refused", [settled(1001, DispatchState.SENT, 409, 402)], BadRecipient),
        (
            "tried again, then refused",
            [AGAIN, BAD_NUMBER],
            BadRecipient,
        ),
        ("told twice", [NO_FUNDS, TAKEN], NoFunds),
        (
            "somebody else's, then ours",
            [ANOTHER, NO_FUNDS],
            NoFunds,
        ),
        ("given up without an answer", [UNSURE], None),
        ("delivered at once", [settled(1001, DispatchState.SENT, 201)], None),
    ],
)
async def test_the_upstreams_word(label: str, settlements: list[Settlement], kind: type[Exception] | None) -> None:
    """A refusal of everything is an error; whatever was taken, or may have been, is not."""
    verdicts = Verdicts()
    waiting = verdicts.expect([1001], 30)
    await asyncio.sleep(0)
    for settlement in settlements:
        verdicts.told(settlement.dispatch, verdict(settlement))

    assert type(await waiting) is (kind or type(None))


async def test_several_dispatches_are_refused_together_or_not() -> None:
    """A batch that was cut is refused only where each part of it was."""
    for last, kind in ((402, NoFunds), (0, type(None))):
        verdicts = Verdicts()
        waiting = verdicts.expect([1001, 1002], 30)
        await asyncio.sleep(0)
        verdicts.told(1002, last)
        verdicts.told(1001, 402)
        assert type(await waiting) is kind


async def test_nobody_waits_for_ever() -> None:
    """When time is up the message counts as taken; what is said afterwards reaches nobody, and nothing is kept."""
    verdicts = Verdicts()

    assert await verdicts.expect([1001], 0.01) is None
    verdicts.told(1001, 402)
    assert await verdicts.expect([1001], 0.01) is None


async def test_what_is_said_before_anyone_listens_is_heard() -> None:
    """The upstream may be faster than the caller's own answer: the verdict waits for whoever reads it."""
    verdicts = Verdicts()
    waiting = verdicts.expect([1001], 30)
    await asyncio.sleep(0)
    verdicts.told(1001, 402)
    await asyncio.sleep(0.01)

    assert isinstance(await waiting, NoFunds)


async def test_one_that_was_taken_is_enough() -> None:
    """With one of two dispatches taken, the answer is known: nobody waits for the other."""
    verdicts = Verdicts()
    waiting = verdicts.expect([1000, 1001], 30)
    await asyncio.sleep(0)
    verdicts.told(TAKEN.dispatch, verdict(TAKEN))

    async with asyncio.timeout(5):
        assert await waiting is None
