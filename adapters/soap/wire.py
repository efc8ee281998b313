"""SOAP envelopes, 1.1 and 1.2: reading what clients send, and writing answers and faults in the bytes of ASP.NET.

Source: the reference source of System.Web.Services (element order, fault codes per SOAP version, the Upgrade header)
and answers seen from .asmx services in use; old clients search them as strings.
The XML is read by expat (in ElementTree) and not by lxml: libxml2 keeps each element name it ever saw for the life of
the process, which would let anyone fill its memory.
"""

import codecs
import re
from collections.abc import Sequence
from enum import Enum
from html import escape
from typing import NamedTuple
from xml.etree import ElementTree as ET
from xml.parsers import expat

from adapters.soap import plain
from adapters.soap.description import Operation, Parameter
from gateway.errors import Malformed


class Version(Enum):
    """A SOAP version; the value is the namespace of its envelope."""

    SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
    SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"


CONTENT_TYPES = {
    Version.SOAP_11: "text/xml; charset=utf-8",
    Version.SOAP_12: "application/soap+xml; charset=utf-8",
}


class FaultCode(Enum):
    """Whose fault it is; the value is the code in SOAP 1.1 and in SOAP 1.2."""

    CLIENT = ("soap:Client", "soap:Sender")
    SERVER = ("soap:Server", "soap:Receiver")
    MUST_UNDERSTAND = ("soap:MustUnderstand", "soap:MustUnderstand")
    VERSION_MISMATCH = ("soap:VersionMismatch", "soap:VersionMismatch")


class Answering(NamedTuple):
    """What an answer repeats of its request."""

    version: Version
    operation: Operation
    namespace: str


class Fault(Exception):
    """A request that is XML, but cannot be carried out: answered with HTTP 500 and a SOAP fault."""

    def __init__(self, version: Version, code: FaultCode, text: str) -> None:
        super().__init__(text)
        self.version, self.code, self.text = version, code, text


_HEAD = {
    version: (
        f'<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="{version.value}"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">'
    )
    for version in Version
}
_TAIL = "</soap:Body></soap:Envelope>"

# ASP.NET names the envelopes it knows to a client that came with another one.
_UPGRADE = (
    f'<soap:Header><soap12:Upgrade xmlns:soap12="{Version.SOAP_12.value}">'
    f'<soap12:SupportedEnvelope qname="soap:Envelope" xmlns:soap="{Version.SOAP_11.value}" />'
    f'<soap12:SupportedEnvelope qname="soap12:Envelope" xmlns:soap12="{Version.SOAP_12.value}" />'
    "</soap12:Upgrade></soap:Header>"
)

_PLAIN = re.compile(r"[A-Za-z0-9:/.#_ -]*").fullmatch
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ATTRIBUTE = str.maketrans({'"': "&quot;", "\t": "&#x9;", "\n": "&#xA;", "\r": "&#xD;"})


def text(value: str) -> str:
    """A string as element text; characters that XML cannot hold become `?`."""
    if _PLAIN(value):
        return value
    return escape(_NOT_XML.sub("?", value), quote=False)


def attribute(value: str) -> str:
    """A string as an attribute's value between double quotes."""
    if _PLAIN(value):
        return value
    return text(value).translate(_ATTRIBUTE)


def answer(to: Answering, value: str) -> bytes:
    """The result of an operation, in the SOAP version and the namespace that the client used."""
    version, operation, namespace = to
    response, result = operation.response, operation.result
    return (
        f'{_HEAD[version]}<soap:Body><{response} xmlns="{attribute(namespace)}">'
        f"<{result}>{text(value)}</{result}></{response}>{_TAIL}"
    ).encode()


def call(version: Version, namespace: str, operation: str, elements: Sequence[tuple[Parameter, str]]) -> bytes:
    """The request that calls an operation; a list holds one entry. Raises ValueError for what XML cannot hold."""
    written = "".join(_element(parameter, value) for parameter, value in elements)
    return (
        f'{_HEAD[version]}<soap:Body><{operation} xmlns="{attribute(namespace)}">{written}</{operation}>{_TAIL}'
    ).encode()


def _element(parameter: Parameter, value: str) -> str:
    if _NOT_XML.search(value):
        raise ValueError("XML cannot hold it")
    # A parser makes one line break of two; only a reference keeps both.
    inner = text(value).replace("\r", "&#xD;")
    if parameter.many:
        inner = f"<{parameter.many}>{inner}</{parameter.many}>" if parameter.many != parameter.name else inner
    return f"<{parameter.name}>{inner}</{parameter.name}>"


def fault(error: Fault) -> bytes:
    """A fault; only one that is about the body carries a detail element."""
    header = _UPGRADE if error.code is FaultCode.VERSION_MISMATCH else ""
    detail = error.code is not FaultCode.MUST_UNDERSTAND
    write = _fault_11 if error.version is Version.SOAP_11 else _fault_12
    inner = write(error.code, text(error.text), detail=detail)
    return f"{_HEAD[error.version]}{header}<soap:Body><soap:Fault>{inner}</soap:Fault>{_TAIL}".encode()


def _fault_11(code: FaultCode, words: str, *, detail: bool) -> str:
    return f"<faultcode>{code.value[0]}</faultcode><faultstring>{words}</faultstring>{'<detail />' if detail else ''}"


def _fault_12(code: FaultCode, words: str, *, detail: bool) -> str:
    return (
        f"<soap:Code><soap:Value>{code.value[1]}</soap:Value></soap:Code>"
        f'<soap:Reason><soap:Text xml:lang="en">{words}</soap:Text></soap:Reason>{"<soap:Detail />" if detail else ""}'
    )


