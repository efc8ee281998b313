"""The SOAP service as an upstream: the bytes that leave, what its answers mean, and both looped into our own face."""

from pathlib import Path
from typing import Any

import pytest
import zeep
from builders import DONE, NOW, a_batch, a_content, a_dispatch, a_message
from lxml import etree
from multidict import CIMultiDict
from pydantic import ValidationError

from adapters.soap.face import SoapFace
from adapters.soap.options import SoapOptions, SoapUpstreamOptions
from adapters.soap.upstream import SoapUpstream
from gateway.commands import Accepted, AccountStatus, SubmitBatch
from gateway.errors import (
    BadContent,
    BadRecipient,
    BadSender,
    Busy,
    GatewayError,
    Malformed,
    Misconfigured,
    NoFunds,
    Refused,
    SendError,
    Throttled,
    TooLarge,
    Unanswered,
    Unauthenticated,
    Unsupported,
    UnsupportedMedia,
    WrongKey,
)
from gateway.model import Account, Content, Dispatch, MessageType, Priority, Recipient
from gateway.paths import wsdl_dir
from gateway.ports import Call, Inbound, Receipt, Receipts, Reply
from gateway.status import Status

URL = "https://web.example/sendsms/sendsms.asmx"
GIVEN: dict[str, Any] = {"url": URL, "account": "ip1-12345", "key": "k<e>y&"}
FACE = SoapFace()
OWN = Path(__file__).resolve().parents[1] / "wsdl" / "original.wsdl"
SEND = {"Recipients": "recipients", "Sender": "sender", "Message": "text", "SendTime": "time", "Reference": "ignored"}
MAPPED = {
    "balans": {"operation": "GetBalance"},
    "sms": {"operation": "SendSms", "parameters": SEND},
}


def upstream(**over: Any) -> SoapUpstream:
    """An upstream with these options."""
    return SoapUpstream(SoapUpstreamOptions.model_validate(GIVEN | over))


def dispatch(content: Content, params: dict[str, str] | None = None) -> Dispatch:
    """One message of that content."""
    return a_dispatch(messages=(a_message(params=params or {}),), batch=a_batch(content=content))


def test_the_bytes_of_soap_1_1() -> None:
    """An envelope on one line, the elements in the order of the WSDL, and the action in quotes."""
    call = upstream().encode(dispatch(a_content(body='Hej <&> "å" €\r\n👍', priority=Priority.HIGH)), None)

    assert (call.method, call.path, call.query) == ("POST", URL, "")
    assert dict(call.headers) == {
        "Content-Type": "text/xml; charset=utf-8",
        "SOAPAction": '"http://web.smscom.se/sendsms/sms"',
    }
    assert call.body.decode() == (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">'
        '<soap:Body><sms xmlns="http://web.smscom.se/sendsms/"><konto>ip1-12345</konto>'
        "<passwd>k&lt;e&gt;y&amp;</passwd><till>46712345678</till><from>iP1</from>"
        '<meddelande>Hej &lt;&amp;&gt; "å" €&#xD;\n👍</meddelande><prio>3</prio></sms></soap:Body></soap:Envelope>'
    )


def test_the_headers_of_soap_1_2() -> None:
    """The action is a parameter of the media type, and the envelope is the other one."""
    call = upstream(version="1.2", namespace="urn:other/").encode(dispatch(a_content()), None)

    assert dict(call.headers) == {"Content-Type": 'application/soap+xml; charset=utf-8; action="urn:other/sms"'}
    assert b'xmlns:soap="http://www.w3.org/2003/05/soap-envelope"' in call.body
    assert b'<sms xmlns="urn:other/">' in call.body


def test_zeep_would_send_the_same() -> None:
    """An independent client makes the same elements, in the same order and namespace, of our WSDL."""
    client = zeep.Client(str(wsdl_dir() / "sendsms.wsdl"))
    values = {"konto": "ip1-12345", "passwd": "k<e>y&", "till": "46712345678", "from": "iP1", "prio": "2"}
    theirs = client.create_message(client.service, "sms", **values, meddelande="Hej å\r€")
    ours = etree.fromstring(upstream().encode(dispatch(a_content(body="Hej å\r€")), None).body)

    def told(root: Any) -> list[tuple[str, str]]:
        (operation,) = root.find("{*}Body")
        return [(operation.tag, ""), *((element.tag, element.text) for element in operation)]

    assert told(ours) == told(theirs)


