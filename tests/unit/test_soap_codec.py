"""What the SOAP codec reads from every kind of client, what it refuses, and that spyne reads the same."""

from typing import Any, NamedTuple

import pytest

from adapters.soap.contract import SendSmsService
from adapters.soap.meaning import Value
from adapters.soap.options import Served, SoapOptions
from adapters.soap.spyne_compat import spyne_imports
from adapters.soap.wire import Fault, FaultCode, Version, read
from gateway.errors import Malformed, UnsupportedMedia

with spyne_imports():
    from spyne import Application, MethodContext, ServerBase
    from spyne.protocol.soap import Soap11, Soap12

NS = "http://web.smscom.se/sendsms/"
NS11 = "http://schemas.xmlsoap.org/soap/envelope/"
NS12 = "http://www.w3.org/2003/05/soap-envelope"
XML = "text/xml; charset=utf-8"
SOAP = "application/soap+xml; charset=utf-8"
SMS, BALANS = f'"{NS}sms"', f'"{NS}balans"'
SERVICE, MMS = SoapOptions().served

NOTHING = dict.fromkeys(("konto", "passwd", "till", "from", "meddelande", "prio"))
LOGIN = {"konto": "ip1-1", "passwd": "key"}
HI = {**LOGIN, "till": "46700000001", "from": "iP1", "meddelande": "Hej", "prio": "1"}


def env(inner: str, ns: str = NS11, header: str = "") -> str:
    """An envelope with a body."""
    head = f"<soap:Header>{header}</soap:Header>" if header else ""
    return f'<soap:Envelope xmlns:soap="{ns}">{head}<soap:Body>{inner}</soap:Body></soap:Envelope>'


def op(name: str, args: dict[str, str], ns: str = NS) -> str:
    """An operation's element, in the default namespace."""
    children = "".join(f"<{key}>{value}</{key}>" for key, value in args.items())
    return f'<{name} xmlns="{ns}">{children}</{name}>'


PHP = (
    f'<?xml version="1.0" encoding="UTF-8"?>\n<SOAP-ENV:Envelope xmlns:SOAP-ENV="{NS11}" xmlns:ns1="{NS}">'
    "<SOAP-ENV:Body><ns1:sms><ns1:konto>ip1-1</ns1:konto><ns1:passwd>key</ns1:passwd><ns1:till>46700000001</ns1:till>"
    "<ns1:from>iP1</ns1:from><ns1:meddelande>Hej</ns1:meddelande><ns1:prio>1</ns1:prio></ns1:sms></SOAP-ENV:Body>"
    "</SOAP-ENV:Envelope>\n"
)
LITE = (
    f'<soap:Envelope xmlns:soap="{NS11}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    f' xmlns:xsd="http://www.w3.org/2001/XMLSchema"><soap:Body><balans xmlns="{NS}">'
    '<konto xsi:type="xsd:string">ip1-1</konto><passwd xsi:type="xsd:long">12</passwd></balans></soap:Body>'
    "</soap:Envelope>"
)
DOTNET = (
    '<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">'
    f"<soap:Body>{op('sms', HI)}</soap:Body></soap:Envelope>"
)
NIL = (
    f'<sms xmlns="{NS}" xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><konto>ip1-1</konto>'
    '<prio i:nil="true"/></sms>'
)


class Row(NamedTuple):
    """A raw request, and what is read from it. `spyne`: whether spyne can read it too, and must read the same."""

    label: str
    body: str | bytes
    expected: tuple[Version, str, str, dict[str, str | None]]
    content_type: str = XML
    action: str | None = SMS
    spyne: bool = True


def sms(version: Version = Version.SOAP_11, ns: str = NS, **over: str | None) -> Any:
    """What an `sms` with the usual arguments is read as."""
    return (version, "sms", ns, {**NOTHING, **HI, **over})


def balans(version: Version = Version.SOAP_11, ns: str = NS, **over: str | None) -> Any:
    """What a `balans` with the usual arguments is read as."""
    return (version, "balans", ns, {**LOGIN, **over})


