"""The sandbox: a provider without a socket, whose story is told by the recipient's last digits and a seed."""

import subprocess
import sys
from itertools import pairwise
from typing import Any

import pytest
from builders import NOW, a_batch, a_content, a_dispatch, a_message
from pydantic import ValidationError

from adapters.sandbox import ADAPTER
from adapters.sandbox.upstream import Sandbox, SandboxOptions
from gateway.errors import Unanswered
from gateway.lifecycle import may_follow
from gateway.model import Dispatch, Window
from gateway.ports import Poll, Receipt, Receipts
from gateway.status import Status

HOUR = 3_600_000


def a_sandbox(**options: Any) -> Sandbox:
    """A sandbox."""
    return Sandbox(SandboxOptions.model_validate(options))


def to(*recipients: str, **over: Any) -> Dispatch:
    """A dispatch to these recipients, sent now."""
    messages = tuple(a_message(number=1001 + n, recipient=recipient) for n, recipient in enumerate(recipients))
    return a_dispatch(**{"messages": messages, "sent_at": NOW} | over)


def life(sandbox: Sandbox, dispatch: Dispatch) -> list[tuple[int, int]]:
    """(milliseconds since it was sent, code) of everything that will happen to its first message."""
    reports = sandbox.poll(dispatch, NOW + 100 * HOUR).reports
    return [(report.created - NOW, report.status.value) for report in reports if report.number == 1001]


SCRIPTS = [
    ("delivered", "46700000201", [103, 110, 112, 201]),
    ("refused for funds", "46700000402", [402]),
    ("off, then delivered", "46700000503", [103, 110, 112, 503, 201]),
    ("never heard of again", "46700000599", []),
    ("anything else is delivered", "46712345678", [103, 110, 112, 201]),
    ("a number too short for a script", "20", [103, 110, 112, 201]),
]


@pytest.mark.parametrize(("label", "recipient", "codes"), SCRIPTS, ids=[case[0] for case in SCRIPTS])
def test_the_last_digits_tell_the_story(label: str, recipient: str, codes: list[int]) -> None:
    """Each story is one that the lifecycle lets through step by step, and is over when it has been told."""
    sandbox, dispatch = a_sandbox(), to(recipient)

    assert [code for _, code in life(sandbox, dispatch)] == codes
    assert sandbox.poll(dispatch, NOW + 100 * HOUR).again is None
    steps = [Status.QUEUED, *map(Status.of, codes)]
    assert all(may_follow(before, after) for before, after in pairwise(steps))


def test_it_takes_everything_at_once() -> None:
    """Every message is queued there, and the first question may be asked straight away."""
    assert a_sandbox().answer(to("46700000201", "46700000402")) == Receipts(
        "sandbox-1001", (Receipt(1001, Status.QUEUED), Receipt(1002, Status.QUEUED)), poll_after=0
    )


def test_a_number_that_swallows_the_request() -> None:
    """…599 alone is never answered; among others it is taken and then never heard of."""
    with pytest.raises(Unanswered):
        a_sandbox().answer(to("46700000599", "46711111599"))
    assert len(a_sandbox().answer(to("46700000599", "46700000201")).receipts) == 2
    assert life(a_sandbox(), to("46700000599", "46700000201")) == []


def test_times_are_those_of_a_mobile_network() -> None:
    """Each step comes after the one before it, in seconds rather than in an instant."""
    times = [at for at, _ in life(a_sandbox(), to("46700000503"))]

    assert times == sorted(times)
    assert 6_000 < times[-1] < 20_000


def test_a_seed_can_be_repeated() -> None:
    """The same seed tells the same story, another one another; each message has a story of its own."""
    dispatch = to("46700000201")

    assert life(a_sandbox(seed=7), dispatch) == life(a_sandbox(seed=7), dispatch)
    assert life(a_sandbox(seed=7), dispatch) != life(a_sandbox(seed=8), dispatch)
    two = a_sandbox().poll(to("46700000201", "46700001201"), NOW + HOUR).reports
    assert {r.created for r in two if r.number == 1001}.isdisjoint(r.created for r in two if r.number == 1002)


