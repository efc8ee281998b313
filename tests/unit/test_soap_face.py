"""What the SOAP face asks of the core, what it answers by itself, and that nothing ever escapes it."""

import re
from xml.parsers import expat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from adapters.soap import ADAPTER
from adapters.soap.face import SoapFace
from adapters.soap.options import SoapOptions
from adapters.soap.pages import PAGE_HEADERS
from gateway.clock import parse_iso
from gateway.commands import AccountStatus, BatchCanceled, BatchStatus, CancelBatch, GetAccount, SubmitBatch
from gateway.errors import (
    Malformed,
    MethodNotAllowed,
    NotCarried,
    RequestError,
    Unauthenticated,
    UnsupportedMedia,
)
from gateway.model import Account, Batch, Content, Priority, Recipient, Window
from gateway.ports import Call, Credentials, Inbound, Reply
from gateway.status import Status

FACE = SoapFace()
PATH, MMS = "/sendsms/sendsms.asmx", "/mms/mms.asmx"
NS = "http://web.smscom.se/sendsms/"
NS11 = "http://schemas.xmlsoap.org/soap/envelope/"
NS12 = "http://www.w3.org/2003/05/soap-envelope"
ACCOUNT = Account("ip1-1", "Example AB", "SEK", "46")
HI = {"konto": "ip1-1", "passwd": "key", "till": "46700000001", "from": "iP1", "meddelande": "Hej", "prio": "1"}

BATCH = Batch(1001, 0, "ip1-1", "erp", "soap", 2, Content("iP1", "Hej"))

ANSWER_11 = {"Content-Type": "text/xml; charset=utf-8", "Cache-Control": "private, max-age=0"}


def call(operation: str, args: dict[str, str], *, ns: str = NS, envelope: str = NS11, path: str = PATH) -> Call:
    """A call of an operation, its namespace written as it stands in the XML."""
    children = "".join(f"<{name}>{value}</{name}>" for name, value in args.items())
    body = (
        f'<s:Envelope xmlns:s="{envelope}"><s:Body><{operation} xmlns="{ns}">{children}</{operation}>'
        "</s:Body></s:Envelope>"
    )
    content_type = "text/xml; charset=utf-8" if envelope == NS11 else "application/soap+xml; charset=utf-8"
    return Call("POST", path, headers={"Content-Type": content_type}, body=body.encode())


def inbound(asked: Call, face: SoapFace = FACE) -> Inbound:
    """What the core gets to do."""
    decoded = face.decode(asked)
    assert isinstance(decoded, Inbound)
    return decoded


def submitted(**over: str) -> SubmitBatch:
    """The batch that an `sms` asks for."""
    command = inbound(call("sms", HI | over)).command
    assert isinstance(command, SubmitBatch)
    return command


def test_the_adapter_says_what_it_is() -> None:
    """The provider's end date, 2025-10-29, and the one parameter that is secret."""
    assert ADAPTER.name == "soap"
    assert ADAPTER.deprecated == 1761696000
    assert ADAPTER.secrets == {"passwd", "key"}
    assert ADAPTER.face is SoapFace
    assert tuple(FACE.mounts) == (PATH, f"{PATH}/", MMS, f"{MMS}/")
    assert FACE.max_body == 131_072


def test_sms_submits_a_batch() -> None:
    """The six parameters of the provider's sample become credentials and a batch with the older faces' manners."""
    asked = inbound(call("sms", HI))
    assert asked.credentials == Credentials("ip1-1", SecretStr("key"))
    assert asked.command == SubmitBatch(
        Content(sender="iP1", body="Hej", priority=Priority.NORMAL), (Recipient("46700000001"),), loose=True
    )


def test_balans_asks_for_the_account() -> None:
    """Both services tell the balance."""
    for path in (PATH, MMS):
        asked = inbound(call("balans", {"konto": "ip1-1", "passwd": "key"}, path=path))
        assert asked.credentials == Credentials("ip1-1", SecretStr("key"))
        assert asked.command == GetAccount()


@pytest.mark.parametrize(
    ("till", "numbers"),
    [
        ("46700000001", ["46700000001"]),
        ("46700000001,46700000002", ["46700000001", "46700000002"]),
        (" +46 70-1 ;070123 ,, ", ["+46 70-1", "070123"]),
        ("", []),
        (" , ", []),
    ],
)
def test_till_names_one_number_or_several(till: str, numbers: list[str]) -> None:
    """Numbers are separated by commas (one client joins with them) or semicolons, and passed on as written."""
    assert [recipient.msisdn for recipient in submitted(till=till).recipients] == numbers


