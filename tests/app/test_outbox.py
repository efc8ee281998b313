"""Operations' commands for the outbox of a running gateway: what callers could not be posted, and posting it again."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from builders import NOW
from command_line import sluss, sluss_json
from gateways import ACCOUNT, KEY, Running, a_document, free_port, until
from rawhttp import exchange, request
from structlog.testing import capture_logs

from gateway.app import Gateway
from gateway.auth import hash_key
from gateway.clock import SystemClock
from gateway.model import Incoming
from gateway.ports import Callback


class CallersServer:
    """A caller's server: counts what is posted to it, and answers as it is told."""

    def __init__(self) -> None:
        """Refuse everything."""
        self.status = 503
        self.posted = 0
        self.port = free_port()

    async def handle(self, _request: web.BaseRequest) -> web.Response:
        """Count, and answer."""
        self.posted += 1
        return web.Response(status=self.status)


@pytest.fixture
async def server() -> AsyncIterator[CallersServer]:
    """A caller's server on this machine."""
    made = CallersServer()
    runner = web.ServerRunner(web.Server(made.handle))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", made.port).start()
    yield made
    await runner.cleanup()


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[Any]]:
    """What is logged; on stdout it would stand between what the commands print."""
    with capture_logs() as lines:
        yield lines


@pytest.fixture
async def gateway(running: Running) -> Gateway:
    """A gateway whose sandbox delivers at once, and which may post to this machine."""
    caller = {"name": "erp", "account": ACCOUNT, "keys": [hash_key(KEY)], "incoming": {}}
    return await running(a_document(callers=[caller], callbacks={"allow_private": True, "timeout": "2s"}))


class Desk:
    """A command line that finds the gateway."""

    def __init__(self, gateway: Gateway, folder: Path) -> None:
        """Write the configuration that the commands read."""
        self._config = folder / "operations.yaml"
        document = a_document(listen={"internal": "{}:{}".format(*gateway.internal)})
        self._config.write_text(yaml.safe_dump(document), "utf-8")

    async def json(self, *args: object) -> Any:
        """The document that a command prints, which ends well."""
        return await asyncio.to_thread(sluss_json, "outbox", *args, "--config", self._config)

    async def said(self, *args: object) -> tuple[int, str]:
        """A command's exit code, and all that it prints."""
        result = await asyncio.to_thread(sluss, "outbox", *args, "--config", self._config)
        return result.exit_code, result.output


@pytest.fixture
def desk(gateway: Gateway, tmp_path: Path) -> Desk:
    """A command line for that gateway."""
    return Desk(gateway, tmp_path)


async def given_up(gateway: Gateway, server: CallersServer) -> list[int]:
    """Send a message whose reports the caller's server refuses, and give them up; the numbers of the posts."""
    body = (
        b'{"sender":"iP1","recipients":["46712345678"],"body":"Hello",'
        b'"deliveryReportUrl":"http://127.0.0.1:%d/r?pass=s3cr3t"}' % server.port
    )
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    answer = await exchange(gateway.public, request("POST", "/v2/batches", headers, body))
    assert answer.status == 201

    async def refused() -> bool:
        found = await gateway.store.message(1001)
        boxes = await gateway.store.outboxes()
        told = found is not None and found[1].status.final and len(found[2]) - 1 == server.posted
        return told and boxes[0].due is not None and boxes[0].due > found[1].modified + 300_000

    await until(refused)
    (box,) = await gateway.store.outboxes()
    keys = list(range(1, box.waiting + 1))
    now = SystemClock().now()  # as the gateway's, which forgets what was given up long ago
    for key in keys:
        await gateway.store.give_up_callback(key, now)
    return keys


