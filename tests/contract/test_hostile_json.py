"""JSON that was written to do harm: what clients post, what upstreams answer, what is posted to our hooks."""

from codecs import BOM_UTF8
from typing import Any

import orjson
import pytest
from builders import NOW
from cases.upstreams import CASES
from contract.upstreams import Subject, a_plain
from multidict import CIMultiDict

from adapters.rest_v1 import ADAPTER as REST_V1
from adapters.rest_v2 import ADAPTER as REST_V2
from gateway.errors import Malformed, RequestError, SendError
from gateway.ports import Adapter, Call, Inbound, Records, Reply
from gateway.rest import MAX_PARTS, document_in


def nested(depth: int, opens: bytes = b"[", closes: bytes = b"]") -> bytes:
    """A value within a value, so many times."""
    return opens * depth + b"1" + closes * depth


VALUES = {
    "nested as deeply as a Python program can follow": nested(990),
    "nested as deeply as orjson reads": nested(1015),
    "objects nested as deeply": nested(1015, b'{"a":', b"}"),
    "nested deeper": nested(5000),
    "half a megabyte of brackets": b"[" * 500_000,
    "an integer of 5,000 digits": b"1" * 5000,
    "an integer beyond 64 bits": b"18446744073709551616",
    "a number beyond all floats": b"1e999",
    "50,000 decimals": b"0." + b"1" * 50_000,
    "NaN": b"NaN",
    "Infinity": b"-Infinity",
    "half a surrogate pair": rb'"\ud800"',
    "half a surrogate pair in bytes": b'"\xed\xa0\x80"',
    "a NUL": rb'"a\u0000b"',
    "half a megabyte of text": b'"' + b"x" * 500_000 + b'"',
    "a name twice": b'{"a": 1, "a": 2}',
    "names that nobody gives": rb'{"a\u0000": 1, "__proto__": {}, "": null}',
    "a truth": b"true",
}
"""What may stand where something else belongs."""

HEADERS = CIMultiDict({"Content-Type": "application/json", "Authorization": "Bearer a-key-of-somebody"})
V2_BATCH: dict[str, Any] = {"sender": "iP1", "recipients": ["46712345678"], "body": "Hej"}
V1_SEND: dict[str, Any] = {"From": "iP1", "Numbers": ["46712345678"], "Message": "Hej"}
POSTS: list[tuple[Adapter, str, str, dict[str, Any], str]] = [
    (REST_V2, "POST", "/v2/batches", V2_BATCH, "type datacoding priority deliveryWindows deliveryReportUrl"),
    (REST_V2, "POST", "/v2/batches", V2_BATCH, "sender recipients body reference tags"),
    (REST_V2, "POST", "/v2/contacts", {"properties": {"msisdn": "46712345678"}}, "properties metadata labels"),
    (REST_V2, "PATCH", "/v2/contacts/5bc86b6e85c7209830f96936", {}, "properties metadata labels"),
    (REST_V2, "POST", "/v2/blacklist", {}, "msisdn"),
    (REST_V1, "POST", "/api/sms/send", V1_SEND, "From Numbers Message Contacts Groups Parameters Email Prio"),
    (REST_V1, "POST", "/api/contacts", {}, "FirstName Phone"),
    (REST_V1, "POST", "/api/memberships", {}, "Group Contact"),
    (REST_V1, "POST", "/api/authentications", {}, "Phone Code Message"),
    (REST_V1, "POST", "/api/phonenumber/lookup", {}, "Numbers"),
]
"""What is posted, and the fields in which something else may stand."""


def but(document: dict[str, Any], name: str, value: bytes) -> bytes:
    """A document with raw bytes as the value of one field."""
    rest = b"".join(b"," + orjson.dumps({k: v})[1:-1] for k, v in document.items() if k != name)
    return b'{"' + name.encode() + b'":' + value + rest + b"}"


def command_of(adapter: Adapter, method: str, path: str, body: bytes) -> object:
    """What a face makes of a request: a command, or the error that it is answered with."""
    assert adapter.face is not None
    face = adapter.face(adapter.face_options()) if adapter.face_options else adapter.face()
    try:
        decoded = face.decode(Call(method, path, headers=HEADERS, body=body))
    except RequestError as error:
        return error
    return decoded.command if isinstance(decoded, Inbound) else decoded


@pytest.mark.parametrize("kind", VALUES)
def test_whatever_is_posted_is_read_or_refused(kind: str) -> None:
    """Wherever it stands, and as the whole body, with a byte order mark or without: a command, or an error of ours."""
    value = VALUES[kind]
    for adapter, method, path, document, fields in POSTS:
        bodies = [value, BOM_UTF8 + value, *(but(document, name, value) for name in fields.split())]
        for body in [*bodies, *(b"[" + body + b"]" for body in bodies)]:
            assert command_of(adapter, method, path, body) is not None


MANY = {
    "numbers": b"[" + b"1," * 20_000 + b"1]",
    "lists": b"[" + b"[]," * 20_000 + b"[]]",
    "nothing": b"[" + b"null," * 20_000 + b"null]",
    "names": b"{" + b",".join(b'"%x":[]' % number for number in range(20_000)) + b"}",
}
"""More than any list or object may hold."""


