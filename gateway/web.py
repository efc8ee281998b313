"""The one inbound handler: every request of every face goes through here, and leaves in that face's own words."""

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, cast

import structlog
from aiohttp import web
from multidict import MultiMapping
from pydantic import BaseModel

from gateway import bodies
from gateway.auth import Auth
from gateway.commands import Relay, SendPasscode, SubmitBatch
from gateway.config import Caller, Listen
from gateway.errors import Busy, GatewayError, Internal, Malformed, NotCarried, RequestError
from gateway.msisdn import without_numbers
from gateway.observe import Metrics
from gateway.pacer import Pacer
from gateway.peers import Peers, Socket
from gateway.ports import Adapter, Call, Face, Inbound, Leaving, Reply
from gateway.replies import response_of
from gateway.reports import PREFIX, Hooks
from gateway.service import Client, Service
from gateway.shares import Shares

log = structlog.get_logger()

MAX_HOOK = 1024 * 1024
REFUSING = 1.0
"""Seconds that it takes to refuse for want of room: who asks again at once leaves the processor to others."""
HOOKS = "(hooks)"
"""Under which name what upstreams post has its share of the room."""
# Parameters that were put behind a path without a `?` may hold a key.
_END_OF_PATH = re.compile("[&;=%]").split
_ORIGIN = re.compile(r"https?://[^/?]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Mounted:
    """A face, and what every reply of it carries: RFC 9745's header where the provider has withdrawn the protocol."""

    name: str
    deprecated: bool
    face: Face
    headers: dict[str, str]
    secure_headers: dict[str, str]
    """The same over TLS: RFC 6797's header where operations want it."""

    def leaves(self, call: Call) -> bool:
        """Whether this is not for the face to answer, but may be passed on: then its body is not read here."""
        return isinstance(self.face, Leaving) and self.face.leaves(call)

    @classmethod
    def of(cls, adapter: Adapter, options: BaseModel | None, hsts: float = 0) -> "Mounted":
        """Mount an adapter's face; `hsts` is for how many seconds a browser shall come by TLS alone."""
        if adapter.face is None:
            raise ValueError(f"{adapter.name} has no face")
        headers = {"Server": "sluss"}
        if adapter.deprecated is not None:
            headers["Deprecation"] = f"@{adapter.deprecated}"
        face = adapter.face() if options is None else adapter.face(options)
        secure = headers | ({"Strict-Transport-Security": f"max-age={int(hsts)}"} if hsts else {})
        return cls(adapter.name, adapter.deprecated is not None, face, headers, secure)

    def always(self, *, secure: bool) -> dict[str, str]:
        """What every reply carries, by TLS or without."""
        return self.secure_headers if secure else self.headers


class Room(NamedTuple):
    """What requests take up while they are under way: their number, by caller; their bodies, by address; and a pace."""

    requests: Shares
    bodies: Shares
    pacer: Pacer


class Streams(Exception):
    """This request is answered piece by piece, for which `handle` needs its connection."""


class _Visit:
    """What is known so far of one request: for its log line, its metrics and a refusal."""

    __slots__ = ("began", "caller", "facts", "held", "inbound", "outcome", "request", "telling")

    def __init__(self, request: web.BaseRequest | None) -> None:
        self.began = time.perf_counter()
        self.caller = "-"
        self.held = 0
        """Bytes of its body that are counted."""
        self.request = request
        self.telling: web.StreamResponse | None = None
        """The answer that has begun to leave: whatever happens now, there is no other."""
        self.inbound: Inbound | None = None
        self.outcome = "ok"
        self.facts: dict[str, Any] = {}


class Web:
    """The public listener."""

    def __init__(
        self,
        faces: Sequence[Mounted],
        service: Service,
        auth: Auth,
        hooks: Hooks,
        metrics: Metrics,
        room: Room,
        listen: Listen,
    ) -> None:
        self._service = service
        self._auth = auth
        self._metrics = metrics
        self._room = room
        self._log = log.bind()  # bound once: the lazy logger would be bound anew for every line
        self.configure(faces, hooks, listen)

    def configure(self, faces: Sequence[Mounted], hooks: Hooks, listen: Listen) -> None:
        """Serve these from now on; what is being answered is answered as it began."""
        mounts = [(mount, mounted) for mounted in faces for mount in mounted.face.mounts]
        self._exact = {mount: mounted for mount, mounted in mounts if not mount.endswith("/")}
        self._below = [(mount, mounted) for mount, mounted in mounts if mount.endswith("/")]
        self._hooks = hooks
        self._peers = Peers(listen)

    def find(self, path: str) -> Mounted | None:
        """The face that serves a path, or None."""
        lowered = path.lower()
        mounted = self._exact.get(lowered)
        if mounted is None:
            mounted = next((mounted for mount, mounted in self._below if lowered.startswith(mount)), None)
        return mounted

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request as aiohttp read it. Nothing escapes from here."""
        path, _, query = target(request.raw_path)
        mounted = self.find(path)
        if mounted is None:
            return await self._elsewhere(request, path)
        socket = Socket(request.remote or "", request.secure)
        call = self.call(request.method, path, query, request.headers, b"", socket)
        reply = await self.answer(mounted, call, request)
        if isinstance(reply, web.StreamResponse):
            return reply
        return response_of(request, reply, mounted.always(secure=socket.secure))

    def call(self, method: str, path: str, query: str, headers: MultiMapping[str], body: bytes, socket: Socket) -> Call:
        """A request as faces see it."""
        peers = self._peers
        return Call(method, path, query, headers, body, peers.address(socket, headers), peers.base(socket, headers))

    async def answer(
        self, mounted: Mounted, call: Call, request: web.BaseRequest | None = None
    ) -> Reply | web.StreamResponse:
        """What the face says, logged and counted. The body is read from `request` where there is one.

        What is passed on has been answered there when this returns; without a request it raises Streams.
        """
        visit = _Visit(request)
        reply: Reply | web.StreamResponse
        try:
            if request is not None and request.can_read_body and not mounted.leaves(call):
                body = await bodies.read(request, mounted.face.max_body, partial(self._hold, visit, call.peer))
                call = call._replace(body=body)
            elif call.body:
                self._hold(visit, call.peer, len(call.body))
            reply = await self._answer(mounted, call, visit)
        except Streams:
            raise
        except Exception as error:  # answered and logged, whatever it is
            if visit.telling is None:
                reply = self._refusal(mounted, call, visit, error)
            else:
                self._record(mounted, call, visit, visit.telling.status)
                raise
        finally:
            if visit.held:
                self._room.bodies.give_back(call.peer, visit.held)
        self._record(mounted, call, visit, reply.status)
        return reply

    def _hold(self, visit: _Visit, whose: str, size: int) -> None:
        self._room.bodies.take(whose, size)
        visit.held += size

    async def _enter(self, who: str) -> None:
        try:
            self._room.requests.take(who)
        except Busy:
            await asyncio.sleep(REFUSING)
            raise

    def _record(self, mounted: Mounted, call: Call, visit: _Visit, status: int) -> None:
        self._metrics.answered(mounted.name, visit.caller, visit.outcome)
        self._log.info(
            "request",
            face=mounted.name,
            caller=visit.caller,
            method=call.method,
            path=_path(call.path),
            peer=call.peer,
            status=status,
            outcome=visit.outcome,
            ms=round((time.perf_counter() - visit.began) * 1000, 2),
            **visit.facts,
        )

    async def _answer(self, mounted: Mounted, call: Call, visit: _Visit) -> Reply | web.StreamResponse:
        decoded = mounted.face.decode(call)
        if isinstance(decoded, Reply):
            visit.outcome = "protocol"
            return decoded
        visit.inbound = decoded
        if isinstance(decoded.command, Relay) and visit.request is None:
            raise Streams
        caller = self._auth.known(decoded.credentials, call.peer, mounted.name) or await self._auth.check(
            decoded.credentials, call.peer, mounted.name
        )
        visit.caller = caller.name
        if mounted.deprecated:
            self._metrics.called_late(mounted.name, caller.name)
        await self._enter(caller.name)
        try:
            return await self._admitted(mounted, decoded, caller, call, visit)
        finally:
            self._room.requests.give_back(caller.name)

    async def _admitted(
        self, mounted: Mounted, decoded: Inbound, caller: Caller, call: Call, visit: _Visit
    ) -> Reply | web.StreamResponse:
        # What is passed on is checked where it goes.
        if caller.passthrough and not isinstance(decoded.command, Relay):
            reads = not isinstance(decoded.command, SubmitBatch | SendPasscode)
            await self._service.vouch(Client(caller, mounted.name, decoded.credentials), call.peer, reads=reads)
        if caller.concurrency is None:
            return await self._served(mounted, decoded, caller, call, visit)
        with self._service.turn(caller):
            return await self._served(mounted, decoded, caller, call, visit)

    async def _served(
        self, mounted: Mounted, decoded: Inbound, caller: Caller, call: Call, visit: _Visit
    ) -> Reply | web.StreamResponse:
        command = decoded.command
        if isinstance(command, RequestError):
            raise command
        credentials = decoded.credentials if caller.passthrough else None
        if isinstance(command, Relay):
            return await self._relayed(mounted, call, command.mount, Client(caller, mounted.name, credentials), visit)
        if not isinstance(command, SubmitBatch):
            if isinstance(command, SendPasscode):
                await self._turn(caller)
            answer = await self._service.run(command, caller, mounted.name, credentials)
            return mounted.face.encode(answer, decoded, call)
        if command.contacts or command.groups:
            command = await self._service.addressed(command, caller)
        await self._turn(caller)
        if command.once is None:
            accepted = self._service.submit(command, caller, mounted.name, credentials)
        else:
            accepted = await self._service.submit_once(command, command.once, caller, mounted.name, credentials)
        reply = mounted.face.encode(accepted, decoded, call)
        await accepted.durable
        batch = accepted.batch
        visit.facts = {"batch": batch.key, "messages": batch.size}
        if accepted.repeated:
            visit.outcome = "repeated"
            return reply
        self._metrics.took(mounted.name, caller.name, batch.size)
        if accepted.verdict is not None and (refusal := await accepted.verdict) is not None:
            raise refusal
        return reply

    async def _turn(self, caller: Caller) -> None:
        requests = self._room.requests
        await self._room.pacer.turn(requests.held(caller.name), requests.holders)

    async def _relayed(
        self, mounted: Mounted, call: Call, mount: str, client: Client, visit: _Visit
    ) -> web.StreamResponse:
        request = cast("web.BaseRequest", visit.request)  # Streams was raised where there is none
        body = bodies.pieces(request) if request.can_read_body else None
        async with self._service.relay(call, body, mount, client) as (upstream, stream):
            visit.outcome, visit.facts = "broken off", {"upstream": upstream}
            always = mounted.always(secure=request.secure)
            response = web.StreamResponse(status=stream.status, headers={**always, **stream.headers})
            await response.prepare(request)
            visit.telling = response
            async for chunk in stream.chunks:
                await bodies.written(response, chunk, request)
            await bodies.written(response, b"", request)
            visit.outcome = "relayed"
        return response

    def _refusal(self, mounted: Mounted, call: Call, visit: _Visit, error: Exception) -> Reply:
        if isinstance(error, GatewayError):
            visit.outcome = type(error).__name__
            if not isinstance(error, RequestError) or isinstance(error, NotCarried):
                # Not the client's mistake, so operations are told what stands behind it.
                visit.facts["reason"] = error.detail
        else:
            # Ours, not theirs: told to the log with its trace, to the client without one.
            visit.outcome = "crashed"
            log.error("face.crashed", face=mounted.name, exc_info=error)
            error = Internal()
        return mounted.face.refuse(error, call, visit.inbound)

    async def _elsewhere(self, request: web.BaseRequest, path: str) -> web.Response:
        if not path.startswith(PREFIX):
            return web.Response(status=404, text="Not Found\n", headers={"Server": "sluss"})
        if request.method != "POST":
            return web.Response(status=405, headers={"Server": "sluss", "Allow": "POST"})
        status, text = 200, "OK\n"
        visit = _Visit(request)
        try:
            body = await bodies.read(request, MAX_HOOK, partial(self._hold, visit, HOOKS))
            await self._enter(HOOKS)
            try:
                await self._hooks.take(Call("POST", path, headers=request.headers, body=body))
            finally:
                self._room.requests.give_back(HOOKS)
        except Busy:
            status, text = 503, "Try again later\n"
        except RequestError as error:
            status, text = (400, f"{error.detail}\n") if isinstance(error, Malformed) else (404, "Not Found\n")
        except Exception:
            log.exception("hook.crashed")
            status, text = 500, "Internal error\n"
        finally:
            self._room.bodies.give_back(HOOKS, visit.held)
        return web.Response(status=status, text=text, headers={"Server": "sluss"})


def _path(path: str) -> str:
    """As much of a path as the log shows: what may be a phone number is masked."""
    return without_numbers(_END_OF_PATH(path, 1)[0][:200])


def target(raw: str) -> tuple[str, str, str]:
    """(path, `?` or nothing, query) of a request line's target; a proxy may write it whole, as `http://host/path`."""
    if not raw.startswith("/") and (origin := _ORIGIN.match(raw)):
        raw = raw[origin.end() :] or "/"
    return raw.partition("?")
