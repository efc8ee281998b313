"""The real command where almost nothing is allowed: what the unit of systemd and the image take away is not missed."""

import asyncio
import json
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from callers import FACES, a_letter, number_of
from gateways import ACCOUNT, KEY, PATIENCE, a_document, free_port
from rawhttp import exchange

from gateway.auth import hash_key
from gateway.config import Address
from gateway.ids import FIRST_NUMBER

FILES = ("sqlite3.connect", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.link", "os.symlink", "os.chmod")
PROGRAMS = ("subprocess.Popen", "os.fork", "os.exec", "os.posix_spawn", "os.system")
"""What Python's auditing calls a change of the file system, and the start of a process."""

WATCH = f"""
import json, os, sys

told = os.open(os.environ["TOLD"], os.O_WRONLY)

def watch(event, args):
    if event == "socket.__new__":
        kind, what = "socket", int(args[1])
    elif event in {PROGRAMS}:
        kind, what = "program", str(args)
    elif event in {FILES} or event == "open" and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        kind, what = "file", str(args[0])
    else:
        return
    os.write(told, json.dumps([kind, what]).encode() + b"\\n")

sys.addaudithook(watch)
"""
"""A sitecustomize.py, which Python imports before anything of ours: it tells what a process does to the world."""


@pytest.fixture
def place(tmp_path: Path) -> dict[str, Path]:
    """A folder for data, one that cannot be written, and where it is told what a process did."""
    folders = {name: tmp_path / name for name in ("data", "bare", "watch")}
    for folder in folders.values():
        folder.mkdir()
    (folders["watch"] / "sitecustomize.py").write_text(WATCH)
    (folders["watch"] / "told").touch()
    folders["bare"].chmod(0o555)
    return folders


async def ended(command: list[str], place: dict[str, Path], do: Callable[[], Any]) -> tuple[int, bytes]:
    """Run a command in the bare folder with almost no environment, do something, and end it with SIGTERM."""
    environ = {
        "HOME": "/nonexistent",
        "TMPDIR": "/nonexistent",
        "PATH": "/usr/bin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    environ |= {"PYTHONPATH": str(place["watch"]), "TOLD": str(place["watch"] / "told")}
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, cwd=place["bare"], env=environ, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe
    )
    try:
        await do()
        process.terminate()
        async with asyncio.timeout(PATIENCE):
            out, problems = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, out + problems


async def test_only_the_data_folder_is_written_and_nothing_else_is_asked_for(place: dict[str, Path]) -> None:
    """Without a home, a folder for temporary files or a working directory to write in, each face takes a message.

    The process writes in the folder of its store alone, starts no other process, and opens only sockets of the families
    that the unit leaves it (RestrictAddressFamilies).
    """
    public = Address("127.0.0.1", free_port())
    callers = [{"name": "erp", "account": ACCOUNT, "keys": [hash_key(KEY)]}]
    listen = {"public": f"127.0.0.1:{public.port}", "internal": f"127.0.0.1:{free_port()}"}
    document = a_document(listen=listen, store=f"sqlite:///{place['data']}/sluss.db", callers=callers)
    config = place["watch"] / "sluss.yaml"
    config.write_text(json.dumps(document))
    taken: list[int | None] = []

    async def send() -> None:
        async with asyncio.timeout(PATIENCE):
            for face in FACES:
                while len(taken) <= FACES.index(face):
                    try:
                        answer = await exchange(public, a_letter(face).raw())
                    except OSError:
                        await asyncio.sleep(0.05)
                    else:
                        taken.append(number_of(face, answer.body))

    command = [sys.executable, "-m", "gateway.cli", "serve", "--config", str(config)]
    status, said = await ended(command, place, send)

    assert status == 0, said
    assert taken == [FIRST_NUMBER + at for at in range(len(FACES))]
    told = [json.loads(line) for line in (place["watch"] / "told").read_text().splitlines()]
    files = {Path(what.removeprefix("file:").partition("?")[0]) for kind, what in told if kind == "file"}
    folders = {Path("/", *path.parts[1:-1]) for path in files}
    assert folders == {place["data"]}
    assert {what for kind, what in told if kind == "socket"} <= {socket.AF_INET, socket.AF_INET6, socket.AF_UNIX}
    assert not [what for kind, what in told if kind == "program"]
