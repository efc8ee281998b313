"""The HTTP GET and POST forms of an .asmx: what is read from them, and the very bytes that they are answered with."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.soap import forms
from adapters.soap.description import Operation, Parameter
from gateway.errors import Malformed, UnsupportedMedia

NS = "http://web.smscom.se/sendsms/"
PLAIN = {
    "Content-Type": "text/plain; charset=utf-8",
    "Cache-Control": "private",
    "X-Content-Type-Options": "nosniff",
}


def operation(*parameters: Parameter) -> Operation:
    """An operation with these parameters."""
    return Operation("sms", parameters, f"{NS}sms", "smsResult")


SMS = operation(*map(Parameter, ("konto", "passwd", "till", "from", "meddelande", "prio")))
TEXT = operation(Parameter("text"))
LIST = operation(Parameter("konto"), Parameter("till", many="string"))
TWINS = operation(Parameter("id"), Parameter("ID", "int"))

READ = [
    (
        "a query as a client writes it",
        SMS,
        b"konto=ip1-1&passwd=key&till=46700000001&from=iP1&meddelande=Hej+du%21&prio=1",
        {
            "konto": "ip1-1",
            "passwd": "key",
            "till": "46700000001",
            "from": "iP1",
            "meddelande": "Hej du!",
            "prio": "1",
        },
    ),
    ("a parameter in another letter case", TEXT, b"TEXT=a", {"text": "a"}),
    ("a name that is percent-encoded", TEXT, b"te%78t=a", {"text": "a"}),
    ("two values are joined, as .NET does", TEXT, b"text=a&Text=b", {"text": "a,b"}),
    ("an empty one is joined as well", TEXT, b"text=&text=b", {"text": ",b"}),
    ("an unknown parameter is passed over", TEXT, b"other=x&text=a&=y&&z", {"text": "a"}),
    ("an empty value is not missing", TEXT, b"text=", {"text": ""}),
    ("a value may hold an equals sign", TEXT, b"text=a=b", {"text": "a=b"}),
    ("a semicolon separates nothing", TEXT, b"text=a;b=c", {"text": "a;b=c"}),
    ("plus and %20 are spaces, and %2B is a plus", TEXT, b"text=a+b%20c%2Bd", {"text": "a b c+d"}),
    ("a percent sign that encodes nothing stays", TEXT, b"text=100%+%zz", {"text": "100% %zz"}),
    ("UTF-8", TEXT, b"text=%C3%A5%E2%82%AC%F0%9F%98%80", {"text": "å€😀"}),
    ("UTF-8 that is not percent-encoded", TEXT, "text=å€".encode(), {"text": "å€"}),
    ("Windows-1252, for it is no UTF-8", TEXT, b"text=%E5%80", {"text": "å€"}),
    ("Windows-1252 that is not percent-encoded", TEXT, b"text=\xe5", {"text": "å"}),
    ("a byte that Windows-1252 does not have", TEXT, b"text=%E5%81", {"text": "å\ufffd"}),
    ("one form is one charset", LIST, b"konto=%C3%A5&till=%E5", {"konto": "Ã¥", "till": ("å",)}),
    ("a surrogate is no UTF-8", TEXT, b"text=%ED%A0%80", {"text": "í\xa0€"}),
    ("line ends are kept", TEXT, b"text=a%0D%0Ab", {"text": "a\r\nb"}),
    (
        "a list is every value of its name, in any letter case",
        LIST,
        b"till=1&konto=k&TILL=2&till=1",
        {"konto": "k", "till": ("1", "2", "1")},
    ),
    ("a list of one", LIST, b"konto=k&till=1", {"konto": "k", "till": ("1",)}),
    ("a list of one empty value", LIST, b"konto=k&till=", {"konto": "k", "till": ("",)}),
    ("parameters that differ in letter case alone", TWINS, b"ID=2&id=1", {"id": "1", "ID": "2"}),
    ("an operation without parameters", operation(), b"", {}),
    ("as many values as are read", TEXT, b"x=y&" * 999 + b"text=a", {"text": "a"}),
]


@pytest.mark.parametrize(("label", "asked", "pairs", "expected"), READ, ids=[case[0] for case in READ])
def test_a_form_is_read(label: str, asked: Operation, pairs: bytes, expected: dict[str, str | tuple[str, ...]]) -> None:
    """Every declared parameter comes out under its declared name, whatever the letter case and the charset."""
    assert forms.read(asked, pairs) == expected


def test_the_order_of_declaration_is_kept() -> None:
    """Values come in the order of the operation's parameters, whatever the order they were sent in."""
    assert list(forms.read(LIST, b"till=1&konto=k")) == ["konto", "till"]


MISSING = [
    ("nothing at all", SMS, b"", "konto"),
    ("the first in the order of declaration, not of sending", SMS, b"prio=1&konto=ip1-1", "passwd"),
    ("a name without an equals sign", TEXT, b"text", "text"),
    ("a list", LIST, b"konto=k", "till"),
    ("a near twin sent alone is itself", TWINS, b"ID=1", "id"),
]


