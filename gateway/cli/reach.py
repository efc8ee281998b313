"""Asking a running gateway over HTTP, with the standard library alone: blocking, one request at a time."""

import json
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, NamedTuple

from gateway.operators import HEADER

if TYPE_CHECKING:
    from gateway.config import Address


class NoAnswer(Exception):
    """Nobody there, or nobody that speaks HTTP; the text is a sentence for people."""


class Answer(NamedTuple):
    """What came back, whatever its status."""

    status: int
    body: bytes

    def json(self) -> Any:
        """The body as JSON, None where it is something else."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows nothing: a redirect would carry the key elsewhere."""

    def redirect_request(self, *_: Any) -> None:
        """Refuse, so that the redirect itself is the answer."""


# Not through the environment's proxy: the gateway is on this machine or beside it.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay)


def ask(
    url: str, *, key: str | None = None, document: object = None, timeout: float = 10.0, operator: str | None = None
) -> Answer:
    """GET, or POST where there is a document; `operator` is for the gateway's audit log. Raises NoAnswer."""
    headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    if operator:
        headers[HEADER] = operator
    body = None
    if document is not None:
        headers["Content-Type"] = "application/json"
        body = json.dumps(document).encode()
    try:
        request = urllib.request.Request(url, data=body, headers=headers)  # noqa: S310 - callers give http or https
        with _OPENER.open(request, timeout=timeout) as reply:
            return Answer(reply.status, reply.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.read())
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        words = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
        raise NoAnswer(f"{url} cannot be reached: {words}") from error


def url_of(address: "Address") -> str:
    """Where a gateway is asked that listens there; on every address, it is asked on this machine's own."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)
    return f"http://[{host}]:{address.port}" if ":" in host else f"http://{host}:{address.port}"