SV = {**HI, "meddelande": "åäö €"}
READ = (
    Row("PHP's SoapClient, as it writes the provider's sample", PHP, sms()),
    Row("a .NET proxy, which declares xsi and xsd", DOTNET, sms()),
    Row("SOAP 1.2 with its action in the Content-Type", env(op("sms", HI), NS12), sms(Version.SOAP_12),
        f'{SOAP}; action="{NS}sms"', None),
    Row("SOAP 1.2 without an action", env(op("sms", HI), NS12), sms(Version.SOAP_12), SOAP, None),
    Row("SOAP 1.2 sent as text/xml is SOAP 1.2 all the same", env(op("sms", HI), NS12), sms(Version.SOAP_12)),
    Row("SOAP 1.1 sent as application/soap+xml is SOAP 1.1", env(op("sms", HI)), sms(), SOAP, None),
    Row("a Content-Type in capitals", env(op("sms", HI)), sms(), "Text/XML; Charset=UTF-8"),
    Row("a Content-Type with blanks and a quoted charset", env(op("sms", HI)), sms(), ' text/xml ; charset = "utf-8" '),
    Row("a Content-Type without a charset", env(op("sms", HI)), sms(), "text/xml"),
    Row("no SOAPAction: the body's element decides", env(op("balans", LOGIN)), balans(), XML, None),
    Row("an empty SOAPAction is forgiven", env(op("balans", LOGIN)), balans(), XML, '""'),
    Row("a SOAPAction without quotes", env(op("sms", HI)), sms(), XML, f"{NS}sms"),
    Row("a SOAPAction that is percent-encoded", env(op("sms", HI)), sms(), XML, '"http%3A%2F%2Fx%2Fsms"'),
    Row("SOAP::Lite's SOAPAction with a hash", env(op("sms", HI)), sms(), XML, '"http://web.smscom.se/sendsms/#sms"'),
    Row("an unknown SOAPAction is forgiven where the element is known", env(op("sms", HI)), sms(), XML, '"urn:x:y"'),
    Row("the SOAPAction decides where the element is another's", env(op("balans", LOGIN)),
        (Version.SOAP_11, "sms", NS, {**NOTHING, **LOGIN}), XML, SMS, spyne=False),
    Row("the SOAPAction alone, over an empty body", env(""), (Version.SOAP_11, "sms", NS, NOTHING), spyne=False),
    Row("balans by its action", env(op("balans", LOGIN)), balans(), XML, BALANS),
    Row("an operation without arguments has nulls", env(f'<sms xmlns="{NS}"/>'),
        (Version.SOAP_11, "sms", NS, NOTHING)),
    Row("a missing parameter is null", env(op("sms", LOGIN)), (Version.SOAP_11, "sms", NS, {**NOTHING, **LOGIN})),
    Row("an empty parameter is empty, not null", env(op("sms", {**HI, "from": ""})), sms(**{"from": ""}), spyne=False),
    Row("xsi:nil is as good as empty", env(NIL),
        (Version.SOAP_11, "sms", NS, {**NOTHING, "konto": "ip1-1", "prio": ""}), spyne=False),
    Row("parameters in the opposite order", env(op("sms", dict(reversed(HI.items())))), sms()),
    Row("an extra parameter is ignored", env(op("sms", {"extra": "1", **HI})), sms()),
    Row("an extra parameter that holds elements is ignored", env(op("sms", {"extra": "<a>b<c/></a>d", **HI})), sms()),
    Row("the first of two counts", env(op("sms", HI).replace("</sms>", "<till>1</till></sms>")), sms(), spyne=False),
    Row("the first of two counts, though it is empty",
        env(op("sms", {**HI, "till": ""}).replace("</sms>", "<till>1</till></sms>")), sms(till=""), spyne=False),
    Row("Konto and Passwd, as one client writes them", env(op("balans", {"Konto": "ip1-1", "Passwd": "key"})), balans(),
        XML, BALANS, spyne=False),
    Row("another namespace is kept for the answer", env(op("sms", HI, "http://tempuri.org/")), sms(ns="http://tempuri.org/"),
        spyne=False),
    Row("no namespace at all", env(op("sms", HI, "")), sms(), spyne=False),
    Row("parameters outside the namespace of their operation",
        env(op("sms", HI).replace("<konto>", '<konto xmlns="">').replace("<till>", '<till xmlns="u">')), sms()),
    Row("a header that need not be understood", env(op("sms", HI), header='<h xmlns="u">x</h>'), sms()),
    Row("a header whose mustUnderstand is 0",
        env(op("sms", HI), header='<h xmlns="u" soap:mustUnderstand="0"/>'), sms()),
    Row("SoapUI's comments and blanks between elements",
        env(f"\n<!--x-->\n{op('sms', HI)}\n".replace("<till>", "\n  <!--Optional:-->\n  <till>")), sms()),
    Row("a comment inside a text leaves the text whole", env(op("sms", {**HI, "meddelande": "He<!--x-->j"})), sms()),
    Row("what looks like a processing instruction or a document type in a text is text",
        env(op("sms", {**HI, "meddelande": "<![CDATA[<?x?><!DOCTYPE a>]]>"})), sms(meddelande="<?x?><!DOCTYPE a>")),
    Row("CDATA, and in it what only looks like a document type",
        env(op("sms", {**HI, "meddelande": "<![CDATA[<!DOCTYPE a> & b]]>"})), sms(meddelande="<!DOCTYPE a> & b")),
    Row("character references", env(op("sms", {**HI, "meddelande": "&#229;&#x20AC;&lt;&amp;&quot;"})),
        sms(meddelande='å€<&"')),
    Row("line ends are made one kind, as XML does", env(op("sms", {**HI, "meddelande": "a\r\nb\rc"})),
        sms(meddelande="a\nb\nc")),
    Row("blanks around a text are kept", env(op("sms", {**HI, "meddelande": "  a  "})), sms(meddelande="  a  ")),
    Row("typed parameters, as Perl's SOAP::Lite sends them", LITE, balans(passwd="12"), XML, BALANS),
    Row("a second operation in the body is not called", env(op("sms", HI) + op("balans", {"konto": "x"})), sms()),
    Row("å, € and 😀 in UTF-8", env(op("sms", {**HI, "meddelande": "åäö € 😀"})), sms(meddelande="åäö € 😀")),
    Row("UTF-8 with a byte order mark", "\ufeff" + PHP, sms()),
    Row("UTF-16 with a mark, whatever the charset says", PHP.replace("UTF-8", "UTF-16").encode("utf-16"), sms(),
        "text/xml; charset=utf-16"),
    Row("UTF-16 without a mark and without a charset", env(op("sms", SV)).encode("utf-16-be"), sms(meddelande="åäö €"),
        "text/xml", spyne=False),
    Row("windows-1252 named by HTTP", env(op("sms", SV)).encode("cp1252"), sms(meddelande="åäö €"),
        "text/xml; charset=windows-1252", spyne=False),
    Row("iso-8859-1 named by HTTP", env(op("sms", {**HI, "meddelande": "åäö"})).encode("latin-1"),
        sms(meddelande="åäö"), "text/xml; charset=ISO-8859-1", spyne=False),
    Row("HTTP's charset beats the XML declaration", '<?xml version="1.0" encoding="iso-8859-1"?>' + env(op("sms", SV)),
        sms(meddelande="åäö €"), spyne=False),
    Row("the XML declaration, where HTTP names no charset",
        ('<?xml version="1.0" encoding="iso-8859-15"?>' + env(op("sms", SV))).encode("iso-8859-15"),
        sms(meddelande="åäö €"), "text/xml"),
    Row("the XML declaration, where HTTP names an unknown charset",
        ("<?xml version='1.0' encoding='windows-1252'?>" + env(op("sms", SV))).encode("cp1252"),
        sms(meddelande="åäö €"), "text/xml; charset=x-klingon", spyne=False),
    Row("what says UTF-8 and is windows-1252 is repaired", env(op("sms", SV)).encode("cp1252"), sms(meddelande="åäö €"),
        spyne=False),
    Row("a declaration of UTF-16 over single bytes is not believed", PHP.replace("UTF-8", "utf-16"), sms(), "text/xml",
        spyne=False),
    Row("a byte that is in no charset becomes one odd character",
        env(op("sms", {**HI, "meddelande": "H?j"})).encode().replace(b"?", b"\x81"), sms(meddelande="H\ufffdj"),
        spyne=False),
)  # fmt: skip

