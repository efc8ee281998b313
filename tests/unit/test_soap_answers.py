"""The very bytes that the SOAP face answers: results, errors as values, bare refusals and faults."""

from typing import Any
from xml.parsers import expat

import pytest
from builders import DONE

from adapters.soap.face import SoapFace
from gateway.commands import Accepted, AccountStatus, BatchStatus
from gateway.errors import (
    BadContent,
    BadRecipient,
    BadSender,
    Busy,
    Forbidden,
    GatewayError,
    Internal,
    Malformed,
    MethodNotAllowed,
    NoFunds,
    NotFound,
    TooLarge,
    Unauthenticated,
    Unreachable,
    UnsupportedMedia,
)
from gateway.model import Account, Batch, Content
from gateway.ports import Call, Inbound, Reply

FACE = SoapFace()
PATH = "/sendsms/sendsms.asmx"
NS = "http://web.smscom.se/sendsms/"
NS11 = "http://schemas.xmlsoap.org/soap/envelope/"
NS12 = "http://www.w3.org/2003/05/soap-envelope"
ACCOUNT = Account("ip1-1", "Example AB", "SEK", "46")
HI = {"konto": "ip1-1", "passwd": "key", "till": "46700000001", "from": "iP1", "meddelande": "Hej", "prio": "1"}

HEAD_11 = (
    '<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">'
)
HEAD_12 = (
    '<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://www.w3.org/2003/05/soap-envelope"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">'
)
TAIL = "</soap:Body></soap:Envelope>"
ANSWER_11 = {"Content-Type": "text/xml; charset=utf-8", "Cache-Control": "private, max-age=0"}
ANSWER_12 = {"Content-Type": "application/soap+xml; charset=utf-8", "Cache-Control": "private, max-age=0"}
FAULT_11 = {"Content-Type": "text/xml; charset=utf-8", "Cache-Control": "private"}
FAULT_12 = {"Content-Type": "application/soap+xml; charset=utf-8", "Cache-Control": "private"}


def call(operation: str, args: dict[str, str], *, ns: str = NS, envelope: str = NS11, path: str = PATH) -> Call:
    """A call of an operation, its namespace written as it stands in the XML."""
    children = "".join(f"<{name}>{value}</{name}>" for name, value in args.items())
    body = (
        f'<s:Envelope xmlns:s="{envelope}"><s:Body><{operation} xmlns="{ns}">{children}</{operation}>'
        "</s:Body></s:Envelope>"
    )
    content_type = "text/xml; charset=utf-8" if envelope == NS11 else "application/soap+xml; charset=utf-8"
    return Call("POST", path, headers={"Content-Type": content_type}, body=body.encode())


def inbound(asked: Call) -> Inbound:
    """What the core gets to do."""
    decoded = FACE.decode(asked)
    assert isinstance(decoded, Inbound)
    return decoded


def tags(document: bytes) -> list[str]:
    """The elements of a document, each with its namespace before it. Raises ExpatError where it is not well-formed."""
    found: list[str] = []
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = lambda name, _: found.append(name)
    parser.Parse(document, True)
    return found


def accepted(command: Any, key: int = 42487049) -> Accepted:
    """What the core answers to an `sms`."""
    batch = Batch(
        key=key, created=0, account="ip1-1", caller="erp", face="soap", size=1, content=Content(sender="x", body="y")
    )
    return Accepted(batch, command.recipients, (1,) * len(command.recipients), ACCOUNT, DONE)


def test_the_bytes_of_an_answer() -> None:
    """One line, no prefix on the result, the namespace once: some clients search for `<smsResult>` as a string."""
    asked = inbound(call("sms", HI))
    assert FACE.encode(accepted(asked.command), asked, call("sms", HI)) == Reply(
        200,
        f'{HEAD_11}<soap:Body><smsResponse xmlns="{NS}"><smsResult>42487049</smsResult></smsResponse>{TAIL}'.encode(),
        ANSWER_11,
    )


