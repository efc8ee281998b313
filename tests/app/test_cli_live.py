"""The command line against a real gateway process: started, used, asked and ended as operations do it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import pytest

from gateway.auth import hash_key

ROOT = Path(__file__).resolve().parents[2]
KEY = "the-key-of-the-caller-erp"
PATIENCE = 30.0
"""Seconds until a process that does not come up fails the test."""


class Gateway(NamedTuple):
    """A running gateway."""

    config: Path
    url: str
    process: subprocess.Popen[bytes]
    log: Path


def free_ports(count: int) -> list[int]:
    """Ports nobody uses, no two the same."""
    with ExitStack() as stack:
        held = [stack.enter_context(closing(socket.create_server(("127.0.0.1", 0)))) for _ in range(count)]
        return [server.getsockname()[1] for server in held]


def write_config(folder: Path, **over: Any) -> Path:
    """A configuration with the sandbox as its only upstream, as JSON, which is YAML too."""
    public, internal = free_ports(2)
    document = {
        "version": 1,
        "listen": {"public": f"127.0.0.1:{public}", "internal": f"127.0.0.1:{internal}"},
        "store": f"sqlite:///{folder}/sluss.db",
        "callers": [{"name": "erp", "account": "ip1-12345", "keys": [hash_key(KEY)]}],
        "upstreams": {"trial": {"adapter": "sandbox", "pace": 0}},
        "routes": [{"name": "default", "to": "trial"}],
    }
    path = folder / "sluss.yaml"
    path.write_text(json.dumps(document | over, indent=1), "utf-8")
    return path


def environ(**over: str) -> Mapping[str, str]:
    """The environment without settings of ours, but these."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SLUSS_")} | over


def sluss(*args: object, **over: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "gateway.cli", *map(str, args)],
        cwd=ROOT,
        env=environ(**over),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def sluss_json(*args: object, code: int = 0, **over: str) -> Any:
    """The JSON document that a command prints."""
    run = sluss(*args, "--json", **over)
    assert run.returncode == code, run.stderr
    return json.loads(run.stdout)


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    """A gateway that is ready."""
    config = write_config(tmp_path)
    listen = json.loads(config.read_text())["listen"]
    log = tmp_path / "log"
    with log.open("wb") as output:
        command = [sys.executable, "-m", "gateway.cli", "serve", "--config", str(config), "--json"]
        process = subprocess.Popen(command, cwd=ROOT, env=environ(), stdout=output, stderr=output)
    try:
        wait_until_open(listen["public"], process, log)
        yield Gateway(config, f"http://{listen['public']}", process, log)
    finally:
        process.kill()
        process.wait()


