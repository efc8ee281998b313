"""Copies of a store: made beside a gateway that runs, put back where a disk was lost, and nothing sent twice by it."""

import asyncio
import random
import signal
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from callers import a_letter, number_of
from command_line import sluss, sluss_json
from crowd import Clients, drain, read
from gateways import Process, a_document, free_port, to_v2, until
from rawhttp import exchange
from recorder import Fault, Plan, Recorder

from gateway.status import Status
from gateway.store import open_store
from gateway.store.backup import GAP
from gateway.store.inspect import reading


def a_gateway(recorder: Recorder) -> dict[str, Any]:
    """A configuration that sends to the recorder, without patience."""
    upstream = to_v2(recorder.url, retry={"first": "20ms", "max": "100ms"})
    return a_document(**upstream, log={"level": "error"}, listen={"internal": f"127.0.0.1:{free_port()}"})


async def command(*args: object) -> tuple[int, str]:
    """A command's exit code, and all that it prints."""
    result = await asyncio.to_thread(sluss, *args)
    return result.exit_code, result.output


def lose(folder: Path) -> None:
    """The disk is gone, and the store with it."""
    for file in folder.glob("sluss.db*"):
        file.unlink()


def names(folder: Path, pattern: str) -> list[str]:
    """The files of that name there."""
    return sorted(path.name for path in folder.glob(pattern))


def codes(store: str) -> dict[int, Status]:
    """Where each message of a store stands."""
    with reading(store) as db:
        return {number: Status.of(code) for number, code in db.execute("SELECT number, code FROM message")}


async def test_a_copy_is_made_while_messages_come_in(
    process: Callable[[dict[str, Any]], Process], recorder: Recorder, tmp_path: Path
) -> None:
    """It is whole, of one moment, its owner's alone, and keeps nobody waiting; put back it has all of it."""
    serving = process(a_gateway(recorder))
    await serving.start()
    clients, copy = Clients(serving.public), tmp_path / "copy.db"
    async with clients.sending(["sendsms", "rest_v2"] * 2, random.Random(1)):  # noqa: S311 - a script
        clients.serving.set()
        await until(lambda: len(clients.acknowledged) > 200)
        before = set(clients.acknowledged.values())
        made = await asyncio.to_thread(sluss_json, "backup", copy, "--config", serving.config)
        after = len(clients.acknowledged)
        await until(lambda: len(clients.acknowledged) > after + 50)

    assert made == {"file": str(copy), "bytes": copy.stat().st_size}
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert names(tmp_path, "copy*") == ["copy.db"]
    assert before <= set(codes(f"sqlite:///{copy}"))
    await drain(serving, recorder)
    await serving.end(signal.SIGTERM)


async def test_what_is_put_back_sends_nothing_twice(
    process: Callable[[dict[str, Any]], Process], recorder: Recorder, tmp_path: Path
) -> None:
    """What waited in the copy had left by the time the disk was lost: it is unknown, and numbers go on far above."""
    recorder.plan = lambda: Plan(fault=Fault.THROTTLED)
    serving = process(a_gateway(recorder))
    await serving.start()
    answers = [await exchange(serving.public, a_letter("sendsms").raw()) for _ in range(3)]
    numbers = [number_of("sendsms", answer.body) for answer in answers]
    copy = tmp_path / "copy.db"
    await asyncio.to_thread(sluss_json, "backup", copy, "--config", serving.config)
    recorder.plan = Plan
    await drain(serving, recorder)
    assert recorder.messages == 3
    await serving.end(signal.SIGKILL)
    lose(tmp_path)

    told = await asyncio.to_thread(sluss_json, "restore", copy, "--config", serving.config)
    assert told == {"store": str(tmp_path / "sluss.db"), "messages": 3, "doubtful": 3}
    await serving.start()
    answer = await exchange(serving.public, a_letter("sendsms").raw())
    number = number_of("sendsms", answer.body)
    await drain(serving, recorder)
    rows, unknown = read(serving.store)

    assert recorder.messages == 4
    assert unknown == 3
    assert {rows[each].status for each in numbers if each is not None} == {Status.UNKNOWN}
    assert number == max(each for each in numbers if each is not None) + GAP + 1
    code, said = await command("queue", "resolve", numbers[0], "--as", "delivered", "--config", serving.config)
    assert (code, "Resolved: 1 dispatch" in said) == (0, True)
    await serving.end(signal.SIGTERM)