# Whom a header may name, in SOAP 1.1 and in 1.2, for it to be for whoever reads it; nobody at all is the most usual.
_US = frozenset(
    {
        "",
        "http://schemas.xmlsoap.org/soap/actor/next",
        f"{Version.SOAP_12.value}/role/next",
        f"{Version.SOAP_12.value}/role/ultimateReceiver",
    }
)

MAX_MARKS = 4000
"""`<` and `=` each in a document: twice as many as elements, at least as many as attributes."""


Element = tuple[str, str | tuple[str | None, ...]]
"""A parameter as it was sent: its name, and its text or those of the elements in it, None for one that holds more."""


class Envelope(NamedTuple):
    """What matters of an envelope, whatever its version. Names are (namespace, name), empty where there is none."""

    root: tuple[str, str]
    body: bool
    operation: tuple[str, str]
    elements: Sequence[Element]
    not_understood: str | None


def read(body: bytes, charset: str | None) -> Envelope:
    """The envelope in a request's body. Raises Malformed for what is not XML, is too odd, or has a document type."""
    document = _decoded(body, charset)
    if document.count("<") > MAX_MARKS or document.count("=") > MAX_MARKS:
        raise Malformed("The body has too many elements or attributes")
    flat = plain.read(document)
    if flat is not None:
        namespace, called, parameters = flat
        return Envelope((namespace, "Envelope"), True, called, parameters, None)
    return parsed(document)


def parsed(document: str) -> Envelope:
    """The envelope in a document, whatever its form. Raises Malformed."""
    root = _root(document)
    namespace, _ = name = _split(root.tag)
    operation = not_understood = None
    seen = False
    for part in root:
        part_namespace, part_name = _split(part.tag)
        if part_namespace != namespace:
            continue
        if part_name == "Header" and not_understood is None:
            not_understood = _not_understood(part, namespace)
        elif part_name == "Body":
            seen = True
            if operation is None:
                operation = next(iter(part), None)
    if operation is None:
        return Envelope(name, seen, ("", ""), (), not_understood)
    elements = [
        (child.tag.rpartition("}")[2], _texts(child) if len(child) else child.text or "") for child in operation
    ]
    return Envelope(name, seen, _split(operation.tag), elements, not_understood)


def _root(document: str) -> ET.Element:
    if "<!DOCTYPE" in document or document.find("<?", 1 if _DECLARATION(document) else 0) >= 0:
        _refuse_what_is_no_message(document)
    parser = ET.XMLParser(encoding="utf-8")  # noqa: S314 - no document type gets here, so no entity is ever defined
    try:
        parser.feed(document)
        return parser.close()
    except ET.ParseError as error:
        raise Malformed("The body is not well-formed XML") from error


def _refuse_what_is_no_message(document: str) -> None:
    """Raises Malformed for a document type and for a processing instruction, as .NET does; texts may look like them."""
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = parser.ProcessingInstructionHandler = _refuse
    try:
        parser.Parse(document, True)
    except expat.ExpatError as error:
        raise Malformed("The body is not well-formed XML") from error


def _refuse(*_: object) -> None:
    raise Malformed("A document type or a processing instruction is not allowed here")


def _not_understood(header: ET.Element, envelope: str) -> str | None:
    """The first header that is for us and that the sender insists on: we know none."""
    for entry in header:
        insists = entry.get(f"{{{envelope}}}mustUnderstand", "0").strip() in {"1", "true"}
        reader = entry.get(f"{{{envelope}}}actor") or entry.get(f"{{{envelope}}}role") or ""
        if insists and reader.strip() in _US:
            return _split(entry.tag)[1]
    return None


def _texts(parameter: ET.Element) -> tuple[str | None, ...]:
    return tuple([None if len(child) else child.text or "" for child in parameter])


def _split(tag: str) -> tuple[str, str]:
    namespace, _, name = tag.rpartition("}")
    return namespace[1:], name


# How a document begins that is not to be asked for its charset: with a byte order mark, or a `<` of two bytes.
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    **dict.fromkeys((codecs.BOM_UTF16_LE, b"<\0"), "utf-16-le"),
    **dict.fromkeys((codecs.BOM_UTF16_BE, b"\0<"), "utf-16-be"),
}

# The charsets that are understood, by their names on the wire; Python's own registry keeps every unknown name for ever.
_CHARSETS = {
    **dict.fromkeys(("utf-8", "utf8", "us-ascii", "ascii"), "utf-8"),
    **{f"utf-16{order}": f"utf-16{order}" for order in ("", "le", "be")},
    **{f"iso-8859-{part}": f"iso8859-{part}" for part in range(1, 17) if part != 12},
    **{f"windows-{page}": f"cp{page}" for page in range(1250, 1259)},
    "latin1": "iso8859-1",
}
_DECLARATION = re.compile(r"<\?xml\s").match
_DECLARED = re.compile(rb"<\?xml[^>]*?\sencoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']").match


def _decoded(body: bytes, charset: str | None) -> str:
    """The document. A mark beats the header's charset, which beats the XML declaration; bad bytes never fail.

    What calls itself UTF-8 (or nothing, or ASCII) and is not, is Windows-1252: so it comes from classic ASP and VB.
    """
    for mark, name in _MARKS.items():
        if body.startswith(mark):
            return body.decode(name, "replace").removeprefix("\ufeff")
    name = _CHARSETS.get((charset or "").lower()) or _declared(body)
    if name != "utf-8":
        return body.decode(name, "replace")
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body.decode("cp1252", "replace")


def _declared(body: bytes) -> str:
    found = _DECLARED(body)
    # A declaration that can be read as bytes is not in UTF-16, whatever it says.
    name = _CHARSETS.get(found[1].decode().lower()) if found else None
    return name if name and not name.startswith("utf-16") else "utf-8"
