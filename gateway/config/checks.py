"""What no section can tell alone: names that must exist, names that must differ, routes that must be reached."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from gateway import registry
from gateway.config.routes import Rule
from gateway.config.sections import Caller
from gateway.config.shadows import covers
from gateway.nearest import shown, unknown
from gateway.yaml_source import Where


@dataclass(frozen=True, slots=True)
class Objection:
    """What is wrong with a value, and the other value it clashes with."""

    where: Where
    sentence: str
    other: Where | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What is known of a configuration: sections by position, so that some may be missing."""

    callers: Mapping[int, Caller]
    rules: Mapping[int, Rule]
    caller_names: Collection[str]
    upstream_names: Collection[str]
    rule_count: int


def objections(parts: Parts) -> Iterator[Objection]:
    """Everything that is wrong between the sections."""
    yield from _twice("name", ((("callers", at, "name"), caller.name) for at, caller in parts.callers.items()))
    yield from _twice("name", ((("routes", at, "name"), rule.name) for at, rule in parts.rules.items()))
    yield from _twice(None, _hashes(parts.callers))
    yield from _shared(parts.callers)
    yield from _unknown(parts)
    yield from _order(parts)


def _hashes(callers: Mapping[int, Caller]) -> Iterator[tuple[Where, str]]:
    for at, caller in callers.items():
        for position, key in enumerate(caller.keys):
            yield ("callers", at, "keys", position), key.hash


def _shared(callers: Mapping[int, Caller]) -> Iterator[Objection]:
    """An account that is passed through is nobody else's: whose request it is, nothing but the account tells."""
    for at, caller in callers.items():
        others = [other for other in callers if other != at and callers[other].account == caller.account]
        if caller.passthrough and others:
            sentence = f"{shown(callers[others[0]].name)} has it too: an account that is passed through is one caller's"
            yield Objection(("callers", at, "account"), sentence, ("callers", others[0], "account"))


def _twice(kind: str | None, named: Iterable[tuple[Where, str]]) -> Iterator[Objection]:
    first: dict[str, Where] = {}
    for where, value in named:
        other = first.setdefault(value, where)
        if other is not where:
            what = (
                f"the {kind} {shown(value)} is taken" if kind else "this key is already in use: a key names one caller"
            )
            yield Objection(where, what, other)


def _unknown(parts: Parts) -> Iterator[Objection]:
    asked: list[tuple[Where, str, Iterable[str]]] = [
        (("callers", at, "faces"), "face", caller.faces or ()) for at, caller in parts.callers.items()
    ]
    for at, rule in parts.rules.items():
        asked.append((("routes", at, "when", "face"), "face", sorted(rule.when.face)))
        asked.append((("routes", at, "when", "caller"), "caller", sorted(rule.when.caller)))
        asked.append((("routes", at, "to"), "upstream", rule.to or ()))
        asked.append((("routes", at, "fallback"), "upstream", rule.fallback))
    choices = {"caller": parts.caller_names, "upstream": parts.upstream_names}
    if any(names for _, kind, names in asked if kind == "face"):
        # Only now: finding the faces imports every adapter.
        choices["face"] = [adapter.name for adapter in registry.faces()]
    if not parts.upstream_names:
        # That there are none is told already, once instead of for each route.
        del choices["upstream"]
    for where, kind, names in asked:
        for name in names:
            if kind in choices and name not in choices[kind]:
                yield Objection(where, unknown(kind, name, choices[kind]))


def _order(parts: Parts) -> Iterator[Objection]:
    last = parts.rule_count - 1
    default = min((at for at, rule in parts.rules.items() if rule.when.everything), default=None)
    if default is None and last in parts.rules:
        yield Objection(("routes", last), "no default route: end with a route without 'when', for what no other takes")
    for at in range(parts.rule_count):
        if default is not None and at > default:
            name = shown(parts.rules[default].name)
            yield Objection(("routes", at), f"is never reached: move it above {name}, which takes everything")
        elif at in parts.rules:
            yield from _shadow(parts.rules, at)


def _shadow(rules: Mapping[int, Rule], at: int) -> Iterator[Objection]:
    when = rules[at].when
    above = next((other for other in range(at) if other in rules and covers(rules[other].when, when)), None)
    if above is not None:
        sentence = f"is never reached: {shown(rules[above].name)} above it takes all of its messages"
        yield Objection(("routes", at), sentence, ("routes", above))
