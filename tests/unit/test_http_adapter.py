"""A provider that is described by configuration: what is written to it, and what its answers mean."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree as ET

import pytest
import yaml
from builders import NOW, a_batch, a_content, a_dispatch, a_message
from gateways import ROOT, a_document
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from adapters.http import ADAPTER
from adapters.http.options import MESSAGE, HttpOptions
from adapters.http.upstream import HttpUpstream
from gateway.cli.request import leaving
from gateway.config import UpstreamSettings, load
from gateway.errors import ConfigError, Misconfigured, Refused, SendError, Throttled, Unanswered, Unsupported
from gateway.model import DataCoding, Dispatch, MessageType, Priority
from gateway.pacing import LATEST, PATIENCE, SOONEST
from gateway.ports import Poll, Receipt, Receipts, Reply, Report
from gateway.status import Status

URL = "https://api.example.com/send?to={recipient}&text={text}"
JSON = {"method": "POST", "url": "https://api.example.com/send", "content_type": "application/json"}
XML = JSON | {"content_type": "text/xml"}
SECRET = 'hemlig&"<47/ å'
REFERENCE = "5bcf5db7d1000000000003e9"

HOSTILE = "\"'<>&%+#?/\\{recipient}{{}}$;=,\r\n\t\0åß€😀]]>"
"""Everything that means something somewhere."""


def an_upstream(**over: Any) -> HttpUpstream:
    """An upstream that puts everything into the address, unless told otherwise."""
    return HttpUpstream(HttpOptions.model_validate({"url": URL} | over))


def a_text(body: str, **over: Any) -> Dispatch:
    """A dispatch with this text."""
    return a_dispatch(batch=a_batch(content=a_content(body=body, **over)))


def two() -> Dispatch:
    """A dispatch to two recipients."""
    return a_dispatch(messages=(a_message(), a_message(number=1002, recipient="46709876543")))


# What is written ------------------------------------------------------------------------------------------------


def test_everything_in_the_address() -> None:
    """Each placeholder stands for its part of the message, by default in the words that the documents give."""
    names = (*MESSAGE, "secret.key")
    upstream = an_upstream(
        url="https://api.example.com/send?" + "&".join(f"{name}={{{name}}}" for name in names), secrets={"key": "k-1"}
    )

    call = upstream.encode(a_dispatch(), "https://sms.example.org/hooks/x")

    assert (call.method, call.path, call.headers, call.body) == ("GET", "https://api.example.com/send", {}, b"")
    assert call.query == (
        "recipient=46712345678&recipients=46712345678&sender=iP1&text=Hello&reference=5bcf5db7d1000000000003e9"
        "&report_url=https%3A%2F%2Fsms.example.org%2Fhooks%2Fx&priority=1&coding=0&type=&secret.key=k-1"
    )


def test_the_providers_own_words() -> None:
    """Priority, data coding and type are written as the configuration calls them."""
    upstream = an_upstream(
        url=URL + "&p={priority}&c={coding}&t={type}",
        values={"priority": {"high": "urgent"}, "coding": {"ucs": 8}, "type": {"flash": "0"}},
    )

    plain = upstream.encode(a_text("Hello"), None).query
    other = upstream.encode(a_text("Пр", priority=Priority.HIGH, type=MessageType.FLASH), None).query
    asked = upstream.encode(a_text("Hello", datacoding=DataCoding.UCS), None).query

    assert plain.endswith("&p=1&c=0&t=")
    assert other.endswith("&p=urgent&c=8&t=0")
    assert asked.endswith("&p=1&c=8&t=")


@pytest.mark.parametrize(
    ("form", "written"), [("msisdn", "46712345678"), ("plus", "%2B46712345678"), ("zeros", "0046712345678")]
)
def test_forms_of_a_number(form: str, written: str) -> None:
    """A number is written as the provider wants it, and its plus is not a blank."""
    assert an_upstream(number_format=form).encode(a_dispatch(), None).query == f"to={written}&text=Hello"


def test_hostile_texts_in_an_address() -> None:
    """Whatever stands in a text, the query has the same parameters, and the text comes out whole."""
    call = an_upstream().encode(a_text(HOSTILE), None)

    assert parse_qsl(call.query, keep_blank_values=True, strict_parsing=True) == [
        ("to", "46712345678"),
        ("text", HOSTILE),
    ]
    assert call.query.isascii()


def test_hostile_texts_in_a_path() -> None:
    """A slash, a question mark or a percent sign of a text is no part of the address."""
    upstream = an_upstream(url="https://api.example.com/{sender}/{text}/to/{recipient}")

    call = upstream.encode(a_text("../a?b=c%2e#d"), None)

    assert (call.path, call.query) == ("https://api.example.com/iP1/..%2Fa%3Fb%3Dc%252e%23d/to/46712345678", "")


@pytest.mark.parametrize("text", [".", ".."])
def test_a_text_chooses_no_other_address(text: str) -> None:
    """A segment that a client would resolve before it sends is refused."""
    upstream = an_upstream(url="https://api.example.com/send/{text}/{recipient}")

    with pytest.raises(Unsupported, match="segment"):
        upstream.encode(a_text(text), None)


def test_hostile_texts_in_a_form() -> None:
    """Whatever stands in a text, the form has the same fields."""
    upstream = an_upstream(method="POST", url="https://api.example.com/", body="t={text}&n={recipient}")

    call = upstream.encode(a_text(HOSTILE), None)

    assert call.headers == {"Content-Type": "application/x-www-form-urlencoded"}
    assert parse_qsl(call.body.decode("ascii"), strict_parsing=True) == [("t", HOSTILE), ("n", "46712345678")]


def test_hostile_texts_in_json() -> None:
    """Whatever stands in a text, the document has the same keys; secrets are escaped as well."""
    upstream = an_upstream(
        **JSON, body='{{"a": {{"t": "{text}", "k": "{secret.key}"}}, "n": {recipient}}}', secrets={"key": SECRET}
    )

    call = upstream.encode(a_text(HOSTILE), None)

    assert json.loads(call.body) == {"a": {"t": HOSTILE, "k": SECRET}, "n": 46712345678}
    assert call.headers == {"Content-Type": "application/json"}


def test_hostile_texts_in_xml() -> None:
    """Whatever stands in a text, the document has the same elements; line breaks survive even in attributes."""
    upstream = an_upstream(**XML, body='<m n="{recipient}" a="{text}"><t>{text}</t></m>')
    text = HOSTILE.replace("\0", "")

    root = ET.fromstring(upstream.encode(a_text(text), None).body)  # noqa: S314 - it is our own

    assert [element.tag for element in root.iter()] == ["m", "t"]
    assert (root.attrib, root.findtext("t")) == ({"n": "46712345678", "a": text}, text)


@pytest.mark.parametrize("text", ["a\0b", "\x0b", "\x1f", "\ufffe"])
def test_what_xml_cannot_say_is_refused(text: str) -> None:
    """XML 1.0 has no way to write these characters, so they are not dropped in silence."""
    with pytest.raises(Unsupported, match="XML cannot hold a control character"):
        an_upstream(**XML, body="<m>{text}{recipient}</m>").encode(a_text(text), None)


def test_plain_text_is_sent_as_it_is() -> None:
    """Nothing is escaped where nothing is read."""
    upstream = an_upstream(**JSON | {"content_type": "text/plain", "body": "{recipient}: {text}"})

    assert upstream.encode(a_text(HOSTILE), None).body == f"46712345678: {HOSTILE}".encode()


@pytest.mark.parametrize("text", ["a\r\nX-Admin: 1", "a\nb", "\0", "å", "\x7f"])
def test_a_header_ends_with_its_line(text: str) -> None:
    """No text can begin another header, or is garbled in one."""
    upstream = an_upstream(headers={"X-Text": "{text}"})

    with pytest.raises(Unsupported, match="A header cannot hold"):
        upstream.encode(a_text(text), None)


def test_headers_are_templates() -> None:
    """A header may hold a secret, and what means something elsewhere is left alone."""
    upstream = an_upstream(headers={"Authorization": "Bearer {secret.key}", "X-B": "}}"}, secrets={"key": 'a b"%'})

    assert upstream.encode(a_dispatch(), None).headers == {"Authorization": 'Bearer a b"%', "X-B": "}"}


CHARSETS: list[tuple[str, dict[str, Any], bytes]] = [
    ("in an address", {}, b"to=46712345678&text=%E5%A4"),
    (
        "in a form",
        {"method": "POST", "url": "https://a.example/", "body": "to={recipient}&text={text}"},
        b"to=46712345678&text=%E5%A4",
    ),
    ("in XML", XML | {"body": "<t>{text}{recipient}</t>"}, b"<t>\xe5\xa446712345678</t>"),
    ("in JSON", JSON | {"body": '["{text}", {recipient}]'}, b'["\\u00e5\\u20ac", 46712345678]'),
]


@pytest.mark.parametrize(("label", "over", "written"), CHARSETS, ids=[case[0] for case in CHARSETS])
def test_charsets(label: str, over: dict[str, Any], written: bytes) -> None:
    """A text is written in the provider's charset; JSON is the same in all of them."""
    call = an_upstream(**over, charset="iso-8859-15").encode(a_text("å€"), None)

    assert (call.body or call.query.encode()) == written


