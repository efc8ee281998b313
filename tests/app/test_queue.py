"""Operations' commands against a gateway that runs: what they see of the queue, and what they do to it."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from builders import depths
from callers import a_letter, number_of
from command_line import sluss, sluss_json
from gateways import KEY, Process, Running, a_document, free_port, settled, to_v2, until
from rawhttp import exchange, request
from recorder import Fault, Plan, Recorder
from structlog.testing import capture_logs

from gateway.app import Gateway
from gateway.model import DispatchState
from gateway.status import Status

TOKEN = "internal-token-of-operations"
HELD = "46700001234"


class Desk:
    """A command line that finds a gateway where it listens for operations."""

    def __init__(self, folder: Path, internal: str, **listen: Any) -> None:
        """Write the configuration that the commands read."""
        self._config = folder / "operations.yaml"
        document = a_document(listen={"internal": internal, **listen})
        self._config.write_text(yaml.safe_dump(document), "utf-8")

    async def json(self, *args: object) -> Any:
        """The document that a command prints, which ends well."""
        return await asyncio.to_thread(sluss_json, "queue", *args, "--config", self._config)

    async def said(self, *args: object) -> tuple[int, str]:
        """A command's exit code, and all that it prints."""
        result = await asyncio.to_thread(sluss, "queue", *args, "--config", self._config)
        return result.exit_code, result.output


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[Any]]:
    """What is logged; on stdout it would stand between what the commands print."""
    with capture_logs() as lines:
        yield lines


@pytest.fixture
async def gateway(running: Running, recorder: Recorder) -> Gateway:
    """A gateway before a provider that records; a night route holds what goes to 4670000*."""
    document = a_document(**to_v2(recorder.url))
    document["routes"].insert(0, {"name": "night", "when": {"recipient": "4670000*"}, "to": "main", "hold": True})
    return await running(document)


@pytest.fixture
def desk(gateway: Gateway, tmp_path: Path) -> Desk:
    """A command line with the configuration of that gateway."""
    return Desk(tmp_path, "{}:{}".format(*gateway.internal))


async def sent(gateway: Gateway, count: int = 1, to: str = "46712345678") -> list[int]:
    """Send messages one by one; returns their numbers."""
    letters = [a_letter("sendsms", to=[to]).raw() for _ in range(count)]
    numbers = [number_of("sendsms", (await exchange(gateway.public, letter)).body) for letter in letters]
    return [number for number in numbers if number is not None]


async def unanswered(gateway: Gateway, provider: Recorder) -> int:
    """Send a message that the provider takes without a word; returns its number."""
    provider.plan = lambda: Plan(fault=Fault.RESET_AFTER)
    (number,) = await sent(gateway)
    await settled(gateway, number, Status.UNKNOWN)
    provider.plan = Plan
    return number


async def history(gateway: Gateway, number: int) -> list[Status]:
    """What a message went through."""
    found = await gateway.store.message(number)
    assert found is not None
    return [entry.status for entry in found[2]]


async def test_a_pause_holds_back_and_loses_nothing(gateway: Gateway, recorder: Recorder, desk: Desk) -> None:
    """While an upstream is paused everything is accepted and nothing leaves; resumed, each leaves once."""
    would = await desk.json("pause", "main", "--dry-run")
    assert would["paused"] is None
    paused = await desk.json("pause", "main", "--reason", "their maintenance")
    assert paused["paused"]["reason"] == "their maintenance"

    await sent(gateway, 5)
    (main,) = (await desk.json("ls"))["upstreams"]
    assert {state: found["dispatches"] for state, found in main["states"].items()} == {"ready": 5}
    assert recorder.messages == 0
    metrics = await exchange(gateway.internal, request("GET", "/metrics"))
    assert b'sluss_upstream_paused{upstream="main"} 1.0' in metrics.body
    assert "paused since" in (await desk.said("ls"))[1]

    assert (await desk.json("resume", "main"))["paused"] is None
    await until(lambda: recorder.messages == 5)
    await until(lambda: len(recorder.taken) == 5)


async def test_a_pause_outlives_the_process(
    process: Callable[[dict[str, Any]], Process], recorder: Recorder, tmp_path: Path
) -> None:
    """Killed and started anew, the gateway still sends nothing to the upstream, until somebody resumes it."""
    internal = f"127.0.0.1:{free_port()}"
    run = process(a_document(**to_v2(recorder.url), listen={"internal": internal}))
    desk = Desk(tmp_path, internal)
    await run.start()
    await desk.json("pause", "main")
    await exchange(run.public, a_letter("sendsms").raw())
    await run.end(signal.SIGKILL)
    await run.start()

    (main,) = (await desk.json("ls"))["upstreams"]
    assert (main["paused"] is not None, main["states"]["ready"]["dispatches"], recorder.messages) == (True, 1, 0)
    await desk.json("resume", "main")
    await until(lambda: recorder.messages == 1)


