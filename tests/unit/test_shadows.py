"""A rule that can never take a message is told; one of which that cannot be told is not."""

import pytest

from gateway.config import When
from gateway.config.shadows import covers

CASES = [
    ("a narrower prefix", {"recipient": "467*"}, {"recipient": "4670*"}, True),
    ("a wider prefix", {"recipient": "467*"}, {"recipient": "46*"}, False),
    ("a whole number within a prefix", {"recipient": "467*"}, {"recipient": "46701234567"}, True),
    ("one number of two outside", {"recipient": "467*"}, {"recipient": ["4670*", "4680*"]}, False),
    ("all of several", {"recipient": ["467*", "468*"]}, {"recipient": ["4670*", "4680*"]}, True),
    ("one thing more", {"caller": "erp"}, {"caller": "erp", "sender": "x"}, True),
    ("one thing less", {"caller": "erp", "sender": "x"}, {"caller": "erp"}, False),
    ("one of its names", {"sender": ["x", "y"]}, {"sender": "x"}, True),
    ("a name more", {"sender": ["x", "y"]}, {"sender": ["x", "z"]}, False),
    ("numbers of its country", {"country": 46}, {"recipient": "4670*"}, True),
    ("numbers of another country", {"country": 46}, {"recipient": "4770*"}, False),
    ("a country of several", {"country": [46, 47]}, {"country": 47}, True),
    ("a country, where a prefix was asked", {"recipient": "46*"}, {"country": 46}, False),
    ("the same words", {"text": {"matches": "a"}}, {"text": {"matches": "a"}, "face": "soap"}, True),
    ("other words", {"text": {"matches": "a"}}, {"text": {"matches": "ab"}}, False),
    ("any time", {"face": "soap"}, {"face": "soap", "time": {"days": "mon"}}, True),
    ("the same time", {"time": {"days": "mon"}}, {"time": {"days": "mon"}}, True),
    ("another time", {"time": {"days": "mon"}}, {"time": {"days": "tue"}}, False),
    ("the same pattern", {"recipient": "46?0*"}, {"recipient": "46?0*"}, True),
    ("a pattern that nobody can tell", {"recipient": "46?0*"}, {"recipient": "4670*"}, False),
    ("a tag of several", {"tags": ["a", "b"]}, {"tags": "a"}, True),
    ("another priority", {"priority": "high"}, {"priority": "normal"}, False),
]


@pytest.mark.parametrize(("label", "above", "below", "shadowed"), CASES, ids=[case[0] for case in CASES])
def test_a_rule_in_the_shadow_of_another(
    label: str, above: dict[str, object], below: dict[str, object], *, shadowed: bool
) -> None:
    """Whatever the lower one asks for, the upper one takes already: only then it is never reached."""
    assert covers(When.model_validate(above), When.model_validate(below)) is shadowed


def test_everything_covers_everything() -> None:
    """A rule without conditions takes all."""
    assert covers(When(), When())
    assert covers(When(), When.model_validate({"text": {"length": 1}}))
    assert not covers(When.model_validate({"face": "soap"}), When())
