"""Serves `sendsms.asmx` and `mms.asmx` with the manners of ASP.NET: WSDL, pages, calls, empty refusals, faults."""

from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import unquote

from pydantic import SecretStr

from adapters.soap import forms, pages
from adapters.soap.binding import INTEGERS, Bound
from adapters.soap.codec import Lane
from adapters.soap.meaning import Args, explained, one
from adapters.soap.options import Served, SoapOptions
from adapters.soap.wire import CONTENT_TYPES, Answering, Fault, FaultCode, Version, answer, attribute, fault
from gateway.commands import Accepted, AccountStatus, BatchCanceled, Command, Result
from gateway.errors import (
    GatewayError,
    Malformed,
    MethodNotAllowed,
    RequestError,
    TooLarge,
    UnsupportedMedia,
)
from gateway.ports import Call, Credentials, Headers, Inbound, Reply
from gateway.translator import LEGACY

_METHODS = ("GET", "POST")
_FRESH = "private, max-age=0"

# What is refused before a call was understood: a bare status without a body, as ASP.NET does.
_BARE: tuple[tuple[type[GatewayError], int], ...] = (
    (TooLarge, 413),
    (UnsupportedMedia, 415),
    (MethodNotAllowed, 405),
    (Malformed, 400),
)


class _Form(NamedTuple):
    """What the answer to an HTTP form needs to know."""

    namespace: str
    type: str


class SoapFace:
    """The face of the SOAP services."""

    max_body = 128 * 1024

    def __init__(self, options: SoapOptions | None = None) -> None:
        """The services that the options name; those of the provider, as far as they are known, without any."""
        options = options or SoapOptions()
        self._zone = options.time_zone
        self._forms = options.forms
        self._served = {served.mount: served for served in options.served}
        self._lanes = {
            (served.mount, name.lower()): Lane(bound)
            for served in options.served
            for name, bound in served.bound.items()
        }
        self.mounts: Sequence[str] = [path for mount in self._served for path in (mount, f"{mount}/")]

    def decode(self, call: Call) -> Inbound | Reply:
        """A call of an operation; or the WSDL, a page, a fault, an explained code. Raises RequestError."""
        served = self._served.get(call.path.lower())
        if served is None:
            return self._form(call)
        if call.method == "GET":
            return self._shown(served, call)
        if call.method != "POST":
            raise MethodNotAllowed(_METHODS)
        content_type, action = call.headers.get("Content-Type", ""), call.headers.get("SOAPAction")
        try:
            request = served.codec.decode(call.body, content_type, action)
        except Fault as error:
            return _faulted(error)
        return self._called(request.bound, request.args, request.answering)

    def encode(self, result: Result, inbound: Inbound, call: Call) -> Reply:  # noqa: ARG002
        """The id of the batch's first message, the balance, or 0 for what was cancelled."""
        match result:
            case Accepted():
                return _answered(inbound.context, str(result.batch.key))
            case AccountStatus():
                return _answered(inbound.context, result.balance)
            case BatchCanceled():
                return _answered(inbound.context, "0")
        raise TypeError(f"no operation asks for {type(result).__name__}")

    def refuse(self, error: GatewayError, call: Call, inbound: Inbound | None) -> Reply:
        """A legacy code in the place of the result, for the service never told errors as faults; bare before that."""
        if inbound is not None:
            return _answered(inbound.context, str(LEGACY.from_error(error).value))
        for kind, status in _BARE:
            if isinstance(error, kind):
                allow = {"Allow": ", ".join(error.allow)} if isinstance(error, MethodNotAllowed) else {}
                return Reply(status, b"", {**allow, "Cache-Control": "private"})
        soap_12 = call.headers.get("Content-Type", "").lower().startswith("application/soap+xml")
        version = Version.SOAP_12 if soap_12 else Version.SOAP_11
        text = f"Server was unable to process request. ---> {error.detail}"
        return _faulted(Fault(version, FaultCode.SERVER, text))

    def _called(self, bound: Bound, args: Args, answering: "Answering | _Form") -> Inbound | Reply:
        if bound.meaning.command is None:
            return _answered(answering, explained(args))
        try:
            command: Command | RequestError = bound.meaning.command(args, self._zone)
        except RequestError as error:
            command = error
        # A missing account must not become None: that would be a bearer key, and the key alone would do.
        credentials = Credentials(one(args, "account"), SecretStr(one(args, "key")))
        return Inbound(credentials, command, answering)

    def _shown(self, served: Served, call: Call) -> Reply:
        """What is there to be read, by anyone."""
        description, address = served.description, call.base + call.path
        name, _, value = call.query.partition("=")
        match name.lower(), value:
            case "wsdl", "":
                # Clients post to the address in here, so it is the one that this client reached.
                wsdl = served.wsdl.replace(b"{{ADDRESS}}", attribute(address).encode())
                return Reply(200, wsdl, _headers(CONTENT_TYPES[Version.SOAP_11]))
            case "disco", "":
                return Reply(200, pages.disco(description, address), _headers(CONTENT_TYPES[Version.SOAP_11]))
            case "op", _:
                wanted, host = unquote(value).lower(), call.base.partition("://")[2]
                for operation in description.operations:
                    if operation.name.lower() == wanted:
                        tried = self._forms and operation.name in served.bound
                        page = pages.operation_page(description, operation, call.path, host, tried)
                        return Reply(200, page, pages.PAGE_HEADERS)
        return Reply(200, pages.service_page(description, call.path, self._forms), pages.PAGE_HEADERS)

    def _form(self, call: Call) -> Inbound | Reply:
        """An operation called by HTTP GET or POST. Raises RequestError."""
        mount, _, name = call.path.rpartition("/")
        lane = self._lanes.get((mount.lower(), name.lower()))
        if not self._forms or lane is None:
            return forms.off(name)
        if call.method not in _METHODS:
            raise MethodNotAllowed(_METHODS)
        if call.method == "POST":
            forms.check_media(call.headers.get("Content-Type", ""))
        pairs = call.body if call.method == "POST" else call.query.encode("utf-8", "surrogateescape")
        try:
            values = forms.read(lane.bound.operation, pairs)
        except forms.MissingParameter as error:
            return forms.missing(error)
        namespace = self._served[mount.lower()].description.namespace
        answering = _Form(namespace, lane.bound.operation.result_type)
        return self._called(lane.bound, lane.read(list(values.items())), answering)


def _answered(to: "Answering | _Form", value: str) -> Reply:
    type_ = to.type if isinstance(to, _Form) else to.operation.result_type
    if type_ in INTEGERS:
        value = value.partition(".")[0]  # a balance, where the user's WSDL promises a whole number
    if isinstance(to, _Form):
        return Reply(200, forms.answer(to.namespace, type_, value), _headers(CONTENT_TYPES[Version.SOAP_11]))
    return Reply(200, answer(to, value), _headers(CONTENT_TYPES[to.version]))


def _faulted(error: Fault) -> Reply:
    # ASP.NET clears the headers before it writes a fault: max-age=0 is for answers only.
    return Reply(500, fault(error), {"Content-Type": CONTENT_TYPES[error.version], "Cache-Control": "private"})


def _headers(content_type: str) -> Headers:
    return {"Content-Type": content_type, "Cache-Control": _FRESH}
