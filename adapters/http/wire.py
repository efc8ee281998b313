"""A request as the configuration describes it, and how it is written with the values of one message."""

import codecs
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from adapters.http.codec import BODIES, Escape, Template, Values, header, percent, xml_text
from gateway.errors import Unsupported
from gateway.ports import Call

_URL = re.compile(r"https?://[^\s/?#{}@\\]+([/?].*)?", re.ASCII | re.IGNORECASE)
_CHARSET = re.compile(r"charset=\"?([\w.:-]+)", re.ASCII | re.IGNORECASE)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_OURS = {
    "content-type": "is said by content_type",
    "content-length": "is counted when the request is sent",
    "transfer-encoding": "is chosen when the request is sent",
}


class Part(BaseModel):
    """Nothing is changed once it is read, and nothing is read that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def _is_url(written: str) -> bool:
    try:
        port = urlsplit(written).port
    except ValueError:  # a port that is none, or half an IPv6 address
        return False
    return port != 0 and (
        bool(_URL.fullmatch(written)) and written.isascii() and written.isprintable() and not set(" #") & set(written)
    )


def _url(written: str) -> str:
    if not _is_url(written):
        raise ValueError(
            "must be a URL whose scheme and host are written out, as https://api.example.com/send?to={recipient};"
            " a blank is %20 and a hash sign %23"
        )
    return written


def _field(name: str) -> str:
    if not _TOKEN.fullmatch(name):
        raise ValueError("is no name of a header")
    if name.lower() in _OURS:
        raise ValueError(f"{_OURS[name.lower()]}: remove it here")
    return name


def _line(written: str) -> str:
    line = written.strip()  # what stands below a | ends with a line break
    if not line.isprintable():
        raise ValueError("must be one line: a header holds no line breaks")
    return line


def _media(written: str) -> str:
    if not written.isprintable():
        raise ValueError("must be one line: a header holds no line breaks")
    if media_type(written) not in BODIES:
        raise ValueError(f"must be one of {', '.join(BODIES)}, for values are escaped by it")
    return written


def media_type(content_type: str) -> str:
    """The type alone, without its parameters."""
    return content_type.partition(";")[0].strip().lower()


class Request(Part):
    """What is called, with a template in each place."""

    url: Annotated[str, AfterValidator(_url)] = Field(description="Template: the address, its host written out")
    method: Literal["GET", "POST", "PUT"] = Field("GET", description="The HTTP method")
    headers: Mapping[Annotated[str, AfterValidator(_field)], Annotated[str, AfterValidator(_line)]] = Field(
        default_factory=dict, description="Templates by the name of the header"
    )
    body: str | None = Field(None, description="Template: what is posted")
    content_type: Annotated[str, AfterValidator(_media)] = Field(
        "application/x-www-form-urlencoded", description="What the body is; its values are escaped by it"
    )


class Writer:
    """Writes one kind of request."""

    def __init__(self, request: Request, known: Collection[str], charset: str, separator: str = "") -> None:
        """`separator` stands between several recipients. Raises ValueError where a template cannot be read."""
        path, _, query = request.url.partition("?")
        self._method, self._charset, self._separator = request.method, charset, separator
        self._path, self._query = Template(path, known), Template(query, known)
        self._headers = {name: Template(written, known) for name, written in request.headers.items()}
        self._body = None if request.body is None else Template(request.body, known)
        self._content_type = request.content_type
        self._escape = BODIES[media_type(request.content_type)]

    @property
    def names(self) -> frozenset[str]:
        """Every placeholder in it."""
        templates = [self._path, self._query, *self._headers.values(), *([self._body] if self._body else [])]
        return frozenset[str]().union(*(template.names for template in templates))

    def call(self, values: Values) -> Call:
        """The request with these values. Raises Unsupported where one of them cannot be said where it stands."""
        url, query = self.url(values)
        return Call(self._method, url, query, self.headers(values), self.body(values))

    def url(self, values: Values) -> tuple[str, str]:
        """The address, and the query behind it. Raises Unsupported."""
        path, query = self._filled(self._path, values, percent), self._filled(self._query, values, percent)
        # A client of HTTP walks such segments before it sends the address: a value would choose another one.
        if self._path.names and not {".", ".."}.isdisjoint(path.split("/")):
            raise Unsupported("A path cannot hold a segment that is . or ..")
        return path, query

    def headers(self, values: Values) -> dict[str, str]:
        """The header fields. Raises Unsupported."""
        fields = {name: self._filled(template, values, header) for name, template in self._headers.items()}
        return fields if self._body is None else fields | {"Content-Type": self._content_type}

    def body(self, values: Values) -> bytes:
        """What is posted. Raises Unsupported."""
        if self._body is None:
            return b""
        text = self._filled(self._body, values, self._escape)
        try:
            return text.encode(self._charset)
        except UnicodeEncodeError:
            raise self._lacking() from None

    def _filled(self, template: Template, values: Values, escape: Escape) -> str:
        try:
            return template.fill(values, lambda value: escape(value, self._charset), self._separator)
        except UnicodeEncodeError:
            raise self._lacking() from None

    def _lacking(self) -> Unsupported:
        return Unsupported(f"The charset {self._charset} lacks a letter of it")


Where = tuple[str, ...]


def objections(
    request: Request, known: Collection[str], charset: str, separator: str, samples: Sequence[Values]
) -> Iterator[tuple[Where, str]]:
    """What is wrong with the templates of a request, each with its key: found by filling them with sample values."""
    wrong = [*_contradictions(request), *_unreadable(request, known)]
    yield from wrong
    if wrong:
        return
    writer = Writer(request, known, charset, separator)
    steps = (("url", writer.url), ("headers", writer.headers), ("body", writer.body))
    for key, write in steps:
        try:
            for sample in samples:
                write(sample)
        except Unsupported as error:
            yield (key,), f"cannot be written, for itself or for a secret in it: {error.detail}"
            return
    yield from _misread(request, charset)
    yield from _unsound(request, writer, samples)


def _contradictions(request: Request) -> Iterator[tuple[Where, str]]:
    if request.body is None:
        return
    if request.method == "GET":
        yield ("body",), "is not carried by a GET: set method to POST or PUT, or put everything into the url"
    if "<![CDATA[" in request.body and BODIES[media_type(request.content_type)] is xml_text:
        yield ("body",), "escapes values as XML, which nobody reads inside CDATA: write them without it"


def _unreadable(request: Request, known: Collection[str]) -> Iterator[tuple[Where, str]]:
    templates: list[tuple[Where, str]] = [(("url",), request.url)]
    templates += [(("headers", name), written) for name, written in request.headers.items()]
    if request.body is not None:
        templates.append((("body",), request.body))
    for where, written in templates:
        try:
            Template(written, known)
        except ValueError as error:
            yield where, str(error)


def _misread(request: Request, charset: str) -> Iterator[tuple[Where, str]]:
    told = _CHARSET.search(request.content_type)
    if told and request.body is not None and not _same(told[1], charset):
        yield ("content_type",), "names another charset than the key charset: make them the same"


def _same(one: str, other: str) -> bool:
    try:
        return codecs.lookup(one) == codecs.lookup(other)
    except LookupError:
        return False


def _unsound(request: Request, writer: Writer, samples: Sequence[Values]) -> Iterator[tuple[Where, str]]:
    for sample in samples:
        if not _is_url("?".join(writer.url(sample))):
            yield ("url",), "is no URL once it is filled in: write the separator as a URL holds it, a blank as %20"
            return
        if media_type(request.content_type) != "application/json" or request.body is None:
            continue
        try:
            json.loads(writer.body(sample))
        except ValueError as error:
            where = f" at line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
            yield ("body",), f"is no JSON once it is filled in{where}: texts stand in quotes, braces are doubled"
            return