def test_the_bytes_of_an_answer_in_soap_12() -> None:
    """A client of SOAP 1.2 is answered in SOAP 1.2."""
    asking = call("balans", {}, envelope=NS12)
    asked = inbound(asking)
    assert FACE.encode(AccountStatus(ACCOUNT, "123.45", "SEK"), asked, asking) == Reply(
        200,
        (
            f'{HEAD_12}<soap:Body><balansResponse xmlns="{NS}"><balansResult>123.45</balansResult></balansResponse>'
            f"{TAIL}"
        ).encode(),
        ANSWER_12,
    )


@pytest.mark.parametrize(
    ("written", "answered"),
    [
        ("http://tempuri.org/", "http://tempuri.org/"),
        ("", NS),
        ("u&quot;&gt;&lt;x&amp;", "u&quot;&gt;&lt;x&amp;"),
        ("a&#9;b&#10;c&#13;d'å", "a&#x9;b&#xA;c&#xD;d'å"),
    ],
)
def test_the_answer_is_in_the_namespace_of_the_request(written: str, answered: str) -> None:
    """Compiled clients expect the namespace they were made with, which nobody knows; any string is but a namespace."""
    asking = call("balans", {}, ns=written)
    reply = FACE.encode(AccountStatus(ACCOUNT, "1", "SEK"), inbound(asking), asking)
    assert f'<balansResponse xmlns="{answered}"><balansResult>1<'.encode() in reply.body
    namespace = tags(asking.body)[-1].rpartition(" ")[0] or NS
    assert tags(reply.body)[-2:] == [f"{namespace} balansResponse", f"{namespace} balansResult"]


ERRORS = [
    (Unauthenticated(), "101"),
    (NoFunds(), "100"),
    (BadRecipient(), "3"),
    (BadContent(), "2"),
    (BadSender(), "110"),
    (Malformed(), "110"),
    (NotFound(), "110"),
    (Forbidden(), "110"),
    (Busy(), "42"),
    (Internal(), "42"),
    (Unreachable(), "42"),
]


@pytest.mark.parametrize(("error", "code"), ERRORS, ids=lambda value: type(value).__name__)
def test_errors_are_values(error: GatewayError, code: str) -> None:
    """What is wrong with a call is told as a legacy code in the place of the result, with HTTP 200, not as a fault."""
    for operation in ("sms", "balans"):
        asking = call(operation, HI)
        assert FACE.refuse(error, asking, inbound(asking)) == Reply(
            200,
            (
                f'{HEAD_11}<soap:Body><{operation}Response xmlns="{NS}"><{operation}Result>{code}</{operation}Result>'
                f"</{operation}Response>{TAIL}"
            ).encode(),
            ANSWER_11,
        )


@pytest.mark.parametrize(
    ("error", "status"),
    [(TooLarge(131_072), 413), (UnsupportedMedia(), 415), (Malformed(), 400), (BadContent(), 400)],
)
def test_what_was_not_understood_is_refused_without_a_body(error: GatewayError, status: int) -> None:
    """A bare status, as ASP.NET gives: the answer to no XML is not XML."""
    assert FACE.refuse(error, Call("POST", PATH), None) == Reply(status, b"", {"Cache-Control": "private"})


@pytest.mark.parametrize("method", ["PUT", "HEAD", "OPTIONS", "DELETE", "PATCH", "get"])
def test_other_methods_are_not_allowed(method: str) -> None:
    """An .asmx answers GET and POST."""
    with pytest.raises(MethodNotAllowed) as caught:
        FACE.decode(Call(method, PATH, query="wsdl"))
    reply = FACE.refuse(caught.value, Call(method, PATH), None)
    assert reply == Reply(405, b"", {"Allow": "GET, POST", "Cache-Control": "private"})


