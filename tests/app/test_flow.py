"""A message's whole way: in by any face, out through REST v2, and its statuses back to whoever asks."""

import json
import random
import signal
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
from aiohttp import web
from builders import NOW, FrozenClock
from callers import FACES, Letter, a_letter, envelope, number_of
from crowd import Clients, drain, read
from gateways import ACCOUNT, BASIC, KEY, TOKEN, Process, Running, a_document, free_port, settled, to_v2, until
from rawhttp import exchange, request
from recorder import Plan, Recorder

from gateway.app import Gateway
from gateway.auth import hash_key
from gateway.clock import iso
from gateway.ids import FIRST_NUMBER, Kind, public_id
from gateway.model import Batch
from gateway.status import Status

LETTERS = "åäö € 😀"


async def ask(gateway: Gateway, target: str, login: str) -> Any:
    """A JSON document that a client reads."""
    answer = await exchange(gateway.public, request("GET", target, {"Authorization": login}))
    assert answer.status == 200
    return json.loads(answer.body)


async def send(gateway: Gateway, letter: Letter, face: str) -> int:
    """Send, and read the number of the first message."""
    number = number_of(face, (await exchange(gateway.public, letter.raw())).body)
    assert number is not None
    return number


async def stored(gateway: Gateway, number: int) -> Batch:
    """The batch of a message."""
    found = await gateway.store.message(number)
    assert found is not None
    return found[0]


@pytest.fixture
async def provider(running: Running) -> Gateway:
    """A second gateway that plays the v2 provider; its sandbox delivers at once and reports every step."""
    return await running(
        a_document(
            callers=[{"name": "sluss", "account": "ip1-99999", "keys": [hash_key(TOKEN)]}],
            callbacks={"allow_private": True},
        )
    )


@pytest.fixture
async def gateway(running: Running, provider: Gateway) -> Gateway:
    """The gateway between old clients and that provider, which can reach it with reports."""
    port = free_port()
    listen = {
        "public": f"127.0.0.1:{port}",
        "internal": "127.0.0.1:0",
        "public_url": f"http://127.0.0.1:{port}",
    }
    upstream = to_v2(f"http://127.0.0.1:{provider.public.port}/v2")
    return await running(a_document(**upstream, listen=listen, callbacks={"allow_private": True}))


@pytest.mark.parametrize("face", FACES)
async def test_a_message_goes_out_by_v2_and_its_reports_come_back(
    face: str, gateway: Gateway, provider: Gateway
) -> None:
    """The provider gets the very text, and both older APIs and v2 tell the delivery in their own words."""
    number = await send(gateway, a_letter(face, LETTERS), face)

    statuses = await settled(gateway, number)

    assert statuses[0] is Status.ACCEPTED
    sent, received = await stored(gateway, number), await stored(provider, FIRST_NUMBER)
    assert (sent.face, received.face) == (face, "rest_v2")
    assert (received.content.body, received.content.sender) == (LETTERS, "iP1")
    assert received.content.reference == public_id(Kind.DISPATCH, sent.created, number)
    batch = await ask(gateway, f"/v2/batches/{public_id(Kind.BATCH, sent.created, number)}", f"Bearer {KEY}")
    assert (batch["status"], batch["messageSummary"]) == (201, {"201": {"messages": 1, "sms": 1}})
    (message,) = await ask(gateway, f"/v2/batches/{batch['id']}/messages", f"Bearer {KEY}")
    assert [(status["code"], status["duration"]) for status in message["statuses"]] == [(201, 1)]
    logged = await ask(gateway, f"/api/sms/sent/{number}", f"Basic {BASIC}")
    assert (logged["Status"], logged["StatusDescription"]) == (22, "Delivered to the phone")


REFUSED = [("46700000402", Status.INSUFFICIENT_FUNDS, 30, "Insufficient funds")]


@pytest.mark.parametrize(("recipient", "status", "code", "words"), REFUSED, ids=["no funds"])
async def test_a_failure_at_the_provider_is_told_in_the_older_code(
    recipient: str, status: Status, code: int, words: str, gateway: Gateway
) -> None:
    """What v2 reports as a rejection is read back through REST v1 in the older APIs' code for it."""
    number = await send(gateway, a_letter("soap", to=(recipient,)), "soap")

    await settled(gateway, number, status)

    logged = await ask(gateway, f"/api/sms/sent/{number}", f"Basic {BASIC}")
    assert (logged["Status"], logged["StatusDescription"]) == (code, words)


async def test_the_balance_is_the_providers(gateway: Gateway) -> None:
    """An old client's balance is asked of the account behind the gateway, digit for digit."""
    account = await ask(gateway, "/api/me", f"Basic {BASIC}")

    assert account == {
        "Account": ACCOUNT,
        "Organization": "",
        "Type": "Swedish",
        "Balance": 1000.0,
        "Currency": "SEK",
    }


