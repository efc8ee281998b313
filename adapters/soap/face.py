"""Serves `sendsms.asmx` and `mms.asmx` with the manners of ASP.NET: WSDL, help page, calls, empty refusals, faults."""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from pydantic import SecretStr

from adapters.soap.codec import Codec, Request
from adapters.soap.contract import CONTRACTS, Contract
from adapters.soap.wire import CONTENT_TYPES, Answering, Fault, FaultCode, Version, answer, attribute, fault
from gateway.commands import Accepted, AccountStatus, Command, GetAccount, Result, SubmitBatch
from gateway.errors import (
    GatewayError,
    Malformed,
    MethodNotAllowed,
    RequestError,
    TooLarge,
    UnsupportedMedia,
)
from gateway.model import Content, Recipient
from gateway.paths import wsdl_dir
from gateway.ports import Call, Credentials, Headers, Inbound, Reply
from gateway.translator import LEGACY, PRIORITIES

_METHODS = ("GET", "POST")
_FRESH = "private, max-age=0"

# What is refused before a call was understood: a bare status without a body, as ASP.NET does.
_BARE: tuple[tuple[type[GatewayError], int], ...] = (
    (TooLarge, 413),
    (UnsupportedMedia, 415),
    (MethodNotAllowed, 405),
    (Malformed, 400),
)


class _Mount(NamedTuple):
    codec: Codec
    wsdl: bytes
    help: Reply


class SoapFace:
    """The face of the SOAP services."""

    mounts: Sequence[str] = tuple(contract.mount for contract in CONTRACTS)
    max_body = 128 * 1024

    def __init__(self) -> None:
        """Read the WSDL files and compile the contracts, once."""
        self._mounts = {contract.mount: _mounted(contract) for contract in CONTRACTS}

    def decode(self, call: Call) -> Inbound | Reply:
        """A call of an operation; or the WSDL, the help page, or a fault. Raises RequestError."""
        mount = self._mounts[call.path.lower()]
        if call.method == "GET":
            return _wsdl(mount, call) if call.query.lower() == "wsdl" else mount.help
        if call.method != "POST":
            raise MethodNotAllowed(_METHODS)
        try:
            request = mount.codec.decode(
                call.body, call.headers.get("Content-Type", ""), call.headers.get("SOAPAction")
            )
        except Fault as error:
            return _faulted(error)
        # A missing account must not become None: that would be a bearer key, and the key alone would do.
        credentials = Credentials(request.args["konto"] or "", SecretStr(request.args["passwd"] or ""))
        return Inbound(credentials, _COMMANDS[request.operation](request), request.answering)

    def encode(self, result: Result, inbound: Inbound, call: Call) -> Reply:  # noqa: ARG002
        """The id of the batch's first message, or the balance."""
        match result:
            case Accepted():
                return _answered(inbound, str(result.batch.key))
            case AccountStatus():
                return _answered(inbound, result.balance)
        raise TypeError(f"no operation asks for {type(result).__name__}")

    def refuse(self, error: GatewayError, call: Call, inbound: Inbound | None) -> Reply:
        """A legacy code in the place of the result, for the service never told errors as faults; bare before that."""
        if inbound is not None:
            return _answered(inbound, str(LEGACY.from_error(error).value))
        for kind, status in _BARE:
            if isinstance(error, kind):
                allow = {"Allow": ", ".join(error.allow)} if isinstance(error, MethodNotAllowed) else {}
                return Reply(status, b"", {**allow, "Cache-Control": "private"})
        soap_12 = call.headers.get("Content-Type", "").lower().startswith("application/soap+xml")
        version = Version.SOAP_12 if soap_12 else Version.SOAP_11
        text = f"Server was unable to process request. ---> {error.detail}"
        return _faulted(Fault(version, FaultCode.SERVER, text))


def _mounted(contract: Contract) -> _Mount:
    codec = Codec(contract)
    return _Mount(codec, (wsdl_dir() / contract.wsdl).read_bytes(), _help(contract, codec))


def _wsdl(mount: _Mount, call: Call) -> Reply:
    # Clients post to the address in here, so it is the one that this client reached.
    address = attribute(call.base + call.path).encode()
    return Reply(200, mount.wsdl.replace(b"{{ADDRESS}}", address), _headers(CONTENT_TYPES[Version.SOAP_11]))


def _help(contract: Contract, codec: Codec) -> Reply:
    title = escape(contract.wsdl.removesuffix(".wsdl"))
    operations = "".join(
        f"<li>{escape(name)} ({escape(', '.join(lane.names))})</li>" for name, lane in codec.lanes.items()
    )
    page = (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{title} Web Service</title></head>'
        f"<body><h1>{title}</h1><p>The following operations are supported. For a formal definition, please review"
        f' the <a href="?WSDL">Service Description</a>.</p><ul>{operations}</ul></body></html>'
    )
    return Reply(200, page.encode(), _headers("text/html; charset=utf-8"))


def _balans(_: Request) -> Command:
    return GetAccount()


def _sms(request: Request) -> Command | RequestError:
    """The message; what is missing of it is left to be judged once the credentials were checked."""
    args = request.args
    priority = PRIORITIES.get((args["prio"] or "").strip())
    if priority is None:
        return Malformed("prio must be 0, 1, 2 or 3")
    content = Content(sender=args["from"] or "", body=args["meddelande"] or "", priority=priority)
    return SubmitBatch(content, _recipients(args["till"] or ""), loose=True)


_COMMANDS = {"balans": _balans, "sms": _sms}


def _recipients(till: str) -> tuple[Recipient, ...]:
    """One number or several, separated by commas (seen in a client) or semicolons."""
    return tuple(Recipient(number) for entry in till.replace(";", ",").split(",") if (number := entry.strip()))


def _answered(inbound: Inbound, value: str) -> Reply:
    to: Answering = inbound.context
    return Reply(200, answer(to, value), _headers(CONTENT_TYPES[to.version]))


def _faulted(error: Fault) -> Reply:
    # ASP.NET clears the headers before it writes a fault: max-age=0 is for answers only.
    return Reply(500, fault(error), {"Content-Type": CONTENT_TYPES[error.version], "Cache-Control": "private"})


def _headers(content_type: str) -> Headers:
    return {"Content-Type": content_type, "Cache-Control": _FRESH}
