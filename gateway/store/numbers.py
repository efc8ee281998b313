"""Message numbers: given out one after the other, from ranges that are this gateway's own."""


class Numbers:
    """What may be given out. Of two ranges that touch none is wasted."""

    def __init__(self, first: int, last: int) -> None:
        """All numbers from `first` to `last`."""
        self.next = first
        """The number that is given out next."""
        self.last = last
        """The last one of the range that is in use."""
        self._following: tuple[int, int] | None = None

    @property
    def ranges(self) -> list[tuple[int, int]]:
        """What has not been given out: the first and the last number of each range."""
        return [(self.next, self.last), *([self._following] if self._following else [])]

    @property
    def left(self) -> int:
        """How many that are."""
        return sum(last - first + 1 for first, last in self.ranges)

    def add(self, first: int, last: int) -> None:
        """Give out these, too, after the others; asked for only where there is no second range yet."""
        if first == self.last + 1:
            self.last = last
        else:
            self._following = (first, last)

    def take(self, size: int) -> int | None:
        """The first of so many numbers that follow one another; None where there are none."""
        if self.next + size - 1 > self.last and self._following is not None:
            (self.next, self.last), self._following = self._following, None
        if self.next + size - 1 > self.last:
            return None
        first = self.next
        self.next += size
        return first