BAD = [
    pytest.param(b"", XML, id="an empty body"),
    pytest.param(b"<a", XML, id="a body that breaks off"),
    pytest.param(PHP.encode()[:-30], XML, id="an envelope that breaks off"),
    pytest.param(b"konto=ip1-1&passwd=key", XML, id="a form"),
    pytest.param(b'{"konto": "ip1-1"}', XML, id="JSON"),
    pytest.param(b"\n" + PHP.encode(), XML, id="a blank line before the XML declaration, as .NET"),
    pytest.param(PHP.encode() + b"\0", XML, id="a NUL byte at the end"),
    pytest.param(PHP.replace("Hej", "H\0j").encode(), XML, id="a NUL byte in a text"),
    pytest.param(PHP.replace("Hej", "&#0;").encode(), XML, id="a reference to NUL"),
    pytest.param(PHP.replace("Hej", "&#xD800;").encode(), XML, id="a reference to half a surrogate pair"),
    pytest.param(PHP.replace("Hej", "\x01").encode(), XML, id="a control character"),
    pytest.param(PHP.replace("Hej", "&hej;").encode(), XML, id="an entity that nobody declared"),
    pytest.param(PHP.replace("<ns1:sms>", "<ns2:sms>").encode(), XML, id="a prefix that nobody declared"),
    pytest.param(
        PHP.replace("Hej", "H<b>e</b>j").encode(), XML, id="elements in a text, a part of which would be lost"
    ),
    pytest.param(PHP.encode() * 2, XML, id="two documents"),
    pytest.param(b"<!DOCTYPE a>" + env(op("sms", HI)).encode(), XML, id="a document type"),
    pytest.param(
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + env(op("sms", {"till": "&x;"})).encode(),
        XML,
        id="an entity that reads a file",
    ),
    pytest.param(
        b'<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "'
        + b"&a;" * 100
        + b'"><!ENTITY c "'
        + b"&b;" * 100
        + b'">]>'
        + env(op("sms", {"till": "&c;" * 100})).encode(),
        XML,
        id="a billion laughs",
    ),
    pytest.param(
        b'<!DOCTYPE a [<!ENTITY % d SYSTEM "http://127.0.0.1:9/x"> %d;]>' + env("").encode(),
        XML,
        id="a document type with a part elsewhere",
    ),
    pytest.param(
        env("<sms " + " ".join(f'a{i}="1"' for i in range(50_000)) + "/>").encode(), XML, id="50,000 attributes"
    ),
    pytest.param(
        env("<sms>" + '<a b="1"/>' * 4_000 + "</sms>").encode(),
        XML,
        id="4,000 elements with an attribute each",
    ),
    pytest.param(env(op("sms", {**HI, "meddelande": "He<?x y?>j"})).encode(), XML, id="a processing instruction"),
    pytest.param(env("<sms>" + "<a/>" * 30_000 + "</sms>").encode(), XML, id="30,000 elements"),
    pytest.param(env("").encode("utf-16")[:-1], XML, id="half a UTF-16 unit at the end"),
]


