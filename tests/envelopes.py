"""SOAP calls for hypothesis: bytes that are spoiled at random, and well-formed documents whose meaning is known."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from hypothesis import strategies as st

from adapters.soap.wire import Version


class Written(NamedTuple):
    """A call as it was written, and what it says. `plain`: without what a strict reader reads in another way."""

    version: Version
    operation: str
    namespace: str
    args: Mapping[str, str]
    body: bytes
    content_type: str
    plain: bool


PIECES = (
    *(b"", b"\0", b"<", b">", b"/>", b"&", b"&#0;", b"]]>", b"<![CDATA[", b"<!--", b"<!DOCTYPE a>", b"<?x y?>"),
    *(b"\xff\xfe", b"\xef\xbb\xbf", b"\xe5", b"\xed\xa0\x80", b"\r\n", b"{}", b"}", b"<a>", b' a="b"', b'xmlns=""'),
    *(b"</soap:Body>", b"<soap:Body>", b' soap:mustUnderstand="1"', b"<till><a/></till>", b"<meddelande/>"),
)
CHARSETS = (*[""] * 12, "utf-16", "utf-16-be", "utf-32", "utf-7", "cp1252", "cp037")


@st.composite
def spoiled(draw: st.DrawFn, calls: Sequence[bytes]) -> bytes:
    """A client's call with bytes changed at random, and perhaps in another charset."""
    body = draw(st.sampled_from(calls))
    for _ in range(draw(st.integers(0, 2))):
        at, gone = draw(st.integers(0, len(body))), draw(st.integers(0, 12))
        body = body[:at] + draw(st.sampled_from(PIECES)) + body[at + gone :]
    charset = draw(st.sampled_from(CHARSETS))
    return body.decode("latin-1").encode(charset, "replace") if charset else body


TEXTS = st.text(
    st.one_of(
        st.sampled_from("<>&\"']\t\n\r åäö€😀\u2028\x85{}="),
        st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"),
    ),
    max_size=8,
)
"""Every character that XML can hold."""

_ESCAPED = str.maketrans({"<": "&lt;", ">": "&gt;", "&": "&amp;", "\r": "&#13;"})


@st.composite
def marked_up(draw: st.DrawFn) -> tuple[str, str]:
    """A text, and one of the ways to write it: characters, references, CDATA, comments, line breaks of two bytes."""
    said, written = "", ""
    for form in draw(
        st.lists(st.sampled_from(("plain", "plain", "cdata", "decimal", "hex", "comment", "crlf")), max_size=5)
    ):
        part = draw(TEXTS)
        if form == "comment":
            written += f"<!--{part.translate(_ESCAPED).replace('-', '')}-->"
        elif form == "crlf":
            said, written = said + "\n", written + "\r\n"
        elif form == "cdata" and "\r" not in part and "]]>" not in part:
            said, written = said + part, f"{written}<![CDATA[{part}]]>"
        elif form in ("decimal", "hex"):
            code = "&#x{:x};" if form == "hex" else "&#{};"
            said, written = said + part, written + "".join(code.format(ord(character)) for character in part)
        else:
            said, written = said + part, written + part.translate(_ESCAPED)
    return said, written


PREFIXES = st.sampled_from(["", "", "soap", "SOAP-ENV", "s", "ns1", "_x.y-1", "å"])
BLANKS = st.sampled_from(["", "", "", " ", "\n", "\r\n\t", "<!-- a -->", "\n  <!--Optional: <till>1</till>-->\n  "])
ATTRIBUTES = st.sampled_from(
    ["", "", "", ' a="1"', " key='x' xml:space=\"preserve\"", ' xmlns:q="urn:q" q:a="&lt;&#10;"']
)
EXTRAS = ("", "", "", "<extra>1</extra>", '<e:x xmlns:e="urn:e"><till>1</till> <a b="c"/></e:x>', "<typ/>")


def element(name: str, inner: str, prefix: str, namespace: str | None, attributes: str = "") -> str:
    """An element; one with a namespace declares it, for its prefix."""
    tag = f"{prefix}:{name}" if prefix else name
    declared = "" if namespace is None else f' xmlns{":" if prefix else ""}{prefix}="{namespace}"'
    return f"<{tag}{declared}{attributes}>{inner}</{tag}>"


@st.composite
def calls(draw: st.DrawFn, operations: Mapping[str, Sequence[str]], namespace: str) -> Written:
    """A call of one of the operations, with some of its parameters, in some of the forms that XML has for it."""
    name = draw(st.sampled_from(sorted(operations)))
    used = draw(st.sampled_from([namespace, namespace, namespace, "http://tempuri.org/", ""]))
    prefix = draw(PREFIXES) if used else ""
    args: dict[str, str] = {}
    inner, plain = draw(BLANKS), used == namespace
    for parameter in draw(st.lists(st.sampled_from(operations[name]), max_size=8)):
        said, written = draw(marked_up())
        plain = plain and parameter not in args
        args.setdefault(parameter, said)
        own = draw(st.sampled_from([None, None, "", "urn:own"]))
        inner += element(parameter, written, prefix if own is None else "", own, draw(ATTRIBUTES)) + draw(BLANKS)
        inner += draw(st.sampled_from(EXTRAS))
    version = draw(st.sampled_from(Version))
    document = _enveloped(draw, element(name, inner, prefix, used, draw(ATTRIBUTES)), version)
    body, charset = draw(_coded(document))
    content_type = f"{draw(st.sampled_from(['text/xml', 'application/soap+xml']))}; charset={charset}"
    return Written(version, name, used or namespace, args, body, content_type, plain and charset != "windows-1252")


def _enveloped(draw: st.DrawFn, call: str, version: Version) -> str:
    prefix = draw(PREFIXES)
    header = element("Header", f'{draw(BLANKS)}<h xmlns="urn:h">&#228;<till>1</till></h>', prefix, None)
    more = '<balans xmlns=""><konto>second</konto></balans>' if draw(st.booleans()) else ""
    body = element("Body", f"{draw(BLANKS)}{call}{draw(BLANKS)}{more}", prefix, None, draw(ATTRIBUTES))
    parts = (draw(st.sampled_from(["", header])), draw(BLANKS), body, draw(BLANKS))
    return element("Envelope", "".join(parts), prefix, version.value, draw(ATTRIBUTES)) + draw(BLANKS)


@st.composite
def _coded(draw: st.DrawFn, document: str) -> tuple[bytes, str]:
    """The document in a charset that has all of its characters, and the charset's name."""
    charset = draw(st.sampled_from(["utf-8", "utf-8", "utf-16", "windows-1252"]))
    if charset == "windows-1252":
        try:
            document.encode(charset)
        except UnicodeEncodeError:
            charset = "utf-8"
    opener = draw(st.sampled_from(["", f'<?xml version="1.0" encoding="{charset}"?>', "<?xml version='1.0'?>\n"]))
    return (opener + document).encode(charset), charset