@pytest.mark.parametrize("kind", MANY)
def test_what_is_too_much_is_one_problem(kind: str) -> None:
    """A list of 20,000 wrong entries is refused as a list: to tell of each takes long."""
    value = MANY[kind]
    for adapter, method, path, document, fields in POSTS:
        bodies = [value, *(but(document, name, value) for name in fields.split())]
        for body in [*bodies, *(b"[" + body + b"]" for body in bodies)]:
            found = command_of(adapter, method, path, body)
            if isinstance(found, Malformed):
                assert sum(len(sentences) for sentences in found.fields.values()) < 10


@pytest.mark.parametrize("part", [b",", b"[", b"{"])
def test_a_body_of_too_many_parts_is_not_read(part: bytes) -> None:
    """Four megabytes of brackets would be a million lists: what is made of more parts than any request is refused."""
    with pytest.raises(Malformed) as caught:
        document_in(part * (MAX_PARTS + 1))

    assert caught.value.detail == "The body is made of too many values"


def test_the_largest_body_is_read() -> None:
    """10,000 recipients, each with 25 template arguments, are fewer parts than that."""
    document = {str(number): {f"a{name}": "x" for name in range(25)} for number in range(10_000)}

    assert document_in(orjson.dumps(document)) == document


def test_the_last_of_two_equal_names_counts() -> None:
    """Whoever checks requests before they come here reads it so, too: as JavaScript and .NET do."""
    assert document_in(b'{"to": "46700000001", "to": "46700000002"}') == {"to": "46700000002"}


NO_JSON = [
    ("UTF-16", '{"a": 1}'.encode("utf-16")),
    ("UTF-16 without a mark", '{"a": 1}'.encode("utf-16-le")),
    ("UTF-7", b"+AHsAfQ-"),
    ("EBCDIC", "{}".encode("cp037")),
    ("overlong UTF-8", b'{"a": "\xc0\xaf"}'),
    ("two documents", b"{}{}"),
    ("a comment", b"{} // {}"),
    ("quotes of another kind", b"{'a': 1}"),
]


@pytest.mark.parametrize(("label", "body"), NO_JSON, ids=[label for label, _ in NO_JSON])
def test_only_json_in_utf_8_is_json(label: str, body: bytes) -> None:
    """What a proxy in front may read otherwise than Sluss is not read at all."""
    for adapter, method, path, *_ in POSTS:
        assert isinstance(command_of(adapter, method, path, body), Malformed)


NAMES = (
    *("status", "title", "detail", "message", "errors", "Balance", "Currency", "ID", "Status", "Message", "ModelState"),
    *("code", "recipient", "direction", "created", "price", "currency", "sender", "body", "segments", "datacoding"),
    *("modified", "mcc", "mnc", "TotalPrice", "StatusDescription", "BundleID", "To"),
)
"""Every name that an upstream's answer or report is looked into for."""


def told(value: bytes) -> list[bytes]:
    """What an upstream may say where it says this everywhere, and in each place alone."""
    known = b'"id": "5bc86b6e85c7209830f96936"'
    everywhere = b"{" + known + b"".join(b',"%s":%s' % (name.encode(), value) for name in NAMES) + b"}"
    alone = [b"{" + known + b',"direction":"mo","%s":%s}' % (name.encode(), value) for name in NAMES]
    return [value, everywhere, b"[" + everywhere + b"]", *(alone if len(value) < 10_000 else ())]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("kind", VALUES)
def test_whatever_an_upstream_answers_is_understood_or_told_as_an_error(name: str, kind: str) -> None:
    """The answer to a message, to a question and to a search, and the balance: no answer is a crash."""
    upstream, dispatch = Subject(name, CASES[name]).upstream, a_plain(2, sent_at=NOW)
    for body in told(VALUES[kind]):
        for status in (200, 201, 403, 500):
            reply = Reply(status, body, CIMultiDict({"Retry-After": "9" * 5000}))
            for ask in (
                lambda reply=reply: upstream.decode(reply, dispatch),
                lambda reply=reply: upstream.read(reply, dispatch, NOW),
                lambda reply=reply: upstream.read_balance(reply),
                lambda reply=reply: isinstance(upstream, Records) and upstream.found(reply, dispatch),
            ):
                answered(ask)


def answered(ask: Any) -> None:
    """Ask, and be told an error of ours at the worst."""
    try:
        ask()
    except SendError:
        return


@pytest.mark.parametrize("kind", VALUES)
def test_whatever_is_posted_to_a_hook_is_understood_or_refused(kind: str) -> None:
    """A report or a message that comes in from an upstream: read, or refused as malformed."""
    assert REST_V2.reports is not None
    hook = REST_V2.reports()
    for body in told(VALUES[kind]):
        try:
            hook.decode(Call("POST", "/hooks/main/x", headers=HEADERS, body=body))
        except Malformed:
            continue
