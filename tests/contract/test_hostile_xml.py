"""XML that was written to do harm: nothing outside is read, nothing in it grows, and no charset hides what it says."""

import socket
from codecs import BOM_UTF8
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.soap.face import SoapFace
from adapters.soap.wire import Envelope, Version, read
from gateway.errors import Malformed

SECRET = "what a file of this machine says"


def a_call(inner: str = "Hej", before: str = "", attributes: str = "") -> str:
    """A call whose text is `inner`."""
    return (
        f'{before}<e:Envelope xmlns:e="{Version.SOAP_11.value}"{attributes}><e:Body>'
        f'<sms xmlns="http://web.smscom.se/sendsms/"><meddelande>{inner}</meddelande></sms></e:Body></e:Envelope>'
    )


def text_of(envelope: Envelope) -> object:
    """What a call's only parameter says."""
    ((name, text),) = envelope.elements
    assert name == "meddelande"
    return text


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file that no request may read."""
    path = tmp_path / "secret"
    path.write_text(SECRET)
    return path


@pytest.fixture
def server() -> Iterator[socket.socket]:
    """A server of this machine that no request may call."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening


DOCTYPES = [
    ("an empty one", "<!DOCTYPE a>", "Hej"),
    ("one that is fetched", '<!DOCTYPE a SYSTEM "{url}">', "Hej"),
    ("one that has a public name", '<!DOCTYPE a PUBLIC "-//W3C//DTD XHTML 1.0//EN" "{url}">', "Hej"),
    ("an entity that is a file", '<!DOCTYPE a [<!ENTITY x SYSTEM "file://{file}">]>', "&x;"),
    ("an entity that is fetched", '<!DOCTYPE a [<!ENTITY x SYSTEM "{url}">]>', "&x;"),
    ("a parameter entity that is fetched", '<!DOCTYPE a [<!ENTITY % x SYSTEM "{url}"> %x;]>', "Hej"),
    ("an entity that is not used", '<!DOCTYPE a [<!ENTITY x "y">]>', "Hej"),
    ("an entity of itself", '<!DOCTYPE a [<!ENTITY x "&x;">]>', "&x;"),
    ("attributes by default", '<!DOCTYPE a [<!ATTLIST sms x CDATA "y">]>', "Hej"),
    ("a notation", '<!DOCTYPE a [<!NOTATION n SYSTEM "{url}">]>', "Hej"),
    (
        "a billion laughs",
        '<!DOCTYPE a [<!ENTITY a0 "ha">'
        + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
        + "]>",
        "&a9;",
    ),
    ("quadratic blow-up", f'<!DOCTYPE a [<!ENTITY x "{"x" * 50_000}">]>', "&x;" * 10_000),
]

ENCODINGS = [
    ("as it is", lambda document: document.encode()),
    ("with a byte order mark", lambda document: BOM_UTF8 + document.encode()),
    ("in UTF-16", lambda document: document.encode("utf-16")),
    ("in UTF-16 without a mark", lambda document: document.encode("utf-16-le")),
    ("in UTF-16 without a mark, the other way round", lambda document: document.encode("utf-16-be")),
    ("behind line breaks and a declaration", lambda document: b'<?xml version="1.0"?>\r\n\r\n' + document.encode()),
]


@pytest.mark.parametrize(("how", "encode"), ENCODINGS, ids=[how for how, _ in ENCODINGS])
@pytest.mark.parametrize(("label", "doctype", "inner"), DOCTYPES, ids=[label for label, *_ in DOCTYPES])
def test_a_document_type_is_refused(
    label: str, doctype: str, inner: str, how: str, encode: object, secret: Path, server: socket.socket
) -> None:
    """Whatever it says, in whatever bytes: no entity is defined, no file is read, and nobody is called."""
    assert callable(encode)
    url = "http://{}:{}/x.dtd".format(*server.getsockname())
    body = encode(a_call(inner, doctype.replace("{url}", url).replace("{file}", str(secret))))
    assert len(body) <= SoapFace.max_body * 2

    with pytest.raises(Malformed) as caught:
        read(body, None)

    assert SECRET not in caught.value.detail
    with pytest.raises(BlockingIOError):
        server.accept()