@pytest.mark.parametrize("over", [over for label, over, _ in CHARSETS if label != "in JSON"])
def test_a_letter_that_the_charset_lacks_is_refused(over: dict[str, Any]) -> None:
    """A text is refused whole, not sent with a question mark in it."""
    with pytest.raises(Unsupported, match="The charset iso-8859-1 lacks a letter of it"):
        an_upstream(**over, charset="iso-8859-1").encode(a_text("€"), None)


@pytest.mark.parametrize("over", [over for _, over, _ in CHARSETS])
def test_half_a_character_is_refused(over: dict[str, Any]) -> None:
    """Nothing can hold half a character, and nobody could read it."""
    with pytest.raises(Unsupported, match="lacks a letter"):
        an_upstream(**over).encode(a_text("a\ud800"), None)


SEVERAL: list[tuple[str, dict[str, Any], str]] = [
    ("a comma", {"url": "https://a.example/?to={recipients}&t={text}"}, "to=%2B46712345678,%2B46709876543&t=Hello"),
    (
        "a parameter each",
        {"url": "https://a.example/?to={recipients}&t={text}", "separator": "&to="},
        "to=%2B46712345678&to=%2B46709876543&t=Hello",
    ),
    (
        "a JSON list",
        JSON | {"body": '{{"to": ["{recipients}"], "t": "{text}"}}', "separator": '", "'},
        '{"to": ["+46712345678", "+46709876543"], "t": "Hello"}',
    ),
]


