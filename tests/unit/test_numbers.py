"""Message numbers from ranges: each once, none wasted that need not be."""

from gateway.store.numbers import Numbers


def test_numbers_follow_one_another() -> None:
    """Until there are none; what does not fit is not begun."""
    numbers = Numbers(1001, 1005)
    assert [numbers.take(2), numbers.take(4), numbers.take(2), numbers.take(2), numbers.take(1)] == [
        1001,
        None,
        1003,
        None,
        1005,
    ]
    assert (numbers.take(1), numbers.left) == (None, 0)


def test_ranges_that_touch_are_one() -> None:
    """A batch may lie across them."""
    numbers = Numbers(1001, 1002)
    numbers.add(1003, 1004)
    assert (numbers.take(4), numbers.left) == (1001, 0)


def test_a_batch_lies_in_one_range() -> None:
    """Its numbers follow one another; what is left of the range before is given up."""
    numbers = Numbers(1001, 1002)
    numbers.add(2001, 2004)
    assert numbers.ranges == [(1001, 1002), (2001, 2004)]
    assert numbers.left == 6
    assert numbers.take(1) == 1001
    assert numbers.take(2) == 2001
    assert numbers.ranges == [(2003, 2004)]
