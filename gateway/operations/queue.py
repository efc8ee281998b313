"""Operations' hands on the queue: what waits where and why, and moving it on, stopping it or ending it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, cast, get_args

import structlog
from pydantic import BaseModel, ConfigDict, Field

from gateway.clock import Clock, iso
from gateway.dispatcher import Dispatcher
from gateway.errors import Malformed, NotFound
from gateway.ids import Kind, key_of, number_of, public_id
from gateway.model import Dispatch, DispatchState, StatusEntry
from gateway.nearest import unknown
from gateway.observe import Metrics
from gateway.operations.documents import at, dispatch_id, of_dispatch, of_entry, of_message, words
from gateway.ports import Depth, Pause, Selection, Settlement, Store, Transition
from gateway.status import Status

log = structlog.get_logger()

PAGE = 100
"""Dispatches that are changed in one transaction: callers' requests come in between."""
SHOWN = 50
"""Messages of a dispatch that are shown."""

TOLD = "Told by operations"
_FINAL = "its caller was told that it failed, so send the message anew"

Action = Literal["retry", "release", "cancel", "resolve"]
State = Literal["ready", "sending", "waiting", "polling", "unknown", "held"]

_MAY: Mapping[Action, tuple[DispatchState, ...]] = {
    "retry": (DispatchState.READY, DispatchState.UNKNOWN),
    "release": (DispatchState.HELD,),
    "cancel": (DispatchState.READY, DispatchState.HELD),
    "resolve": (DispatchState.UNKNOWN,),
}
"""In which states a dispatch must be for what can be done with it."""

_STOPS = ("pause", "resume")

_ENDS: Mapping[str, tuple[DispatchState, Status]] = {
    "delivered": (DispatchState.SENT, Status.DELIVERED_TO_HANDSET),
    "sent": (DispatchState.SENT, Status.QUEUED),
    "failed": (DispatchState.FAILED, Status.DELIVERY_TO_GATEWAY_FAILED),
}
"""What operations may have heard of a dispatch that was not answered."""


