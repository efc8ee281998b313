"""The matrix of bad input: every kind of it, what each face makes of it, and in which form it says so."""

import json
from collections.abc import Callable, Iterator
from typing import NamedTuple

from callers import NAMESPACE, Letter, number_of
from gateways import ACCOUNT, KEY
from rawhttp import Answer

from gateway.ids import FIRST_NUMBER

Spoil = Callable[[Letter], Letter]
"""What is done to a good request."""

Check = Callable[[Answer], None]
"""What is asserted of the answer."""


class Cell(NamedTuple):
    """One kind of bad input at one face. `why` stands where a face does what the others do not."""

    kind: str
    face: str
    spoil: Spoil
    check: Check
    why: str = ""


# The forms of the answers.

_TITLES = {
    400: "One or more validation errors occurred.",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Payload Too Large",
    415: "Unsupported Media Type",
}


def accepted(face: str) -> Check:
    """The message is taken: success in that face's form."""

    def check(answer: Answer) -> None:
        assert answer.status == (201 if face == "rest_v2" else 200)
        assert number_of(face, answer.body) == FIRST_NUMBER

    return check


def problem(status: int, *fields: str) -> Check:
    """REST v2: a problem document, with the fields that are wrong."""

    def check(answer: Answer) -> None:
        document = json.loads(answer.body)
        assert (answer.status, document["status"], document["title"]) == (status, status, _TITLES[status])
        assert tuple(document.get("errors", ())) == fields
        assert answer.headers["content-type"] == "application/problem+json; charset=utf-8"

    return check


def message(status: int, *properties: str) -> Check:
    """REST v1: an object with a Message and no ID, and the properties that are wrong."""

    def check(answer: Answer) -> None:
        document = json.loads(answer.body)
        assert answer.status == status
        assert document["Message"]
        assert tuple(document.get("ModelState", ())) == properties
        assert "ID" not in document
        assert answer.headers["content-type"] == "application/json; charset=utf-8"

    return check


def result(code: int) -> Check:
    """SOAP: a legacy code where the id would be."""
    said = f'<soap:Body><smsResponse xmlns="{NAMESPACE}"><smsResult>{code}</smsResult></smsResponse></soap:Body>'

    def check(answer: Answer) -> None:
        assert answer.status == 200
        assert said.encode() in answer.body
        assert answer.headers["content-type"] == "text/xml; charset=utf-8"

    return check


def fault(code: str, words: str) -> Check:
    """SOAP: a fault of that code, whose text begins so."""
    said = f"<soap:Body><soap:Fault><faultcode>soap:{code}</faultcode><faultstring>{words}"

    def check(answer: Answer) -> None:
        assert answer.status == 500
        assert said.encode() in answer.body
        assert answer.headers["content-type"] == "text/xml; charset=utf-8"

    return check


def code(number: int) -> Check:
    """HTTP GET: the bare legacy code, with HTTP 200."""

    def check(answer: Answer) -> None:
        assert (answer.status, answer.body) == (200, str(number).encode())
        assert answer.headers["content-type"] == "text/html; charset=utf-8"

    return check


def bare(status: int, body: bytes = b"") -> Check:
    """A status and these very bytes."""

    def check(answer: Answer) -> None:
        assert (answer.status, answer.body) == (status, body)

    return check


# The ways to spoil a request.


def body(content: bytes) -> Spoil:
    """Send another body."""
    return lambda letter: letter._replace(body=content)


def swapped(old: str, new: bytes) -> Spoil:
    """Send other bytes in the place of some of the body's."""
    return lambda letter: letter._replace(body=letter.body.replace(old.encode(), new))


def queried(old: str, new: str) -> Spoil:
    """Send other characters in the place of some of the target's."""
    return lambda letter: letter._replace(target=letter.target.replace(old, new))


def target(path: str) -> Spoil:
    """Ask for another path."""
    return lambda letter: letter._replace(target=path)


def method(name: str) -> Spoil:
    """Use another method."""
    return lambda letter: letter._replace(method=name)


def headed(**headers: str) -> Spoil:
    """Send other headers."""
    return lambda letter: letter.but(**headers)


def encoded(content: bytes, **headers: str) -> Spoil:
    """Send another body under other headers."""
    return lambda letter: letter._replace(body=content).but(**headers)


_MANY = ",".join(["123"] * 10_001)
_MANY_QUOTED = json.dumps(["123"] * 10_001)
_LONG = "x" * 2001
_HUGE = "x" * 70_000
_MEGABYTES = b"x" * 10 * 2**20
_NESTED = b"[" * 100_000
_DOCTYPE = b'<!DOCTYPE a [<!ENTITY x "y">]><soap:Envelope'
_CHUNKED = {"Transfer_Encoding": "chunked"}
_GZIP = {"Content_Encoding": "gzip"}

