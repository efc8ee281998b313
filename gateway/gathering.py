"""Which single messages may share one request to an upstream, and what that request says. Pure."""

from collections import Counter
from collections.abc import Collection, Hashable, Sequence
from typing import NamedTuple

from gateway.model import Content, Dispatch, DispatchState, UnknownPolicy
from gateway.ports import Receipts
from gateway.rewriting import rewritten
from gateway.status import Status

Flight = tuple[Dispatch, ...]
"""What leaves in one request, under the reference of the first of them: one dispatch, or several that share it."""

_ARGUMENT = "text"
_TEMPLATE = f"{{{_ARGUMENT}}}"
"""The body where texts differ: each recipient's text is its argument."""
_BRACES = frozenset("{}")


class _Kind(NamedTuple):
    """What must be the same for two messages to share a request; `text` where that must be, too."""

    content: Content
    plan: Hashable
    text: str | None


def gathered(due: Sequence[Dispatch], most: int, now: int, alone: Collection[int] = ()) -> list[list[Dispatch]]:
    """What is due, request by request: at most so many in each, in their order but for the leader, who comes first.

    No request names a recipient twice: of several messages to the same one, each is in a request of its own. Those in
    `alone` leave by themselves.
    """
    groups: list[list[Dispatch]] = []
    unfilled: dict[tuple[_Kind, int], list[Dispatch]] = {}
    named = Counter[tuple[_Kind, str]]()
    for dispatch in due:
        kind = None if dispatch.key in alone else _kind(dispatch, now)
        if kind is None:
            groups.append([dispatch])
            continue
        addressee = (kind, dispatch.messages[0].recipient)
        place = (kind, named[addressee])
        named[addressee] += 1
        group = unfilled.get(place)
        if group is None or len(group) >= most:
            group = unfilled[place] = []
            groups.append(group)
        group.append(dispatch)
    return [led for group in groups for led in _led(group)]


def _led(group: list[Dispatch]) -> list[list[Dispatch]]:
    """The group with its leader in front; each by itself where none may lead.

    Whoever leads has never been tried: its reference must not be that of an earlier request, for that one may have been
    taken whatever was answered. Looking for the new one would find the old one, and take for sent what was not in it.
    """
    untried = next((dispatch for dispatch in group if dispatch.attempts == 0), None)
    if untried is None:
        return [[dispatch] for dispatch in group]
    return [[untried, *(dispatch for dispatch in group if dispatch is not untried)]]


def shareable(dispatch: Dispatch, now: int) -> bool:
    """Whether it may share a request with any other."""
    return _kind(dispatch, now) is not None


def _kind(dispatch: Dispatch, now: int) -> _Kind | None:
    """What those must have in common with it that may share its request; None where it leaves alone."""
    content, plan = dispatch.batch.content, dispatch.plan
    if len(dispatch.messages) != 1 or dispatch.state is not DispatchState.SENDING:
        return None
    if content.templated or content.secret or dispatch.sealed is not None or dispatch.hidden is not None:
        return None
    if content.opening(now) != now or (plan.quiet is not None and plan.quiet.hold(now)):
        return None
    (message,) = dispatch.messages
    # What may have left before, here or by the upstream before this one: it need not show in its attempts.
    doubtful = message.status is not Status.ACCEPTED or "unknown" in plan.on
    resent = plan.unknown is UnknownPolicy.RESEND and dispatch.attempts > 0
    if message.number != dispatch.key or doubtful or resent:
        return None
    if plan.rewrite is not None:
        content = rewritten(content, plan.rewrite)
    # Whether a provider looks for arguments in what it has put in the place of one is not documented.
    text = None if _BRACES.isdisjoint(content.body) else content.body
    return _Kind(content._replace(body="", report_url=None, reference=None), plan, text)


def flights(claimed: Sequence[Dispatch]) -> list[Flight]:
    """What was claimed, request by request, each with its leader in front."""
    shared: dict[int, list[Dispatch]] = {}
    for dispatch in claimed:
        sent = dispatch.state is DispatchState.SENDING
        shared.setdefault(dispatch.leader if sent and dispatch.leader is not None else dispatch.key, []).append(
            dispatch
        )
    return [tuple(sorted(members, key=lambda member: member.leader is not None)) for members in shared.values()]


def joined(outgoing: Flight) -> Dispatch:
    """The one dispatch that says all of it, under the leader's reference; as its upstream gets it."""
    first = outgoing[0]
    if len(outgoing) == 1:
        return first
    bodies = [dispatch.batch.content.body for dispatch in outgoing]
    messages = tuple(dispatch.messages[0] for dispatch in outgoing)
    if len(set(bodies)) == 1:
        return first._replace(messages=messages)
    content = first.batch.content._replace(body=_TEMPLATE, defaults={})
    filled = tuple(message._replace(params={_ARGUMENT: body}) for message, body in zip(messages, bodies, strict=True))
    return first._replace(batch=first.batch._replace(content=content), messages=filled)


def shares(receipts: Receipts, flight: Flight) -> list[Receipts]:
    """What an upstream said of each of them."""
    if len(flight) == 1:
        return [receipts]
    told = {receipt.number: receipt for receipt in receipts.receipts}
    return [
        receipts._replace(receipts=tuple(told[message.number] for message in dispatch.messages)) for dispatch in flight
    ]