class Order(BaseModel):
    """What is to be done with which dispatches: with those of an id, or with all of an upstream or a route."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str | None = None
    upstream: str | None = None
    route: str | None = None
    state: State | None = None
    outcome: Literal["delivered", "sent", "failed"] | None = None
    reason: str = Field("", max_length=200)
    dry_run: bool = False


class _Done(NamedTuple):
    dispatches: int
    messages: int


class Queue:
    """What a person, or a script of theirs, may ask and do while the gateway runs. Raises NotFound, Malformed, Busy."""

    def __init__(self, store: Store, dispatcher: Dispatcher, clock: Clock, metrics: Metrics) -> None:
        self._store = store
        self._dispatcher = dispatcher
        self._clock = clock
        self._metrics = metrics

    async def overview(self) -> dict[str, Any]:
        """Every upstream with what waits for it; those that the configuration has lost, too."""
        depths, pauses = await self._store.depths(), await self._store.pauses()
        names = dict.fromkeys([*self._dispatcher.lanes, *sorted(upstream for upstream, _ in depths)])
        return {"upstreams": [await self._upstream(name, depths, pauses.get(name)) for name in names]}

    async def _upstream(
        self, name: str, depths: Mapping[tuple[str, DispatchState], Depth], pause: Pause | None
    ) -> dict[str, Any]:
        lane = self._dispatcher.lanes.get(name)
        return {
            "name": name,
            "configured": lane is not None,
            "paused": pause and {"since": iso(pause.since), "reason": pause.reason},
            "refused": lane is not None and lane.held,
            "unreachable": lane is not None and lane.open,
            "elsewhere": lane is not None and not lane.here,
            "due": at(await self._store.next_due(name)),
            "states": {
                state.name.lower(): {"dispatches": depth.dispatches, "oldest": iso(depth.oldest)}
                for state in DispatchState
                if (depth := depths.get((name, state))) is not None
            },
        }

    async def listed(
        self, upstream: str | None, route: str | None, state: str | None, after: str | None, limit: int
    ) -> dict[str, Any]:
        """A page of what is unfinished; `next` is what to give as `after` for the following page."""
        wanted = Selection(upstream, route, _state(state))
        key = 0 if after is None else key_of(Kind.DISPATCH, after)
        if key is None:
            raise Malformed("'after' is no id of a dispatch")
        found = await self._store.select(wanted, key, limit)
        return {
            "dispatches": [of_dispatch(dispatch) for dispatch in found],
            "next": dispatch_id(found[-1]) if len(found) == limit else None,
        }

    async def shown(self, text: str, *, full: bool) -> dict[str, Any]:
        """The dispatches behind an id, each with its messages and with what can be done with it."""
        return {"dispatches": [await self._shown(dispatch, full=full) for dispatch in await self._found(text)]}

    async def _shown(self, dispatch: Dispatch, *, full: bool) -> dict[str, Any]:
        found = await self._store.message(dispatch.key)
        return {
            **of_dispatch(dispatch),
            "upstream_ref": dispatch.upstream_ref,
            "fallback": list(dispatch.plan.fallback),
            "if_unknown": dispatch.plan.unknown.value,
            "can": [action for action, states in _MAY.items() if dispatch.state in states],
            "recipients": [of_message(message, full=full) for message in dispatch.messages[:SHOWN]],
            "statuses": [of_entry(entry) for entry in (found[2] if found else ())],
        }

    async def do(self, verb: str, order: Order, peer: str) -> dict[str, Any]:
        """What an order says, by its verb: pause, resume, retry, release, cancel or resolve."""
        if verb in _MAY:
            return await self.act(cast("Action", verb), order, peer)
        if verb not in _STOPS:
            raise NotFound(unknown("verb", verb, [*_STOPS, *_MAY]))
        if order.upstream not in self._dispatcher.lanes:
            raise NotFound(unknown("upstream", order.upstream or "", list(self._dispatcher.lanes)))
        return await self._stop(order, peer, stopped=verb == "pause")

    async def _stop(self, order: Order, peer: str, *, stopped: bool) -> dict[str, Any]:
        """Lease nothing more for an upstream, or go on. What is in flight ends, and everything is accepted as ever."""
        upstream = order.upstream or ""
        if not order.dry_run:
            await self._dispatcher.pause(upstream, Pause(self._clock.now(), order.reason) if stopped else None)
            action = "pause" if stopped else "resume"
            log.warning("queue.changed", action=action, upstream=upstream, reason=order.reason, peer=peer)
            if not stopped:
                self._dispatcher.hurry(upstream)
        pauses = await self._store.pauses()
        return await self._upstream(upstream, await self._store.depths(), pauses.get(upstream))

    async def act(self, action: Action, order: Order, peer: str) -> dict[str, Any]:
        """Do it, or with `dry_run` tell to how much it would be done."""
        dispatches = messages = doubtful = 0
        async for page in self._pages(action, order):
            doubtful += sum(dispatch.state is DispatchState.UNKNOWN for dispatch in page)
            done = _of(page) if order.dry_run else await self._do(action, order, page)
            dispatches += done.dispatches
            messages += done.messages
        if not order.dry_run:
            told = order.model_dump(exclude_none=True, exclude={"dry_run"}, exclude_defaults=True)
            log.warning("queue.changed", action=action, **told, dispatches=dispatches, messages=messages, peer=peer)
        return {
            "action": action,
            "dry_run": order.dry_run,
            "dispatches": dispatches,
            "messages": messages,
            "unknown": doubtful,
        }

    async def _pages(self, action: Action, order: Order) -> AsyncIterator[list[Dispatch]]:
        may = _MAY[action]
        if (order.outcome is None) == (action == "resolve"):
            raise Malformed("Give 'outcome' (delivered, sent or failed) with resolve, and with nothing else")
        if order.id is not None:
            yield await self._by_id(action, order.id)
            return
        if order.upstream is None and order.route is None:
            raise Malformed("Name an id, an upstream or a route")
        asked = _state(order.state)
        if asked is not None and asked not in may:
            raise Malformed(f"'{action}' is for what is {words(may)}")
        # Whatever may be sent twice, or be told wrongly to have ended, is never meant by default.
        safe = [state for state in may if state is not DispatchState.UNKNOWN]
        if asked is None and not safe:
            raise Malformed(f"Say 'state: unknown' to {action} everything that is unknown there")
        for state in safe if asked is None else [asked]:
            after = 0
            while page := await self._store.select(Selection(order.upstream, order.route, state), after, PAGE):
                yield page
                after = page[-1].key

    async def _by_id(self, action: Action, text: str) -> list[Dispatch]:
        found = await self._found(text)
        able = [dispatch for dispatch in found if dispatch.state in _MAY[action]]
        if not able:
            states = words({dispatch.state for dispatch in found})
            sentence = f"It is {states}, and '{action}' is for what is {words(_MAY[action])}"
            raise Malformed(f"{sentence}; {_FINAL}" if (action, states) == ("retry", "failed") else sentence)
        return able

    async def _do(self, action: Action, order: Order, page: Sequence[Dispatch]) -> _Done:
        now = self._clock.now()
        if action == "cancel":
            moved = await self._store.withdraw([dispatch.key for dispatch in page], now)
            self._count(moved)
            return _Done(len({one.number for one in moved} & {dispatch.key for dispatch in page}), len(moved))
        if action == "resolve":
            return await self._resolve(order.outcome or "", page, now)
        keys = set(await self._store.requeue([dispatch.key for dispatch in page], now))
        done = [dispatch for dispatch in page if dispatch.key in keys]
        for upstream in {dispatch.upstream for dispatch in done}:
            self._dispatcher.hurry(upstream)
        return _of(done)

    async def _resolve(self, outcome: str, page: Sequence[Dispatch], now: int) -> _Done:
        state, status = _ENDS[outcome]
        moved: list[Transition] = []
        for dispatch in page:
            entry = StatusEntry(status=status, created=now, raw_text=TOLD, upstream=dispatch.upstream)
            transitions = tuple(Transition(message.number, entry) for message in dispatch.messages)
            moved += await self._store.settle(
                Settlement(dispatch.key, state, now, dispatch.attempts, transitions=transitions)
            )
        self._count(moved)
        return _Done(len(page), len(moved))

    async def _found(self, text: str) -> list[Dispatch]:
        """The dispatches of a batch, the one that an id names, or the one that carries a message."""
        if (batch_key := key_of(Kind.BATCH, text)) is not None:
            batch = await self._store.batch(batch_key)
            if batch is not None and public_id(Kind.BATCH, batch.created, batch.key) == text.lower():
                return await self._store.select(Selection(batch=batch), 0, batch.size)
        kinds = {kind: key_of(kind, text) for kind in (Kind.DISPATCH, Kind.MESSAGE)}
        for kind, number in [*kinds.items(), (None, number_of(text))]:
            dispatch = None if number is None else await self._store.dispatch(number)
            if dispatch and (kind is None or public_id(kind, dispatch.batch.created, number or 0) == text.lower()):
                return [dispatch]
        raise NotFound(
            f"Nothing is stored under {text}: give a message's number, or the id of a message, a batch or a dispatch"
        )

    def _count(self, moved: Sequence[Transition]) -> None:
        for transition in moved:
            self._metrics.statuses.labels(transition.entry.upstream, transition.entry.status.label).inc()


def _of(dispatches: Sequence[Dispatch]) -> _Done:
    return _Done(len(dispatches), sum(len(dispatch.messages) for dispatch in dispatches))


def _state(name: str | None) -> DispatchState | None:
    if name is None:
        return None
    if name not in get_args(State):
        raise Malformed(unknown("state", name, get_args(State)))
    return DispatchState[name.upper()]
