"""Providers that nobody heard of, behind a real gateway: the shipped examples, called over real sockets."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import pytest
import yaml
from aiohttp import web
from builders import FrozenClock, depths
from callers import a_letter, number_of
from gateways import ROOT, Running, a_document, settled, until
from rawhttp import exchange

from gateway.app import Gateway
from gateway.clock import Clock
from gateway.config import load
from gateway.ids import Kind, public_id
from gateway.model import DispatchState
from gateway.status import Status

SECRETS = {
    "ERP_KEY_HASH": "sha256:" + "a" * 64,
    "FORM_USER": "acme & co",
    "FORM_PASSWORD": "p+w%2F=å",
    "JSON_TOKEN": "t0ken-7Q",
    "XML_KEY": 'k<&">',
}


class Request(NamedTuple):
    """A request as it came off the wire."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Behind = Callable[..., Awaitable[Gateway]]
Answers = Callable[[Request], tuple[int, str]]


class Provider:
    """Records raw requests and answers as it is told: (status, body), or 404 where nobody told it."""

    def __init__(self) -> None:
        """Know no answer yet."""
        self.requests: list[Request] = []
        self.answers: Answers = lambda _request: (404, "")
        self.url = ""
        self._runner = web.ServerRunner(web.Server(self._handle))

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = "http://{}:{}".format(*self._runner.addresses[0][:2])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        raw = Request(request.method, request.raw_path, dict(request.headers), await request.read())
        self.requests.append(raw)
        status, body = self.answers(raw)
        return web.Response(status=status, text=body)


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    """The provider, whichever of the three it plays."""
    async with Provider() as provider:
        yield provider


@pytest.fixture
def behind(running: Running, provider: Provider, tmp_path: Path) -> Behind:
    """Starts a gateway that sends everything to one of the shipped examples, whose host is the provider's."""

    async def start(name: str, clock: Clock | None = None) -> Gateway:
        path = tmp_path / "sluss.yaml"
        text = (ROOT / "config/upstream-http.yaml").read_text("utf-8")
        for host in ("https://sms.example.com", "https://api.example.net", "https://gw.example.org"):
            text = text.replace(host, provider.url)
        document = yaml.safe_load(text)
        document["routes"] = [{"name": "default", "to": name}]
        path.write_text(yaml.safe_dump(document, allow_unicode=True), "utf-8")
        upstreams = load(path, SECRETS).upstreams
        return await running(a_document(upstreams=upstreams, routes=document["routes"]), clock)

    return start


async def send(gateway: Gateway, text: str, *to: str) -> int:
    """Send, and read the number of the first message."""
    letter = a_letter("rest_v2", text, to or ("46712345678",))
    number = number_of("rest_v2", (await exchange(gateway.public, letter.raw())).body)
    assert number is not None
    return number


async def test_a_get_with_a_form_for_an_answer(behind: Behind, provider: Provider) -> None:
    """The query arrives byte for byte as it was written, in the provider's charset, and its id is kept."""
    gateway = await behind("form")
    provider.answers = lambda _request: (200, "id=4711\n")

    number = await send(gateway, "Räkor & ägg; 100% +1 {text}?")
    await settled(gateway, number, Status.QUEUED)

    (request,) = provider.requests
    batch, message, entries = await gateway.store.message(number) or pytest.fail("it is gone")
    assert (request.method, request.body) == ("GET", b"")
    assert request.target == (
        "/http/send?user=acme%20%26%20co&pass=p%2Bw%252F%3D%E5&to=0046712345678&from=iP1"
        "&msg=R%E4kor%20%26%20%E4gg%3B%20100%25%20%2B1%20%7Btext%7D%3F&prio=1&dcs=0&class="
        f"&ref={public_id(Kind.DISPATCH, batch.created, number)}"
    )
    assert (message.status, entries[-1].upstream) == (Status.QUEUED, "form")


REFUSALS = [
    ("its own code", 200, "error=103&text=bad number", Status.INVALID_RECIPIENT, "103"),
    ("a code that nobody described", 200, "error=777", Status.GENERIC_REJECTED, "777"),
    ("HTTP's own words", 400, "what?", Status.GENERIC_REJECTED, "400"),
    ("nothing that is understood", 200, "<h1>Welcome</h1>", Status.UNKNOWN, None),
]


