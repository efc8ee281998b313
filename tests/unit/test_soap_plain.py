"""The shorter way through a common SOAP envelope: what it takes, what it leaves, and that it says nothing else."""

from pathlib import Path

import pytest
from envelopes import PIECES, calls
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.soap import plain
from adapters.soap.wire import Envelope, Version, parsed
from gateway.errors import Malformed
from gateway.samples import SAMPLES

NS11, NS12 = (version.value for version in Version)
NS = "http://web.smscom.se/sendsms/"


def envelope(inner: str, prefix: str = "soap", more: str = "", opener: str = "") -> str:
    """An envelope around an operation."""
    return (
        f'{opener}<{prefix}:Envelope xmlns:{prefix}="{NS11}"{more}><{prefix}:Body>{inner}</{prefix}:Body>'
        f"</{prefix}:Envelope>"
    )


DOTNET = envelope(f'<sms xmlns="{NS}"><konto>a</konto><till>461</till></sms>')
PHP = envelope(
    "<ns1:sms><ns1:konto>a</ns1:konto><ns1:meddelande>åäö €</ns1:meddelande></ns1:sms>",
    "SOAP-ENV",
    f' xmlns:ns1="{NS}"',
    '<?xml version="1.0" encoding="UTF-8"?>\n',
)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        pytest.param(DOTNET, (NS11, (NS, "sms"), [("konto", "a"), ("till", "461")]), id="a .NET proxy's"),
        pytest.param(PHP + "\n", (NS11, (NS, "sms"), [("konto", "a"), ("meddelande", "åäö €")]), id="PHP's"),
        pytest.param(envelope("<sms></sms>"), (NS11, ("", "sms"), []), id="without a namespace or a parameter"),
        pytest.param(
            envelope(f'\n  <sms xmlns="{NS}">\n    <konto>a\n b</konto>\n  </sms>\n'),
            (NS11, (NS, "sms"), [("konto", "a\n b")]),
            id="over several lines",
        ),
        pytest.param(DOTNET.replace(NS11, NS12), (NS12, (NS, "sms"), [("konto", "a"), ("till", "461")]), id="SOAP 1.2"),
    ],
)
def test_takes_what_is_common(document: str, expected: plain.Flat) -> None:
    """What the clients in use send, with and without prefixes and blanks."""
    assert plain.read(document) == expected


def test_takes_the_providers_sample() -> None:
    """What the benchmark and the demo send goes this way; otherwise it would be of no use."""
    assert all(plain.read(sample.filled("a", "b").body) for sample in SAMPLES if sample.title.startswith("SOAP"))


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(DOTNET.replace("<konto>", "<konto a='1'>"), id="an attribute"),
        pytest.param(DOTNET.replace(">a<", ">&amp;<"), id="an entity"),
        pytest.param(DOTNET.replace(">a<", "><![CDATA[a]]><"), id="CDATA"),
        pytest.param(DOTNET.replace(">a<", ">a<!-- b --><"), id="a comment"),
        pytest.param(DOTNET.replace(">a<", "><b>a</b><"), id="an element in a parameter"),
        pytest.param(DOTNET.replace("<konto>a</konto>", "<konto/>"), id="an empty element in one tag"),
        pytest.param(DOTNET.replace(">a<", ">a\r\n<"), id="a line break of two bytes"),
        pytest.param(DOTNET.replace(">a<", ">\x01<"), id="a character that XML forbids"),
        pytest.param(DOTNET.replace(">a<", ">\ufffe<"), id="another one"),
        pytest.param(DOTNET.replace(">a<", ">]]><"), id="the end of a CDATA section"),
        pytest.param(DOTNET.replace("</konto>", "</Konto>"), id="tags that do not fit"),
        pytest.param(PHP.replace("</ns1:sms>", "</sms>"), id="an end without its prefix"),
        pytest.param(PHP.replace("ns1:konto", "ns2:konto"), id="a prefix that is not declared"),
        pytest.param(PHP.replace("xmlns:ns1", "xmlns:ns2"), id="an operation's prefix that is not declared"),
        pytest.param(envelope("<a></a>", more=f' xmlns:soap="{NS}"'), id="a prefix that is declared twice"),
        pytest.param(envelope("<a></a>", more=' xmlns:xml="urn:x"'), id="a prefix that belongs to XML"),
        pytest.param(
            envelope("<a></a>", more=' xmlns:b="http://www.w3.org/2000/xmlns/"'), id="a prefix for XML's own namespace"
        ),
        pytest.param(
            envelope("<a></a>", more=' xmlns:b="http://www.w3.org/XML/1998/namespace"'),
            id="a prefix for XML's other namespace",
        ),
        pytest.param(envelope("<a></a>", more=' xmlns:b=""'), id="a prefix without a namespace"),
        pytest.param(DOTNET.replace("<soap:Body>", "<soap:Header></soap:Header><soap:Body>"), id="a header"),
        pytest.param(DOTNET + "x", id="something behind it"),
        pytest.param(" " + PHP, id="a blank before the declaration"),
        pytest.param("<!DOCTYPE a>" + DOTNET, id="a document type"),
        pytest.param(DOTNET[:-1], id="half of it"),
        pytest.param("", id="nothing"),
    ],
)
def test_leaves_what_is_not(document: str) -> None:
    """Everything else is the parser's, mistakes among it."""
    assert plain.read(document) is None


def assert_same(document: str) -> None:
    """What the shorter way says, if it says something, is what the parser says."""
    flat = plain.read(document)
    if flat is None:
        return
    namespace, operation, elements = flat
    try:
        expected: Envelope | None = parsed(document)
    except Malformed:
        expected = None
    assert expected == Envelope((namespace, "Envelope"), True, operation, elements, None)


CORPUS = [DOTNET, PHP, envelope(f'<p:sms xmlns="{NS}"> <konto>a</konto></p:sms>', "s", f' xmlns:p="{NS}"')]
TEXT_PIECES = st.sampled_from([piece.decode("latin-1") for piece in PIECES] + ['xmlns:x="u"', "s:", ":", " ", "\u2028"])


@settings(max_examples=600, derandomize=True, deadline=None)
@given(st.sampled_from(CORPUS), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 6), TEXT_PIECES), max_size=3))
def test_a_spoiled_document_is_never_read_otherwise(document: str, changes: list[tuple[int, int, str]]) -> None:
    """With pieces cut out and put in, at random, both ways agree or the shorter one is silent."""
    for at, gone, piece in changes:
        document = document[:at] + piece + document[at + gone :]
    assert_same(document)


@settings(max_examples=300, derandomize=True, deadline=None)
@given(calls({"sms": ["konto", "till", "meddelande"], "balans": ["konto"]}, NS))
def test_a_document_of_any_form_is_never_read_otherwise(call: object) -> None:
    """The same for well-formed calls in all the forms that XML has for them."""
    body = call.body  # type: ignore[attr-defined]
    assert_same(body.decode("utf-8", "replace"))


def test_the_whole_corpus_is_read_the_same() -> None:
    """Every golden request agrees, and at least a third of those to the SOAP services go the shorter way."""
    folder = Path(__file__).resolve().parents[1] / "golden" / "soap"
    bodies = [path.read_text().partition("\n\n")[2].partition("\n<<<")[0] for path in folder.glob("*.http")]
    for body in bodies:
        assert_same(body)
    assert sum(plain.read(body) is not None for body in bodies) >= len(bodies) / 3
