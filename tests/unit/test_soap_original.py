"""A WSDL of the user's own: read, bound to what its operations mean, and refused where it cannot be spoken."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from adapters.soap import original
from adapters.soap.contract import CONTRACTS, describe
from adapters.soap.description import Operation, Parameter
from adapters.soap.face import SoapFace
from adapters.soap.options import SoapOptions
from gateway.commands import AccountStatus, CancelBatch, GetAccount, SubmitBatch
from gateway.errors import Malformed
from gateway.model import Account, Priority, Window
from gateway.paths import wsdl_dir
from gateway.ports import Call, Credentials, Inbound, Reply

WSDL = Path(__file__).resolve().parents[1] / "wsdl" / "original.wsdl"
PATH = "/sendsms/sendsms.asmx"
SEND = {
    "Recipients": "recipients",
    "Sender": "sender",
    "Message": "text",
    "SendTime": "time",
    "Reference": "ignored",
}
OPERATIONS: dict[str, Any] = {
    "balans": {"operation": "GetBalance"},
    "sms": {"operation": "SendSms", "parameters": SEND},
    "avbrytBundle": {"operation": "CancelBundleSMS"},
}
TWO = SoapOptions.model_validate({"wsdl": WSDL, "operations": OPERATIONS})


def test_reads_what_the_file_says() -> None:
    """Operations, names, order, types, lists, actions and results are the file's."""
    found = original.describe(WSDL)
    assert (found.title, found.namespace, found.soap_12) == ("SmsGateway", "http://tempuri.org/", True)
    assert [operation.name for operation in found.operations] == ["GetBalance", "SendSms", "CancelBundleSMS", "Ping"]
    assert found.operations[1] == Operation(
        name="SendSms",
        parameters=(
            Parameter("Acc"),
            Parameter("Pass"),
            Parameter("Recipients", "string", "string"),
            Parameter("Sender"),
            Parameter("Message"),
            Parameter("Prio", "int"),
            Parameter("SendTime", "dateTime"),
            Parameter("Reference"),
        ),
        action="http://tempuri.org/SendSms",
        result="SendSmsResult",
        result_type="int",
    )


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.wsdl)
def test_reads_of_our_own_files_what_spyne_declares(contract: Any) -> None:
    """Both ways to a description lead to the same, but for what people read."""
    declared = describe(contract)
    operations = tuple(operation._replace(note="") for operation in declared.operations)
    assert original.describe(wsdl_dir() / contract.wsdl) == declared._replace(operations=operations)


def test_the_file_is_served_under_the_address_that_the_client_reached() -> None:
    """Every port's address is replaced, however it is quoted; not one other byte is."""
    reply = SoapFace(TWO).decode(Call("GET", PATH, query="wsdl", base="http://sms.example.org"))
    assert isinstance(reply, Reply)
    address = b'"http://sms.example.org/sendsms/sendsms.asmx"'
    expected = WSDL.read_bytes()
    for quoted in (b'"https://web.smscom.se/sendsms/sendsms.asmx"', b"'https://web.smscom.se/sendsms/sendsms.asmx'"):
        expected = expected.replace(quoted, address)
    assert reply.body == expected
    assert reply.body.count(address) == 2


def call(inner: str, action: str | None = None) -> Call:
    """A SOAP 1.1 request in the file's namespace."""
    headers = {"Content-Type": "text/xml; charset=utf-8"} | ({} if action is None else {"SOAPAction": action})
    body = f'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{inner}</s:Body></s:Envelope>'
    return Call("POST", PATH, headers=headers, body=body.encode())


def test_speaks_it() -> None:
    """Names, a list of recipients, a number and a date become the batch that our own names would have asked for."""
    face = SoapFace(TWO)
    asking = call(
        '<SendSms xmlns="http://tempuri.org/">'
        "<Acc>ip1-1</Acc><Pass>key</Pass><Recipients><string>46700000001</string><string>070-2</string>"
        "</Recipients><Sender>iP1</Sender><Message>Hej</Message><Prio>3</Prio>"
        "<SendTime>2026-05-01T08:00:00</SendTime><Reference>x</Reference></SendSms>",
        '"http://tempuri.org/SendSms"',
    )
    asked = face.decode(asking)
    assert isinstance(asked, Inbound)
    assert asked.credentials == Credentials("ip1-1", SecretStr("key"))
    assert isinstance(asked.command, SubmitBatch)
    assert [recipient.msisdn for recipient in asked.command.recipients] == ["46700000001", "070-2"]
    content = asked.command.content
    assert (content.sender, content.body, content.priority) == ("iP1", "Hej", Priority.HIGH)
    assert content.windows == (Window(1777615200000, 1778220000000),)


