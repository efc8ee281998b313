"""What is stored, written as JSON Lines: all of it or a part, from either kind of store, also while a gateway runs."""

import asyncio
import json
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from command_line import sluss, sluss_json
from gateways import KEY, Running, a_document, settled
from rawhttp import exchange, request

from gateway.store import exporting, open_store

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "store"
ANNA = "46700000001"


@pytest.fixture(params=["sqlite_0010.sql", "postgresql_0011.sql"])
async def config(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A configuration whose store holds what the golden files hold, brought up to date; no gateway runs."""
    golden = (GOLDEN / request.param).read_text("utf-8")
    if request.param.startswith("sqlite"):
        url = f"sqlite:///{tmp_path}/sluss.db"
        with closing(sqlite3.connect(tmp_path / "sluss.db")) as db:
            db.executescript(golden)
    else:
        url = request.getfixturevalue("database")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(golden.encode())
    await open_store(url).close()
    path = tmp_path / "sluss.yaml"
    path.write_text(yaml.safe_dump(a_document(store=url)), "utf-8")
    return path


async def exported(config: Path, *args: object) -> list[dict[str, Any]]:
    """The documents that are exported."""
    result = await asyncio.to_thread(sluss, "export", *args, "--config", config)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def shown(documents: list[dict[str, Any]]) -> list[tuple[str, Any]]:
    """Each by its kind and by what it is known by."""
    names = {"batch": "text", "message": "number", "incoming": "text", "contact": "key", "sender": "sender"}
    return [(found["kind"], found[names.get(found["kind"], "number")]) for found in documents]


ALL = [
    ("batch", "Hello"),
    ("message", 1001),
    ("batch", "Är du där?"),
    ("message", 1002),
    ("batch", "Asked after"),
    ("message", 1003),
    ("batch", "Hi {name}"),
    ("message", 1004),
    ("message", 1005),
    ("batch", "Held"),
    ("message", 1006),
    ("batch", "Nobody"),
    ("message", 1007),
    ("batch", "Your code is ****"),
    ("message", 1008),
    ("batch", "As caller"),
    ("message", 1009),
    ("incoming", "Hej då"),
    ("incoming", "STOP"),
    ("contact", 1),
    ("contact", 2),
    ("sender", "Shop"),
    ("blocked", "46700000009"),
    ("passcode", ANNA),
]


async def test_all_is_exported(config: Path) -> None:
    """Every document of every kind, byte for byte the same from either kind of store; no secret is in it."""
    result = await asyncio.to_thread(sluss, "export", "--config", config)

    assert result.stdout == (GOLDEN / "export.jsonl").read_text("utf-8")
    assert shown([json.loads(line) for line in result.stdout.splitlines()]) == ALL
    assert "sealed" not in result.stdout


@pytest.mark.parametrize("rows", [1, 2, 5])
async def test_it_is_read_in_pages(config: Path, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few rows a page has, each document is there once, in the same order."""
    monkeypatch.setattr(exporting, "ROWS", rows)

    assert shown(await exported(config)) == ALL


PARTS = [
    ("nobody's", ("--account", "ip1-99999"), []),
    ("an account's", ("--account", "ip1-12345"), ALL),
    ("of a later time", ("--since", "2018-10-23T17:43:20Z"), [("incoming", "Hej då"), ("incoming", "STOP")]),
    ("of a span of time", ("--since", "2018-10-23", "--until", "2018-10-23T19:43:27+02:00"), [*ALL[:17], ALL[17]]),
    (
        "about a number",
        ("--number", f"+{ANNA}"),
        [ALL[6], ALL[7], ("incoming", "STOP"), ("contact", 1), ("passcode", ANNA)],
    ),
    ("about a number that is blocked", ("--number", "46700000009"), [ALL[11], ALL[12], ("blocked", "46700000009")]),
    ("about a number, of a time", ("--number", ANNA, "--since", "2018-10-23T17:43:20Z"), [("incoming", "STOP")]),
    ("about a number, of nobody", ("--number", ANNA, "--account", "ip1-99999"), []),
]


@pytest.mark.parametrize(("label", "args", "wanted"), PARTS, ids=[part[0] for part in PARTS])
async def test_parts_of_it(config: Path, label: str, args: tuple[str, ...], wanted: list[tuple[str, Any]]) -> None:
    """An account's, of a time, about a number; what has no time of its own is left out where a time is given."""
    assert shown(await exported(config, *args)) == wanted


async def test_a_file_is_whole_and_its_owners_alone(config: Path, tmp_path: Path) -> None:
    """It is made anew and says how much it holds; one that exists is never overwritten."""
    target = tmp_path / "out.jsonl"
    told = await asyncio.to_thread(sluss_json, "export", "--out", target, "--config", config)

    assert told == {"file": str(target), "lines": len(ALL)}
    assert target.read_text("utf-8") == (GOLDEN / "export.jsonl").read_text("utf-8")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    again = await asyncio.to_thread(sluss, "export", "--out", target, "--config", config)
    assert (again.exit_code, again.output) == (1, f"{target} exists already: nothing is ever overwritten\n")
    nowhere = await asyncio.to_thread(sluss, "export", "--out", tmp_path / "a" / "b", "--config", config)
    assert nowhere.exit_code == 1
    assert nowhere.output.startswith("Nothing was exported: ")
    other = await asyncio.to_thread(sluss, "export", "--out", tmp_path / "other", "--config", config)
    assert other.output == f"{tmp_path / 'other'} holds {len(ALL)} lines.\n"


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (("--number", "0701234567"), "Write the number with its country code, at least 7 digits, as 46712345678"),
        (("--since", "yesterday"), "--since must be a time as 2026-11-24 or 2026-11-24T12:00:00+01:00"),
    ],
)
def test_what_is_meant_must_be_clear(args: tuple[str, ...], sentence: str) -> None:
    """Nothing is guessed: a wrong answer about a person is worse than none."""
    result = sluss("export", *args)

    assert (result.exit_code, result.output) == (2, f"{sentence}\n")


async def test_it_is_exported_while_the_gateway_runs(url: str, running: Running, tmp_path: Path) -> None:
    """From the same store, with its history so far, and a batch of more messages than a page has rows."""
    gateway = await running(a_document(store=url))
    path = tmp_path / "sluss.yaml"
    path.write_text(yaml.safe_dump(a_document(store=url)), "utf-8")
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    numbers = [f"4670000{at:04}" for at in range(1100)]
    body = json.dumps({"sender": "iP1", "recipients": numbers, "body": "Hello"}).encode()
    answer = await exchange(gateway.public, request("POST", "/v2/batches", headers, body))
    assert answer.status == 201
    await settled(gateway, 2100)

    batch, *messages = await exported(path)
    assert (batch["kind"], batch["size"], batch["text"]) == ("batch", 1100, "Hello")
    assert [message["recipient"] for message in messages] == numbers
    history = messages[-1]["statuses"]
    assert (history[0]["code"], history[-1]["code"]) == (101, 201)
