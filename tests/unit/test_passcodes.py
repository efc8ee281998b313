"""Codes that prove that somebody holds a phone: few guesses, a short life, and nothing left to read."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from builders import NOW, FrozenClock

from gateway.commands import (
    Accepted,
    CheckPasscode,
    GetPasscodeSettings,
    PasscodeChecked,
    PasscodeSettings,
    SendPasscode,
    SetPasscodeSettings,
    SubmitBatch,
)
from gateway.config import Caller
from gateway.desks.passcodes import PasscodeDesk
from gateway.errors import Busy, Malformed
from gateway.model import Account, DispatchState
from gateway.passcodes import ATTEMPTS, DIGITS, LETTERS, Asked, new_code
from gateway.ports import NewBatch, NewDispatch, Settlement
from gateway.store import open_store
from gateway.store.sqlite import SqliteStore

CALLER = Caller.model_validate({"name": "erp", "account": "ip1-12345", "keys": ["sha256:" + "0" * 64]})
STRANGER = CALLER.model_copy(update={"name": "crm", "account": "ip1-99999"})
ANNA = "46700000001"


class World:
    """A desk whose codes are 11111, 22222 and so on."""

    def __init__(self) -> None:
        """Nothing was sent."""
        self.store: SqliteStore = open_store("memory:")
        self.clock = FrozenClock()
        self.submitted: list[SubmitBatch] = []
        self._made = 0
        self.desk = PasscodeDesk(self.store, self.clock, self._make)

    def _make(self, length: int, *, numeric: bool) -> str:
        assert isinstance(numeric, bool)
        self._made += 1
        return str(self._made) * length

    def submit(self, command: SubmitBatch) -> Accepted:
        """Store it as the service would."""
        self.submitted.append(command)
        dispatches = (NewDispatch("main", "default", range(1)),)
        batch, durable = self.store.add(
            NewBatch(
                self.clock.now(),
                self.clock.now(),
                "ip1-12345",
                "erp",
                "rest_v1",
                command.content,
                command.recipients,
                (1,),
                dispatches,
            )
        )
        return Accepted(batch, command.recipients, (1,), Account("ip1-12345", "", "SEK", "46"), durable)

    async def send(self, phone: str = ANNA, caller: Caller = CALLER, **asked: Any) -> int:
        """Send a code; returns the number of its SMS."""
        return (await self.desk.send(SendPasscode(phone, Asked(**asked)), caller, self.submit)).message

    async def check(self, code: str, phone: str = ANNA, caller: Caller = CALLER) -> bool:
        """Whether a code is right."""
        try:
            found = await self.desk.handlers[CheckPasscode](CheckPasscode(phone, code), caller)
        except Malformed as error:
            return "Code" not in error.fields
        return isinstance(found, PasscodeChecked)

    async def everything(self) -> str:
        """All that the database holds, as text."""
        return await self.store._writer.run(lambda db: "\n".join(db.iterdump()))


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A world of its own."""
    made = World()
    yield made
    await made.store.close()


async def test_a_code_is_right_once(world: World) -> None:
    """However the phone is written; of several codes each is right, and none for another phone or account."""
    await world.send()
    await world.send(f"+{ANNA}")

    assert not await world.check("11111", "46700000002")
    assert not await world.check("11111", caller=STRANGER)
    assert await world.check(" 22222 ", "0700000001")
    assert await world.check("11111")
    assert not await world.check("11111")
    assert not await world.check("22222")


async def test_a_code_is_worth_nothing_after_a_while(world: World) -> None:
    """As long as was asked for; twenty minutes where nothing was."""
    await world.send(seconds=60)
    await world.send()
    world.clock.advance(60)
    assert not await world.check("11111")
    assert await world.check("22222")


async def test_wrong_answers_use_a_code_up(world: World) -> None:
    """The fifth answer may be right, the sixth is not, also where all of them are asked at once."""
    await world.send()
    assert [await world.check("x") for _ in range(ATTEMPTS - 1)] == [False] * (ATTEMPTS - 1)
    assert await world.check("11111")
    await world.send()
    answers = [*("x" for _ in range(ATTEMPTS)), "22222"]

    assert await asyncio.gather(*(world.check(answer) for answer in answers)) == [False] * (ATTEMPTS + 1)


async def test_few_codes_of_a_phone_at_a_time(world: World) -> None:
    """Five where the account has set nothing: each is one more chance to guess."""
    for _ in range(5):
        await world.send()
    with pytest.raises(Malformed) as caught:
        await world.send()
    assert list(caught.value.fields) == ["Phone"]
    await world.desk.handlers[SetPasscodeSettings](SetPasscodeSettings(Asked(concurrent=6)), CALLER)
    await world.send()
    world.clock.advance(1200)
    await world.send()


async def test_no_more_guesses_can_be_asked_for(world: World) -> None:
    """A code that wrong answers have used up keeps its place until it expires; many requests at once get no more."""
    results = await asyncio.gather(*(world.send() for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(result, Malformed) for result in results) == 3
    for _ in range(ATTEMPTS):
        await world.check("x")
    with pytest.raises(Malformed):
        await world.send()


async def test_an_account_sets_how_its_codes_are(world: World) -> None:
    """What is asked for goes first, then what is set, then the provider's defaults; other accounts have their own."""
    await world.desk.handlers[SetPasscodeSettings](SetPasscodeSettings(Asked("Bank", "Code {0}", 8)), CALLER)
    await world.send(length=3)

    content = world.submitted[0].content
    assert (content.sender, content.body) == ("Bank", "Code {0}")
    assert world.submitted[0].recipients[0].params == {"0": "111"}
    for caller, expected in ((CALLER, Asked("Bank", "Code {0}", 8)), (STRANGER, Asked())):
        found = await world.desk.handlers[GetPasscodeSettings](GetPasscodeSettings(), caller)
        assert found == PasscodeSettings(expected)


async def test_nothing_is_left_of_a_code(world: World) -> None:
    """Only a slow hash is kept beside the SMS; once it is used or old and the SMS has left, neither."""
    number = await world.send(length=9)
    assert (await world.everything()).count("111111111") == 1, "in the arguments of the SMS that has yet to leave"
    assert await world.check("111111111")
    assert await world.store.forget_passcodes(world.clock.now(), 10) == 0, "it has not left"
    await world.store.lease("main", 1, world.clock.now(), NOW + 60_000)
    await world.store.settle(Settlement(number, DispatchState.SENT, NOW, 1))

    assert await world.store.forget_passcodes(world.clock.now(), 10) == 1
    assert "111111111" not in await world.everything()


async def test_a_code_that_could_not_be_sent_is_none(world: World) -> None:
    """Whoever asked is told, and nothing can be answered."""

    def full(_command: SubmitBatch) -> Accepted:
        raise Busy

    with pytest.raises(Busy):
        await world.desk.send(SendPasscode(ANNA, Asked()), CALLER, full)
    assert not await world.check("11111")
    assert await world.store.passcodes("ip1-12345", ANNA, NOW) == []


@pytest.mark.parametrize(("numeric", "alphabet"), [(True, DIGITS), (False, LETTERS)])
def test_codes_are_random(*, numeric: bool, alphabet: str) -> None:
    """Of the length and the letters that were asked for; no two alike."""
    codes = {new_code(25, numeric=numeric) for _ in range(50)}

    assert len(codes) == 50
    assert {len(code) for code in codes} == {25}
    assert set("".join(codes)) == set(alphabet)
