"""Which single messages may share one request, and what that request says."""

from collections import Counter
from typing import Any

import pytest
from builders import NOW, a_batch, a_content, a_dispatch, a_message
from hypothesis import given
from hypothesis import strategies as st

from gateway.gathering import flights, gathered, joined, shareable, shares
from gateway.hours import Hours
from gateway.model import (
    DataCoding,
    Dispatch,
    DispatchState,
    MessageType,
    Plan,
    Priority,
    Rewrite,
    UnknownPolicy,
    Window,
)
from gateway.ports import Receipt, Receipts
from gateway.rewriting import outgoing
from gateway.status import Status

MINUTE = 60_000
RESEND = Plan(unknown=UnknownPolicy.RESEND)


def a_single(key: int, recipient: str = "", message: dict[str, Any] | None = None, **over: Any) -> Dispatch:
    """A dispatch of one message, to a recipient of its own; what is not the dispatch's is the content's."""
    own = {name: over.pop(name) for name in list(over) if name in Dispatch._fields}
    given = {"number": key, "recipient": recipient or f"467{key:08}"} | (message or {})
    batch = a_batch(key=key, caller=f"caller {key % 3}", content=a_content(**over))
    return a_dispatch(**{"key": key, "batch": batch, "messages": (a_message(**given),)} | own)


def keys(groups: list[list[Dispatch]]) -> list[list[int]]:
    """The dispatches of each group, by their keys."""
    return [[dispatch.key for dispatch in group] for group in groups]


DIFFERENT = [
    ("another sender", {"sender": "Other"}),
    ("a flash", {"type": MessageType.FLASH}),
    ("another coding", {"datacoding": DataCoding.UCS}),
    ("high priority", {"priority": Priority.HIGH}),
    ("a window that is open", {"windows": (Window(NOW - 1, NOW + MINUTE),)}),
    ("tags", {"tags": ("a",)}),
    ("another upstream to fall back on", {"plan": Plan(("other",), ("unreachable",))}),
    ("another policy", {"plan": Plan(unknown=UnknownPolicy.FAIL)}),
    ("another sender by its route", {"plan": Plan(rewrite=Rewrite(sender="Other"))}),
    ("quiet hours that are not now", {"plan": Plan(quiet=Hours((), ((0, 1),), "UTC"))}),
    ("the same recipient", {"recipient": "46700001001"}),
]


@pytest.mark.parametrize("over", [case[1] for case in DIFFERENT], ids=[case[0] for case in DIFFERENT])
def test_what_differs_in_more_than_text_and_recipient_is_not_mixed(over: dict[str, Any]) -> None:
    """All but text and recipient is said once in a request, so it must be the same for all of them."""
    due = [a_single(1001), a_single(1002, **over), a_single(1003, body="Other")]

    assert keys(gathered(due, 10, NOW)) == [[1001, 1003], [1002]]


ALONE = [
    (
        "several messages",
        a_dispatch(messages=(a_message(number=1002), a_message(number=1003, recipient="46700000003"))),
    ),
    ("a template", a_single(1002, body="Hi {name}", defaults={})),
    ("credentials of the caller's", a_single(1002, sealed=b"x")),
    ("a text that is sealed", a_single(1002, hidden=b"x")),
    ("a code that is hidden", a_single(1002, secret=True)),
    ("a question", a_single(1002, state=DispatchState.POLLING)),
    ("a window that is to open", a_single(1002, windows=(Window(NOW + 1, None),))),
    ("a window that has closed", a_single(1002, windows=(Window(None, NOW - 1),))),
    ("quiet hours", a_single(1002, plan=Plan(quiet=Hours((), ((0, 24 * 60),), "UTC")))),
    ("what may have left before", a_single(1002, message={"status": Status.UNKNOWN})),
    ("what is sent again", a_single(1002, plan=RESEND, attempts=1)),
    ("what may have left by the upstream before", a_single(1002, plan=Plan(("other",), ("unknown",)))),
    ("the rest of a larger dispatch", a_single(1002, message={"number": 1003})),
]


@pytest.mark.parametrize("dispatch", [case[1] for case in ALONE], ids=[case[0] for case in ALONE])
def test_some_leave_alone_whatever_waits_beside_them(dispatch: Dispatch) -> None:
    """What is not one plain message to be sent now, for the first time that it may arrive, shares no request."""
    other = dispatch._replace(key=1009, messages=(a_message(number=1009, recipient="46700000009"),))
    twins = [dispatch, other] if len(dispatch.messages) > 1 else [dispatch, dispatch._replace(key=1009)]

    assert not shareable(dispatch, NOW)
    assert keys(gathered([*twins, a_single(1010)], 10, NOW))[0] == [dispatch.key]


