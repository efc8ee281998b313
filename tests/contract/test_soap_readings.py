"""What a well-formed call says is what is read of it, and spyne, which holds the contract, reads the same.

The generated calls are the same in every run: a failure is of the change that made it.
"""

import re
from functools import lru_cache
from typing import Any, cast

from envelopes import Written, calls
from goldens import FILES
from hypothesis import given, settings

from adapters.soap.codec import Request
from adapters.soap.contract import CONTRACTS
from adapters.soap.options import SoapOptions
from adapters.soap.spyne_compat import spyne_imports
from adapters.soap.wire import Fault, Version
from gateway.errors import RequestError

with spyne_imports():
    from spyne import Application, MethodContext, ServerBase
    from spyne.protocol.soap import Soap11, Soap12

SERVED = SoapOptions().served[0]
NAMESPACE = SERVED.description.namespace
PARAMETERS = {
    operation.name: [parameter.name for parameter in operation.parameters]
    for operation in SERVED.description.operations
}

REQUESTS = [
    (name.removeprefix("soap/").removesuffix(".http"), request)
    for name, golden in FILES.items()
    if name.startswith("soap/")
    for turns in golden.connections
    for turn in turns
    for request in turn.requests
]

Read = tuple[str, dict[str, str | None]]
"""An operation, and its arguments by the names of its parameters."""


def our_reading(request: Request) -> Read:
    """What the codec has read."""
    name = request.bound.operation.name
    return name, {
        parameter: cast("Any", request.args[request.bound.meanings[parameter]]) for parameter in PARAMETERS[name]
    }


class _Oracle(ServerBase):  # type: ignore[misc]
    transport = "none"


@lru_cache
def _application(version: Version) -> Any:
    protocol = {Version.SOAP_11: Soap11, Version.SOAP_12: Soap12}[version](validator=None, parse_xsi_type=False)
    return _Oracle(Application([CONTRACTS[0].service], NAMESPACE, in_protocol=protocol, out_protocol=Soap11()))


def spynes_reading(version: Version, body: bytes, charset: str | None) -> Read | None:
    """What spyne's own protocol reads, told to be as forgiving as it can; None where it refuses."""
    server = _application(version)
    context = MethodContext(server, MethodContext.SERVER)
    context.in_string = [body]
    try:
        (context,) = server.generate_contexts(context, in_string_charset=charset)
        server.get_in_object(context)
    except Exception:  # noqa: BLE001 - it has no word for an empty Body, and for what it does not decode
        return None
    if context.in_error is not None:
        return None
    name = context.descriptor.name
    declared = context.descriptor.in_message.get_flat_type_info(context.descriptor.in_message)
    return name, {parameter: getattr(context.in_object, parameter) for parameter in declared}


@settings(max_examples=400, derandomize=True, deadline=None)
@given(written=calls(PARAMETERS, NAMESPACE))
def test_a_call_is_read_as_it_was_meant(written: Written) -> None:
    """Whatever its prefixes, namespaces, charset and markup, a call's arguments are exactly those that were written.

    Where it has nothing that spyne reads in a way of its own, spyne reads the same.
    """
    expected: dict[str, str | None] = {**dict.fromkeys(PARAMETERS[written.operation]), **written.args}

    request = SERVED.codec.decode(written.body, written.content_type, None)

    assert (request.answering.version, request.answering.namespace) == (written.version, written.namespace)
    assert our_reading(request) == (written.operation, expected)
    if written.plain:
        charset = "utf-8" if written.content_type.endswith("utf-8") else None
        assert spynes_reading(written.version, written.body, charset) == (written.operation, expected)


READ_OTHERWISE = {
    "action_names_another_operation": "it goes by the body alone",
    "action_without_its_parameters": "it goes by the body alone",
    "charset_http_over_declaration": "the declaration goes before HTTP's charset",
    "multiref": "it looks up references, which a literal service does not have",
    "nil_passwd": "nil is nothing to it, and empty to .NET",
    "nil_prio": "nil is nothing to it, and empty to .NET",
    "parameters_twice": "the last of two counts",
    "parameters_twice_first_empty": "the last of two counts",
}
"""Golden requests that spyne takes, and reads in another way than .NET."""


def compared() -> list[tuple[str, Read, Read | None]]:
    """Both readings of every golden request to sendsms.asmx that is read at all and comes in one piece, by its file."""
    found = []
    for name, sent in REQUESTS:
        head, _, body = sent.partition(b"\r\n\r\n")
        lines = [line.partition(": ") for line in head.decode("latin-1").split("\r\n")]
        headers = {field.lower(): value for field, _, value in lines}
        if "/sendsms.asmx " not in lines[0][0] or {"transfer-encoding", "content-encoding"} & headers.keys():
            continue
        content_type = headers.get("content-type", "")
        try:
            request = SERVED.codec.decode(body, content_type, headers.get("soapaction"))
        except (RequestError, Fault):
            continue
        charset = re.search(r'charset="?([\w-]+)', content_type)
        spynes = spynes_reading(request.answering.version, body, charset[1] if charset else None)
        found.append((name, our_reading(request), spynes))
    return found


def test_spyne_reads_the_goldens_as_we_do() -> None:
    """The lane and spyne read the same corpus to the same arguments; where they do not, it is known why."""
    taken = [(name, ours, spynes) for name, ours, spynes in compared() if spynes is not None]

    assert {name for name, ours, spynes in taken if ours != spynes} == READ_OTHERWISE.keys()
    assert len(taken) >= 120