def test_a_seed_can_be_repeated_in_another_process() -> None:
    """Python's own hashing differs from process to process; the story does not."""
    script = (
        "from builders import *; from adapters.sandbox.upstream import *;"
        "print([r.created for r in Sandbox(SandboxOptions(seed=7)).poll(a_dispatch(sent_at=NOW), NOW + 10**8).reports])"
    )
    command = [sys.executable, "-c", f"import sys; sys.path[:0] = {sys.path!r}; {script}"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    reports = a_sandbox(seed=7).poll(a_dispatch(sent_at=NOW), NOW + 10**8).reports
    assert told.strip() == str([report.created for report in reports])


def test_pace_stretches_the_story() -> None:
    """Twice as slow is twice as long, and at a pace of 0 everything has happened at once."""
    dispatch = to("46700000201")
    normal, slow = life(a_sandbox(pace=1), dispatch), life(a_sandbox(pace=2), dispatch)

    assert [at * 2 for at, _ in normal] == pytest.approx([at for at, _ in slow], abs=2)
    assert a_sandbox(pace=0).poll(dispatch, NOW).again is None
    assert life(a_sandbox(pace=0), dispatch) == [(0, 103), (0, 110), (0, 112), (0, 201)]


def test_asked_early_it_tells_what_has_happened() -> None:
    """Nothing is told before its time; `again` is when the next step comes, a tenth of a second at least."""
    sandbox, dispatch = a_sandbox(), to("46700000201", "46700000402")
    all_of_it = sandbox.poll(dispatch, NOW + HOUR).reports
    times = sorted(report.created - NOW for report in all_of_it if report.created is not None)

    assert sandbox.poll(dispatch, NOW) == Poll((), max(100, times[0]))
    for before, after in pairwise(times):
        poll = sandbox.poll(dispatch, NOW + before)
        assert len(poll.reports) == times.index(before) + 1
        assert poll.again == max(100, after - before)
        assert all(report.raw_code == str(report.status.value) for report in poll.reports)


def test_a_window_delays_the_story() -> None:
    """Nothing happens before the first window opens; one that is already open delays nothing."""
    ahead = to("46700000201", batch=a_batch(content=a_content(windows=(Window(NOW + HOUR, None),))))
    open_now = to("46700000201", batch=a_batch(content=a_content(windows=(Window(NOW - HOUR, None),))))
    open_end = to("46700000201", batch=a_batch(content=a_content(windows=(Window(None, NOW + HOUR),))))
    plain = life(a_sandbox(), to("46700000201"))

    assert life(a_sandbox(), ahead) == [(at + HOUR, code) for at, code in plain]
    assert life(a_sandbox(), open_now) == plain
    assert life(a_sandbox(), open_end) == plain


def test_the_balance_is_the_configured_one() -> None:
    """Digits as they stand in the configuration."""
    assert a_sandbox().balance() == ("1000.00", "SEK")
    assert a_sandbox(balance="-0.5", currency="EUR").balance() == ("-0.5", "EUR")


@pytest.mark.parametrize(
    "options", [{"pace": -1}, {"balance": "much"}, {"balance": "1e5"}, {"currency": "kr"}, {"speed": 2}]
)
def test_options_that_make_no_sense(options: dict[str, Any]) -> None:
    """They are refused, and so is a key nobody knows."""
    with pytest.raises(ValidationError):
        a_sandbox(**options)


def test_the_adapter_is_an_upstream_inside_the_process() -> None:
    """Nobody calls it over HTTP, and no face has its name."""
    assert (ADAPTER.name, ADAPTER.face, ADAPTER.upstream, ADAPTER.local) == ("sandbox", None, None, Sandbox)
