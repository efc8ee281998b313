"""The first rule that matches takes the message; every recipient has exactly one, and an upstream of its own."""

from collections import Counter
from collections.abc import Sequence

import pytest
from builders import NOW, a_content
from hypothesis import given
from hypothesis import strategies as st

from gateway.clock import parse_iso
from gateway.conditions import Question, Said
from gateway.config import Rule
from gateway.model import DataCoding, Priority
from gateway.router import Leg, Router, drawn


def rule(name: str, to: object = "trial", **when: object) -> Rule:
    """A rule with a condition."""
    return Rule.model_validate({"name": name, "to": to, "when": when})


EVERYTHING = rule("default", "main")
ASKED = Question("soap", "erp", "ip1-12345", "iP1")
THURSDAY = parse_iso("2018-10-25T07:30:00Z")
"""Half past nine in Sweden, half past three in New York."""
SAID = Said(
    a_content(body="Fire in hall 3, call 112", tags=("alarm", "x"), priority=Priority.HIGH, datacoding=DataCoding.GSM),
    2,
    THURSDAY,
)

CASES = [
    ("no condition takes all", [], "default"),
    ("the face", [rule("r", face="soap")], "r"),
    ("another face", [rule("r", face="rest_v2")], "default"),
    ("one of several faces", [rule("r", face=["rest_v2", "soap"])], "r"),
    ("the caller", [rule("r", caller="erp")], "r"),
    ("another caller", [rule("r", caller="crm")], "default"),
    ("the account", [rule("r", account="ip1-12345")], "r"),
    ("another account", [rule("r", account="ip1-1")], "default"),
    ("the sender", [rule("r", sender=["iP1", "x"])], "r"),
    ("a sender in another case", [rule("r", sender="ip1")], "default"),
    ("the recipient", [rule("r", recipient="46712345678")], "r"),
    ("the recipient's beginning is not the whole", [rule("r", recipient="467123")], "default"),
    ("a prefix", [rule("r", recipient="467*")], "r"),
    ("the whole number as a prefix", [rule("r", recipient="46712345678*")], "r"),
    ("another prefix", [rule("r", recipient="468*")], "default"),
    ("a star in the middle", [rule("r", recipient="46*78")], "r"),
    ("two stars", [rule("r", recipient="4*5*8")], "r"),
    ("a star in the middle, and another end", [rule("r", recipient="46*79")], "default"),
    ("question marks", [rule("r", recipient="46?123456??")], "r"),
    ("one question mark too few", [rule("r", recipient="46?1234567")], "default"),
    ("a pattern beside a prefix", [rule("r", recipient=["48*", "4?7*"])], "r"),
    ("the country", [rule("r", country=46)], "r"),
    ("one of several countries", [rule("r", country=[47, 46])], "r"),
    ("another country", [rule("r", country="45")], "default"),
    ("the country and another number", [rule("r", country=46, recipient="468*")], "default"),
    ("one of the tags", [rule("r", tags=["y", "alarm"])], "r"),
    ("another tag", [rule("r", tags="y")], "default"),
    ("the priority", [rule("r", priority="high")], "r"),
    ("the priority as a number", [rule("r", priority=2)], "r"),
    ("another priority", [rule("r", priority="normal")], "default"),
    ("one of several priorities", [rule("r", priority=["normal", "high"])], "r"),
    ("the length", [rule("r", text={"length": "20-24"})], "r"),
    ("a length that is exactly that", [rule("r", text={"length": 24})], "r"),
    ("too short", [rule("r", text={"length": "25-"})], "default"),
    ("too long", [rule("r", text={"length": "-23"})], "default"),
    ("the segments", [rule("r", text={"segments": "2-"})], "r"),
    ("fewer segments", [rule("r", text={"segments": 1})], "default"),
    ("the encoding", [rule("r", text={"encoding": "gsm"})], "r"),
    ("another encoding", [rule("r", text={"encoding": "ucs"})], "default"),
    ("words of the text", [rule("r", text={"matches": "hall [0-9]+,"})], "r"),
    ("the text's beginning", [rule("r", text={"matches": "^Fire"})], "r"),
    ("words that it has not", [rule("r", text={"matches": "(?i)^FLOOD"})], "default"),
    ("words in another case", [rule("r", text={"matches": "(?i)FIRE"})], "r"),
    ("all that is asked of the text", [rule("r", text={"matches": "Fire", "length": "1-"})], "r"),
    ("one thing too much of the text", [rule("r", text={"matches": "Fire", "length": 1})], "default"),
    ("the day", [rule("r", time={"days": ["mon", "thu"]})], "r"),
    ("another day", [rule("r", time={"days": "Fri"})], "default"),
    ("the hour in Sweden", [rule("r", time={"between": "09:30-09:31"})], "r"),
    ("an hour before", [rule("r", time={"between": "08:00-09:30"})], "default"),
    ("the hour in New York", [rule("r", time={"between": "03:00-04:00", "zone": "America/New_York"})], "r"),
    ("past midnight", [rule("r", time={"between": "22:00-09:45"})], "r"),
    ("past midnight, and later", [rule("r", time={"between": "22:00-09:00"})], "default"),
    ("until midnight", [rule("r", time={"between": "09:00-24:00"})], "r"),
    ("one of several hours", [rule("r", time={"between": ["01:00-02:00", "09:00-10:00"]})], "r"),
    ("the hour of another day", [rule("r", time={"days": "wed", "between": "09:00-10:00"})], "default"),
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

    (leg,) = router.plan(ASKED, SAID, ["46712345678"])

    assert (leg.rule.name, list(leg.offsets)) == (expected, [0])
    tried = router.explain(ASKED, SAID, "46712345678")
    assert (tried[-1][0].name, tried[-1][1]) == (expected, None)


def test_a_batch_is_split_by_recipient() -> None:
    """Recipients of one batch may go different ways; each leg holds their offsets in order."""
    tests = rule("tests", recipient="4670000*")
    norway = rule("norway", "fjord", recipient="47*")
    recipients = ["46700001111", "4799", "46812", "46700002222", "4711"]

    assert Router([tests, norway, EVERYTHING]).plan(ASKED, SAID, recipients) == [
        Leg(tests, "trial", (0, 3)),
        Leg(norway, "fjord", (1, 4)),
        Leg(EVERYTHING, "main", (2,)),
    ]


def test_a_batch_that_no_recipient_splits_goes_whole() -> None:
    """Where the first rule that is left asks nothing of the recipient, all go that way without a look at any."""
    only_others = rule("tests", caller="crm", recipient="467*")

    assert Router([only_others, EVERYTHING]).plan(ASKED, SAID, ["46712345678", "4799"]) == [
        Leg(EVERYTHING, "main", range(2))
    ]


def test_a_rule_that_rejects_has_no_upstream() -> None:
    """Its recipients are told apart all the same."""
    never = Rule.model_validate({"name": "never", "when": {"country": 47}, "reject": 405})

    assert Router([never, EVERYTHING]).plan(ASKED, SAID, ["4799", "46712345678"]) == [
        Leg(never, None, (0,)),
        Leg(EVERYTHING, "main", (1,)),
    ]


def test_a_rule_for_times_is_asked_anew() -> None:
    """What is remembered of a caller does not say what time it is, or what is said."""
    router = Router(
        [rule("morning", time={"between": "06:00-12:00"}), rule("fire", text={"matches": "Fire"}), EVERYTHING]
    )
    evening = SAID._replace(now=THURSDAY + 12 * 3_600_000)

    names = [
        router.plan(ASKED, said, ["46712345678"])[0].rule.name
        for said in (SAID, evening, evening._replace(content=a_content(body="Hi")), SAID)
    ]
    assert names == ["morning", "fire", "default", "morning"]


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        ({"face": ["sendsms", "rest_v2"]}, "face soap is not rest_v2 or sendsms"),
        ({"caller": "crm"}, "caller erp is not crm"),
        ({"account": "ip1-1"}, "account ip1-12345 is not ip1-1"),
        ({"sender": "X", "recipient": "47*"}, "sender iP1 is not X"),
        ({"country": [47, 45]}, "recipient 46712345678 is not in country 47 or 45"),
        ({"tags": ["b", "a"]}, "tags alarm, x hold none of a, b"),
        ({"priority": "normal"}, "priority is high"),
        ({"text": {"length": "-5"}}, "the text has 24 characters, not -5"),
        ({"text": {"segments": "3-"}}, "the text has 2 segments, not 3-"),
        ({"text": {"encoding": "ucs"}}, "the text is in gsm, not in ucs"),
        ({"text": {"matches": "x+"}}, "the text does not match x+"),
        ({"time": {"days": "sat"}}, "it is Thursday in Europe/Stockholm"),
        ({"time": {"between": "22:00-06:00", "zone": "UTC"}}, "it is 07:30 in UTC"),
        ({"recipient": ["47*", "4670"]}, "recipient 46712345678 is not 47* or 4670"),
    ],
)
def test_every_objection_says_why(when: dict[str, object], reason: str) -> None:
    """Operations read why a rule did not take a message, in the words of the configuration."""
    tried = Router([rule("r", **when), EVERYTHING]).explain(ASKED, SAID, "46712345678")

    assert [(r.name, why) for r, why in tried] == [("r", reason), ("default", None)]


