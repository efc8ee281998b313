"""What is not served here, passed on to a provider that serves it, and its answer passed back."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from gateways import BASIC, KEY, TOKEN, Running, a_document, free_port
from rawhttp import PATIENCE, Answer, chunks, connected, exchange, request, say
from structlog.testing import capture_logs

from gateway.app import Gateway
from gateway.guesses import BURST
from gateway.sealing import new_seal_key

OWN_KEY = "the-key-of-the-account-at-the-provider"
LOGINS = {"v2": f"Bearer {KEY}", "api": f"Basic {BASIC}"}


class Provider:
    """A provider with more to it than messages: notes what it is asked, and answers as it is told."""

    def __init__(self) -> None:
        """Answer everything with a document."""
        self.asked: list[dict[str, Any]] = []
        self.port = free_port()
        self.status = 200
        self.pieces: tuple[bytes, ...] = (b'{"surveys": ', b"[]}")
        self.released = asyncio.Event()
        self.released.set()
        self.breaks = False
        self.headers = {"Set-Cookie": "a=b", "ETag": '"1"'}
        self.pause = 0.0

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Note the request, and answer; what comes after the first piece waits for `released`."""
        noted = {
            "method": request.method,
            "path": request.raw_path,
            "body": bytearray(),
            "headers": {name.lower(): value for name, value in request.headers.items()},
        }
        self.asked.append(noted)
        async for chunk in request.content.iter_any():
            noted["body"] += chunk
        await asyncio.sleep(self.pause)
        response = web.StreamResponse(status=self.status, headers={"Content-Type": "application/json", **self.headers})
        await response.prepare(request)
        for piece in self.pieces:
            if request.method != "HEAD":
                await response.write(piece)
            await self.released.wait()
        if self.breaks:
            assert request.transport is not None
            request.transport.abort()
        return response


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    """A provider of both APIs on one host."""
    made = Provider()
    runner = web.ServerRunner(web.Server(made.handle))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", made.port).start()
    yield made
    await runner.cleanup()


def a_relay(provider: Provider, *, relay: bool = True, **over: Any) -> dict[str, Any]:
    """A configuration whose REST faces have an upstream each."""
    base = f"http://127.0.0.1:{provider.port}"
    upstreams = {
        "two": {"adapter": "rest_v2", "url": f"{base}/v2", "token": TOKEN, "relay": relay, "timeout": "1s"},
        "one": {"adapter": "rest_v1", "url": f"{base}/api", "account": "ip1-9", "key": OWN_KEY, "relay": relay},
    }
    routes = [{"name": "older", "when": {"face": "rest_v1"}, "to": "one"}, {"name": "default", "to": "two"}]
    return a_document(upstreams=upstreams, routes=routes, **over)


async def ask(gateway: Gateway, method: str, target: str, body: bytes = b"", login: str = "", **headers: str) -> Answer:
    """What a client is answered."""
    login = login or LOGINS[target.split("/")[1].lower()]
    given = {"Authorization": login, "Content-Type": "application/json", "Accept": "application/json", **headers}
    return await exchange(gateway.public, request(method, target, given, body))


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(("target", "login"), [("/v2/surveys/1?a=%2F&b", f"Bearer {TOKEN}"), ("/api/nki/users", None)])
async def test_a_request_is_passed_on_as_it_is(
    running: Running, provider: Provider, method: str, target: str, login: str | None
) -> None:
    """With the upstream's own credentials in place of the caller's, and back without its cookies."""
    gateway = await running(a_relay(provider))
    body = b"" if method in ("GET", "HEAD", "OPTIONS", "DELETE") else json.dumps({"n": "å" * 100}).encode()
    answer = await ask(gateway, method, target, body, Cookie="mine=1")

    assert (answer.status, answer.body) == (200, b"" if method == "HEAD" else b'{"surveys": []}')
    assert answer.headers["etag"] == '"1"'
    assert "set-cookie" not in answer.headers
    (asked,) = provider.asked
    assert (asked["method"], asked["path"], asked["body"]) == (method, target, body)
    assert asked["headers"]["authorization"] == login or (login is None and BASIC not in str(asked))
    assert "cookie" not in asked["headers"]
    assert KEY not in str(asked)


