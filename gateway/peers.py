"""Who is at the other end, and by which address it reached us: the socket's word, or a trusted proxy's."""

import re
from typing import NamedTuple

from multidict import MultiMapping

from gateway.config import Listen
from gateway.networks import within

_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?").fullmatch


class Socket(NamedTuple):
    """What a connection itself says of who is at its other end."""

    address: str
    secure: bool = False
    """Whether it speaks TLS, with us and not with a proxy."""


class Peers:
    """Reads X-Forwarded-For, -Proto and -Host from trusted proxies only."""

    def __init__(self, listen: Listen) -> None:
        self._trusted = tuple(listen.trusted_proxies)
        self._public_url = listen.public_url
        self._public_host = (listen.public_url or "").partition("://")[2].partition("/")[0]
        self._fallback = f"{listen.public.host}:{listen.public.port}"

    def address(self, socket: Socket, headers: MultiMapping[str]) -> str:
        """The client's address: the last one in X-Forwarded-For that is no trusted proxy of ours."""
        peer = socket.address
        if not self._trusted or not within(peer, self._trusted):
            return peer
        hops = [hop.strip() for hop in ",".join(headers.getall("X-Forwarded-For", [])).split(",")]
        return next((hop for hop in reversed(hops) if hop and not within(hop, self._trusted)), peer)

    def base(self, socket: Socket, headers: MultiMapping[str]) -> str:
        """Scheme and host as the client reached them, safe to print into a document.

        `public_url` stands in where the client named that host, or none that can be printed: an old client posts to
        the address its WSDL names, which must be one that it can reach.
        """
        scheme, host = "https" if socket.secure else "http", headers.get("Host", "")
        if self._trusted and within(socket.address, self._trusted):
            scheme = "https" if headers.get("X-Forwarded-Proto", scheme).strip().lower() == "https" else "http"
            host = headers.get("X-Forwarded-Host", host).partition(",")[0].strip()
        if self._public_url and (host == self._public_host or not _HOST(host)):
            return self._public_url
        return f"{scheme}://{host if _HOST(host) else self._fallback}"