NO_XML = [
    ("an entity that nobody defined", a_call("&x;").encode()),
    ("an entity of HTML", a_call("&nbsp;").encode()),
    ("a stylesheet", a_call(before='<?xml-stylesheet href="file:///etc/passwd"?>').encode()),
    ("a processing instruction", a_call("<?php system('id') ?>").encode()),
    ("a document type in small letters", a_call(before="<!doctype a>").encode()),
    ("a prefix that nobody declared", a_call("<x:a/>").encode()),
    ("a reference to NUL", a_call("&#0;").encode()),
    ("a reference to half a character", a_call("&#xD800;").encode()),
    ("a reference beyond all characters", a_call("&#x110000;").encode()),
    ("a NUL", a_call("\0").encode()),
    ("an attribute twice", a_call(attributes=" a='1' a='2'").encode()),
    ("two roots", (a_call() + a_call()).encode()),
    ("a root that does not end", a_call()[:-1].encode()),
    ("UTF-7", a_call().encode("utf-7").replace(b"<", b"+ADw-").replace(b">", b"+AD4-")),
    ("EBCDIC", a_call(before="<?xml version='1.0' encoding='cp037'?>").encode("cp037")),
    ("UTF-32", a_call().encode("utf-32")),
]


@pytest.mark.parametrize(("label", "body"), NO_XML, ids=[label for label, _ in NO_XML])
def test_what_is_not_plain_xml_is_refused(label: str, body: bytes) -> None:
    """It is malformed, and that is all that is said of it."""
    with pytest.raises(Malformed):
        read(body, None)


NAMED = ["utf-7", "cp037", "ibm500", "utf-32", "zlib", "hex", "rot13", "idna", "unicode_escape", "mbcs", "x" * 1000]


@pytest.mark.parametrize("charset", NAMED)
def test_no_charset_turns_letters_into_markup(charset: str) -> None:
    """A charset that is not one of the web's old ones is not believed, where it is declared or in the header."""
    inner = "+ADw-a+AD4- \\u003ca\\u003e"
    declared = a_call(inner, f'<?xml version="1.0" encoding="{charset}"?>').encode()

    assert text_of(read(declared, None)) == inner
    assert text_of(read(a_call(inner).encode(), charset)) == inner


TEXTS = [
    ("an inclusion", '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{url}" parse="text"/>', None),
    ("another base", '<a xml:base="{url}">x</a>', ("x",)),
    ("a schema", '<a xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:schemaLocation="a {url}">x</a>', ("x",)),
    ("what looks like a document type", "<![CDATA[<!DOCTYPE a [<!ENTITY x SYSTEM '{url}'>]>&x;]]>", None),
]


@pytest.mark.parametrize(("label", "inner", "kept"), TEXTS, ids=[label for label, *_ in TEXTS])
def test_an_address_in_a_document_is_a_word(
    label: str, inner: str, kept: tuple[str, ...] | None, server: socket.socket
) -> None:
    """Nothing is included, no schema is fetched: elements are elements, and texts are texts."""
    url = "http://{}:{}/x".format(*server.getsockname())

    found = text_of(read(a_call(inner.replace("{url}", url)).encode(), None))

    expected = {
        "an inclusion": ("",),
        "what looks like a document type": f"<!DOCTYPE a [<!ENTITY x SYSTEM '{url}'>]>&x;",
    }
    assert found == (kept or expected[label])
    with pytest.raises(BlockingIOError):
        server.accept()


ROOM = SoapFace.max_body - 400
LONG = [
    ("a name", a_call(f"<{'a' * (ROOM // 2 - 5)}></{'a' * (ROOM // 2 - 5)}>")),
    ("a prefix", a_call(f"<{'a' * (ROOM // 2 - 10)}:b xmlns:{'a' * (ROOM // 2 - 10)}='u'/>")),
    ("an attribute", a_call(attributes=f" a='{'x' * ROOM}'")),
    ("a text", a_call("x" * ROOM)),
    ("a comment", a_call(f"<!--{'x' * ROOM}-->")),
    ("blanks in a tag", a_call(f"<a{' ' * ROOM}/>")),
]


@pytest.mark.parametrize(("label", "document"), LONG, ids=[label for label, _ in LONG])
def test_as_long_as_a_body_may_be(label: str, document: str) -> None:
    """One thing that fills a whole body is read like any other: its length is the body's, and that is limited."""
    assert len(document) <= SoapFace.max_body

    assert read(document.encode(), None).operation[1] == "sms"
