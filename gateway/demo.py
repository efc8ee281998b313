"""The demo: four legacy clients call a gateway, and their messages leave through REST v2.

Two gateways run on loopback: the one that is shown, and a second process that plays the v2 provider (its upstream is
the sandbox), so that real HTTP leaves and real delivery reports come back.
"""

import asyncio
import contextlib
import os
import re
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import yaml
from rich.console import Console
from rich.live import Live
from rich.table import Table

from gateway import app, config, observe
from gateway.auth import hash_key, new_key
from gateway.errors import ConfigError
from gateway.ids import Kind, key_of
from gateway.model import StatusEntry
from gateway.ports import Call, Reply
from gateway.samples import SAMPLES, Sample, send
from gateway.status import Status
from gateway.translator import LEGACY

ACCOUNT = "ip1-12345"
PATIENCE = 40.0
"""Seconds until the demo calls it a failure; the scripted lives take about five."""


@dataclass(slots=True)
class Shown:
    """What the table says of one client's call."""

    sample: Sample
    answer: str = "…"
    number: int | None = None
    left: str = ""
    history: tuple[StatusEntry, ...] = ()

    @property
    def done(self) -> bool:
        """Whether the message has come to its end."""
        return bool(self.history) and self.history[-1].status.final

    @property
    def well(self) -> bool:
        """Whether the call did what its client wanted: a delivered message, or a balance."""
        if not self.sample.sends:
            return re.search(r"<balansResult>\d+\.\d+</balansResult>", self.answer) is not None
        return bool(self.history) and self.history[-1].status.delivered


@dataclass(slots=True)
class Wire:
    """Remembers every v2 request that left, by the dispatch it carried."""

    sent: dict[int, str] = field(default_factory=dict)

    def __call__(self, call: Call, _reply: Reply | None) -> None:
        """See `gateway.upstreams.OnCall`."""
        if call.method == "POST":
            document = orjson.loads(call.body)
            key = key_of(Kind.DISPATCH, document["reference"])
            if key is not None:
                self.sent[key] = f"POST /v2/batches {call.body.decode()}"


def run(*, serve: bool, as_json: bool) -> int:
    """Run the demo; returns the exit code: 0 when every message was delivered and told back, 1 otherwise."""
    console = Console(stderr=as_json)
    observe.configure(config.Log(level="error"))  # the table tells the story
    with tempfile.TemporaryDirectory(prefix="sluss-demo-") as folder:
        try:
            return asyncio.run(_run(Path(folder), console, serve=serve, as_json=as_json))
        except KeyboardInterrupt:
            return 0


async def _run(folder: Path, console: Console, *, serve: bool, as_json: bool) -> int:
    key, token = new_key(), new_key()
    provider_port, internal_port = _free_ports(2)
    provider = _provider_settings(folder, provider_port, internal_port, token)
    async with _process(provider, folder, provider_port):
        wire = Wire()
        console.print(f"A v2 provider (a second Sluss, with the sandbox behind it) listens on port {provider_port}.")
        gateway = await app.start(_gateway_settings(folder, provider_port, key, token), on_call=wire)
        try:
            base = f"http://127.0.0.1:{gateway.public.port}"
            console.print(f"Sluss listens on {base}, stores in SQLite, and sends everything to that provider.\n")
            if serve:
                return await _serve(console, base, key)
            shown = await _show(console, base, key, gateway, wire)
        finally:
            await gateway.stop()
    return _finish(console, shown, as_json=as_json)


def _free_ports(count: int) -> list[int]:
    # Held all at once, so that no two are the same.
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for held in sockets:
            held.bind(("127.0.0.1", 0))
        return [held.getsockname()[1] for held in sockets]


def _provider_settings(folder: Path, port: int, internal: int, token: str) -> Path:
    path = folder / "provider.yaml"
    document = {
        "version": 1,
        "listen": {"public": f"127.0.0.1:{port}", "internal": f"127.0.0.1:{internal}"},
        "store": f"sqlite:///{folder}/provider.db",
        "callers": [{"name": "sluss", "account": "ip1-99999", "keys": [hash_key(token)]}],
        "upstreams": {"sandbox": {"adapter": "sandbox"}},
        "routes": [{"name": "default", "to": "sandbox"}],
        "callbacks": {"allow_private": True},
        "log": {"level": "warning", "format": "json"},
    }
    path.write_text(yaml.safe_dump(document), "utf-8")
    return path


