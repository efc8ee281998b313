"""Whatever anyone sends: the older faces answer in their own form, and the front reads what was sent or nothing.

The examples are the same in every run: a failure is of the change that made it.
"""

import http.client
import io
import re
from typing import Any, cast
from xml.etree import ElementTree as ET

from builders import DONE, a_batch
from callers import FACES, a_letter
from envelopes import calls, spoiled
from gateways import ACCOUNT, KEY
from goldens import FILES
from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict

from adapters.rest_v1 import ADAPTER as REST_V1
from adapters.rest_v2 import ADAPTER as REST_V2
from adapters.sendsms import ADAPTER as SENDSMS
from adapters.sendsms.face import SendSmsFace
from adapters.soap import ADAPTER as SOAP
from adapters.soap.contract import CONTRACTS, describe
from adapters.soap.face import SoapFace
from adapters.soap.wire import Version
from gateway.commands import Accepted, SubmitBatch
from gateway.config import Listen
from gateway.errors import RequestError, TooLarge, Unauthenticated
from gateway.front import read
from gateway.model import Account
from gateway.peers import Socket
from gateway.ports import Call, Face, Reply
from gateway.web import Mounted, Web

NAMESPACE = CONTRACTS[0].namespace
PARAMETERS = {
    operation.name: [parameter.name for parameter in operation.parameters]
    for operation in describe(CONTRACTS[0]).operations
}

SENT = [
    request.partition(b"\r\n\r\n")[2]
    for name, golden in FILES.items()
    if name.startswith("soap/")
    for turns in golden.connections
    for turn in turns
    for request in turn.requests
]


def bounded(examples: int) -> settings:
    """So many examples, the same in every run, and no clock."""
    return settings(max_examples=examples, derandomize=True, deadline=None)


def answered(face: Face, call: Call) -> Reply:
    """What a face answers where a message is taken, and all else has the wrong credentials."""
    if len(call.body) > face.max_body:
        return face.refuse(TooLarge(face.max_body), call, None)
    try:
        inbound = face.decode(call)
    except RequestError as error:
        return face.refuse(error, call, None)
    if isinstance(inbound, Reply):
        return inbound
    if isinstance(inbound.command, SubmitBatch):
        return face.encode(
            Accepted(a_batch(), (), (), Account("a", "Org", "SEK", "46"), cast("Any", DONE)), inbound, call
        )
    refusal = inbound.command if isinstance(inbound.command, RequestError) else Unauthenticated()
    return face.refuse(refusal, call, inbound)


# Any bytes at all.

MEDIA_TYPES = ("text/xml", "application/soap+xml", "TEXT/XML ", 'application/soap+xml; action="x"')
CHARSETS = ("", "; charset=utf-8", '; charset="UTF-16"', "; charset=windows-1252", ";charset=å", "; charset=zlib")
OTHER_TYPES = ("", "text/html", "application/x-www-form-urlencoded", "; ;", "text", "text/xmlx")
CONTENT_TYPES = st.sampled_from([*(media + charset for media in MEDIA_TYPES for charset in CHARSETS), *OTHER_TYPES])
ACTIONS = st.one_of(
    st.sampled_from([None, "", '""', f'"{NAMESPACE}sms"', f"{NAMESPACE}balans", "#sms", "/", "%00%", "<b>&\0\udcff"]),
    st.text(max_size=20),
)
WELL_FORMED = calls(PARAMETERS | {"unknown": ["konto"]}, NAMESPACE).map(lambda written: written.body)
SPOILED = spoiled([body for body in SENT if 0 < len(body) < 2000])
BODIES = st.one_of(WELL_FORMED, WELL_FORMED, SPOILED, SPOILED, st.binary(max_size=100))
QUERIES = st.one_of(
    st.text(max_size=100),
    st.binary(max_size=100).map(lambda raw: raw.decode("utf-8", "surrogateescape")),
    st.lists(
        st.tuples(
            st.sampled_from(["msg", "from", "to", "prio", "type", "time", "TO", "m%73g", "x", ""]),
            st.text(alphabet="%u0D8+=;,\0åaAfF37\udcff:-# ", max_size=20),
        ),
        max_size=8,
    ).map(lambda pairs: "&".join(f"{name}={value}" for name, value in [("acc", ACCOUNT), ("pass", KEY), *pairs])),
)


@bounded(500)
@given(body=BODIES, content_type=CONTENT_TYPES, action=ACTIONS)
def test_any_bytes_are_answered_as_a_soap_service_answers(body: bytes, content_type: str, action: str | None) -> None:
    """A status of an .asmx; where there is a body, it is an envelope with one result or one fault."""
    headers = CIMultiDict({"Content-Type": content_type} | ({} if action is None else {"SOAPAction": action}))

    reply = answered(SoapFace(), Call("POST", "/sendsms/sendsms.asmx", headers=headers, body=body))

    assert reply.status in (200, 400, 413, 415, 500)
    assert bool(reply.body) is (reply.status in (200, 500))
    if reply.body:
        check_envelope(reply)