def test_answers_in_its_words() -> None:
    """The response and the result are called what the file calls them; a whole number is one."""
    face = SoapFace(TWO)
    asking = call("<GetBalance><Acc>a</Acc><Pass>b</Pass></GetBalance>")
    asked = face.decode(asking)
    assert isinstance(asked, Inbound)
    account = AccountStatus(Account("a", "", "SEK", "46"), "12.50", "SEK")
    assert b"<GetBalanceResult>12.50</GetBalanceResult>" in face.encode(account, asked, asking).body

    cancelling = face.decode(call("<CancelBundleSMS><Acc>a</Acc><Pass>b</Pass><ID>1001</ID></CancelBundleSMS>"))
    assert isinstance(cancelling, Inbound)
    assert cancelling.command == CancelBatch(1001)
    assert (
        b"<CancelBundleSMSResult>12</CancelBundleSMSResult>"
        in face.encode(account._replace(balance="12.50"), cancelling, asking).body
    )


def test_an_operation_that_means_nothing_to_us_is_a_fault() -> None:
    """What nobody bound is told as a fault: a client must not take it for done."""
    reply = SoapFace(TWO).decode(call("<Ping/>"))
    assert isinstance(reply, Reply)
    assert reply.status == 500
    assert b"<faultcode>soap:Server</faultcode>" in reply.body
    assert b"Ping is not carried by this gateway." in reply.body


@pytest.mark.parametrize("action", ["", "urn:all"])
def test_actions_that_tell_nothing_are_not_asked(tmp_path: Path, action: str) -> None:
    """A WSDL may leave its actions empty, or have one for all: the body's element says what is called."""
    file = tmp_path / "same.wsdl"
    text = WSDL.read_text()
    for name in ("GetBalance", "SendSms", "CancelBundleSMS", "Ping"):
        text = text.replace(f'soapAction="http://tempuri.org/{name}"', f'soapAction="{action}"')
    file.write_text(text)
    face = SoapFace(SoapOptions.model_validate({"wsdl": file, "operations": OPERATIONS}))
    for sent in (action, f'"{action}"'):
        balance = face.decode(call("<GetBalance><Acc>a</Acc><Pass>b</Pass></GetBalance>", sent))
        assert isinstance(balance, Inbound)
        assert balance.command == GetAccount()
        cancel = face.decode(call("<CancelBundleSMS><Acc>a</Acc><Pass>b</Pass><ID>1001</ID></CancelBundleSMS>", sent))
        assert isinstance(cancel, Inbound)
        assert cancel.command == CancelBatch(1001)


def test_a_file_may_be_named_from_the_working_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    """As other paths of the configuration are."""
    monkeypatch.chdir(WSDL.parent)
    assert original.describe(Path("original.wsdl")) == original.describe(WSDL)


def test_an_entry_of_a_list_is_a_text() -> None:
    """Elements in an entry are refused, for its number is somewhere in them."""
    inner = "<string><number>46700000001</number></string>"
    asking = call(f"<SendSms><Acc>a</Acc><Pass>b</Pass><Recipients>{inner}</Recipients></SendSms>")
    with pytest.raises(Malformed):
        SoapFace(TWO).decode(asking)


def test_a_name_that_is_exactly_right_goes_first(tmp_path: Path) -> None:
    """Two parameters that differ in letter case alone are two."""
    file = tmp_path / "case.wsdl"
    file.write_text(WSDL.read_text().replace('name="Reference"', 'name="message"'))
    operations = {"sms": {"operation": "SendSms", "parameters": SEND | {"message": "ignored"}}}
    del operations["sms"]["parameters"]["Reference"]  # type: ignore[attr-defined]
    face = SoapFace(SoapOptions.model_validate({"wsdl": file, "operations": operations}))
    asked = face.decode(
        call("<SendSms><Acc>a</Acc><Pass>b</Pass><message>no</message><Message>Hej</Message></SendSms>")
    )
    assert isinstance(asked, Inbound)
    assert isinstance(asked.command, SubmitBatch)
    assert asked.command.content.body == "Hej"


def refused(**options: Any) -> str:
    """Why these options are not accepted."""
    with pytest.raises(ValidationError) as caught:
        SoapOptions.model_validate(options)
    return str(caught.value.errors()[0]["msg"]).removeprefix("Value error, ")


