"""YAML is read strictly, with the line of everything, and never quotes what may be a secret."""

import pytest

from gateway.yaml_source import MAX_BYTES, Place, parse, plain


def _same(text: str) -> str:
    return text


def _problems(text: str | bytes) -> list[str]:
    raw = text.encode() if isinstance(text, str) else text
    return [str(problem) for problem in parse(raw, "f.yaml", _same).problems]


SCALARS = [
    ("an empty scalar is nothing", "", None),
    ("a tilde is nothing", "~", None),
    ("null is nothing", "null", None),
    ("true is a boolean", "true", True),
    ("FALSE is a boolean", "FALSE", False),
    ("yes is text", "yes", "yes"),
    ("no is text", "no", "no"),
    ("on is text", "on", "on"),
    ("a number is an integer", "16", 16),
    ("a negative number is an integer", "-3", -3),
    ("a phone number is an integer", "46700001111", 46700001111),
    ("a leading zero makes text", "0700", "0700"),
    ("a time is text", "10:00", "10:00"),
    ("a date is text", "2025-10-29", "2025-10-29"),
    ("an octal is text", "0o17", "0o17"),
    ("a hexadecimal is text", "0x1f", "0x1f"),
    ("underscores make text", "1_000", "1_000"),
    ("more digits than a number has make text", "9" * 30, "9" * 30),
    ("a decimal is a float", "1.5", 1.5),
    ("an exponent is a float", "1e3", 1000.0),
    ("a float that overflows is text", "1e999", "1e999"),
    ("infinity is text", ".inf", ".inf"),
    ("a version is text", "1.2.3", "1.2.3"),
]


@pytest.mark.parametrize(("label", "text", "expected"), SCALARS, ids=[row[0] for row in SCALARS])
def test_a_plain_scalar_is_what_yaml_1_2_says(label: str, text: str, expected: object) -> None:
    """YAML 1.2's core schema (section 10.3.2), less the number forms that surprise."""
    value = plain(text)

    assert (type(value), value) == (type(expected), expected)


def test_quotes_make_text() -> None:
    """Whoever puts quotes around a value gets text."""
    document = parse(b"a: \"16\"\nb: 'true'\nc: |\n  12\n", "f.yaml", _same)

    assert document.values == {"a": "16", "b": "true", "c": "12\n"}


def test_keys_are_the_text_that_was_written() -> None:
    """A key that looks like a boolean or a number stays text."""
    assert parse(b"on: 1\n10: 2\n", "f.yaml", _same).values == {"on": 1, "10": 2}


def test_every_value_has_its_line() -> None:
    """A mapping's value has the line of its key, a list's item its own."""
    document = parse(b"version: 1\ncallers:\n  - name: erp\n    keys:\n      - x\n", "f.yaml", _same)

    assert document.places == {
        (): Place("f.yaml", 1),
        ("version",): Place("f.yaml", 1),
        ("callers",): Place("f.yaml", 2),
        ("callers", 0): Place("f.yaml", 3),
        ("callers", 0, "name"): Place("f.yaml", 3),
        ("callers", 0, "keys"): Place("f.yaml", 4),
        ("callers", 0, "keys", 0): Place("f.yaml", 5),
    }


def test_the_place_of_what_is_missing_is_the_place_around_it() -> None:
    """A missing key is told with the line of the mapping that lacks it."""
    document = parse(b"a:\n  b: {c: 1}\n", "f.yaml", _same)

    assert str(document.place(("a", "b", "d", 4))) == "f.yaml:2"


def test_aliases_repeat_what_they_name() -> None:
    """Anchors and aliases save typing."""
    document = parse(b"a: &nets [10.0.0.0/8]\nb: *nets\n", "f.yaml", _same)

    assert document.values == {"a": ["10.0.0.0/8"], "b": ["10.0.0.0/8"]}


def test_text_is_expanded_wherever_it_stands_and_nothing_else_is() -> None:
    """References are filled in inside every text, quoted or not; keys and numbers are left alone."""
    document = parse(b"a: x\nb: ['y', 5]\nx: |-\n  z\n", "f.yaml", lambda text: f"<{text}>")

    assert document.values == {"a": "<x>", "b": ["<y>", 5], "x": "<z>"}


