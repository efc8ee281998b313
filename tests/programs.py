"""Clients that others wrote, run as programs: what they are given, what they say, and what the gateway keeps of it."""

import asyncio
import contextlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from gateways import ACCOUNT, KEY, PATIENCE

from gateway.app import Gateway
from gateway.ids import FIRST_NUMBER
from gateway.model import DataCoding
from gateway.status import Status

ROOT = Path(__file__).resolve().parents[1]
NODE_MODULES = ROOT / ".clients" / "node_modules"


class Kept(NamedTuple):
    """A message as the gateway keeps it."""

    text: str
    coding: DataCoding | None
    segments: int
    sender: str = "iP1"
    recipient: str = "46712345678"


SIGNS = Kept("åäö € 😀", DataCoding.UCS, 1)
LETTERS = Kept("åäö", DataCoding.GSM, 1)
LONG = Kept("å" * 161, DataCoding.GSM, 2)


async def kept(gateway: Gateway) -> list[Kept]:
    """Every message of a gateway, in the order of their ids."""
    messages: list[Kept] = []
    while found := await gateway.store.message(FIRST_NUMBER + len(messages)):
        batch, message, _ = found
        assert message.status is not Status.UNKNOWN
        content = batch.content
        messages.append(Kept(content.body, content.datacoding, message.segments, content.sender, message.recipient))
    return messages


async def run(*command: str, stdin: bytes = b"") -> str:
    """What a program prints; it must end well, and go past whatever proxy the environment names."""
    pipe = asyncio.subprocess.PIPE
    environ = os.environ | {"no_proxy": "*", "NO_PROXY": "*"}
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe, env=environ)
    async with asyncio.timeout(PATIENCE):
        out, problems = await process.communicate(stdin)
    assert process.returncode == 0, problems.decode() + out.decode()
    return out.decode()


async def said_by(program: str, script: str, *args: str, texts: Sequence[Kept] = (SIGNS, LONG)) -> dict[str, Any]:
    """The JSON that a script in tests/clients prints after it has sent these texts."""
    path = ROOT / "tests" / "clients" / script
    said: dict[str, Any] = json.loads(await run(program, str(path), *args, ACCOUNT, KEY, *[text for text, *_ in texts]))
    return said


class Tap:
    """Listens on `base` while it is entered, passes all on to a gateway and back, and keeps what passes."""

    def __init__(self, gateway: Gateway) -> None:
        """A tap in front of this gateway."""
        self.gateway = gateway
        self.sent = bytearray()
        """What clients sent."""
        self.answered = bytearray()
        """What the gateway answered."""
        self.base = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        self.base = "http://{}:{}".format(*self._server.sockets[0].getsockname())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, requests = await asyncio.open_connection("127.0.0.1", self.gateway.public.port)
        await asyncio.gather(_copy(reader, requests, self.sent), _copy(answers, writer, self.answered))


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter, keep: bytearray) -> None:
    with contextlib.suppress(ConnectionError), contextlib.closing(target):
        while piece := await source.read(2**16):
            keep += piece
            target.write(piece)
            await target.drain()
