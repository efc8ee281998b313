"""A gateway whose store is a PostgreSQL server: messages through every face, and the commands that look into it."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from callers import FACES, a_letter, number_of
from command_line import sluss, sluss_json
from gateways import Running, a_document, free_port, settled, to_v2
from rawhttp import exchange
from recorder import Recorder

from gateway.config import load
from gateway.errors import ConfigError
from gateway.status import Status


@pytest.fixture
def document(database: str, recorder: Recorder) -> dict[str, Any]:
    """A configuration with that store, before a provider that records."""
    return a_document(store=database, **to_v2(recorder.url))


def written(folder: Path, document: dict[str, Any]) -> Path:
    """The configuration as a file, for the command line."""
    path = folder / "sluss.yaml"
    path.write_text(yaml.safe_dump(document), "utf-8")
    return path


@pytest.mark.parametrize("face", FACES)
async def test_a_message_goes_through(running: Running, document: dict[str, Any], face: str) -> None:
    """It is taken, stored, sent, and can be read back."""
    gateway = await running(document)
    answer = await exchange(gateway.public, a_letter(face).raw())
    number = number_of(face, answer.body)

    assert number is not None
    await settled(gateway, number, Status.QUEUED)


async def test_the_commands_look_into_it(running: Running, document: dict[str, Any], tmp_path: Path) -> None:
    """While the gateway runs: what became of a message, why, and whether the machine is well."""
    gateway = await running(document)
    await exchange(gateway.public, a_letter("sendsms").raw())
    await settled(gateway, 1001, Status.QUEUED)
    config = written(tmp_path, document)

    told = sluss_json("status", 1001, "--config", config)
    assert [entry["code"] for entry in told["statuses"]] == [101, 102]
    assert sluss_json("explain", 1001, "--config", config)["upstream"]["name"] == "main"
    checks = sluss("doctor", "--config", config).output
    assert "PostgreSQL 1" in checks


def test_a_database_that_is_not_there_is_told(tmp_path: Path, database: str) -> None:
    """By every command that would look into it, and before anything was made in it."""
    config = written(tmp_path, a_document(store=database))
    result = sluss("status", 1001, "--config", config)
    assert (result.exit_code, "no tables of Sluss yet" in result.output) == (3, True)
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT COUNT(*) FROM pg_class WHERE relname = 'batch'").fetchone() == (0,)

    config = written(tmp_path, a_document(store=f"postgresql://sluss@127.0.0.1:{free_port()}/sluss"))
    assert sluss("status", 1001, "--config", config).exit_code == 3
    assert "refused" in sluss("doctor", "--config", config).output


@pytest.mark.parametrize(
    ("store", "sentence"),
    [
        ("postgresql://sluss:s3cr3t@db.example.org/sluss", "holds a password"),
        ("postgresql://sluss@db.example.org/sluss?password=s3cr3t", "holds a password"),
        ("postgresql://sluss@db.example.org/sluss?x=1&password=s3cr3t", "holds a password"),
        ("postgresql://db.example.org", "must be the URL of a database"),
        ("postgresql://db.example.org:x/sluss", "must be the URL of a database"),
        ("postgres:///sluss", "only sqlite:///PATH, postgresql://"),
    ],
)
def test_a_url_that_will_not_do_is_refused(tmp_path: Path, store: str, sentence: str) -> None:
    """A password would be shown with the configuration; the error does not show it either."""
    with pytest.raises(ConfigError, match=sentence) as caught:
        load(written(tmp_path, json.loads(json.dumps(a_document())) | {"store": store}), {})
    assert "s3cr3t" not in str(caught.value)
