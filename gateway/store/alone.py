"""The company of a gateway whose store is its own."""

from collections.abc import Callable, Collection

from gateway.ports import Word


class Alone:
    """Has every duty, and nobody to talk to. See `gateway.ports.Company`."""

    alone = True

    async def attend(self, wanted: Collection[str], busy: Collection[str]) -> frozenset[str]:  # noqa: ARG002
        """Nobody else wants any."""
        return frozenset(wanted)

    def tell(self, word: Word, about: str) -> None:
        """Nobody hears."""

    def listen(self, heard: Callable[[Word, str], None]) -> None:
        """Nobody speaks."""
