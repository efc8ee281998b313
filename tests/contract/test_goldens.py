r"""Golden files: what an old client sends and reads, byte for byte, over a real socket to the real application.

A file is `tests/golden/<face>/<name>.http`:

    # label: a sentence that says what the client does
    # source: seed|wsdl|recorded|measured|inferred — where the bytes of the request come from
    # stored: {what is kept of the message and whom it goes to}, or: nothing
    >>>
    the request: its head with a line feed for each CRLF, an empty line, the body as it is
    <<<
    the whole answer in the same form, without its Date

More exchanges may follow, each on a connection of its own. `\xNN` is a byte, anywhere; a body `base64:…` is decoded.
The line feed before a marker or the end of the file belongs to the form. The gateway's clock stands still at the moment
of the provider's examples, 2018-10-23T17:43:19Z, its store is empty, so the first id is 1001, and account and key are
the provider's own examples. Numbers that begin with 46 go to an upstream that nobody can reach; a file that needs a
later status posts the delivery report that an upstream would post.
"""

import base64
import json
import re
import socket
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from builders import FrozenClock
from gateways import Running, a_document
from rawhttp import exchange

from gateway.app import Gateway
from gateway.ids import FIRST_NUMBER
from gateway.store.rows import content_to_json

FOLDER = Path(__file__).resolve().parents[1] / "golden"
FACES = ("rest_v2", "rest_v1", "soap", "sendsms")
SOURCES = ("seed", "wsdl", "recorded", "measured", "inferred")

_ESCAPE = re.compile(rb"\\x([0-9a-f]{2})")


@dataclass(frozen=True, slots=True)
class Golden:
    """One file."""

    label: str
    source: str
    stored: Any
    """None for nothing."""
    exchanges: tuple[tuple[bytes, bytes], ...]


def read(text: str) -> Golden:
    """A golden file's text, understood. Raises ValueError."""
    head, *parts = re.split(r"^(>>>|<<<)\n", text.removesuffix("\n"), flags=re.MULTILINE)
    markers, sections = parts[::2], parts[1::2]
    if not markers or markers != [">>>", "<<<"] * (len(markers) // 2):
        raise ValueError("requests >>> and answers <<< take turns")
    said = dict(re.findall(r"^# (\w+): (.*)$", head, flags=re.MULTILINE))
    if set(said) != {"label", "source", "stored"}:
        raise ValueError("a golden file says its label, its source and what is stored")
    messages = [_bytes(section) for section in sections]
    stored = None if said["stored"] == "nothing" else json.loads(said["stored"])
    exchanges = tuple(zip(messages[::2], messages[1::2], strict=True))
    return Golden(said["label"], said["source"], stored, exchanges)


def _bytes(section: str) -> bytes:
    head, _, body = section.partition("\n\n")
    lines = head.removesuffix("\n").encode().replace(b"\n", b"\r\n")
    whole = body.removesuffix("\n").encode()
    if whole.startswith(b"base64:"):
        whole = base64.b64decode(whole.removeprefix(b"base64:"))
    return _ESCAPE.sub(lambda match: bytes.fromhex(match[1].decode()), lines + b"\r\n\r\n" + whole)


FILES = {path.relative_to(FOLDER).as_posix(): read(path.read_text("utf-8")) for path in sorted(FOLDER.rglob("*.http"))}


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
    return await running(document, FrozenClock())


async def stored(gateway: Gateway) -> Any:
    """What the store holds of the first batch, in the form of a golden file; None for nothing."""
    batch = await gateway.store.batch(FIRST_NUMBER)
    if batch is None:
        return None
    messages = await gateway.store.messages(batch, 0, batch.size, descending=False)
    recipients = {message.recipient: dict(message.params) for message in messages}
    said = json.loads(content_to_json(batch.content))
    return said | {"recipients": recipients if batch.content.templated else list(recipients)}


@pytest.mark.parametrize("pieces", [1, 2], ids=["whole", "in two pieces"])
@pytest.mark.parametrize("golden", FILES.values(), ids=FILES)
async def test_a_client_reads_the_bytes_it_always_read(golden: Golden, gateway: Gateway, pieces: int) -> None:
    """Each request is answered with the very bytes of the file, and what it asks for is what is stored.

    A request that comes whole is read by the front, one that comes in pieces by aiohttp: the client must not notice.
    """
    for request, answer in golden.exchanges:
        assert (await exchange(gateway.public, request, pieces)).raw == answer

    assert await stored(gateway) == golden.stored


@pytest.mark.parametrize("face", FACES)
def test_every_face_has_its_goldens(face: str) -> None:
    """Eight files at least hold a face to what its clients know, one of them the provider's own sample."""
    sources = [golden.source for name, golden in FILES.items() if name.startswith(f"{face}/")]

    assert len(sources) >= 8
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


UNREADABLE = [
    ("a file without a source", "# label: x\n# stored: nothing\n>>>\nGET / HTTP/1.1\n<<<\nHTTP/1.1 200 OK\n"),
    ("a request without an answer", "# label: x\n# source: y\n# stored: nothing\n>>>\nGET / HTTP/1.1\n"),
    ("nothing at all", "# label: x\n# source: y\n# stored: nothing\n"),
]


@pytest.mark.parametrize(("label", "text"), UNREADABLE, ids=[case[0] for case in UNREADABLE])
def test_a_golden_with_a_part_missing_is_refused(label: str, text: str) -> None:
    """A file that would check nothing is an error, not a test that passes."""
    with pytest.raises(ValueError, match=r"golden|turns"):
        read(text)


def test_a_golden_is_read_byte_for_byte() -> None:
    """CRLF is added to heads alone, escapes are bytes, base64 is decoded, and bodies keep their line feeds."""
    text = (
        "# label: x\n# source: seed — y\n# stored: nothing\n"
        ">>>\nPOST /\\xe4 HTTP/1.1\nHost: a\n\none\ntwo\\x0a\n<<<\nHTTP/1.1 200 OK\n\nbase64:AP8=\n"
    )

    assert read(text).exchanges == (
        (b"POST /\xe4 HTTP/1.1\r\nHost: a\r\n\r\none\ntwo\n", b"HTTP/1.1 200 OK\r\n\r\n\x00\xff"),
    )