TEXTS = [
    ("Swedish", a_content(body="åäöÅÄÖé")),
    ("the euro and an emoji", a_content(body="5 € 😀👨‍👩‍👧")),
    ("161 characters", a_content(body="x" * 161)),
    ("markup and quotes", a_content(body="<a b='c'>&amp;\"</a>]]>")),
    ("line breaks and tabs", a_content(body="a\r\nb\nc\rd\te")),
    ("blanks at both ends", a_content(body="  a  ")),
    ("a number as sender", a_content(sender="46712345678")),
    ("urgent", a_content(priority=Priority.HIGH)),
]


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest.mark.parametrize(("label", "content"), TEXTS, ids=[case[0] for case in TEXTS])
def test_what_leaves_is_what_comes_in(label: str, content: Content, version: str) -> None:
    """Two gateways in a row lose nothing of a message."""
    call = upstream(version=version).encode(dispatch(content), None)

    asked = FACE.decode(call._replace(path="/sendsms/sendsms.asmx", headers=CIMultiDict(call.headers)))

    assert isinstance(asked, Inbound)
    assert asked.command == SubmitBatch(content, (Recipient("46712345678"),), loose=True)
    assert (asked.credentials.account, asked.credentials.key.get_secret_value()) == ("ip1-12345", "k<e>y&")


def test_a_template_leaves_filled_in() -> None:
    """The service knows no templates."""
    content = a_content(body="Hej {name} {n}", defaults={"n": "7"})

    assert (
        b"<meddelande>Hej \xc3\x85sa 7</meddelande>" in upstream().encode(dispatch(content, {"name": "Åsa"}), None).body
    )


@pytest.mark.parametrize(
    "content", [a_content(type=MessageType.FLASH), a_content(body="a\x01b"), a_content(body="a\ufffeb")]
)
def test_what_cannot_be_said_is_not_sent(content: Content) -> None:
    """Flash, and characters that XML has not."""
    with pytest.raises(Unsupported):
        upstream().encode(dispatch(content), None)


def test_several_messages_are_not_one_call() -> None:
    """One id comes back."""
    two = a_dispatch(messages=(a_message(), a_message(number=1002)))
    with pytest.raises(Unsupported):
        upstream().encode(two, None)


def test_a_wsdl_of_ones_own_is_spoken() -> None:
    """Names, order, a list of recipients and the namespace are the file's; what is ignored is sent empty."""
    own = upstream(wsdl=OWN, operations=MAPPED)
    call = own.encode(dispatch(a_content(body="Hej")), None)

    assert call.headers["SOAPAction"] == '"http://tempuri.org/SendSms"'
    assert (
        b'<SendSms xmlns="http://tempuri.org/"><Acc>ip1-12345</Acc><Pass>k&lt;e&gt;y&amp;</Pass>'
        b"<Recipients><string>46712345678</string></Recipients><Sender>iP1</Sender><Message>Hej</Message><Prio>2</Prio>"
        b"<SendTime></SendTime><Reference></Reference></SendSms>"
    ) in call.body
    face = SoapFace(SoapOptions.model_validate({"wsdl": OWN, "operations": MAPPED}))
    asked = face.decode(call._replace(path="/sendsms/sendsms.asmx", headers=CIMultiDict(call.headers)))
    assert isinstance(asked, Inbound)
    assert asked.command == SubmitBatch(a_content(body="Hej"), (Recipient("46712345678"),), loose=True)
    assert b"<GetBalance xmlns=" in own.ask_balance().body


@pytest.mark.parametrize(
    ("over", "sentence"),
    [
        ({"operations": MAPPED}, "operations are bound to a WSDL of your own: name it, as wsdl"),
        ({"wsdl": OWN, "namespace": "urn:x"}, "the WSDL tells its namespace: remove the key"),
        ({"wsdl": OWN, "operations": {"balans": {"operation": "GetBalance"}}}, "no operation of the WSDL means sms"),
        ({"wsdl": "none.wsdl"}, "none.wsdl cannot be read"),
        ({"wsdl": OWN, "operations": {"sms": {"operation": "SendSmz"}}}, "unknown operation 'SendSmz'"),
    ],
)
def test_what_does_not_fit_is_told(over: dict[str, Any], sentence: str) -> None:
    """Before the gateway starts."""
    with pytest.raises(ValidationError, match=sentence.replace("(", "\\(")):
        upstream(**over)


