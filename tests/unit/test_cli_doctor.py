"""The doctor: every check of a machine, sound and unsound."""

import socket
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from command_line import change, sluss, sluss_json, write_config

from gateway.cli import diagnosis
from gateway.store import schema


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A valid configuration whose store does not exist yet."""
    return write_config(tmp_path)


@pytest.fixture
def port() -> Iterator[int]:
    """A port on which another program listens, which speaks no HTTP."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def free() -> dict[str, str]:
    """The settings of addresses that nobody uses."""
    return {f"SLUSS_LISTEN__{name}": f"127.0.0.1:{_free_port()}" for name in ("PUBLIC", "INTERNAL")}


def test_doctor_of_a_healthy_machine(config: Path, free: dict[str, str]) -> None:
    """Everything is looked at, all is well, and it ends with 0."""
    document = sluss_json("doctor", "-c", config, env=free)

    assert document["ok"] is True
    assert [(check["name"], check["ok"]) for check in document["checks"]] == [
        ("python", True),
        ("packages", True),
        ("wsdl", True),
        ("configuration", True),
        ("store", True),
        ("disk", True),
        ("port (public)", True),
        ("port (internal)", True),
    ]


def _problems(config: Path, env: Mapping[str, str]) -> dict[str, str]:
    document = sluss_json("doctor", "-c", config, code=1, env=env)
    assert document["ok"] is False
    return {check["name"]: f"{check['found']}. {check['todo']}" for check in document["checks"] if not check["ok"]}


def test_doctor_sees_a_port_in_use(config: Path, free: dict[str, str], port: int) -> None:
    """An address that another program holds is a problem of that listener alone."""
    found = _problems(config, free | {"SLUSS_LISTEN__PUBLIC": f"127.0.0.1:{port}"})

    assert list(found) == ["port (public)"]
    assert "is in use by another program" in found["port (public)"]
    assert "change listen.public" in found["port (public)"]


def test_doctor_sees_a_newer_store(config: Path, free: dict[str, str]) -> None:
    """A store that this version must not open is a problem before the start, not at it."""
    path = config.parent / "sluss.db"
    schema.prepare(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 999")

    assert "newer Sluss" in _problems(config, free)["store"]


def test_doctor_sees_a_missing_folder(config: Path, free: dict[str, str]) -> None:
    """A store in a folder that is not there cannot be made."""
    found = _problems(config, free | {"SLUSS_STORE": "sqlite:////nowhere/at/all/sluss.db"})

    assert found == {"disk": "/nowhere/at/all does not exist. Make it: mkdir -p /nowhere/at/all"}


def test_doctor_sees_a_full_disk(config: Path, free: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Too little room is told before the store fills it."""
    monkeypatch.setattr(diagnosis, "FREE", 2**62)

    assert "Make room" in _problems(config, free)["disk"]


def test_doctor_sees_another_package_named_adapters(
    config: Path, free: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`adapters` must come from the same folder as `gateway`; AdapterHub's package of that name shadows ours."""
    monkeypatch.setattr(diagnosis, "PACKAGE", "json")

    assert "(AdapterHub?)" in _problems(config, free)["packages"]


def test_doctor_sees_missing_service_descriptions(
    config: Path, free: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without the WSDL files SOAP clients have nothing to generate from."""
    monkeypatch.setattr(diagnosis, "wsdl_dir", lambda: tmp_path)

    assert "Install Sluss anew" in _problems(config, free)["wsdl"]


def test_doctor_lists_every_problem_of_the_configuration(config: Path) -> None:
    """A bad configuration is a finding like any other: each of its problems is a line."""
    change(config, "to: trial", "to: trail")
    result = sluss("doctor", "-c", config)

    assert result.exit_code == 1
    assert result.stdout.count("problem  configuration: ") == 2
    assert "ok       python" in result.stdout


def test_ready_of_a_gateway_that_is_not_there(config: Path, free: dict[str, str]) -> None:
    """Nobody answers: 3, which a container's health check takes for unhealthy."""
    document = sluss_json("doctor", "--ready", "-c", config, code=3, env=free)

    assert document["ready"] is False