async def test_what_was_given_up_is_seen_and_posted_again(
    gateway: Gateway, server: CallersServer, desk: Desk, logged: list[Any]
) -> None:
    """By caller and post by post; once the server is well, everything is told to it after all."""
    assert "Nothing waits" in (await desk.said("ls"))[1]
    assert "Nothing was given up" in (await desk.said("ls", "--given-up"))[1]
    posts = await given_up(gateway, server)

    assert (await desk.json("ls"))["callers"] == [
        {"caller": "erp", "waiting": 0, "due": None, "given_up": len(posts)},
    ]
    listed = await desk.json("ls", "--given-up", "--limit", 1)
    assert (listed["posts"][0]["kind"], listed["posts"][0]["caller"], listed["next"]) == ("report", "erp", posts[0])
    rest = await desk.json("ls", "--given-up", "--after", posts[0])
    assert [each["post"] for each in rest["posts"]] == posts[1:]
    metrics = await exchange(gateway.internal, request("GET", "/metrics"))
    assert b'sluss_outbox{caller="erp",state="given up"} %d.0' % len(posts) in metrics.body
    code, table = await desk.said("ls", "--given-up")
    assert (code, "s3cr3t" in table, "127.0.0.1" in table) == (0, False, False)

    server.status, before = 200, server.posted
    assert (await desk.json("retry", "--caller", "erp", "--dry-run"))["posts"] == len(posts)
    assert server.posted == before
    assert "Posted again" in (await desk.said("retry", "--caller", "erp"))[1]
    await until(lambda: server.posted == before + len(posts))

    async def empty() -> bool:
        return await gateway.store.outboxes() == []

    await until(empty)
    (line,) = [line for line in logged if line["event"] == "outbox.changed"]
    assert (line["action"], line["caller"], line["posts"]) == ("retry", "erp", len(posts))


async def test_what_was_given_up_can_be_forgotten(gateway: Gateway, server: CallersServer, desk: Desk) -> None:
    """One by one or all of it; what is not there, or not said which, is told."""
    first, *others = await given_up(gateway, server)

    assert (await desk.json("drop", first))["posts"] == 1
    code, said = await desk.said("drop", first)
    assert (code, f"No post {first} was given up" in said) == (1, True)
    for nothing in ((), ("--all", "--caller", "erp")):
        code, said = await desk.said("drop", *nothing)
        assert (code, "Name one post, a caller, or all" in said) == (1, True)
    assert "Would be forgotten" in (await desk.said("drop", "--all", "--dry-run"))[1]
    assert (await desk.json("drop", "--all"))["posts"] == len(others)
    assert await gateway.store.outboxes() == []


async def test_incoming_messages_are_listed_as_what_they_are(gateway: Gateway, desk: Desk) -> None:
    """With their own ids, which every face that reads them knows."""
    came = Incoming(0, NOW, ACCOUNT, "erp", "sandbox", "1", "46700000002", "46712345678", "Hello", 1)
    await gateway.store.receive([came], NOW, {"erp"})
    due = await gateway.store.lease_callbacks({"erp": 1}, NOW, NOW + 1)
    assert not any(isinstance(post, Callback) for post in due)
    await gateway.store.give_up_callback(1, SystemClock().now())

    (post,) = (await desk.json("ls", "--given-up", "--caller", "erp"))["posts"]
    assert (post["kind"], post["code"], len(post["of"])) == ("incoming", None, 24)


async def test_nobody_is_answered_nonsense(gateway: Gateway) -> None:
    """Bad numbers, unknown verbs and odd bodies are refused with a sentence."""
    for path, status in (
        ("/outbox/given-up?limit=0", 400),
        ("/outbox/given-up?after=x", 400),
        ("/outbox/given-up?after=" + "9" * 400, 400),
    ):
        answer = await exchange(gateway.internal, request("GET", path, {"Host": "localhost"}))
        assert (answer.status, b'"error"' in answer.body) == (status, True)
    headers = {"Host": "localhost", "Content-Type": "application/json"}
    for path, body, status in (
        ("/outbox/burn", b"{}", 404),
        ("/outbox/drop", b'{"post":"x"}', 400),
        ("/outbox/drop", b'{"posts":1}', 400),
        ("/outbox/drop", b'{"post":7}', 404),
    ):
        answer = await exchange(gateway.internal, request("POST", path, headers, body))
        assert (answer.status, b'"error"' in answer.body) == (status, True)
