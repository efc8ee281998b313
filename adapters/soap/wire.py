"""SOAP envelopes, 1.1 and 1.2: reading what clients send, and writing answers and faults in the bytes of ASP.NET.

Source: the reference source of System.Web.Services (element order, fault codes per SOAP version, the Upgrade header)
and answers seen from .asmx services in use; old clients search them as strings.
The XML is read by expat and not by lxml: libxml2 keeps each element name it ever saw for the life of the process,
which would let anyone fill its memory.
"""

import codecs
import re
from enum import Enum
from html import escape
from typing import NamedTuple
from xml.parsers import expat

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
    operation: str
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

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ATTRIBUTE = str.maketrans({'"': "&quot;", "\t": "&#x9;", "\n": "&#xA;", "\r": "&#xD;"})


def text(value: str) -> str:
    """A string as element text; characters that XML cannot hold become `?`."""
    return escape(_NOT_XML.sub("?", value), quote=False)


def attribute(value: str) -> str:
    """A string as an attribute's value between double quotes."""
    return text(value).translate(_ATTRIBUTE)


def answer(to: Answering, value: str) -> bytes:
    """The result of an operation, in the SOAP version and the namespace that the client used."""
    operation, namespace = to.operation, to.namespace
    return (
        f'{_HEAD[to.version]}<soap:Body><{operation}Response xmlns="{attribute(namespace)}">'
        f"<{operation}Result>{text(value)}</{operation}Result></{operation}Response>{_TAIL}"
    ).encode()


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


MAX_NODES = 2000
"""Elements and attributes of a document."""
MAX_DEPTH = 256


class Envelope:
    """What matters of an envelope, whatever its version. A parameter that holds elements has None for its text."""

    __slots__ = ("body", "elements", "not_understood", "operation", "root")

    def __init__(self) -> None:
        self.root = ("", "")
        self.body = False
        self.operation = ("", "")
        self.elements: list[tuple[str, str | None]] = []
        self.not_understood: str | None = None


def read(body: bytes, charset: str | None) -> Envelope:
    """The envelope in a request's body. Raises Malformed for what is not XML, is too odd, or has a document type."""
    return _Reader(_as_utf8(body, charset)).envelope


class _Reader:
    """Reads an envelope in one pass. By depth: 1 Envelope, 2 Header or Body, 3 the operation, 4 its parameters."""

    def __init__(self, document: bytes) -> None:
        self.envelope = Envelope()
        self._depth = self._nodes = 0
        self._part = ""
        self._in_operation = self._nested = False
        self._text: list[str] = []
        parser = expat.ParserCreate("utf-8", " ")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = _refuse_doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        # Whatever stands between elements comes along, and is dropped where a parameter begins.
        parser.CharacterDataHandler = self._text.append
        try:
            parser.Parse(document, True)
        except expat.ExpatError as error:
            raise Malformed("The body is not well-formed XML") from error

    def _start(self, qualified: str, attributes: dict[str, str]) -> None:
        self._depth = depth = self._depth + 1
        self._nodes += 1 + len(attributes)
        if self._nodes > MAX_NODES or depth > MAX_DEPTH:
            raise Malformed("The body has too many elements or attributes, or is nested too deeply")
        if depth == 4:
            self._nested = False
            self._text.clear()
        elif depth > 4:
            self._nested = True
        else:
            self._outer(depth, *_split(qualified), attributes)

    def _outer(self, depth: int, namespace: str, name: str, attributes: dict[str, str]) -> None:
        envelope = self.envelope
        if depth == 1:
            envelope.root = (namespace, name)
        elif depth == 2:
            self._part = name if namespace == envelope.root[0] else ""
            envelope.body |= self._part == "Body"
        elif self._part == "Body":
            self._in_operation = not envelope.operation[1]
            if self._in_operation:
                envelope.operation = (namespace, name)
        elif self._part == "Header" and envelope.not_understood is None:
            must = attributes.get(f"{envelope.root[0]} mustUnderstand", "0").strip()
            envelope.not_understood = name if must in {"1", "true"} else None

    def _end(self, qualified: str) -> None:
        if self._depth == 4 and self._in_operation:
            value = None if self._nested else "".join(self._text)
            self.envelope.elements.append((_split(qualified)[1], value))
        elif self._depth == 3:
            self._in_operation = False
        self._depth -= 1


def _split(qualified: str) -> tuple[str, str]:
    namespace, _, name = qualified.rpartition(" ")
    return namespace, name


def _refuse_doctype(*_: object) -> None:
    raise Malformed("A document type is not allowed here")


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
_DECLARED = re.compile(rb"<\?xml[^>]*?\sencoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']").match


def _as_utf8(body: bytes, charset: str | None) -> bytes:
    """The document in UTF-8. A mark beats the header's charset, which beats the XML declaration; bad bytes never fail.

    What calls itself UTF-8 (or nothing, or ASCII) and is not, is Windows-1252: so it comes from classic ASP and VB.
    """
    for mark, name in _MARKS.items():
        if body.startswith(mark):
            return body.decode(name, "replace").removeprefix("\ufeff").encode()
    name = _CHARSETS.get((charset or "").lower()) or _declared(body)
    if name != "utf-8":
        return body.decode(name, "replace").encode()
    try:
        body.decode()
    except UnicodeDecodeError:
        return body.decode("cp1252", "replace").encode()
    return body


def _declared(body: bytes) -> str:
    found = _DECLARED(body)
    # A declaration that can be read as bytes is not in UTF-16, whatever it says.
    name = _CHARSETS.get(found[1].decode().lower()) if found else None
    return name if name and not name.startswith("utf-16") else "utf-8"