class Read(NamedTuple):
    """A decoded request, its arguments by the names that the client used for them."""

    version: Version
    operation: str
    namespace: str
    args: dict[str, Value]


def decode(body: str | bytes, content_type: str = XML, action: str | None = SMS, service: Served = SERVICE) -> Read:
    """What a codec makes of a request."""
    bound, args, answering = service.codec.decode(
        body if isinstance(body, bytes) else body.encode(), content_type, action
    )
    by_name = {name: args[meaning] for name, meaning in bound.meanings.items()}
    return Read(answering.version, answering.operation.name, answering.namespace, by_name)


@pytest.mark.parametrize("row", READ, ids=lambda row: row.label)
def test_reads(row: Row) -> None:
    """A request of a client that works today is read: version, operation, namespace of the answer, arguments."""
    assert tuple(decode(row.body, row.content_type, row.action)) == row.expected


def test_the_corpus_is_large() -> None:
    """At least 45 kinds of request are known to be read."""
    assert len({row.label for row in READ}) == len(READ) >= 45


class _Oracle(ServerBase):  # type: ignore[misc]
    transport = "none"


def spyne_decodes(version: Version, body: bytes, charset: str | None) -> tuple[str, dict[str, str | None]]:
    """What spyne's own protocol reads from an envelope, told to be as forgiving as it can."""
    protocol = {Version.SOAP_11: Soap11, Version.SOAP_12: Soap12}[version](parse_xsi_type=False)
    server = _Oracle(Application([SendSmsService], NS, in_protocol=protocol, out_protocol=Soap11()))
    context = MethodContext(server, MethodContext.SERVER)
    context.in_string = [body]
    (context,) = server.generate_contexts(context, in_string_charset=charset)
    server.get_in_object(context)
    assert context.in_error is None
    bound = SERVICE.bound[context.descriptor.name]
    return bound.operation.name, {name: getattr(context.in_object, name) for name in bound.meanings}