@pytest.mark.parametrize(("label", "over", "written"), SEVERAL, ids=[case[0] for case in SEVERAL])
def test_several_recipients(label: str, over: dict[str, Any], written: str) -> None:
    """One call carries as many as the provider takes, with the separator as the template would write it."""
    upstream = an_upstream(**over, recipients_per_call=2, number_format="plus")

    call = upstream.encode(two(), None)

    assert upstream.max_recipients == 2
    assert (call.query or call.body.decode()) == written


def test_more_recipients_than_a_call_carries() -> None:
    """A dispatch that was cut for another upstream is refused, not sent to the first of its recipients alone."""
    with pytest.raises(Unsupported, match="One call carries 1 recipients at most"):
        an_upstream().encode(two(), None)


def test_templates_are_filled_in_first() -> None:
    """Each recipient gets its own text, and what an argument brings is no placeholder of ours."""
    content = a_content(body="Hi {name}, {recipient}!", defaults={"name": "you"})
    message = a_message(params={"name": "{text}", "recipient": "R"})

    call = an_upstream().encode(a_dispatch(batch=a_batch(content=content), messages=(message,)), None)

    assert parse_qsl(call.query) == [("to", "46712345678"), ("text", "Hi {text}, R!")]


def test_different_texts_are_not_one_call() -> None:
    """Where recipients would get different texts in one call, nothing is sent."""
    content = a_content(body="Hi {name}", defaults={})
    messages = (a_message(params={"name": "A"}), a_message(number=1002, params={"name": "B"}))
    upstream = an_upstream(url="https://a.example/?to={recipients}&t={text}", recipients_per_call=2)

    with pytest.raises(Unsupported, match="different texts"):
        upstream.encode(a_dispatch(batch=a_batch(content=content), messages=messages), None)


def test_a_flash_message_is_not_sent_as_another() -> None:
    """Where the templates have no {type}, a flash message cannot be asked for."""
    with pytest.raises(Unsupported, match="flash"):
        an_upstream().encode(a_text("Hello", type=MessageType.FLASH), None)


# What is wrong with a configuration -----------------------------------------------------------------------------


def problems(folder: Path, over: Mapping[str, Any]) -> list[str]:
    """What the gateway says of a configuration with this upstream, from the name of the upstream on."""
    document = a_document(
        upstreams={"main": {"adapter": "http", "url": URL} | dict(over)}, routes=[{"name": "default", "to": "main"}]
    )
    path = folder / "sluss.yaml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True), "utf-8")
    try:
        load(path, {})
    except ConfigError as error:
        return [problem.partition("upstreams.main")[2] for problem in error.problems]
    return []


POLL = {"url": "https://a.example/{id}", "code": {"json": "/s"}}
ASKED = {"id": {"json": "/id"}, "codes": {"DELIVRD": 201}}

