"""What came of an attempt: every error carries its decision, and this table is that decision."""

import pytest
from builders import NOW, a_batch, a_content, a_dispatch, a_message

from gateway.errors import Denied, Misconfigured, Refused, SendError, Throttled, Unanswered, Unreachable, Unsupported
from gateway.hours import Hours
from gateway.model import DispatchState, Plan, StatusEntry, UnknownPolicy, Window
from gateway.outcome import HOLD, Backoff, failed, polled, shut, spared, taken, transition_of
from gateway.ports import Poll, Receipt, Receipts, Report, Settlement, Transition
from gateway.status import Status

HOUR = 3_600_000
TWO = (a_message(), a_message(number=1002, recipient="46700000002"))
BACKOFF = Backoff(1.0, 300.0, 3600.0, jitter=lambda: 1.0)

READY, FAILED, UNKNOWN = DispatchState.READY, DispatchState.FAILED, DispatchState.UNKNOWN

FRESH, OLD = NOW - HOUR + 1, NOW - HOUR
"""Creation times of a batch that may just be tried once more, and of one that may not."""

DECISIONS: list[tuple[str, SendError, int, tuple[str, DispatchState, int, int, Status | None]]] = [
    # label, error, created, (word, state, run_at, attempts, the messages' status)
    ("cannot be reached: again later", Unreachable(), FRESH, ("retry", READY, NOW + 4000, 3, None)),
    ("cannot be reached for too long: failed", Unreachable(), OLD, ("failed", FAILED, NOW, 3, Status.of(511))),
    ("asked to wait: as long as it asks", Throttled("", 12.5), FRESH, ("retry", READY, NOW + 12_500, 3, None)),
    ("asked to wait for too long: failed", Throttled("", 12.5), OLD, ("failed", FAILED, NOW, 3, Status.of(511))),
    ("no answer: nobody knows", Unanswered(), FRESH, ("unknown", UNKNOWN, NOW, 3, Status.UNKNOWN)),
    ("no answer, old: nobody knows", Unanswered(), OLD, ("unknown", UNKNOWN, NOW, 3, Status.UNKNOWN)),
    ("refused: its own verdict", Refused(Status.of(409), "45"), FRESH, ("failed", FAILED, NOW, 3, Status.of(409))),
    ("refused, old: its own verdict", Refused(Status.of(402), "100"), OLD, ("failed", FAILED, NOW, 3, Status.of(402))),
    ("cannot be said there: rejected", Unsupported(), FRESH, ("failed", FAILED, NOW, 3, Status.of(406))),
    ("cannot be said there, old: rejected", Unsupported(), OLD, ("failed", FAILED, NOW, 3, Status.of(406))),
    ("our credentials: held, not counted", Misconfigured(), FRESH, ("held", READY, NOW + 60_000, 2, None)),
    ("our credentials, old: held all the same", Misconfigured(), OLD, ("held", READY, NOW + 60_000, 2, None)),
    ("the caller's own credentials", Denied(), FRESH, ("failed", FAILED, NOW, 3, Status.of(406))),
    ("the caller's own credentials, old", Denied(), OLD, ("failed", FAILED, NOW, 3, Status.of(406))),
]


@pytest.mark.parametrize(
    ("label", "error", "created", "expected"),
    DECISIONS,
    ids=[case[0] for case in DECISIONS],
)
def test_every_error_decides(
    label: str,
    error: SendError,
    created: int,
    expected: tuple[str, DispatchState, int, int, Status | None],
) -> None:
    """State, time of the next attempt, attempts and the messages' status follow from the error's class and the age."""
    dispatch = a_dispatch(messages=TWO, attempts=2, batch=a_batch(size=2), began=created)

    told, settlement = failed(dispatch, error, NOW, BACKOFF)

    *decision, status = expected
    assert [told, settlement.state, settlement.run_at, settlement.attempts] == decision
    wanted = [] if status is None else [(1001, status), (1002, status)]
    assert [(t.number, t.entry.status) for t in settlement.transitions] == wanted


ONWARD: list[tuple[str, SendError, tuple[str, ...], bool]] = [
    ("cannot be reached", Unreachable(), ("unreachable",), True),
    ("cannot be reached, and that is no reason", Unreachable(), ("refused", "throttled"), False),
    ("asked to wait", Throttled(), ("throttled",), True),
    ("our credentials", Misconfigured(), ("held",), True),
    ("refused", Refused(Status.of(409), "45"), ("refused",), True),
    ("refused with that very status", Refused(Status.of(402), "100"), ("402",), True),
    ("refused with another status", Refused(Status.of(409), "45"), ("402",), False),
    ("cannot be said there", Unsupported(), ("refused",), True),
    ("no answer", Unanswered(), ("unreachable", "throttled", "held", "refused"), False),
    ("no answer, and operations take the risk", Unanswered(), ("unknown",), True),
    ("no answer is no refusal with 599", Unanswered(), ("599",), False),
    ("one of several reasons", Throttled(), ("unreachable", "throttled"), True),
]