async def test_a_drain_waits_for_what_is_on_its_way(gateway: Gateway, recorder: Recorder, desk: Desk) -> None:
    """It ends with 1 while a provider takes its time, and with 0 once nothing is in flight; the rest waits."""
    recorder.plan = lambda: Plan(delay=1.5)
    await sent(gateway)
    await until(lambda: recorder.messages == 1)

    code, said = await desk.said("drain", "main", "--timeout", "0")
    assert (code, "1 of its dispatches are still on their way" in said) == (1, True)
    await sent(gateway)
    code, said = await desk.said("drain", "main")

    assert (code, "main is drained and stays paused: 1 ready there" in said) == (0, True)
    assert recorder.messages == 1


async def test_what_is_held_is_shown_and_released(gateway: Gateway, recorder: Recorder, desk: Desk) -> None:
    """A held message is listed and shown with what can be done with it; released, it is delivered."""
    (number,) = await sent(gateway, to=HELD)

    (listed,) = (await desk.json("ls", "--state", "held"))["dispatches"]
    assert (listed["route"], listed["state"], listed["messages"], listed["caller"]) == ("night", "held", 1, "erp")
    (shown,) = (await desk.json("show", number))["dispatches"]
    assert (shown["id"], shown["can"]) == (listed["id"], ["release", "cancel"])
    assert [row["recipient"] for row in shown["recipients"]] == ["46*******34"]
    for name in (listed["id"], listed["batch"]):
        (shown,) = (await desk.json("show", name, "--full"))["dispatches"]
        assert [row["recipient"] for row in shown["recipients"]] == [HELD]
    assert "You can: release, cancel." in (await desk.said("show", number))[1]

    would = await desk.json("release", "--route", "night", "--dry-run")
    assert (would["dispatches"], would["dry_run"]) == (1, True)
    assert await depths(gateway.store) == {("main", DispatchState.HELD): 1}
    assert (await desk.json("release", "--route", "night"))["messages"] == 1
    await until(lambda: recorder.messages == 1)


async def test_what_waits_is_cancelled(
    gateway: Gateway, recorder: Recorder, desk: Desk, logged: list[dict[str, Any]]
) -> None:
    """One by its number, the others together and only with --yes, each a line in the log; the provider never hears."""
    numbers = await sent(gateway, 3, to=HELD)

    assert (await desk.json("cancel", numbers[0]))["messages"] == 1
    code, said = await desk.said("cancel", "--route", "night")
    assert (code, "2 dispatches with 2 messages would be cancelled, for good. Add --yes" in said) == (1, True)
    assert (await desk.json("cancel", "--route", "night", "--yes"))["dispatches"] == 2

    assert [await history(gateway, number) for number in numbers] == [[Status.ACCEPTED, Status.CANCELED]] * 3
    told = [line for line in logged if line["event"] == "queue.changed"]
    assert [(line["action"], line["messages"], line["peer"]) for line in told] == [
        ("cancel", 1, "127.0.0.1"),
        ("cancel", 2, "127.0.0.1"),
    ]
    assert [told[0].get("id"), told[1].get("route")] == [str(numbers[0]), "night"]
    code, said = await desk.said("cancel", numbers[0])
    assert (code, "It is failed, and 'cancel' is for what is ready or held." in said) == (1, True)
    assert recorder.messages == 0


async def test_what_was_not_answered_is_sent_again_on_demand(gateway: Gateway, recorder: Recorder, desk: Desk) -> None:
    """An unknown message may have arrived, so it takes --yes; then it leaves once more."""
    number = await unanswered(gateway, recorder)
    recorder.copies.clear()

    code, said = await desk.said("retry", number)
    assert (code, "perhaps for the second time" in said, recorder.messages) == (1, True, 0)
    assert (await desk.json("retry", "--upstream", "main"))["dispatches"] == 0, "by default, no risk is taken"
    assert (await desk.json("retry", number, "--yes"))["dispatches"] == 1

    await until(lambda: recorder.messages == 1)
    await settled(gateway, number, Status.QUEUED)


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        ("delivered", Status.DELIVERED_TO_HANDSET),
        ("sent", Status.QUEUED),
        ("failed", Status.DELIVERY_TO_GATEWAY_FAILED),
    ],
)
async def test_what_the_provider_told_is_written_down(
    gateway: Gateway, recorder: Recorder, desk: Desk, outcome: str, told: Status
) -> None:
    """Operations asked the provider about an unknown message; what they say becomes its status, and it is done."""
    number = await unanswered(gateway, recorder)

    assert (await desk.json("resolve", number, "--as", outcome))["messages"] == 1

    assert await history(gateway, number) == [Status.ACCEPTED, Status.UNKNOWN, told]
    assert await depths(gateway.store) == {}
    assert "Told by operations" in (await desk.said("show", number))[1]
    assert (await desk.said("resolve", number, "--as", outcome))[0] == 1


async def test_an_upstream_is_tried_at_once(running: Running, tmp_path: Path) -> None:
    """What waits a long while for its next attempt leaves when somebody says that the upstream is back."""
    port = free_port()
    document = a_document(**to_v2(f"http://127.0.0.1:{port}/v2", token=KEY, retry={"first": "1h", "max": "1h"}))
    gateway = await running(document)
    desk = Desk(tmp_path, "{}:{}".format(*gateway.internal))
    await sent(gateway)

    async def tried() -> bool:
        found = await gateway.store.dispatch(1001)
        return found is not None and (found.state, found.attempts) == (DispatchState.READY, 1)

    await until(tried)
    provider = await running(a_document(listen={"public": f"127.0.0.1:{port}", "internal": "127.0.0.1:0"}))

    assert (await desk.json("retry", "--upstream", "main"))["dispatches"] == 1
    await until(lambda: provider.store.batch(1001))