@pytest.mark.parametrize(
    ("prio", "priority"),
    [
        ("0", Priority.NORMAL),
        ("1", Priority.NORMAL),
        ("2", Priority.NORMAL),
        ("3", Priority.HIGH),
        ("", Priority.NORMAL),
        (" 3\n", Priority.HIGH),
    ],
)
def test_prio_has_three_levels(prio: str, priority: Priority) -> None:
    """1 and 2 are normal, 3 is urgent (clients' own words), and nothing is normal."""
    assert submitted(prio=prio).content.priority is priority


@pytest.mark.parametrize("prio", ["00", "4", "-1", "1.0", "high", "٣"])
def test_another_prio_is_a_parameter_error(prio: str) -> None:
    """The error waits behind the credentials: who may not call is told that first."""
    asked = inbound(call("sms", HI | {"prio": prio}))
    assert asked.credentials == Credentials("ip1-1", SecretStr("key"))
    assert isinstance(asked.command, Malformed)


def test_what_is_missing_is_left_to_the_service() -> None:
    """Missing text, sender and recipients are empty, so that wrong credentials are told before them."""
    command = inbound(call("sms", {"konto": "ip1-1", "passwd": "key"})).command
    assert command == SubmitBatch(Content(sender="", body=""), (), loose=True)


def test_a_missing_account_is_no_bearer_key() -> None:
    """A key without an account must not open what a bearer key opens; nor does nothing at all."""
    assert inbound(call("balans", {"passwd": "key"})).credentials == Credentials("", SecretStr("key"))
    assert inbound(call("balans", {})).credentials == Credentials("", SecretStr(""))


def test_the_key_stays_secret() -> None:
    """No repr of what the core is handed shows the key; it would be in a log one day."""
    asked = inbound(call("sms", HI | {"passwd": "open-sesame"}))
    assert "open-sesame" not in repr(asked)
    assert b"open-sesame" not in FACE.refuse(Unauthenticated(), call("sms", HI), asked).body


# GET.


@pytest.mark.parametrize("query", ["wsdl", "WSDL", "Wsdl"])
def test_serves_the_wsdl_with_the_address_that_the_client_reached(query: str) -> None:
    """Clients post to the address in the WSDL: scheme, host and letter case of the path are theirs."""
    reply = FACE.decode(Call("GET", "/sendSms/sendSms.asmx", query=query, base="https://sms.example.org"))
    assert isinstance(reply, Reply)
    assert (reply.status, reply.headers) == (200, ANSWER_11)
    addresses = re.findall(rb'address location="([^"]*)"', reply.body)
    assert addresses == [b"https://sms.example.org/sendSms/sendSms.asmx"] * 2
    assert b"{{" not in reply.body


def test_the_address_in_the_wsdl_is_escaped() -> None:
    """Whatever stands in the Host header stays inside its attribute."""
    reply = FACE.decode(Call("GET", MMS, query="wsdl", base='http://a"&<\udcff\x00'))
    assert isinstance(reply, Reply)
    assert b'address location="http://a&quot;&amp;&lt;??/mms/mms.asmx"' in reply.body
    expat.ParserCreate(namespace_separator=" ").Parse(reply.body, True)


@pytest.mark.parametrize("query", ["", "op=x", "wsdl=1", "wsdl&x", "disco=1", "\udcff"])
def test_other_queries_get_a_page_for_people(query: str) -> None:
    """The page lists the operations and leads to the WSDL, as the help page of an .asmx."""
    reply = FACE.decode(Call("GET", PATH, query=query))
    assert isinstance(reply, Reply)
    assert reply.status == 200
    assert reply.headers == PAGE_HEADERS
    assert b'<a href="sendsms.asmx?WSDL">' in reply.body
    for name in (b"balans", b"sms", b"smsAt", b"smsBundle", b"avbrytBundle", b"beskrivning"):
        assert b'<a href="sendsms.asmx?op=%s">%s</a>' % (name, name) in reply.body


def test_each_operation_has_a_page() -> None:
    """`?op=` in any letter case: what the operation takes, and how a call of it looks on the wire."""
    reply = FACE.decode(Call("GET", PATH, query="OP=smsat", base="https://sms.example.org"))
    assert isinstance(reply, Reply)
    assert (reply.status, reply.headers) == (200, PAGE_HEADERS)
    assert b"<h1>smsAt</h1>" in reply.body
    assert b"Host: sms.example.org" in reply.body
    assert b"SOAPAction: &quot;http://web.smscom.se/sendsms/smsAt&quot;" in reply.body or (
        b'SOAPAction: "http://web.smscom.se/sendsms/smsAt"' in reply.body
    )