FACES, CALLERS, SENDERS = ["soap", "rest_v2"], ["erp", "crm"], ["iP1", "Alarm"]
PATTERNS = ["4*", "46*", "467*", "46700001111", "47*", "1", "4?*", "46*11"]
RECIPIENTS = ["46700001111", "46700001112", "4699", "4711", "1", "12", ""]


def some(names: Sequence[str]) -> st.SearchStrategy[list[str]]:
    """Some of these names, in any order."""
    return st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True)


whens = st.fixed_dictionaries(
    {},
    optional={
        "face": some(FACES),
        "caller": some(CALLERS),
        "sender": some(SENDERS),
        "recipient": some(PATTERNS),
        "country": some(["46", "47", "1"]),
        "tags": some(["a", "b"]),
        "text": st.fixed_dictionaries({"length": st.sampled_from(["1-", "-5", "3-70"])}),
        "time": st.fixed_dictionaries({"between": st.sampled_from(["06:00-18:00", "18:00-06:00"])}),
    },
)
targets = st.dictionaries(st.sampled_from(["up1", "up2", "up3"]), st.integers(1, 5), min_size=1)
rulebooks = st.lists(st.tuples(whens, targets), max_size=6).map(
    lambda found: [*(rule(f"r{at}", to, **when) for at, (when, to) in enumerate(found)), EVERYTHING]
)
questions = st.builds(
    Question, st.sampled_from(FACES), st.sampled_from(CALLERS), st.just("ip1-12345"), st.sampled_from(SENDERS)
)
saids = st.builds(
    Said,
    st.builds(a_content, body=st.sampled_from(["Hi", "Hello, you"]), tags=st.sampled_from([(), ("a",), ("b", "c")])),
    st.just(1),
    st.sampled_from([NOW, NOW + 10 * 3_600_000]),
)
batches = st.lists(st.sampled_from(RECIPIENTS), min_size=1, max_size=12)