SWALLOWED = "the query string says everything; a body is swallowed, for early clients send one"
REPAIRED = "what is not UTF-8 comes from classic ASP and VB and is taken for Windows-1252"
IGNORED = "a name that nobody knows is ignored, as the provider's ASP.NET did"
NOT_XML = "an .asmx answers what is not XML, or has a document type, with an empty 400"
NO_CALL = "the envelope is understood and no operation is called: a fault"
ANY_METHOD = "the page was served to every method; an early client posts"
NO_FACE = "nobody serves this path, so it has no protocol of its own"
NO_HTTP = "what breaks HTTP itself comes before any face"
WRONG_KEY = "wrong-key-123"


def _rest_v2() -> Iterator[tuple[str, Spoil, Check, str]]:
    yield "wrong credentials", headed(Authorization=f"Bearer {WRONG_KEY}"), problem(401), ""
    yield "no credentials", headed(Authorization=""), problem(401), ""
    yield "no body", body(b""), problem(400), ""
    yield "a body of ten megabytes", body(_MEGABYTES), problem(413), ""
    yield "broken UTF-8", swapped("Hello", b"H\xe4llo"), problem(400), ""
    yield "a broken document", body(b'{"sender": "iP1", '), problem(400), ""
    yield "a document of another kind", body(b'["sender"]'), problem(400), ""
    yield "a document nested without end", body(_NESTED), problem(400), ""
    yield "10,001 recipients", swapped('["46712345678"]', _MANY_QUOTED.encode()), problem(400, "Recipients"), ""
    yield "an empty text", swapped("Hello", b""), problem(400, "Body"), ""
    yield "2,001 characters", swapped("Hello", _LONG.encode()), problem(400, "Body"), ""
    yield "an unknown field", swapped('"sender"', b'"colour": "red", "sender"'), accepted("rest_v2"), IGNORED
    yield "a NUL in the text", swapped("Hello", rb"H\u0000llo"), problem(400, "Body"), ""
    yield "half a surrogate pair", swapped("Hello", rb"H\ud83dllo"), problem(400), ""
    yield "a wrong method", method("PUT"), problem(405), ""
    yield "an unknown path", target("/v2/batch"), problem(404), ""
    yield "a huge header", headed(X_Huge=_HUGE), bare(400), NO_HTTP
    yield "a wrong content type", headed(Content_Type="text/xml"), problem(415), ""
    yield "a broken chunk", encoded(b"zz\r\n", **_CHUNKED), bare(400), NO_HTTP
    yield "a body that is not the gzip it says", encoded(b"{}", **_GZIP), problem(400), ""


def _rest_v1() -> Iterator[tuple[str, Spoil, Check, str]]:
    yield "wrong credentials", headed(Authorization=f"Bearer {WRONG_KEY}"), message(401), ""
    yield "no credentials", headed(Authorization=""), message(401), ""
    yield "no body", body(b""), message(400), ""
    yield "a body of ten megabytes", body(_MEGABYTES), message(413), ""
    yield "broken UTF-8", swapped("Hello", b"H\xe4llo"), message(400), ""
    yield "a broken document", body(b'{"From": "iP1", '), message(400), ""
    yield "a document of another kind", body(b'"From"'), message(400), ""
    yield "a document nested without end", body(_NESTED), message(400), ""
    yield "10,001 recipients", swapped('["46712345678"]', _MANY_QUOTED.encode()), message(400, "Numbers"), ""
    yield "an empty text", swapped("Hello", b""), message(400, "Message"), ""
    yield "2,001 characters", swapped("Hello", _LONG.encode()), message(400, "Message"), ""
    yield "an unknown field", swapped('"From"', b'"Colour": "red", "From"'), accepted("rest_v1"), IGNORED
    yield "a NUL in the text", swapped("Hello", rb"H\u0000llo"), message(400, "Message"), ""
    yield "half a surrogate pair", swapped("Hello", rb"H\ud83dllo"), message(400), ""
    yield "a wrong method", method("PUT"), message(405), ""
    yield "an unknown path", target("/api/sms/sned"), message(404), ""
    yield "a huge header", headed(X_Huge=_HUGE), bare(400), NO_HTTP
    yield "a wrong content type", headed(Content_Type="text/xml"), message(415), ""
    yield "a broken chunk", encoded(b"zz\r\n", **_CHUNKED), bare(400), NO_HTTP
    yield "a body that is not the gzip it says", encoded(b"{}", **_GZIP), message(400), ""


