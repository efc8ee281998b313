"""How long a SQL store remembers, run on its connections."""

from collections.abc import Awaitable, Callable, Sequence

from gateway.model import DispatchState
from gateway.ports import Expired, Look, Part, Traces
from gateway.store import erasing, expiring
from gateway.store.book import Run


class SqlLife:
    """See `gateway.ports.Life`."""

    def __init__(self, read: Run, write: Run, scrub: Callable[[], Awaitable[bool]]) -> None:
        self._read = read
        self._write = write
        self._scrub = scrub

    async def look(self, part: Part, msisdn: str, after: int, limit: int) -> Look:
        """Look for a number; see the port."""
        return await self._read(lambda db: erasing.look(db, part, msisdn, after, limit))

    async def traces(self, msisdn: str) -> Traces:
        """What is under it; see the port."""
        return await self._read(lambda db: erasing.traces(db, msisdn))

    async def unfinished(self, numbers: Sequence[int]) -> dict[int, DispatchState]:
        """What is still to be done; see the port."""
        return await self._read(lambda db: erasing.unfinished(db, numbers))

    async def erase(self, part: Part, msisdn: str, keys: Sequence[int]) -> int:
        """Erase a number; see the port."""
        return await self._write(lambda db: erasing.erase(db, part, msisdn, keys))

    async def erase_traces(self, msisdn: str) -> Traces:
        """Erase what is under it; see the port."""
        return await self._write(lambda db: erasing.erase_traces(db, msisdn))

    async def expire(self, before: int, limit: int) -> Expired:
        """Remove what is old; see the port."""
        return await self._write(lambda db: expiring.expire(db, before, limit))

    async def scrub(self) -> bool:
        """Leave no byte of it; see the port."""
        return await self._scrub()