@pytest.mark.parametrize(("label", "asked", "pairs", "name"), MISSING, ids=[case[0] for case in MISSING])
def test_a_missing_parameter_is_named(label: str, asked: Operation, pairs: bytes, name: str) -> None:
    """The first declared parameter that is not there is named in ASP.NET's words."""
    with pytest.raises(forms.MissingParameter) as raised:
        forms.read(asked, pairs)
    assert raised.value.name == name
    assert str(raised.value) == f"Missing parameter: {name}."


REFUSED = [
    ("an encoded NUL", b"text=a%00b"),
    ("a NUL", b"text=a\0b"),
    ("a NUL in a parameter that nobody asked for", b"text=a&x=%00"),
    ("one value too many", b"x=y&" * 1000 + b"text=a"),
]


@pytest.mark.parametrize(("label", "pairs"), REFUSED, ids=[case[0] for case in REFUSED])
def test_what_no_soap_call_could_hold_is_refused(label: str, pairs: bytes) -> None:
    """NUL characters and forms of endless values are malformed, as they would be in an envelope."""
    with pytest.raises(Malformed):
        forms.read(TEXT, pairs)


@given(st.binary())
def test_no_bytes_crash_the_reader(pairs: bytes) -> None:
    """Whatever the bytes, a form is read, has a missing parameter, or is malformed; and what is read can be stored."""
    try:
        values = forms.read(TEXT, b"text=" + pairs)
    except Malformed:
        return
    assert isinstance(values["text"], str)
    values["text"].encode()


MEDIA = ["application/x-www-form-urlencoded", " Application/X-WWW-Form-URLEncoded ; charset=ISO-8859-1"]


@pytest.mark.parametrize("content_type", MEDIA)
def test_a_form_may_be_posted(content_type: str) -> None:
    """A form's media type is accepted in any letter case and with parameters."""
    forms.check_media(content_type)


@pytest.mark.parametrize(
    "content_type", ["", "text/xml", "multipart/form-data; boundary=x", "application/x-www-form-urlencodedx"]
)
def test_nothing_else_may_be_posted(content_type: str) -> None:
    """A POST that says nothing of its body, or something else, is unsupported media."""
    with pytest.raises(UnsupportedMedia):
        forms.check_media(content_type)


ANSWERS = [
    ("a string", NS, "string", "42487049", b'<string xmlns="http://web.smscom.se/sendsms/">42487049</string>'),
    ("a number", "urn:x", "int", "101", b'<int xmlns="urn:x">101</int>'),
    ("an empty value", "urn:x", "string", "", b'<string xmlns="urn:x"></string>'),
    ("markup in the value", "urn:x", "string", '<a> & "b"', b'<string xmlns="urn:x">&lt;a&gt; &amp; "b"</string>'),
    ("markup in the namespace", 'a"<&>b', "string", "1", b'<string xmlns="a&quot;&lt;&amp;&gt;b">1</string>'),
    ("what XML cannot hold", "urn:x", "string", "å\x00\ud800", b'<string xmlns="urn:x">\xc3\xa5??</string>'),
]


@pytest.mark.parametrize(
    ("label", "namespace", "type_", "value", "element"), ANSWERS, ids=[case[0] for case in ANSWERS]
)
def test_the_bytes_of_an_answer(label: str, namespace: str, type_: str, value: str, element: bytes) -> None:
    """The declaration, CRLF, and one element named after the type, escaped, with nothing behind it."""
    assert forms.answer(namespace, type_, value) == b'<?xml version="1.0" encoding="utf-8"?>\r\n' + element


def test_the_bytes_of_a_missing_parameter() -> None:
    """HTTP 500 and one plain sentence without a line end, as a real .asmx was seen to answer."""
    reply = forms.missing(forms.MissingParameter("passwd"))

    assert reply.status == 500
    assert reply.body == b"Missing parameter: passwd."
    assert dict(reply.headers) == PLAIN


OFF = [
    ("an operation", "sms", b"'/sms'"),
    ("markup", "<script>alert(1)</script>", b"'/'"),
    ("line ends, escapes and NUL", "a\r\nb\x1b[31m\0", b"'/a'"),
    ("what turns the writing direction", "a\u202eb", b"'/a'"),
    ("half a character", "a\udce5", b"'/a'"),
    ("a key that was put behind the path without a question mark", "sms&passwd=hemlig", b"'/sms'"),
    ("a question mark that was escaped", "sms%3Fpasswd=hemlig", b"'/sms'"),
    ("a name that is too long", "x" * 101, b"'/" + b"x" * 100 + b"'"),
    ("no name", "", b"'/'"),
]


@pytest.mark.parametrize(("label", "name", "ending"), OFF, ids=[case[0] for case in OFF])
def test_the_bytes_where_forms_are_off(label: str, name: str, ending: bytes) -> None:
    """HTTP 500 and the runtime's sentence, in plain text that no browser sniffs, with the name made safe."""
    reply = forms.off(name)

    assert reply.status == 500
    assert reply.body == b"Request format is unrecognized for URL unexpectedly ending in " + ending + b"."
    assert dict(reply.headers) == PLAIN