ENVELOPE = '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{}</s:Body></s:Envelope>'


def result(value: str) -> Reply:
    """An answer with that result."""
    inner = f'<smsResponse xmlns="urn:x"><smsResult>{value}</smsResult></smsResponse>'
    return Reply(200, ENVELOPE.format(inner).encode())


ANSWERS: list[tuple[str, Reply, Receipts | tuple[type[SendError], Status]]] = [
    ("an id", result("42487049"), Receipts("42487049", (Receipt(1001, Status.QUEUED),))),
    ("an id with blanks", result("\n 42487049 "), Receipts("42487049", (Receipt(1001, Status.QUEUED),))),
    ("taken, as a code", result("10"), Receipts(None, (Receipt(1001, Status.QUEUED_AT_GATEWAY, "10"),))),
    ("no funds", result("100"), (Refused, Status.INSUFFICIENT_FUNDS)),
    ("a bad number", result("3"), (Refused, Status.INVALID_RECIPIENT)),
    ("our credentials", result("101"), (WrongKey, Status.INTERNAL_ERROR)),
    ("later", result("1"), (Throttled, Status.DELIVERY_TO_GATEWAY_FAILED)),
    ("a code that nobody knows", result("99"), (Unanswered, Status.UNKNOWN)),
    ("an empty result", result(""), (Unanswered, Status.UNKNOWN)),
    ("words", result("OK"), (Unanswered, Status.UNKNOWN)),
    ("elements in the result", result("<a>1</a>"), (Unanswered, Status.UNKNOWN)),
    ("another operation", Reply(200, ENVELOPE.format("<x/>").encode()), (Unanswered, Status.UNKNOWN)),
    ("an empty body", Reply(200), (Unanswered, Status.UNKNOWN)),
    ("a page", Reply(200, b"<html><p>Welcome"), (Unanswered, Status.UNKNOWN)),
    ("a document type", Reply(200, b"<!DOCTYPE a>" + result("1001").body), (Unanswered, Status.UNKNOWN)),
    ("a result with an error's status", result("42487049")._replace(status=500), (Unanswered, Status.UNKNOWN)),
    ("not there", Reply(404), (Misconfigured, Status.INTERNAL_ERROR)),
    ("elsewhere", Reply(302, b"", {"Location": "https://x"}), (Misconfigured, Status.INTERNAL_ERROR)),
    ("too much", Reply(429, b"", {"Retry-After": "7"}), (Throttled, Status.DELIVERY_TO_GATEWAY_FAILED)),
    ("a proxy that did not get all of it", Reply(408), (Throttled, Status.DELIVERY_TO_GATEWAY_FAILED)),
    ("too early", Reply(425), (Throttled, Status.DELIVERY_TO_GATEWAY_FAILED)),
    ("not now", Reply(503, b"", {"Retry-After": "7"}), (Throttled, Status.DELIVERY_TO_GATEWAY_FAILED)),
    ("not now, without a word", Reply(503), (Unanswered, Status.UNKNOWN)),
    ("no XML, it says", Reply(400), (Refused, Status.GENERIC_REJECTED)),
    ("a gateway gave up", Reply(504), (Unanswered, Status.UNKNOWN)),
]


@pytest.mark.parametrize(("label", "reply", "expected"), ANSWERS, ids=[case[0] for case in ANSWERS])
def test_answers(label: str, reply: Reply, expected: Receipts | tuple[type[SendError], Status]) -> None:
    """An id, a code, or nothing that a decision could stand on."""
    if isinstance(expected, Receipts):
        assert upstream().decode(reply, dispatch(a_content())) == expected
        return
    with pytest.raises(SendError) as caught:
        upstream().decode(reply, dispatch(a_content()))
    assert (type(caught.value), caught.value.status) == expected


FAULTS_11 = "<s:Fault><faultcode>s:{}</faultcode><faultstring>{}</faultstring><detail /></s:Fault>"
FAULTS_12 = (
    "<s:Fault><s:Code><s:Value>s:{}</s:Value></s:Code><s:Reason><s:Text xml:lang='en'>{}</s:Text></s:Reason></s:Fault>"
)