def takes(rule: Rule, question: Question, said: Said, recipient: str) -> bool:
    """What the configuration's documents say of a rule, in the plainest words."""
    when = rule.when
    hours = range(6, 18) if when.time and when.time.between == ((360, 1080),) else [*range(18, 24), *range(6)]
    bounds = {"1-": (1, 999), "-5": (0, 5), "3-70": (3, 70)}
    return (
        (not when.country or recipient.startswith(when.country))
        and (not when.tags or any(tag in when.tags for tag in said.content.tags))
        and (not when.time or (said.now // 3_600_000 + 2) % 24 in hours)
        and (
            not when.text
            or bounds[str(when.text.length)][0] <= len(said.content.body) <= bounds[str(when.text.length)][1]
        )
        and (not when.face or question.face in when.face)
        and (not when.caller or question.caller in when.caller)
        and (not when.sender or question.sender in when.sender)
        and (
            not when.recipient
            or recipient in when.recipient
            or any(p[:-1].isdigit() and p[-1] == "*" and recipient.startswith(p[:-1]) for p in when.recipient)
            or ("4?*" in when.recipient and recipient[:1] == "4" and len(recipient) > 1)
            or ("46*11" in when.recipient and recipient[:2] == "46" and recipient[2:].endswith("11"))
        )
    )


@given(rulebooks, questions, saids, batches)
def test_every_recipient_has_exactly_one_way(
    rules: list[Rule], question: Question, said: Said, recipients: list[str]
) -> None:
    """Whatever the rules: each offset stands in one leg, in order, and its rule is the first that takes it."""
    legs = Router(rules).plan(question, said, recipients)

    assert sorted(offset for leg in legs for offset in leg.offsets) == list(range(len(recipients)))
    assert len({(leg.rule.name, leg.upstream) for leg in legs}) == len(legs)
    for leg in legs:
        assert list(leg.offsets) == sorted(leg.offsets)
        assert leg.upstream in (leg.rule.to or {})
        for offset in leg.offsets:
            assert leg.rule is next(rule for rule in rules if takes(rule, question, said, recipients[offset]))


@given(rulebooks, questions, saids, batches)
def test_the_same_question_has_the_same_answer(
    rules: list[Rule], question: Question, said: Said, recipients: list[str]
) -> None:
    """A router keeps no state that shows: asked again, or asked anew, it answers the same."""
    router = Router(rules)

    assert router.plan(question, said, recipients) == router.plan(question, said, recipients)
    assert router.plan(question, said, recipients) == Router(rules).plan(question, said, recipients)


@given(rulebooks, questions, saids, batches)
def test_explain_agrees_with_plan(rules: list[Rule], question: Question, said: Said, recipients: list[str]) -> None:
    """What operations are told is what happens; every rule before the one that takes it objects with a reason."""
    router = Router(rules)
    for leg in router.plan(question, said, recipients):
        for offset in leg.offsets:
            tried = router.explain(question, said, recipients[offset])
            assert [rule for rule, _ in tried] == rules[: len(tried)]
            assert all(reason for _, reason in tried[:-1])
            assert tried[-1] == (leg.rule, None)


PEOPLE = [f"4670{number:07}" for number in range(10_000)]


@pytest.mark.parametrize("weights", [{"a": 95, "b": 5}, {"a": 1, "b": 1, "c": 2}, {"a": 0, "b": 7}, {"a": 3}])
def test_upstreams_get_what_their_weights_say(weights: dict[str, int]) -> None:
    """Of ten thousand people each upstream gets its share, within one in a hundred of all."""
    dealt = Counter(drawn(weights, person) for person in PEOPLE)
    total = sum(weights.values())

    for upstream, weight in weights.items():
        assert abs(dealt[upstream] / len(PEOPLE) - weight / total) < 0.01
    assert dealt["a"] == 0 or weights["a"] > 0


def test_a_canary_keeps_its_people() -> None:
    """As the canary's weight grows, whoever it had stays with it, and nobody moves but to it."""
    before = {person: drawn({"main": 95, "canary": 5}, person) for person in PEOPLE}
    after = {person: drawn({"main": 80, "canary": 20}, person) for person in PEOPLE}

    assert {person for person in PEOPLE if before[person] == "canary"} < {
        person for person in PEOPLE if after[person] == "canary"
    }


def test_a_new_upstream_takes_from_all_and_moves_nobody_else() -> None:
    """Whoever changes goes to the new one."""
    before = {person: drawn({"a": 1, "b": 1}, person) for person in PEOPLE}
    after = {person: drawn({"a": 1, "b": 1, "c": 1}, person) for person in PEOPLE}

    assert {after[person] for person in PEOPLE if after[person] != before[person]} == {"c"}


def test_the_same_person_is_dealt_the_same_in_every_process() -> None:
    """The hash is fixed, so that every process and every release of a year agree."""
    weights = {"main": 50, "trial": 50}

    assert [drawn(weights, f"4670000000{number}") for number in range(8)] == [
        *("trial", "trial", "main", "main"),
        *("trial", "trial", "main", "main"),
    ]


@pytest.mark.parametrize(("sticky", "legs"), [("recipient", 2), ("caller", 1)])
def test_who_sticks(sticky: str, legs: int) -> None:
    """People are spread over the upstreams each by their number; or all of a caller's messages go together."""
    split = Rule.model_validate({"name": "split", "to": {"a": 1, "b": 1}, "sticky": sticky})
    router = Router([split])

    assert len(router.plan(ASKED, SAID, PEOPLE[:100])) == legs
    callers = {router.plan(ASKED._replace(caller=f"c{at}"), SAID, ["46700000001"])[0].upstream for at in range(50)}
    assert len(callers) == (1 if sticky == "recipient" else 2)


def test_a_thousand_prefixes_are_found_by_their_lengths(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many rules ask for a beginning of the number, only those are looked at whose beginning it has."""
    rules = [rule(f"r{at}", recipient=f"46{at:04}*") for at in range(1000)]
    router = Router([*rules, EVERYTHING])
    looked: list[object] = []
    monkeypatch.setattr("gateway.router.of_recipient", lambda when, _number: looked.append(when))

    (leg,) = router.plan(ASKED, SAID, ["46099912345"])

    assert leg.rule.name == "r999"
    assert len(looked) == 1
