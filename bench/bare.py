"""The baseline: an aiohttp Application that does nothing. One route, one constant answer."""

import listen
from aiohttp import web

_BODY = b'{"id":"6b036e72ba000000000003ea","status":101}'


async def answer(_request: web.Request) -> web.Response:
    """201, whatever was asked."""
    return web.Response(status=201, body=_BODY, content_type="application/json")


def runner() -> web.BaseRunner:
    """The application, without an access log."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    return web.AppRunner(application, access_log=None)


if __name__ == "__main__":
    listen.run(runner)