def test_a_reference_that_fails_is_told_with_its_line_and_remembered() -> None:
    """What cannot be filled in is a problem of its line, and its value is not to be judged further."""

    def expand(text: str) -> str:
        raise ValueError("the variable X is not set")

    document = parse(b"version: 1\nlog:\n  level: abc\n", "f.yaml", expand)

    assert [str(problem) for problem in document.problems] == ["f.yaml:3: log.level: the variable X is not set"]
    assert document.unread == {("log", "level")}


REFUSED = [
    ("a list on top", "- a\n", "f.yaml:1: must be a mapping that starts with 'version: 1'"),
    ("text on top", "\nhello\n", "f.yaml:2: must be a mapping that starts with 'version: 1'"),
    ("a bracket left open", "a: [\n", "f.yaml:2: is not YAML: expected the node content, but found '<stream end>'"),
    ("a tab", "a:\n\t- b\n", "f.yaml:2: is not YAML: found character '\\t' that cannot start any token"),
    ("a second document", "a: 1\n---\nb: 2\n", "f.yaml:2: is not YAML: but found another document"),
    ("a tag", "a: !!str b\n", "f.yaml:1: tags are not used here: put quotes around a text that starts with !"),
    ("a list as a key", "a: 1\n? [b]\n: c\n", "f.yaml:2: a key must be plain text: put quotes around it"),
    ("a control character", "a: 1\nb: \x07\n", "f.yaml:2: holds a control character: remove it"),
    ("Latin-1", b"a: 1\nb: \xe5\n", "f.yaml:2: is not UTF-8: save the file as UTF-8"),
    (
        "no character",
        'a: "\\UFFFFFFFF"\n',
        "f.yaml: holds an escape of no character: look for \\U between double quotes",
    ),
    ("too much", b"#" * (MAX_BYTES + 1), "f.yaml: is larger than 1000000 bytes: move a part of it to conf.d/"),
    ("endless depth", "a: " + "[" * 5000, "f.yaml:1: is not YAML: nested deeper than 32"),
    (
        "an alias to what it stands in",
        "a: &x {b: *x}\n",
        "f.yaml:1: the aliases make this endless or too large: write the values out",
    ),
]


@pytest.mark.parametrize(("label", "text", "expected"), REFUSED, ids=[row[0] for row in REFUSED])
def test_what_is_not_read_is_refused_with_its_line(label: str, text: str | bytes, expected: str) -> None:
    """Whatever cannot be used is one sentence with the line where it stands."""
    assert _problems(text) == [expected]


def test_a_few_lines_of_aliases_do_not_fill_the_memory() -> None:
    """Ten lines that would become 9 to the power of 10 values are refused."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]

    (problem,) = _problems("\n".join(lines))

    assert problem.endswith("the aliases make this endless or too large: write the values out")


def test_a_key_given_twice_is_told_with_both_lines() -> None:
    """Neither value wins in silence, on any level."""
    assert _problems("a: 1\nb:\n  c: 1\n  c: 2\na: 2\n") == [
        "f.yaml:4: b: the key 'c' is already on line 3: keep one",
        "f.yaml:5: the key 'a' is already on line 1: keep one",
    ]


QUOTING = [
    ("a password that looks like an alias", "token: *hunter2\n"),
    ("a password that looks like an anchor", "a: &hunter2 x\nb: &hunter2 y\n"),
    ("a password that looks like a tag", "token: !hunter2 x\n"),
    ("a password that looks like a tag with a handle", "token: !hunter2!x y\n"),
    ("a password stuck to its key, twice", "{token:hunter2, token:hunter2}\n"),
    ("a password that starts with an at sign", "token: @hunter2\n"),
]


@pytest.mark.parametrize(("label", "text"), QUOTING, ids=[row[0] for row in QUOTING])
def test_no_problem_quotes_a_value(label: str, text: str) -> None:
    """A password that YAML takes for something else is refused without showing it."""
    problems = _problems(text)

    assert problems
    assert not any("hunter2" in problem for problem in problems)


def test_a_byte_order_mark_and_an_empty_file_are_read() -> None:
    """Editors write the one, and a file of comments is the other."""
    assert parse(b"\xef\xbb\xbfa: 1\n", "f.yaml", _same).values == {"a": 1}
    assert parse(b"# nothing yet\n", "f.yaml", _same).values == {}
