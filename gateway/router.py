"""Which way a message goes: by the first rule that takes it, to that one of its upstreams that is its own. Pure."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from gateway.conditions import Question, Said, any_of, beginnings, objection, of_question, of_recipient, of_said
from gateway.config import Rule


class Leg(NamedTuple):
    """The recipients (offsets, in order) that one rule sends to one upstream; None where it rejects them."""

    rule: Rule
    upstream: str | None
    offsets: range | tuple[int, ...]


class Router:
    """The rules in the order of the configuration, which ends with one that takes everything."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = tuple(rules)
        self._senders = frozenset[str]().union(*(rule.when.sender for rule in rules))
        # The same callers ask the same question all day; what is left to be decided for each message is remembered.
        self._left = lru_cache(maxsize=1024)(self._remaining)

    def plan(self, question: Question, said: Said, recipients: Sequence[str]) -> list[Leg]:
        """Send every recipient its way; most batches go whole, without looking at each number."""
        if question.sender not in self._senders:
            # Clients write it: remembered are those alone that a rule names.
            question = Question(question.face, question.caller, question.account, "")
        left = self._left(question)
        only = left.rules[0]
        if len(left.rules) == 1 and (only.to is None or len(only.to) == 1):
            return [Leg(only, _single(only), range(len(recipients)))]
        takes: dict[int, bool] = {}
        found: dict[tuple[str, str | None], tuple[Rule, list[int]]] = {}
        for offset, recipient in enumerate(recipients):
            rule = left.first(recipient, said, takes)
            upstream = share(rule, question.caller, recipient)
            found.setdefault((rule.name, upstream), (rule, []))[1].append(offset)
        return [Leg(rule, upstream, tuple(offsets)) for (_, upstream), (rule, offsets) in found.items()]

    def _remaining(self, question: Question) -> "_Remaining":
        rules: list[Rule] = []
        for rule in self._rules:
            if of_question(rule.when, question) is None:
                rules.append(rule)
                if not (rule.when.of_recipient or rule.when.of_content):
                    break  # it takes the rest, so those below it are never asked
        return _Remaining(rules)

    def explain(self, question: Question, said: Said, recipient: str) -> list[tuple[Rule, str | None]]:
        """Every rule that is tried, with the reason why it does not match; the last one (None) does."""
        tried: list[tuple[Rule, str | None]] = []
        for rule in self._rules:
            reason = objection(rule, question, said, recipient)
            tried.append((rule, reason))
            if reason is None:
                break
        return tried


class _Alike(NamedTuple):
    """The rules (positions, in order) whose numbers begin alike, and a quick look whether any of them takes a number.

    None where the beginning says it all.
    """

    positions: list[int]
    look: Callable[[str], object] | None


class _Remaining:
    """The rules that a caller's messages may meet, found by the beginning of the number where that is what they ask.

    A thousand rules for a thousand beginnings cost as much as the lengths that these beginnings have, and those that
    begin alike are asked one by one only where one of them takes the number.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        self._tagged: list[int] = []
        self._others: list[int] = []
        alike: dict[str, tuple[list[int], list[str]]] = {}
        for position, rule in enumerate(rules):
            found = beginnings(rule.when)
            for beginning, pattern in found:
                positions, patterns = alike.setdefault(beginning, ([], []))
                patterns.append(pattern)
                if positions[-1:] != [position]:
                    positions.append(position)
            if not found:
                (self._tagged if rule.when.tags else self._others).append(position)
        self._alike = {
            beginning: _Alike(positions, any_of(patterns)) for beginning, (positions, patterns) in alike.items()
        }
        self._lengths = sorted({len(beginning) for beginning in alike})

    def first(self, recipient: str, said: Said, takes: dict[int, bool]) -> Rule:
        """The first rule that takes a number. `takes` remembers what the rules say of the batch."""
        candidates = self._others + self._tagged if said.content.tags else self._others
        for length in self._lengths:
            found = self._alike.get(recipient[:length])
            if found is not None and (found.look is None or found.look(recipient)):
                candidates = candidates + found.positions
        for position in candidates if candidates is self._others else sorted(candidates):
            when = self.rules[position].when
            if position not in takes:
                takes[position] = not when.of_content or of_said(when, said) is None
            if takes[position] and (not when.of_recipient or of_recipient(when, recipient) is None):
                return self.rules[position]
        raise LookupError("no rule takes the message, though the configuration ends with one that takes everything")


def _single(rule: Rule) -> str | None:
    return None if rule.to is None else next(iter(rule.to))


def share(rule: Rule, caller: str, recipient: str) -> str | None:
    """The upstream that is the recipient's, or the caller's, among those of a rule; None where it rejects."""
    if rule.to is None or len(rule.to) == 1:
        return _single(rule)
    return drawn(rule.to, recipient if rule.sticky == "recipient" else caller)


def drawn(weights: Mapping[str, int], whom: str) -> str:
    """The upstream that somebody is dealt, always the same one; each gets as many of all as its weight says.

    Each upstream draws a number for each person and the best one wins (weighted rendezvous hashing): where a weight
    changes, people move to the upstream that gained or away from the one that lost, and nobody else moves.
    """
    best, winner = -math.inf, ""
    for upstream, weight in weights.items():
        digest = blake2b(f"{upstream}\0{whom}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
        # Between 0 and 1, never 0 or 1 itself: a float holds 53 bits.
        drew = ((int.from_bytes(digest, "big") >> 12) + 0.5) / 2**52
        score = weight / -math.log(drew) if weight else -math.inf
        if score > best:
            best, winner = score, upstream
    return winner
