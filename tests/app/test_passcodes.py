"""Two-factor codes and the look-up of numbers over HTTP: a real gateway, a provider that records, and files on disk."""

import asyncio
import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import FrozenClock
from gateways import ACCOUNT, BASIC, KEY, Process, Running, a_document, settled, to_v2, until
from programs import Tap, run
from rawhttp import exchange, request
from recorder import Fault, Plan, Recorder

from gateway.app import Gateway
from gateway.config import Address
from gateway.sealing import new_seal_key
from gateway.status import Status

PHONE = "46700000001"
SEALING = {"keys": [new_seal_key()]}


async def call(address: Address, method: str, path: str, document: Any = None) -> tuple[int, Any]:
    """Ask with the caller's credentials; the status and the document that is answered."""
    headers = {"Authorization": f"Basic {BASIC}", "Content-Type": "application/json"}
    body = b"" if document is None else json.dumps(document).encode()
    answer = await exchange(address, request(method, path, headers, body))
    return answer.status, json.loads(answer.body)


async def send(address: Address, **over: Any) -> Any:
    """Ask for a code; the document that is answered."""
    status, document = await call(address, "POST", "/api/authentications", {"Phone": f"+{PHONE}"} | over)
    assert status == 200
    return document


async def check(address: Address, code: str) -> int:
    """Check a code; the HTTP status."""
    status, document = await call(address, "POST", "/api/authentications/validate", {"Phone": PHONE, "Code": code})
    assert document == {"Phone": PHONE, "IsValid": True} if status == 200 else document["ModelState"]["Code"]
    return status


def texts(provider: Recorder) -> list[str]:
    """The texts that the provider took."""
    return [document["body"] for document in provider.taken.values()]


def on_disk(folder: Path) -> bytes:
    """Every byte of the database, its log included."""
    return b"".join(file.read_bytes() for file in sorted(folder.glob("sluss.db*")))


@pytest.fixture
async def gateway(running: Running, recorder: Recorder) -> Gateway:
    """A gateway in memory, with that provider behind it."""
    return await running(a_document(**to_v2(recorder.url)))


async def test_a_code_reaches_its_phone_and_is_good_once(gateway: Gateway, recorder: Recorder) -> None:
    """The provider gets the very text, the client an id and times, and whoever asks for the SMS reads asterisks."""
    sent = await send(gateway.public, MessageFormat="Din kod är {0}", Length="6", ExpirationTime="1200")

    assert (sent["ID"], sent["Phone"], list(sent)) == (1001, PHONE, ["ID", "Phone", "Created", "Expires"])
    await settled(gateway, 1001, Status.QUEUED)
    (text,) = texts(recorder)
    code = text.removeprefix("Din kod är ")
    assert len(code) == 6
    status, sms = await call(gateway.public, "GET", "/api/sms/sent/1001")
    assert (status, sms["Message"], sms["To"]) == (200, "Din kod är ******", PHONE)
    assert [await check(gateway.public, guess) for guess in ("wrong", code.lower(), code)] == [400, 200, 400]


async def test_an_account_has_settings(gateway: Gateway, recorder: Recorder) -> None:
    """They are read as they were set, and hold for what is sent from then on."""
    path = "/api/authentications/settings"
    whole = {
        "ConcurrentLimit": 1,
        "From": "Bank",
        "MessageFormat": "{0} är koden",
        "Length": 4,
        "ExpirationTime": 60,
        "NumericOnly": True,
    }

    assert await call(gateway.public, "GET", path) == (200, dict.fromkeys(whole))
    assert await call(gateway.public, "PUT", path, whole) == (200, whole)
    assert await call(gateway.public, "GET", path) == (200, whole)
    await send(gateway.public)
    (taken,) = await until(lambda: list(recorder.taken.values()))
    assert taken["sender"] == "Bank"
    assert taken["body"][:4].isdigit()
    status, refused = await call(gateway.public, "POST", "/api/authentications", {"Phone": PHONE})
    assert (status, list(refused["ModelState"])) == (400, ["Phone"])


async def test_other_credentials_check_nothing(gateway: Gateway) -> None:
    """Codes are asked for, checked and set by a caller alone."""
    for method, path in (("POST", ""), ("POST", "/validate"), ("GET", "/settings"), ("PUT", "/settings")):
        headers = {"Authorization": "Basic aXAxLTEyMzQ1Ong=", "Content-Type": "application/json"}
        answer = await exchange(gateway.public, request(method, f"/api/authentications{path}", headers, b"{}"))
        assert answer.status == 401


