"""Late and repeated delivery reports must not move a message back."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.lifecycle import is_quiet, may_follow, progress
from gateway.status import Status

CASES = [
    ("the usual first step", 101, 102, True),
    ("a step may be left out", 101, 111, True),
    ("the fastest report of all", 101, 201, True),
    ("our queue, then the upstream's word", 102, 114, True),
    ("paid, then sending", 103, 110, True),
    ("the carrier, then the network", 112, 113, True),
    ("the network, then the handset", 113, 201, True),
    ("the network, then no success", 113, 514, True),
    ("rejected before anything else", 101, 409, True),
    ("canceled while it waited", 102, 203, True),
    ("late: the gateway after the carrier", 112, 111, False),
    ("late: queued after the network", 113, 102, False),
    ("late: accepted after sending", 110, 101, False),
    ("repeated: the network twice", 113, 113, False),
    ("repeated: offline twice", 503, 503, False),
    ("repeated: unknown twice", 599, 599, False),
    ("repeated: delivered twice", 201, 201, False),
    ("offline after the network", 113, 503, True),
    ("offline, then delivered", 503, 201, True),
    ("offline, then back on the network", 503, 113, True),
    ("offline, then the window closed", 503, 202, True),
    ("late: the carrier after offline", 503, 112, False),
    ("late: the upstream's queue after offline", 503, 114, False),
    ("unknown, then a sign of life", 599, 112, True),
    ("unknown, then the upstream's queue", 599, 114, True),
    ("unknown, then sending after all", 599, 110, True),
    ("unknown, then delivered", 599, 201, True),
    ("unknown, then offline", 599, 503, True),
    ("unknown does not become accepted again", 599, 101, False),
    ("an upstream that took it after all ends our doubt", 599, 102, True),
    ("a receipt that cannot be read comes after the carrier", 112, 599, True),
    ("a receipt that cannot be read comes after offline", 503, 599, True),
    ("a receipt that cannot be read comes after the network", 113, 599, True),
    ("a receipt that cannot be read comes after refunded", 104, 599, True),
    ("refunded while it was on its way", 112, 104, True),
    ("late: the network after refunded", 104, 113, False),
    ("late: offline after refunded", 104, 503, False),
    ("refunded after a failure", 514, 104, False),
    ("refunded after a rejection", 402, 104, False),
    ("unknown after delivered", 201, 599, False),
    ("failed after delivered", 201, 514, False),
    ("delivered after expired", 202, 201, False),
    ("delivered after failed", 514, 201, False),
    ("progress after canceled", 203, 111, False),
]

ROAD = [101, 102, 103, 110, 114, 111, 112, 113, 104]
"""How far along, from the first step on; a final status is further than all of these."""

LOOKS_BACK = {503, 599}
"""They come at any time, and what follows them may lie further back."""


@pytest.mark.parametrize(("label", "current", "new", "moves"), CASES, ids=[case[0] for case in CASES])
def test_a_report_moves_a_message_or_not(label: str, current: int, new: int, *, moves: bool) -> None:
    """One row: where a message stands, what is reported, and whether that moves it."""
    assert may_follow(Status(current), Status(new)) is moves


def test_nothing_moves_a_final_status() -> None:
    """No report whatever follows any of the 21 final statuses."""
    final = [status for status in Status if status.final]

    assert len(final) == 21
    assert not [(old, new) for old in final for new in Status if may_follow(old, new)]


def test_every_open_message_can_end() -> None:
    """Whatever a message stands at, any final status ends it."""
    assert not [
        (old, new) for old in Status if not old.final for new in Status if new.final and not may_follow(old, new)
    ]


@settings(deadline=None)
@given(st.lists(st.sampled_from(list(Status)), max_size=40))
def test_any_storm_of_reports_leaves_a_history_that_makes_sense(reports: list[Status]) -> None:
    """Whatever comes in whatever order, a final status stays and only 503 and 599 are ever left backwards."""
    history = [Status.ACCEPTED]
    for new in reports:
        if may_follow(history[-1], new):
            history.append(new)

    assert not any(status.final for status in history[:-1])
    for before, after in pairwise(history):
        assert before is not after
        if not after.final and not LOOKS_BACK & {before.value, after.value}:
            assert ROAD.index(before.value) < ROAD.index(after.value)


def test_the_order_of_progress_is_spelled_out() -> None:
    """A batch shows the status of the message that is furthest behind: this is what furthest behind means."""
    open_statuses = sorted((status for status in Status if not status.final), key=progress)

    assert [status.value for status in open_statuses] == [101, 599, 102, 103, 110, 114, 111, 112, 503, 113, 104]
    assert len({progress(status) for status in Status if status.final}) == 1
    assert max(map(progress, open_statuses)) < progress(Status.DELIVERED_TO_HANDSET)


def test_quiet_is_what_shows_no_sign_of_life() -> None:
    """All but Accepted and Unknown are an upstream's words, which it has only for what it was sent."""
    assert {status.value for status in Status if is_quiet(status)} == {101, 599}
