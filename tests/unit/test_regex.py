"""Expressions of operations on texts of strangers: what matches, what is refused, and what cannot take long."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import regex

FOUND = [
    ("a word anywhere", "hall", "Fire in hall 3", ("hall",)),
    ("groups", "hall ([0-9]+)(, now)?", "hall 3", ("hall 3", "3", None)),
    ("letter case ignored", "(?i)FIRE", "fire", ("fire",)),
    ("letters of any alphabet", "b(.)d", "båd", ("båd", "å")),
    ("an emoji", "👍", "ok 👍", ("👍",)),
    ("nothing", "x", "abc", None),
    ("the beginning alone", "^b", "ab", None),
    ("half a character is a question mark", "a.b", "a\ud800b", ("a?b",)),
    ("a group that took no part", "(a)|(b)", "b", ("b", None, "b")),
    ("NUL", "a\\x00(b)", "a\0b", ("a\0b", "b")),
    ("a dot is no line break", "a.b", "a\nb", None),
    ("the end is the end of the text alone", "a$", "a\n", None),
    ("an empty expression finds the beginning", "", "ab", ("",)),
]


@pytest.mark.parametrize(("label", "pattern", "text", "found"), FOUND, ids=[case[0] for case in FOUND])
def test_search(label: str, pattern: str, text: str, found: list[str] | None) -> None:
    """The first match with its groups."""
    assert regex.compile(pattern).search(text) == found


@pytest.mark.parametrize("pattern", ["(a", "a{2,1}", "*", r"(a)\1", "(?=a)", "[z-a]", r"\p{Nope}", "(?P<n>a"])
def test_what_cannot_be_compiled_is_told(pattern: str, capfd: pytest.CaptureFixture[str]) -> None:
    """In one sentence, with nothing written to the terminal by the engine itself."""
    with pytest.raises(ValueError, match=r"^is no regular expression of RE2: [a-zA-Z ]"):
        regex.compile(pattern)
    assert capfd.readouterr() == ("", "")


REFUSED = [
    ("a bracket that is not closed", "(a", "is no regular expression of RE2: missing )"),
    ("a look-ahead", "a(?=b)", "is no regular expression of RE2: invalid perl operator: (?="),
    ("a reference back", r"(a)\1", r"is no regular expression of RE2: invalid escape sequence: \1"),
    (
        "one that is too large",
        r"(?i)(\pL{0,900})(x)",
        "is no regular expression of RE2: pattern too large - compile failed",
    ),
    ("half a character", "\ud800", "is no regular expression of RE2: it holds half a character"),
]


@pytest.mark.parametrize(("label", "expression", "sentence"), REFUSED, ids=[case[0] for case in REFUSED])
def test_the_sentence_says_what_is_wrong(label: str, expression: str, sentence: str) -> None:
    """RE2's own words, and the part of the expression that they are about."""
    with pytest.raises(ValueError, match="RE2") as refused:
        regex.compile(expression)

    assert str(refused.value) == sentence


def test_groups_are_counted() -> None:
    """Those that are not captured do not count."""
    assert regex.compile("(a)(?:b)(c)").groups == 2


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*$", "(.*)*x", "(a?){50}a{50}"])
def test_expressions_that_explode_elsewhere_do_not_here(pattern: str) -> None:
    """Python's own engine would not come back from these; that this test ends is the proof."""
    regex.compile(pattern).search("a" * 20_000 + "b")


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.text(max_size=20), st.text(max_size=50))
def test_any_pattern_is_used_or_refused(pattern: str, text: str) -> None:
    """Whatever is written, nothing but ValueError comes out."""
    try:
        compiled = regex.compile(pattern)
    except ValueError:
        return
    found = compiled.search(text)
    assert found is None or len(found) == compiled.groups + 1