@pytest.mark.parametrize(
    ("form", "code", "kind"),
    [
        (FAULTS_11, "Client", Refused),
        (FAULTS_11, "Server", Unanswered),
        (FAULTS_11, "MustUnderstand", Misconfigured),
        (FAULTS_11, "VersionMismatch", Misconfigured),
        (FAULTS_11, "Other", Unanswered),
        (FAULTS_12, "Sender", Refused),
        (FAULTS_12, "Receiver", Unanswered),
    ],
)
def test_faults(form: str, code: str, kind: type[SendError]) -> None:
    """Our fault is final, theirs leaves doubt; the words are kept, unless they hold the key."""
    for words, kept in (("Bad number", "Bad number"), ("No account for hemlig", ""), ("x" * 197 + "hemlig", "")):
        reply = Reply(500, ENVELOPE.format(form.format(code, words)).encode())
        with pytest.raises(kind) as caught:
            upstream(key="hemlig").decode(reply, dispatch(a_content()))
        if isinstance(caught.value, Refused):
            assert (caught.value.raw_code, caught.value.raw_text) == (code, kept)
        assert "hemlig" not in str(caught.value)


READ_BACK: list[tuple[GatewayError, type[SendError], Status]] = [
    (Unauthenticated(), WrongKey, Status.INTERNAL_ERROR),
    (NoFunds(), Refused, Status.INSUFFICIENT_FUNDS),
    (BadRecipient(), Refused, Status.INVALID_RECIPIENT),
    (BadContent(), Refused, Status.INVALID_CONTENT),
    (BadSender(), Refused, Status.GENERIC_REJECTED),
    (Malformed(), Refused, Status.GENERIC_REJECTED),
    (Busy(), Refused, Status.INTERNAL_ERROR),
]


@pytest.mark.parametrize(("error", "kind", "status"), READ_BACK, ids=[type(case[0]).__name__ for case in READ_BACK])
def test_what_our_own_face_refuses_is_understood(error: GatewayError, kind: type[SendError], status: Status) -> None:
    """What one gateway answers, the next one in front of it reads."""
    call = upstream().encode(dispatch(a_content()), None)
    inward = call._replace(path="/sendsms/sendsms.asmx", headers=CIMultiDict(call.headers))
    asked = FACE.decode(inward)
    assert isinstance(asked, Inbound)

    with pytest.raises(SendError) as caught:
        upstream().decode(FACE.refuse(error, inward, asked), dispatch(a_content()))
    assert (type(caught.value), caught.value.status) == (kind, status)


@pytest.mark.parametrize(
    "error", [TooLarge(1), UnsupportedMedia(), Malformed()], ids=lambda error: type(error).__name__
)
def test_what_our_own_face_turns_away_is_understood(error: GatewayError) -> None:
    """A bare status, before the call was read: nothing was taken."""
    with pytest.raises((Refused, Misconfigured)):
        upstream().decode(FACE.refuse(error, Call("POST", "/sendsms/sendsms.asmx"), None), dispatch(a_content()))


def test_what_our_own_face_answers_is_understood() -> None:
    """The id, and the balance."""
    sending = upstream()
    account = Account("ip1-12345", "", "SEK", "46")
    for call, answer in (
        (sending.encode(dispatch(a_content()), None), Accepted(a_batch(), (Recipient("461"),), (1,), account, DONE)),
        (sending.ask_balance(), AccountStatus(account, "12.50", "SEK")),
    ):
        inward = call._replace(path="/sendsms/sendsms.asmx", headers=CIMultiDict(call.headers))
        asked = FACE.decode(inward)
        assert isinstance(asked, Inbound)
        reply = FACE.encode(answer, asked, inward)
        if isinstance(answer, Accepted):
            assert sending.decode(reply, dispatch(a_content())).upstream_ref == "1001"
        else:
            assert sending.read_balance(reply) == ("12.50", "")


@pytest.mark.parametrize(
    ("told", "kind"), [("101", Misconfigured), ("1", Throttled), ("much", Unanswered), ("", Unanswered)]
)
def test_a_balance_that_is_none(told: str, kind: type[SendError]) -> None:
    """A code in its place is an error, and so is what is no amount."""
    inner = f"<balansResponse><balansResult>{told}</balansResult></balansResponse>"
    with pytest.raises(kind):
        upstream().read_balance(Reply(200, ENVELOPE.format(inner).encode()))


def test_nothing_else_can_be_asked() -> None:
    """No operation tells a status."""
    with pytest.raises(Unsupported):
        upstream().ask(dispatch(a_content()))
    assert upstream().read(Reply(200), dispatch(a_content()), NOW).again is None