@pytest.fixture
async def listener() -> AsyncIterator[tuple[str, list[Any]]]:
    """A v2 client's own URL for reports, and what was posted there."""
    posted: list[Any] = []

    async def take(call: web.BaseRequest) -> web.Response:
        posted.append(orjson.loads(await call.read()))
        return web.Response()

    runner = web.ServerRunner(web.Server(take))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield "http://{}:{}/reports".format(*runner.addresses[0][:2]), posted
    await runner.cleanup()


async def test_a_v2_client_gets_the_reports_it_asked_for(gateway: Gateway, listener: tuple[str, list[Any]]) -> None:
    """A report travels from the provider through the gateway to the client's URL, with the gateway's own ids."""
    url, posted = listener
    letter = a_letter("rest_v2")
    document = json.loads(letter.body) | {"deliveryReportUrl": url, "reference": "order 7"}
    number = await send(gateway, letter._replace(body=json.dumps(document).encode()), "rest_v2")

    final = await until(lambda: next((report for report in posted if report["duration"] == 1), None))

    batch = await stored(gateway, number)
    assert final["id"] == public_id(Kind.MESSAGE, batch.created, number)
    assert final["batchId"] == public_id(Kind.BATCH, batch.created, number)
    assert (final["recipient"], final["code"], final["reference"]) == ("46712345678", 201, "order 7")


@pytest.mark.parametrize("face", FACES)
async def test_a_large_batch_leaves_in_requests_of_five_hundred(
    face: str, running: Running, recorder: Recorder
) -> None:
    """1,201 recipients are three requests of at most 500, as the provider recommends, each recipient once."""
    gateway = await running(a_document(**to_v2(recorder.url)))
    everyone = tuple(str(46_700_000_000 + offset) for offset in range(1201))

    number = await send(gateway, a_letter(face, to=everyone), face)
    await until(lambda: recorder.messages >= len(everyone))

    sizes = [len(document["recipients"]) for document in recorder.taken.values()]
    assert sorted(sizes) == [201, 500, 500]
    assert recorder.copies == {("Hello", recipient): 1 for recipient in everyone}
    await settled(gateway, number + 1200, Status.QUEUED)
    assert {headers["Authorization"] for headers in recorder.requests} == {f"Bearer {TOKEN}"}


@pytest.mark.parametrize("face", FACES)
async def test_recipients_of_one_batch_go_different_ways(face: str, running: Running, recorder: Recorder) -> None:
    """A route by prefix takes its recipients out of the batch; the rest goes the other way, and nobody goes twice."""
    async with Recorder() as trial:
        document = a_document(**to_v2(recorder.url))
        document["upstreams"]["trial"] = {"adapter": "rest_v2", "url": trial.url, "token": "t"}
        document["routes"].insert(0, {"name": "tests", "when": {"recipient": "4670000*"}, "to": "trial"})
        gateway = await running(document)
        everyone = ("46700001111", "46712345678", "46700002222", "46798765432")

        number = await send(gateway, a_letter(face, to=everyone), face)
        for offset in range(4):
            await settled(gateway, number + offset, Status.QUEUED)

        assert [document["recipients"] for document in trial.taken.values()] == [["46700001111", "46700002222"]]
        assert [document["recipients"] for document in recorder.taken.values()] == [["46712345678", "46798765432"]]


def scheduled(text: str, opens: int) -> Letter:
    """A v2 batch that may be delivered from a moment on."""
    letter = a_letter("rest_v2", text)
    document = json.loads(letter.body) | {"deliveryWindows": [{"opens": iso(opens)}]}
    return letter._replace(body=json.dumps(document).encode())


async def cancel(gateway: Gateway, number: int) -> str:
    """What a SOAP client is told that cancels a bundle by its id."""
    values = {"konto": ACCOUNT, "passwd": KEY, "id": str(number)}
    letter = a_letter("soap").but(SOAPAction='"http://web.smscom.se/sendsms/avbrytBundle"')
    answer = await exchange(gateway.public, letter._replace(body=envelope("avbrytBundle", values)).raw())
    return answer.body.decode().partition("<avbrytBundleResult>")[2].partition("<")[0]


async def told(gateway: Gateway, number: int) -> int:
    """The older APIs' code of a message."""
    return int((await ask(gateway, f"/api/sms/sent/{number}", f"Basic {BASIC}"))["Status"])