def test_the_bytes_of_a_fault_of_ours() -> None:
    """A crash before the call was understood is ASP.NET's own fault, in the version that the Content-Type tells."""
    words = "Server was unable to process request. ---&gt; Something went wrong in the gateway; its log says what"
    assert FACE.refuse(Internal(), Call("POST", PATH, headers={"Content-Type": "text/xml"}), None) == Reply(
        500,
        (
            f"{HEAD_11}<soap:Body><soap:Fault><faultcode>soap:Server</faultcode><faultstring>{words}</faultstring>"
            f"<detail /></soap:Fault>{TAIL}"
        ).encode(),
        FAULT_11,
    )
    asked = Call("POST", PATH, headers={"Content-Type": "Application/SOAP+xml"})
    assert FACE.refuse(Internal(), asked, None) == Reply(
        500,
        (
            f"{HEAD_12}<soap:Body><soap:Fault><soap:Code><soap:Value>soap:Receiver</soap:Value></soap:Code><soap:Reason>"
            f'<soap:Text xml:lang="en">{words}</soap:Text></soap:Reason><soap:Detail /></soap:Fault>{TAIL}'
        ).encode(),
        FAULT_12,
    )


def test_the_bytes_of_an_unknown_operation() -> None:
    """A fault of the client, HTTP 500; what is repeated of the header cannot break the XML."""
    asked = call("nope", {})
    headers = {**asked.headers, "SOAPAction": '"x<&>\x01\udcff"'}
    assert FACE.decode(Call("POST", PATH, headers=headers, body=asked.body)) == Reply(
        500,
        (
            f"{HEAD_11}<soap:Body><soap:Fault><faultcode>soap:Client</faultcode><faultstring>Server did not recognize"
            " the value of HTTP Header SOAPAction: x&lt;&amp;&gt;??.</faultstring><detail /></soap:Fault>"
            f"{TAIL}"
        ).encode(),
        FAULT_11,
    )
    headers = {"Content-Type": 'application/soap+xml; charset=utf-8; action="urn:x"'}
    asked = call("nope", {}, envelope=NS12)
    assert FACE.decode(Call("POST", PATH, headers=headers, body=asked.body)) == Reply(
        500,
        (
            f"{HEAD_12}<soap:Body><soap:Fault><soap:Code><soap:Value>soap:Sender</soap:Value></soap:Code><soap:Reason>"
            "<soap:Text xml:lang=\"en\">Unable to handle request. The action 'urn:x' was not recognized.</soap:Text>"
            f"</soap:Reason><soap:Detail /></soap:Fault>{TAIL}"
        ).encode(),
        FAULT_12,
    )


def test_the_bytes_of_a_header_that_is_not_understood() -> None:
    """A fault about a header has no detail."""
    asked = call("sms", HI)
    header = b'<s:Header><w:Security xmlns:w="u" s:mustUnderstand="1"/></s:Header><s:Body>'
    assert FACE.decode(
        Call("POST", PATH, headers=asked.headers, body=asked.body.replace(b"<s:Body>", header))
    ) == Reply(
        500,
        (
            f"{HEAD_11}<soap:Body><soap:Fault><faultcode>soap:MustUnderstand</faultcode><faultstring>SOAP header"
            f" Security was not understood.</faultstring></soap:Fault>{TAIL}"
        ).encode(),
        FAULT_11,
    )


def test_the_bytes_of_a_version_mismatch() -> None:
    """The Upgrade header names the two envelopes that are understood."""
    assert FACE.decode(call("sms", HI, envelope="urn:soap")) == Reply(
        500,
        (
            f'{HEAD_11}<soap:Header><soap12:Upgrade xmlns:soap12="{NS12}">'
            f'<soap12:SupportedEnvelope qname="soap:Envelope" xmlns:soap="{NS11}" />'
            f'<soap12:SupportedEnvelope qname="soap12:Envelope" xmlns:soap12="{NS12}" />'
            "</soap12:Upgrade></soap:Header><soap:Body><soap:Fault><faultcode>soap:VersionMismatch</faultcode>"
            "<faultstring>Possible SOAP version mismatch: Envelope namespace urn:soap was unexpected. Expecting"
            f" {NS11}.</faultstring><detail /></soap:Fault>{TAIL}"
        ).encode(),
        FAULT_11,
    )  # fmt: skip


def test_an_answer_to_no_question_is_a_bug() -> None:
    """No operation asks for a batch's status; should the core give one, the log shall say so."""
    asking = call("balans", {})
    with pytest.raises(TypeError, match="BatchStatus"):
        FACE.encode(BatchStatus(accepted(inbound(call("sms", HI)).command).batch, (), ACCOUNT), inbound(asking), asking)
