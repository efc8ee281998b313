"""The golden files, replayed over a real socket to the real application; `tests/goldens.py` tells their form.

A file's whole conversation is held: requests on connections of their own, several on one, sent ahead, in HTTP/1.0, in
chunks, packed, or a body that waits for a word. What the front reads itself and what aiohttp reads must look the same.
"""

import json
import socket
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from builders import FrozenClock
from gateways import Running, a_document
from goldens import FILES, Golden, Turn, read
from rawhttp import connected, say_at_once

from gateway.app import Gateway
from gateway.ids import FIRST_NUMBER
from gateway.model import Page
from gateway.store.rows import content_to_json

FACES = {"rest_v2": 8, "rest_v1": 8, "soap": 170, "sendsms": 80}
"""How many files a face has at the least; the two that are held to the manners of an old server have many."""
SOURCES = ("seed", "wsdl", "recorded", "measured", "inferred")


@pytest.fixture
def unreachable() -> Iterator[str]:
    """An address whose port is taken, and answers nobody."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield "http://{}:{}/v2".format(*held.getsockname())


@pytest.fixture
async def gateway(running: Running, unreachable: str) -> Gateway:
    """The gateway as every golden file finds it."""
    document = a_document(
        upstreams={
            "main": {"adapter": "rest_v2", "url": unreachable, "token": "golden"},
            "sandbox": {"adapter": "sandbox"},
        },
        routes=[{"name": "away", "when": {"recipient": "46*"}, "to": "main"}, {"name": "default", "to": "sandbox"}],
    )
    document["listen"]["hook_secret"] = "golden-hook-secret"
    document["callers"][0]["incoming"] = {}
    return await running(document, FrozenClock())


async def stored(gateway: Gateway) -> Any:
    """What the store holds of the first batch, in the form of a golden file; None for nothing."""
    batch = await gateway.store.batch(FIRST_NUMBER)
    if batch is None:
        return None
    messages = await gateway.store.messages(batch, Page(limit=batch.size))
    recipients = {message.recipient: dict(message.params) for message in messages}
    said = json.loads(content_to_json(batch.content))
    return said | {"recipients": recipients if batch.content.templated else list(recipients)}


def _staying(raw: bytes) -> bytes:
    head, end, body = raw.partition(b"\r\n\r\n")
    return head.replace(b"\r\nConnection: close", b"") + end + body


@pytest.mark.parametrize("pieces", [1, 2], ids=["whole", "in two pieces"])
@pytest.mark.parametrize("golden", FILES.values(), ids=FILES)
async def test_a_client_reads_the_bytes_it_always_read(golden: Golden, gateway: Gateway, pieces: int) -> None:
    """Each request is answered with the very bytes of the file, and what it asks for is what is stored.

    A request that comes whole is read by the front, one that comes in pieces by aiohttp: the client must not notice,
    but that aiohttp's connection ends with the answer to a query.
    """
    for turns in golden.connections:
        async with connected(gateway.public) as (reader, writer):
            for requests, answers in turns:
                said = [answer.raw for answer in await say_at_once(reader, writer, requests, pieces)]
                assert said == answers or (pieces > 1 and list(map(_staying, said)) == list(map(_staying, answers)))

    assert await stored(gateway) == golden.stored


@pytest.mark.parametrize(("face", "least"), FACES.items())
def test_every_face_has_its_goldens(face: str, least: int) -> None:
    """Enough files hold a face to what its clients know, one of them the provider's own sample."""
    sources = [golden.source for name, golden in FILES.items() if name.startswith(f"{face}/")]

    assert len(sources) >= least
    assert any("sample" in source for source in sources)


@pytest.mark.parametrize("name", FILES)
def test_a_golden_says_where_it_comes_from(name: str) -> None:
    """A file's bytes have a source of a known kind, and the place it can be looked up."""
    kind, dash, where = FILES[name].source.partition(" — ")

    assert kind in SOURCES
    assert dash
    assert where


@pytest.mark.parametrize("face", FACES)
def test_no_two_goldens_say_the_same(face: str) -> None:
    """A label names one file of a face."""
    labels = Counter(golden.label for name, golden in FILES.items() if name.startswith(f"{face}/"))

    assert [label for label, times in labels.items() if times > 1] == []


_SAID = "# label: x\n# source: seed — y\n# stored: nothing\n"

UNREADABLE = [
    ("a file without a source", "# label: x\n# stored: nothing\n>>>\nGET / HTTP/1.1\n<<<\nHTTP/1.1 200 OK\n"),
    ("a request without an answer", f"{_SAID}>>>\nGET / HTTP/1.1\n"),
    ("an answer without a request", f"{_SAID}<<<\nHTTP/1.1 200 OK\n"),
    ("two requests and one answer", f"{_SAID}>>>\nGET / HTTP/1.1\n>>+\nGET / HTTP/1.1\n<<<\nHTTP/1.1 200 OK\n"),
    ("nothing at all", _SAID),
]


@pytest.mark.parametrize(("label", "text"), UNREADABLE, ids=[case[0] for case in UNREADABLE])
def test_a_golden_with_a_part_missing_is_refused(label: str, text: str) -> None:
    """A file that would check nothing is an error, not a test that passes."""
    with pytest.raises(ValueError, match=r"golden|turns|begins"):
        read(text)


def test_a_golden_is_read_byte_for_byte() -> None:
    """CRLF is added to heads alone, escapes are bytes, base64 is decoded, and bodies keep their line feeds."""
    text = f"{_SAID}>>>\nPOST /\\xe4 HTTP/1.1\nHost: a\n\none\ntwo\\x0a\n<<<\nHTTP/1.1 200 OK\n\nbase64:AP8=\n"

    request, answer = b"POST /\xe4 HTTP/1.1\r\nHost: a\r\n\r\none\ntwo\n", b"HTTP/1.1 200 OK\r\n\r\n\x00\xff"
    assert read(text).connections == [[Turn([request], [answer])]]


def test_a_golden_can_hold_a_long_text_and_another_coding() -> None:
    """What would not be readable is told instead: a text so many times, and UTF-16."""
    text = f"{_SAID}>>>\nPOST /\\[3*ab] HTTP/1.1\n\nutf-16-be:\\ufeffå\n<<<\nHTTP/1.1 200 OK\n"

    assert read(text).connections[0][0].requests == [b"POST /ababab HTTP/1.1\r\n\r\n\xfe\xff\x00\xe5"]


def test_a_golden_tells_who_speaks_when() -> None:
    """New connections, a connection that goes on, requests sent ahead, and a body after its head."""
    text = f"{_SAID}>>>\nA\n<<<\n1\n>>>\nB\n>>+\nC\n<<<\n2\n<<<\n3\n>>+\n\nthe body\n<<<\n4\n"

    end = b"\r\n\r\n"
    assert read(text).connections == [
        [Turn([b"A" + end], [b"1" + end])],
        [Turn([b"B" + end, b"C" + end], [b"2" + end, b"3" + end]), Turn([b"the body"], [b"4" + end])],
    ]