@pytest.mark.parametrize(("label", "error", "on", "goes"), ONWARD, ids=[case[0] for case in ONWARD])
def test_a_route_may_name_another_upstream(label: str, error: SendError, on: tuple[str, ...], *, goes: bool) -> None:
    """For the reasons that the route names, the next upstream gets the dispatch at once, with all its attempts."""
    dispatch = a_dispatch(attempts=2, plan=Plan(("next", "last"), on))

    told, settlement = failed(dispatch, error, NOW, BACKOFF)

    assert (told == "fallback", settlement.onward) == ((True, "next") if goes else (False, None))
    if goes:
        assert settlement == Settlement(1001, READY, run_at=NOW, attempts=0, onward="next")


def test_the_last_upstream_is_tried_as_any() -> None:
    """Where no fallback is left, errors decide as ever."""
    dispatch = a_dispatch(plan=Plan((), ("unreachable",)), batch=a_batch(created=FRESH))

    assert failed(dispatch, Unreachable(), NOW, BACKOFF)[0] == "retry"


@pytest.mark.parametrize(
    ("policy", "created", "expected"),
    [
        (UnknownPolicy.HOLD, FRESH, ("unknown", UNKNOWN, [(599, True)])),
        (UnknownPolicy.FAIL, FRESH, ("failed", FAILED, [(511, True)])),
        (UnknownPolicy.RESEND, FRESH, ("resend", READY, [])),
        (UnknownPolicy.RESEND, OLD, ("unknown", UNKNOWN, [(599, True)])),
    ],
)
def test_a_route_decides_what_no_answer_means(
    policy: UnknownPolicy, created: int, expected: tuple[str, DispatchState, list[tuple[int, bool]]]
) -> None:
    """Held, failed, or sent again for as long as anything is tried; a report that it left beats each of these."""
    dispatch = a_dispatch(plan=Plan(unknown=policy), began=created)

    told, settlement = failed(dispatch, Unanswered("No answer"), NOW, BACKOFF)

    assert (told, settlement.state) == expected[:2]
    assert [(t.entry.status.value, t.doubt) for t in settlement.transitions] == expected[2]


def test_every_class_of_send_error_is_in_the_table() -> None:
    """A new class of error needs a decision, fresh and old."""
    assert sorted(type(case[1]).__name__ for case in DECISIONS) == sorted(
        kind.__name__ for kind in SendError.__subclasses__() for _ in range(2) if kind.__module__ == "gateway.errors"
    )


@pytest.mark.parametrize(
    ("error", "entry", "doubt"),
    [
        (
            Refused(Status.INVALID_RECIPIENT, "45", "Felaktigt nummer"),
            StatusEntry(Status.INVALID_RECIPIENT, NOW, "45", "Felaktigt nummer", "main"),
            False,
        ),
        (Unanswered("No answer"), StatusEntry(Status.UNKNOWN, NOW, None, "No answer", "main"), True),
        (Unsupported("No flash"), StatusEntry(Status.GENERIC_REJECTED, NOW, None, "No flash", "main"), False),
    ],
    ids=["refused", "unanswered", "unsupported"],
)
def test_the_words_are_kept(error: SendError, entry: StatusEntry, *, doubt: bool) -> None:
    """The upstream's code and words stand beside our status; our own Unknown is marked as a doubt, and nothing else."""
    _, settlement = failed(a_dispatch(), error, NOW, BACKOFF)

    assert settlement.transitions == (Transition(1001, entry, doubt=doubt),)


def test_an_unreadable_verdict_is_no_doubt_of_ours() -> None:
    """An upstream that refuses in a code nobody knows said 599 itself: a verdict, and final for the dispatch."""
    _, settlement = failed(a_dispatch(), Refused(Status.UNKNOWN, "777"), NOW, BACKOFF)

    assert settlement.state is FAILED
    assert [(t.entry.status, t.entry.raw_code, t.doubt) for t in settlement.transitions] == [
        (Status.UNKNOWN, "777", False)
    ]


