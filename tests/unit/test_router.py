"""The first rule that matches takes the message; every recipient has exactly one."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import Rule
from gateway.router import Leg, Question, Router

EVERYTHING = Rule(name="default", to="main")


def rule(name: str, to: str = "trial", **when: object) -> Rule:
    """A rule with a condition."""
    return Rule.model_validate({"name": name, "to": to, "when": when})


ASKED = Question("soap", "erp", "iP1")

CASES = [
    ("no condition takes all", [], "default"),
    ("the face", [rule("r", face="soap")], "r"),
    ("another face", [rule("r", face="rest_v2")], "default"),
    ("one of several faces", [rule("r", face=["rest_v2", "soap"])], "r"),
    ("the caller", [rule("r", caller="erp")], "r"),
    ("another caller", [rule("r", caller="crm")], "default"),
    ("the sender", [rule("r", sender=["iP1", "x"])], "r"),
    ("a sender in another case", [rule("r", sender="ip1")], "default"),
    ("the recipient", [rule("r", recipient="46712345678")], "r"),
    ("the recipient's beginning is not the whole", [rule("r", recipient="467123")], "default"),
    ("a prefix", [rule("r", recipient="467*")], "r"),
    ("the whole number as a prefix", [rule("r", recipient="46712345678*")], "r"),
    ("another prefix", [rule("r", recipient="468*")], "default"),
    ("one of several recipients", [rule("r", recipient=["468*", "46712345678"])], "r"),
    ("all conditions", [rule("r", face="soap", caller="erp", sender="iP1", recipient="4*")], "r"),
    ("all conditions but one", [rule("r", face="soap", caller="erp", sender="X", recipient="4*")], "default"),
    ("the first of two", [rule("a", face="soap"), rule("b", caller="erp")], "a"),
    ("the second, where the first objects", [rule("a", face="rest_v2"), rule("b", caller="erp")], "b"),
    ("a recipient's rule before a caller's", [rule("a", recipient="467*"), rule("b", caller="erp")], "a"),
    ("a caller's rule before a recipient's", [rule("a", caller="erp"), rule("b", recipient="467*")], "a"),
]


@pytest.mark.parametrize(("label", "rules", "expected"), CASES, ids=[case[0] for case in CASES])
def test_the_first_rule_that_matches(label: str, rules: list[Rule], expected: str) -> None:
    """A message goes the way of the first rule that takes it, and `explain` says the same."""
    router = Router([*rules, EVERYTHING])

    (leg,) = router.plan(ASKED, ["46712345678"])

    assert (leg.rule.name, list(leg.offsets)) == (expected, [0])
    tried = router.explain(ASKED, "46712345678")
    assert (tried[-1][0].name, tried[-1][1]) == (expected, None)


def test_a_batch_is_split_by_recipient() -> None:
    """Recipients of one batch may go different ways; each leg holds their offsets in order."""
    tests = rule("tests", recipient="4670000*")
    norway = rule("norway", "fjord", recipient="47*")
    recipients = ["46700001111", "4799", "46812", "46700002222", "4711"]

    assert Router([tests, norway, EVERYTHING]).plan(ASKED, recipients) == [
        Leg(tests, (0, 3)),
        Leg(norway, (1, 4)),
        Leg(EVERYTHING, (2,)),
    ]


def test_a_batch_that_no_recipient_splits_goes_whole() -> None:
    """Where the first rule that is left asks nothing of the recipient, all go that way without a look at any."""
    only_others = rule("tests", caller="crm", recipient="467*")

    assert Router([only_others, EVERYTHING]).plan(ASKED, ["46712345678", "4799"]) == [Leg(EVERYTHING, range(2))]


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        ({"face": ["sendsms", "rest_v2"]}, "face soap is not rest_v2 or sendsms"),
        ({"caller": "crm"}, "caller erp is not crm"),
        ({"sender": "X", "recipient": "47*"}, "sender iP1 is not X"),
        ({"recipient": ["47*", "4670"]}, "recipient 46712345678 is not 47* or 4670"),
    ],
)
def test_every_objection_says_why(when: dict[str, object], reason: str) -> None:
    """Operations read why a rule did not take a message, in the words of the configuration."""
    tried = Router([rule("r", **when), EVERYTHING]).explain(ASKED, "46712345678")

    assert [(r.name, why) for r, why in tried] == [("r", reason), ("default", None)]


FACES, CALLERS, SENDERS = ["soap", "rest_v2"], ["erp", "crm"], ["iP1", "Alarm"]
PATTERNS = ["4*", "46*", "467*", "46700001111", "47*", "1"]
RECIPIENTS = ["46700001111", "46700001112", "4699", "4711", "1", "12", ""]


def some(names: Sequence[str]) -> st.SearchStrategy[list[str]]:
    """Some of these names, in any order."""
    return st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True)


whens = st.fixed_dictionaries(
    {}, optional={"face": some(FACES), "caller": some(CALLERS), "sender": some(SENDERS), "recipient": some(PATTERNS)}
)
rulebooks = st.lists(whens, max_size=6).map(
    lambda found: [*(rule(f"r{at}", f"up{at % 3}", **when) for at, when in enumerate(found)), EVERYTHING]
)
questions = st.builds(Question, st.sampled_from(FACES), st.sampled_from(CALLERS), st.sampled_from(SENDERS))
batches = st.lists(st.sampled_from(RECIPIENTS), min_size=1, max_size=12)


def takes(rule: Rule, question: Question, recipient: str) -> bool:
    """What the configuration's documents say of a rule, in the plainest words."""
    when = rule.when
    return (
        (not when.face or question.face in when.face)
        and (not when.caller or question.caller in when.caller)
        and (not when.sender or question.sender in when.sender)
        and (
            not when.recipient
            or recipient in when.recipient
            or any(p[-1] == "*" and recipient.startswith(p[:-1]) for p in when.recipient)
        )
    )


@given(rulebooks, questions, batches)
def test_every_recipient_has_exactly_one_way(rules: list[Rule], question: Question, recipients: list[str]) -> None:
    """Whatever the rules: each offset stands in one leg, in order, and its rule is the first that takes it."""
    legs = Router(rules).plan(question, recipients)

    assert sorted(offset for leg in legs for offset in leg.offsets) == list(range(len(recipients)))
    assert len({leg.rule.name for leg in legs}) == len(legs)
    for leg in legs:
        assert list(leg.offsets) == sorted(leg.offsets)
        for offset in leg.offsets:
            assert leg.rule is next(rule for rule in rules if takes(rule, question, recipients[offset]))


@given(rulebooks, questions, batches)
def test_the_same_question_has_the_same_answer(rules: list[Rule], question: Question, recipients: list[str]) -> None:
    """A router keeps no state that shows: asked again, or asked anew, it answers the same."""
    router = Router(rules)

    assert router.plan(question, recipients) == router.plan(question, recipients)
    assert router.plan(question, recipients) == Router(rules).plan(question, recipients)


@given(rulebooks, questions, batches)
def test_explain_agrees_with_plan(rules: list[Rule], question: Question, recipients: list[str]) -> None:
    """What operations are told is what happens; every rule before the one that takes it objects with a reason."""
    router = Router(rules)
    for leg in router.plan(question, recipients):
        for offset in leg.offsets:
            tried = router.explain(question, recipients[offset])
            assert [rule for rule, _ in tried] == rules[: len(tried)]
            assert all(reason for _, reason in tried[:-1])
            assert tried[-1] == (leg.rule, None)
