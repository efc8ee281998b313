"""What is passed on of a request that is not served here, and of its answer: what is known to be harmless."""

import re
from urllib.parse import unquote

from gateway.errors import NotFound
from gateway.ports import Call, Reply

METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})

# Lists of what may pass, not of what may not: credentials, cookies, hop-by-hop fields (RFC 9110, 7.6.1) and whatever
# is invented one day stay on their side. Bodies are passed on as they are, without the coding they came in.
_REQUEST = (
    "Accept",
    "Accept-Language",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "If-Modified-Since",
)
_ANSWER = (
    "Allow",
    "Cache-Control",
    "Content-Disposition",
    "Content-Language",
    "Content-Type",
    "ETag",
    "Last-Modified",
    "Link",
    "Location",
    "Retry-After",
)
_PLAIN = re.compile(r"[!-~]*").fullmatch
# Letters, digits and `-._~` need no escape: one hides an address that is served here from whoever looks for it.
_HIDDEN = re.compile(r"%(?:2[de]|3\d|[46][1-9a-f]|[57][0-9a]|5f|7e)", re.IGNORECASE).search


def onward(call: Call, mount: str) -> Call:
    """The request as an upstream may see it: its path below the face's own `mount`, and the fields that may pass.

    Raises NotFound for a method or a path that no provider's API has: one that leads upwards, or hides a slash.
    """
    path = call.path[len(mount) :]
    decoded = unquote(path)
    strange = (
        call.method not in METHODS
        or not call.path.lower().startswith(mount)
        or not (_PLAIN(call.path) and _PLAIN(call.query))
        or path.count("/") != decoded.count("/")
        or _HIDDEN(path)
        or any(part in decoded for part in ("\\", "//", ";", "#", "?"))
        or not decoded.isprintable()
        or any(
            unquote(segment) in {".", "..", ""} or "%" in unquote(segment) for segment in path.rstrip("/").split("/")
        )
    )
    if strange:
        raise NotFound("There is no such address here")
    headers = {name: value for name in _REQUEST if (value := call.headers.get(name)) is not None}
    return Call(call.method, path, call.query, headers, call.body)


def homeward(reply: Reply, theirs: str, ours: str) -> Reply:
    """The answer as the client may see it: what names the upstream's base names ours."""
    headers = {name: value for name in _ANSWER if (value := reply.headers.get(name)) is not None}
    for name in ("Link", "Location"):
        if name in headers:
            headers[name] = headers[name].replace(theirs, ours)
    return Reply(reply.status, reply.body, headers)
