"""Public ids: the provider's shape (24 lowercase hex digits), derived from a row's key."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.ids import FIRST_NUMBER, LAST_NUMBER, Kind, key_of, number_of, public_id
from gateway.translator import LegacyCode

CREATED = 1_540_316_599_123
ID = "5bcf5db7ba000000000003e9"

NO_IDS = [
    ("empty", ""),
    ("23 digits", ID[:-1]),
    ("25 digits", ID + "0"),
    ("a letter beyond f", "g" + ID[1:]),
    ("a newline at the end", ID + "\n"),
    ("a blank in front", " " + ID[1:]),
    ("a hyphen", ID[:8] + "-" + ID[9:]),
    ("0x in front", "0x" + ID[2:]),
    ("Arabic-Indic digits", "\u0660" * 24),
    ("full-width digits", "\uff15" + ID[1:]),
    ("a Kelvin sign, whose lower case is a plain k", "\u212a" + ID[1:]),
    ("half a surrogate pair", "\ud800" + ID[1:]),
    ("NUL", "\0" + ID[1:]),
    ("a minus sign where int() would take it", ID[:10] + "-" + ID[11:]),
    ("an underscore where int() would take it", ID[:12] + "_" + ID[13:]),
    ("a very long text", "a" * 100_000),
]


def test_an_id_is_seconds_kind_and_key() -> None:
    """4 bytes seconds of creation, 1 byte kind, 7 bytes key: the id of batch 1001 made 2018-10-23T17:43:19.123Z."""
    assert public_id(Kind.BATCH, CREATED, 1001) == ID
    assert int(ID[:8], 16) == 1_540_316_599


@settings(deadline=None)
@given(st.sampled_from(Kind), st.integers(0, 2**32 * 1000 - 1), st.integers(0, 2**56 - 1))
def test_the_key_comes_back_for_its_own_kind_only(kind: Kind, created: int, key: int) -> None:
    """An id is 24 lowercase hex digits and leads back to its key; to ids of another kind it means nothing."""
    text = public_id(kind, created, key)

    assert len(text) == 24
    assert set(text) <= set("0123456789abcdef")
    assert [key if other is kind else None for other in Kind] == [key_of(other, text) for other in Kind]


def test_case_does_not_matter() -> None:
    """A caller that prints its ids in capitals still finds its batch."""
    assert key_of(Kind.BATCH, ID.upper()) == 1001


@pytest.mark.parametrize(("label", "text"), NO_IDS, ids=[case[0] for case in NO_IDS])
def test_what_is_no_id_has_no_key(label: str, text: str) -> None:
    """Whatever a caller puts where an id belongs, the answer is None and never an exception."""
    assert {key_of(kind, text) for kind in Kind} == {None}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1001", 1001),
        (" 1001\n", 1001),
        ("2147483647", LAST_NUMBER),
        ("2147483648", None),
        ("0000001001", 1001),
        ("9" * 100_000, None),
        ("", None),
        ("-1", None),
        ("1.0", None),
        ("1001²", None),
        ("\u0661\u0660\u0660\u0661", None),
    ],
)
def test_reads_a_number(text: str, number: int | None) -> None:
    """What callers of the older faces write as an id; None for what no id was ever written like."""
    assert number_of(text) == number


def test_a_number_cannot_be_taken_for_a_code() -> None:
    """Legacy clients take the codes 0-110 for errors and hold ids in 32 bits: numbers start above, and end there."""
    assert FIRST_NUMBER > 1000 > max(code.value for code in LegacyCode)
    assert LAST_NUMBER == 2_147_483_647