async def test_nothing_is_passed_on_that_is_not_asked_for(running: Running, provider: Provider) -> None:
    """By default an upstream takes messages alone: what is not served is not there, in the protocol's own words."""
    gateway = await running(a_relay(provider, relay=False))
    v2, v1 = await ask(gateway, "GET", "/v2/surveys"), await ask(gateway, "GET", "/api/nki")

    assert (v2.status, json.loads(v2.body)["title"]) == (404, "Not Found")
    assert (v1.status, "Message" in json.loads(v1.body)) == (404, True)
    assert provider.asked == []


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/v2/batches", 200),
        ("GET", "/V2/Batches/", 200),
        ("PATCH", "/v2/batches", 405),
        ("DELETE", "/api/sms/send", 405),
        ("GET", "/v2/%62atches", 404),
        ("GET", "/v2/../api/me", 404),
        ("GET", "/v2/x/%2e%2e/batches", 404),
        ("GET", "/v2/batches.", 404),
        ("GET", "/v2/%EF%BD%82atches", 404),
        ("GET", "/api/sms/sent%20", 404),
        ("GET", "/api/me/children", 404),
        ("POST", "/v2/openapi.json", 405),
        ("HEAD", "/v2/docs", 405),
        ("DELETE", "/api/docs/", 405),
        ("GET", "/v2/docs/", 200),
        ("GET", "/v2/", 404),
    ],
)
async def test_what_is_served_here_is_never_passed_on(
    running: Running, provider: Provider, method: str, target: str, status: int
) -> None:
    """However it is written: a provider knows all of the account's messages, a caller its own."""
    gateway = await running(a_relay(provider))

    assert (await ask(gateway, method, target)).status == status
    assert provider.asked == []


@pytest.mark.parametrize("target", ["/v2/surveys", "/api/nki"])
async def test_nobody_is_let_through_without_a_key(running: Running, provider: Provider, target: str) -> None:
    """Who has none is told what an unknown address always told."""
    gateway = await running(a_relay(provider))
    wrong = "Bearer wrong" if target.startswith("/v2") else "Basic aXAxLTEyMzQ1Ondyb25n"

    assert (await ask(gateway, "GET", target, login=wrong)).status == 401
    none = await exchange(gateway.public, request("GET", target, {}))
    assert none.status == (401 if target.startswith("/v2") else 404)
    assert provider.asked == []


async def test_a_provider_that_does_not_answer(running: Running, provider: Provider) -> None:
    """Is asked once, and whoever asked is told that nobody knows what it did: a POST is not to be repeated blindly."""
    provider.pause = 2.5
    gateway = await running(a_relay(provider))
    with capture_logs() as lines:
        answer = await ask(gateway, "POST", "/v2/surveys", b"{}")

    assert (answer.status, json.loads(answer.body)["title"]) == (504, "Gateway Timeout")
    assert "retry-after" not in answer.headers
    assert len(provider.asked) == 1
    (line,) = [line for line in lines if line["event"] == "relay.failed"]
    assert (line["upstream"], line["error"]) == ("two", "Unanswered")


@pytest.mark.parametrize("target", ["/v2/surveys", "/api/nki"])
async def test_a_provider_that_is_not_there(running: Running, target: str) -> None:
    """Was asked nothing, so whoever asked may come again."""
    gateway = await running(a_relay(Provider()))
    answer = await ask(gateway, "POST", target, b"{}")

    assert (answer.status, answer.headers["retry-after"]) == (503, "1")


