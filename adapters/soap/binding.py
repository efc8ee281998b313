"""Ties the operations that a WSDL describes to what they mean; everything that does not fit is told at once."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from adapters.soap.description import Description, Operation
from adapters.soap.meaning import IGNORED, MEANINGS, MEANINGS_OF_NAMES, Meaning
from gateway.nearest import unknown

INTEGERS = frozenset({"int", "long", "short", "integer", "unsignedInt", "unsignedLong", "nonNegativeInteger"})
"""The types of results that are whole numbers: ids and codes are."""

_RESULTS = INTEGERS | {"string", "decimal", "double", "float"}


class Chosen(BaseModel):
    """What the configuration says of one of our operations: its name in the WSDL, and what its parameters mean."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    operation: str
    parameters: Mapping[str, str] = {}


class Bound(NamedTuple):
    """An operation of a WSDL and what it means; `meanings` goes by the names of its parameters."""

    operation: Operation
    ours: str
    meaning: Meaning
    meanings: Mapping[str, str]


class Unbindable(ValueError):
    """The WSDL and the configuration do not fit; the text is one sentence for each thing that is wrong."""


def bind(description: Description, chosen: Mapping[str, Chosen]) -> dict[str, Bound]:
    """The bound operations by their names in the WSDL. Raises Unbindable.

    An operation of the WSDL that has one of our names needs not be chosen, nor a parameter with one of ours.
    """
    described = {operation.name: operation for operation in description.operations}
    wanted = dict(chosen)
    taken = {choice.operation for choice in chosen.values()}
    for name in described.keys() & MEANINGS.keys() - chosen.keys() - taken:
        wanted[name] = Chosen(operation=name)
    problems: list[str] = []
    bound: dict[str, Bound] = {}
    for ours, choice in wanted.items():
        if ours not in MEANINGS:
            problems.append(unknown("operation", ours, MEANINGS))
        elif choice.operation not in described:
            problems.append(f"{ours}: the WSDL has no such thing: {unknown('operation', choice.operation, described)}")
        elif choice.operation in bound:
            problems.append(f"{ours}: {choice.operation} is bound to {bound[choice.operation].ours} already")
        else:
            found = _bound(described[choice.operation], ours, choice)
            problems += _objections(found, choice)
            bound[choice.operation] = found
    if problems:
        raise Unbindable("; ".join(problems))
    return bound


def _bound(operation: Operation, ours: str, choice: Chosen) -> Bound:
    meanings = {
        parameter.name: choice.parameters.get(parameter.name) or MEANINGS_OF_NAMES.get(parameter.name.lower(), "")
        for parameter in operation.parameters
    }
    return Bound(operation, ours, MEANINGS[ours], meanings)


def _objections(bound: Bound, choice: Chosen) -> Iterator[str]:
    where = f"{bound.ours} ({bound.operation.name})"
    known = (*bound.meaning.needs, *bound.meaning.takes, IGNORED)
    lists = {parameter.name for parameter in bound.operation.parameters if parameter.many}
    if bound.operation.result_type not in _RESULTS:
        yield f"{where}: it answers with a {bound.operation.result_type}: only a text or a number can be answered"
    for name in choice.parameters.keys() - bound.meanings.keys():
        yield f"{where}: {unknown('parameter', name, bound.meanings)}"
    given: list[str] = []
    for name, meaning in bound.meanings.items():
        if not meaning:
            yield f"{where}: say what {name} means, one of: {', '.join(known)}"
        elif meaning not in known:
            yield f"{where}: {name}: {unknown('meaning', meaning, known)}"
        elif meaning in given:
            yield f"{where}: two parameters mean {meaning}"
        elif name in lists and meaning not in {"recipients", IGNORED}:
            yield f"{where}: {name} is a list: it can only mean recipients or {IGNORED}"
        elif meaning != IGNORED:
            given.append(meaning)
    missing = [need for need in bound.meaning.needs if need not in given]
    if missing:
        yield f"{where}: no parameter means {' or '.join(missing)}"
