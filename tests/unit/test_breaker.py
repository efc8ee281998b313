"""An upstream that cannot be reached is left in peace, and tried again by one message at a time."""

from gateway.breaker import FAILURES, FIRST_PAUSE, LONGEST_PAUSE, Breaker

NOW = 1_000_000


def opened() -> Breaker:
    """A breaker that has just opened."""
    breaker = Breaker()
    for _ in range(FAILURES):
        assert breaker.wait(NOW) is None
        breaker.missed(NOW)
    return breaker


def test_a_few_failures_stop_nobody() -> None:
    """One less than the limit, a success in between, and the count begins anew."""
    breaker = Breaker()
    for _ in range(3):
        for _ in range(FAILURES - 1):
            breaker.missed(NOW)
        breaker.reached()
    assert not breaker.open
    assert breaker.wait(NOW) is None


def test_too_many_in_a_row_open_it() -> None:
    """Everybody waits for what is left of the pause."""
    breaker = opened()
    assert breaker.open
    assert breaker.wait(NOW) == FIRST_PAUSE
    assert breaker.wait(NOW + FIRST_PAUSE - 1) == 1


def test_one_trial_at_a_time() -> None:
    """After the pause one message goes; the others wait for what it finds out."""
    breaker = opened()
    later = NOW + FIRST_PAUSE
    assert breaker.wait(later) is None
    assert breaker.wait(later) == FIRST_PAUSE
    breaker.reached()
    assert not breaker.open
    assert [breaker.wait(later) for _ in range(3)] == [None] * 3


def test_each_trial_that_fails_doubles_the_pause() -> None:
    """Up to the longest; a success makes it short again."""
    breaker, now, pauses = opened(), NOW, []
    for _ in range(8):
        now += LONGEST_PAUSE
        assert breaker.wait(now) is None
        breaker.missed(now)
        pauses.append(breaker.wait(now))
    assert pauses[:4] == [2 * FIRST_PAUSE, 4 * FIRST_PAUSE, 8 * FIRST_PAUSE, LONGEST_PAUSE]
    assert pauses[-1] == LONGEST_PAUSE
    breaker.reached()
    for _ in range(FAILURES):
        breaker.missed(now)
    assert breaker.wait(now) == FIRST_PAUSE


def test_failures_of_before_do_not_prolong_the_pause() -> None:
    """Attempts that were under way when it opened fail, too; only a trial counts then."""
    breaker = opened()
    breaker.missed(NOW + 1)
    assert breaker.wait(NOW + 1) == FIRST_PAUSE - 1


def test_a_trial_that_never_left_is_none() -> None:
    """A message that its upstream cannot carry says nothing of it: the next one is the trial."""
    breaker = opened()
    later = NOW + FIRST_PAUSE
    assert breaker.wait(later) is None
    breaker.untold()

    assert breaker.open
    assert breaker.wait(later) is None


def test_somebody_who_knows_ends_the_pause() -> None:
    """Told to hurry, it lets one message try at once; closed, it has nothing to hurry."""
    breaker = opened()
    breaker.hurry(NOW + 1)

    assert breaker.wait(NOW + 1) is None
    assert breaker.wait(NOW + 1) == FIRST_PAUSE
    closed = Breaker()
    closed.hurry(NOW)
    assert not closed.open