WRONG: list[tuple[str, dict[str, Any], str]] = [
    (
        "a misspelt placeholder",
        {"url": URL + "{recipien}"},
        ".url: unknown placeholder 'recipien' (did you mean 'recipient'?)",
    ),
    (
        "a secret that is not there",
        {"url": URL + "{secret.kye}", "secrets": {"key": "abc"}},
        ".url: unknown placeholder 'secret.kye' (did you mean 'secret.key'?)",
    ),
    ("an id where nothing is asked", {"headers": {"X": "{id}"}}, ".headers.X: unknown placeholder 'id'"),
    (
        "a lone brace",
        JSON | {"body": '{"t": "{text}"}'},
        ".body: holds a brace that belongs to no placeholder: write {{ and }} for braces that are meant",
    ),
    (
        "no JSON",
        JSON | {"body": '{{"t": {text}, "n": "{recipient}"}}'},
        ".body: is no JSON once it is filled in at line 1, column 7: texts stand in quotes, braces are doubled",
    ),
    (
        "no JSON for some messages",
        JSON | {"body": '["{text}", {recipient}, {type}]', "values": {"type": {"sms": "0"}}},
        ".body: is no JSON once it is filled in at line 1, column 31: texts stand in quotes, braces are doubled",
    ),
    (
        "a placeholder in the host",
        {"url": "https://{sender}.example.com/{text}{recipient}"},
        (
            ".url: must be a URL whose scheme and host are written out, as https://api.example.com/send?to={recipient};"
            " a blank is %20 and a hash sign %23"
        ),
    ),
    (
        "a body with a GET",
        {"body": "{text}"},
        ".body: is not carried by a GET: set method to POST or PUT, or put everything into the url",
    ),
    (
        "CDATA",
        XML | {"body": "<t><![CDATA[{text}]]></t>{recipient}"},
        ".body: escapes values as XML, which nobody reads inside CDATA: write them without it",
    ),
    (
        "a content type that says how nothing is escaped",
        JSON | {"content_type": "application/msgpack"},
        (
            ".content_type: must be one of application/x-www-form-urlencoded, application/json, text/xml,"
            " application/xml, application/soap+xml, text/plain, for values are escaped by it"
        ),
    ),
    (
        "another charset in the content type",
        XML | {"content_type": "text/xml; charset=utf-8", "charset": "latin-1", "body": "{text}{recipient}"},
        ".content_type: names another charset than the key charset: make them the same",
    ),
    (
        "a content type in a charset that is none",
        XML | {"content_type": 'text/xml; charset="utf-9"', "body": "{text}{recipient}"},
        ".content_type: names another charset than the key charset: make them the same",
    ),
    ("a header that is none", {"headers": {"X Y": "3"}}, ".headers.?.?: is no name of a header"),
    (
        "a charset that is none",
        {"charset": "utf-9"},
        ".charset: must be a charset that holds ASCII as it is, as utf-8, iso-8859-1 or windows-1252",
    ),
    (
        "a charset of two bytes for each letter",
        {"charset": "utf-16-be"},
        ".charset: must be a charset that holds ASCII as it is, as utf-8, iso-8859-1 or windows-1252",
    ),
    (
        "a secret that breaks a header",
        {"headers": {"X": "{secret.key}"}, "secrets": {"key": "abc\ndef"}},
        (
            ".headers: cannot be written, for itself or for a secret in it: A header cannot hold a line break, nor a"
            " letter beyond ASCII"
        ),
    ),
    (
        "a header that is counted",
        {"headers": {"content-length": "3"}},
        ".headers.content-length.?: is counted when the request is sent: remove it here",
    ),
    ("a secret that is a number", {"secrets": {"key": 4711}}, ".secrets.key: must be text: put it in quotes"),
    ("no text", {"url": "https://a.example/{recipient}"}, ".url: neither url nor headers nor body holds {text}"),
    ("no recipient", {"url": "https://a.example/{text}"}, ".url: neither url nor headers nor body holds {recipient}"),
    (
        "one recipient for several",
        {"recipients_per_call": 2},
        ".recipients_per_call: is more than one: write {recipients} in place of {recipient}",
    ),
    (
        "a separator that breaks the address",
        {"url": "https://a.example/?{text}{recipients}", "recipients_per_call": 2, "separator": ", "},
        ".url: is no URL once it is filled in: write the separator as a URL holds it, a blank as %20",
    ),
    (
        "a status that HTTP has not",
        {"accepted": {"status": ["2xx"]}},
        ".accepted.0.status.0: must be a status of HTTP or a range, as 503 or 200-299",
    ),
    ("a rule without a question", {"accepted": {}}, ".accepted.0: asks nothing: name status or body"),
    (
        "an expression that is none",
        {"permanent": [{"body": "^(a"}]},
        ".permanent.0.body: is no regular expression of RE2: missing )",
    ),
    (
        "an expression without a group",
        {"id": {"regex": "id=[0-9]+"}},
        ".id.regex: must hold one group in brackets, around what is looked for",
    ),
    (
        "two places at once",
        {"id": {"json": "/id", "header": "X-Id"}},
        ".id: give one of regex, json and header: where it stands",
    ),
    ("a pointer that is none", {"id": {"json": "data.id"}}, ".id.json: must be a JSON pointer, as /data/0/id"),
    (
        "a status that v2 has not",
        {"code": {"json": "/c"}, "codes": {"7": 499}},
        ".codes.?: must be a status of REST v2, as 405: 'sluss codes' lists them",
    ),
    ("codes that stand nowhere", {"codes": {"7": 409}}, ".codes: name with 'code' where an answer has its code"),
    ("a question without codes", {"poll": POLL}, ".poll: name with 'codes' what the codes of its answers mean"),
    (
        "a question for several",
        ASKED | {"poll": POLL, "url": "https://a.example/?{text}{recipients}", "recipients_per_call": 9},
        ".poll: asks for one message: set recipients_per_call to 1",
    ),
    (
        "a misspelt placeholder in a question",
        ASKED | {"poll": POLL | {"url": "https://a.example/{ids}"}},
        ".poll.url: unknown placeholder 'ids' (did you mean 'id'?)",
    ),
    (
        "a message in a question for the balance",
        {"balance": {"url": "https://a.example/{text}", "amount": {"json": "/a"}, "currency": "SEK"}},
        ".balance.url: unknown placeholder 'text'",
    ),
    (
        "a misspelt key",
        {"recipients_per_cal": 3},
        ": unknown key 'recipients_per_cal' (did you mean 'recipients_per_call'?)",
    ),
]


@pytest.mark.parametrize(("label", "over", "problem"), WRONG, ids=[case[0] for case in WRONG])
def test_what_is_wrong_is_told_when_it_is_read(label: str, over: dict[str, Any], problem: str, tmp_path: Path) -> None:
    """Each mistake is one sentence beside the key that is wrong, before anything is sent."""
    assert problems(tmp_path, over) == [problem]


def test_all_templates_are_looked_at_at_once(tmp_path: Path) -> None:
    """Every template with a mistake is told, not just the first."""
    over = {
        "url": URL + "{a_}",
        "headers": {"X": "{b_}", "Y": "{text}"},
        **ASKED,
        "poll": POLL | {"url": "https://a/{c_}"},
    }

    assert {problem.partition(":")[0] for problem in problems(tmp_path, over)} == {".url", ".headers.X", ".poll.url"}


# What an answer means -------------------------------------------------------------------------------------------

RULED: dict[str, Any] = {
    "accepted": {"status": 200, "body": "^(?i)ok"},
    "temporary": [{"status": [503]}, {"body": "busy"}],
    "permanent": [{"status": "400-499"}, {"body": "^ERR"}],
    "misconfigured": {"body": "bad password"},
    "id": {"regex": "id=([^ ]+)"},
    "code": {"regex": r"code=(\w+)"},
    "codes": {"E7": 409, "D": 201, "Q": 102, "X": 202},
}
TAKEN = Status.QUEUED


