"""From a SOAP request to an operation and its arguments, as forgiving as an ASP.NET service, and more.

spyne holds the contract, but its own transports, validators and faults are not used: they refuse half of what old
clients send, and take twenty times as long.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from adapters.soap.binding import Bound
from adapters.soap.description import Description
from adapters.soap.meaning import IGNORED, Args, Value
from adapters.soap.wire import Answering, Element, Envelope, Fault, FaultCode, Version, read
from gateway.errors import Malformed, UnsupportedMedia

_ENVELOPES = {version.value: version for version in Version}
_MEDIA_TYPES = ("text/xml", "application/soap+xml")
_LAST_PART = re.compile("[/#]").split
_PARAMETER = re.compile(r';\s*([A-Za-z]+)\s*=\s*(?:"([^"]*)"|([^;"\s]*))')


class Request(NamedTuple):
    """A call of an operation: its arguments by their meaning, and what the answer needs, which holds no secret."""

    bound: Bound
    args: Args
    answering: Answering


class Lane:
    """Takes the arguments of one operation out of its elements."""

    def __init__(self, bound: Bound) -> None:
        self.bound = bound
        self._missing: dict[str, Value] = dict.fromkeys(set(bound.meanings.values()) - {IGNORED})
        spellings = bound.operation.spellings
        self._meanings = {written: bound.meanings[name] for written, name in spellings.items()}
        many = {parameter.name for parameter in bound.operation.parameters if parameter.many}
        self._lists = {bound.meanings[name] for name in many}

    def read(self, elements: Sequence[Element]) -> Args:
        """The arguments, sent in any order. Of two the first counts, as in .NET; letter case does not, unlike there.

        Raises Malformed where a single value holds elements instead of a text, which .NET does not read either.
        """
        args = self._missing.copy()
        for written, value in elements:
            meaning = self._meanings.get(written) or self._meanings.get(written.lower())
            if meaning is None or meaning == IGNORED:
                continue
            if meaning in self._lists:
                args[meaning] = _longer(args[meaning], value)
            elif args[meaning] is None:
                if isinstance(value, tuple):
                    raise Malformed(f"{written[:100]} holds elements instead of a text")
                args[meaning] = value
        return args


def _longer(so_far: Value, value: str | tuple[str | None, ...]) -> tuple[str, ...]:
    """A list in one element, or one that repeats its element: .NET writes both. Raises Malformed."""
    longer = list(so_far or ())
    for entry in (value,) if isinstance(value, str) else value:
        if entry is None:
            raise Malformed("An entry of a list holds elements instead of a text")
        longer.append(entry)
    return tuple(longer)


class Codec:
    """Decodes the requests of one service."""

    def __init__(self, description: Description, bound: Mapping[str, Bound]) -> None:
        self._namespace = description.namespace
        self._lanes = {name: Lane(bound[name]) for name in bound}
        operations = description.operations
        self._names = frozenset(operation.name for operation in operations)
        # A WSDL may leave its actions empty, or give all operations the same: then the body's element decides.
        shared = Counter(operation.action for operation in operations)
        self._by_action = {
            operation.action: operation.name
            for operation in operations
            if operation.action and shared[operation.action] == 1
        }

    def decode(self, body: bytes, content_type: str, action: str | None) -> Request:
        """What is called. Raises UnsupportedMedia, Malformed (it is not XML), and Fault (it is no call)."""
        media = _media_type(content_type)
        envelope = read(body, media.get("charset"))
        version = _version(envelope)
        name = self._route(version, _clean(action if version is Version.SOAP_11 else media.get("action")), envelope)
        if envelope.not_understood is not None:
            text = f"SOAP header {envelope.not_understood} was not understood."
            raise Fault(version, FaultCode.MUST_UNDERSTAND, text)
        lane = self._lanes.get(name)
        if lane is None:
            text = f"Server was unable to process request. ---> {name} is not carried by this gateway."
            raise Fault(version, FaultCode.SERVER, text)
        answering = Answering(version, lane.bound.operation, envelope.operation[0] or self._namespace)
        return Request(lane.bound, lane.read(envelope.elements), answering)

    def _route(self, version: Version, action: str | None, envelope: Envelope) -> str:
        """The action decides: all of it, or its last part, for nobody knows the namespace; else the body's element."""
        name = self._by_action.get(action or "")
        if name is not None:
            return name
        for name in (_LAST_PART(action or "")[-1], envelope.operation[1]):
            if name in self._names:
                return name
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
    return unquote(action) if "%" in action else action
