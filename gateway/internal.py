"""The internal listener: health, readiness and metrics, for operations only."""

from aiohttp import web

from gateway.errors import Busy
from gateway.model import DispatchState
from gateway.observe import Metrics
from gateway.ports import Store


def internal_app(store: Store, metrics: Metrics) -> web.Application:
    """`/healthz` (the process lives), `/readyz` (the store takes writes), `/metrics` (Prometheus)."""

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
        for (upstream, state), count in (await store.depths()).items():
            metrics.queue.labels(upstream, DispatchState(state).name.lower()).set(count)
        return web.Response(body=metrics.render(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", prometheus)])
    return app