@pytest.mark.parametrize("row", [row for row in READ if row.spyne], ids=lambda row: row.label)
def test_agrees_with_spyne(row: Row) -> None:
    """Where spyne can read a request at all, it reads the operation and the arguments that the lane reads."""
    body = row.body.encode() if isinstance(row.body, str) else row.body
    charset = "utf-8" if row.content_type.lower().replace('"', "").replace(" ", "").endswith("utf-8") else None
    version, operation, _, args = row.expected
    assert spyne_decodes(version, body, charset) == (operation, args)


@pytest.mark.parametrize(("body", "content_type"), BAD)
def test_refuses_what_is_no_xml(body: bytes, content_type: str) -> None:
    """What .NET answers with a bare 400, and what only an attacker sends, is Malformed."""
    with pytest.raises(Malformed):
        decode(body, content_type)


def test_a_thousand_attributes_are_read() -> None:
    """The guard is a limit, not a ban; depth needs none of its own, for nothing here calls itself."""
    assert decode(env(f"<sms>{'<a>' * 1900}{'</a>' * 1900}</sms>")).operation == "sms"
    attributes = " ".join(f'a{i}="1"' for i in range(1000))
    assert decode(env(f"<sms {attributes}/>")).operation == "sms"


def test_a_huge_comment_is_passed_over() -> None:
    """A comment of any size costs nothing and leaves nothing."""
    assert decode(env(op("balans", LOGIN) + f"<!--{'x' * 100_000}-->"), action=None).args == LOGIN


@pytest.mark.parametrize(
    "content_type",
    ["", "text", "text/plain", "application/xml", "application/json", "application/x-www-form-urlencoded",
     "multipart/related; type=text/xml", "text/xmlx", "\udcff", "; text/xml"],
)  # fmt: skip
def test_refuses_other_media_types(content_type: str) -> None:
    """Only text/xml and application/soap+xml are SOAP, as on the .asmx."""
    with pytest.raises(UnsupportedMedia):
        decode(PHP, content_type)


