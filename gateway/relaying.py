"""What is passed on of a request that is not served here, and of its answer: what is known to be harmless."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from unicodedata import normalize
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from gateway.errors import NotFound
from gateway.ports import Call, Headers

METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})

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
_LINK = re.compile("<([^<>]*)>").sub
_SHORTEST = 8
"""Letters of a secret that is looked for: a shorter one would stand in innocent words."""
_DEFAULT_PORTS = {"http": 80, "https": 443}


def onward(call: Call, mount: str, *, own: bool) -> Call:
    """The request as an upstream may see it: its path below the face's own `mount`, and the fields that may pass.

    `own` says that it goes with the caller's own credentials. Raises NotFound for a method or a path that no provider's
    API has - one that leads upwards, hides a slash, or is another way to write one that is served here - and for what
    is below `me` with the upstream's credentials: that is its account, and shows the keys of the accounts below it.
    """
    path = call.path[len(mount) :]
    decoded = unquote(path)
    segments = [unquote(segment) for segment in path.rstrip("/").split("/")]
    strange = (
        call.method not in METHODS
        or not call.path.lower().startswith(mount)
        or not (_PLAIN(call.path) and _PLAIN(call.query))
        or path.count("/") != decoded.count("/")
        or _HIDDEN(path)
        or any(part in decoded for part in ("\\", "//", ";", "#", "?"))
        or not decoded.isprintable()
        or "\ufffd" in decoded
        or not all(map(_means_itself, segments))
    )
    if strange or (segments[0].lower() == "me" and not own):
        raise NotFound("There is no such address here")
    headers = _kept(call.headers, _REQUEST)
    if "Content-Encoding" not in call.headers and (length := call.headers.get("Content-Length")):
        headers["Content-Length"] = length
    return call._replace(path=path, headers=headers, body=b"")


def _means_itself(segment: str) -> bool:
    """Whether no server reads it as another segment: Windows drops dots and blanks at its end, some fold letters."""
    return bool(segment) and segment == normalize("NFKC", segment).strip(" .") and "%" not in segment


def homeward(headers: Headers, asked: str, theirs: str, ours: str) -> dict[str, str]:
    """The fields of an answer as the client may see them: what names the upstream's base `theirs` names `ours`.

    `asked` is the address that was asked, to which relative ones belong.
    """
    kept = _kept(headers, _ANSWER)
    base = urlsplit(theirs)

    def named(address: str) -> str:
        return _renamed(address, asked, base, ours)

    if "Location" in kept:
        kept["Location"] = named(kept["Location"])
    if "Link" in kept:
        kept["Link"] = _LINK(lambda link: f"<{named(link[1])}>", kept["Link"])
    if "Content-Encoding" not in headers and (length := headers.get("Content-Length")):
        kept["Content-Length"] = length
    return kept


def _kept(headers: Headers, names: Sequence[str]) -> dict[str, str]:
    several = getattr(headers, "getall", lambda name: [headers[name]])
    found = {name: ", ".join(several(name)) for name in names if name in headers}
    return {name: value for name, value in found.items() if value.isprintable()}


def without(headers: Mapping[str, str], secrets: Sequence[bytes]) -> dict[str, str]:
    """The fields with asterisks where one of the secrets stood."""
    hidden = [secret for secret in secrets if len(secret) >= _SHORTEST]
    return {name: _veil(value.encode(), hidden).decode() for name, value in headers.items()}


def _renamed(address: str, asked: str, base: SplitResult, ours: str) -> str:
    try:
        whole = urljoin(asked, address)
        found = urlsplit(whole)
        same = _host(found) == _host(base)
    except ValueError:  # a port that is no number, a bracket too many
        return address
    below = found.path[len(base.path) :]
    if not same or found.path[: len(base.path)].lower() != base.path.lower() or not (below == "" or below[0] == "/"):
        return whole
    return f"{ours}{below}{found._replace(scheme='', netloc='', path='').geturl()}"


def _host(address: SplitResult) -> tuple[str | None, int | None]:
    """Host and port; http and https on their own ports are one: providers name the one behind the other."""
    return address.hostname, None if address.port == _DEFAULT_PORTS.get(address.scheme) else address.port


async def veiled(chunks: AsyncIterator[bytes], secrets: Sequence[bytes]) -> AsyncIterator[bytes]:
    """The same bytes with asterisks where one of the secrets stood, however it was cut into chunks."""
    held = b""
    secrets = [secret for secret in secrets if len(secret) >= _SHORTEST]
    longest = max(map(len, secrets), default=0)
    async for chunk in chunks:
        held = _veil(held + chunk, secrets)
        # What may be the beginning of a secret waits for its end.
        ready = max(0, len(held) - longest + 1) if longest else len(held)
        if ready:
            yield held[:ready]
            held = held[ready:]
    if held:
        yield held


def _veil(data: bytes, secrets: Sequence[bytes]) -> bytes:
    for secret in secrets:
        data = data.replace(secret, b"*" * len(secret))
    return data
