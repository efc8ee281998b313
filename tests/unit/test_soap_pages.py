"""The pages that people see at an .asmx: what they say, that the samples on them work, and that nothing breaks out."""

from html.parser import HTMLParser
from xml.etree.ElementTree import Element, XMLParser

import pytest

from adapters.soap.description import Description, Operation, Parameter
from adapters.soap.forms import read as read_form
from adapters.soap.pages import PAGE_HEADERS, disco, operation_page, service_page
from adapters.soap.wire import read

NS = "http://web.smscom.se/sendsms/"
PATH = "/sendsms/sendsms.asmx"
HOST = "sms.example.org"
NS11 = "http://schemas.xmlsoap.org/soap/envelope/"
NS12 = "http://www.w3.org/2003/05/soap-envelope"

BALANS = Operation(
    "balans", (Parameter("konto"), Parameter("passwd")), f"{NS}balans", "balansResult", note="The <balance> & more."
)
EVERY_KIND = Operation(
    "sms",
    (
        Parameter("konto"),
        Parameter("antal", "int"),
        Parameter("numbers", "string", "item"),
        Parameter("again", "int", "again"),
    ),
    f"{NS}sms",
    "smsResult",
    "int",
)
NOTHING = Operation("ping", (), f"{NS}ping", "pingResult")
SERVICE = Description("SendSms", NS, (BALANS, EVERY_KIND, NOTHING))
ONLY_11 = SERVICE._replace(soap_12=False)

BALANS_REQUEST_11 = """\
POST /sendsms/sendsms.asmx HTTP/1.1
Host: sms.example.org
Content-Type: text/xml; charset=utf-8
Content-Length: length
SOAPAction: "http://web.smscom.se/sendsms/balans"

<?xml version="1.0" encoding="utf-8"?>
<soap:Envelope xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema" \
xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">
  <soap:Body>
    <balans xmlns="http://web.smscom.se/sendsms/">
      <konto>string</konto>
      <passwd>string</passwd>
    </balans>
  </soap:Body>
</soap:Envelope>"""

BALANS_RESPONSE_11 = """\
HTTP/1.1 200 OK
Content-Type: text/xml; charset=utf-8
Content-Length: length

<?xml version="1.0" encoding="utf-8"?>
<soap:Envelope xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema" \
xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">
  <soap:Body>
    <balansResponse xmlns="http://web.smscom.se/sendsms/">
      <balansResult>string</balansResult>
    </balansResponse>
  </soap:Body>
</soap:Envelope>"""

BALANS_REQUEST_12 = """\
POST /sendsms/sendsms.asmx HTTP/1.1
Host: sms.example.org
Content-Type: application/soap+xml; charset=utf-8
Content-Length: length

<?xml version="1.0" encoding="utf-8"?>
<soap12:Envelope xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema" \
xmlns:soap12="http://www.w3.org/2003/05/soap-envelope">
  <soap12:Body>
    <balans xmlns="http://web.smscom.se/sendsms/">
      <konto>string</konto>
      <passwd>string</passwd>
    </balans>
  </soap12:Body>
</soap12:Envelope>"""

BALANS_RESPONSE_12 = """\
HTTP/1.1 200 OK
Content-Type: application/soap+xml; charset=utf-8
Content-Length: length

<?xml version="1.0" encoding="utf-8"?>
<soap12:Envelope xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema" \
xmlns:soap12="http://www.w3.org/2003/05/soap-envelope">
  <soap12:Body>
    <balansResponse xmlns="http://web.smscom.se/sendsms/">
      <balansResult>string</balansResult>
    </balansResponse>
  </soap12:Body>
</soap12:Envelope>"""

FORM_RESPONSE = """\
HTTP/1.1 200 OK
Content-Type: text/xml; charset=utf-8
Content-Length: length

<?xml version="1.0" encoding="utf-8"?>
<string xmlns="http://web.smscom.se/sendsms/">string</string>"""

GET_REQUEST = """\
GET /sendsms/sendsms.asmx/balans?konto=string&passwd=string HTTP/1.1
Host: sms.example.org
"""

POST_REQUEST = """\
POST /sendsms/sendsms.asmx/balans HTTP/1.1
Host: sms.example.org
Content-Type: application/x-www-form-urlencoded
Content-Length: length

konto=string&passwd=string"""