def bound(**over: Any) -> dict[str, Any]:
    """The options of the file with `sms` bound in another way."""
    return {"wsdl": WSDL, "operations": {"sms": {"operation": "SendSms", "parameters": SEND} | over}}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        pytest.param({"wsdl": WSDL}, "say under operations which is which of: GetBalance, SendSms", id="nothing bound"),
        pytest.param({"operations": OPERATIONS}, "operations are bound to a WSDL of your own: name it", id="no WSDL"),
        pytest.param(
            bound(operation="SendSmz"),
            "unknown operation 'SendSmz' (did you mean 'SendSms'?)",
            id="a typo in the operation",
        ),
        pytest.param(
            {"wsdl": WSDL, "operations": {"smz": {"operation": "SendSms"}}},
            "unknown operation 'smz' (there is: avbrytBundle, balans,",
            id="a typo in ours",
        ),
        pytest.param(
            bound(parameters=SEND | {"Sendr": "sender"}),
            "sms (SendSms): unknown parameter 'Sendr' (did you mean 'Sender'?)",
            id="a typo in a parameter",
        ),
        pytest.param(
            bound(parameters=SEND | {"Sender": "sendr"}),
            "sms (SendSms): Sender: unknown meaning 'sendr' (did you mean 'sender'?)",
            id="a typo in a meaning",
        ),
        pytest.param(
            bound(parameters=SEND | {"Reference": "text"}), "sms (SendSms): two parameters mean text", id="twice"
        ),
        pytest.param(
            bound(parameters={**SEND, "Reference": ""}),
            "sms (SendSms): say what Reference means, one of: account, key, recipients",
            id="a parameter without a meaning",
        ),
        pytest.param(
            bound(parameters=SEND | {"Message": "ignored"}), "sms (SendSms): no parameter means text", id="no text"
        ),
        pytest.param(
            {"wsdl": WSDL, "operations": OPERATIONS | {"smsAt": {"operation": "SendSms", "parameters": SEND}}},
            "smsAt: SendSms is bound to sms already",
            id="one operation bound twice",
        ),
        pytest.param(
            bound(parameters=SEND | {"Recipients": "text", "Message": "recipients"}),
            "sms (SendSms): Recipients is a list: it can only mean recipients or ignored",
            id="a list that means one thing",
        ),
        pytest.param(
            {"wsdl": WSDL, "operations": OPERATIONS | {"beskrivning": {"operation": "Ping"}}},
            "beskrivning (Ping): it answers with a boolean: only a text or a number can be answered",
            id="a result that cannot be written",
        ),
        pytest.param({"wsdl": "none.wsdl"}, "none.wsdl cannot be read: No such file or directory", id="no file"),
        pytest.param({"wsdl": __file__}, "names no address of a service", id="not a WSDL"),
        pytest.param({"mms": {"wsdl": "none.wsdl"}}, "none.wsdl cannot be read", id="the other service"),
    ],
)
def test_what_does_not_fit_is_told(options: dict[str, Any], sentence: str) -> None:
    """Before the gateway starts, and with what to do."""
    assert sentence in refused(**options)


IMPORT = '<s:schema><s:import namespace="urn:x" schemaLocation="x.xsd"/></s:schema>'


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('type="tns:ArrayOfString"', 'type="tns:SendSmsResponses"', "is no WSDL that can be read"),
        ('style="document"', 'style="rpc"', "is of style rpc: only document/literal is spoken"),
        ('elementFormDefault="qualified"', 'elementFormDefault="unqualified"', "is in no namespace"),
        ('name="PingResponse">', 'name="PongResponse">', "no WSDL that can be read"),
        ('name="PingResult" type="s:boolean"', 'name="x" type="tns:ArrayOfString"', "one value can be answered"),
        ("<wsdl:types>", '<wsdl:import namespace="urn:x" location="x.wsdl"/><wsdl:types>', "takes a part of itself"),
        ("<s:schema ", f"{IMPORT}<s:schema ", "takes a part of itself from .*x.xsd"),
        ("<wsdl:types>", '<!DOCTYPE x [<!ENTITY e "e">]><wsdl:types>', "no WSDL that can be read"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_spoken_is_refused(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    """Whatever a start would get wrong is one sentence at the start."""
    file = tmp_path / "other.wsdl"
    file.write_text(WSDL.read_text().replace(old, new))
    with pytest.raises(original.Unreadable, match=sentence):
        original.describe(file)
