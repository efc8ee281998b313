"""What validation found, told in our sentences: with a line, with what to do, and without what was written."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from gateway.nearest import unknown
from gateway.yaml_source import Document, Problem, Where

KeysAt = Callable[[Where], Collection[str]]
"""The keys that may stand in the section at a place."""

_WHOLE = "must be a whole number"
_NUMBER = "must be a number"
_BOOLEAN = "must be true or false"
_LIST = "must be a list"
_MAPPING = "must be a mapping of keys to values"

# Sentences by pydantic's error types; the braces are filled from the error's context, which holds bounds only.
_SENTENCES = {
    "missing": "is missing",
    "string_type": "must be text: put it in quotes",
    "string_too_short": "is too short: at least {min_length} characters",
    "string_too_long": "is too long: at most {max_length} characters",
    "string_pattern_mismatch": "must look like {pattern}",
    "string_unicode": "must be text without lone surrogates",
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": _WHOLE,
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": _NUMBER,
    "bool_type": _BOOLEAN,
    "bool_parsing": _BOOLEAN,
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "too_short": "is too short: at least {min_length}",
    "too_long": "is too long: at most {max_length}",
    "tuple_type": _LIST,
    "list_type": _LIST,
    "frozen_set_type": _LIST,
    "set_type": _LIST,
    "dict_type": _MAPPING,
    "mapping_type": _MAPPING,
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "is_instance_of": "is not of a form that is read here",
}

_EMPTY = "is empty: give it a value, or remove the key"


def sentences(error: ValidationError, document: Document, keys_at: KeysAt) -> Iterator[Problem]:
    """One problem for each error, less those of values that could not be filled in: they are told already."""
    for detail in error.errors(include_url=False, include_input=True):
        where = _where(detail["loc"])
        if any(where[:length] in document.unread for length in range(1, len(where) + 1)):
            continue
        if detail["type"] == "extra_forbidden":
            yield _unknown_key(where, document, keys_at)
        else:
            yield Problem(document.place(where), where, _sentence(detail, where, document))


def _where(loc: Where) -> Where:
    """The place in the file: the options of an adapter stand beside the other keys of their section."""
    match loc:
        case ("upstreams" | "faces" as section, name, "options", *rest):
            return (section, name, *rest)
        case ("faces", name, "name"):
            return ("faces", name)
    return loc


def _unknown_key(where: Where, document: Document, keys_at: KeysAt) -> Problem:
    *parent, key = where
    within = tuple(parent)
    sentence = unknown("key", str(key), keys_at(within), secret="keys" in within)
    if ":" in str(key):
        sentence = "a blank is missing between a key, its colon and the value"
    return Problem(document.place(where), within, sentence)


def _sentence(detail: Mapping[str, Any], where: Where, document: Document) -> str:
    context = detail.get("ctx", {})
    if detail["type"] == "objection":
        other = context["other"]
        return f"{context['sentence']} (see {document.place(other)})" if other else str(context["sentence"])
    if detail["input"] is None and where in document.places:
        return _EMPTY
    known = _SENTENCES.get(detail["type"])
    if known:
        return known.format_map(context)
    told = str(context["error"]) if detail["type"] == "value_error" else str(detail["msg"])
    if "options" not in detail["loc"] or detail["loc"][0] == "faces":
        return told
    # An upstream's own validator may have quoted a secret that it was given.
    return "is not accepted" if any(text in told for text in _texts(detail["input"])) else told


def _texts(value: object) -> Iterator[str]:
    """Every text that a value holds, as it may turn up in a sentence."""
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _texts(inner)
    elif value not in (None, ""):
        yield from (str(value), repr(str(value))[1:-1])