def receipts(ref: str | None = None, status: Status = TAKEN, code: str | None = None) -> Receipts:
    """What a message got."""
    return Receipts(ref, (Receipt(1001, status, code),))


ACCEPTED: list[tuple[str, dict[str, Any], Reply, Receipts]] = [
    ("any 2xx", {}, Reply(204), receipts()),
    ("an id by expression", RULED, Reply(200, b" OK id=A-1 \n"), receipts("A-1")),
    ("no id found", RULED, Reply(200, b"ok"), receipts()),
    ("an id that is no id", RULED, Reply(200, b"ok id=" + b"9" * 201), receipts()),
    ("an id in JSON", {"id": {"json": "/data/0/id"}}, Reply(200, b'{"data": [{"id": "x1"}]}'), receipts("x1")),
    (
        "an id that is a number",
        {"id": {"json": "/id"}},
        Reply(200, b'{"id": 12345678901234567890}'),
        receipts("12345678901234567890"),
    ),
    ("an escaped pointer", {"id": {"json": "/a~1b/m~0n"}}, Reply(200, b'{"a/b": {"m~n": "x"}}'), receipts("x")),
    ("a pointer beyond a list", {"id": {"json": "/1"}}, Reply(200, b'["a"]'), receipts()),
    ("a pointer to a mapping", {"id": {"json": "/a"}}, Reply(200, b'{"a": {}}'), receipts()),
    ("an id in a header", {"id": {"header": "X-Id"}}, Reply(200, b"", {"X-Id": " 7 "}), receipts("7")),
    ("half a character in an id", {"id": {"json": "/id"}}, Reply(200, b'{"id": "a\\ud800"}'), receipts("a?")),
    ("no JSON", {"id": {"json": "/id"}}, Reply(200, b"<html>"), receipts()),
    ("JSON that never ends", {"id": {"json": "/id"}}, Reply(200, b"[" * 100_000), receipts()),
    ("a code that is known", RULED, Reply(200, b"OK code=Q"), receipts(None, Status.QUEUED, "Q")),
    ("delivered at once", RULED, Reply(200, b"OK code=D"), receipts(None, Status.DELIVERED_TO_HANDSET, "D")),
    ("a code that nobody described", RULED, Reply(200, b"OK code=Z"), receipts(None, TAKEN, "Z")),
]


@pytest.mark.parametrize(("label", "over", "reply", "said"), ACCEPTED, ids=[case[0] for case in ACCEPTED])
def test_what_is_accepted(label: str, over: dict[str, Any], reply: Reply, said: Receipts) -> None:
    """An accepted message is queued at the provider, with its id where it is found, and taken without one as well."""
    assert an_upstream(**over).decode(reply, a_dispatch()) == said


def test_everybody_in_a_call_gets_the_receipt() -> None:
    """One answer is the word for all recipients of the call."""
    upstream = an_upstream(url="https://a.example/?{text}{recipients}", recipients_per_call=2)

    assert upstream.decode(Reply(200), two()).receipts == (Receipt(1001, TAKEN), Receipt(1002, TAKEN))


REFUSALS: list[tuple[str, dict[str, Any], Reply, type[SendError], dict[str, Any]]] = [
    ("401", {}, Reply(401), Misconfigured, {"detail": "The upstream answers 401"}),
    ("403", {}, Reply(403, b"key k is wrong"), Misconfigured, {"detail": "The upstream answers 403"}),
    ("429 without a time", {}, Reply(429), Throttled, {"after": 1.0}),
    ("503 with a time", {}, Reply(503, b"", {"Retry-After": "7"}), Throttled, {"after": 7.0}),
    ("a time that is not believed", {}, Reply(503, b"", {"Retry-After": "99999999"}), Throttled, {"after": 3600.0}),
    (
        "another 4xx",
        {},
        Reply(400, b"no such number"),
        Refused,
        {"status": Status.GENERIC_REJECTED, "raw_code": "400", "raw_text": "no such number"},
    ),
    ("500", {}, Reply(500), Unanswered, {"detail": "The upstream answers 500, and no rule says what that means"}),
    ("a redirect", {}, Reply(302), Unanswered, {"status": Status.UNKNOWN}),
    (
        "a refusal in a 200",
        RULED,
        Reply(200, b"ERR code=E7"),
        Refused,
        {"status": Status.INVALID_RECIPIENT, "raw_code": "E7", "raw_text": "ERR code=E7"},
    ),
    (
        "a code that nobody described",
        RULED,
        Reply(400, b"code=E9"),
        Refused,
        {"status": Status.GENERIC_REJECTED, "raw_code": "E9"},
    ),
    (
        "a code that is no refusal",
        RULED,
        Reply(400, b"code=Q"),
        Refused,
        {"status": Status.GENERIC_REJECTED, "raw_code": "Q"},
    ),
    (
        "accepted, but with the code of a refusal",
        RULED,
        Reply(200, b"OK code=E7"),
        Refused,
        {"status": Status.INVALID_RECIPIENT, "raw_code": "E7"},
    ),
    ("its own word for later", RULED, Reply(200, b"ERR busy"), Throttled, {}),
    ("its own word for a wrong key", RULED, Reply(200, b"ERR bad password"), Misconfigured, {}),
    ("a 200 that no rule takes", RULED, Reply(200, b"<html>welcome</html>"), Unanswered, {}),
    ("a status that is not in the rule", RULED, Reply(202, b"OK"), Unanswered, {}),
]


