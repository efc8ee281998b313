"""Clients call `/v2/…` here as they called the provider. Bearer keys, JSON both ways."""

from collections.abc import Mapping
from typing import Any

import orjson
from pydantic import SecretStr

from adapters.rest_v2 import contacts, conversations, messaging, registers
from adapters.rest_v2.exchange import Encoder
from adapters.rest_v2.reference import reference
from gateway.commands import Command, Relay, Result
from gateway.errors import (
    Busy,
    Forbidden,
    GatewayError,
    KeyReused,
    Malformed,
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
from gateway.ports import Call, Credentials, Inbound, Reply
from gateway.rest import Route

_SUBJECTS = (messaging, conversations, registers, contacts)
_ROUTES: tuple[Route, ...] = tuple(route for subject in _SUBJECTS for route in subject.ROUTES)
_ENCODERS: Mapping[type[Result], Encoder] = {
    result: encoder for subject in _SUBJECTS for result, encoder in subject.ENCODERS.items()
}

_REFERENCE = reference(_ROUTES)

# Error class -> HTTP status and title; the first that fits. Source: the provider's table of HTTP codes; titles as
# ASP.NET Core's ProblemDetails has them, which the one known client that reads error bodies expects.
_PROBLEMS: tuple[tuple[type[GatewayError], int, str], ...] = (
    (Unauthenticated, 401, "Unauthorized"),
    (Forbidden, 403, "Forbidden"),
    (NoFunds, 403, "Forbidden"),
    (NotFound, 404, "Not Found"),
    (TooLate, 409, "Conflict"),
    (KeyReused, 422, "Unprocessable Entity"),
    (MethodNotAllowed, 405, "Method Not Allowed"),
    (TooLarge, 413, "Payload Too Large"),
    (UnsupportedMedia, 415, "Unsupported Media Type"),
    (Busy, 503, "Service Unavailable"),
    (Unconfirmed, 504, "Gateway Timeout"),
    (RequestError, 400, "One or more validation errors occurred."),
    (GatewayError, 500, "An error occurred while processing your request."),
)


class RestV2Face:
    """The addresses of v2; see docs/rest-v2.md for what of the provider's API works."""

    mounts = ("/v2/",)
    max_body = 4 * 1024 * 1024

    def decode(self, call: Call) -> Inbound | Reply:
        """The command; an error in it waits until the key has been checked. What is for readers needs no key."""
        if (shown := _REFERENCE.shown(call)) is not None:
            return shown
        credentials = _bearer(call.headers)
        try:
            command: Command | RequestError = _command(call)
        except RequestError as error:
            command = error
        return Inbound(credentials, command)

    def leaves(self, call: Call) -> bool:
        """Whether there is no such address here, but may be one at the provider."""
        path = call.path.rstrip("/")
        served = path.lower() == "/v2" or _REFERENCE.serves(path.lower())
        return not served and not any(route.match(path) for route in _ROUTES)

    def encode(self, result: Result, inbound: Inbound, call: Call) -> Reply:  # noqa: ARG002 - the port's signature
        """The document that answers."""
        return _ENCODERS[type(result)](result, call)

    def refuse(self, error: GatewayError, call: Call, inbound: Inbound | None) -> Reply:  # noqa: ARG002 - the port's signature
        """A problem document with `title`, `status` and, where fields are wrong, `errors`."""
        status, title = next((status, title) for kind, status, title in _PROBLEMS if isinstance(error, kind))
        problem: dict[str, Any] = {"title": title, "status": status, "detail": error.detail}
        if isinstance(error, Malformed) and error.fields:
            problem["errors"] = {name[:1].upper() + name[1:]: list(words) for name, words in error.fields.items()}
        headers = {"Content-Type": "application/problem+json; charset=utf-8"}
        if isinstance(error, MethodNotAllowed):
            headers["Allow"] = ", ".join(error.allow)
        elif isinstance(error, Unauthenticated):
            headers["WWW-Authenticate"] = "Bearer"
        elif isinstance(error, Busy):
            headers["Retry-After"] = "1"
        return Reply(status, orjson.dumps(problem), headers)


def _bearer(headers: Mapping[str, str]) -> Credentials:
    scheme, _, key = headers.get("Authorization", "").strip().partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise Unauthenticated("Send the API key as Authorization: Bearer KEY")
    return Credentials(None, SecretStr(key.strip()))


def _command(call: Call) -> Command:
    path = call.path.rstrip("/")
    for route in _ROUTES:
        if match := route.match(path):
            operation = route.operations.get(call.method)
            if operation is None:
                raise MethodNotAllowed(tuple(route.operations))
            return operation.decode(call, match)
    if path.lower() == "/v2":
        raise NotFound("There is no such address under /v2")
    return Relay("/v2/")
