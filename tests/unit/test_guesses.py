"""Guessing: few tries for one who gives wrong passwords, and none taken from anybody else."""

from collections.abc import Sequence

import pytest
from pydantic import SecretStr

from gateway.auth import Auth, hash_password
from gateway.config import Caller
from gateway.errors import Busy, Unauthenticated
from gateway.guesses import BURST, EVERY, REMEMBERED, Guesses
from gateway.ports import Credentials

PASSWORD = "correct horse"
HASH = hash_password(PASSWORD)
HERE, THERE = "192.0.2.1", "192.0.2.2"


class Clock:
    """Seconds that only a test lets pass."""

    now = 1000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


def spent(guesses: Guesses, pairs: Sequence[tuple[str, str]]) -> list[bool]:
    """Whether each of these has no try left."""
    return [guesses.spent(*pair) for pair in pairs]


def test_tries_are_used_up_and_come_back() -> None:
    """Ten at once, then one in half a minute, and after five quiet minutes all of them."""
    clock = Clock()
    guesses = Guesses(clock)
    for _ in range(BURST):
        assert not guesses.spent("a", HERE)
        guesses.failed("a", HERE)
    assert guesses.spent("a", HERE)
    clock.now += EVERY
    assert not guesses.spent("a", HERE)
    guesses.failed("a", HERE)
    assert guesses.spent("a", HERE)
    clock.now += BURST * EVERY
    for _ in range(BURST):
        assert not guesses.spent("a", HERE)
        guesses.failed("a", HERE)
    assert guesses.spent("a", HERE)


def test_nobody_pays_for_anybody_else() -> None:
    """Neither another address for its calls to the account, nor another account for the address."""
    guesses = Guesses(Clock())
    for _ in range(BURST):
        guesses.failed("a", HERE)
    assert spent(guesses, [("a", HERE), ("a", THERE), ("b", HERE)]) == [True, False, False]
    guesses.forget("a", HERE)
    assert not guesses.spent("a", HERE)


def test_only_so_much_is_remembered() -> None:
    """Whoever has many addresses fills no memory."""
    guesses = Guesses(Clock())
    for number in range(REMEMBERED + 10):
        guesses.failed("a", str(number))
    assert len(guesses._used) == REMEMBERED


async def test_a_guesser_is_told_to_come_again() -> None:
    """The right password is then not looked at either, but for whoever has shown it before."""
    caller = Caller(name="erp", account="ip1-1", keys=[HASH])
    clock = Clock()
    auth = Auth([caller], Guesses(clock))

    async def call(key: str, peer: str) -> str:
        try:
            return (await auth.check(Credentials("ip1-1", SecretStr(key)), peer, "rest_v1")).name
        except (Unauthenticated, Busy) as error:
            return type(error).__name__

    try:
        assert [await call("wrong", HERE) for _ in range(BURST)] == ["Unauthenticated"] * BURST
        assert [await call("wrong", HERE), await call(PASSWORD, HERE)] == ["Busy", "Busy"]
        assert await call(PASSWORD, THERE) == "erp"
        assert await call(PASSWORD, HERE) == "erp", "it is remembered, wherever it comes from"
        assert await call("wrong", HERE) == "Busy"
        clock.now += EVERY
        assert await call("wrong", HERE) == "Unauthenticated"
    finally:
        auth.close()


@pytest.mark.parametrize("account", ["nobody", None])
async def test_who_has_no_account_uses_up_nothing(account: str | None) -> None:
    """There is nothing to guess, and nothing is remembered of it."""
    guesses = Guesses(Clock())
    auth = Auth([Caller(name="erp", account="ip1-1", keys=[HASH])], guesses)
    try:
        with pytest.raises(Unauthenticated):
            await auth.check(Credentials(account, SecretStr("x")), HERE, "rest_v1")
        assert not guesses._used
    finally:
        auth.close()
