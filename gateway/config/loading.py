"""From sources to settings, or to every problem at once."""

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from gateway import registry
from gateway.config.checks import Parts
from gateway.config.problems import sentences
from gateway.config.routes import Rewriting, Rule, TextCondition, TimeCondition, When
from gateway.config.sections import (
    Callbacks,
    Caller,
    FaceSettings,
    Key,
    Listen,
    Log,
    Retention,
    Retry,
    Sealing,
    Tls,
    UpstreamSettings,
)
from gateway.config.settings import Settings, refuse
from gateway.config.sources import collect
from gateway.config.trials import Expected, Given, Trial
from gateway.errors import ConfigError
from gateway.yaml_source import Document, Problem, Where

_Part = TypeVar("_Part", Caller, Rule)

_ANY = "*"

SECTIONS: dict[Where, type[BaseModel]] = {
    (): Settings,
    ("listen",): Listen,
    ("listen", "tls"): Tls,
    ("callers", _ANY): Caller,
    ("callers", _ANY, "keys", _ANY): Key,
    ("upstreams", _ANY): UpstreamSettings,
    ("upstreams", _ANY, "retry"): Retry,
    ("routes", _ANY): Rule,
    ("routes", _ANY, "when"): When,
    ("routes", _ANY, "when", "text"): TextCondition,
    ("routes", _ANY, "when", "time"): TimeCondition,
    ("routes", _ANY, "rewrite"): Rewriting,
    ("routes", _ANY, "quiet"): TimeCondition,
    ("tests", _ANY): Trial,
    ("tests", _ANY, "given"): Given,
    ("tests", _ANY, "expect"): Expected,
    ("faces", _ANY): FaceSettings,
    ("callbacks",): Callbacks,
    ("retention",): Retention,
    ("log",): Log,
    ("sealing",): Sealing,
}
"""Which section stands where; `*` is any name or list position."""

_HIDDEN = frozenset((section, _ANY, field) for section in ("upstreams", "faces") for field in ("name", "options"))
"""Fields that nobody writes: the name is the section's key, and options stand beside the other keys."""


def load(path: Path, environ: Mapping[str, str], *, overrides: Mapping[str, str] | None = None) -> Settings:
    """The settings that a file, its conf.d, the environment and `overrides` (dotted path to value) say together.

    Raises ConfigError with every problem there is.
    """
    document = collect(path, environ, overrides or {}, scalars())
    # Where a file could not be read, what seems to be missing may well stand in it.
    settings, problems = (None, []) if document.failed else _validate(document)
    problems = document.problems + problems
    if settings is None or problems:
        raise ConfigError([str(problem) for problem in _in_reading_order(problems)])
    return settings


def scalars() -> tuple[Where, ...]:
    """The settings that the environment and the command line may set."""
    sections: dict[str, type[BaseModel]] = {"listen": Listen, "callbacks": Callbacks, "log": Log}
    return (
        ("store",),
        *(
            (section, name)
            for section, model in sections.items()
            for name, field in model.model_fields.items()
            if get_origin(field.annotation) is not tuple and Tls not in get_args(field.annotation)
        ),
    )


def _validate(document: Document) -> tuple[Settings | None, list[Problem]]:
    def keys_at(where: Where) -> Collection[str]:
        return _keys(where, document.values)

    try:
        return Settings.model_validate(document.values), []
    except ValidationError as error:
        problems = list(sentences(error, document, keys_at))
        told = {(problem.where, problem.sentence) for problem in problems}
    # Names are checked once all sections are sound. Where one is not, the others are checked without it.
    try:
        refuse(_sound_parts(document.values))
    except ValidationError as error:
        more = sentences(error, document, keys_at)
        problems += (problem for problem in more if (problem.where, problem.sentence) not in told)
    return None, problems


def _sound_parts(values: Mapping[str, object]) -> Parts:
    callers, rules = values.get("callers"), values.get("routes")
    return Parts(
        callers=dict(_sound(Caller.model_validate, callers)),
        rules=dict(_sound(Rule.model_validate, rules)),
        caller_names=[str(raw["name"]) for raw in _items(callers) if isinstance(raw, dict) and "name" in raw],
        upstream_names=[*upstreams] if isinstance(upstreams := values.get("upstreams"), dict) else [],
        rule_count=len(_items(rules)),
    )


def _items(raw: object) -> list[Any]:
    return raw if isinstance(raw, list) else []


def _sound(read: Callable[[object], _Part], raw: object) -> Iterator[tuple[int, _Part]]:
    for at, item in enumerate(_items(raw)):
        try:
            yield at, read(item)
        except ValidationError:
            continue


def _keys(where: Where, values: Mapping[str, Any]) -> Collection[str]:
    pattern = next((pattern for pattern in SECTIONS if _fits(pattern, where)), None)
    if pattern is None:
        return ()
    model = SECTIONS[pattern]
    keys = {name for name in model.model_fields if (*pattern, name) not in _HIDDEN}
    if model is UpstreamSettings:
        # Keys are looked into only where the adapter is known.
        options = registry.load(values["upstreams"][where[1]]["adapter"]).options
        keys |= set(options.model_fields) if options else set()
    if model is FaceSettings:
        options = registry.load(str(where[1])).face_options
        keys |= set(options.model_fields) if options else set()
    return keys


def _fits(pattern: Where, where: Where) -> bool:
    return len(pattern) == len(where) and all(
        part in (_ANY, actual) for part, actual in zip(pattern, where, strict=True)
    )


def _in_reading_order(problems: list[Problem]) -> list[Problem]:
    sources = list(dict.fromkeys(problem.place.source for problem in problems))
    return sorted(problems, key=lambda problem: (sources.index(problem.place.source), problem.place.line))
