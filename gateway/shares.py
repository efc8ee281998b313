"""Something of which there is only so much at a time, and which nobody may have all of."""

from gateway.errors import Busy


class Shares:
    """So much of something. Whoever has some may have no more than is left for the others."""

    def __init__(self, most: int) -> None:
        """There are `most`; one alone can have half of them, two a third each, and a newcomer always finds some."""
        self._free = most
        self._held: dict[str, int] = {}
        self.most = most

    @property
    def used(self) -> int:
        """How much is taken."""
        return self.most - self._free

    @property
    def holders(self) -> int:
        """How many have any."""
        return len(self._held)

    def held(self, who: str) -> int:
        """How much somebody has."""
        return self._held.get(who, 0)

    def take(self, who: str, amount: int = 1) -> None:
        """Have so much more. Raises Busy where that is more than is left then."""
        held = self._held.get(who, 0) + amount
        if held > self._free - amount:
            raise Busy("So much is being done at the moment that there is no room for more; try again later")
        self._free -= amount
        self._held[who] = held

    def give_back(self, who: str, amount: int = 1) -> None:
        """Need so much less."""
        self._free += amount
        left = self._held.get(who, 0) - amount
        if left:
            self._held[who] = left
        else:
            self._held.pop(who, None)
