"""The audit log: who has done what to a gateway or its store, kept with the store and never changed."""

import asyncio
import os
import pwd
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from callers import a_letter, number_of
from command_line import sluss, sluss_json
from gateways import Process, Running, a_document, free_port, settled, to_v2, until
from rawhttp import exchange, request
from recorder import Fault, Plan, Recorder
from structlog.testing import capture_logs

from gateway.app import Gateway
from gateway.errors import Busy
from gateway.status import Status

ME = f"{pwd.getpwuid(os.getuid()).pw_name} (uid {os.getuid()})"
TOKEN = "internal-token-of-operations"


@pytest.fixture(autouse=True)
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """What is logged; on stdout it would stand between what the commands print."""
    monkeypatch.delenv("SUDO_USER", raising=False)
    with capture_logs() as lines:
        yield lines


class Site:
    """A gateway with its file and its store, and the commands of whoever operates it."""

    def __init__(self, folder: Path, upstream: dict[str, Any], **listen: Any) -> None:
        """Write the file."""
        addresses = {name: f"127.0.0.1:{free_port()}" for name in ("public", "internal")}
        self.document = a_document(listen=addresses | listen, store=f"sqlite:///{folder}/sluss.db", **upstream)
        self.document["routes"].insert(
            0, {"name": "night", "when": {"recipient": "4670000*"}, "to": "main", "hold": True}
        )
        self.path = folder / "operations.yaml"
        self.path.write_text(yaml.safe_dump(self.document), "utf-8")

    async def do(self, *args: object, code: int = 0) -> str:
        """What a command prints."""
        result = await asyncio.to_thread(sluss, *args, "--config", self.path)
        assert result.exit_code == code, result.output
        return " ".join(result.output.split())

    async def acts(self, *args: object) -> list[dict[str, Any]]:
        """What `sluss audit` tells."""
        document = await asyncio.to_thread(sluss_json, "audit", *args, "--config", self.path)
        acts: list[dict[str, Any]] = document["acts"]
        return acts

    async def told(self) -> list[tuple[Any, ...]]:
        """What was done, to what, and how it ended."""
        return [(act["what"], act["about"], act["outcome"]) for act in await self.acts()]


@pytest.fixture
def site(tmp_path: Path, recorder: Recorder) -> Site:
    """A site before a provider that records."""
    return Site(tmp_path, to_v2(recorder.url))


@pytest.fixture
async def gateway(running: Running, site: Site) -> Gateway:
    """Its gateway."""
    return await running(site.document)


async def sent(gateway: Gateway, to: str = "46712345678") -> int:
    """Send a message; returns its number."""
    number = number_of("sendsms", (await exchange(gateway.public, a_letter("sendsms", to=[to]).raw())).body)
    assert number is not None
    return number


async def test_each_act_is_kept(gateway: Gateway, site: Site, recorder: Recorder) -> None:
    """Every command that changes something leaves who, what, on what and the outcome; looking leaves nothing."""
    held = [await sent(gateway, "46700001234") for _ in range(2)]
    recorder.plan = lambda: Plan(fault=Fault.RESET_AFTER)
    unknown = await sent(gateway)
    await settled(gateway, unknown, Status.UNKNOWN)

    await site.do("queue", "pause", "main", "--reason", "call 46712345678")
    await site.do("queue", "ls")
    await site.do("queue", "cancel", "--route", "night", "--dry-run")
    await site.do("queue", "cancel", held[0])
    await site.do("queue", "release", "--route", "night")
    await site.do("queue", "resolve", unknown, "--as", "delivered")
    await site.do("queue", "resume", "main")
    await site.do("outbox", "drop", "--all")

    assert await site.told() == [
        ("queue pause", {"upstream": "main"}, "done"),
        ("queue cancel", {"id": str(held[0])}, "done, dispatches 1, messages 1"),
        ("queue release", {"route": "night"}, "done, dispatches 1, messages 1"),
        ("queue resolve", {"id": str(unknown), "outcome": "delivered"}, "done, dispatches 1, messages 1"),
        ("queue resume", {"upstream": "main"}, "done"),
        ("outbox drop", {"all": "True"}, "done, posts 0"),
    ]
    assert {act["who"] for act in await site.acts()} == {ME}
    assert all(act["ended"] for act in await site.acts())


async def test_what_fails_is_kept_without_what_was_typed(
    gateway: Gateway, site: Site, logged: list[dict[str, Any]]
) -> None:
    """A number that somebody gave in the place of an id is in no line, and the reason is a class of errors."""
    assert gateway.store
    await site.do("queue", "retry", "46712345678", code=1)
    head = {"Host": "localhost", "Content-Type": "application/json"}
    await exchange(gateway.internal, request("POST", "/queue/retry", head, b'{"id": "46712345678"}'))
    await exchange(gateway.internal, request("POST", "/queue/46712345678", head, b'{"upstream": "46712345678"}'))

    assert await site.told() == [
        ("queue retry", {"id": "46*******78"}, "failed: NotFound"),
        ("queue 46*******78", {"upstream": "46*******78"}, "failed: NotFound"),
    ]
    assert [line["outcome"] for line in logged if line["event"] == "audit"] == ["failed: NotFound"] * 2
    assert "46712345678" not in str([line for line in logged if line["event"] == "audit"])