class Page(HTMLParser):
    """A page as a browser reads it: its elements with their attributes, its text, and what stands in each <pre>."""

    def __init__(self, document: bytes) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.samples: list[str] = []
        self._in_sample = False
        self.feed(document.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append((tag, dict(attrs)))
        if tag == "pre":
            self._in_sample = True
            self.samples.append("")

    def handle_endtag(self, tag: str) -> None:
        """A sample ends."""
        self._in_sample &= tag != "pre"

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.text += data
        if self._in_sample:
            self.samples[-1] += data

    def values(self, tag: str, attribute: str) -> list[str | None]:
        """An attribute's values, of every element of this name."""
        return [attributes.get(attribute) for name, attributes in self.elements if name == tag]


def shown(operation: Operation, description: Description = SERVICE, *, forms: bool = True) -> Page:
    """An operation's page."""
    return Page(operation_page(description, operation, PATH, HOST, forms))


def parsed(document: str | bytes) -> Element:
    """A document's root. Raises ParseError where it is not well-formed."""
    parser = XMLParser()  # noqa: S314 - the document is our own
    parser.feed(document)
    root = parser.close()
    assert isinstance(root, Element)
    return root


def test_the_service_page_lists_what_can_be_called() -> None:
    """Every operation is a link to its own page, its note below, and the WSDL is one click away."""
    document = service_page(SERVICE, PATH, forms=False)
    page = Page(document)

    assert page.values("a", "href") == [
        "sendsms.asmx?WSDL",
        "sendsms.asmx?op=balans",
        "sendsms.asmx?op=sms",
        "sendsms.asmx?op=ping",
    ]
    assert b"<h1>SendSms</h1>" in document
    assert b'<li><a href="sendsms.asmx?op=balans">balans</a><p>The &lt;balance&gt; &amp; more.</p></li>' in document
    assert b'<li><a href="sendsms.asmx?op=ping">ping</a></li>' in document
    assert "This service is now answered by Sluss." in page.text


def test_the_service_page_tells_of_forms_where_they_are_answered() -> None:
    """Where forms are on, the page says under which address; where they are off, it is silent."""
    assert "below /sendsms/sendsms.asmx/" in Page(service_page(SERVICE, PATH, forms=True)).text
    assert "forms" not in Page(service_page(SERVICE, PATH, forms=False)).text


PAGES = [
    ("the service", service_page(SERVICE, PATH, forms=True)),
    ("an operation", operation_page(SERVICE, EVERY_KIND, PATH, HOST, forms=True)),
]


@pytest.mark.parametrize(("label", "document"), PAGES, ids=[case[0] for case in PAGES])
def test_a_page_stands_alone(label: str, document: bytes) -> None:
    """HTML5 in English and UTF-8, without scripts, and without anything that is loaded from elsewhere."""
    page = Page(document)

    assert document.startswith(b'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>SendSms ')
    assert {name for name, _ in page.elements} <= {
        *("html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "a", "br", "ul", "li", "code", "pre"),
        *("form", "label", "input", "button", "footer"),
    }
    given = {name for _, attributes in page.elements for name in attributes}
    assert given <= {"lang", "charset", "href", "method", "action", "autocomplete", "type", "name"}
    assert not [href for href in page.values("a", "href") if not href or ":" in href or href.startswith("/")]
    assert b"url(" not in document
    assert b"@import" not in document


def test_the_headers_of_a_page() -> None:
    """A browser runs nothing from a page, loads nothing for it, posts its form nowhere else, and frames it nowhere."""
    assert dict(PAGE_HEADERS) == {
        "Content-Type": "text/html; charset=utf-8",
        "Cache-Control": "private, max-age=0",
        "Content-Security-Policy": (
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        ),
        "X-Content-Type-Options": "nosniff",
    }


def test_an_operations_samples() -> None:
    """SOAP 1.1, SOAP 1.2, HTTP GET and HTTP POST, each with the request and the response, as ASP.NET lays them out."""
    page = shown(BALANS)

    assert page.samples == [
        *(BALANS_REQUEST_11, BALANS_RESPONSE_11),
        *(BALANS_REQUEST_12, BALANS_RESPONSE_12),
        *(GET_REQUEST, FORM_RESPONSE),
        *(POST_REQUEST, FORM_RESPONSE),
    ]
    assert [name for name, _ in page.elements].count("h2") == 5
    assert page.values("a", "href") == ["sendsms.asmx"]


OFFERS = [
    ("everything", SERVICE, True, ["SOAP 1.1", "SOAP 1.2", "HTTP GET", "HTTP POST"]),
    ("no forms", SERVICE, False, ["SOAP 1.1", "SOAP 1.2"]),
    ("no SOAP 1.2", ONLY_11, True, ["SOAP 1.1", "HTTP GET", "HTTP POST"]),
    ("SOAP 1.1 alone", ONLY_11, False, ["SOAP 1.1"]),
]


@pytest.mark.parametrize(("label", "description", "forms", "titles"), OFFERS, ids=[case[0] for case in OFFERS])
def test_only_what_is_answered_is_shown(
    label: str, description: Description, titles: list[str], *, forms: bool
) -> None:
    """A page shows no sample, and no form, of something that the service would refuse."""
    page = shown(BALANS, description, forms=forms)

    assert [title for title in ("SOAP 1.1", "SOAP 1.2", "HTTP GET", "HTTP POST") if title in page.text] == titles
    assert len(page.samples) == 2 * len(titles)
    assert ("form" in [name for name, _ in page.elements]) is forms


def test_an_operations_parameters_are_told() -> None:
    """Names, types, and which of them are lists."""
    page = shown(EVERY_KIND, forms=False)

    assert "konto: string\nantal: int\nnumbers: list of string\nagain: list of int\n" in page.text
    assert "no parameters" not in page.text
    assert "no parameters" in shown(NOTHING, forms=False).text


def test_an_operations_note_is_told() -> None:
    """What the description says of an operation stands on its page, as text."""
    assert "The <balance> & more." in shown(BALANS).text


def test_lists_are_shown_with_two_elements() -> None:
    """A list is an element around others, or an element that is repeated; either is shown twice, and so in a form."""
    page = shown(EVERY_KIND)

    assert (
        "      <konto>string</konto>\n"
        "      <antal>int</antal>\n"
        "      <numbers>\n"
        "        <item>string</item>\n"
        "        <item>string</item>\n"
        "      </numbers>\n"
        "      <again>int</again>\n"
        "      <again>int</again>\n"
        "    </sms>\n"
    ) in page.samples[0]
    assert "<smsResult>int</smsResult>" in page.samples[1]
    assert page.samples[6].endswith("\n\nkonto=string&antal=int&numbers=string&numbers=string&again=int&again=int")
    assert page.samples[7].endswith('\n<int xmlns="http://web.smscom.se/sendsms/">int</int>')


def test_an_operation_without_parameters_is_shown() -> None:
    """Its element is empty, its query has no question mark, and its form is a button."""
    page = shown(NOTHING)

    assert f'    <ping xmlns="{NS}" />\n' in page.samples[0]
    assert page.samples[4] == f"GET {PATH}/ping HTTP/1.1\nHost: {HOST}\n"
    assert page.samples[6].endswith("Content-Length: length\n\n")
    assert page.values("input", "name") == []
    assert page.values("form", "action") == ["sendsms.asmx/ping"]


UNDERSTOOD = [
    (BALANS, [("konto", "value 0"), ("passwd", "value 1")]),
    (
        EVERY_KIND,
        [
            *(("konto", "value 0"), ("antal", "value 1"), ("numbers", ("value 2", "value 3"))),
            *(("again", "value 4"), ("again", "value 5")),
        ],
    ),
    (NOTHING, []),
]


@pytest.mark.parametrize(("sample", "envelope"), [(0, NS11), (2, NS12)], ids=["SOAP 1.1", "SOAP 1.2"])
@pytest.mark.parametrize(("operation", "elements"), UNDERSTOOD, ids=[case[0].name for case in UNDERSTOOD])
def test_a_sample_that_is_filled_in_is_understood(
    operation: Operation, elements: list[tuple[str, str | tuple[str, ...]]], sample: int, envelope: str
) -> None:
    """Whoever copies a request from the page, and puts values for the types, calls what the page is about."""
    body = shown(operation).samples[sample].partition("\n\n")[2]
    pieces = body.replace(">int<", ">string<").split(">string<")
    filled = pieces[0] + "".join(f">value {number}<{piece}" for number, piece in enumerate(pieces[1:]))

    found = read(filled.encode(), "utf-8")

    assert found.root == (envelope, "Envelope")
    assert found.operation == (NS, operation.name)
    assert [tuple(element) for element in found.elements] == elements
    assert found.not_understood is None


@pytest.mark.parametrize("operation", SERVICE.operations, ids=[operation.name for operation in SERVICE.operations])
def test_a_response_on_the_page_is_well_formed(operation: Operation) -> None:
    """Every response that is shown parses, and holds the result under the name and of the type that is described."""
    soap_11, soap_12, get, post = (parsed(sample.partition("\n\n")[2]) for sample in shown(operation).samples[1::2])

    for envelope, root in ((NS11, soap_11), (NS12, soap_12)):
        place = f"{{{envelope}}}Body/{{{NS}}}{operation.name}Response/{{{NS}}}{operation.result}"
        assert root.findtext(place) == operation.result_type
    for root in (get, post):
        assert (root.tag, root.text) == (f"{{{NS}}}{operation.result_type}", operation.result_type)


def test_the_sample_forms_are_read() -> None:
    """The query and the body on the page are read as the operation's parameters."""
    page = shown(EVERY_KIND)
    expected = {"konto": "string", "antal": "int", "numbers": ("string", "string"), "again": ("int", "int")}

    query = page.samples[4].partition("?")[2].partition(" ")[0]
    body = page.samples[6].partition("\n\n")[2]

    assert read_form(EVERY_KIND, query.encode()) == expected
    assert read_form(EVERY_KIND, body.encode()) == expected


def test_samples_of_unusual_names_can_be_copied() -> None:
    """A namespace with markup in it is escaped in the envelope, and letters beyond ASCII are encoded in the URL."""
    unusual = Operation("fråga", (Parameter("från"),), "urn:x", "svar")
    page = shown(unusual, Description("X", 'urn:x?a=1&b="<2>"', (unusual,)))

    assert page.samples[4].startswith(f"GET {PATH}/fr%C3%A5ga?fr%C3%A5n=string HTTP/1.1\n")
    for sample in (0, 2):
        found = read(page.samples[sample].partition("\n\n")[2].encode(), "utf-8")
        assert found.operation == ('urn:x?a=1&b="<2>"', "fråga")
        assert [name for name, _ in found.elements] == ["från"]


def test_the_form_to_try_an_operation() -> None:
    """It posts to the operation below the service, field by field, and a browser remembers nothing of it."""
    page = shown(BALANS)
    (form,) = [attributes for name, attributes in page.elements if name == "form"]

    assert form == {"method": "post", "action": "sendsms.asmx/balans", "autocomplete": "off"}
    assert page.values("input", "name") == ["konto", "passwd"]
    assert page.values("input", "type") == ["text", "password"]
    assert shown(EVERY_KIND).values("input", "name") == ["konto", "antal", "numbers", "again"]


TYPED = [
    *((name, "password") for name in ("passwd", "pass", "password", "key", "pwd", "losenord", "Passwd", "LOSENORD")),
    *((name, "text") for name in ("konto", "passport", "keys")),
]


@pytest.mark.parametrize(("name", "kind"), TYPED, ids=[case[0] for case in TYPED])
def test_a_secret_is_not_shown_while_it_is_typed(name: str, kind: str) -> None:
    """What is called like a secret, in any letter case, is typed as one."""
    assert shown(NOTHING._replace(parameters=(Parameter(name),))).values("input", "type") == [kind]


EVIL = "\"'><script>alert(1)</script>&amp;\x00\udce5"
TOLD = "\"'><script>alert(1)</script>&amp;??"
EVIL_PARTS = [
    ("the path", SERVICE, BALANS, f"/x{EVIL}/y{EVIL}.asmx", HOST),
    ("the host", SERVICE, BALANS, PATH, f"{EVIL}\r\nX: y"),
    ("the name of the operation", SERVICE, BALANS._replace(name=f"balans{EVIL}"), PATH, HOST),
    ("its note", SERVICE, BALANS._replace(note=EVIL), PATH, HOST),
    ("its action", SERVICE, BALANS._replace(action=EVIL), PATH, HOST),
    ("its result", SERVICE, BALANS._replace(result=EVIL, result_type="<script>alert(1)</script>"), PATH, HOST),
    ("a parameter", SERVICE, BALANS._replace(parameters=(Parameter(EVIL, EVIL, EVIL[1:]),)), PATH, HOST),
    ("the title", SERVICE._replace(title=EVIL), BALANS, PATH, HOST),
    ("the namespace", SERVICE._replace(namespace=EVIL), BALANS, PATH, HOST),
]


@pytest.mark.parametrize(
    ("label", "description", "operation", "path", "host"), EVIL_PARTS, ids=[case[0] for case in EVIL_PARTS]
)
def test_nothing_breaks_out_of_a_page(
    label: str, description: Description, operation: Operation, path: str, host: str
) -> None:
    """Whatever the request or the WSDL brings, it is text on the page: no element and no attribute comes of it."""
    description = description._replace(operations=(operation,))
    harmless = shown(BALANS)

    page = Page(operation_page(description, operation, path, host, forms=True))
    service = Page(service_page(description, path, forms=True))

    for found in (page, service):
        assert "script" not in {name for name, _ in found.elements}
        assert not [name for _, attributes in found.elements for name in attributes if "alert" in name]
    assert len(page.samples) == len(harmless.samples)
    assert "alert(1)" in page.text + service.text


def test_what_came_from_outside_is_told_as_it_came() -> None:
    """A host and a path are shown with every character of theirs, except those that no document can hold."""
    page = Page(operation_page(SERVICE, BALANS, f"/{EVIL}", EVIL, forms=True))

    assert page.samples[0].startswith(f"POST /{TOLD} HTTP/1.1\nHost: {TOLD}\nContent-Type: ")
    assert page.samples[4].startswith(f"GET /{TOLD}/balans?konto=string&passwd=string HTTP/1.1\nHost: {TOLD}\n")


LINKS = [
    ("another host cannot be smuggled in", "//evil.example/x.asmx", "x.asmx"),
    ("nor a script", "/javascript:alert(1)", "javascript%3Aalert%281%29"),
    ("nor a query", "/x.asmx?a=b", "x.asmx%3Fa%3Db"),
    ("what is percent-encoded stays so", "/a%20b.asmx", "a%20b.asmx"),
    ("letter case is kept", "/SendSms/SendSms.asmx", "SendSms.asmx"),
    ("characters beyond ASCII are encoded", "/å.asmx", "%C3%A5.asmx"),
]


@pytest.mark.parametrize(("label", "path", "file"), LINKS, ids=[case[0] for case in LINKS])
def test_links_stay_within_the_service(label: str, path: str, file: str) -> None:
    """Links and the form lead to the service itself, relative to its page, whatever path it was asked by."""
    description = SERVICE._replace(operations=(BALANS,))

    assert Page(service_page(description, path, forms=True)).values("a", "href") == [
        f"{file}?WSDL",
        f"{file}?op=balans",
    ]
    page = Page(operation_page(description, BALANS, path, HOST, forms=True))
    assert page.values("form", "action") == [f"{file}/balans"]


def test_the_discovery_document() -> None:
    """It names the WSDL, the page, and each port with its binding in the service's namespace."""
    assert disco(SERVICE, f"https://{HOST}{PATH}").decode() == (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<discovery xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        ' xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns="http://schemas.xmlsoap.org/disco/">\n'
        '  <contractRef ref="https://sms.example.org/sendsms/sendsms.asmx?wsdl"'
        ' docRef="https://sms.example.org/sendsms/sendsms.asmx" xmlns="http://schemas.xmlsoap.org/disco/scl/" />\n'
        '  <soap address="https://sms.example.org/sendsms/sendsms.asmx" xmlns:q1="http://web.smscom.se/sendsms/"'
        ' binding="q1:SendSmsSoap" xmlns="http://schemas.xmlsoap.org/disco/soap/" />\n'
        '  <soap address="https://sms.example.org/sendsms/sendsms.asmx" xmlns:q2="http://web.smscom.se/sendsms/"'
        ' binding="q2:SendSmsSoap12" xmlns="http://schemas.xmlsoap.org/disco/soap/" />\n'
        "</discovery>"
    )


def test_the_discovery_document_without_soap_12() -> None:
    """A service without a SOAP 1.2 port names the one port."""
    ports = parsed(disco(ONLY_11, "http://x/y.asmx")).findall("{http://schemas.xmlsoap.org/disco/soap/}soap")

    assert [port.get("binding") for port in ports] == ["q1:SendSmsSoap"]


def test_nothing_breaks_out_of_the_discovery_document() -> None:
    """Whatever the address, the title and the namespace hold, they are values of attributes."""
    root = parsed(disco(Description(EVIL, EVIL, ()), EVIL))

    contract, soap_11, soap_12 = root
    assert contract.tag == "{http://schemas.xmlsoap.org/disco/scl/}contractRef"
    assert contract.attrib == {"ref": f"{TOLD}?wsdl", "docRef": TOLD}
    assert soap_11.attrib == {"address": TOLD, "binding": f"q1:{TOLD}Soap"}
    assert soap_12.attrib == {"address": TOLD, "binding": f"q2:{TOLD}Soap12"}
