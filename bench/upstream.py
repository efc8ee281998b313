"""A provider that says yes to everything at once, and counts what it was handed: by REST v2, or by GET with an `id`.

`GET /counts` tells the recipients, how many references came more than once, and when the last request came (by the
machine's monotonic clock, which all processes share).
"""

import time

import listen
import orjson
from aiohttp import web


class Upstream:
    """The counts, and the handler that keeps them."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self._references: set[str] = set()
        self._requests = 0
        self._recipients = 0
        self._last = 0.0

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """Take a batch, or tell the counts."""
        if request.path == "/counts":
            return _json(200, self._counts())
        if request.method == "GET":
            self._count(1, f"{request.query['id']} {request.query['to']}")
            return web.Response(text="yes")
        batch = orjson.loads(await request.read())
        self._count(len(batch["recipients"]), batch["reference"])
        return _json(201, {"id": f"{self._requests:024x}", "status": 101})

    def _count(self, recipients: int, reference: str) -> None:
        self._requests += 1
        self._recipients += recipients
        self._references.add(reference)
        self._last = time.monotonic()

    def _counts(self) -> dict[str, float]:
        return {
            "recipients": self._recipients,
            "repeated": self._requests - len(self._references),
            "last": self._last,
        }


def _json(status: int, document: object) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(document), content_type="application/json")


def runner() -> web.BaseRunner:
    """The low-level server: whatever the fake saves goes to whom it is measured for."""
    return web.ServerRunner(web.Server(Upstream().handle, access_log=None))


if __name__ == "__main__":
    listen.run(runner)
