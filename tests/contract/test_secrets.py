"""No secret where it does not belong: the real process is told secrets through every face, then everything is searched.

Credentials arrive in query strings and SOAP bodies, so every log line, metric, answer and byte of the store is read for
them, and every log line for texts and whole phone numbers.
"""

import asyncio
import base64
import re
import signal
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlencode

import orjson
import pytest
from callers import FACES, Letter, a_letter, number_of
from gateways import ACCOUNT, BASIC, KEY, Process, a_document, until
from rawhttp import Answer, exchange, request
from recorder import Fault, Plan, Recorder

from gateway.auth import hash_key, hash_password
from gateway.config import Address
from gateway.ids import Kind, public_id

TOKEN = "upstream-t0ken-7Q"
PASSWORD = "losenord-pa-svenska"
MISTYPED = "CnbXFfyTM5BTKh7uNW"
HOOK_SECRET = "0123456789abcdefHOOK"
TEXT = "Din kod 4711 galler"
RECIPIENT = "46700123456"
STRANGER = "46700654321"
FORM = "application/x-www-form-urlencoded"
CALLBACK = "https://erp.invalid/reports?token=c4llb4ck"

SECRETS = {
    "the caller's key": KEY,
    "the caller's Basic credentials": BASIC,
    "the caller's password": PASSWORD,
    "the password's Basic credentials": base64.b64encode(f"pw:{PASSWORD}".encode()).decode(),
    "a mistyped key": MISTYPED,
    "the upstream's token": TOKEN,
    "the hooks' secret": HOOK_SECRET,
}
PRIVATE = {
    "the text": TEXT,
    "the text in a URL": quote(TEXT),
    "the text in a form": TEXT.replace(" ", "+"),
    "the recipient": RECIPIENT,
    "another recipient": STRANGER,
    "what a callback address ends with": "c4llb4ck",
}

DOCUMENT = {
    "callers": [
        {"name": "erp", "account": ACCOUNT, "keys": [hash_key(KEY)]},
        {"name": "old", "account": "pw", "keys": [hash_password(PASSWORD)]},
    ],
    "routes": [{"name": "default", "to": "main"}],
    "log": {"level": "debug", "format": "json"},
}


class Said(NamedTuple):
    """All that could be seen of a gateway from outside, and all that it stored."""

    log: str
    metrics: str
    answers: list[Answer]
    stored: bytes


def found(names: dict[str, str], where: str) -> list[str]:
    """Which of these stand in a text, by name; never the values, which would then stand in a test's log."""
    return [name for name, value in names.items() if value.lower() in where.lower()]