async def test_a_reload_names_what_has_changed(process: Callable[..., Process], site: Site, recorder: Recorder) -> None:
    """By command and by signal, and one that is refused as well; keys are named, what stands there is not."""
    serving = process(site.document)
    serving.keep_in(site.document["store"], site.document)
    await serving.start()
    changed = site.document | {"only": ["467*"]}
    serving.write(changed)
    site.path.write_text(serving.config.read_text())
    await site.do("reload")
    serving.write(changed | {"routes": []})
    serving.tell(signal.SIGHUP)

    async def acts() -> list[dict[str, Any]]:
        found = await site.acts()
        return found if len(found) == 2 and found[-1]["outcome"] else []

    first, second = await until(acts)
    assert (first["who"], first["what"], first["outcome"]) == (ME, "reload", "done, changed only")
    assert (second["who"], second["outcome"]) == ("SIGHUP", "failed: ConfigError")
    await serving.end(signal.SIGTERM)


async def test_copies_are_kept_in_the_store_and_in_the_copy(
    running: Running, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup beside a running gateway, one that fails, and the restore in the store that was put back."""
    gateway = await running(site.document)
    await sent(gateway)
    await site.do("backup", tmp_path / "copy.db")
    await site.do("backup", tmp_path / "copy.db", code=1)
    await gateway.stop()
    monkeypatch.setenv("SUDO_USER", "anna")

    first, second = await site.told()
    assert first[:2] == ("backup", {"file": f"{tmp_path}/copy.db"})
    assert first[2].startswith("done, bytes ")
    assert second[2] == "failed: FileExistsError"

    (tmp_path / "sluss.db").unlink()
    await site.do("restore", tmp_path / "copy.db", "--nothing-left")
    begun, put_back = await site.acts()
    assert (begun["what"], begun["outcome"], begun["ended"]) == ("backup", None, None)
    assert (put_back["what"], put_back["outcome"]) == ("restore", "done, messages 1, unknown 0")
    assert put_back["who"] == (ME if ME.startswith("anna ") else f"{ME}, says anna")


async def test_a_copy_that_cannot_be_told_of_is_made_all_the_same(
    running: Running, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who may read the store could copy it without us; that the log does not have it is said."""

    def refuse(*_: object) -> None:
        import sqlite3

        raise sqlite3.OperationalError("attempt to write a readonly database")

    await running(site.document)
    monkeypatch.setattr("gateway.store.trail.begin", refuse)

    said = await site.do("backup", tmp_path / "copy.db")

    assert "The audit log was not told of it: attempt to write a readonly database" in said
    assert await site.acts() == []


async def test_pages(gateway: Gateway, site: Site) -> None:
    """The last acts come first to hand, oldest first, and the table says how to see those before."""
    assert await site.do("audit") == "Nobody has done anything yet."
    for _ in range(3):
        await site.do("queue", "pause", "main")

    assert gateway.store
    assert [act["act"] for act in await site.acts("--limit", 2)] == [2, 3]
    assert [act["act"] for act in await site.acts("--limit", 2, "--before", 2)] == [1]
    said = await site.do("audit", "--limit", 2)
    assert "queue pause" in said
    assert "upstream main" in said
    assert "There may be more: --before 2" in said


async def test_who_has_the_token_is_named_by_address_and_claim(
    running: Running, tmp_path: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the kernel cannot tell who is at the other end, the address is kept, and whom it says that it works for."""
    site = Site(tmp_path, to_v2(recorder.url), internal_token=TOKEN)
    monkeypatch.setattr("gateway.operators._TABLES", tmp_path)
    monkeypatch.setenv("SUDO_USER", "anna")
    await running(site.document)

    await site.do("queue", "pause", "main")

    assert [act["who"] for act in await site.acts()] == ["127.0.0.1 with the token, says anna"]


async def test_a_stranger_leaves_nothing(running: Running, tmp_path: Path, recorder: Recorder) -> None:
    """Without the token nothing is done, and nothing is written."""
    site = Site(tmp_path, to_v2(recorder.url), internal_token=TOKEN)
    gateway = await running(site.document)
    head = {"Host": "localhost", "Content-Type": "application/json", "Authorization": "Bearer wrong"}

    answer = await exchange(gateway.internal, request("POST", "/queue/pause", head, b'{"upstream": "main"}'))

    assert answer.status == 401
    assert await site.acts() == []


@pytest.mark.parametrize("method", ["begin", "end"])
async def test_a_store_that_is_full_stops_no_reload(
    gateway: Gateway, logged: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """The log line is there whatever the store can keep, and says that the store could not."""

    async def full(*_: object) -> None:
        raise Busy("The disk is full")

    monkeypatch.setattr(gateway.store.trail, method, full)
    async with gateway.runtime._running.audit.act("anna", "reload", {}) as ending:
        ending.say(changed="nothing")

    assert [line["outcome"] for line in logged if line["event"] == "audit"] == ["done, changed nothing"]
    assert [line["event"] for line in logged if line["log_level"] == "error"] == ["audit.unwritten"]