def _gateway_settings(folder: Path, provider_port: int, key: str, token: str) -> config.Settings:
    (port, internal) = _free_ports(2)
    document = {
        "version": 1,
        "listen": {
            "public": f"127.0.0.1:{port}",
            "internal": f"127.0.0.1:{internal}",
            "public_url": f"http://127.0.0.1:{port}",
        },
        "store": f"sqlite:///{folder}/sluss.db",
        "callers": [{"name": "demo", "account": ACCOUNT, "keys": [hash_key(key)]}],
        "upstreams": {"main": {"adapter": "rest_v2", "url": f"http://127.0.0.1:{provider_port}/v2", "token": token}},
        "routes": [{"name": "default", "to": "main"}],
    }
    path = folder / "sluss.yaml"
    path.write_text(yaml.safe_dump(document), "utf-8")
    return config.load(path, {})


@contextlib.asynccontextmanager
async def _process(settings: Path, folder: Path, port: int) -> AsyncIterator[None]:
    log_file = folder / "provider.log"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SLUSS_")}
    with log_file.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gateway.cli", "serve", "--config", str(settings)),
            stdout=output,
            stderr=output,
            env=environ,
        )
        try:
            await _until_open(port, process, log_file)
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            await process.wait()


async def _until_open(port: int, process: asyncio.subprocess.Process, log_file: Path) -> None:
    for _ in range(300):
        if process.returncode is not None:
            said = await asyncio.to_thread(log_file.read_text, "utf-8", "replace")
            raise ConfigError(["The process that plays the provider has ended:", *said.splitlines()[-5:]])
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            await writer.wait_closed()
            return
    raise ConfigError(["The process that plays the provider does not listen after 30 seconds"])


async def _serve(console: Console, base: str, key: str) -> int:
    console.print("Paste any of these into another terminal (each answers as the old API did):\n", style="bold")
    for sample in SAMPLES:
        if sample.sends:
            console.print(f"# {sample.title}", style="dim")
            console.print(sample.curl(base, ACCOUNT, key) + "\n", soft_wrap=True, markup=False, highlight=False)
    console.print("Serving until Ctrl-C.")
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
    return 0


async def _show(console: Console, base: str, key: str, gateway: app.Gateway, wire: Wire) -> list[Shown]:
    shown = [Shown(sample) for sample in SAMPLES]
    with Live(_table(shown), console=console, refresh_per_second=8, vertical_overflow="visible") as live:
        for row in shown:
            await _call(row, base, key)
            live.update(_table(shown))
        deadline = asyncio.get_running_loop().time() + PATIENCE
        waiting = [row for row in shown if row.sample.sends]
        while not all(row.done for row in waiting) and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.1)
            for row in waiting:
                await _follow(row, gateway, wire)
            live.update(_table(shown))
    return shown


async def _call(row: Shown, base: str, key: str) -> None:
    row.answer = await asyncio.to_thread(send, row.sample, base, ACCOUNT, key)
    row.number = row.sample.number(row.answer)


async def _follow(row: Shown, gateway: app.Gateway, wire: Wire) -> None:
    if row.number is None:
        return
    found = await gateway.store.message(row.number)
    if found is not None:
        _, message, row.history = found
        row.left = wire.sent.get(message.number, "")


def _table(shown: list[Shown]) -> Table:
    table = Table(show_lines=True, expand=True)
    for title, ratio in (("Face", 2), ("What the client read back", 4), ("ID", 1), ("v2 request that left", 5)):
        table.add_column(title, ratio=ratio, overflow="fold")
    table.add_column("Statuses: v2 and the caller's own code", ratio=4, overflow="fold")
    for row in shown:
        steps = "\n".join(_step(entry.status, row.sample.words) for entry in row.history)
        table.add_row(row.sample.title, row.answer, str(row.number or ""), row.left, steps)
    return table


def _step(status: Status, words: Callable[[Status], str]) -> str:
    return f"{status.value} {status.label} → {words(status)}"


def _finish(console: Console, shown: list[Shown], *, as_json: bool) -> int:
    failed = [row.sample.title for row in shown if not row.well]
    if as_json:
        sys.stdout.write(orjson.dumps([_document(row) for row in shown], option=orjson.OPT_INDENT_2).decode() + "\n")
    if failed:
        console.print(f"Did not end well in time: {', '.join(failed)}", style="bold red")
        return 1
    console.print("\nFour clients that know nothing of REST v2 have each sent an SMS through it.", style="bold green")
    console.print("Next: `make run` leaves this gateway serving; README.md tells how to set up your own.")
    return 0


def _document(row: Shown) -> dict[str, Any]:
    return {
        "face": row.sample.title,
        "answer": row.answer,
        "id": row.number,
        "request": row.left,
        "statuses": [
            {
                "code": entry.status.value,
                "name": entry.status.label,
                "legacy": LEGACY.from_status(entry.status).value,
            }
            for entry in row.history
        ],
    }
