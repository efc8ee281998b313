"""Serves REST v1 under `/api/`: what it routes, whom it believes and how it refuses."""

import base64
import re
from collections.abc import Mapping, Sequence

import orjson
from pydantic import SecretStr

from adapters.rest_v1 import blacklist, contacts, lookup, messaging, passcodes, wire
from adapters.rest_v1.reference import reference
from gateway.commands import Relay, Result
from gateway.errors import (
    Busy,
    Forbidden,
    GatewayError,
    KeyReused,
    MethodNotAllowed,
    NoFunds,
    NotFound,
    RequestError,
    TooLarge,
    TooLate,
    Unauthenticated,
    Unconfirmed,
    UnsupportedMedia,
)
from gateway.ports import Call, Credentials, Headers, Inbound, Reply
from gateway.rest import Route
from gateway.translator import LEGACY, LegacyCode

_ROUTES: tuple[Route, ...] = (*messaging.ROUTES, *blacklist.ROUTES, *passcodes.ROUTES, *contacts.ROUTES)
_REFERENCE = reference(_ROUTES)

# The first class that fits. 403 on sending means that there are no credits and nothing else (the provider's C# sample).
_STATUSES: tuple[tuple[type[GatewayError], int], ...] = (
    (Unauthenticated, 401),
    (NoFunds, 403),
    (Forbidden, 403),
    (NotFound, 404),
    (TooLate, 409),
    (KeyReused, 422),
    (MethodNotAllowed, 405),
    (TooLarge, 413),
    (UnsupportedMedia, 415),
    (Busy, 503),
    (Unconfirmed, 504),
    (RequestError, 400),
    (GatewayError, 500),
)

_HEADERS: Mapping[int, Headers] = {
    401: {"WWW-Authenticate": 'Basic realm="api"'},
    503: {"Retry-After": "1"},
}

_JSON = "application/json; charset=utf-8"


class RestV1Face:
    """The face of REST v1."""

    mounts: Sequence[str] = ("/api/",)
    max_body = 4 * 2**20

    def decode(self, call: Call) -> Inbound | Reply:
        """The question, with its credentials; an error in it waits until they were checked. Raises RequestError.

        Routing comes before credentials, as in ASP.NET Web API: an unknown path is one for everybody. A look-up of
        phone numbers is answered here, and to everybody.
        """
        if (shown := _REFERENCE.shown(call)) is not None:
            return shown
        path = call.path.rstrip("/")
        if path.lower() == lookup.ADDRESS:
            return lookup.answer(call)
        found = _found(path)
        if found is None:
            return _elsewhere(call)
        route, match = found
        operation = route.operations.get(call.method)
        if operation is None:
            raise MethodNotAllowed(tuple(route.operations))
        credentials = _credentials(call.headers.get("Authorization", ""))
        try:
            return Inbound(credentials, operation.decode(call, match), operation.show)
        except RequestError as error:
            return Inbound(credentials, error, operation.show)

    def leaves(self, call: Call) -> bool:
        """Whether there is no such address here, but may be one at the provider."""
        path = call.path.rstrip("/")
        served = path.lower() == lookup.ADDRESS or _REFERENCE.serves(path.lower())
        return not served and _found(path) is None

    def encode(self, result: Result, inbound: Inbound, call: Call) -> Reply:  # noqa: ARG002
        """The documented object or list, in PascalCase. 200 also for what was sent: any 2xx is success to clients."""
        return _json(200, inbound.context(result), {})

    def refuse(self, error: GatewayError, call: Call, inbound: Inbound | None) -> Reply:  # noqa: ARG002
        """The HTTP status of the error, and `{"Message": …}` as ASP.NET Web API writes it."""
        status = next(status for kind, status in _STATUSES if isinstance(error, kind))
        headers = _HEADERS.get(status, {})
        if isinstance(error, MethodNotAllowed):
            headers = {"Allow": ", ".join(error.allow)}
        message = LEGACY.words(LegacyCode.INSUFFICIENT_CREDITS) if isinstance(error, NoFunds) else error.detail
        return _json(status, wire.error_document(error, message), headers)


def _elsewhere(call: Call) -> Inbound:
    """What is not served here may be served by the upstream, for whoever may ask it; without a key it is not there."""
    try:
        credentials = _credentials(call.headers.get("Authorization", ""))
    except Unauthenticated:
        raise NotFound("There is no such resource here") from None
    return Inbound(credentials, Relay("/api/"))


def _found(path: str) -> tuple[Route, re.Match[str]] | None:
    for route in _ROUTES:
        if match := route.match(path):
            return route, match
    return None


def _credentials(header: str) -> Credentials:
    scheme, _, value = header.strip().partition(" ")
    value = value.strip()
    read = {"basic": _basic, "bearer": _bearer}.get(scheme.lower())
    if read is None or not value:
        raise Unauthenticated
    return read(value)


def _bearer(value: str) -> Credentials:
    return Credentials(None, SecretStr(value))


def _basic(value: str) -> Credentials:
    try:
        raw = base64.b64decode(value)
    except ValueError:
        raise Unauthenticated from None
    try:
        pair = raw.decode()
    except UnicodeDecodeError:
        pair = raw.decode("latin-1")
    account, _, key = pair.partition(":")
    if not account or not key:
        raise Unauthenticated
    return Credentials(account, SecretStr(key))


def _json(status: int, document: object, headers: Headers) -> Reply:
    return Reply(status, orjson.dumps(document), {"Content-Type": _JSON, **headers})