async def test_a_scheduled_batch_leaves_at_its_time_or_is_cancelled_before(
    running: Running, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until its window opens it is 11 and can be cancelled by its number; then it leaves with its window, once."""
    monkeypatch.setattr("gateway.lane.IDLE", 0.01)
    clock = FrozenClock()
    gateway = await running(a_document(**to_v2(recorder.url)), clock)
    planned = await send(gateway, scheduled("Planned", NOW + 3_600_000), "rest_v2")
    dropped = await send(gateway, scheduled("Dropped", NOW + 3_600_000), "rest_v2")
    await settled(gateway, await send(gateway, a_letter("rest_v2", "Now"), "rest_v2"), Status.QUEUED)

    assert [await told(gateway, number) for number in (planned, dropped)] == [11, 11]
    assert await cancel(gateway, dropped) == "0"
    assert [await told(gateway, number) for number in (planned, dropped)] == [11, 12]
    clock.advance(3599.999)
    await settled(gateway, await send(gateway, a_letter("soap", "Later"), "soap"), Status.QUEUED)
    assert set(recorder.copies) == {("Now", "46712345678"), ("Later", "46712345678")}

    clock.advance(0.001)
    await settled(gateway, planned, Status.QUEUED)
    await settled(gateway, await send(gateway, a_letter("soap", "Last"), "soap"), Status.QUEUED)
    assert recorder.copies == {(text, "46712345678"): 1 for text in ("Now", "Later", "Planned", "Last")}
    (document,) = [document for document in recorder.taken.values() if document["body"] == "Planned"]
    assert document["deliveryWindows"] == [{"opens": "2018-10-23T18:43:19Z", "closes": "2018-10-30T18:43:19Z"}]
    assert [await told(gateway, number) for number in (planned, dropped)] == [10, 12]
    assert [await cancel(gateway, number) for number in (planned, dropped)] == ["110", "110"]


def a_report(reference: str) -> dict[str, Any]:
    """What the provider would post of a delivered message."""
    return {
        "id": "5bcf5db8d3a47c0001e8f0aa",
        "recipient": "46712345678",
        "code": 201,
        "duration": 1,
        "created": "2018-10-23T17:44:02Z",
        "price": 0.35,
        "currency": "sek",
        "reference": reference,
    }


async def test_only_who_knows_the_secret_path_can_report(running: Running, recorder: Recorder) -> None:
    """A report to a guessed path, or to another upstream's, changes nothing; to the path that was given, it does."""
    document = a_document(**to_v2(recorder.url))
    document["upstreams"]["other"] = {"adapter": "rest_v2", "url": recorder.url, "token": "t"}
    document["routes"].insert(0, {"name": "rest", "when": {"recipient": "49*"}, "to": "other"})
    document["listen"] |= {"public_url": "https://sms.example.org", "hook_secret": "0123456789abcdef"}
    gateway = await running(document)
    number = await send(gateway, a_letter("soap"), "soap")
    await send(gateway, a_letter("soap", to=("491711234567",)), "soap")
    await until(lambda: recorder.messages == 2)
    await settled(gateway, number, Status.QUEUED)
    given = {d["recipients"][0]: d for d in recorder.taken.values()}
    url = urlsplit(given["46712345678"]["deliveryReportUrl"])
    others = urlsplit(given["491711234567"]["deliveryReportUrl"]).path
    body = json.dumps(a_report(given["46712345678"]["reference"])).encode()

    async def post(path: str) -> int:
        headers = {"Content-Type": "application/json"}
        return (await exchange(gateway.public, request("POST", path, headers, body))).status

    assert f"{url.scheme}://{url.netloc}" == "https://sms.example.org"
    assert url.path.startswith("/hooks/main/")
    assert [await post(path) for path in ("/hooks/main/", "/hooks/main/" + "0" * 40, url.path[:-1])] == [404, 404, 404]
    # The other upstream is believed about its own messages only; refusing would make it repeat the report.
    assert await post(others) == 200
    assert await settled(gateway, number, Status.QUEUED) == (Status.ACCEPTED, Status.QUEUED)
    assert await post(url.path) == 200
    assert await post(url.path) == 200
    assert await settled(gateway, number) == (Status.ACCEPTED, Status.QUEUED, Status.DELIVERED_TO_HANDSET)


async def test_a_stop_under_load_finishes_what_is_in_flight(
    process: Callable[[dict[str, Any]], Process], recorder: Recorder
) -> None:
    """SIGTERM ends with 0, answers whom it accepted, leaves nothing unknown; the next start sends what was waiting."""
    serving = process(a_document(**to_v2(recorder.url, concurrency=8)))
    clients = Clients(serving.public)
    recorder.plan = lambda: Plan(delay=0.3)
    await serving.start()
    async with clients.sending(FACES, random.Random(1)):  # noqa: S311 - pauses, not secrets
        await until(lambda: recorder.busy == 8 and len(clients.acknowledged) > 100)
        status = await serving.end(signal.SIGTERM)
        busy = recorder.busy

    assert (status, busy) == (0, 0)
    assert clients.refused == []
    rows, unknown = read(serving.store)
    assert unknown == 0
    assert {row[:2] for row in rows.values() if row.status is Status.QUEUED} == set(recorder.copies)
    assert {row.status for row in rows.values()} == {Status.ACCEPTED, Status.QUEUED}
    assert {row[:2]: number for number, row in rows.items()} == clients.acknowledged

    recorder.plan = Plan
    await serving.start()
    await drain(serving, recorder)
    assert await serving.end(signal.SIGTERM) == 0
    assert recorder.copies == {row[:2]: 1 for row in rows.values()}
