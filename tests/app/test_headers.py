"""What answers say beside themselves: nothing of what they were made with, and to browsers what they may not do."""

import re

import pytest
from callers import FACES, a_letter
from gateways import Running, a_document
from rawhttp import exchange, request

TELLING = re.compile(rb"(?i)aiohttp|python|uvloop|spyne|lxml|sqlite|\b\d+\.\d+\.\d+\b")
"""Names of what it was made with, and anything like their versions."""
HEAD = {"Host": "localhost"}
REQUESTS = [
    ("no HTTP at all", b"EHLO there\r\n\r\n"),
    ("HTTP/2, known beforehand", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ("a version that is none", b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n"),
    ("a header that is none", b"GET / HTTP/1.1\r\nHost: localhost\r\nno header\r\n\r\n"),
    ("a header too long", request("GET", "/", {**HEAD, "X": "x" * 70_000})),
    ("two lengths", b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"),
    ("a length that is none", b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n"),
    ("an expectation that nobody knows", request("GET", "/", {**HEAD, "Expect": "a-miracle"})),
    ("a method of its own", request("BREW", "/", HEAD)),
    ("nothing that is here", request("GET", "/server-status", HEAD)),
    ("a hook that is none", request("POST", "/hooks/none/0", HEAD, b"{}")),
    ("a hook with the wrong method", request("GET", "/hooks/none/0", HEAD)),
    ("health", request("GET", "/healthz", HEAD)),
    ("the queue", request("GET", "/queue", HEAD)),
    ("an act that is none", request("POST", "/queue/burn", {**HEAD, "Content-Type": "application/json"}, b"{}")),
]


@pytest.mark.parametrize("listener", ["public", "internal"])
@pytest.mark.parametrize("raw", [raw for _, raw in REQUESTS], ids=[label for label, _ in REQUESTS])
async def test_no_answer_tells_what_it_was_made_with(running: Running, listener: str, raw: bytes) -> None:
    """Server is `sluss` on whatever comes back, aiohttp's own refusals among it, and no version stands anywhere."""
    gateway = await running()

    answer = await exchange(getattr(gateway, listener), raw)

    assert answer.headers["server"] == "sluss"
    assert not TELLING.search(answer.raw.replace(b"127.0.0.1", b""))


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("pieces", [1, 2], ids=["whole", "in pieces"])
async def test_no_face_tells_what_it_was_made_with(running: Running, face: str, pieces: int) -> None:
    """Neither in an answer to a message nor in a refusal."""
    gateway = await running()

    for key in ("CnbXFfyTM5BTKh7uNV", "wrong"):
        answer = await exchange(gateway.public, a_letter(face, key=key).raw(), pieces)
        assert answer.headers["server"] == "sluss"
        assert not TELLING.search(answer.raw.split(b"\r\n\r\n")[0])


PAGES = ["/v2/docs", "/api/docs", "/sendsms/sendsms.asmx", "/sendsms/sendsms.asmx?op=balans", "/visastatus.aspx"]


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_for_people_runs_nothing(running: Running, path: str) -> None:
    """Its policy allows no script and nothing from elsewhere, and no browser takes it for something else."""
    gateway = await running(a_document(faces={"soap": {"forms": True}}))

    answer = await exchange(gateway.public, request("GET", path))

    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'unsafe-inline'; ")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert b"<script" not in answer.body.lower()


async def test_what_operations_read_is_kept_by_nobody(running: Running) -> None:
    """The internal listener's answers hold numbers of messages and callers: no cache may keep them."""
    gateway = await running()

    answer = await exchange(gateway.internal, request("GET", "/queue", HEAD))

    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
    assert answer.headers["x-content-type-options"] == "nosniff"
