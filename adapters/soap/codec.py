"""From a SOAP request to an operation and its arguments, as forgiving as an ASP.NET service, and more.

The operations are compiled from what spyne knows of the contract; spyne's own transports, validators and faults are
not used, for they refuse half of what old clients send.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import unquote

from adapters.soap.contract import Contract
from adapters.soap.spyne_compat import spyne_imports
from adapters.soap.wire import Answering, Envelope, Fault, FaultCode, Version, read
from gateway.errors import Malformed, UnsupportedMedia

with spyne_imports():
    from spyne import Unicode

_ENVELOPES = {version.value: version for version in Version}
_MEDIA_TYPES = ("text/xml", "application/soap+xml")
_LAST_PART = re.compile("[/#]").split
_PARAMETER = re.compile(r';\s*([A-Za-z]+)\s*=\s*(?:"([^"]*)"|([^;"\s]*))')


class Request(NamedTuple):
    """A call of an operation; an argument that was not sent is None."""

    version: Version
    operation: str
    namespace: str
    args: Mapping[str, str | None]

    @property
    def answering(self) -> Answering:
        """What the answer needs to know: everything but the arguments, one of which is secret."""
        return Answering(self.version, self.operation, self.namespace)


class Lane:
    """One operation whose parameters and result are all strings, ready to take values out of elements."""

    def __init__(self, operation: str, names: Sequence[str]) -> None:
        self.operation = operation
        self.names = tuple(names)
        self._missing: dict[str, str | None] = dict.fromkeys(names)
        self._by_name = {spelling: name for name in names for spelling in (name, name.lower())}

    def read(self, elements: Sequence[tuple[str, str | None]]) -> dict[str, str | None]:
        """The arguments, sent in any order. Of two the first counts, as in .NET; letter case does not, unlike there.

        Raises Malformed where a parameter holds elements instead of a text, which .NET does not read either.
        """
        args = self._missing.copy()
        for written, value in elements:
            name = self._by_name.get(written) or self._by_name.get(written.lower())
            if name is not None and args[name] is None:
                if value is None:
                    raise Malformed(f"{name} holds elements instead of a text")
                args[name] = value
        return args


def compile_lanes(service: type[Any]) -> dict[str, Lane]:
    """The lanes of a spyne service. Raises TypeError for an operation that holds anything but strings."""
    return {descriptor.name: _lane(descriptor) for descriptor in service.public_methods.values()}


def _lane(descriptor: Any) -> Lane:
    given = descriptor.in_message.get_flat_type_info(descriptor.in_message)
    returned = descriptor.out_message.get_flat_type_info(descriptor.out_message)
    for name, kind in (*given.items(), *returned.items()):
        if not issubclass(kind, Unicode):
            raise TypeError(f"{descriptor.name}: {name} is {kind.get_type_name()}, a lane carries strings only")
    if list(returned) != [f"{descriptor.name}Result"]:
        raise TypeError(f"{descriptor.name}: answers are written with a single {descriptor.name}Result")
    return Lane(descriptor.name, list(given))


class Codec:
    """Decodes the requests of one service."""

    def __init__(self, contract: Contract) -> None:
        self.lanes = compile_lanes(contract.service)
        self._namespace = contract.namespace

    def decode(self, body: bytes, content_type: str, action: str | None) -> Request:
        """What is called. Raises UnsupportedMedia, Malformed (it is not XML), and Fault (it is no call)."""
        media = _media_type(content_type)
        envelope = read(body, media.get("charset"))
        version = _version(envelope)
        lane = self._route(version, _clean(action if version is Version.SOAP_11 else media.get("action")), envelope)
        if envelope.not_understood is not None:
            text = f"SOAP header {envelope.not_understood} was not understood."
            raise Fault(version, FaultCode.MUST_UNDERSTAND, text)
        namespace = envelope.operation[0] or self._namespace
        return Request(version, lane.operation, namespace, lane.read(envelope.elements))

    def _route(self, version: Version, action: str | None, envelope: Envelope) -> Lane:
        """The action decides, by its last part, for nobody knows the namespace; else the body's element does."""
        named = _LAST_PART(action or "")[-1]
        lane = self.lanes.get(named) or self.lanes.get(envelope.operation[1])
        if lane is not None:
            return lane
        if action is None or (version is Version.SOAP_12 and not action):
            text = "Unable to handle request without a valid action parameter. Please supply a valid soap action."
        elif version is Version.SOAP_11:
            text = f"Server did not recognize the value of HTTP Header SOAPAction: {action}."
        else:
            text = f"Unable to handle request. The action '{action}' was not recognized."
        raise Fault(version, FaultCode.CLIENT, text)


@lru_cache(maxsize=64)
def _media_type(content_type: str) -> Mapping[str, str]:
    """The parameters of a Content-Type, their names in lower case. Raises UnsupportedMedia."""
    if content_type.partition(";")[0].strip().lower() not in _MEDIA_TYPES:
        raise UnsupportedMedia
    return {name.lower(): quoted or bare for name, quoted, bare in _PARAMETER.findall(content_type)}


def _version(envelope: Envelope) -> Version:
    namespace, name = envelope.root
    version = _ENVELOPES.get(namespace)
    if version is None:
        text = f"Possible SOAP version mismatch: Envelope namespace {namespace} was unexpected."
        raise Fault(Version.SOAP_11, FaultCode.VERSION_MISMATCH, f"{text} Expecting {Version.SOAP_11.value}.")
    if name != "Envelope" or not envelope.body:
        missing = "Body" if name == "Envelope" else "Envelope"
        text = f"Request format is invalid: Missing required soap:{missing} element."
        raise Fault(version, FaultCode.CLIENT, f"Server was unable to read request. ---> {text}")
    return version


def _clean(action: str | None) -> str | None:
    """An action without its quotes, which are optional, and percent-decoded, as .NET does."""
    if action is None:
        return None
    action = action.strip()
    if len(action) > 1 and action[0] == action[-1] == '"':
        action = action[1:-1]
    return unquote(action)
