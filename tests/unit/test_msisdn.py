"""Phone numbers as legacy callers write them."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.msisdn import international, listed, mask, normalise

SWEDEN, FINLAND = "46", "358"

NUMBERS = [
    ("already an MSISDN", "46712345678", "46712345678"),
    ("with a plus", "+46712345678", "46712345678"),
    ("with the international prefix", "0046712345678", "46712345678"),
    ("national", "0712345678", "46712345678"),
    ("national with a hyphen and blanks", "071-234 56 78", "46712345678"),
    ("international with blanks", "+46 71 234 56 78", "46712345678"),
    ("blanks around it", "  46712345678\r\n", "46712345678"),
    ("no-break spaces, as copied from a web page", "+46\u00a0712\u00a0345678", "46712345678"),
    ("area code in brackets", "(071) 234 56 78", "46712345678"),
    ("dots between groups", "+46.712.345.678", "46712345678"),
    ("the home zero in brackets after the country", "+46 (0)71-234 56 78", "46712345678"),
    ("the same after the international prefix", "0046(0)712345678", "46712345678"),
    ("the home zero in brackets without a country", "(0)712345678", "46712345678"),
    ("another country", "+1 415 555 26 71", "14155552671"),
    ("a short number of three digits", "112", "112"),
    ("fifteen digits, the most there are", "123456789012345", "123456789012345"),
    ("sixteen digits", "1234567890123456", None),
    ("sixteen digits once the country is there", "046712345678901", None),
    ("two digits", "46", None),
    ("empty", "", None),
    ("blank", "   ", None),
    ("a plus alone", "+", None),
    ("the international prefix alone", "00", None),
    ("a zero alone", "0", None),
    ("a plus and a national number", "+0712345678", None),
    ("a plus and the international prefix", "+0046712345678", None),
    ("three zeros", "000712345678", None),
    ("two plus signs", "++46712345678", None),
    ("a plus inside", "46+712345678", None),
    ("letters", "07O1234567", None),
    ("a name", "Support", None),
    ("two numbers in one", "0712345678,0712345679", None),
    ("a slash", "071/2345678", None),
    ("Arabic-Indic digits", "٠٧١٢٣٤٥٦٧٨", None),
    ("full-width digits", "\uff14\uff16\uff17\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18", None),
    ("superscript digits", "4671234567²", None),
    ("half a surrogate pair", "4671234567\ud800", None),
    ("NUL", "46712345678\0", None),
]

MASKED = [
    ("a Swedish number", "46712345678", "46*******78"),
    ("fifteen digits", "123456789012345", "12***********45"),
    ("six digits hide two", "123456", "12**56"),
    ("a short code names a service, nobody", "71234", "71234"),
    ("nothing", "", ""),
]


@pytest.mark.parametrize(("label", "raw", "msisdn"), NUMBERS, ids=[case[0] for case in NUMBERS])
def test_normalise(label: str, raw: str, msisdn: str | None) -> None:
    """What a Swedish caller means by what it wrote, or None where that is no phone number."""
    assert msisdn == normalise(raw, SWEDEN)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("46700000001", ["46700000001"]),
        ("46700000001,46700000002;070-3", ["46700000001", "46700000002", "070-3"]),
        (" 46700000001 ,\n46700000002; ", ["46700000001", "46700000002"]),
        (",;,", []),
        ("", []),
    ],
)
def test_reads_a_list(text: str, numbers: list[str]) -> None:
    """Commas were seen in a SOAP client; semicolons are what Swedish spreadsheets write. Empty entries are nobody."""
    assert listed(text) == numbers


def test_a_national_number_gets_the_callers_country() -> None:
    """The country is the caller's, and a lone zero is no number however long the country code."""
    assert normalise("040 123 456", FINLAND) == "35840123456"
    assert normalise("0", FINLAND) is None


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=()), max_size=24))
@example("+46 (0)70")
def test_whatever_is_written_only_digits_come_out(raw: str) -> None:
    """No text gets through as anything but 3 to 15 ASCII digits without a leading zero, and a number stays itself."""
    number = normalise(raw, SWEDEN)

    if number is not None:
        assert set(number) <= set("0123456789")
        assert 3 <= len(number) <= 15
        assert number[0] != "0"
        assert number == normalise(number, SWEDEN) == normalise(f"+{number}", SWEDEN)


@pytest.mark.parametrize("written", ["46712345678", "+46 (0)71-234 56 78", "0046712345678"])
def test_operations_write_a_person_s_number(written: str) -> None:
    """However it is dressed."""
    assert international(written) == "46712345678"


@pytest.mark.parametrize("written", ["", "0712345678", "467123", "Sluss", "4671234567890123"])
def test_operations_name_the_country(written: str) -> None:
    """A national number could be anyone's, a short one stands in half of all texts; they are told how to write it."""
    with pytest.raises(ValueError, match="with its country code, at least 7 digits, as 46712345678"):
        international(written)


@pytest.mark.parametrize(("label", "number", "masked"), MASKED, ids=[case[0] for case in MASKED])
def test_mask(label: str, number: str, masked: str) -> None:
    """Logs show the country and the last two digits: enough to find a number one knows, not to learn one."""
    assert masked == mask(number)


@settings(deadline=None)
@given(st.from_regex(r"[1-9][0-9]{5,14}", fullmatch=True))
def test_mask_never_shows_the_middle(number: str) -> None:
    """Of six digits and more, exactly the first two and the last two are shown, and the length."""
    assert mask(number) == number[:2] + "*" * (len(number) - 4) + number[-2:]