@pytest.mark.parametrize(
    ("label", "status", "body", "wanted", "raw_code"), REFUSALS, ids=[case[0] for case in REFUSALS]
)
async def test_an_answer_is_the_end_of_the_message(
    label: str,
    status: int,
    body: str,
    wanted: Status,
    raw_code: str | None,
    behind: Behind,
    provider: Provider,
) -> None:
    """A refusal ends the message in our words with the provider's code beside it, a doubt leaves it Unknown."""
    gateway = await behind("form")
    provider.answers = lambda _request: (status, body)

    number = await send(gateway, "Hello")
    statuses = await settled(gateway, number, wanted)

    found = await gateway.store.message(number)
    assert found is not None
    assert (statuses, found[2][-1].raw_code) == ((Status.ACCEPTED, wanted), raw_code)
    assert len(provider.requests) == 1


async def ready(gateway: Gateway) -> bool:
    """Whether what was tried waits for the next attempt."""
    return await depths(gateway.store) == {("form", DispatchState.READY): 1}


async def test_a_wrong_password_fails_no_message(behind: Behind, provider: Provider) -> None:
    """Where the provider refuses the gateway itself, the message waits."""
    gateway = await behind("form")
    provider.answers = lambda _request: (200, "error=101&text=login")

    number = await send(gateway, "Hello")
    await until(lambda: provider.requests)
    await until(lambda: ready(gateway))

    found = await gateway.store.message(number)
    assert found is not None
    assert found[1].status is Status.ACCEPTED


async def test_a_json_api_is_asked_what_became_of_it(behind: Behind, provider: Provider) -> None:
    """The document holds the text whatever is in it; the id of the answer is asked about, and its word delivered."""
    clock = FrozenClock()
    gateway = await behind("json", clock)

    def answers(request: Request) -> tuple[int, str]:
        if request.method == "GET":
            return (200, '{"status": "delivered"}')
        return (202, '{"messages": [{"id": "m/1"}]}')

    provider.answers = answers
    text = 'He said "hi" \\ <b>\n{text} € 😀'

    number = await send(gateway, text)
    await settled(gateway, number, Status.QUEUED)
    clock.advance(5)
    statuses = await settled(gateway, number)

    posted, asked = provider.requests
    batch, _, _ = await gateway.store.message(number) or pytest.fail("it is gone")
    assert statuses == (Status.ACCEPTED, Status.QUEUED, Status.DELIVERED_TO_HANDSET)
    assert (posted.method, posted.target) == ("POST", "/v1/messages")
    assert posted.headers["Authorization"] == asked.headers["Authorization"] == "Bearer t0ken-7Q"
    assert posted.headers["Idempotency-Key"] == public_id(Kind.DISPATCH, batch.created, number)
    assert posted.headers["Content-Type"] == "application/json"
    assert json.loads(posted.body) == {
        "to": ["+46712345678"],
        "from": "iP1",
        "text": text,
        "priority": 1,
        "options": {"encoding": "UCS-2", "flash": False},
    }
    assert (asked.method, asked.target) == ("GET", "/v1/messages/m%2F1")


async def test_an_xml_api_gets_many_recipients(behind: Behind, provider: Provider) -> None:
    """One call carries all numbers as elements of their own, and each message has the one answer."""
    gateway = await behind("xml")
    provider.answers = lambda _request: (200, "<r><status>0</status><batch>b-1</batch></r>")

    number = await send(gateway, "a < b & c", "46712345678", "46709876543")
    await settled(gateway, number, Status.QUEUED)
    await settled(gateway, number + 1, Status.QUEUED)

    (request,) = provider.requests
    assert request.headers["Content-Type"] == "text/xml; charset=utf-8"
    assert request.body.decode() == (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<send key="k&lt;&amp;&quot;&gt;"><from>iP1</from><to><nr>46712345678</nr><nr>46709876543</nr></to>\n'
        '<text coding="0" type="text">a &lt; b &amp; c</text></send>\n'
    )