async def test_a_provider_that_refuses_the_gateway(running: Running, provider: Provider) -> None:
    """Is no matter of the caller's key: that is told to nobody as wrong. Other refusals are the provider's to tell."""
    provider.status = 401
    gateway = await running(a_relay(provider))
    assert (await ask(gateway, "GET", "/v2/surveys")).status == 503
    provider.status = 418
    assert (await ask(gateway, "GET", "/v2/surveys")).status == 418


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_long_body_is_passed_on(running: Running, provider: Provider, *, chunked: bool) -> None:
    """Longer than any that is read here, in both directions, and nothing of it is kept."""
    sent, told = bytes(range(256)) * 24_000, (b"0123456789abcdef" * 4096,) * 48
    provider.pieces = told
    gateway = await running(a_relay(provider))
    lines = {"Transfer-Encoding": "chunked"} if chunked else {}
    body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(sent), sent) if chunked else sent
    answer = await ask(gateway, "POST", "/v2/files", body, **lines)

    (asked,) = provider.asked
    assert asked["body"] == sent
    assert ("content-length" in asked["headers"]) is not chunked
    assert answer.body == b"".join(told)


async def test_an_answer_is_told_as_it_comes(running: Running, provider: Provider) -> None:
    """Not once it is whole: what a provider tells for minutes is read for minutes."""
    provider.released.clear()
    provider.pieces = (b"a" * 100, b"b" * 100)
    gateway = await running(a_relay(provider))
    async with connected(gateway.public) as (reader, writer):
        writer.write(request("GET", "/v2/surveys", {"Authorization": LOGINS["v2"]}))
        async with asyncio.timeout(PATIENCE):
            head = await reader.readuntil(b"\r\n\r\n")
            begun = chunks(reader)
            # What could be the beginning of the upstream's key is held until it is seen not to be.
            assert (await anext(begun)).startswith(b"a" * (100 - len(TOKEN)))
            provider.released.set()
            assert b"".join([chunk async for chunk in begun]).endswith(b"b" * 100)
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")


async def test_a_request_is_passed_on_as_it_comes(running: Running, provider: Provider) -> None:
    """The provider sees its beginning before its end was sent, and a client that asks first is told to go on."""
    gateway = await running(a_relay(provider))
    async with connected(gateway.public) as (reader, writer), asyncio.timeout(PATIENCE):
        lines = {"Authorization": LOGINS["v2"], "Content-Length": "8", "Expect": "100-continue"}
        writer.write(request("POST", "/v2/surveys", lines))
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"half")
        while not (provider.asked and provider.asked[0]["body"]):  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.01)
        assert provider.asked[0]["body"] == b"half"
        answer = await say(reader, writer, b" way")
    assert (answer.status, provider.asked[0]["body"]) == (200, b"half way")


async def test_an_answer_that_breaks_off_breaks_off(running: Running, provider: Provider) -> None:
    """It has no end that would make it look whole; the log says so."""
    provider.breaks = True
    gateway = await running(a_relay(provider))
    with capture_logs() as lines, pytest.raises(EOFError):
        await ask(gateway, "GET", "/v2/surveys")

    (line,) = [line for line in lines if line["event"] == "request"]
    assert (line["status"], line["outcome"]) == (200, "broken off")
    assert not [line for line in lines if line["log_level"] == "error"]
    assert (await ask(gateway, "GET", "/v2/me")).status == 404, "the gateway goes on"


async def test_a_client_that_goes_away_lets_the_provider_go(running: Running, provider: Provider) -> None:
    """An answer that nobody reads is not asked for any longer."""
    provider.released.clear()
    provider.pieces = (b"a" * 1000,) * 3
    gateway = await running(a_relay(provider))
    with capture_logs() as lines:
        async with connected(gateway.public) as (reader, writer):
            writer.write(request("GET", "/v2/surveys", {"Authorization": LOGINS["v2"]}))
            async with asyncio.timeout(PATIENCE):
                await reader.readuntil(b"\r\n\r\n")
        provider.released.set()
        async with asyncio.timeout(PATIENCE):
            while not [line for line in lines if line["event"] == "request"]:  # noqa: ASYNC110 - nobody is told
                await asyncio.sleep(0.01)
    assert not [line for line in lines if line["log_level"] == "error"]