@pytest.mark.parametrize(
    ("attempts", "shortest", "longest"),
    [(1, 500, 1000), (2, 1000, 2000), (3, 2000, 4000), (9, 128_000, 256_000), (10, 150_000, 300_000)],
)
def test_pauses_double_up_to_the_longest(attempts: int, shortest: int, longest: int) -> None:
    """Each pause is drawn between the half and the whole of a step that doubles until `max`."""
    assert Backoff(1.0, 300.0, 0, jitter=lambda: 0.0).delay(attempts) == shortest
    assert Backoff(1.0, 300.0, 0, jitter=lambda: 1.0).delay(attempts) == longest


def test_a_pause_stays_in_bounds_however_often_it_failed() -> None:
    """After a year of attempts the pause is still `max`, with real jitter; no number overflows."""
    backoff = Backoff(0.5, 300.0, 0)

    assert all(150_000 <= backoff.delay(attempts) <= 300_000 for attempts in (41, 1000, 10**9) for _ in range(50))
    assert len({backoff.delay(20) for _ in range(50)}) > 1


def test_giving_up_at_once_tries_once() -> None:
    """`give_up: 0` is once (config/sluss.example.yaml), also where the attempt takes no time at all."""
    told, _ = failed(a_dispatch(), Unreachable(), NOW, Backoff(1.0, 1.0, 0.0))

    assert told == "failed"


TRIED = [
    # label, when it was accepted, when it was first tried, whether it is tried again
    ("accepted a week ago, and never tried", NOW - 7 * 24 * HOUR, None, True),
    ("tried for not quite as long as is tried", NOW - 7 * 24 * HOUR, NOW - HOUR + 1, True),
    ("tried for as long as is tried", NOW - 7 * 24 * HOUR, NOW - HOUR, False),
]


@pytest.mark.parametrize(("label", "created", "began", "again"), TRIED, ids=[case[0] for case in TRIED])
def test_trying_begins_with_the_first_attempt(label: str, created: int, began: int | None, *, again: bool) -> None:
    """What was scheduled, held, paused or kept for the morning is retried for as long as any other."""
    dispatch = a_dispatch(batch=a_batch(created=created), began=began)

    told, settlement = failed(dispatch, Unreachable(), NOW, BACKOFF)

    assert (told, settlement.began) == (("retry", began or NOW) if again else ("failed", None))


PAST, OPEN, AHEAD = Window(None, NOW), Window(NOW, NOW + 1), Window(NOW + HOUR, None)


@pytest.mark.parametrize("windows", [(), (OPEN,), (PAST, OPEN, AHEAD)], ids=["no window", "open", "open among others"])
def test_what_may_be_delivered_now_is_sent(windows: tuple[Window, ...]) -> None:
    """A window that is open, or none at all, keeps nothing back."""
    assert shut(a_dispatch(batch=a_batch(content=a_content(windows=windows))), NOW) is None


def test_between_two_windows_it_waits() -> None:
    """It is ready again when the next window opens; that it was not sent is no attempt, and nothing to tell of it."""
    dispatch = a_dispatch(attempts=2, batch=a_batch(content=a_content(windows=(PAST, AHEAD))))

    assert shut(dispatch, NOW) == ("delayed", Settlement(dispatch=1001, state=READY, run_at=NOW + HOUR, attempts=2))


def test_in_quiet_hours_it_waits_for_their_end() -> None:
    """19:43 in Sweden lies in the quiet hours from 19 to 8; a window that opens later counts first."""
    night = Plan(quiet=Hours((), ((19 * 60, 8 * 60),), "Europe/Stockholm"))
    morning = 1_540_360_800_000  # 2018-10-24T06:00Z
    dispatch = a_dispatch(attempts=2, plan=night)

    assert shut(dispatch, NOW) == ("delayed", Settlement(dispatch=1001, state=READY, run_at=morning, attempts=2))
    assert shut(dispatch, morning) is None
    later = dispatch._replace(batch=a_batch(content=a_content(windows=(AHEAD,))))
    assert shut(later, NOW) == ("delayed", Settlement(dispatch=1001, state=READY, run_at=NOW + HOUR, attempts=2))


def test_after_its_last_window_it_expires() -> None:
    """It is never sent late: every message becomes Expired, unless a report shows meanwhile that it left."""
    dispatch = a_dispatch(messages=TWO, attempts=2, batch=a_batch(content=a_content(windows=(PAST,))))
    entry = StatusEntry(Status.EXPIRED, NOW, None, "Its delivery window closed before it could be sent", "main")

    assert shut(dispatch, NOW) == (
        "expired",
        Settlement(
            dispatch=1001,
            state=FAILED,
            run_at=NOW,
            attempts=2,
            transitions=(Transition(1001, entry, doubt=True), Transition(1002, entry, doubt=True)),
        ),
    )


