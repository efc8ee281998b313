"""What came of an attempt, as the settlement to store. Pure: errors decide here, nobody upstairs reads their text."""

import random
from collections.abc import Callable

from gateway.errors import Denied, Misconfigured, Refused, SendError, Throttled, Unanswered, Unreachable
from gateway.model import Dispatch, DispatchState, StatusEntry, UnknownPolicy
from gateway.ports import Poll, Receipts, Report, Settlement, Transition
from gateway.status import Status

_MAX_WORDS = 500
"""Characters that are kept of what an upstream says."""

HOLD = 60.0
"""Seconds an upstream's queue rests after the upstream refused the gateway itself."""


class Backoff:
    """How long to wait before the next attempt: doubling, with jitter, until it is too late."""

    def __init__(self, first: float, most: float, give_up: float, jitter: Callable[[], float] = random.random) -> None:
        self._first, self._most, self._give_up, self._jitter = first, most, give_up, jitter

    def delay(self, attempts: int) -> int:
        """Milliseconds after that many failed attempts, between half and the whole of the doubled step."""
        step = min(self._most, self._first * 2.0 ** min(attempts - 1, 40))
        return int(step * (0.5 + self._jitter() / 2) * 1000)

    def too_late(self, began: int, now: int) -> bool:
        """Whether it was tried for so long that it is not tried again."""
        return now - began >= self._give_up * 1000


NEVER_AGAIN = Backoff(0, 0, 0)
"""For what must not be tried once more."""


def _kept(text: str | None) -> str | None:
    """An upstream's own words as they can be stored by anyone: no NUL, no half characters, no novel."""
    return None if text is None else text.encode("utf-8", "replace").decode().replace("\0", "")[:_MAX_WORDS]


def taken(dispatch: Dispatch, receipts: Receipts, sent_at: int) -> Settlement:
    """The upstream has it."""
    return Settlement(
        dispatch=dispatch.key,
        state=DispatchState.SENT if receipts.poll_after is None else DispatchState.WAITING,
        run_at=sent_at + (receipts.poll_after or 0),
        attempts=dispatch.attempts + 1,
        sent_at=sent_at,
        upstream_ref=_kept(receipts.upstream_ref),
        transitions=tuple(
            Transition(
                receipt.number,
                StatusEntry(
                    status=receipt.status,
                    created=sent_at,
                    raw_code=_kept(receipt.raw_code),
                    raw_text=_kept(receipt.raw_text),
                    upstream=dispatch.upstream,
                ),
            )
            for receipt in receipts.receipts
        ),
    )


def failed(dispatch: Dispatch, error: SendError, now: int, backoff: Backoff) -> tuple[str, Settlement]:
    """What an error decides: another upstream, again later, never again, or nobody knows. With a word for the log."""
    attempts = dispatch.attempts + 1
    began = now if dispatch.began is None else dispatch.began
    if (onward := _onward(dispatch, error)) is not None:
        # A new upstream has all of its own attempts.
        return "fallback", _again(dispatch, 0, now)._replace(onward=onward)
    match error:
        case Misconfigured():
            return "held", _again(dispatch, dispatch.attempts, now + int(HOLD * 1000))
        case Unreachable() | Throttled() if not backoff.too_late(began, now):
            asked = int(error.after * 1000) if isinstance(error, Throttled) else 0
            delay = max(asked, backoff.delay(attempts))
            return "retry", _again(dispatch, attempts, now + delay)._replace(began=began)
        case Unanswered() if dispatch.plan.unknown is not UnknownPolicy.FAIL:
            if dispatch.plan.unknown is UnknownPolicy.RESEND and not backoff.too_late(began, now):
                return "resend", _again(dispatch, attempts, now + backoff.delay(attempts))._replace(began=began)
            return "unknown", _ended(dispatch, DispatchState.UNKNOWN, error, now)
        case _:
            return "failed", _ended(dispatch, DispatchState.FAILED, error, now)


_OUTCOMES: tuple[tuple[type[SendError], str], ...] = (
    (Unreachable, "unreachable"),
    (Throttled, "throttled"),
    (Misconfigured, "held"),
    (Unanswered, "unknown"),
    (SendError, "refused"),
)
"""What routes call the errors; the first class that fits."""


