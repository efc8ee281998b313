"""A configuration that changes under a running gateway: whole or not at all, and nothing under way is touched."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from callers import a_letter, number_of
from command_line import sluss, sluss_json
from gateways import KEY, Process, Running, a_document, free_port, settled, to_v2, until
from rawhttp import exchange, request
from recorder import Plan, Recorder
from structlog.testing import capture_logs

from gateway import config
from gateway.app import Gateway
from gateway.auth import hash_key
from gateway.errors import ConfigError
from gateway.model import DispatchState
from gateway.status import Status

OTHER_KEY = "another-key-of-the-same-caller"
HELD = {"name": "held", "when": {"recipient": "4670000*"}, "to": "main", "hold": True}


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[Any]]:
    """What is logged; on stdout it would stand between what the commands print."""
    with capture_logs() as lines:
        yield lines


class Site:
    """A gateway with its file, and the commands of whoever edits that file."""

    def __init__(self, folder: Path, document: dict[str, Any]) -> None:
        """Write the file; it is `document`, on ports of its own, until it is edited."""
        listen = {name: f"127.0.0.1:{free_port()}" for name in ("public", "internal")}
        self.document = document | {"listen": listen}
        self.path = folder / "sluss.yaml"
        self.edit()

    async def start(self, running: Running) -> Gateway:
        """Start the gateway on the file."""
        return await running(self.document, None, partial(config.load, self.path, {}))

    def edit(self, **over: Any) -> None:
        """Change sections of the file."""
        self.document = {**self.document, **over}
        self.path.write_text(yaml.safe_dump(self.document), "utf-8")

    async def said(self, command: str, *args: object) -> tuple[int, str]:
        """A command's exit code, and all that it prints."""
        result = await asyncio.to_thread(sluss, command, *args, "--config", self.path)
        return result.exit_code, " ".join(result.output.split())

    async def json(self, command: str, *, code: int = 0) -> Any:
        """The document that a command prints."""
        return await asyncio.to_thread(partial(sluss_json, command, "--config", self.path, code=code))


@pytest.fixture
def site(tmp_path: Path, recorder: Recorder) -> Site:
    """A site before a provider that records."""
    return Site(tmp_path, a_document(**to_v2(recorder.url)))


async def sent(gateway: Gateway, key: str = KEY, **letter: Any) -> int | None:
    """Send, and read the number of the message; None where it is refused."""
    return number_of("sendsms", (await exchange(gateway.public, a_letter("sendsms", key=key, **letter).raw())).body)


async def test_routes_upstreams_and_keys_change_at_once(running: Running, site: Site, recorder: Recorder) -> None:
    """The next message goes by the new route to the new upstream; a new key opens, the old one does not any more."""
    gateway = await site.start(running)
    assert await sent(gateway) is not None
    await until(lambda: recorder.messages == 1)

    callers = [{"name": "erp", "account": "ip1-12345", "keys": [hash_key(OTHER_KEY)]}]
    sandbox = {"sandbox": {"adapter": "sandbox", "pace": 0}}
    site.edit(callers=callers, upstreams=sandbox, routes=[{"name": "default", "to": "sandbox"}])
    told = await site.json("reload")

    paths = {change["path"]: change["after"] for change in told["changes"]}
    assert paths["routes.default.to.sandbox"] == "1"
    assert paths["upstreams.main.url"] is None
    assert await sent(gateway) is None
    number = await sent(gateway, OTHER_KEY)
    assert number is not None
    await settled(gateway, number)
    assert recorder.messages == 1


async def test_what_was_decided_stays_decided(running: Running, site: Site, recorder: Recorder) -> None:
    """A message that is held, or waits for a paused upstream, keeps its way when its route is gone."""
    site.edit(routes=[HELD, {"name": "default", "to": "main"}])
    gateway = await site.start(running)
    held = await sent(gateway, to=["46700001234"])
    assert held is not None

    site.edit(routes=[{"name": "default", "to": "main", "rewrite": {"sender": "New"}}])
    await site.json("reload")
    assert (await site.said("queue", "release", held))[0] == 0

    await until(lambda: recorder.messages == 1)
    (taken,) = recorder.taken.values()
    assert taken["sender"] == "iP1"