RECEIPTS = (Receipt(1001, Status.QUEUED, "101", "ok"), Receipt(1002, Status.INVALID_RECIPIENT))


@pytest.mark.parametrize(
    ("poll_after", "state", "run_at"),
    [(None, DispatchState.SENT, NOW), (0, DispatchState.WAITING, NOW), (1500, DispatchState.WAITING, NOW + 1500)],
    ids=["it tells by itself", "ask at once", "ask later"],
)
def test_taken(poll_after: int | None, state: DispatchState, run_at: int) -> None:
    """Each receipt becomes its message's status; the dispatch is done, or waits until it is time to ask."""
    dispatch = a_dispatch(messages=TWO, attempts=4)

    assert taken(dispatch, Receipts("abc", RECEIPTS, poll_after), NOW) == Settlement(
        dispatch=1001,
        state=state,
        run_at=run_at,
        attempts=5,
        sent_at=NOW,
        upstream_ref="abc",
        transitions=(
            Transition(1001, StatusEntry(Status.QUEUED, NOW, "101", "ok", "main")),
            Transition(1002, StatusEntry(Status.INVALID_RECIPIENT, NOW, None, None, "main")),
        ),
    )


@pytest.mark.parametrize(
    ("again", "state", "run_at"), [(None, DispatchState.SENT, NOW), (900, DispatchState.WAITING, NOW + 900)]
)
def test_polled(again: int | None, state: DispatchState, run_at: int) -> None:
    """What was asked becomes statuses with their own times; a report that names no message is dropped."""
    reports = (Report(Status.SENDING, NOW - 5, number=1001, raw_code="110"), Report(Status.SENDING))

    settlement = polled(a_dispatch(attempts=1), Poll(reports, again), NOW)

    assert (settlement.state, settlement.run_at, settlement.attempts) == (state, run_at, 1)
    assert settlement.transitions == (Transition(1001, StatusEntry(Status.SENDING, NOW - 5, "110", None, "main")),)


def test_a_report_without_a_time_gets_ours() -> None:
    """A report's own time is kept, even 1970; without one it is dated when it came. Its price goes along."""
    assert transition_of(Report(Status.SENDING), 7, "main", NOW).entry.created == NOW
    assert transition_of(Report(Status.SENDING, 0), 7, "main", NOW).entry.created == 0
    priced = transition_of(Report(Status.SENDING, price="0.35", currency="SEK"), 7, "main", NOW)
    assert (priced.number, priced.price, priced.currency) == (7, "0.35", "SEK")


def test_a_hold_is_a_minute() -> None:
    """Operations mend credentials by hand: a minute is soon enough to try again, and spares the provider's log."""
    assert HOLD == 60.0


def test_an_upstream_that_asks_for_no_time_is_not_asked_in_a_circle() -> None:
    """`Retry-After: 0` waits as long as an upstream that cannot be reached would be left alone."""
    _, settlement = failed(a_dispatch(), Throttled("later", 0.0), NOW, BACKOFF)

    assert settlement.run_at > NOW


def test_an_upstreams_words_can_be_stored() -> None:
    """Ids and words come from outside: NUL and half characters would break a database after the message was sent."""
    hostile = "a\0b\ud800c" + "x" * 1000
    kept = "ab?c" + "x" * 496
    receipt = Receipt(1001, Status.QUEUED, hostile, hostile)
    settlements = [
        taken(a_dispatch(), Receipts(hostile, (receipt,)), NOW),
        failed(a_dispatch(), Refused(Status.INVALID_RECIPIENT, hostile, hostile), NOW, BACKOFF)[1],
        polled(
            a_dispatch(), Poll((Report(Status.SENDING, number=1001, raw_code=hostile, raw_text=hostile),), None), NOW
        ),
    ]

    assert settlements[0].upstream_ref == kept
    for settlement in settlements:
        assert [(t.entry.raw_code, t.entry.raw_text) for t in settlement.transitions] == [(kept, kept)]


def test_an_upstream_in_peace_costs_no_attempt() -> None:
    """A message waits for the pause, or goes to the next upstream at once where its route says so."""
    waiting = spared(a_dispatch(attempts=2), NOW, 5000)
    onward = spared(a_dispatch(attempts=2, plan=Plan(("next",), ("unreachable",))), NOW, 5000)
    staying = spared(a_dispatch(plan=Plan(("next",), ("refused",))), NOW, 5000)

    assert waiting == ("spared", Settlement(1001, READY, run_at=NOW + 5000, attempts=2))
    assert onward == ("fallback", Settlement(1001, READY, run_at=NOW, attempts=0, onward="next"))
    assert staying[0] == "spared"
