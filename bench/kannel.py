"""Kannel doing the same work, where it is installed: a message by HTTP GET in, kept in a file, by HTTP GET out."""

import contextlib
import re
import shutil
import time
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

import servers
from gateways import free_port
from load import Request, send
from servers import Server

PROGRAMS = ("bearerbox", "smsbox")
"""The two that it takes: one sends and keeps, the other answers clients."""
_PASSWORD = "bench"  # noqa: S105 - of its pages on loopback, for as long as the run
_LEVEL = 1
"""What it tells: its information, which is about as much as our one line for each message."""
_QUIET = ("-v", "4")
"""Only what ends it is written to its standard error, too."""


class Ports(NamedTuple):
    """Where it listens, on loopback."""

    admin: int
    boxes: int
    clients: int


def programs() -> tuple[str, ...] | None:
    """Where its programs are, None where one is missing. Debian keeps them where only root looks."""
    found = tuple(shutil.which(name) or shutil.which(name, path="/usr/sbin") or "" for name in PROGRAMS)
    return found if all(found) else None


def path(sample: str) -> str:
    """The path that asks it for the same message as a path of the GET face."""
    names = {"acc": "username", "pass": "password", "from": "from", "to": "to", "msg": "text"}
    values = dict(parse_qsl(urlsplit(sample).query))
    values["to"] = values["to"].replace(",", " ")
    return f"/cgi-bin/sendsms?{urlencode({name: values[ours] for ours, name in names.items()})}"


def accepted(answer: str) -> bool:
    """Whether it says that it took the message: `0: Accepted for delivery`."""
    return answer.startswith("0: ")


def config(folder: Path, ports: Ports, upstream: str, account: str, key: str) -> str:
    """Its configuration file, as durable as it gets: it writes a file, and leaves the fsync to the system."""
    log = {"log-level": _LEVEL}
    groups: tuple[dict[str, object], ...] = (
        {
            "group": "core",
            "admin-port": ports.admin,
            "admin-interface": "127.0.0.1",
            "admin-password": _PASSWORD,
            "smsbox-port": ports.boxes,
            "smsbox-interface": "127.0.0.1",
            "store-type": "file",
            "store-location": f'"{folder / "store"}"',
            "log-file": f'"{folder / "bearerbox.log"}"',
            "access-log": f'"{folder / "bearerbox.access"}"',
        }
        | log,
        {
            "group": "smsc",
            "smsc": "http",
            "smsc-id": "main",
            "system-type": "generic",
            "send-url": f'"{upstream}/kannel?id=%I&from=%P&to=%p&text=%b"',
            "status-success-regex": "yes",
        },
        {
            "group": "smsbox",
            "smsbox-id": "bench",
            "bearerbox-host": "127.0.0.1",
            "bearerbox-port": ports.boxes,
            "sendsms-port": ports.clients,
            "sendsms-interface": "127.0.0.1",
            "log-file": f'"{folder / "smsbox.log"}"',
            "access-log": f'"{folder / "smsbox.access"}"',
        }
        | log,
        {"group": "sendsms-user", "username": account, "password": key},
    )
    return "\n\n".join("\n".join(f"{name} = {value}" for name, value in group.items()) for group in groups) + "\n"


@contextlib.contextmanager
def running(folder: Path, upstream: str, account: str, key: str, cpus: frozenset[int]) -> Iterator[Server]:
    """Both programs, on the processors of whatever is measured. `upstream` takes what leaves. Raises RuntimeError."""
    folder.mkdir()
    found, ports = programs(), Ports(free_port(), free_port(), free_port())
    if found is None:
        raise RuntimeError("Kannel is not installed")
    bearerbox, smsbox = found
    settings = folder / "kannel.conf"
    settings.write_text(config(folder.absolute(), ports, upstream, account, key))
    admin, base = f"http://127.0.0.1:{ports.admin}", f"http://127.0.0.1:{ports.clients}"
    with contextlib.ExitStack() as stack, (folder / "output").open("wb") as output:
        first = stack.enter_context(
            servers.process([bearerbox, *_QUIET, str(settings)], cpus, stdout=output, stderr=output)
        )
        _comes(admin, folder)
        second = stack.enter_context(
            servers.process([smsbox, *_QUIET, str(settings)], cpus, stdout=output, stderr=output)
        )
        _comes(base, folder)
        yield Server(first, base, internal=admin, beside=(second,))


def _comes(base: str, folder: Path) -> None:
    until = time.monotonic() + servers.PATIENCE
    while time.monotonic() < until:
        try:
            send(base, Request("GET", "/"))
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"Kannel did not start:\n{(folder / 'output').read_text(errors='replace')}")


def unfinished(kannel: Server) -> bool:
    """Whether it keeps a message that has not left."""
    return waiting(send(kannel.internal, Request("GET", f"/status.txt?password={_PASSWORD}"))) > 0


def waiting(status: str) -> int:
    """Messages in its store, as its status page tells it. Raises ValueError where that does not."""
    found = re.search(r"^SMS: .*store size (\d+)$", status, re.MULTILINE)
    if found is None:
        raise ValueError(f"no size of the store in {status[:200]!r}")
    return int(found[1])