AGREEING = [
    ("the caller's own reference and address", {"reference": "order 7", "report_url": "https://erp.example/"}, {}),
    ("a sender that its route makes the same", {"sender": "Other", "plan": Plan(rewrite=Rewrite("iP1"))},
     {"plan": Plan(rewrite=Rewrite("iP1"))}),
    ("an attempt that did not arrive", {}, {"attempts": 3, "began": NOW - MINUTE}),
    ("the same policy of sending again, at the first attempt", {"plan": RESEND}, {"plan": RESEND}),
    ("another route to the same upstream", {"route": "night"}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("over", "other"), [case[1:] for case in AGREEING], ids=[case[0] for case in AGREEING])
def test_what_is_not_said_may_differ(over: dict[str, Any], other: dict[str, Any]) -> None:
    """What no provider is told, or is told the same way in the end, keeps nobody apart."""
    assert keys(gathered([a_single(1001, **over), a_single(1002, **other)], 10, NOW)) == [[1001, 1002]]


BRACES = [
    ("the same text with braces", ["{x}", "{x}"], [[1001, 1002]]),
    ("another text beside one with a brace", ["a{", "b"], [[1001], [1002]]),
    ("a closing brace", ["a", "b}"], [[1001], [1002]]),
    ("none", ["a", "b"], [[1001, 1002]]),
]


@pytest.mark.parametrize(("texts", "expected"), [case[1:] for case in BRACES], ids=[case[0] for case in BRACES])
def test_a_text_with_braces_is_no_argument(texts: list[str], expected: list[list[int]]) -> None:
    """Whether a provider fills in what it has just filled in is not documented, so it never has to."""
    due = [a_single(1001 + at, body=text) for at, text in enumerate(texts)]

    assert keys(gathered(due, 10, NOW)) == expected


def test_who_was_tried_leads_nobody() -> None:
    """A request under its reference may have been taken, whatever was answered: it may be led, or leaves by itself."""
    tried = [a_single(1001 + at, attempts=1) for at in range(2)]

    assert keys(gathered([*tried, a_single(1003)], 10, NOW)) == [[1003, 1001, 1002]]
    assert keys(gathered(tried, 10, NOW)) == [[1001], [1002]]


def test_what_was_refused_in_company_leaves_alone() -> None:
    """Whoever is named to go alone does, and the others still share."""
    due = [a_single(1001 + at) for at in range(4)]

    assert keys(gathered(due, 10, NOW, {1002})) == [[1001, 1003, 1004], [1002]]


SINGLES = st.lists(
    st.fixed_dictionaries(
        {
            "recipient": st.sampled_from([f"4670000000{at}" for at in range(6)]),
            # Most are alike: else nothing would be shared.
            "body": st.sampled_from(["a", "b", "c", "{d}"]),
            "sender": st.sampled_from(["iP1", "iP1", "iP1", "Other"]),
            "plan": st.sampled_from([Plan(), Plan(), Plan(), RESEND, Plan(rewrite=Rewrite(prefix="p "))]),
            "attempts": st.sampled_from([0, 1]),
        }
    ),
    min_size=10,
    max_size=40,
)


@given(SINGLES, st.integers(1, 4), st.sets(st.integers(1001, 1040), max_size=5))
def test_any_queue_is_shared_out_rightly(due: list[dict[str, Any]], most: int, alone: set[int]) -> None:
    """Each is in one request, in its order; none is too large, names a recipient twice, or mixes what differs."""
    dispatches = [a_single(1001 + at, **over) for at, over in enumerate(due)]
    groups = gathered(dispatches, most, NOW, alone)

    assert sorted(key for group in keys(groups) for key in group) == [dispatch.key for dispatch in dispatches]
    for group in groups:
        untried = [dispatch for dispatch in group if dispatch.attempts == 0]
        rest = [dispatch for dispatch in group if dispatch not in untried[:1]]
        assert len(group) == 1 or keys([group]) == keys([[*untried[:1], *rest]])
        assert [dispatch.key for dispatch in rest] == sorted(dispatch.key for dispatch in rest)
        contents = [outgoing(dispatch).batch.content for dispatch in group]
        assert len(group) <= most
        assert len({dispatch.messages[0].recipient for dispatch in group}) == len(group)
        assert len({(content.sender, content.datacoding) for content in contents}) == 1
        assert len({content.body for content in contents}) == 1 or not any("{" in content.body for content in contents)
        assert len(group) == 1 or alone.isdisjoint(dispatch.key for dispatch in group)


@given(st.lists(st.text("ab{}", max_size=3), min_size=1, max_size=9), st.integers(1, 9))
def test_no_text_and_no_recipient_is_lost_or_changed(texts: list[str], most: int) -> None:
    """Filled in as the provider says it fills in, what is joined says each text to its recipient, and nothing else."""
    due = [a_single(1001 + at, body=text) for at, text in enumerate(texts)]
    said = Counter[tuple[str, str]]()
    for group in gathered(due, most, NOW):
        whole = joined(tuple(group))
        content = whole.batch.content
        for message in whole.messages:
            said[message.recipient, message.params["text"] if content.templated else content.body] += 1

    assert said == Counter((dispatch.messages[0].recipient, dispatch.batch.content.body) for dispatch in due)


def test_a_dispatch_alone_leaves_as_it_is() -> None:
    """Where nothing is shared, nothing is changed: not even a template."""
    dispatch = ALONE[1][1]

    assert joined((dispatch,)) is dispatch


def test_what_is_claimed_is_what_leaves() -> None:
    """Those who name a leader leave with it, in front of them; what is asked about leaves alone whoever it names."""
    asked = a_single(1005, state=DispatchState.POLLING, leader=1002)
    claimed = [a_single(1001, leader=1002), asked, a_single(1002), a_single(1003), a_single(1004, leader=1002)]

    assert keys(flights(claimed)) == [[1002, 1001, 1004], [1005], [1003]]


def test_each_gets_the_receipts_of_its_own() -> None:
    """The upstream's id and its word are all theirs, the receipt is each one's."""
    flight = (a_single(1001), a_single(1002))
    receipts = Receipts("ref", (Receipt(1002, Status.QUEUED, "b"), Receipt(1001, Status.QUEUED, "a")))

    assert shares(receipts, flight) == [
        Receipts("ref", (Receipt(1001, Status.QUEUED, "a"),)),
        Receipts("ref", (Receipt(1002, Status.QUEUED, "b"),)),
    ]
    assert shares(receipts, flight[:1]) == [receipts]