@pytest.mark.parametrize(("label", "over", "reply", "kind", "said"), REFUSALS, ids=[case[0] for case in REFUSALS])
def test_what_is_not_accepted(
    label: str, over: dict[str, Any], reply: Reply, kind: type[SendError], said: dict[str, Any]
) -> None:
    """Each answer is the decision that its rule says; one that fits no rule may have been taken."""
    with pytest.raises(SendError) as refused:
        an_upstream(**over).decode(reply, a_dispatch())

    assert type(refused.value) is kind
    assert {name: getattr(refused.value, name) for name in said} == said


def test_an_expression_looks_at_the_beginning() -> None:
    """What stands behind the first 16 KiB of an answer is not searched."""
    upstream = an_upstream(id={"regex": "id=(x)"})

    assert upstream.decode(Reply(200, b" " * 16_380 + b"id=x"), a_dispatch()).upstream_ref == "x"
    assert upstream.decode(Reply(200, b"." * 16_384 + b"id=x"), a_dispatch()).upstream_ref is None


WHOLE: dict[str, Any] = {
    **RULED,
    "secrets": {"key": SECRET, "pin": "1"},
    "url": URL + "&k={secret.key}",
    "poll": POLL | {"headers": {"X-Pin": "{secret.pin}"}},
    "balance": {
        "url": "https://a.example/{secret.key}",
        "amount": {"regex": "left=([^ ]+)"},
        "currency": {"json": "/currency"},
    },
}

REPLIES = st.builds(
    Reply,
    st.integers(100, 599),
    st.one_of(
        st.binary(max_size=60),
        st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass")),
        st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=6), st.lists, max_leaves=5).map(
            lambda value: json.dumps({"s": value, "id": value, "currency": value}).encode()
        ),
        st.sampled_from(
            [b"OK id=\xff code=\xff", b"ok id=1 code=Q left=1,5", b"ERR code=\x00", b"left=NaN", b"left=1.50"]
        ),
    ),
    st.dictionaries(st.just("Retry-After"), st.text(max_size=9)),
)


@given(REPLIES)
def test_no_answer_is_too_strange(reply: Reply) -> None:
    """Whatever bytes come, they are receipts or a SendError; a poll and a balance likewise."""
    upstream = an_upstream(**WHOLE)
    for read in (
        lambda: upstream.decode(reply, a_dispatch()),
        lambda: upstream.read(reply, a_dispatch(sent_at=NOW), NOW),
        lambda: upstream.read_balance(reply),
    ):
        try:
            said: object = read()
        except SendError as error:
            said = (error.detail, getattr(error, "raw_code", ""), getattr(error, "raw_text", ""))
        repr(said).encode()
        assert isinstance(said, (Receipts, Poll, tuple))


def test_the_documents_example(tmp_path: Path) -> None:
    """The worked example of docs/http-upstream.md is a configuration, and does what its provider's words say."""
    page = (ROOT / "docs/http-upstream.md").read_text("utf-8")
    written = page.partition("```yaml\nupstreams:")[2].partition("```")[0]
    section = yaml.safe_load(written.replace("${ACME_KEY}", "k-1"))["acme"]
    assert problems(tmp_path, section) == []
    upstream = HttpUpstream(HttpOptions.model_validate({key: section[key] for key in section.keys() - {"adapter"}}))

    assert upstream.encode(a_dispatch(), None).query == "key=k-1&to=%2B46712345678&from=iP1&text=Hello"
    assert upstream.decode(Reply(200, b'{"id": "a1b2", "status": "ok"}'), a_dispatch()) == receipts("a1b2")._replace(
        poll_after=SOONEST
    )
    with pytest.raises(Refused) as refused:
        upstream.decode(Reply(400, b'{"status": "error", "code": 17}'), a_dispatch())
    assert (refused.value.status, refused.value.raw_code) == (Status.INVALID_RECIPIENT, "17")
    assert upstream.ask(a_sent("a1b2")).path == "https://api.example.com/sms/a1b2"
    assert upstream.read(Reply(200, b'{"state": "failed"}'), a_sent(), NOW) == Poll(
        a_report(Status.GENERIC_DELIVERY_FAILURE, "failed"), None
    )


# Asking ---------------------------------------------------------------------------------------------------------


def a_sent(ref: str | None = "A/1", **over: Any) -> Dispatch:
    """A dispatch that the provider has."""
    return a_dispatch(upstream_ref=ref, sent_at=NOW, **over)


def test_a_question_names_the_message() -> None:
    """The provider's id and our own stand in the question, escaped as anywhere."""
    poll = {
        "method": "POST",
        "url": "https://a.example/s/{id}?r={reference}",
        "headers": {"X-Key": "{secret.key}"},
        "content_type": "application/json",
        "body": '{{"id": "{id}"}}',
        "code": {"json": "/s"},
    }
    call = an_upstream(**ASKED, secrets={"key": "k"}, poll=poll).ask(a_sent('A/"1'))

    assert (call.method, call.path) == ("POST", "https://a.example/s/A%2F%221")
    assert call.query == f"r={REFERENCE}"
    assert (call.headers, call.body) == ({"X-Key": "k", "Content-Type": "application/json"}, b'{"id": "A/\\"1"}')