async def test_no_code_lies_readable_on_the_disk(
    process: Callable[..., Process], recorder: Recorder, tmp_path: Path
) -> None:
    """Neither while the provider is away, nor after a kill, nor when it has left; the log tells no code either."""
    recorder.plan = lambda: Plan(fault=Fault.THROTTLED)
    document = a_document(**to_v2(recorder.url, retry={"first": "1s", "max": "1s"}), sealing=SEALING)
    running = process(document)
    await running.start()
    await send(running.public, MessageFormat="Koden {0}, sa banken", Length=12)
    # What is killed while it is being sent is told as unknown, and not sent again.
    await until(lambda: '"event":"attempt"' in running.log.replace(": ", ":"))
    waiting = on_disk(tmp_path)
    await running.end(signal.SIGKILL)
    recorder.plan = Plan
    await running.start()

    (text,) = await until(lambda: texts(recorder))
    code = text.split()[1].rstrip(",")
    assert len(code) == 12
    assert b"Koden ************, sa banken" in waiting
    assert await check(running.public, code) == 200
    await running.end(signal.SIGTERM)
    assert code.encode() not in waiting + on_disk(tmp_path)
    assert code not in running.log
    assert PHONE not in running.log


async def test_a_code_that_expired_in_an_outage_is_not_sent(running: Running, recorder: Recorder) -> None:
    """Nobody gets a code that is good for nothing; its message is told as expired."""
    recorder.plan = lambda: Plan(fault=Fault.THROTTLED)
    clock = FrozenClock()
    gateway = await running(a_document(**to_v2(recorder.url, retry={"first": "1s", "max": "1s"})), clock)
    await send(gateway.public, ExpirationTime=60)
    await until(lambda: recorder.requests)

    recorder.plan = Plan
    clock.advance(60)
    await settled(gateway, 1001, Status.EXPIRED)
    assert recorder.taken == {}
    dispatch = await gateway.store.dispatch(1001)
    assert dispatch is not None
    assert dispatch.hidden is None


async def test_a_file_without_a_key_has_no_codes(running: Running, tmp_path: Path) -> None:
    """Rather none than in clear: the client is told that it is the gateway's fault, and which setting is missing."""
    gateway = await running(a_document(store=f"sqlite:///{tmp_path}/sluss.db"))

    status, document = await call(gateway.public, "POST", "/api/authentications", {"Phone": PHONE})
    assert status == 500
    assert "sealing.keys" in document["Message"]
    assert await gateway.store.batch(1001) is None


async def test_a_code_may_wait_for_the_upstreams_word(running: Running, recorder: Recorder) -> None:
    """With `reply: sent` a client is answered once the provider has taken the code."""
    document = to_v2(recorder.url)
    document["routes"] = [{"name": "default", "to": "main", "reply": "sent", "within": "10s"}]
    gateway = await running(a_document(**document))

    await send(gateway.public)
    assert len(texts(recorder)) == 1


async def test_numbers_are_looked_up_without_credentials(gateway: Gateway) -> None:
    """As the provider's WordPress plugin does: what it reads of the answer is there."""
    body = b'{"DefaultRegion":"SE","PhoneNumbers":["070-123 45 67","x"]}'
    headers = {"Content-Type": "application/json"}

    answers = await asyncio.gather(
        *[exchange(gateway.public, request("POST", "/api/phonenumber/lookup", headers, body)) for _ in range(5)]
    )
    for answer in answers:
        first, second = json.loads(answer.body)["phoneNumbers"]
        assert (answer.status, first["isValid"], first["e164Format"]) == (200, True, "+46701234567")
        assert second["isValid"] is False


async def test_curl_gets_a_code_and_looks_a_number_up(tap: Tap, curl: tuple[str, ...]) -> None:
    """A client that is none of ours is answered, too."""
    as_json = ("-H", "Content-Type: application/json")
    lookup = '{"DefaultRegion":"SE","PhoneNumbers":["0701234567"]}'

    sent = await run(
        *curl, "--user", f"{ACCOUNT}:{KEY}", *as_json, "-d", '{"Phone":"0701234567"}', f"{tap.base}/api/authentications"
    )
    found = await run(*curl, *as_json, "-d", lookup, f"{tap.base}/api/phonenumber/lookup")

    assert json.loads(sent)["Phone"] == "46701234567"
    assert json.loads(found)["phoneNumbers"][0]["isValid"] is True