async def test_pages_of_dispatches(gateway: Gateway, desk: Desk) -> None:
    """A long list comes in pages, each of which names where the next one begins."""
    await sent(gateway, 3, to=HELD)

    first = await desk.json("ls", "main", "--limit", "2")
    rest = await desk.json("ls", "main", "--limit", "2", "--after", first["next"])

    assert [len(first["dispatches"]), len(rest["dispatches"]), rest["next"]] == [2, 1, None]
    assert f"There is more: --after {first['next']}" in (await desk.said("ls", "main", "--limit", "2"))[1]


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("pause", "maiin"), 1, "unknown upstream 'maiin' (did you mean 'main'?)."),
        (("show", "1234"), 1, "Nothing is stored under 1234: give a message's number, or the id of"),
        (("show", "../metrics"), 1, "Nothing is stored under ../metrics"),
        (("cancel",), 1, "Name an id, an upstream or a route."),
        (("cancel", "--upstream", "main", "--state", "unknown"), 1, "'cancel' is for what is ready or held."),
        (("resolve", "--upstream", "main", "--as", "sent"), 1, "Say 'state: unknown' to resolve everything"),
        (("ls", "--after", "1001"), 1, "'after' is no id of a dispatch."),
        (("ls", "--state", "lost"), 2, "'lost' is not one of"),
    ],
)
async def test_mistakes_are_told(desk: Desk, args: tuple[str, ...], code: int, words: str) -> None:
    """A sentence says what is wrong, and nothing is changed."""
    if args[:2] == ("ls", "--after"):
        args = (*args, "--route", "night")

    assert (await desk.said(*args))[0] == code
    assert words in " ".join((await desk.said(*args))[1].split())


async def test_without_a_gateway_there_is_no_queue(tmp_path: Path) -> None:
    """Exit code 3, and where it was looked for."""
    code, said = await Desk(tmp_path, f"127.0.0.1:{free_port()}").said("ls")

    assert (code, "cannot be reached" in said, "Is the gateway running" in said) == (3, True, True)


@pytest.mark.parametrize(
    ("token", "given", "code"), [(TOKEN, TOKEN, 0), (TOKEN, "another-token-of-someone", 2), (TOKEN, None, 2)]
)
async def test_a_token_guards_the_queue(
    running: Running, tmp_path: Path, token: str, given: str | None, code: int
) -> None:
    """With listen.internal_token nobody sees or changes the queue without it; health and metrics stay open."""
    listen = {"public": "127.0.0.1:0", "internal": "127.0.0.1:0", "internal_token": token}
    gateway = await running(a_document(listen=listen))
    desk = Desk(tmp_path, "{}:{}".format(*gateway.internal), **({"internal_token": given} if given else {}))

    for args in (("ls",), ("show", "1001"), ("pause", "sandbox")):
        found, said = await desk.said(*args)
        assert found == (code if args[0] != "show" or code else 1)
        assert token not in said
    assert (await exchange(gateway.internal, request("GET", "/readyz"))).status == 200


REFUSED = [
    ("another name that leads here", {"Host": "rebound.example:8081"}, b"{}", 403, b"Set listen.internal_token"),
    ("a form, as any page can post it", {"Content-Type": "text/plain"}, b"{}", 400, b"application/json"),
    ("no object", {}, b"[]", 400, b"must be a JSON object"),
    ("half an object", {}, b'{"upstream":', 400, b"must be a JSON object"),
    ("nested without an end", {}, b"[" * 50_000, 400, b"must be a JSON object"),
    ("an unknown key", {}, b'{"upstraem": "main"}', 400, b"upstraem: Extra inputs are not permitted"),
    ("too much", {}, b" " * 70_000, 413, b""),
]


@pytest.mark.parametrize(
    ("headers", "body", "status", "words"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
async def test_hostile_requests_are_refused(
    gateway: Gateway, headers: dict[str, str], body: bytes, status: int, words: bytes
) -> None:
    """Whatever a page in somebody's browser or a broken script sends changes nothing and breaks nothing."""
    given = {"Host": "127.0.0.1:8081", "Content-Type": "application/json", **headers}

    answer = await exchange(gateway.internal, request("POST", "/queue/pause", given, body))

    assert (answer.status, words in answer.body) == (status, True)
    assert await gateway.store.pauses() == {}


async def test_other_machines_need_the_token(running: Running) -> None:
    """A gateway that listens for operations on every address and has no token keeps its queue to itself."""
    gateway = await running(a_document(listen={"public": "127.0.0.1:0", "internal": "0.0.0.0:0"}))

    answer = await exchange(gateway.internal, request("GET", "/queue"))

    assert answer.status == 403
    assert "listen.internal_token" in orjson.loads(answer.body)["error"]
