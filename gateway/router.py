"""Which upstream a message goes to: the first rule that matches. Pure."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from gateway.config import Rule


class Question(NamedTuple):
    """What a rule may ask of a batch; its recipients are asked one by one."""

    face: str
    caller: str
    sender: str


class Leg(NamedTuple):
    """The recipients (offsets, in order) that one rule sends one way."""

    rule: Rule
    offsets: range | tuple[int, ...]


class Router:
    """The rules in the order of the configuration, which ends with one that takes everything."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = tuple(rules)
        # The same callers ask the same question all day; what is left for the recipients to decide is remembered.
        self._left = lru_cache(maxsize=1024)(self._remaining)

    def plan(self, question: Question, recipients: Sequence[str]) -> list[Leg]:
        """Send every recipient its way; most batches go whole, without looking at each number."""
        rules = self._left(question)
        if not rules[0].when.recipient:
            return [Leg(rules[0], range(len(recipients)))]
        found: dict[str, tuple[Rule, list[int]]] = {}
        for offset, recipient in enumerate(recipients):
            rule = next(rule for rule in rules if _takes(rule, recipient))
            found.setdefault(rule.name, (rule, []))[1].append(offset)
        return [Leg(rule, tuple(offsets)) for rule, offsets in found.values()]

    def _remaining(self, question: Question) -> list[Rule]:
        return [rule for rule in self._rules if _objection(rule, question) is None]

    def explain(self, question: Question, recipient: str) -> list[tuple[Rule, str | None]]:
        """Every rule that is tried, with the reason why it does not match; the last one (None) does."""
        tried: list[tuple[Rule, str | None]] = []
        for rule in self._rules:
            reason = _objection(rule, question)
            if reason is None and not _takes(rule, recipient):
                reason = f"recipient {recipient} is not {' or '.join(rule.when.recipient)}"
            tried.append((rule, reason))
            if reason is None:
                break
        return tried


def _objection(rule: Rule, question: Question) -> str | None:
    when = rule.when
    for name, wanted, given in (
        ("face", when.face, question.face),
        ("caller", when.caller, question.caller),
        ("sender", when.sender, question.sender),
    ):
        if wanted and given not in wanted:
            return f"{name} {given} is not {' or '.join(sorted(wanted))}"
    return None


def _takes(rule: Rule, recipient: str) -> bool:
    patterns = rule.when.recipient
    return not patterns or any(
        recipient.startswith(pattern[:-1]) if pattern.endswith("*") else recipient == pattern for pattern in patterns
    )