ASKABLE: list[tuple[str, dict[str, Any], bytes, int | None]] = [
    ("its id is known", ASKED | {"poll": POLL}, b'{"id": "x"}', SOONEST),
    ("its id is not known", ASKED | {"poll": POLL}, b"{}", None),
    ("our own id is enough", ASKED | {"poll": POLL | {"url": "https://a.example/{reference}"}}, b"{}", SOONEST),
    ("all is said", ASKED | {"poll": POLL, "code": {"json": "/s"}}, b'{"id": "x", "s": "DELIVRD"}', None),
    ("nobody can be asked", {"id": {"json": "/id"}}, b'{"id": "x"}', None),
]


@pytest.mark.parametrize(("label", "over", "body", "after"), ASKABLE, ids=[case[0] for case in ASKABLE])
def test_when_it_is_asked(label: str, over: dict[str, Any], body: bytes, after: int | None) -> None:
    """A message is asked for where there is something to ask by and something left to say."""
    assert an_upstream(**over).decode(Reply(200, body), a_dispatch()).poll_after == after


@pytest.mark.parametrize(("over", "ref"), [({}, "x"), (ASKED | {"poll": POLL}, None)])
def test_what_cannot_be_asked(over: dict[str, Any], ref: str | None) -> None:
    """Without a question, or without the id that it needs, nothing is asked."""
    with pytest.raises(Unsupported):
        an_upstream(**over).ask(a_sent(ref))


def a_report(status: Status, code: str) -> tuple[Report, ...]:
    """What became of the message."""
    return (Report(status, number=1001, raw_code=code),)


POLLED: list[tuple[str, Reply, int, Poll]] = [
    ("delivered", Reply(200, b'{"s": "DELIVRD"}'), 0, Poll(a_report(Status.DELIVERED_TO_HANDSET, "DELIVRD"), None)),
    ("under way", Reply(200, b'{"s": 1}'), 60_000, Poll(a_report(Status.DELIVERED_TO_GSM, "1"), 30_000)),
    ("a code that nobody described", Reply(200, b'{"s": "?"}'), 0, Poll(a_report(Status.UNKNOWN, "?"), SOONEST)),
    ("no code", Reply(200, b"{}"), 10 * LATEST, Poll((), LATEST)),
    (
        "too old to be asked again",
        Reply(200, b'{"s": "1"}'),
        PATIENCE,
        Poll(a_report(Status.DELIVERED_TO_GSM, "1"), None),
    ),
    ("too old, and forgotten there", Reply(404), PATIENCE, Poll((), None)),
]


@pytest.mark.parametrize(("label", "reply", "age", "said"), POLLED, ids=[case[0] for case in POLLED])
def test_what_became_of_a_message(label: str, reply: Reply, age: int, said: Poll) -> None:
    """A code becomes a status by the table, another is Unknown; asking ends with a final status, or in time."""
    upstream = an_upstream(**ASKED | {"codes": {"DELIVRD": 201, 1: 113}, "poll": POLL})

    assert upstream.read(reply, a_sent(), NOW + age) == said


@pytest.mark.parametrize(
    ("status", "kind"), [(401, Misconfigured), (404, Unanswered), (500, Unanswered), (302, Unanswered)]
)
def test_a_question_that_is_not_answered(status: int, kind: type[SendError]) -> None:
    """An answer that is no success says nothing of the message."""
    with pytest.raises(kind, match=str(status)):
        an_upstream(**ASKED, poll=POLL).read(Reply(status, b'{"s": "DELIVRD"}'), a_sent(), NOW)


def test_the_balance() -> None:
    """The balance is asked with the secrets alone, and read digit for digit."""
    balance = {"url": "https://a.example/b?k={secret.key}", "amount": {"json": "/b"}, "currency": {"json": "/c"}}
    upstream = an_upstream(secrets={"key": "k&"}, balance=balance)
    fixed = an_upstream(balance=balance | {"url": "https://a.example/b", "currency": "SEK"})
    reply = Reply(200, b'{"b": 1000.00, "c": "EUR"}')

    assert upstream.ask_balance().query == "k=k%26"
    assert (upstream.read_balance(reply), fixed.read_balance(reply)) == (("1000.00", "EUR"), ("1000.00", "SEK"))


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(200, b'{"b": "1,5"}'), Unanswered),
        (Reply(200, b'{"b": 1e9}'), Unanswered),
        (Reply(200), Unanswered),
        (Reply(500, b'{"b": 1}'), Unanswered),
        (Reply(401), Misconfigured),
    ],
)
def test_a_balance_that_cannot_be_read(reply: Reply, kind: type[SendError]) -> None:
    """What is no decimal number is no balance."""
    upstream = an_upstream(balance={"url": "https://a.example/", "amount": {"json": "/b"}, "currency": "SEK"})

    with pytest.raises(kind):
        upstream.read_balance(reply)


def test_no_balance() -> None:
    """Without a question for it, there is none."""
    with pytest.raises(Unsupported):
        an_upstream().ask_balance()


# Secrets --------------------------------------------------------------------------------------------------------