def _onward(dispatch: Dispatch, error: SendError) -> str | None:
    """The upstream to try next, where the route says so for this error."""
    plan = dispatch.plan
    name = next(name for kind, name in _OUTCOMES if isinstance(error, kind))
    said = {name, str(error.status.value)} if name == "refused" else {name}
    return plan.fallback[0] if plan.fallback and not said.isdisjoint(plan.on) else None


def spared(dispatch: Dispatch, now: int, pause: int) -> tuple[str, Settlement]:
    """What becomes of a dispatch whose upstream is left in peace for a while: the next one, or a wait; no attempt."""
    onward = _onward(dispatch, Unreachable())
    if onward is not None:
        return "fallback", _again(dispatch, 0, now)._replace(onward=onward)
    return "spared", _again(dispatch, dispatch.attempts, now + pause)


def left(dispatch: Dispatch, now: int) -> Settlement:
    """What becomes of a dispatch that was leased and not begun with: it is sent by whoever may, unless somebody did."""
    return _again(dispatch, dispatch.attempts, now)._replace(lease=dispatch.run_at)


def parted(dispatch: Dispatch, now: int) -> tuple[str, Settlement]:
    """What becomes of each that shared a request which was refused: nothing was sent, so it goes by itself at once."""
    return "parted", _again(dispatch, dispatch.attempts, now)


def shut(dispatch: Dispatch, now: int) -> tuple[str, Settlement] | None:
    """What becomes of a dispatch that may not be delivered now: it waits for its time, or has missed its last window.

    None where it may. Neither waiting nor expiring counts as an attempt.
    """
    opens = dispatch.batch.content.opening(now)
    if opens == now:
        quiet = dispatch.plan.quiet
        if quiet is None or not quiet.hold(now):
            return None
        return "delayed", _again(dispatch, dispatch.attempts, quiet.end(now))
    if opens is not None:
        return "delayed", _again(dispatch, dispatch.attempts, opens)
    words = "Its delivery window closed before it could be sent"
    entry = StatusEntry(status=Status.EXPIRED, created=now, raw_text=words, upstream=dispatch.upstream)
    return "expired", Settlement(
        dispatch=dispatch.key,
        state=DispatchState.FAILED,
        run_at=now,
        attempts=dispatch.attempts,
        transitions=tuple(Transition(message.number, entry, doubt=True) for message in dispatch.messages),
    )


def _again(dispatch: Dispatch, attempts: int, run_at: int) -> Settlement:
    return Settlement(dispatch=dispatch.key, state=DispatchState.READY, run_at=run_at, attempts=attempts)


def _ended(dispatch: Dispatch, state: DispatchState, error: SendError, now: int) -> Settlement:
    refused = error if isinstance(error, Refused) else None
    unanswered = isinstance(error, Unanswered)
    given_up = unanswered and state is DispatchState.FAILED
    entry = StatusEntry(
        status=Status.DELIVERY_TO_GATEWAY_FAILED if given_up else error.status,
        created=now,
        raw_code=_kept(refused.raw_code) if refused else None,
        raw_text=_kept(refused.raw_text) if refused else error.detail,
        upstream=dispatch.upstream,
    )
    return Settlement(
        dispatch=dispatch.key,
        state=state,
        run_at=now,
        attempts=dispatch.attempts + 1,
        transitions=tuple(Transition(message.number, entry, doubt=unanswered) for message in dispatch.messages),
        denied=isinstance(error, Denied),
    )


def polled(dispatch: Dispatch, poll: Poll, now: int) -> Settlement:
    """What asking brought; the next question is due at `run_at`."""
    return Settlement(
        dispatch=dispatch.key,
        state=DispatchState.SENT if poll.again is None else DispatchState.WAITING,
        run_at=now + (poll.again or 0),
        attempts=dispatch.attempts,
        transitions=tuple(
            transition_of(report, report.number, dispatch.upstream, now)
            for report in poll.reports
            if report.number is not None
        ),
    )


def transition_of(report: Report, number: int, upstream: str, now: int) -> Transition:
    """A report as a status to append; without a time of its own it gets ours."""
    entry = StatusEntry(
        status=report.status,
        created=report.created if report.created is not None else now,
        raw_code=_kept(report.raw_code),
        raw_text=_kept(report.raw_text),
        upstream=upstream,
    )
    return Transition(number, entry, price=report.price, currency=report.currency)
