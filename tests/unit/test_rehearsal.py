"""The configuration's own tests: what they say when a route does not do what was meant."""

from typing import Any

import pytest
from builders import NOW
from gateways import a_document

from gateway.config import Settings
from gateway.rehearsal import failures

ROUTES = [
    {"name": "tests", "when": {"recipient": "4670000*"}, "to": "trial"},
    {"name": "night", "when": {"time": {"between": "22:00-06:00"}, "face": "soap"}, "to": "main", "hold": True},
    {"name": "alarms", "when": {"tags": "alarm", "priority": "high"}, "to": "main", "fallback": "trial"},
    {"name": "premium", "when": {"recipient": "46939*"}, "reject": 405},
    {"name": "company", "when": {"sender": "MyCompanyName"}, "to": "main"},
    {"name": "long", "when": {"sender": "LONG"}, "to": "main", "rewrite": {"prefix": "Test: "}},
    {"name": "default", "to": {"main": 1, "trial": 1}},
]


def told(given: dict[str, Any], **expect: Any) -> list[str]:
    """What one test of that configuration says."""
    upstreams = {"main": {"adapter": "sandbox"}, "trial": {"adapter": "sandbox"}}
    test = {"given": {"caller": "erp", "recipient": "46712345678"} | given, "expect": expect}
    return failures(Settings.model_validate(a_document(upstreams=upstreams, routes=ROUTES, tests=[test])), NOW)


RIGHT = [
    ("a route", {"recipient": "46700001111"}, {"route": "tests"}),
    ("a route and its upstream", {"recipient": "46700001111"}, {"route": "tests", "upstream": "trial"}),
    ("a time", {"face": "soap", "at": "2026-11-23T23:00:00+01:00"}, {"route": "night", "upstream": "main"}),
    ("another time", {"face": "soap", "at": "2026-11-23T12:00:00+01:00"}, {"route": "default"}),
    ("tags and priority", {"tags": ["x", "alarm"], "priority": "high"}, {"route": "alarms"}),
    ("a rejection", {"recipient": "46939123456"}, {"reject": 405}),
    ("the share of this number", {}, {"upstream": "main"}),
    ("the share of another number", {"recipient": "46712345670"}, {"upstream": "trial"}),
]


@pytest.mark.parametrize(("label", "given", "expect"), RIGHT, ids=[case[0] for case in RIGHT])
def test_what_comes_out_as_meant_is_silent(label: str, given: dict[str, Any], expect: dict[str, Any]) -> None:
    """A test that holds says nothing."""
    assert told(given, **expect) == []


WRONG = [
    (
        "another route",
        {},
        {"route": "tests"},
        "route default takes it, not tests, for recipient 46712345678 is not 4670000*",
    ),
    (
        "a route below",
        {"recipient": "46700001111"},
        {"route": "default"},
        "route tests takes it, not default, which is never asked",
    ),
    (
        "another upstream",
        {"recipient": "46700001111"},
        {"upstream": "main"},
        "it goes to trial by route tests, not to main",
    ),
    (
        "a face that is none",
        {"face": "soapp"},
        {"route": "default"},
        "unknown face 'soapp' (did you mean 'soap'?)",
    ),
    (
        "a text that is too long once it is rewritten",
        {"text": "x" * 2000, "sender": "LONG"},
        {"route": "long"},
        "the gateway would refuse it: The text is longer than 2000 characters",
    ),
    (
        "a sender as it is cut before routes are asked",
        {"sender": "MyCompanyName"},
        {"route": "company"},
        "route default takes it, not company, for sender MyCompanyNa is not MyCompanyName",
    ),
    ("no rejection", {}, {"reject": 405}, "it goes to main by route default, and is not rejected as 405"),
    (
        "another rejection",
        {"recipient": "46939123456"},
        {"reject": 402},
        "it goes nowhere by route premium, and is not rejected as 402",
    ),
    ("rejected", {"recipient": "46939123456"}, {"upstream": "main"}, "it goes nowhere by route premium, not to main"),
    ("no such caller", {"caller": "crm"}, {"route": "default"}, "there is no caller crm"),
    ("what nobody may send", {"text": " "}, {"route": "default"}, "the gateway would refuse it: The text is empty"),
]


@pytest.mark.parametrize(("label", "given", "expect", "sentence"), WRONG, ids=[case[0] for case in WRONG])
def test_what_comes_out_otherwise_is_told(
    label: str, given: dict[str, Any], expect: dict[str, Any], sentence: str
) -> None:
    """One sentence: what happens, what was meant, and why not."""
    assert told(given, **expect) == [f"tests.0: {sentence}"]