BAD = [
    ("no YAML", "callers: [", "is not YAML"),
    ("an unknown key", {"calers": []}, "unknown key 'calers' (did you mean 'callers'?)"),
    ("a route to nowhere", {"routes": [{"name": "default", "to": "maiin"}]}, "unknown upstream 'maiin'"),
    (
        "a test that fails",
        {"tests": [{"given": {"caller": "erp", "recipient": "46712345678"}, "expect": {"route": "other"}}]},
        "tests.0: route default takes it, not other",
    ),
    ("nothing at all", "", "version: is missing"),
]


@pytest.mark.parametrize(("content", "words"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
async def test_a_bad_file_changes_nothing(
    running: Running, site: Site, recorder: Recorder, content: str | dict[str, Any], words: str
) -> None:
    """It is refused with every problem, exit code 2, and the gateway goes on as before."""
    gateway = await site.start(running)
    good = site.path.read_text()
    if isinstance(content, dict):
        site.edit(**content)
    else:
        site.path.write_text(content)

    with pytest.raises(ConfigError) as caught:
        await gateway.runtime.reload()
    assert any(words in problem for problem in caught.value.problems), caught.value.problems
    answer = await exchange(
        gateway.internal, request("POST", "/reload", {"Host": "localhost", "Content-Type": "application/json"}, b"{}")
    )
    assert answer.status == 409

    assert await sent(gateway) is not None
    await until(lambda: recorder.messages == 1)
    site.path.write_text(good)
    assert (await site.said("diff"))[0] == 0


async def test_the_command_tells_the_problems(running: Running, site: Site) -> None:
    """`sluss reload` of a file whose own tests fail: exit code 2, the problem, and that nothing changed."""
    await site.start(running)
    site.edit(tests=[{"given": {"caller": "erp", "recipient": "46712345678"}, "expect": {"reject": 405}}])

    code, said = await site.said("reload")

    assert code == 2
    assert "tests.0: it goes to main by route default, and is not rejected as 405" in said
    assert "The gateway goes on with the configuration that it has." in said


async def test_a_difference_is_shown_without_secrets(running: Running, site: Site) -> None:
    """Each key with what is running and what the file says; a secret is only said to differ. 1 means: they differ."""
    gateway = await site.start(running)
    assert (await site.said("diff")) == (0, "The running gateway does what the file says.")

    upstreams = to_v2("http://127.0.0.1:9/v2", token="the-new-token-of-the-provider", rate="5/s")["upstreams"]
    site.edit(upstreams=upstreams, store="sqlite:///./elsewhere.db", log={"level": "debug"})
    document = await site.json("diff", code=1)

    changes = {row["path"]: (row["before"], row["after"], row["at_next_start"]) for row in document["changes"]}
    assert changes["upstreams.main.token"] == ("********", "********", False)
    assert changes["upstreams.main.rate"] == ("none", "5.0", False)
    assert changes["store"] == ("memory:", "sqlite:///./elsewhere.db", True)
    assert changes["log.level"] == ("info", "debug", True)
    assert document["applied"] is False
    code, said = await site.said("diff")
    assert (code, "at the next start" in said, "the-new-token" in said) == (1, True, False)

    await gateway.runtime.reload()
    left = await site.json("diff", code=1)
    assert [row["path"] for row in left["changes"]] == ["store", "log.level"]


async def test_an_upstream_that_goes_ends_what_it_began(running: Running, site: Site, recorder: Recorder) -> None:
    """What is on its way to it is answered as ever; what waits is listed as nobody's, and sent when it comes back."""
    recorder.plan = lambda: Plan(delay=1.0)
    gateway = await site.start(running)
    first = await sent(gateway)
    await until(lambda: recorder.messages == 1)
    await site.said("queue", "pause", "main")
    second = await sent(gateway)
    assert first is not None
    assert second is not None

    whole = site.document
    site.edit(upstreams={"sandbox": {"adapter": "sandbox", "pace": 0}}, routes=[{"name": "default", "to": "sandbox"}])
    await site.json("reload")
    await settled(gateway, first, Status.QUEUED)
    assert "not in the configuration: nobody sends this" in (await site.said("queue", "ls"))[1]

    site.edit(upstreams=whole["upstreams"], routes=whole["routes"])
    await site.json("reload")
    assert "paused since" in (await site.said("queue", "ls"))[1], "a pause is not forgotten"
    await site.said("queue", "resume", "main")
    await settled(gateway, second, Status.QUEUED)
    assert recorder.messages == 2


async def test_mended_credentials_are_used_at_once(running: Running, tmp_path: Path) -> None:
    """A queue that rests because the provider refuses the token goes on as soon as the file has the right one."""
    provider = await running()
    url = f"http://127.0.0.1:{provider.public.port}/v2"
    site = Site(tmp_path, a_document(**to_v2(url, token="a-token-that-is-wrong")))
    gateway = await site.start(running)
    await sent(gateway)

    async def held() -> bool:
        found = await gateway.store.dispatch(1001)
        return found is not None and found.state is DispatchState.READY and found.run_at > found.batch.created

    await until(held)
    site.edit(**to_v2(url, token=KEY))
    await site.json("reload")
    assert (await site.said("queue", "retry", "--upstream", "main"))[0] == 0

    await until(lambda: provider.store.batch(1001))


async def test_reloads_under_load_lose_and_double_nothing(running: Running, site: Site, recorder: Recorder) -> None:
    """Two configurations in turn while messages come in by every connection: each message leaves once."""
    gateway = await site.start(running)
    one = site.document
    two = {**one, "routes": [{"name": "other", "when": {"caller": "erp"}, "to": "main"}, *one["routes"]]}
    done = asyncio.Event()

    async def churn() -> int:
        count = 0
        while not done.is_set():
            site.edit(routes=(two if count % 2 else one)["routes"])
            await gateway.runtime.reload()
            count += 1
        return count

    churning = asyncio.create_task(churn())
    numbers = []
    for _ in range(20):
        numbers += await asyncio.gather(*(sent(gateway, text=f"text {at}") for at in range(20)))
    done.set()

    assert await churning > 2
    assert None not in numbers
    await until(lambda: recorder.messages == 400)
    assert sum(recorder.copies.values()) == 400
    assert len(recorder.taken) == 400


async def test_a_gateway_without_a_file_has_nothing_to_read(running: Running) -> None:
    """One that a program started says so."""
    gateway = await running()

    with pytest.raises(ConfigError, match="started without a file"):
        await gateway.runtime.reload()


HOSTILE = [b'{"dry_run": 1}', b'{"dryrun": true}', b'{"dry_run": "yes"}']


@pytest.mark.parametrize("body", HOSTILE)
async def test_what_is_no_order_to_reload_is_refused(running: Running, site: Site, body: bytes) -> None:
    """A word that is misspelt must not become a reload."""
    gateway = await site.start(running)
    headers = {"Host": "localhost", "Content-Type": "application/json"}

    answer = await exchange(gateway.internal, request("POST", "/reload", headers, body))

    assert (answer.status, b"dry_run" in answer.body) == (400, True)


@pytest.mark.parametrize("by", ["signal", "watch"])
async def test_a_process_reads_its_file_again(process: Callable[..., Process], recorder: Recorder, by: str) -> None:
    """On SIGHUP, or with --watch once the file has come to rest; a bad file is logged, and the next good one counts."""
    internal = {"listen": {"internal": f"127.0.0.1:{free_port()}"}}
    document = a_document(**to_v2(recorder.url), **internal)
    run = process(document, "--json", *(["--watch"] if by == "watch" else []))
    await run.start()

    def changed(content: Callable[[], None], event: str) -> Callable[[], bool]:
        before = run.log.count(event)
        content()
        if by == "signal":
            run.tell(signal.SIGHUP)
        return lambda: run.log.count(event) > before

    await until(changed(lambda: run.config.write_text("version: 2\n"), '"configuration.refused"'))
    rejecting = {
        **document,
        "routes": [{"name": "shut", "when": {"caller": "erp"}, "reject": 405}, *document["routes"]],
    }
    await until(changed(lambda: run.write(rejecting), '"configuration.read"'))

    answer = await exchange(run.public, a_letter("sendsms").raw())
    assert number_of("sendsms", answer.body) is None
    assert await run.end(signal.SIGTERM) == 0