def letters() -> list[Letter]:
    """Requests of every face: good, with a mistyped key, and spoilt so that somebody complains about their content."""
    told = []
    for face in FACES:
        good, wrong = a_letter(face, TEXT, [RECIPIENT]), a_letter(face, TEXT, [RECIPIENT], key=MISTYPED)
        told += [good, wrong, a_letter(face, TEXT, [RECIPIENT, f"{STRANGER}x"])]
        told += [good._replace(body=body[: len(body) // 2]) for body in (good.body, wrong.body) if body]
        told += [letter._replace(method="PATCH") for letter in (good, wrong)]
        told.append(good._replace(target=f"{good.target}{'&' if '?' in good.target else '?'}pass={KEY}&msg={TEXT[:7]}"))
        told.append(good.but(Content_Type=f"text/plain; {KEY}"))
    told += [
        Letter("GET", f"/sendsms/sendsms.asmx/sms{mark}konto={ACCOUNT}&passwd={KEY}", {}) for mark in ("&", "%3F", ";")
    ]
    told.append(_with_callback())
    told += [
        Letter("GET", f"/v2/{address}", {"Authorization": f"Bearer {KEY}"})
        for address in (
            *(f"conversations/{number}{rest}" for number in (RECIPIENT, f"+{RECIPIENT}") for rest in ("", "/summary")),
            f"blacklist/{STRANGER}",
            f"contacts?properties[phoneNumber]={RECIPIENT}",
            f"surveys/{RECIPIENT}.{STRANGER}",
        )
    ]
    told += _status_pages()
    told.append(Letter("GET", f"/nowhere?pass={KEY}&to={RECIPIENT}", {"Authorization": f"Bearer {KEY}"}))
    told.append(Letter("GET", f"/sendsms.aspx?acc=pw&pass={PASSWORD}&msg={quote(TEXT)}&from=a&to={RECIPIENT}", {}))
    told.append(Letter("GET", f"/sendsms.aspx?acc=pw&pass={PASSWORD}x&msg={quote(TEXT)}&from=a&to={RECIPIENT}", {}))
    return told


def _with_callback() -> Letter:
    letter = a_letter("rest_v2", TEXT, [RECIPIENT])
    return letter._replace(body=orjson.dumps(orjson.loads(letter.body) | {"deliveryReportUrl": CALLBACK}))


def _status_pages() -> list[Letter]:
    """The page for people, which repeats what was written into its form: right and wrong, posted and in an address."""
    told = []
    for key, id_ in ((KEY, "1001"), (MISTYPED, "1001"), (KEY, "9999"), (KEY, "x")):
        form = urlencode({"acc": ACCOUNT, "pass": key, "id": id_})
        posted = Letter("POST", "/visastatus.aspx", {"Content-Type": FORM}, form.encode())
        told += [posted, posted._replace(method="PUT"), Letter("GET", f"/visastatus.aspx?{form}", {})]
    return told


def broken() -> list[bytes]:
    """What is no HTTP, with secrets in it."""
    return [
        f"GET /sendsms.aspx?pass={KEY}&to={RECIPIENT} HTTP/9.9\r\n\r\n".encode(),
        f"{KEY} {TEXT}\r\n\r\n".encode(),
        f"GET / HTTP/1.1\r\nAuthorization Bearer {KEY}\r\n\r\n".encode(),
        f"POST /v2/batches HTTP/1.1\r\nHost: a\r\nContent-Length: {KEY}\r\n\r\n".encode(),
    ]


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Said:
    """Everything that the process let out while it was told all this, and the upstream failed now and then."""
    return asyncio.run(_observed(tmp_path_factory.mktemp("secrets")))


async def _observed(folder: Path) -> Said:
    async with Recorder() as upstream:
        plans = [Plan(fault=fault) for fault in (Fault.NONE, Fault.FAILED, Fault.RESET_AFTER, Fault.THROTTLED)]
        upstream.plan = lambda: plans.pop(0) if plans else Plan()
        main = {"adapter": "rest_v2", "url": upstream.url, "token": TOKEN, "concurrency": 1}
        unreachable = {"adapter": "rest_v2", "url": "http://127.0.0.1:9/v2", "token": TOKEN}
        document = a_document(**DOCUMENT, upstreams={"main": main, "gone": unreachable})
        document["routes"] = [{"name": "gone", "when": {"sender": "gone"}, "to": "gone"}, *document["routes"]]
        document["listen"] |= {"public_url": "https://sms.example.org", "hook_secret": HOOK_SECRET}
        process = Process(folder, document)
        await process.start()
        try:
            answers, metrics = await _talk(process, upstream)
            stored = _read(folder)
            assert await process.end(signal.SIGTERM) == 0
        finally:
            await process.close()
    return Said(process.log, metrics, answers, stored + _read(folder))


async def _talk(process: Process, upstream: Recorder) -> tuple[list[Answer], str]:
    answers = [await exchange(process.public, letter.raw()) for letter in letters()]
    answers += [await exchange(process.public, raw) for raw in broken()]
    gone = a_letter("rest_v2", TEXT, [RECIPIENT], sender="gone")
    answers.append(await exchange(process.public, gone.raw()))
    await until(lambda: len(upstream.requests) >= 8 and '"outcome":"retry"' in process.log)
    hook = next(document["deliveryReportUrl"] for document in upstream.taken.values()).removeprefix(
        "https://sms.example.org"
    )
    reference = next(iter(upstream.taken))
    for path, recipient in ((hook, RECIPIENT), (hook, STRANGER), (f"{hook}x", RECIPIENT)):
        body = orjson.dumps({"recipient": recipient, "code": 777, "reference": reference, "body": TEXT})
        answers.append(await exchange(process.public, request("POST", path, {}, body)))
    answers.append(await exchange(process.public, request("POST", hook, {}, b'{"recipient": "' + TEXT.encode())))
    SECRETS["a hook's path"] = hook.rpartition("/")[2]
    number = number_of("rest_v2", answers[0].body)
    assert number is not None
    own = Letter("GET", f"/v2/batches/{public_id(Kind.BATCH, 0, number)}", {"Authorization": f"Bearer {KEY}"})
    answers.append(await exchange(process.public, own.raw()))
    port = re.search(r'"internal":"127\.0\.0\.1:(\d+)"', process.log)
    assert port is not None
    metrics = await exchange(Address("127.0.0.1", int(port[1])), request("GET", "/metrics"))
    return answers, metrics.body.decode()


def _read(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.glob("sluss.db*")))


def test_the_search_would_find_something(said: Said) -> None:
    """What is searched is really there: lines of requests, attempts and reports, counters, stored texts, refusals."""
    events = {orjson.loads(line)["event"] for line in said.log.splitlines()}

    assert events >= {"serving", "request", "attempt", "reports", "report.unmatched", "stopped"}
    assert said.log.count('"event":"request"') > 30
    assert said.log.count('"path":"/visastatus.aspx"') == 12
    assert "sluss_requests_total" in said.metrics
    assert found(PRIVATE, said.stored.decode("latin-1")) == [
        "the text",
        "the recipient",
        "what a callback address ends with",
    ]
    assert {200, 201, 400, 401, 403, 404, 405} <= {answer.status for answer in said.answers}


def test_no_log_line_holds_a_secret(said: Said) -> None:
    """Every line of the process, its standard error included, at the most talkative level."""
    assert [(found(SECRETS, line), line) for line in said.log.splitlines() if found(SECRETS, line)] == []


def test_no_log_line_holds_a_text_or_a_number(said: Said) -> None:
    """What people write and whom they write to is not operations' business."""
    assert [(found(PRIVATE, line), line) for line in said.log.splitlines() if found(PRIVATE, line)] == []


def test_every_log_line_is_json(said: Said) -> None:
    """Nothing but our own lines is printed: no traceback, no warning of a library."""
    for line in said.log.splitlines():
        assert {"event", "level", "timestamp"} <= set(orjson.loads(line))


def test_no_metric_holds_a_secret(said: Said) -> None:
    """Neither keys nor texts nor numbers become labels."""
    assert found(SECRETS | PRIVATE, said.metrics) == []


def test_no_answer_holds_a_secret(said: Said) -> None:
    """Whatever is answered, to right and wrong keys and to broken requests, repeats no credentials."""
    assert [
        found(SECRETS, answer.raw.decode("latin-1"))
        for answer in said.answers
        if found(SECRETS, answer.raw.decode("latin-1"))
    ] == []


def test_no_refusal_repeats_what_was_sent(said: Said) -> None:
    """An error says what is wrong, not what was written."""
    refused = [answer.raw.decode("latin-1") for answer in said.answers if answer.status >= 400]

    assert len(refused) > 10
    assert [found(PRIVATE, text) for text in refused if found(PRIVATE, text)] == []


def test_no_stored_byte_is_a_secret(said: Said) -> None:
    """The store's files, read raw while the gateway ran and after it stopped, hold no key and no token."""
    assert found(SECRETS, said.stored.decode("latin-1")) == []