FORMS = (
    SECRET,
    SECRET.upper(),
    "hemlig%26%22%3C47%2F%20%C3%A5",
    "hemlig%26%22%3c47%2f+%c3%a5",
    json.dumps(SECRET)[1:-1],
    "hemlig&amp;&quot;&lt;47/ å",
)


@pytest.mark.parametrize("form", FORMS)
def test_an_answer_that_repeats_a_secret_is_not_kept(form: str) -> None:
    """Neither an id nor a code nor the words of an answer are kept that hold a secret in any form it was sent in."""
    upstream = an_upstream(
        **RULED | {"id": {"header": "X-Id"}, "code": {"header": "X-Id"}},
        secrets={"key": SECRET},
        url=URL + "{secret.key}",
    )

    with pytest.raises(Refused) as refused:
        upstream.decode(Reply(400, f"ERR unknown key {form}".encode(), {"X-Id": form}), a_dispatch())
    taken = upstream.decode(Reply(200, b"OK", {"X-Id": form}), a_dispatch())

    assert (refused.value.raw_code, refused.value.raw_text) == ("400", "")
    assert taken == receipts()


def test_a_short_secret_is_found_by_chance() -> None:
    """Every id would hold a secret of one digit, so that is not looked for."""
    assert an_upstream(secrets={"pin": "1"}, id={"json": "/id"}).decode(
        Reply(200, b'{"id": 21}'), a_dispatch()
    ) == receipts("21")


def test_options_show_no_secret() -> None:
    """However options are printed, their secrets are not."""
    options = HttpOptions.model_validate(WHOLE)

    assert "hemlig" not in repr(options) + str(options) + str(options.model_dump()) + options.model_dump_json()


def test_an_explanation_shows_no_secret() -> None:
    """The request that operations are shown has a mask in place of each secret, in whatever form it would be sent."""
    upstream = UpstreamSettings.model_validate({"name": "main", "adapter": "http", **WHOLE})

    request = leaving(upstream, a_dispatch(), None, full=True)["request"]

    assert request["url"].endswith("&text=Hello&k=%2A%2A%2A%2A%2A%2A%2A%2A")


def test_a_mistake_shows_no_secret(tmp_path: Path) -> None:
    """A sentence about a configuration repeats nothing of it but names."""
    over = {
        "secrets": {"key": "hemlig\n1"},
        "headers": {"X": "{secret.key}"},
        "poll": {"url": "https://hemlig:2@a/", "code": {"regex": "hemlig("}},
    }

    told = problems(tmp_path, over) + problems(tmp_path, {name: over[name] for name in ("secrets", "headers")})

    assert len(told) == 3
    assert "hemlig" not in "".join(told)


def test_the_adapter_says_what_is_secret() -> None:
    """Log fields of these names are blanked."""
    assert ADAPTER.secrets == {"secrets", "authorization"}


def test_json_is_read_in_the_charset_that_is_said() -> None:
    """A refusal in ISO-8859-1 is one, whatever letters its words hold: it must not pass for an acceptance."""
    upstream = an_upstream(
        charset="iso-8859-1",
        id={"json": "/id"},
        code={"json": "/code"},
        codes={"17": 409},
    )
    body = '{"id": "x1", "code": 17, "message": "ogiltigt nummer på"}'

    for charset in ("iso-8859-1", "utf-8"):
        with pytest.raises(Refused) as caught:
            upstream.decode(Reply(200, body.encode(charset)), a_dispatch())
        assert (caught.value.status, caught.value.raw_code) == (Status.of(409), "17")


def test_a_header_below_a_bar_is_one_line() -> None:
    """YAML's `|` leaves a line break at the end, which no header holds: it is left out."""
    upstream = an_upstream(headers={"Authorization": "Bearer {secret.key}\n"}, secrets={"key": "abc"})

    assert upstream.encode(a_dispatch(), None).headers["Authorization"] == "Bearer abc"


@pytest.mark.parametrize(
    "over",
    [
        {"headers": {"X": "one\r\nY: two"}},
        {"method": "POST", "body": "{text}", "content_type": "application/json;\r\n charset=utf-8"},
        {"url": "https://api.example.com:99999/send?to={recipient}&text={text}"},
        {"url": "https://[::1/send?to={recipient}&text={text}"},
        {"charset": "idna"},
        {"charset": "hz"},
        {"charset": "cp864"},
    ],
    ids=lambda over: next(iter(over.values())) if len(over) == 1 else "content_type",
)
def test_what_could_never_be_sent_is_refused_at_once(over: dict[str, Any]) -> None:
    """A line break in a header, an address without a port that is one, a charset that fails on an answer."""
    with pytest.raises(ValidationError):
        an_upstream(**over)


@pytest.mark.parametrize(
    "said",
    [
        "bad key ab\\/cd+ef==",
        "bad key ab/cd%2Bef==",
        "bad key AB/CD+EF==",
        "bad key ab&#47;cd+ef==",
        "\\u0061b/cd+ef==",
    ],
)
def test_a_secret_in_any_of_the_forms_it_comes_back_in_is_kept_out(said: str) -> None:
    """As JSON of PHP, percent-encoded in part, in other letters: words that repeat it are not kept."""
    upstream = an_upstream(headers={"X": "{secret.key}"}, secrets={"key": "ab/cd+ef=="})

    with pytest.raises(Refused) as caught:
        upstream.decode(Reply(400, said.encode()), a_dispatch())

    assert caught.value.raw_text == ""