def test_the_discovery_document_leads_to_the_wsdl() -> None:
    """`?disco` names the WSDL under the address that the client reached."""
    reply = FACE.decode(Call("GET", PATH, query="DISCO", base="https://sms.example.org"))
    assert isinstance(reply, Reply)
    assert (reply.status, reply.headers) == (200, ANSWER_11)
    assert b'ref="https://sms.example.org/sendsms/sendsms.asmx?wsdl"' in reply.body


# What the provider's manual tells of: later, in bundles, cancelled, explained.


def test_a_message_can_be_sent_at_a_time() -> None:
    """`smsAt` opens a window of a week; without an offset the time is Swedish."""
    asked = inbound(call("smsAt", HI | {"tid": "2026-05-01T08:00:00"}))
    assert isinstance(asked.command, SubmitBatch)
    opens = parse_iso("2026-05-01T06:00:00Z")
    assert asked.command.content.windows == (Window(opens, opens + 7 * 24 * 3600 * 1000),)


def test_without_its_time_a_scheduled_message_is_not_sent() -> None:
    """An element that is not there is a client that calls it otherwise; sending at once would be the wrong guess."""
    asked = inbound(call("smsAt", HI))
    assert isinstance(asked.command, Malformed)


@pytest.mark.parametrize("operation", ["smsAt", "smsBundle"])
def test_without_a_time_it_is_sent_now(operation: str) -> None:
    """An empty time is none, as for every parameter of these services."""
    asked = inbound(call(operation, HI | {"till": "46700000001,46700000002", "tid": " "}))
    assert isinstance(asked.command, SubmitBatch)
    assert asked.command.content.windows == ()
    assert len(asked.command.recipients) == 2


def test_a_time_that_cannot_be_read_is_a_parameter_error() -> None:
    """It waits behind the credentials, and nothing is sent at another time than was meant."""
    asked = inbound(call("smsAt", HI | {"tid": "tomorrow"}))
    assert isinstance(asked.command, Malformed)
    assert FACE.refuse(asked.command, call("smsAt", HI), asked).body.count(b">110<") == 1


def test_a_bundle_is_cancelled_by_its_id() -> None:
    """`avbrytBundle` asks for it, and is answered with 0."""
    asking = call("avbrytBundle", {"konto": "ip1-1", "passwd": "key", "id": " 1001 "})
    asked = inbound(asking)
    assert asked.command == CancelBatch(1001)
    canceled = BatchCanceled(BatchStatus(BATCH, Status.CANCELED, (), ACCOUNT), 2)
    assert b"<avbrytBundleResult>0</avbrytBundleResult>" in FACE.encode(canceled, asked, asking).body


@pytest.mark.parametrize("written", ["", "x", "-1", "2147483648", "1e3", "٣"])
def test_what_is_no_id_is_a_parameter_error(written: str) -> None:
    """An id is what sending was answered with: digits, at most an int32."""
    asked = inbound(call("avbrytBundle", {"konto": "ip1-1", "passwd": "key", "id": written}))
    assert isinstance(asked.command, Malformed)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("22", "Delivered to the phone"),
        (" 101 ", "Wrong account credentials"),
        ("60", "Unknown"),
        ("7", "Unknown"),
        ("", "Unknown"),
    ],
)
def test_a_code_is_explained_to_anyone(code: str, words: str) -> None:
    """`beskrivning` takes no credentials, as in the provider's manual, and answers in its words."""
    reply = FACE.decode(call("beskrivning", {"id": code}))
    assert isinstance(reply, Reply)
    assert f"<beskrivningResult>{words}</beskrivningResult>".encode() in reply.body


def test_mms_is_not_carried() -> None:
    """The MMS service takes a message, checks who sends it, and answers with a code that means: do not retry."""
    asking = call("mms", HI, path=MMS)
    asked = inbound(asking)
    assert isinstance(asked.command, NotCarried)
    assert asked.command.detail == "MMS is not carried by REST v2"
    assert b"<mmsResult>50</mmsResult>" in FACE.refuse(asked.command, asking, asked).body


# The HTTP forms.

FORMS = SoapFace(SoapOptions(forms=True))
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    "asking",
    [
        Call("GET", f"{PATH}/balans", query="konto=ip1-1&passwd=key"),
        Call("GET", "/SENDSMS/SendSms.asmx/BALANS", query="PASSWD=key&konto=ip1-1&x=y"),
        Call("POST", f"{PATH}/balans", headers=FORM, body=b"konto=ip1-1&passwd=key"),
    ],
)
def test_an_operation_can_be_called_by_a_form(asking: Call) -> None:
    """By GET and by POST, path and names in any letter case; the answer is one element, as ASP.NET writes it."""
    asked = inbound(asking, FORMS)
    assert (asked.credentials, asked.command) == (Credentials("ip1-1", SecretStr("key")), GetAccount())
    reply = FORMS.encode(AccountStatus(ACCOUNT, "12.50", "SEK"), asked, asking)
    assert (reply.status, reply.headers) == (200, ANSWER_11)
    assert reply.body == (
        b'<?xml version="1.0" encoding="utf-8"?>\r\n<string xmlns="http://web.smscom.se/sendsms/">12.50</string>'
    )
    assert b">101</string>" in FORMS.refuse(Unauthenticated(), asking, asked).body