def check_envelope(reply: Reply) -> None:
    """An answer is XML, an envelope, with a result (200) or a fault (500), and no trace of ours."""
    root = ET.fromstring(reply.body)  # noqa: S314 - our own answer
    namespace = {f"{{{version.value}}}Envelope": f"{{{version.value}}}" for version in Version}[root.tag]
    (only,) = root.findall(f"{namespace}Body/*")
    if reply.status == 500:
        assert only.tag == f"{namespace}Fault"
    else:
        (value,) = only
        assert only.tag.rpartition("}")[2].removesuffix("Response") in PARAMETERS
        assert value.tag == only.tag.removesuffix("Response") + "Result"
        assert value.text
    assert not re.search(rb"Traceback|\.py\b|File &quot;", reply.body)


@bounded(300)
@given(query=QUERIES)
def test_any_query_is_answered_with_a_bare_number(query: str) -> None:
    """Clients compare the whole body with their table of codes, and none of them reads another status than 200."""
    reply = answered(SendSmsFace(), Call("GET", "/sendsms.aspx", query=query))

    assert reply.status == 200
    assert re.fullmatch(rb"[0-9]+", reply.body)


# Requests on the front's short way.


def a_web() -> Web:
    """What the front asks of the listener: which face a path is of."""
    faces = [
        Mounted.of(adapter, adapter.face_options() if adapter.face_options else None)
        for adapter in (REST_V2, REST_V1, SOAP, SENDSMS)
    ]
    nobody = cast("Any", None)
    return Web(faces, nobody, nobody, nobody, nobody, nobody, Listen())


GOOD = (b"User-Agent: a/1 (b)", b"X: a: b", b"x:", b"A: \tb\t", b"B:c", b"Connection: Keep-Alive")
ODD = (
    *(b"Host: a", b"host:b", b"Connection: close", b"Expect: x", b"Transfer-Encoding: chunked", b"Upgrade: h2c"),
    *(b"Content-Length: 5", b"content-length:  3 ", b"Content-Length: +1", b"Content-Length: 0005", b"Content-Length:"),
    *(b"X : a", b" X: a", b"X: \xe5", b"X: a\0b", b"X", b"", b"A: 1\nHost: c", b"X: a\rY: b"),
)
TARGETS = st.sampled_from([b"/sendsms.aspx", b"/sendsms.aspx?msg=%E5+b?c#d", b"/Api/sms/send/1", b"/v2/batches?", b"*"])
STARTS = st.sampled_from([b"GET {} HTTP/1.1", b"POST {} HTTP/1.1"] * 5 + [b"PUT {} HTTP/1.1", b"GET {} HTTP/1.0"])


@st.composite
def heads(draw: st.DrawFn) -> bytes:
    """A request that is put together of good lines, and perhaps an odd one; more or fewer bytes may follow it."""
    length = b"Content-Length: %d" % draw(st.integers(0, 4))
    lines = [b"Host: x", length, *draw(st.lists(st.sampled_from(GOOD), max_size=2))]
    lines += draw(st.one_of([st.just([])] * 3 + [st.sampled_from(ODD).map(lambda line: [line])]))
    end = draw(st.sampled_from([b"\r\n"] * 9 + [b"\n"]))
    start = draw(STARTS).replace(b"{}", draw(TARGETS))
    return end.join([start, *draw(st.permutations(lines)), b"", b""]) + draw(st.binary(min_size=2, max_size=9))


SOCKET = Socket("192.0.2.1")
RAW = st.one_of(heads(), heads(), spoiled([a_letter(face, "Hej åäö").raw() for face in FACES]), st.binary(max_size=60))


@bounded(500)
@given(data=RAW)
def test_what_the_front_reads_is_what_was_sent(data: bytes) -> None:
    """The front reads a request, or leaves all of it to aiohttp; what it reads can be written again, and is the same.

    The standard library's reader of header fields is the judge of the head; every byte after it is body or rest.
    """
    web = a_web()

    plain = read(web, data, SOCKET)

    if plain is None:
        return
    call = plain.call
    head, _, after = data.partition(b"\r\n\r\n")
    line, _, fields = head.partition(b"\r\n")
    target = f"{call.path}?{call.query}" if b"?" in line else call.path
    assert line == f"{call.method} {target} HTTP/1.1".encode()
    told = [
        (name, value.strip(" \t"))
        for name, value in http.client.parse_headers(io.BytesIO(fields + b"\r\n\r\n")).items()
    ]
    assert list(call.headers.items()) == told
    assert after == call.body + plain.rest
    assert len(call.body) == int(call.headers.get("Content-Length", 0))
    written = "\r\n".join([line.decode(), *(f"{name}: {value}" for name, value in told)]).encode() + b"\r\n\r\n" + after
    assert read(web, written, SOCKET) == plain