async def test_what_never_left_is_sent(
    process: Callable[[dict[str, Any]], Process], recorder: Recorder, tmp_path: Path
) -> None:
    """Where no gateway has run since the copy was made, as when it moves to another machine, all that waits is sent."""
    recorder.plan = lambda: Plan(fault=Fault.THROTTLED)
    serving = process(a_gateway(recorder))
    await serving.start()
    await exchange(serving.public, a_letter("sendsms").raw())
    await until(lambda: recorder.requests)
    await serving.end(signal.SIGTERM)
    copy = tmp_path / "copy.db"
    await command("backup", copy, "--config", serving.config)
    lose(tmp_path)

    code, said = await command("restore", copy, "--nothing-left", "--config", serving.config)
    assert (code, "with 1 messages" in said, "unknown" in said) == (0, True, False)
    recorder.plan = Plan
    await serving.start()
    await drain(serving, recorder)
    assert recorder.messages == 1
    await serving.end(signal.SIGTERM)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration whose store does not exist."""
    path = tmp_path / "sluss.yaml"
    path.write_text(yaml.safe_dump(a_document(store=f"sqlite:///{tmp_path}/sluss.db")), "utf-8")
    return path


async def test_nothing_is_ever_overwritten(
    process: Callable[[dict[str, Any]], Process], recorder: Recorder, tmp_path: Path
) -> None:
    """Neither a file that has the copy's name, nor a store, nor one that a gateway holds."""
    serving = process(a_gateway(recorder))
    await serving.start()
    taken, copy = tmp_path / "taken", tmp_path / "copy.db"
    taken.write_text("mine")
    code, said = await command("backup", taken, "--config", serving.config)
    assert (code, "exists already" in said, taken.read_text()) == (1, True, "mine")
    await command("backup", copy, "--config", serving.config)

    code, said = await command("restore", copy, "--config", serving.config)
    assert (code, "in use by another Sluss" in said) == (1, True)
    await serving.end(signal.SIGTERM)
    code, said = await command("restore", copy, "--config", serving.config)
    assert (code, "move it away first" in said) == (1, True)


async def test_what_is_no_backup_is_refused(config: Path, tmp_path: Path) -> None:
    """Another program's file, a damaged one, none at all; nothing is left behind where the store is to be."""
    other, text, damaged = tmp_path / "other.db", tmp_path / "text", tmp_path / "damaged.db"
    with closing(sqlite3.connect(other)) as db:
        db.execute("CREATE TABLE x (y)")
    text.write_text("hello" * 1000)
    damaged.write_bytes(other.read_bytes()[:100] + b"\xff" * 4000)
    for source, sentence in (
        (other, "another program"),
        (text, "not a database"),
        (damaged, ""),
        (tmp_path, "no file"),
    ):
        code, said = await command("restore", source, "--config", config)
        assert code in {1, 3}
        assert sentence in said

    assert "no file" in (await command("restore", tmp_path / "none", "--config", config))[1]
    assert "there is no file" in (await command("backup", tmp_path / "copy", "--config", config))[1]
    assert names(tmp_path, "sluss.db*") == []
    assert names(tmp_path, "*.part*") == []


async def test_a_server_is_backed_up_by_its_own_tools(tmp_path: Path) -> None:
    """The command says which."""
    path = tmp_path / "sluss.yaml"
    path.write_text(yaml.safe_dump(a_document(store="postgresql://sluss@db.example.org/sluss")), "utf-8")
    assert "pg_dump" in (await command("backup", tmp_path / "copy", "--config", path))[1]
    assert "store is no file" in (await command("restore", path, "--config", path))[1]


async def test_a_disk_that_is_full_leaves_nothing_behind(config: Path, tmp_path: Path) -> None:
    """A copy that cannot be whole is no copy."""
    store = open_store(f"sqlite:///{tmp_path}/sluss.db")
    await store.close()
    code, said = await command("backup", Path("/dev/full/copy"), "--config", config)
    assert (code, "No backup was made" in said) == (1, True)
    code, said = await command("backup", tmp_path / "nowhere" / "copy", "--config", config)
    assert (code, "No such file" in said) == (1, True)