def test_a_form_sends() -> None:
    """The text's charset is guessed as everywhere, and `+` is a blank."""
    asked = inbound(
        Call("GET", f"{PATH}/sms", query="konto=a&passwd=b&till=461&from=iP1&meddelande=r%E4k+1&prio="), FORMS
    )
    assert isinstance(asked.command, SubmitBatch)
    assert asked.command.content.body == "räk 1"


def test_a_form_names_what_is_missing() -> None:
    """As ASP.NET does: 500, and the first parameter that is not there."""
    reply = FORMS.decode(Call("GET", f"{PATH}/balans", query="konto=ip1-1"))
    assert isinstance(reply, Reply)
    assert (reply.status, reply.body) == (500, b"Missing parameter: passwd.")


@pytest.mark.parametrize(("face", "name"), [(FACE, "sms"), (FORMS, "smss"), (FORMS, "")])
def test_forms_that_are_not_there(face: SoapFace, name: str) -> None:
    """Switched off, as they are by default, or of no operation: the words of .NET's runtime."""
    reply = face.decode(Call("GET", f"{PATH}/{name}", query="konto=ip1-1&passwd=key"))
    assert isinstance(reply, Reply)
    assert reply.status == 500
    assert reply.body == f"Request format is unrecognized for URL unexpectedly ending in '/{name}'.".encode()


def test_a_form_is_asked_for_by_get_or_post() -> None:
    """Anything else is 405; a POST of another media type is 415."""
    with pytest.raises(MethodNotAllowed):
        FORMS.decode(Call("PUT", f"{PATH}/balans"))
    with pytest.raises(UnsupportedMedia):
        FORMS.decode(Call("POST", f"{PATH}/balans", body=b"konto=a&passwd=b"))


# Nothing escapes.

VALID = call("sms", HI).body
PIECES = st.sampled_from(
    [b"<s:Body>", b"</s:Body>", b"<sms", b"xmlns=", b'"', b"<", b">", b"&", b"&x;", b"<!--", b"]]>", b"<![CDATA[",
     b"\0", b"\xe5", b"\xff\xfe", b"\xef\xbb\xbf", b"<!DOCTYPE a>", b"<?xml version='1.0' encoding='utf-16'?>",
     b" s:mustUnderstand='1'"]
)  # fmt: skip


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Any bytes, or a valid request with a piece cut out and another put in."""
    if draw(st.booleans()):
        return draw(st.binary(max_size=300))
    start, length = draw(st.integers(0, len(VALID))), draw(st.integers(0, 40))
    return VALID[:start] + draw(PIECES | st.binary(max_size=8)) + VALID[start + length :]


TYPES = st.sampled_from(
    ["text/xml", "text/xml; charset=utf-8", "text/xml; charset=utf-16", "text/xml; charset=zip", 'text/xml; charset="',
     "application/soap+xml; action=x", "application/soap+xml; charset=hex; action*=utf-8''x", "text/plain", ""]
)  # fmt: skip


@settings(max_examples=400, derandomize=True, deadline=None)
@given(
    path=st.sampled_from([PATH, MMS, PATH.upper()]),
    body=bodies(),
    content_type=TYPES | st.text(max_size=30).map("text/xml;".__add__),
    action=st.none() | st.text(max_size=30) | st.just(f'"{NS}sms"'),
    method=st.sampled_from(["POST", "POST", "POST", "GET", "PUT"]),
)
def test_nothing_but_request_errors_escapes(
    path: str, body: bytes, content_type: str, action: str | None, method: str
) -> None:
    """Any bytes become a command, an answer or a RequestError; and every answer is well-formed."""
    headers = {"Content-Type": content_type} | ({} if action is None else {"SOAPAction": action})
    asking = Call(method, path, headers=headers, body=body)
    asked = None
    try:
        decoded = FACE.decode(asking)
    except RequestError as error:
        reply = FACE.refuse(error, asking, None)
        assert (reply.status, reply.body) in {(400, b""), (405, b""), (415, b"")}
        return
    if isinstance(decoded, Inbound):
        asked = decoded
        reply = FACE.encode(AccountStatus(ACCOUNT, "1", "SEK"), asked, asking)
    else:
        reply = decoded
    assert reply.status in {200, 500}
    if method == "POST":
        expat.ParserCreate(namespace_separator=" ").Parse(reply.body, True)
