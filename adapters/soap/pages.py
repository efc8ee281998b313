"""What people see at an .asmx: the page of the service, a page for each operation, and the discovery document.

The layout of the samples is that of ASP.NET's pages, which old integrations were written from.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple
from urllib.parse import quote

from adapters.soap.description import Description, Operation, Parameter
from adapters.soap.forms import answer
from adapters.soap.wire import CONTENT_TYPES, Version, attribute, text
from gateway.ports import Headers

PAGE_HEADERS: Headers = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "private, max-age=0",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
}

_STYLE = (
    "body{font:1em/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
    "pre{background:#eee;padding:1em;overflow:auto}footer{margin-top:3em;color:#666;font-size:.8em}"
)

_SCHEMA = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema"'

# A browser neither shows what is typed for these nor remembers it as a text.
_SECRET = frozenset({"key", "losenord", "pass", "passwd", "password", "pwd"})

# What a SOAP version is called, and the prefix that ASP.NET's samples have for it.
_SOAP = {Version.SOAP_11: ("SOAP 1.1", "soap"), Version.SOAP_12: ("SOAP 1.2", "soap12")}


class _Sample(NamedTuple):
    """A request and its response as they go over the wire."""

    title: str
    request: str
    response: str


def service_page(description: Description, path: str, forms: bool) -> bytes:  # noqa: FBT001
    """The page at the service's path: its operations, and where its WSDL is."""
    file = _file(path)
    operations = "\n".join(
        f'<li><a href="{file}?op={_in_url(operation.name)}">{text(operation.name)}</a>{_note(operation)}</li>'
        for operation in description.operations
    )
    also = f"<p>Plain HTTP forms are answered as well, below <code>{text(path)}/</code>.</p>\n"
    return _page(
        description.title,
        f"<h1>{text(description.title)}</h1>\n"
        "<p>These are the operations that can be called. Their formal definition is the"
        f' <a href="{file}?WSDL">Service Description</a>.</p>\n{also if forms else ""}<ul>\n{operations}\n</ul>',
    )


def operation_page(
    description: Description,
    operation: Operation,
    path: str,
    host: str,
    forms: bool,  # noqa: FBT001
) -> bytes:
    """The page of one operation: what it takes, how a call of it looks on the wire, and a form to try it with."""
    versions = (Version.SOAP_11, Version.SOAP_12) if description.soap_12 else (Version.SOAP_11,)
    samples = [_soap_sample(description, operation, version, path, host) for version in versions]
    if forms:
        samples += _form_samples(description, operation, path, host)
    shown = "\n".join(
        f"<h2>{sample.title}</h2>\n<pre>{text(sample.request)}</pre>\n<pre>{text(sample.response)}</pre>"
        for sample in samples
    )
    return _page(
        description.title,
        f'<p><a href="{_file(path)}">All operations of {text(description.title)}</a></p>\n'
        f"<h1>{text(operation.name)}</h1>\n{_note(operation)}\n{_parameters(operation)}\n"
        f"{_form(operation, path) if forms else ''}"
        "<p>The names of types and the word <code>length</code> stand for values of your own.</p>\n" + shown,
    )


def disco(description: Description, address: str) -> bytes:
    """The discovery document, as Visual Studio's *Add Web Reference* asks for it with `?disco`."""
    at, namespace, title = attribute(address), attribute(description.namespace), attribute(description.title)
    bindings = (f"{title}Soap", f"{title}Soap12") if description.soap_12 else (f"{title}Soap",)
    ports = "".join(
        f'  <soap address="{at}" xmlns:q{number}="{namespace}" binding="q{number}:{binding}"'
        ' xmlns="http://schemas.xmlsoap.org/disco/soap/" />\n'
        for number, binding in enumerate(bindings, 1)
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<discovery {_SCHEMA} xmlns="http://schemas.xmlsoap.org/disco/">\n'
        f'  <contractRef ref="{at}?wsdl" docRef="{at}" xmlns="http://schemas.xmlsoap.org/disco/scl/" />\n'
        f"{ports}</discovery>"
    ).encode()


def _page(title: str, body: str) -> bytes:
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{text(title)} Web Service</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n{body}\n"
        "<footer>This service is now answered by Sluss.</footer>\n</body>\n</html>\n"
    ).encode()


def _file(path: str) -> str:
    """The service in a link, relative to its own pages: that holds behind a proxy which puts a folder before it."""
    return _in_url(path.rpartition("/")[2], keep="%")


