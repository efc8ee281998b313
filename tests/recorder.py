"""A v2 provider that records what it takes, and misbehaves as it is told."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable
from enum import Enum, auto
from types import TracebackType
from typing import Any, NamedTuple, Self

import orjson
from aiohttp import web


class Fault(Enum):
    """What the provider does with one request. Where it takes the request, it records it before anything else."""

    NONE = auto()
    THROTTLED = auto()
    UNAVAILABLE = auto()
    FAILED = auto()
    RESET_BEFORE = auto()
    RESET_AFTER = auto()


_REFUSALS = {
    Fault.THROTTLED: (429, {"Retry-After": "0"}),
    Fault.UNAVAILABLE: (503, {"Retry-After": "0"}),
    Fault.FAILED: (500, {}),
}
"""What is answered instead of taking the request."""


class Plan(NamedTuple):
    """What happens to one request: how many seconds it is kept waiting, and the fault."""

    delay: float = 0.0
    fault: Fault = Fault.NONE


def said(document: dict[str, Any]) -> list[tuple[str, str]]:
    """(text, recipient) of every message of a batch; the arguments of a template are filled in as v2 documents it."""
    recipients, body = document["recipients"], document["body"]
    if isinstance(recipients, list):
        return [(body, recipient) for recipient in recipients]
    return [
        (_filled(body, recipients["default"] | own), recipient)
        for recipient, own in recipients.items()
        if recipient != "default"
    ]


def _filled(body: str, arguments: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: arguments.get(found[1], ""), body)


class Recorder:
    """Listens on `url` while it is entered. `plan` is asked anew for each request."""

    def __init__(self) -> None:
        """Take everything at once, until told otherwise."""
        self.plan: Callable[[], Plan] = Plan
        self.taken: dict[str, dict[str, Any]] = {}
        """The documents that were taken, by their `reference`: a sender's own name for a request."""
        self.copies: Counter[tuple[str, str]] = Counter()
        """How often each (text, recipient) was taken."""
        self.remembers = False
        """Whether it tells what it took to whoever asks for the list of its batches."""
        self.requests: list[dict[str, str]] = []
        """The headers of every request, taken or not."""
        self.doubtful = 0
        """Requests that were not answered, or so that nobody can tell whether they were taken."""
        self.busy = 0
        """Requests under way."""
        self.url = ""
        self._ids: dict[str, str] = {}
        self._runner = web.ServerRunner(web.Server(self._handle))

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, backlog=1024).start()
        self.url = "http://{}:{}/v2".format(*self._runner.addresses[0][:2])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    @property
    def messages(self) -> int:
        """How many messages were taken."""
        return self.copies.total()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.busy += 1
        try:
            return await self._answer(request)
        finally:
            self.busy -= 1

    def _list(self, request: web.BaseRequest) -> web.Response:
        if not self.remembers:
            return web.Response(status=404)
        start, limit = (int(request.query[name]) for name in ("start", "limit"))
        newest = [{"id": self._ids[name], "status": 102, "reference": name} for name in reversed(self.taken)]
        return web.Response(body=orjson.dumps(newest[start : start + limit]), content_type="application/json")

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "GET":
            return self._list(request)
        document = orjson.loads(await request.read())
        self.requests.append(dict(request.headers))
        delay, fault = self.plan()
        if fault in _REFUSALS:
            status, headers = _REFUSALS[fault]
            self.doubtful += fault is Fault.FAILED
            return web.Response(status=status, headers=headers)
        if fault is not Fault.RESET_BEFORE:
            self._take(document)
        await asyncio.sleep(delay)
        if fault is not Fault.NONE:
            self.doubtful += 1
            return _reset(request)
        answer = orjson.dumps({"id": self._ids[document["reference"]], "status": 101})
        return web.Response(status=201, body=answer, headers={"Content-Type": "application/json"})

    def _take(self, document: dict[str, Any]) -> None:
        self.taken[document["reference"]] = document
        self._ids[document["reference"]] = f"{int(time.time()):08x}{len(self.taken):016x}"
        self.copies.update(said(document))


def _reset(request: web.BaseRequest) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
