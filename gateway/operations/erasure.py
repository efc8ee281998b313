"""Erasing a person's number from the store, because the person asks for it or a law does."""

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import structlog
from pydantic import BaseModel, ConfigDict

from gateway.clock import Clock
from gateway.errors import Malformed
from gateway.model import DispatchState
from gateway.msisdn import international
from gateway.observe import Metrics
from gateway.ports import Part, Store
from gateway.registers import Registers

log = structlog.get_logger()

ROWS = 5000
"""Rows that are looked through at a time."""
PAGE = 100
"""Rows that are changed in one transaction: callers' requests come in between."""

_WAITS = frozenset({DispatchState.READY, DispatchState.HELD})
_COUNTED = ("messages", "incoming", "contacts", "texts")
_TEXTS = frozenset(part for part in Part if part.endswith("_texts"))
_WHOLE = {
    Part.MESSAGE_TEXTS: Part.MESSAGES,
    Part.INCOMING_TEXTS: Part.INCOMING,
    Part.CONTACT_TEXTS: Part.CONTACTS,
}
"""Texts in rows that are found for another reason, too."""


class ErasureOrder(BaseModel):
    """Whose number is erased, and how thoroughly."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: str
    cancel: bool = False
    blacklist: bool = False
    vacuum: bool = True
    dry_run: bool = False


class _Unfinished(NamedTuple):
    """Messages to the person: those that wait to be sent, and how many have left and have not ended."""

    waiting: list[int]
    busy: int


class ErasureDesk:
    """Erases while the gateway runs. Raises Malformed, Busy."""

    def __init__(self, store: Store, registers: Registers, clock: Clock, metrics: Metrics) -> None:
        self._store = store
        self._registers = registers
        self._clock = clock
        self._metrics = metrics

    async def do(self, order: ErasureOrder, peer: str) -> dict[str, Any]:
        """Erase a number, or with `dry_run` tell what would be erased; what is still to be sent stops it."""
        try:
            msisdn = international(order.number)
        except ValueError as error:
            raise Malformed(str(error)) from None
        unfinished = await self._unfinished(msisdn)
        if not order.dry_run:
            _refuse(unfinished, cancel=order.cancel)
            await self._cancel(unfinished.waiting)
        counts = await (self._count(msisdn) if order.dry_run else self._erase(msisdn))
        registered = await self._registered(msisdn, order)
        scrubbed = order.vacuum and not order.dry_run and await self._store.life.scrub()
        if not order.dry_run:
            log.warning("number.erased", **counts, **registered, scrubbed=scrubbed, peer=peer)
        left = 0 if order.dry_run else (await self._count(msisdn)).total()
        return {
            "dry_run": order.dry_run,
            "waiting": len(unfinished.waiting),
            "busy": unfinished.busy,
            "erased": {**counts, **registered},
            "left": left,
            "scrubbed": scrubbed,
        }

    async def _hits(self, part: Part, msisdn: str) -> AsyncIterator[list[int]]:
        after: int | None = 0
        while after is not None:
            found = await self._store.life.look(part, msisdn, after, ROWS)
            for at in range(0, len(found.keys), PAGE):
                yield found.keys[at : at + PAGE]
            after = found.after

    async def _unfinished(self, msisdn: str) -> _Unfinished:
        waiting: list[int] = []
        busy = 0
        async for numbers in self._hits(Part.MESSAGES, msisdn):
            states = await self._store.life.unfinished(numbers)
            waiting += [number for number, state in states.items() if state in _WAITS]
            busy += sum(state not in _WAITS for state in states.values())
        return _Unfinished(waiting, busy)

    async def _cancel(self, numbers: list[int]) -> None:
        for at in range(0, len(numbers), PAGE):
            for moved in await self._store.withdraw_alone(numbers[at : at + PAGE], self._clock.now()):
                self._metrics.statuses.labels(moved.entry.upstream, moved.entry.status.label).inc()

    async def _count(self, msisdn: str) -> Counter[str]:
        counts = Counter(dict.fromkeys(_COUNTED, 0))
        found: dict[Part | None, set[int]] = {}
        for part in Part:
            found[part] = {key async for keys in self._hits(part, msisdn) for key in keys}
            # A row that is erased as a whole is not counted again for what it says.
            counted = found[part] - found.get(_WHOLE.get(part), set())
            counts["texts" if part in _TEXTS else part.value] += len(counted)
        counts.update((await self._store.life.traces(msisdn))._asdict())
        return counts

    async def _erase(self, msisdn: str) -> Counter[str]:
        while await self._store.file(PAGE):
            pass  # what is not filed yet would be filed under what stands in the number's place
        counts = Counter(dict.fromkeys(_COUNTED, 0))
        for part in Part:
            async for keys in self._hits(part, msisdn):
                counts["texts" if part in _TEXTS else part.value] += await self._store.life.erase(part, msisdn, keys)
        counts.update((await self._store.life.erase_traces(msisdn))._asdict())
        return counts

    async def _registered(self, msisdn: str, order: ErasureOrder) -> dict[str, int]:
        """The number as a sender of accounts, and on their blacklists, which stay where nobody asks for it."""
        senders = [(of, sender.name) for of, sender in await self._store.senders() if sender.name.lstrip("+") == msisdn]
        blocked = [of for of, entry in await self._store.blocked() if entry.msisdn == msisdn]
        if not order.dry_run:
            for account, name in senders:
                await self._registers.unregister(account, name)
            for account in blocked if order.blacklist else ():
                await self._registers.unblock(account, msisdn)
        kept = 0 if order.blacklist else len(blocked)
        return {"senders": len(senders), "blacklist": len(blocked) - kept, "blacklist_kept": kept}


def _refuse(unfinished: _Unfinished, *, cancel: bool) -> None:
    if unfinished.busy:
        raise Malformed(
            f"{unfinished.busy} to this number are on their way, or nobody knows whether they arrived: nothing was"
            " erased. Try again when they have ended; what is unknown is ended by 'sluss queue resolve'"
        )
    if unfinished.waiting and not cancel:
        raise Malformed(
            f"{len(unfinished.waiting)} to this number are still to be sent: nothing was erased."
            " Add --cancel to end them"
        )