def _soap() -> Iterator[tuple[str, Spoil, Check, str]]:
    yield "wrong credentials", swapped(KEY, WRONG_KEY.encode()), result(101), ""
    yield "no credentials", swapped(f"<konto>{ACCOUNT}</konto>", b""), result(101), ""
    yield "no body", body(b""), bare(400), NOT_XML
    yield "a body of ten megabytes", body(_MEGABYTES), bare(413), "a call is at most 128 kB; refused before it is read"
    yield "broken UTF-8", swapped("Hello", b"H\xe4llo"), accepted("soap"), REPAIRED
    yield "a broken document", swapped("</soap:Envelope>", b""), bare(400), NOT_XML
    yield "a document of another kind", body(b"<a/>"), fault("VersionMismatch", "Possible SOAP version"), NO_CALL
    yield "a document nested without end", swapped("Hello", b"<a>" * 40_000), bare(400), NOT_XML
    yield "a document type", swapped("<soap:Envelope", _DOCTYPE), bare(400), NOT_XML
    yield "10,001 recipients", swapped("46712345678", _MANY.encode()), result(110), ""
    yield "an empty text", swapped("Hello", b""), result(2), ""
    yield "2,001 characters", swapped("Hello", _LONG.encode()), result(2), ""
    yield "an unknown field", swapped("<prio>", b"<colour>red</colour><prio>"), accepted("soap"), IGNORED
    yield "a NUL in the text", swapped("Hello", b"H&#0;llo"), bare(400), NOT_XML
    yield "half a surrogate pair", swapped("Hello", b"H&#xD83D;llo"), bare(400), NOT_XML
    yield "a wrong method", method("PUT"), bare(405), ""
    yield "an unknown path", target("/sendsms/sendmms.asmx"), bare(404, b"Not Found\n"), NO_FACE
    yield "a huge header", headed(X_Huge=_HUGE), bare(400), NO_HTTP
    yield "a wrong content type", headed(Content_Type="application/json"), bare(415), ""
    yield "a broken chunk", encoded(b"zz\r\n", **_CHUNKED), bare(400), NO_HTTP
    yield "a body that is not the gzip it says", encoded(b"<a/>", **_GZIP), bare(400), NOT_XML


def _sendsms() -> Iterator[tuple[str, Spoil, Check, str]]:
    yield "wrong credentials", queried(KEY, WRONG_KEY), code(101), ""
    yield "no credentials", queried(f"pass={KEY}", "pass="), code(101), ""
    yield "no body", body(b""), accepted("sendsms"), SWALLOWED
    yield "a body of ten megabytes", body(_MEGABYTES), code(110), ""
    yield "broken UTF-8", queried("Hello", "H%E4llo"), accepted("sendsms"), REPAIRED
    yield "a broken document", body(b"{<"), accepted("sendsms"), SWALLOWED
    yield "10,001 recipients", queried("46712345678", _MANY), code(110), ""
    yield "an empty text", queried("Hello", ""), code(2), ""
    yield "2,001 characters", queried("Hello", _LONG), code(2), ""
    yield "an unknown field", queried("&msg=", "&colour=red&msg="), accepted("sendsms"), IGNORED
    yield "a NUL in the text", queried("Hello", "H%00llo"), code(2), ""
    yield "half a surrogate pair", queried("Hello", "H%uD83Dllo"), accepted("sendsms"), "it becomes U+FFFD"
    yield "a wrong method", method("PUT"), accepted("sendsms"), ANY_METHOD
    yield "an unknown path", target("/sendmms.aspx"), bare(404, b"Not Found\n"), NO_FACE
    yield "a huge header", headed(X_Huge=_HUGE), bare(400), NO_HTTP
    yield "a huge query", queried("Hello", _HUGE), bare(400), NO_HTTP
    yield "a wrong content type", headed(Content_Type="text/xml"), accepted("sendsms"), SWALLOWED
    yield "a broken chunk", encoded(b"zz\r\n", **_CHUNKED), bare(400), NO_HTTP
    yield "a body that is not the gzip it says", encoded(b"{}", **_GZIP), code(110), ""


_FACES = {"rest_v2": _rest_v2, "rest_v1": _rest_v1, "soap": _soap, "sendsms": _sendsms}

CELLS = [Cell(kind, face, spoil, check, why) for face, rows in _FACES.items() for kind, spoil, check, why in rows()]
