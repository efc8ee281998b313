"""Serves REST v1 under `/api/`: what it routes, whom it believes and how it refuses."""

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import SecretStr

from adapters.rest_v1 import blacklist, contacts, lists, lookup, passcodes, wire
from gateway.commands import Command, GetAccount, GetMessage, Relay, Result
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
from gateway.idempotency import once_of
from gateway.ids import LAST_NUMBER
from gateway.ports import Call, Credentials, Headers, Inbound, Reply
from gateway.translator import LEGACY, LegacyCode


@dataclass(frozen=True, slots=True)
class _Route:
    method: str
    path: re.Pattern[str]
    read: Callable[[Call, str], Command]
    """Gets the call and the `id` in its path, empty where the path has none."""
    show: Callable[[Any], object]
    """Gets the result; returns the document that answers."""


def _json_body(call: Call) -> bytes:
    media = call.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media not in ("application/json", "text/json") and not re.fullmatch(r"[^/\s]+/[^/\s]+\+json", media):
        raise UnsupportedMedia("Send JSON with Content-Type: application/json")
    return call.body


def _send(call: Call, _id: str) -> Command:
    return wire.read_send(_json_body(call))._replace(once=once_of(call))


def _sent(_call: Call, id_: str) -> Command:
    # Ten digits hold every int32; a longer id is nobody's.
    if not re.fullmatch(r"[0-9]{1,10}", id_) or int(id_) > LAST_NUMBER:
        raise NotFound("There is no SMS with this id")
    return GetMessage(int(id_))


def _me(_call: Call, _id: str) -> Command:
    return GetAccount()


def _adds(read: Callable[[bytes, str], Command]) -> Callable[[Call, str], Command]:
    """Reads a body of JSON, and from the query whether it is a list."""
    return lambda call, _id: read(_json_body(call), call.query)


def _changes(read: Callable[[bytes, str], Command]) -> Callable[[Call, str], Command]:
    """Reads a body of JSON that is about an id."""
    return lambda call, id_: read(_json_body(call), id_)


def _route(method: str, path: str, read: Callable[[Call, str], Command], show: Callable[[Any], object]) -> _Route:
    return _Route(method, re.compile(path.replace("{id}", "(?P<id>[^/]+)") + "/?"), read, show)


_ROUTES = (
    _route("POST", "/api/sms/send", _send, wire.sent),
    _route("GET", "/api/sms/sent", lists.read_sent, lists.sent),
    _route("GET", "/api/sms/sent/{id}", _sent, wire.logged),
    _route("GET", "/api/sms/sent/bundle/{id}", lists.read_bundle, lists.sent),
    _route("GET", "/api/sms/received", lists.read_received, lists.received),
    _route("GET", "/api/sms/received/{id}", lists.read_one_received, lists.one_received),
    _route("GET", "/api/me", _me, wire.account),
    _route("GET", "/api/me/account", _me, wire.whole_account),
    _route("GET", "/api/blacklist", blacklist.read_all, blacklist.listed),
    _route("POST", "/api/blacklist", _adds(blacklist.read_entries), blacklist.added),
    _route("GET", "/api/blacklist/{id}", blacklist.read_one, blacklist.one),
    _route("DELETE", "/api/blacklist/{id}", blacklist.read_removed, blacklist.one),
    _route("POST", "/api/authentications", _adds(passcodes.read_request), passcodes.sent),
    _route("POST", "/api/authentications/validate", _adds(passcodes.read_validation), passcodes.valid),
    _route("GET", "/api/authentications/settings", passcodes.asked_settings, passcodes.settings),
    _route("PUT", "/api/authentications/settings", _changes(passcodes.read_settings), passcodes.settings),
    _route("GET", "/api/contacts", contacts.read_contacts, contacts.contacts),
    _route("POST", "/api/contacts", _adds(contacts.read_new_contacts), contacts.contacts),
    _route("GET", "/api/contacts/{id}", contacts.read_contact, contacts.contacts),
    _route("PUT", "/api/contacts/{id}", _changes(contacts.read_changed_contact), contacts.contacts),
    _route("DELETE", "/api/contacts/{id}", contacts.read_removed_contact, contacts.contacts),
    _route("GET", "/api/contacts/{id}/groups", contacts.read_groups_of, contacts.groups),
    _route("GET", "/api/contacts/{id}/memberships", contacts.read_memberships_of_contact, contacts.memberships),
    _route("GET", "/api/groups", contacts.read_groups, contacts.groups),
    _route("POST", "/api/groups", _adds(contacts.read_new_groups), contacts.groups),
    _route("GET", "/api/groups/{id}", contacts.read_group, contacts.groups),
    _route("PUT", "/api/groups/{id}", _changes(contacts.read_changed_group), contacts.groups),
    _route("DELETE", "/api/groups/{id}", contacts.read_removed_group, contacts.groups),
    _route("GET", "/api/groups/{id}/contacts", contacts.read_contacts_of, contacts.contacts),
    _route("GET", "/api/groups/{id}/memberships", contacts.read_memberships_of_group, contacts.memberships),
    _route("GET", "/api/memberships", contacts.read_memberships, contacts.memberships),
    _route("POST", "/api/memberships", _adds(contacts.read_new_memberships), contacts.memberships),
    _route("GET", "/api/memberships/{id}", contacts.read_membership, contacts.memberships),
    _route("DELETE", "/api/memberships/{id}", contacts.read_removed_membership, contacts.memberships),
)

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

_LOOKUP = "/api/phonenumber/lookup"
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
        if call.path.lower().rstrip("/") == _LOOKUP:
            if call.method != "POST":
                raise MethodNotAllowed(("POST",))
            return _json(200, lookup.answer(_json_body(call)), {})
        routed = _routed(call)
        if routed is None:
            return _elsewhere(call)
        route, id_ = routed
        credentials = _credentials(call.headers.get("Authorization", ""))
        try:
            return Inbound(credentials, route.read(call, id_), route.show)
        except RequestError as error:
            return Inbound(credentials, error, route.show)

    def leaves(self, call: Call) -> bool:
        """Whether there is no such address here, but may be one at the provider."""
        path = call.path.lower()
        return path.rstrip("/") != _LOOKUP and not any(route.path.fullmatch(path) for route in _ROUTES)

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


def _routed(call: Call) -> tuple[_Route, str] | None:
    path = call.path.lower()
    here = [(route, match) for route in _ROUTES if (match := route.path.fullmatch(path))]
    for route, match in here:
        if route.method == call.method:
            return route, match.groupdict().get("id", "")
    if here:
        raise MethodNotAllowed([route.method for route, _ in here])
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
