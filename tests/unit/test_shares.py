"""What there is only so much of, is shared out so that a newcomer always finds some."""

import pytest

from gateway.errors import Busy
from gateway.shares import Shares


def greedy(shares: Shares, who: str) -> int:
    """Take as much as there is to be had; returns how much somebody has then."""
    try:
        while True:
            shares.take(who)
    except Busy:
        return shares.held(who)


def test_one_alone_has_half_and_two_have_a_third_each() -> None:
    """Nobody has more than is left, so the more there are the less each has, and there is always some left."""
    shares = Shares(120)
    assert greedy(shares, "first") == 60
    assert greedy(shares, "second") == 30
    assert greedy(shares, "third") == 15
    assert (shares.used, shares.holders) == (105, 3)

    for _ in range(60):
        shares.give_back("first")
    assert (greedy(shares, "second"), greedy(shares, "third")) == (52, 34)
    shares.take("newcomer")


def test_what_is_given_back_is_there_again() -> None:
    """Large amounts, too; and who has nothing any more is forgotten."""
    shares = Shares(100)
    shares.take("a", 50)
    with pytest.raises(Busy):
        shares.take("b", 26)
    shares.give_back("a", 20)
    shares.give_back("a", 30)
    shares.take("b", 50)

    assert (shares.used, shares.holders, shares.held("a")) == (50, 1, 0)


def test_what_was_refused_holds_nothing() -> None:
    """A refusal leaves all as it was."""
    shares = Shares(10)
    with pytest.raises(Busy):
        shares.take("a", 6)

    assert (shares.used, shares.holders) == (0, 0)