FAULTS = [
    pytest.param(
        env("<f/>"), XML, '"http://x/f"', Version.SOAP_11, FaultCode.CLIENT,
        "Server did not recognize the value of HTTP Header SOAPAction: http://x/f.", id="an unknown action"),
    pytest.param(
        env("<f/>"), XML, '""', Version.SOAP_11, FaultCode.CLIENT,
        "Server did not recognize the value of HTTP Header SOAPAction: .", id="an empty action"),
    pytest.param(
        env("<SMS/>"), XML, '"http://x/SMS"', Version.SOAP_11, FaultCode.CLIENT,
        "Server did not recognize the value of HTTP Header SOAPAction: http://x/SMS.", id="an operation in capitals"),
    pytest.param(
        env(""), XML, None, Version.SOAP_11, FaultCode.CLIENT,
        "Unable to handle request without a valid action parameter. Please supply a valid soap action.",
        id="an empty body without an action"),
    pytest.param(
        env("<f/>", NS12), SOAP, None, Version.SOAP_12, FaultCode.CLIENT,
        "Unable to handle request without a valid action parameter. Please supply a valid soap action.",
        id="SOAP 1.2, an unknown element and no action"),
    pytest.param(
        env("<f/>", NS12), SOAP + '; action="http://x/f"', None, Version.SOAP_12, FaultCode.CLIENT,
        "Unable to handle request. The action 'http://x/f' was not recognized.", id="SOAP 1.2, an unknown action"),
    pytest.param(
        env(op("sms", HI), header='<w:Security xmlns:w="u" soap:mustUnderstand="1"/>'), XML, SMS, Version.SOAP_11,
        FaultCode.MUST_UNDERSTAND, "SOAP header Security was not understood.", id="a header that must be understood"),
    pytest.param(
        env(op("sms", HI), NS12, '<w:To xmlns:w="u" soap:mustUnderstand="true"/>'), SOAP, None, Version.SOAP_12,
        FaultCode.MUST_UNDERSTAND, "SOAP header To was not understood.", id="SOAP 1.2, such a header"),
    pytest.param(
        env(op("sms", HI), "urn:soap"), XML, SMS, Version.SOAP_11, FaultCode.VERSION_MISMATCH,
        f"Possible SOAP version mismatch: Envelope namespace urn:soap was unexpected. Expecting {NS11}.",
        id="an envelope of neither version"),
    pytest.param(
        "<html/>", XML, SMS, Version.SOAP_11, FaultCode.VERSION_MISMATCH,
        f"Possible SOAP version mismatch: Envelope namespace  was unexpected. Expecting {NS11}.", id="HTML"),
    pytest.param(
        f'<a xmlns="{NS11}"/>', XML, SMS, Version.SOAP_11, FaultCode.CLIENT,
        "Server was unable to read request. ---> Request format is invalid: Missing required soap:Envelope element.",
        id="no envelope"),
    pytest.param(
        f'<Envelope xmlns="{NS12}"><Header/></Envelope>', XML, SMS, Version.SOAP_12, FaultCode.CLIENT,
        "Server was unable to read request. ---> Request format is invalid: Missing required soap:Body element.",
        id="no body"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "content_type", "action", "version", "code", "text"), FAULTS)
def test_faults(body: str, content_type: str, action: str | None, version: Version, code: FaultCode, text: str) -> None:
    """XML that is no call of an operation is a fault, in the client's version and in ASP.NET's words."""
    with pytest.raises(Fault) as caught:
        decode(body, content_type, action)
    assert (caught.value.version, caught.value.code, caught.value.text) == (version, code, text)


def test_a_header_in_the_body_is_no_header() -> None:
    """A mustUnderstand means something on the children of the Header alone."""
    body = env(op("sms", HI).replace("<sms ", '<sms soap:mustUnderstand="1" '))
    assert decode(body).operation == "sms"


def test_reads_nothing_of_a_body_in_another_namespace() -> None:
    """A Body that is not the envelope's own is not the Body."""
    envelope = read(f'<Envelope xmlns="{NS11}"><Body xmlns="u"><sms/></Body></Envelope>'.encode(), None)
    assert (envelope.body, envelope.operation) == (False, ("", ""))


def test_the_mms_service_has_no_sms() -> None:
    """The services do not lend each other their operations."""
    assert decode(env(op("balans", LOGIN)), action=None, service=MMS).args == LOGIN
    with pytest.raises(Fault, match=r"SOAPAction: http://web\.smscom\.se/mms/sms"):
        decode(env(op("sms", HI)), action='"http://web.smscom.se/mms/sms"', service=MMS)