def wait_until_open(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return once somebody listens there."""
    host, port = address.split(":")
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(log.read_text())


def test_a_message_sent_waited_for_and_asked_about(gateway: Gateway) -> None:
    """What send reports, status and explain find in the store while the gateway runs, and doctor calls it ready."""
    order = ("send", "--url", gateway.url, "--to", "+46 70-123 45 67", "--from", "iP1", "--text", "Hemligt", "--wait")
    sent = sluss_json(*order, SLUSS_KEY=KEY)

    assert sent["number"] == 1001
    assert (sent["status"], sent["final"], sent["delivered"]) == (
        {"code": 201, "name": "DeliveredToHandset"},
        True,
        True,
    )

    status = sluss_json("status", 1001, "--config", gateway.config)
    assert status["batch"] == sent["id"]
    assert status["recipient"] == "46*******67"
    assert [step["code"] for step in status["statuses"]][:2] == [101, 102]
    assert (status["statuses"][-1]["code"], status["statuses"][-1]["legacy"]["code"]) == (201, 22)
    assert status["statuses"][-1]["upstream"] == "trial"

    assert sluss_json("status", sent["id"], "--config", gateway.config)["size"] == 1

    explained = sluss_json("explain", status["id"], "--config", gateway.config)
    assert (explained["dispatch"]["route"], explained["dispatch"]["state"]) == ("default", "sent")
    assert (explained["dispatch"]["attempts"], explained["dispatch"]["upstream_ref"]) == (1, "sandbox-1001")

    assert sluss_json("doctor", "--ready", "--config", gateway.config) == {"ready": True, "answer": "ready"}


def test_a_message_that_is_not_delivered(gateway: Gateway) -> None:
    """--wait ends with 1 where nothing more will happen and the SMS did not arrive (the sandbox's …402)."""
    order = ("send", "--url", gateway.url, "--to", "46700000402", "--from", "iP1", "--text", "x", "--wait")
    sent = sluss_json(*order, SLUSS_KEY=KEY, code=1)

    assert (sent["status"]["code"], sent["final"], sent["delivered"]) == (402, True, False)


def test_a_message_nobody_hears_of(gateway: Gateway) -> None:
    """--wait gives up when its time is over, and says that the status may still change; the sandbox swallows 599."""
    order = ("send", "--url", gateway.url, "--to", "46700000599", "--from", "iP1", "--text", "x", "--wait")
    run = sluss(*order, "--timeout", "1", SLUSS_KEY=KEY)

    assert run.returncode == 1
    assert "This may still change" in run.stdout


REFUSALS = [
    ("a wrong key", ("iP1", "Hello"), "not-the-key", "Refused (401)"),
    ("a sender nobody may have", ("a b", "Hello"), KEY, "Give a number of at most 15 digits"),
    ("an empty text", ("iP1", " "), KEY, "The text is empty"),
]


def test_refusals_are_told_with_their_reason(gateway: Gateway) -> None:
    """A refused message ends with 1, the gateway's own reason and nothing else."""
    for label, (sender, text), key, words in REFUSALS:
        order = ("send", "--url", gateway.url, "--to", "46712345678", "--from", sender, "--text", text)
        run = sluss(*order, SLUSS_KEY=key)

        assert (run.returncode, run.stdout) == (1, ""), label
        assert words in run.stderr, label
        assert key not in run.stderr, label


def test_doctor_knows_its_own_gateway(gateway: Gateway) -> None:
    """Ports that the gateway itself holds are no problem; the store says its schema."""
    checks = {row["name"]: row for row in sluss_json("doctor", "--config", gateway.config, code=0)["checks"]}

    assert checks["port (public)"]["found"].endswith("is in use, and a gateway answers")
    assert checks["port (internal)"]["found"].endswith("is in use, and a gateway answers")
    assert "schema" in checks["store"]["found"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_good_order(gateway: Gateway, number: signal.Signals) -> None:
    """SIGTERM and Ctrl-C end with 0, and the last word of the log is that it stopped."""
    gateway.process.send_signal(number)

    assert gateway.process.wait(PATIENCE) == 0
    events = [json.loads(line)["event"] for line in gateway.log.read_text().splitlines()]
    assert events[-2:] == ["stopping", "stopped"]


def test_a_bad_configuration_lists_every_problem(tmp_path: Path) -> None:
    """Serve refuses a bad configuration with 2, a line for each problem, and no trace."""
    config = write_config(tmp_path, routes=[{"name": "default", "to": "trail"}], calers=[], store="mysql://x")
    run = sluss("serve", "--config", config)

    assert (run.returncode, run.stdout) == (2, "")
    problems = run.stderr.splitlines()
    assert len(problems) == 3
    assert all(problem.startswith(f"{config}:") for problem in problems)
    assert "'trail' (did you mean 'trial'?)" in run.stderr
    assert "'calers' (did you mean 'callers'?)" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_port_in_use_is_a_sentence(tmp_path: Path) -> None:
    """Serve ends with 2 and names the address that it cannot have."""
    config = write_config(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        run = sluss("serve", "--config", config, "--public", address)

    assert run.returncode == 2
    assert f"listen: cannot listen on {address}" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_store_in_use_is_a_sentence(gateway: Gateway) -> None:
    """Two gateways on one file would each send everything: the second one ends with 2."""
    addresses = [f"127.0.0.1:{port}" for port in free_ports(2)]
    run = sluss("serve", "--config", gateway.config, "--public", addresses[0], "--internal", addresses[1])

    assert run.returncode == 2
    assert "is in use by another Sluss" in run.stderr


class Stranger(BaseHTTPRequestHandler):
    """A web server that knows nothing of SMS, and sends everybody elsewhere."""

    def do_POST(self) -> None:
        """Answer with a redirect, or with a page."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(307 if self.path.startswith("/moved") else 200)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize("path", ["", "/moved"])
def test_a_stranger_at_the_address(path: str) -> None:
    """A server that is no gateway is told from one that refuses, and a redirect is not followed with the key."""
    with HTTPServer(("127.0.0.1", 0), Stranger) as server:
        Thread(target=server.handle_request, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}{path}"
        run = sluss("send", "--url", url, "--to", "46712345678", "--from", "iP1", "--text", "x", SLUSS_KEY=KEY)

    assert (run.returncode, run.stderr) == (3, "What answers there is no Sluss.\n")


def test_nobody_there_to_send_through(tmp_path: Path) -> None:
    """A gateway that cannot be reached is 3, for send and for doctor --ready."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    run = sluss("send", "--url", url, "--to", "46712345678", "--from", "iP1", "--text", "x", SLUSS_KEY=KEY)

    assert run.returncode == 3
    assert run.stderr == f"{url}/v2/batches cannot be reached: Connection refused\n"
    assert sluss("doctor", "--ready", "--config", write_config(tmp_path)).returncode == 3
