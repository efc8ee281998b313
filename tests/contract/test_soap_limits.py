"""A hostile SOAP body is refused before it is parsed, and the largest that is read is bounded work."""

from typing import Any
from xml.etree import ElementTree as ET

import pytest

from adapters.soap.face import SoapFace
from adapters.soap.wire import MAX_MARKS, Version, read
from gateway.errors import Malformed


class Counted:
    """A tree builder that counts what the parser tells it."""

    def __init__(self) -> None:
        self.tags = self.attributes = self.events = 0
        self._builder = ET.TreeBuilder()

    def start(self, tag: str, attributes: dict[str, str]) -> Any:
        """An element begins."""
        self.tags, self.attributes, self.events = self.tags + 1, self.attributes + len(attributes), self.events + 1
        return self._builder.start(tag, attributes)

    def end(self, tag: str) -> Any:
        """An element ends."""
        self.events += 1
        return self._builder.end(tag)

    def data(self, text: str) -> None:
        """A piece of a text."""
        self.events += 1
        self._builder.data(text)

    def close(self) -> Any:
        """The document's end."""
        return self._builder.close()


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """Counts what the parser does in the next call of the envelope's reader."""
    target, parser = Counted(), ET.XMLParser
    monkeypatch.setattr(ET, "XMLParser", lambda encoding: parser(target=target, encoding=encoding))
    return target


def many(attribute: str, times: int) -> str:
    """An element with so many attributes, no two of one name."""
    return f"<a {' '.join(attribute.format(number) for number in range(times))}/>"


def around(inner: str) -> bytes:
    """A call with something in it, and an attribute, so that it is no envelope of the commonest kind."""
    start = f'<e:Envelope xmlns:e="{Version.SOAP_11.value}"><e:Body><sms a="">'
    return f"{start}{inner}</sms></e:Body></e:Envelope>".encode()


ROOM = SoapFace.max_body - len(around(""))
REFUSED = [
    ("elements", around("<a/>" * (ROOM // 4))),
    ("elements that are not closed", around("<a>" * (ROOM // 3))),
    ("elements in UTF-16", around("<a/>" * (ROOM // 9)).decode().encode("utf-16")),
    ("attributes", around(many("a{}=''", ROOM // 12))),
    ("namespaces", around(many("xmlns:a{}='u'", ROOM // 18))),
    ("comments", around("<!---->" * (ROOM // 7))),
    ("CDATA sections", around("<![CDATA[]]>" * (ROOM // 12))),
    ("processing instructions", around("<?a?>" * (ROOM // 5))),
    ("entities", b'<!DOCTYPE a [<!ENTITY b "' + b"x" * 50_000 + b'">]>' + around("&b;" * 20_000)),
    ("nested entities", b'<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;&b;">]>' + around("&c;")),
]
TAKEN = [
    ("as many elements as are allowed", around("<a/>" * (MAX_MARKS - 6))),
    ("as many attributes as are allowed", around(many("a{}=''", MAX_MARKS - 2))),
    ("elements as deep as is allowed", around("<a>" * (MAX_MARKS // 2 - 3) + "</a>" * (MAX_MARKS // 2 - 3))),
    ("line breaks", around("\n" * ROOM)),
    ("character references", around("&#65;" * (ROOM // 5))),
]


@pytest.mark.parametrize(("label", "body"), REFUSED, ids=[label for label, _ in REFUSED])
def test_a_hostile_body_is_refused_before_it_is_parsed(label: str, body: bytes, counted: Counted) -> None:
    """As much of one kind as a body has room for: refused, and not one element is made of it."""
    assert len(body) <= SoapFace.max_body

    with pytest.raises(Malformed):
        read(body, None)

    assert counted.events == 0


@pytest.mark.parametrize(("label", "body"), TAKEN, ids=[label for label, _ in TAKEN])
def test_the_largest_body_is_bounded_work(label: str, body: bytes, counted: Counted) -> None:
    """At its limits a body is read, and costs as many elements and attributes as they allow, and one event a byte."""
    assert len(body) <= SoapFace.max_body

    read(body, None)

    assert counted.tags <= MAX_MARKS
    assert counted.attributes <= MAX_MARKS
    assert 0 < counted.events <= len(body)
