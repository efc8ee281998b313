"""A listener's socket, and its connections: what aiohttp says of itself, it says here in our words."""

import asyncio
import ssl
from collections.abc import Callable
from typing import Any

from aiohttp import web

from gateway.config import Address
from gateway.errors import ConfigError

BACKLOG = 1024
HANDSHAKE = 10.0
"""Seconds within which client and gateway agree on TLS; old machines need two or three."""
FAREWELL = 5.0
"""Seconds that a client has to say that it has seen the end of a TLS connection."""


class Site(web.BaseSite):
    """Listens on an address. `factory` makes what reads a new connection; with `secure` it comes by TLS."""

    def __init__(
        self, runner: web.BaseRunner, address: Address, factory: Callable[[], Any], secure: ssl.SSLContext | None = None
    ) -> None:
        """Listen for a runner, which ends what was begun."""
        super().__init__(runner, ssl_context=secure, backlog=BACKLOG)
        self._address = address
        self._factory = factory

    @property
    def name(self) -> str:
        """As a URL."""
        return f"{'https' if self._ssl_context else 'http'}://{self._address.host}:{self._address.port}"

    async def start(self) -> None:
        """Begin. Raises ConfigError where the address cannot be had."""
        await super().start()
        host, port = self._address
        handshake, farewell = (HANDSHAKE, FAREWELL) if self._ssl_context else (None, None)
        try:
            self._server = server = await asyncio.get_running_loop().create_server(
                self._factory,
                host,
                port,
                ssl=self._ssl_context,
                backlog=self._backlog,
                ssl_handshake_timeout=handshake,
                ssl_shutdown_timeout=farewell,
            )
        except OSError as error:
            raise ConfigError([f"listen: cannot listen on {host}:{port}: {error.strerror or error}"]) from None
        host, port = server.sockets[0].getsockname()[:2]
        self._address = Address(host, port)

    @property
    def address(self) -> Address:
        """Where it listens, once it does: port 0 has become a port."""
        return self._address


class Connection(web.RequestHandler):
    """One connection, with our words for what is no HTTP request: aiohttp's repeat bytes of it, which may be a key."""

    __slots__ = ()

    @classmethod
    def of(cls, server: web.Server) -> "Connection":
        """What a server makes of a new connection, in aiohttp's place."""
        return cls(server, loop=server._loop, **server._kwargs)  # noqa: SLF001 - aiohttp has no other way in

    def leave(self) -> None:
        """Read no more of a body that is answered; reading it to its end would unpack it, and it may be a bomb."""
        self._lingering_time = 0.0

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
