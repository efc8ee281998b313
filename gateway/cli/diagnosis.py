"""What a gateway needs on this machine, one check each, with what to do where it is missing."""

import errno
import importlib.util
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import gateway
from gateway.cli.options import read_settings
from gateway.cli.output import ExitCode, say, show_json
from gateway.cli.reach import NoAnswer, ask, url_of
from gateway.clock import SystemClock
from gateway.config import Address, Settings, Tls, findings
from gateway.errors import ConfigError
from gateway.paths import wsdl_dir
from gateway.registry import PACKAGE
from gateway.store.inspect import Unreadable, path_of, reading
from gateway.tls import identity_of

PYTHON = (3, 11)
FREE = 512 * 1024 * 1024
"""Bytes of disk below which a store is likely to fill it within days."""


class Check(NamedTuple):
    """One thing looked at; `todo` is empty where all is well."""

    name: str
    found: str
    todo: str = ""


def doctor(config: Path | None, *, as_json: bool) -> ExitCode:
    """Look at everything and print a line each; FINDINGS where something is to be done."""
    checks = list(_all(config))
    ok = not any(check.todo for check in checks)
    if as_json:
        rows = [{"name": row.name, "ok": not row.todo, "found": row.found, "todo": row.todo} for row in checks]
        show_json({"ok": ok, "checks": rows})
    else:
        for check in checks:
            verdict = f"problem  {check.name}: {check.found}. {check.todo}." if check.todo else ""
            say(verdict or f"ok       {check.name}: {check.found}")
    return ExitCode.OK if ok else ExitCode.FINDINGS


def ready(config: Path | None, *, as_json: bool) -> ExitCode:
    """Ask the running gateway whether it takes messages."""
    url = f"{url_of(read_settings(config).listen.internal)}/readyz"
    try:
        answer = ask(url, timeout=5)
    except NoAnswer as error:
        code, words = ExitCode.UNREACHABLE, str(error)
    else:
        code = ExitCode.OK if answer.status == 200 else ExitCode.FINDINGS
        words = answer.body.decode("utf-8", "replace").strip()[:200]
    if as_json:
        show_json({"ready": code is ExitCode.OK, "answer": words})
    else:
        say(words)
    return code


def _all(config: Path | None) -> Iterator[Check]:
    yield _python()
    yield _packages()
    yield _wsdl()
    try:
        settings = read_settings(config)
    except ConfigError as error:
        for problem in error.problems:
            yield Check("configuration", problem, "Mend it; store and ports are looked at then")
        return
    found = findings(settings)
    for finding in found:
        yield Check("configuration", "valid, but perhaps not as meant", finding)
    if not found:
        yield Check("configuration", "valid")
    if settings.listen.tls is not None:
        yield from _tls(settings.listen.tls)
    yield from _store(settings.store)
    yield from _ports(settings)


def _python() -> Check:
    version = "{}.{}.{}".format(*sys.version_info)
    wanted = "{}.{}".format(*PYTHON)
    return Check("python", version, "" if sys.version_info >= PYTHON else f"Install Python {wanted} or newer")


def _packages() -> Check:
    home = Path(gateway.__file__).resolve().parent.parent
    spec = importlib.util.find_spec(PACKAGE)
    places = list(spec.submodule_search_locations or ()) if spec else []
    if places and Path(places[0]).resolve().parent == home:
        return Check("packages", f"gateway and {PACKAGE} are both in {home}")
    where = f"comes from {places[0]}" if places else "is not installed"
    return Check(
        "packages",
        f"{PACKAGE} {where}, gateway from {home}",
        f"Another package named '{PACKAGE}' (AdapterHub?) is installed here: give Sluss an environment of its own",
    )


def _wsdl() -> Check:
    folder = wsdl_dir()
    names = sorted(path.name for path in folder.glob("*.wsdl"))
    if names:
        return Check("wsdl", f"{', '.join(names)} in {folder}")
    return Check("wsdl", f"no service description in {folder}", "Install Sluss anew: SOAP clients cannot ask for ?wsdl")


def _tls(settings: Tls) -> Iterator[Check]:
    now = SystemClock().now()
    try:
        identity = identity_of(settings, now)
    except ConfigError as error:
        for problem in error.problems:
            yield Check("tls", problem.removeprefix("listen.tls."), "Mend it: the gateway does not start with it")
        return
    expires = f"the certificate is good until {identity.expires:%Y-%m-%d}"
    yield Check("tls", expires, "Renew it, then `sluss reload`" if identity.findings(now) else "")


def _store(url: str) -> Iterator[Check]:
    if url.startswith("postgresql://"):
        yield _database(url)
        return
    path = path_of(url)
    if path is None:
        yield Check("store", "in memory", "What is accepted dies with the process: name a file, sqlite:////PATH")
        return
    yield _file(url, path)
    folder = path.absolute().parent
    if not folder.is_dir():
        yield Check("disk", f"{folder} does not exist", f"Make it: mkdir -p {folder}")
    elif not os.access(folder, os.W_OK | os.X_OK):
        yield Check("disk", f"{folder} cannot be written", "Give it to the user that Sluss runs as")
    else:
        free = shutil.disk_usage(folder).free
        todo = "" if free >= FREE else f"Make room: less than {FREE // 2**20} MiB are left"
        yield Check("disk", f"{folder} can be written, {free // 2**20} MiB free", todo)


def _database(url: str) -> Check:
    try:
        with reading(url) as db:
            (version,) = db.execute("SHOW server_version").fetchone()
    except Unreadable as error:
        return Check("store", str(error).removeprefix("store: "), "Start the server, or mend what it says")
    return Check("store", f"PostgreSQL {version}")


def _file(url: str, path: Path) -> Check:
    if not path.exists():
        return Check("store", f"{path} does not exist yet; the first start makes it")
    try:
        with reading(url) as db:
            (version,) = db.execute("PRAGMA user_version").fetchone()
    except Unreadable as error:
        return Check("store", str(error).removeprefix("store: "), "Do as it says, or name another file")
    return Check("store", f"{path}, schema {version}")


def _ports(settings: Settings) -> Iterator[Check]:
    listen = settings.listen
    try:
        running = ask(f"{url_of(listen.internal)}/healthz", timeout=2).body == b"ok\n"
    except NoAnswer:
        running = False
    apart = listen.tls and listen.tls.address
    addresses = [("public", listen.public), ("internal", listen.internal), *([("tls.address", apart)] if apart else [])]
    for name, address in addresses:
        yield _port(name, address, running=running)


def _port(name: str, address: Address, *, running: bool) -> Check:
    shown = f"{address.host}:{address.port}"
    name = f"port ({name})"
    problem = _bind(address)
    if problem is None:
        return Check(name, f"{shown} is free")
    if problem.errno == errno.EADDRINUSE and running:
        return Check(name, f"{shown} is in use, and a gateway answers")
    if problem.errno == errno.EADDRINUSE:
        return Check(name, f"{shown} is in use by another program", f"End that one, or change listen.{name[6:-1]}")
    return Check(name, f"{shown} cannot be used: {problem.strerror}", f"Change listen.{name[6:-1]}")


def _bind(address: Address) -> OSError | None:
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            # As the gateway itself binds: connections that are still closing are in nobody's way.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
    except OSError as error:
        return error
    return None
