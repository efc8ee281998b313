"""Reads a WSDL that a user saved from the original service, and makes it servable under any address."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from adapters.soap.description import Description, Operation, Parameter

MAX_BYTES = 2**20
"""Of the file; the description of an .asmx has some ten thousand."""

_ADDRESS = re.compile(rb"""(<(?:[\w.-]+:)?address\b[^<>]*?\blocation\s*=\s*)("[^"]*"|'[^']*')""")
_SOAP_11 = "http://schemas.xmlsoap.org/wsdl/soap/"


class Unreadable(ValueError):
    """The file cannot be served; the text is a sentence that says why."""


def template(path: Path) -> bytes:
    """The file as it is, with `{{ADDRESS}}` wherever it names the service's address. Raises Unreadable."""
    try:
        document = path.read_bytes()
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {error.strerror}") from None
    if len(document) > MAX_BYTES:
        raise Unreadable(f"{path} is larger than a WSDL ever is: {MAX_BYTES} bytes at most")
    addressed, count = _ADDRESS.subn(rb'\1"{{ADDRESS}}"', document)
    if not count:
        raise Unreadable(f"{path} names no address of a service: save it as UTF-8, as the service's ?WSDL shows it")
    return addressed


def describe(path: Path) -> Description:
    """What the file says can be called. Raises Unreadable."""
    # Only whoever configures a WSDL pays for the import.
    import zeep  # noqa: PLC0415

    strict = zeep.Settings(forbid_dtd=True, forbid_entities=True, forbid_external=True)
    try:
        document = zeep.wsdl.Document(str(path.absolute()), _OnlyTheFile(path), settings=strict)  # type: ignore[arg-type]
        return _described(path, document)
    except Unreadable:
        raise
    except Exception as error:  # noqa: BLE001 - zeep raises what it stumbles over
        raise Unreadable(f"{path} is no WSDL that can be read: {type(error).__name__}: {error}") from None


class _OnlyTheFile:
    """A transport for zeep that reaches nothing but the file itself."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self, url: str) -> bytes:
        """The file. Raises Unreadable for what it refers to, for only the file is served."""
        if Path(url) != self._path.absolute():
            raise Unreadable(f"{self._path} takes a part of itself from {url}: put that into the file")
        try:
            return self._path.read_bytes()
        except OSError as error:
            raise Unreadable(f"{self._path} cannot be read: {error.strerror}") from None


def _described(path: Path, document: Any) -> Description:
    ports = [port for service in document.services.values() for port in service.ports.values()]
    bindings = [port.binding for port in ports if hasattr(port.binding, "nsmap")]
    if not bindings:
        raise Unreadable(f"{path} offers nothing by SOAP: no port of it has a SOAP binding")
    operations = list(bindings[0].all().values())
    described = tuple(_operation(path, operation) for operation in operations)
    return Description(
        title=next(iter(document.services)),
        namespace=_namespace(path, operations),
        operations=described,
        soap_12=any(binding.nsmap.get("soap", _SOAP_11) != _SOAP_11 for binding in bindings),
    )


def _namespace(path: Path, operations: list[Any]) -> str:
    namespaces = {operation.input.body.qname.namespace for operation in operations}
    if len(namespaces) != 1:
        raise Unreadable(f"{path}: its operations are of several namespaces: {', '.join(map(str, namespaces))}")
    return str(namespaces.pop())


def _operation(path: Path, operation: Any) -> Operation:
    name, where = operation.name, f"{path}: {operation.name}"
    if operation.style != "document":
        raise Unreadable(f"{where} is of style {operation.style}: only document/literal is spoken, as ASP.NET does")
    request, response = operation.input.body, operation.output.body
    if (request.qname.localname, response.qname.localname) != (name, f"{name}Response"):
        raise Unreadable(f"{where}: its elements are not called {name} and {name}Response, as ASP.NET calls them")
    results = list(_members(where, response))
    if len(results) != 1 or results[0].many:
        raise Unreadable(f"{where} answers with {len(results)} values or a list: one value can be answered")
    return Operation(
        name=name,
        parameters=tuple(_members(where, request)),
        action=operation.soapaction or "",
        result=results[0].name,
        result_type=results[0].type,
    )


def _members(where: str, element: Any) -> Iterator[Parameter]:
    for name, member in element.type.elements:
        if member.qname.namespace != element.qname.namespace:
            raise Unreadable(f"{where}: {name} is in no namespace (elementFormDefault is not qualified)")
        many, kind = "", member.type
        if hasattr(kind, "elements"):
            inner = [child for _, child in kind.elements]
            if len(inner) != 1 or hasattr(inner[0].type, "elements") or not inner[0].accepts_multiple:
                raise Unreadable(f"{where}: {name} is neither a text, a number, a date nor a list of these")
            many, kind = inner[0].qname.localname, inner[0].type
        elif member.accepts_multiple:
            many = name
        yield Parameter(name, _type_name(kind), many)


def _type_name(kind: Any) -> str:
    """The built-in type's name; a restricted one (an enumeration) is written as a string."""
    built_in = kind.qname is not None and kind.qname.namespace == "http://www.w3.org/2001/XMLSchema"
    return str(kind.qname.localname) if built_in else "string"
