"""Which data coding a text needs and how many SMS it becomes, by 3GPP TS 23.038 and TS 23.040."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.model import DataCoding
from gateway.text import BASIC, EXTENSION, choose, fits_gsm, length, placeholders, render, segments

GSM, UCS = DataCoding.GSM, DataCoding.UCS

# TS 23.038 section 6.2.1, sixteen positions a row, as Unicode code points; 001B is the escape.
DEFAULT_ALPHABET = """
0040 00A3 0024 00A5 00E8 00E9 00F9 00EC 00F2 00C7 000A 00D8 00F8 000D 00C5 00E5
0394 005F 03A6 0393 039B 03A9 03A0 03A8 03A3 0398 039E 001B 00C6 00E6 00DF 00C9
0020 0021 0022 0023 00A4 0025 0026 0027 0028 0029 002A 002B 002C 002D 002E 002F
0030 0031 0032 0033 0034 0035 0036 0037 0038 0039 003A 003B 003C 003D 003E 003F
00A1 0041 0042 0043 0044 0045 0046 0047 0048 0049 004A 004B 004C 004D 004E 004F
0050 0051 0052 0053 0054 0055 0056 0057 0058 0059 005A 00C4 00D6 00D1 00DC 00A7
00BF 0061 0062 0063 0064 0065 0066 0067 0068 0069 006A 006B 006C 006D 006E 006F
0070 0071 0072 0073 0074 0075 0076 0077 0078 0079 007A 00E4 00F6 00F1 00FC 00E0
"""
EXTENSION_TABLE = "000C 005E 007B 007D 005C 005B 007E 005D 007C 20AC"


def characters(table: str) -> str:
    """The characters of a table of code points, without the escape."""
    return "".join(chr(int(point, 16)) for point in table.split() if point != "001B")


OUTSIDE = [
    ("a small c with cedilla (only the capital is in)", "ç"),
    ("a backtick", "`"),
    ("a tab", "\t"),
    ("the escape itself", "\x1b"),
    ("a small Greek letter", "\u03b1"),
    ("an a with acute", "á"),
    ("the Ångström sign, which looks like Å", "\u212b"),
    ("the Ohm sign, which looks like Ω", "\u2126"),
    ("a typographic apostrophe", "\u2019"),
    ("a no-break space", "\u00a0"),
    ("an emoji", "😀"),
    ("NUL", "\0"),
]

LENGTHS = [
    ("an empty text is one SMS", "", GSM, 0, 1),
    ("160 septets fill one SMS", "a" * 160, GSM, 160, 1),
    ("the 161st septet makes two", "a" * 161, GSM, 161, 2),
    ("two parts hold 153 each", "a" * 306, GSM, 306, 2),
    ("the 307th makes three", "a" * 307, GSM, 307, 3),
    ("a newline is one septet", "\n" * 160, GSM, 160, 1),
    ("an extension character counts two and still fits", "a" * 158 + "€", GSM, 160, 1),
    ("an extension character counts two and is too much", "a" * 159 + "€", GSM, 161, 2),
    ("80 euro signs fill one SMS", "€" * 80, GSM, 160, 1),
    ("81 euro signs make two", "€" * 81, GSM, 162, 2),
    ("a part holds 76 whole euro signs, so 152 fill two parts", "€" * 152, GSM, 304, 2),
    ("the 153rd euro sign opens a third part though 306 septets were free", "€" * 153, GSM, 306, 3),
    ("an extension character ends a part exactly", "a" * 151 + "€" + "a" * 153, GSM, 306, 2),
    ("an extension character at the border moves whole to the next part", "a" * 152 + "€" + "a" * 152, GSM, 306, 3),
    ("an empty UCS-2 text is one SMS", "", UCS, 0, 1),
    ("70 units fill one SMS", "š" * 70, UCS, 70, 1),
    ("the 71st unit makes two", "š" * 71, UCS, 71, 2),
    ("two parts hold 67 each", "š" * 134, UCS, 134, 2),
    ("the 135th makes three", "š" * 135, UCS, 135, 3),
    ("35 emoji fill one SMS", "😀" * 35, UCS, 70, 1),
    ("36 emoji make two", "😀" * 36, UCS, 72, 2),
    ("a part holds 33 whole emoji, so the 67th opens a third", "😀" * 67, UCS, 134, 3),
    ("an emoji ends a part exactly", "š" * 65 + "😀" + "š" * 67, UCS, 134, 2),
    ("an emoji at the border moves whole to the next part", "š" * 66 + "😀" + "š" * 66, UCS, 134, 3),
    ("the last character of one unit is no pair", "\uffff" * 134, UCS, 134, 2),
    ("the first character of two units is one", "\U00010000" * 67, UCS, 134, 3),
    ("a GSM text may be sent as UCS-2", "a" * 71, UCS, 71, 2),
    ("an extension character is one unit in UCS-2", "€" * 70, UCS, 70, 1),
]

CHOICES = [
    ("plain text goes as GSM", "Hej på dig", None, GSM),
    ("the extension table is still GSM", "[5 €]", None, GSM),
    ("one character outside makes it UCS-2", "5 € ✓", None, UCS),
    ("an empty text goes as GSM", "", None, GSM),
    ("a caller may ask for GSM", "Hej", GSM, GSM),
    ("a caller's GSM gives way where it cannot hold the text", "Hej 😀", GSM, UCS),
    ("a caller may ask for UCS-2 though GSM would do", "Hej", UCS, UCS),
    ("a caller's UCS-2 holds everything", "Hej 😀", UCS, UCS),
]

RENDERED = [
    ("the recipient's own argument", "Hi {name}", {"name": "Ann"}, {}, "Hi Ann"),
    ("its own before the default", "Hi {name}", {"name": "Ann"}, {"name": "you"}, "Hi Ann"),
    ("the default where it has none", "Hi {name}", {"other": "x"}, {"name": "you"}, "Hi you"),
    ("nothing where neither is known", "Hi {name}!", {}, {}, "Hi !"),
    ("an argument of its own may be empty", "Hi {name}!", {"name": ""}, {"name": "you"}, "Hi !"),
    ("names are case-sensitive", "{Name}{name}", {"name": "Ann"}, {}, "Ann"),
    ("a name may stand several times", "{a}{b}{a}", {"a": "1", "b": "2"}, {}, "121"),
    ("an argument is not read as a template again", "{a}", {"a": "{b}", "b": "no"}, {}, "{b}"),
    ("names may hold letters of any language", "{förnamn}", {"förnamn": "Åsa"}, {}, "Åsa"),
    ("brackets that hold no name stay", "{} { a } {a b} {", {"a": "1"}, {}, "{} { a } {a b} {"),
    ("a backslash is only a backslash", "{a}", {"a": r"\1\g<0>"}, {}, r"\1\g<0>"),
    ("doubled brackets lose the inner pair", "{{a}}", {"a": "1"}, {}, "{1}"),
]

gsm_text = st.lists(
    st.tuples(st.sampled_from(characters(DEFAULT_ALPHABET + EXTENSION_TABLE)), st.integers(1, 160)), max_size=8
).map(lambda runs: "".join(char * times for char, times in runs))
any_text = st.lists(st.tuples(st.characters(exclude_categories=()), st.integers(1, 75)), max_size=8).map(
    lambda runs: "".join(char * times for char, times in runs)
)


def naive_parts(pieces: list[list[int]], single: int, part: int) -> int:
    """Count parts the slow way: lay units (a list for each character) into parts, never cutting a character."""
    if sum(len(piece) for piece in pieces) <= single:
        return 1
    parts: list[list[int]] = [[]]
    for piece in pieces:
        if len(parts[-1] + piece) > part:
            parts.append([])
        parts[-1] += piece
    return len(parts)


def test_the_default_alphabet_is_the_standards() -> None:
    """127 characters in the order of TS 23.038, none doubled; the 128th position is the escape."""
    assert characters(DEFAULT_ALPHABET) == BASIC
    assert len(set(BASIC)) == len(BASIC) == 127


def test_the_extension_table_is_the_standards() -> None:
    """Ten characters, none of which is in the default alphabet."""
    assert characters(EXTENSION_TABLE) == EXTENSION
    assert len(set(EXTENSION) - set(BASIC)) == 10


def test_every_gsm_character_fits_and_costs_what_it_costs() -> None:
    """A character of the default alphabet is one septet, one of the extension table two."""
    assert fits_gsm(BASIC + EXTENSION)
    assert {length(char, GSM) for char in BASIC} == {1}
    assert {length(char, GSM) for char in EXTENSION} == {2}


@pytest.mark.parametrize(("label", "char"), OUTSIDE, ids=[case[0] for case in OUTSIDE])
def test_what_looks_like_gsm_and_is_not(label: str, char: str) -> None:
    """One such character anywhere in a text is enough to leave GSM."""
    assert not fits_gsm(char)
    assert not fits_gsm(f"before{char}after")


@pytest.mark.parametrize(("label", "text", "coding", "units", "parts"), LENGTHS, ids=[case[0] for case in LENGTHS])
def test_length_and_segments(label: str, text: str, coding: DataCoding, units: int, parts: int) -> None:
    """160 septets or 70 UTF-16 units in one SMS, 153 or 67 in each part of several."""
    assert units == length(text, coding)
    assert parts == segments(text, coding)


@settings(deadline=None)
@given(gsm_text)
def test_gsm_segments_agree_with_a_naive_count(text: str) -> None:
    """Whatever the text, the fast count equals laying septets into parts one by one."""
    escaped = set(characters(EXTENSION_TABLE))
    pieces = [[27, 0] if char in escaped else [0] for char in text]

    assert naive_parts(pieces, 160, 153) == segments(text, GSM)


@settings(deadline=None)
@given(any_text)
def test_ucs_segments_agree_with_a_naive_count(text: str) -> None:
    """Whatever the text, half surrogate pairs included, the count equals laying UTF-16 units into parts one by one."""
    pieces = [[0] * (len(char.encode("utf-16-be", "surrogatepass")) // 2) for char in text]

    assert naive_parts(pieces, 70, 67) == segments(text, UCS)


@pytest.mark.parametrize(("label", "text", "wanted", "coding"), CHOICES, ids=[case[0] for case in CHOICES])
def test_choose(label: str, text: str, wanted: DataCoding | None, coding: DataCoding) -> None:
    """The caller's wish is kept unless it would lose characters; GSM is the default because it is cheaper."""
    assert coding is choose(text, wanted)


@pytest.mark.parametrize(("label", "body", "params", "defaults", "text"), RENDERED, ids=[case[0] for case in RENDERED])
def test_render(label: str, body: str, params: dict[str, str], defaults: dict[str, str], text: str) -> None:
    """A recipient's own argument, else the default, else nothing (the provider's templating rules)."""
    assert text == render(body, params, defaults)


def test_placeholders_names_each_argument_once() -> None:
    """The arguments a body uses, told apart by case; brackets around anything but a name are text."""
    assert placeholders("{a} {b} {a} {A} { c } {} {d e} d") == {"a", "b", "A"}
    assert placeholders("no arguments") == frozenset()
