"""The internal listener, for operations only: health, readiness, metrics, and their hands on the running gateway."""

import asyncio
import hmac
import ipaddress
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from pydantic import BaseModel, ValidationError

from gateway.audit import Audit
from gateway.config import Listen
from gateway.errors import Busy, ConfigError, Malformed, NotFound
from gateway.observe import Metrics
from gateway.operations import ErasureDesk, ErasureOrder, Order, OutboxDesk, PostOrder, Queue
from gateway.operators import HEADER, operator
from gateway.ports import Store
from gateway.runtime import Runtime

log = structlog.get_logger()

M = TypeVar("M", bound=BaseModel)

MAX_BODY = 64 * 1024
MOST = 500
"""Dispatches on a page."""

_HEADERS = {"Server": "sluss", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_NAMED = frozenset({"id", "upstream", "route", "state", "outcome", "post", "caller", "all"})
"""What the audit log keeps of an order: names and ids. The reason of a pause is with the pause."""
_COUNTED = ("dispatches", "messages", "posts")
_OPEN = frozenset({"/healthz", "/readyz", "/metrics"})
_STATUSES: tuple[tuple[type[Exception], int], ...] = ((NotFound, 404), (Malformed, 400), (Busy, 503))


Desks = tuple[Queue, OutboxDesk, ErasureDesk]


def internal_app(
    store: Store, metrics: Metrics, desks: Desks, runtime: Runtime, audit: Audit, listen: Listen
) -> web.Application:
    """`/healthz` (it lives), `/readyz` (the store takes writes), `/metrics`, and what operations may do."""

    async def healthz(_request: web.Request) -> web.Response:
        """The process lives."""
        return web.Response(text="ok\n")

    async def readyz(_request: web.Request) -> web.Response:
        """The store takes writes."""
        try:
            await store.check()
        except Busy as error:
            return web.Response(status=503, text=f"not ready: {error.detail}\n")
        return web.Response(text="ready\n")

    async def prometheus(_request: web.Request) -> web.Response:
        """Counters, and the queues as they stand."""
        metrics.queue.clear()
        for (upstream, state), depth in (await store.depths()).items():
            metrics.queue.labels(upstream, state.name.lower()).set(depth.dispatches)
        metrics.outbox.clear()
        for box in await store.outboxes():
            metrics.outbox.labels(box.caller, "waiting").set(box.waiting)
            metrics.outbox.labels(box.caller, "given up").set(box.given_up)
        return web.Response(body=metrics.render(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    async def signed(_request: web.Request, response: web.StreamResponse) -> None:
        """No program's version, and no copy in anybody's cache: it may hold a number."""
        response.headers.update(_HEADERS)

    app = web.Application(middlewares=[_answering, _guard(listen)], client_max_size=MAX_BODY)
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", prometheus)])
    app.on_response_prepare.append(signed)
    queue, outbox, erasure = desks
    app.add_routes([*_routes(queue, audit), *_outbox_routes(outbox, audit), _erase(erasure, audit), _reload(runtime)])
    return app


def _routes(queue: Queue, audit: Audit) -> list[web.RouteDef]:
    async def overview(_request: web.Request) -> web.Response:
        """Every upstream with what waits for it."""
        return web.json_response(await queue.overview())

    async def listed(request: web.Request) -> web.Response:
        """A page of dispatches."""
        asked = request.query
        narrowed = (asked.get("upstream"), asked.get("route"), asked.get("state"), asked.get("after"))
        return web.json_response(await queue.listed(*narrowed, _number(request, "limit", 50, 1, MOST)))

    async def shown(request: web.Request) -> web.Response:
        """The dispatches behind an id."""
        return web.json_response(await queue.shown(request.match_info["id"], full="full" in request.query))

    async def done(request: web.Request) -> web.Response:
        """Do something with some of them."""
        verb, order = request.match_info["verb"], _order(Order, await _json(request))
        told = await _audited(
            audit, request, f"queue {verb}", order, lambda: queue.do(verb, order, request.remote or "")
        )
        return web.json_response(told)

    return [
        web.get("/queue", overview),
        web.get("/queue/dispatches", listed),
        web.get("/queue/dispatches/{id}", shown),
        web.post("/queue/{verb}", done),
    ]


def _outbox_routes(outbox: OutboxDesk, audit: Audit) -> list[web.RouteDef]:
    async def overview(_request: web.Request) -> web.Response:
        """Every caller with what waits for it, and what was given up."""
        return web.json_response(await outbox.overview())

    async def listed(request: web.Request) -> web.Response:
        """A page of what was given up."""
        after, limit = _number(request, "after", 0, 0, 2**53), _number(request, "limit", 50, 1, MOST)
        return web.json_response(await outbox.listed(request.query.get("caller"), after, limit))

    async def done(request: web.Request) -> web.Response:
        """Post some of it again, or forget it."""
        verb, order = request.match_info["verb"], _order(PostOrder, await _json(request))
        told = await _audited(
            audit, request, f"outbox {verb}", order, lambda: outbox.do(verb, order, request.remote or "")
        )
        return web.json_response(told)

    return [
        web.get("/outbox", overview),
        web.get("/outbox/given-up", listed),
        web.post("/outbox/{verb}", done),
    ]


def _erase(erasure: ErasureDesk, audit: Audit) -> web.RouteDef:
    async def erase(request: web.Request) -> web.Response:
        """Erase a number, which stands in the body: addresses are logged by whoever stands in between."""
        order = _order(ErasureOrder, await _json(request))
        told = await _audited(audit, request, "erase", order, lambda: erasure.do(order, request.remote or ""))
        return web.json_response(told)

    return web.post("/erase", erase)


async def _audited(
    audit: Audit,
    request: web.Request,
    act: str,
    order: Order | PostOrder | ErasureOrder,
    do: Callable[[], Awaitable[dict[str, Any]]],
) -> dict[str, Any]:
    """Do it, and keep who has done it; a dry run does nothing, so nothing is kept of it."""
    if order.dry_run:
        return await do()
    about = {name: str(value) for name, value in order.model_dump(exclude_defaults=True).items() if name in _NAMED}
    async with audit.act(await _operator(request), act, about) as ending:
        told = await do()
        ending.say(**{name: told[name] for name in _COUNTED if name in told}, **told.get("erased", {}))
        return told


async def _operator(request: web.Request) -> str:
    peer, here = (request.get_extra_info(name) for name in ("peername", "sockname"))
    claimed, by_token = request.headers.get(HEADER, ""), "Authorization" in request.headers
    return await asyncio.to_thread(operator, peer[:2], here[:2], claimed=claimed, by_token=by_token)


def _number(request: web.Request, name: str, default: int, low: int, high: int) -> int:
    text = request.query.get(name, str(default))
    if not text.isascii() or not text.isdigit() or not low <= int(text[:20]) <= high:
        raise Malformed(f"'{name}' must be a number from {low} to {high}")
    return int(text)


def _reload(runtime: Runtime) -> web.RouteDef:
    async def reload(request: web.Request) -> web.Response:
        """Read the configuration again, and put it in place unless it is a dry run."""
        document = await _json(request)
        dry_run = document.get("dry_run", False)
        if not isinstance(dry_run, bool) or document.keys() - {"dry_run"}:
            raise Malformed("The body may hold 'dry_run', true or false, and nothing else")
        try:
            found = await runtime.reload(dry_run=dry_run, who=await _operator(request))
        except ConfigError as error:
            return web.json_response({"error": "The configuration is refused", "problems": error.problems}, status=409)
        changes = [{**change._asdict(), "at_next_start": change.at_start} for change in found]
        return web.json_response({"applied": not dry_run, "changes": changes})

    return web.post("/reload", reload)


async def _json(request: web.Request) -> Mapping[str, Any]:
    # A page in somebody's browser can post a form to this machine unasked, but not this media type.
    if request.content_type != "application/json":
        raise Malformed("Send the body as application/json")
    try:
        document = json.loads(await request.read())
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise Malformed("The body must be a JSON object")
    return document


def _order(model: type[M], document: Mapping[str, Any]) -> M:
    try:
        return model.model_validate(document)
    except ValidationError as error:
        problem = error.errors()[0]
        raise Malformed(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}") from None


@web.middleware
async def _answering(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every error of ours as JSON with a sentence."""
    try:
        return await handler(request)
    except (NotFound, Malformed, Busy) as error:
        status = next(status for kind, status in _STATUSES if isinstance(error, kind))
        return web.json_response({"error": error.detail}, status=status)
    except web.HTTPException:
        raise
    except Exception:
        log.exception("internal.crashed", path=request.path)
        return web.json_response({"error": "Something went wrong in the gateway; its log says what"}, status=500)


def _guard(listen: Listen) -> Middleware:
    """Lets operations in: with the token where there is one, otherwise from this machine alone."""
    token = listen.internal_token
    expected = None if token is None else f"Bearer {token.get_secret_value()}".encode()

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in _OPEN:
            return await handler(request)
        if expected is not None:
            given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
            if not hmac.compare_digest(given, expected):
                return web.json_response({"error": "Give listen.internal_token as a Bearer token"}, status=401)
        elif not (_is_here(listen.internal.host) and _is_here(request.url.host or "")):
            # Without a token, whoever is on this machine is trusted, but no name that somebody else's DNS points here.
            sentence = "Set listen.internal_token: without it, this is answered only on 127.0.0.1, ::1 and localhost"
            return web.json_response({"error": sentence}, status=403)
        return await handler(request)

    return guard


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