async def test_a_body_that_breaks_off(running: Running, provider: Provider) -> None:
    """Is the client's mistake, and the provider never sees an end of it."""
    gateway = await running(a_relay(provider))
    body = b"5\r\nhello\r\nx\r\n"
    answer = await ask(gateway, "POST", "/v2/surveys", body, **{"Transfer-Encoding": "chunked"})

    assert answer.status == 400


async def test_a_body_that_stands_still_is_the_clients_fault(
    running: Running, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told so, however short the upstream's own time is: the provider was not at fault."""
    monkeypatch.setattr("gateway.bodies.STANDSTILL", 1.5)
    document = a_relay(provider)
    document["upstreams"]["two"] |= {"timeout": "1s", "connect_timeout": "100ms"}
    gateway = await running(document)
    async with connected(gateway.public) as (reader, writer):
        lines = {"Authorization": LOGINS["v2"], "Content-Length": "8"}
        answer = await say(reader, writer, request("POST", "/v2/surveys", lines) + b"half")

    assert (answer.status, b"did not come" in answer.body) == (400, True)


async def test_a_body_that_comes_drop_by_drop_is_the_clients_fault(
    running: Running, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sending a byte now and then does not hold a provider's connection for ever."""
    monkeypatch.setattr("gateway.bodies.STANDSTILL", 0.3)
    gateway = await running(a_relay(provider))
    async with connected(gateway.public) as (reader, writer):
        writer.write(request("POST", "/v2/surveys", {"Authorization": LOGINS["v2"], "Content-Length": "2000"}))

        async def drip() -> None:
            for _ in range(200):
                writer.write(b"x")
                await asyncio.sleep(0.05)

        dripping = asyncio.create_task(drip())
        answer = await say(reader, writer, b"")
        dripping.cancel()

    assert (answer.status, b"did not come" in answer.body) == (400, True)


async def test_a_client_that_does_not_read_is_left(
    running: Running, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It cannot hold for ever what others could use."""
    monkeypatch.setattr("gateway.bodies.STANDSTILL", 0.3)
    monkeypatch.setattr("gateway.service.OF_ONE", 1)
    provider.pieces = (b"x" * 65536,) * 400
    gateway = await running(a_relay(provider))
    with capture_logs() as lines:
        async with connected(gateway.public) as (_, writer):
            writer.write(request("GET", "/v2/surveys", {"Authorization": LOGINS["v2"]}))
            async with asyncio.timeout(PATIENCE):
                while not [line for line in lines if line["event"] == "request"]:  # noqa: ASYNC110 - nobody is told
                    await asyncio.sleep(0.01)
    provider.pieces = (b"x",)

    assert [line["outcome"] for line in lines if line["event"] == "request"] == ["broken off"]
    assert (await ask(gateway, "GET", "/v2/surveys")).status == 200


async def test_one_caller_has_no_more_than_its_share(
    running: Running, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of what can be passed on at once, the others keep the rest."""
    monkeypatch.setattr("gateway.service.OF_ONE", 1)
    provider.released.clear()
    gateway = await running(a_relay(provider))
    first = asyncio.create_task(ask(gateway, "GET", "/v2/surveys"))
    while not provider.asked:  # noqa: ASYNC110 - the server tells nobody
        await asyncio.sleep(0.01)

    answer = await ask(gateway, "GET", "/v2/surveys")
    assert (answer.status, b"your requests" in answer.body) == (503, True)
    provider.released.set()
    assert (await first).status == 200


async def test_odd_headers_of_a_provider_break_nothing(running: Running, provider: Provider) -> None:
    """What it did is done: its answer comes through without them, and its key in none."""
    provider.headers = {"Location": "http://[bad", "Link": "<http://[x>; rel=next", "ETag": f'"{TOKEN}"'}
    gateway = await running(a_relay(provider))
    answer = await ask(gateway, "POST", "/v2/surveys", b"{}")

    assert (answer.status, answer.headers["etag"]) == (200, f'"{"*" * len(TOKEN)}"')


async def test_only_so_many_are_passed_on_at_once(
    running: Running, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One more is told to come again, and there is room once an answer has been read."""
    monkeypatch.setattr("gateway.upstreams.RELAYED", 1)
    provider.released.clear()
    gateway = await running(a_relay(provider))
    first = asyncio.create_task(ask(gateway, "GET", "/v2/surveys"))
    while not provider.asked:  # noqa: ASYNC110 - the server tells nobody
        await asyncio.sleep(0.01)

    assert (await ask(gateway, "GET", "/v2/surveys")).status == 503
    provider.released.set()
    assert (await first).status == 200
    assert (await ask(gateway, "GET", "/v2/surveys")).status == 200


async def test_no_answer_shows_the_upstreams_key(running: Running, provider: Provider) -> None:
    """Not even where the provider tells it."""
    provider.pieces = (b'{"Key": "', TOKEN[:5].encode(), TOKEN[5:].encode(), b'"}')
    gateway = await running(a_relay(provider))
    answer = await ask(gateway, "GET", "/v2/tokens")

    assert json.loads(answer.body) == {"Key": "*" * len(TOKEN)}


async def test_a_redirect_is_the_clients_to_follow(running: Running, provider: Provider) -> None:
    """To our address, where it was to the provider's."""
    provider.status = 302
    provider.headers = {"Location": f"http://127.0.0.1:{provider.port}/v2/surveys/1"}
    gateway = await running(a_relay(provider))
    answer = await ask(gateway, "GET", "/v2/surveys")

    assert (answer.status, answer.headers["location"]) == (302, "http://sms.example.org/v2/surveys/1")
    assert len(provider.asked) == 1


async def test_a_caller_that_is_passed_through_shows_its_own_key(running: Running, provider: Provider) -> None:
    """What the provider says of that key is the caller's to read."""
    passing = {"name": "own", "account": "ip1-7", "passthrough": True, "faces": ["rest_v2"]}
    document = a_relay(provider, callers=[passing], sealing={"keys": [new_seal_key()]})
    gateway = await running(document)
    own = "Bearer the-callers-own-key"
    surveys, me = await ask(gateway, "GET", "/v2/surveys", login=own), await ask(gateway, "GET", "/v2/me/x", login=own)
    provider.status = 401
    refused = await ask(gateway, "GET", "/v2/surveys", login=own)

    assert (surveys.status, me.status, refused.status) == (200, 200, 401)
    assert [asked["headers"]["authorization"] for asked in provider.asked] == [own] * 3


async def test_nobody_guesses_by_what_is_passed_on(running: Running, provider: Provider) -> None:
    """After ten refusals the provider is not asked any more; an answer that asks for no key gives no try back."""
    passing = {"name": "own", "account": "ip1-7", "passthrough": True, "faces": ["rest_v2"]}
    gateway = await running(a_relay(provider, callers=[passing], sealing={"keys": [new_seal_key()]}))
    told = []
    for at in range(BURST + 3):
        for status in (404, 401):
            provider.status = status
            told.append((await ask(gateway, "GET", "/v2/surveys", login=f"Bearer guess-{at}")).status)

    assert told == [404, 401] * BURST + [503] * 6
    assert len(provider.asked) == 2 * BURST


async def test_what_was_passed_on_is_logged_and_counted(running: Running, provider: Provider) -> None:
    """By upstream and kind of answer; neither the query nor any key is told."""
    gateway = await running(a_relay(provider))
    with capture_logs() as lines:
        await ask(gateway, "GET", "/v2/surveys?secret=1")
    (line,) = [line for line in lines if line["event"] == "request"]

    assert (line["outcome"], line["upstream"], line["path"]) == ("relayed", "two", "/v2/surveys")
    assert not any(word in str(lines) for word in ("secret", KEY, TOKEN))
    metrics = await exchange(gateway.internal, request("GET", "/metrics", {}))
    assert b'sluss_relayed_total{status="2xx",upstream="two"} 1.0' in metrics.body
