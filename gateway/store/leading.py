"""Single messages of several batches that leave in one request: claimed together, and found by their leader."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from gateway.gathering import gathered, shareable
from gateway.model import Dispatch, DispatchState
from gateway.ports import Sharing
from gateway.store.db import Db, Update

NOBODY: Mapping[int, int] = MappingProxyType({})
"""Who leads whom where each leaves alone."""

_AT_ONCE = 500
"""Dispatches that are claimed at a time to share requests: whoever else writes waits meanwhile."""
_STEP = 4
"""How many times as much is looked at next; what turns out not to fit was looked at in vain."""

_LEAD = Update("UPDATE dispatch SET leader = :leader", "dispatch.key = :key", "key BIGINT, leader BIGINT")


def most_at_once(limit: int, sharing: Sharing | None) -> int:
    """How many dispatches may be claimed for so many requests."""
    return limit if sharing is None else max(limit, min(limit * sharing.most, _AT_ONCE))


def shared(
    claimed: list[Dispatch], fill: Callable[[int], bool], limit: int, now: int, sharing: Sharing
) -> tuple[list[Dispatch], Mapping[int, int]]:
    """What leaves in so many requests, and who leads whom; `fill` claims more where more is due.

    Where no more is due than has a request of its own, nothing is shared.
    """
    if not any(shareable(dispatch, now) and dispatch.key not in sharing.alone for dispatch in claimed):
        return claimed, NOBODY
    size, most = limit, most_at_once(limit, sharing)
    groups: list[list[Dispatch]] = []
    while size < most and len(groups) <= limit:
        size = min(_STEP * size, most)
        full = fill(size)
        groups = gathered(claimed, sharing.most, now, sharing.alone)
        if not full:
            break
    if len(claimed) <= limit:
        return claimed, NOBODY
    groups = groups[:limit]
    leaders = {dispatch.key: group[0].key for group in groups for dispatch in group[1:]}
    return [dispatch for group in groups for dispatch in group], leaders


def lead(db: Db, claimed: list[Dispatch], leaders: Mapping[int, int]) -> list[Dispatch]:
    """Write down who leads whom of what was claimed, and forget who led whom before."""
    new = {
        dispatch.key: leaders.get(dispatch.key)
        for dispatch in claimed
        if dispatch.key in leaders or (dispatch.leader is not None and dispatch.state is DispatchState.SENDING)
    }
    if not new:
        return claimed
    if leaders:
        # Nothing that these led before has left: whoever was tried leads nobody any more. See `gateway.gathering`.
        db.execute_for("UPDATE dispatch SET leader = NULL WHERE leader", sorted(set(leaders.values())))
    db.update(_LEAD, list(new.items()))
    return [dispatch._replace(leader=new[dispatch.key]) if dispatch.key in new else dispatch for dispatch in claimed]


def led(db: Db, leader: int, recipient: str) -> tuple[str, int] | None:
    """The upstream of the dispatch that was sent to a recipient in its leader's request, and its message's number."""
    row = db.execute(
        "SELECT dispatch.upstream, message.number FROM dispatch JOIN message ON message.number = dispatch.key"
        " AND message.dispatch = dispatch.key WHERE dispatch.leader = ? AND message.recipient = ?",
        (leader, recipient),
    ).fetchone()
    return None if row is None else (row[0], row[1])


def followers(db: Db, leader: int) -> int:
    """How many others leave, or left, in its request."""
    (count,) = db.execute("SELECT COUNT(*) FROM dispatch WHERE leader = ?", (leader,)).fetchone()
    return int(count)
