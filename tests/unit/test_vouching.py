"""Guesses at credentials that an upstream judges: it hears few of them, and whoever is right notices nothing."""

import asyncio

import pytest
from builders import FrozenClock
from pydantic import SecretStr

from gateway.errors import Busy, GatewayError, Unauthenticated, Unreachable
from gateway.guesses import BURST, EVERY, Guesses
from gateway.ports import Credentials
from gateway.vouching import KEPT, MAX_ASKED, Vouching

HERE, THERE = "192.0.2.1", "192.0.2.2"
RIGHT = "the right key"


class Provider:
    """An upstream that knows one key, and counts how often it is asked."""

    def __init__(self) -> None:
        """Somebody to ask, and what asks it."""
        self.asked = 0
        self.away = False
        self.answers = asyncio.Event()
        self.answers.set()
        self.seconds = 1000.0
        self.clock = FrozenClock()
        self.vouching = Vouching(self.clock, Guesses(lambda: self.seconds))

    async def _judge(self, key: str) -> None:
        self.asked += 1
        await self.answers.wait()
        if self.away:
            raise Unreachable("away")
        if key != RIGHT:
            raise Unauthenticated

    async def said(self, key: str, peer: str = HERE) -> str:
        """What somebody is told who comes with a key."""
        credentials = Credentials("ip1-1", SecretStr(key))
        try:
            error = await self.vouching.vouch("ip1-1", peer, credentials, lambda: self._judge(key))
        except GatewayError as refused:
            return type(refused).__name__
        return "good" if error is None else "nobody can say"


@pytest.fixture
async def provider() -> Provider:
    """A provider that answers."""
    return Provider()


async def test_a_guesser_is_not_passed_on(provider: Provider) -> None:
    """After ten wrong keys the provider is not asked any more, right as the next one may be; then twice a minute."""
    assert [await provider.said(f"guess {at}") for at in range(BURST)] == ["Unauthenticated"] * BURST
    assert [await provider.said(f"more {at}") for at in range(5)] == ["Busy"] * 5
    assert await provider.said(RIGHT) == "Busy"
    assert provider.asked == BURST

    provider.seconds += EVERY
    assert await provider.said("one more") == "Unauthenticated"
    assert await provider.said("and another") == "Busy"
    assert provider.asked == BURST + 1


async def test_guesses_at_once_are_no_more_than_one_after_the_other(provider: Provider) -> None:
    """A try is taken before the provider is asked, so a crowd of guesses gets no further."""
    provider.answers.clear()
    guesses = [asyncio.create_task(provider.said(f"guess {at}")) for at in range(100)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    provider.answers.set()

    assert sorted(await asyncio.gather(*guesses)) == ["Busy"] * (100 - BURST) + ["Unauthenticated"] * BURST
    assert provider.asked == BURST


async def test_addresses_do_not_add_up(provider: Provider) -> None:
    """However many addresses guess at once, the provider is asked about so many keys at a time."""
    provider.answers.clear()
    guesses = [asyncio.create_task(provider.said(f"guess {at}", f"192.0.2.{at}")) for at in range(100)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    provider.answers.set()

    assert (await asyncio.gather(*guesses)).count("Unauthenticated") == MAX_ASKED
    assert provider.asked == MAX_ASKED


async def test_a_crowd_with_the_right_key_asks_once(provider: Provider) -> None:
    """All connections of a system that has just started are let in by one answer, and whoever hangs up harms nobody."""
    provider.answers.clear()
    crowd = [asyncio.create_task(provider.said(RIGHT)) for _ in range(50)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    crowd.pop(0).cancel()
    provider.answers.set()

    assert await asyncio.gather(*crowd) == ["good"] * 49
    assert provider.asked == 1


async def test_whoever_was_right_is_asked_about_again(provider: Provider) -> None:
    """Somebody guesses from its address: ten minutes later, when it is asked about again, it is let in."""
    assert await provider.said(RIGHT) == "good"
    assert [await provider.said(f"guess {at}") for at in range(BURST + 1)][-1] == "Busy"
    provider.clock.advance(KEPT)
    assert await provider.said(RIGHT) == "good"
    assert await provider.said("guess", THERE) == "Unauthenticated"


async def test_while_the_provider_is_away(provider: Provider) -> None:
    """A key that nobody can judge takes one try however often it comes; of others there are few."""
    provider.away = True
    assert {await provider.said(RIGHT) for _ in range(3 * BURST)} == {"nobody can say"}
    told = [await provider.said(f"guess {at}") for at in range(BURST)]
    assert told == ["nobody can say"] * (BURST - 1) + ["Busy"]
    assert await provider.said(RIGHT) == "nobody can say"

    provider.away = False
    assert await provider.said("guess 0") == "Unauthenticated"
    assert await provider.said("guess 0") == "Busy"
    assert await provider.said(RIGHT) == "good"


async def test_another_configuration_asks_anew(provider: Provider) -> None:
    """What one upstream found good is no word of another's, also where it was said a moment later."""
    provider.answers.clear()
    begun = asyncio.create_task(provider.said(RIGHT))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    provider.vouching.clear()
    provider.answers.set()
    assert await begun == "good"
    assert await provider.said(RIGHT) == "good"
    assert provider.asked == 2


async def test_what_is_passed_on_counts_as_well(provider: Provider) -> None:
    """Whoever guesses by requests that are relayed has the same tries."""
    wrong = Credentials("ip1-1", SecretStr("guess"))
    for _ in range(BURST):
        provider.vouching.admit("ip1-1", HERE, wrong)
        provider.vouching.refused("ip1-1", HERE, wrong)
    with pytest.raises(Busy):
        provider.vouching.admit("ip1-1", HERE, wrong)
    provider.vouching.admit("ip1-1", THERE, wrong)


async def test_a_mistake_of_ours_is_told_to_each(provider: Provider) -> None:
    """What is neither a refusal nor a silence is raised as it is."""

    async def broken() -> None:
        raise LookupError("no such route")

    with pytest.raises(LookupError, match="no such route"):
        await provider.vouching.vouch("ip1-1", HERE, Credentials("ip1-1", SecretStr("x")), broken)
