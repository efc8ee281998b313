"""The token bucket, on a clock that the tests turn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rate import Bucket


class Hand:
    """A clock's hand, in seconds."""

    def __init__(self) -> None:
        """Start at noon."""
        self.at = 12.0

    def __call__(self) -> float:
        """The time."""
        return self.at


def test_no_limit_is_no_limit() -> None:
    """Without a rate there is always room and never a wait."""
    bucket = Bucket(None, Hand())
    bucket.take(10**6)

    assert bucket.room() >= 10**6
    assert bucket.wait() == 0.0


def test_a_second_at_once_then_the_rate() -> None:
    """One second's worth may go in a burst; after that each message waits for its turn."""
    hand = Hand()
    bucket = Bucket(20.0, hand)
    assert bucket.room() == 20
    bucket.take(20)

    assert bucket.room() == 0
    assert bucket.wait() == pytest.approx(0.05)
    hand.at += 0.05
    assert bucket.room() == 1


def test_a_large_dispatch_goes_whole_and_the_next_one_pays() -> None:
    """500 recipients in one request cannot be cut, so they leave together, and the debt is waited for."""
    hand = Hand()
    bucket = Bucket(100.0, hand)
    bucket.take(500)

    assert bucket.room() == -400
    assert bucket.wait() == pytest.approx(4.01)
    hand.at += 4.011
    assert bucket.room() == 1


def test_rest_is_not_saved_up() -> None:
    """After a quiet night no more than one second's worth may go at once."""
    hand = Hand()
    bucket = Bucket(5.0, hand)
    hand.at += 36_000

    assert bucket.room() == 5


def test_less_than_one_a_second_still_lets_one_go() -> None:
    """A rate of one in ten seconds has room for one message, then for none until it is earned."""
    hand = Hand()
    bucket = Bucket(0.1, hand)
    assert bucket.room() == 1
    bucket.take(1)

    assert bucket.wait() == pytest.approx(10.0)
    hand.at += 9.9
    assert bucket.room() == 0
    hand.at += 0.2
    assert bucket.room() == 1


def test_a_wait_is_never_nothing() -> None:
    """Whoever waits without need waits a moment all the same, so that no loop runs hot."""
    assert Bucket(10.0, Hand()).wait() == 0.001


@given(
    st.floats(0.1, 1000),
    st.lists(st.tuples(st.floats(0, 5), st.integers(1, 500)), min_size=1, max_size=60),
)
def test_the_rate_holds_over_any_time(rate: float, attempts: list[tuple[float, int]]) -> None:
    """Whatever comes when: beyond one burst and the last dispatch's debt, no more goes than the rate allows."""
    hand = Hand()
    bucket = Bucket(rate, hand)
    began, gone, last = hand.at, 0, 0
    for pause, size in attempts:
        hand.at += pause
        if bucket.room() > 0:
            bucket.take(size)
            gone, last = gone + size, size

    assert gone - last <= rate * (hand.at - began) + max(1.0, rate) + 1e-6
