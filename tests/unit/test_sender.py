"""Sender ids: what the provider documents, and what its older faces let through."""

import pytest

from gateway.sender import is_documented, shorten

# The provider's v2 page: numbers of at most 15 digits; names of letters A-Z and digits, at most 11.
DOCUMENTED = [
    ("a name", "iP1sms", True),
    ("eleven characters, the longest name", "Abcdefghi12", True),
    ("twelve characters", "Abcdefghi123", False),
    ("one character: the page's pattern allows it, its text does not", "A", True),
    ("a number", "46712345678", True),
    ("a number with a plus", "+46712345678", True),
    ("fifteen digits, the longest number", "123456789012345", True),
    ("sixteen digits", "1234567890123456", False),
    ("fifteen digits and a plus", "+123456789012345", True),
    ("a short number", "71234", True),
    ("empty", "", False),
    ("a plus alone", "+", False),
    ("a plus and letters", "+Shop", False),
    ("a blank inside", "My Shop", False),
    ("a dot", "iP.1", False),
    ("a Swedish letter", "Sänder", False),
    ("Arabic-Indic digits", "٤٦٧١", False),
    ("a newline at the end", "iP1\n", False),
]

# Seen from clients of the older faces: 13-character names, dots, blanks and Swedish letters.
SHORTENED = [
    ("a name that fits stays", "iP1sms", "iP1sms"),
    ("a long name is cut to 11", "Adminscentral", "Adminscentr"),
    ("blanks around are trimmed before the cut", "  Adminscentral  ", "Adminscentr"),
    ("no blank is left at the cut", "Vår klinik Malmö", "Vår klinik"),
    ("a dot stays", "iP.1", "iP.1"),
    ("Swedish letters stay", "Sänder", "Sänder"),
    ("a number stays whole", "46712345678901", "46712345678901"),
    ("a number with a plus stays whole", "+46712345678901", "+46712345678901"),
    ("a number that is too long stays whole: cut, it would be somebody else's", "1234567890123456", "1234567890123456"),
    ("blanks around a number are trimmed", " 46712345678 ", "46712345678"),
    ("blank becomes empty", "   ", ""),
    ("empty stays empty", "", ""),
]


@pytest.mark.parametrize(("label", "sender", "allowed"), DOCUMENTED, ids=[case[0] for case in DOCUMENTED])
def test_is_documented(label: str, sender: str, *, allowed: bool) -> None:
    """Whether REST v2's documented rules let a sender through."""
    assert is_documented(sender) is allowed


@pytest.mark.parametrize(("label", "sender", "sent"), SHORTENED, ids=[case[0] for case in SHORTENED])
def test_shorten(label: str, sender: str, sent: str) -> None:
    """What SOAP, GET and v1 callers' senders become; the provider truncates over-long ones (its PHP SDK says so)."""
    assert sent == shorten(sender)
    assert sent == shorten(sent)