def _in_url(value: str, keep: str = "") -> str:
    return quote(value, safe=keep, errors="replace")


def _note(operation: Operation) -> str:
    return f"<p>{text(operation.note)}</p>" if operation.note else ""


def _parameters(operation: Operation) -> str:
    if not operation.parameters:
        return "<p>It takes no parameters.</p>"
    items = "".join(
        f"<li><code>{text(parameter.name)}</code>: {'list of ' if parameter.many else ''}{text(parameter.type)}</li>\n"
        for parameter in operation.parameters
    )
    return f"<p>It takes these parameters:</p>\n<ul>\n{items}</ul>"


def _form(operation: Operation, path: str) -> str:
    fields = "".join(_field(parameter) for parameter in operation.parameters)
    return (
        "<h2>Try it</h2>\n<p>This calls the operation for real, with all that comes of it.</p>\n"
        f'<form method="post" action="{_file(path)}/{_in_url(operation.name)}" autocomplete="off">\n'
        f"{fields}<p><button>Call</button></p>\n</form>\n"
    )


def _field(parameter: Parameter) -> str:
    kind = "password" if parameter.name.lower() in _SECRET else "text"
    which = " (one of the list)" if parameter.many else ""
    return (
        f"<p><label>{text(parameter.name)}{which}<br>"
        f'<input type="{kind}" name="{attribute(parameter.name)}"></label></p>\n'
    )


def _soap_sample(description: Description, operation: Operation, version: Version, path: str, host: str) -> _Sample:
    content_type, namespace = CONTENT_TYPES[version], description.namespace
    action = f'SOAPAction: "{operation.action}"\n' if version is Version.SOAP_11 else ""
    given = [line for parameter in operation.parameters for line in _elements(parameter)]
    result = [_element(operation.result, operation.result_type)]
    return _Sample(
        _SOAP[version][0],
        f"POST {path} HTTP/1.1\nHost: {host}\nContent-Type: {content_type}\nContent-Length: length\n{action}\n"
        + _envelope(version, operation.name, namespace, given),
        _ok(content_type) + _envelope(version, operation.response, namespace, result),
    )


def _envelope(version: Version, name: str, namespace: str, children: Sequence[str]) -> str:
    prefix, opening = _SOAP[version][1], f'{name} xmlns="{attribute(namespace)}"'
    body = [f"<{opening}>", *(f"  {child}" for child in children), f"</{name}>"] if children else [f"<{opening} />"]
    lines = (
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<{prefix}:Envelope {_SCHEMA} xmlns:{prefix}="{version.value}">',
        f"  <{prefix}:Body>",
        *(f"    {line}" for line in body),
        f"  </{prefix}:Body>",
        f"</{prefix}:Envelope>",
    )
    return "\n".join(lines)


def _elements(parameter: Parameter) -> Iterator[str]:
    """The lines of a parameter. A list is an element around others, or the element itself, repeated."""
    if not parameter.many:
        yield _element(parameter.name, parameter.type)
    elif parameter.many == parameter.name:
        yield from [_element(parameter.name, parameter.type)] * 2
    else:
        yield f"<{parameter.name}>"
        yield from [f"  {_element(parameter.many, parameter.type)}"] * 2
        yield f"</{parameter.name}>"


def _element(name: str, type_: str) -> str:
    return f"<{name}>{type_}</{name}>"


def _form_samples(description: Description, operation: Operation, path: str, host: str) -> Iterator[_Sample]:
    pairs = "&".join(
        f"{_in_url(parameter.name)}={parameter.type}"
        for parameter in operation.parameters
        for _ in range(2 if parameter.many else 1)
    )
    content_type = CONTENT_TYPES[Version.SOAP_11]
    result = answer(description.namespace, operation.result_type, operation.result_type).decode()
    response = _ok(content_type) + result.replace("\r\n", "\n")
    at = f"{path}/{_in_url(operation.name)}"
    yield _Sample("HTTP GET", f"GET {at}{'?' if pairs else ''}{pairs} HTTP/1.1\nHost: {host}\n", response)
    yield _Sample(
        "HTTP POST",
        f"POST {at} HTTP/1.1\nHost: {host}\nContent-Type: application/x-www-form-urlencoded\n"
        f"Content-Length: length\n\n{pairs}",
        response,
    )


def _ok(content_type: str) -> str:
    return f"HTTP/1.1 200 OK\nContent-Type: {content_type}\nContent-Length: length\n\n"
