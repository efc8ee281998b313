"""Load: as many clients as connections, each asking again as soon as it was answered; or a single request.

wrk makes the load, or the generator below.
"""

import asyncio
import itertools
import json
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import uvloop

_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Request(NamedTuple):
    """An HTTP request as a load generator repeats it."""

    method: str
    path: str
    headers: Mapping[str, str] = {}
    body: str = ""


def send(base: str, asked: Request) -> str:
    """Send it once; the answer's body. Raises OSError, also for a status that is no success."""
    request = urllib.request.Request(  # noqa: S310 - loopback, http
        base + asked.path, asked.body.encode() or None, dict(asked.headers), method=asked.method
    )
    with _OPENER.open(request, timeout=30) as reply:
        answer: bytes = reply.read()
    return answer.decode()


class Load(NamedTuple):
    """What the clients saw: 2xx answers, other answers, connections that broke, and how long it took."""

    answered: int
    refused: int
    broken: int
    seconds: float


class Generator(NamedTuple):
    """A way to make load. `cuts`: at the end it leaves requests unanswered, one for each connection at most."""

    name: str
    cuts: bool
    run: Callable[[str, Sequence[Request], float, int], Load]


def choose(name: str) -> Generator:
    """The generator of that name; `auto` is wrk where it is installed. Raises KeyError, or LookupError without wrk."""
    if name == "auto":
        name = "wrk" if shutil.which("wrk") else "bundled"
    found = {generator.name: generator for generator in (WRK, BUNDLED)}[name]
    if found is WRK and not shutil.which("wrk"):
        raise LookupError("wrk is not installed; leave --generator out to use the bundled one")
    return found


# A single request is left to wrk itself, which then need not call into Lua for each.
_SCRIPT = """
if #requests == 1 then
  wrk.method, wrk.path, wrk.headers, wrk.body = requests[1].method, requests[1].path, requests[1].headers,
    requests[1].body
else
  local texts, at = {}, 0
  init = function()
    for i, r in ipairs(requests) do texts[i] = wrk.format(r.method, r.path, r.headers, r.body) end
  end
  request = function() at = at % #texts + 1; return texts[at] end
end
done = function(s)
  local e = s.errors
  io.write(string.format("\\nRESULT %d %d %d %d\\n", s.requests, e.status, e.connect + e.read + e.write + e.timeout,
    s.duration))
end
"""


def _wrk(base: str, requests: Sequence[Request], seconds: float, connections: int) -> Load:
    with tempfile.TemporaryDirectory(prefix="sluss-wrk-") as folder:
        script = Path(folder) / "requests.lua"
        script.write_text(f"local requests = {{{','.join(map(_lua, requests))}}}\n{_SCRIPT}")
        # wrk counts whole seconds.
        length = max(1, round(seconds))
        command = ["wrk", "-t1", f"-c{connections}", f"-d{length}s", "--timeout", "20s", "-s", str(script), base]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    result = re.search(r"^RESULT (\d+) (\d+) (\d+) (\d+)$", output, re.MULTILINE)
    if result is None:
        raise RuntimeError(f"wrk said: {output}")
    total, refused, broken, micros = map(int, result.groups())
    return Load(total - refused, refused, broken, micros / 1e6)


def _lua(request: Request) -> str:
    # JSON's strings are Lua's too, as long as there is no \u in them.
    headers = ",".join(f"[{json.dumps(name)}]={json.dumps(value)}" for name, value in request.headers.items())
    body = json.dumps(request.body, ensure_ascii=False) if request.body else "nil"
    return f"{{method={json.dumps(request.method)},path={json.dumps(request.path)},headers={{{headers}}},body={body}}}"


def _bundled(base: str, requests: Sequence[Request], seconds: float, connections: int) -> Load:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_closed_loop(base, requests, seconds, connections))


async def _closed_loop(base: str, requests: Sequence[Request], seconds: float, connections: int) -> Load:
    address = urlsplit(base)
    texts = itertools.cycle([_bytes(request, address.netloc) for request in requests])
    loop = asyncio.get_running_loop()
    began = time.monotonic()
    clients = [_Client(texts, began + seconds) for _ in range(connections)]
    for client in clients:
        await loop.create_connection(lambda client=client: client, address.hostname or "", address.port or 0)  # type: ignore[misc]
    await asyncio.gather(*(client.ended for client in clients))
    return Load(
        answered=sum(client.answered for client in clients),
        refused=sum(client.refused for client in clients),
        broken=sum(client.broken for client in clients),
        seconds=time.monotonic() - began,
    )


def _bytes(request: Request, host: str) -> bytes:
    body = request.body.encode()
    headers = {"Host": host, **request.headers, **({"Content-Length": str(len(body))} if body else {})}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{request.method} {request.path} HTTP/1.1\r\n{lines}\r\n".encode() + body


_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class _Client(asyncio.Protocol):
    """One connection. Reads the answers it measures and no other HTTP: a status and a Content-Length."""

    def __init__(self, texts: Iterator[bytes], until: float) -> None:
        self.answered = self.refused = self.broken = 0
        self.ended = asyncio.get_running_loop().create_future()
        self._texts = texts
        self._until = until
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._transport.write(next(self._texts))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n") + 4
        if end < 4:
            return
        length = _LENGTH.search(self._buffer, 0, end)
        if length is None or len(self._buffer) < end + int(length[1]):
            return
        if self._buffer[9:10] == b"2":
            self.answered += 1
        else:
            self.refused += 1
        self._buffer.clear()
        if time.monotonic() < self._until:
            self._transport.write(next(self._texts))
        else:
            self._finish()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.ended.done():
            self.broken += 1
            self._finish()

    def _finish(self) -> None:
        self.ended.set_result(None)
        self._transport.close()


WRK = Generator("wrk", cuts=True, run=_wrk)
BUNDLED = Generator("bundled", cuts=False, run=_bundled)
