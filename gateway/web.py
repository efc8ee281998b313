"""The one inbound handler: every request of every face goes through here, and leaves in that face's own words.

Plain `web.Server` instead of an aiohttp Application: four faces need no router, and it costs a tenth of an accept.
"""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from aiohttp import web

from gateway.auth import Auth
from gateway.commands import Accepted
from gateway.config import Listen
from gateway.errors import Busy, GatewayError, Internal, Malformed, RequestError, TooLarge
from gateway.observe import Metrics
from gateway.peers import Peers
from gateway.ports import Adapter, Call, Face, Inbound, Reply
from gateway.replies import response_of
from gateway.reports import PREFIX, Hooks
from gateway.service import Service

log = structlog.get_logger()

MAX_LINE = 64 * 1024
"""Bytes of a request line: 2,000 characters of UTF-8, percent-encoded, in a query string, with room to spare."""
MAX_HOOK = 1024 * 1024
_ORIGIN = re.compile(r"https?://[^/?]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Mounted:
    """A face, and what every reply of it carries: RFC 9745's header where the provider has withdrawn the protocol."""

    name: str
    deprecated: bool
    face: Face
    headers: dict[str, str]

    @classmethod
    def of(cls, adapter: Adapter) -> "Mounted":
        """Mount an adapter's face."""
        if adapter.face is None:
            raise ValueError(f"{adapter.name} has no face")
        headers = {"Server": "sluss"}
        if adapter.deprecated is not None:
            headers["Deprecation"] = f"@{adapter.deprecated}"
        return cls(adapter.name, adapter.deprecated is not None, adapter.face(), headers)


class _Visit:
    """What the log line and the metrics of one request will say."""

    __slots__ = ("began", "caller", "facts", "outcome")

    def __init__(self) -> None:
        self.began = time.perf_counter()
        self.caller = "-"
        self.outcome = "ok"
        self.facts: dict[str, Any] = {}


class Web:
    """The public listener."""

    def __init__(
        self,
        adapters: Sequence[Adapter],
        service: Service,
        auth: Auth,
        hooks: Hooks,
        metrics: Metrics,
        listen: Listen,
    ) -> None:
        self._service = service
        self._auth = auth
        self._hooks = hooks
        self._metrics = metrics
        self._peers = Peers(listen)
        self._log = log.bind()  # bound once: the lazy logger would be bound anew for every line
        self._exact: dict[str, Mounted] = {}
        self._below: list[tuple[str, Mounted]] = []
        for adapter in adapters:
            mounted = Mounted.of(adapter)
            for mount in mounted.face.mounts:
                if mount.endswith("/"):
                    self._below.append((mount, mounted))
                else:
                    self._exact[mount] = mounted

    def server(self) -> web.Server:
        """The aiohttp server that calls this handler."""
        return _Server(
            self.handle, access_log=None, max_line_size=MAX_LINE, max_field_size=MAX_LINE, keepalive_timeout=75.0
        )

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request. Nothing escapes from here."""
        path, _, query = _target(request.raw_path)
        lowered = path.lower()
        mounted = self._exact.get(lowered)
        if mounted is None:
            mounted = next((mounted for mount, mounted in self._below if lowered.startswith(mount)), None)
        if mounted is None:
            return await self._elsewhere(request, path)
        visit = _Visit()
        call = Call(
            request.method, path, query, request.headers, b"", self._peers.address(request), self._peers.base(request)
        )
        reply = await self._answer(mounted, request, call, visit)
        self._tell(mounted, call, reply, visit)
        return response_of(request, reply, mounted.headers)

    async def _answer(self, mounted: Mounted, request: web.BaseRequest, call: Call, visit: _Visit) -> Reply:
        face, inbound = mounted.face, None
        try:
            if request.can_read_body:
                body = await _body(request, face.max_body)
                call = Call(call.method, call.path, call.query, call.headers, body, call.peer, call.base)
            decoded = face.decode(call)
            if isinstance(decoded, Reply):
                visit.outcome = "protocol"
                return decoded
            inbound = decoded
            return await self._run(mounted, call, inbound, visit)
        except GatewayError as error:
            visit.outcome = type(error).__name__
            if not isinstance(error, RequestError):
                visit.facts["reason"] = error.detail
            return face.refuse(error, call, inbound)
        except Exception:
            # Ours, not theirs: told to the log with its trace, to the client without one.
            visit.outcome = "crashed"
            log.exception("face.crashed", face=mounted.name)
            return face.refuse(Internal(), call, inbound)

    async def _run(self, mounted: Mounted, call: Call, inbound: Inbound, visit: _Visit) -> Reply:
        caller = await self._auth.check(inbound.credentials, call.peer, mounted.name)
        visit.caller = caller.name
        if mounted.deprecated:
            self._metrics.deprecated.labels(mounted.name, caller.name).inc()
        if isinstance(inbound.command, RequestError):
            raise inbound.command
        result = await self._service.run(inbound.command, caller, mounted.name)
        reply = mounted.face.encode(result, inbound, call)
        if isinstance(result, Accepted):
            await result.durable
            self._metrics.took(mounted.name, caller.name, result.batch.size)
            visit.facts["batch"] = result.batch.key
            visit.facts["messages"] = result.batch.size
        return reply

    def _tell(self, mounted: Mounted, call: Call, reply: Reply, visit: _Visit) -> None:
        self._metrics.answered(mounted.name, visit.caller, visit.outcome)
        self._log.info(
            "request",
            face=mounted.name,
            caller=visit.caller,
            method=call.method,
            path=call.path[:200],
            peer=call.peer,
            status=reply.status,
            outcome=visit.outcome,
            ms=round((time.perf_counter() - visit.began) * 1000, 2),
            **visit.facts,
        )

    async def _elsewhere(self, request: web.BaseRequest, path: str) -> web.Response:
        if not path.startswith(PREFIX):
            return web.Response(status=404, text="Not Found\n", headers={"Server": "sluss"})
        if request.method != "POST":
            return web.Response(status=405, headers={"Server": "sluss", "Allow": "POST"})
        status, text = 200, "OK\n"
        try:
            body = await _body(request, MAX_HOOK)
            await self._hooks.take(Call("POST", path, headers=request.headers, body=body))
        except Busy:
            status, text = 503, "Try again later\n"
        except RequestError as error:
            status, text = (400, f"{error.detail}\n") if isinstance(error, Malformed) else (404, "Not Found\n")
        except Exception:
            log.exception("hook.crashed")
            status, text = 500, "Internal error\n"
        return web.Response(status=status, text=text, headers={"Server": "sluss"})


class _Connection(web.RequestHandler):
    """One connection, with our words for what is no HTTP request: aiohttp's repeat bytes of it, which may be a key."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,  # noqa: ARG002 - the parent's signature
        message: str | None = None,  # noqa: ARG002
    ) -> web.StreamResponse:
        """A bare status, for no face is known yet; then the connection ends."""
        if request.writer.output_size > 0:
            raise ConnectionError("Half an answer was sent")
        response = web.Response(status=status, headers={"Server": "sluss"})
        response.force_close()
        return response


class _Server(web.Server):
    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


def _target(raw: str) -> tuple[str, str, str]:
    # A proxy may write the absolute form, `GET http://host/path`.
    if not raw.startswith("/") and (origin := _ORIGIN.match(raw)):
        raw = raw[origin.end() :] or "/"
    return raw.partition("?")


async def _body(request: web.BaseRequest, limit: int) -> bytes:
    """The decompressed body. Raises TooLarge as soon as there is more than `limit`, Malformed where it breaks off."""
    if (request.content_length or 0) > limit:
        raise TooLarge(limit)
    content = request.content
    try:
        if content.is_eof():  # it came along with the head, as small requests do
            body = content.read_nowait()
        else:
            body = await _gather(request, limit)
    except GatewayError:
        raise
    except Exception as error:
        # A broken chunk, a wrong Content-Encoding, a client that went away: aiohttp has a class for each.
        raise Malformed("The body could not be read") from error
    if len(body) > limit:
        raise TooLarge(limit)
    return body


async def _gather(request: web.BaseRequest, limit: int) -> bytes:
    body = bytearray()
    while chunk := await request.content.readany():
        body += chunk
        if len(body) > limit:
            raise TooLarge(limit)
    return bytes(body)
