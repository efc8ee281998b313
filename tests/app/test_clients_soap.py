"""SOAP clients that others wrote, against the running application: zeep, suds, PHP, node and Perl."""

import asyncio
import contextlib
import sys
from collections.abc import Iterator

import pytest
import requests
import zeep
from gateways import ACCOUNT, KEY
from programs import LETTERS, LONG, SIGNS, Kept, Tap, kept, said_by

SAID = {"refused": "101", "balances": ["1000.00"], "ids": ["1001", "1002"]}
"""What each program reads back: a wrong key's code, the balance, and the id of each message."""

SOAP_11 = b"Content-Type: text/xml; charset=utf-8\r\n"
SOAP_12 = b"Content-Type: application/soap+xml; charset=utf-8"

PORTS = [
    pytest.param("SendSmsSoap", SOAP_11, id="SOAP 1.1"),
    pytest.param("SendSmsSoap12", SOAP_12, id="SOAP 1.2"),
]


@contextlib.contextmanager
def service_of(wsdl: str, port: str) -> Iterator[zeep.proxy.ServiceProxy]:
    """What zeep makes of one port of a WSDL, past whatever proxy the environment names."""
    with requests.Session() as session:
        session.trust_env = False
        yield zeep.Client(wsdl, transport=zeep.Transport(session=session)).bind(port.partition("Soap")[0], port)


def send_with_zeep(base: str, port: str) -> dict[str, object]:
    """What zeep reads, as the programs in tests/clients print it. Blocks."""
    with service_of(f"{base}/sendsms/sendsms.asmx?wsdl", port) as service:

        def send(key: str, text: str) -> object:
            message = {"till": "46712345678", "from": "iP1", "meddelande": text, "prio": "1"}
            return service.sms(konto=ACCOUNT, passwd=key, **message)

        refused, balance = send("wrong", "x"), service.balans(konto=ACCOUNT, passwd=KEY)
        return {"refused": refused, "balances": [balance], "ids": [send(KEY, text) for text, *_ in (SIGNS, LONG)]}


@pytest.mark.parametrize(("port", "sign"), PORTS)
async def test_zeep_reads_the_wsdl_and_sends(tap: Tap, port: str, sign: bytes) -> None:
    """The served WSDL can be loaded, and both of its ports, SOAP 1.1 and 1.2, lead to stored messages and their ids."""
    assert await asyncio.to_thread(send_with_zeep, tap.base, port) == SAID
    assert await kept(tap.gateway) == [SIGNS, LONG]
    assert sign in tap.sent


def ask_mms(base: str, port: str, key: str) -> object:
    """What zeep reads from the second service. Blocks."""
    with service_of(f"{base}/mms/mms.asmx?wsdl", port) as service:
        return service.balans(konto=ACCOUNT, passwd=key)


@pytest.mark.parametrize("port", ["MmsSoap", "MmsSoap12"])
async def test_zeep_reads_the_mms_wsdl(tap: Tap, port: str) -> None:
    """The provider's sample dies without the second service: it can be loaded, asked, and refuses a wrong key."""
    assert await asyncio.to_thread(ask_mms, tap.base, port, KEY) == "1000.00"
    assert await asyncio.to_thread(ask_mms, tap.base, port, "wrong") == "101"


async def test_suds_reads_the_wsdl_and_sends(tap: Tap) -> None:
    """suds, which knows SOAP 1.1 only, passes over the other port of the WSDL and sends."""
    assert await said_by(sys.executable, "suds_client.py", tap.base) == SAID
    assert await kept(tap.gateway) == [SIGNS, LONG]
    assert SOAP_11 in tap.sent


@pytest.mark.parametrize(("version", "sign"), [("1.1", SOAP_11), ("1.2", SOAP_12)], ids=["SOAP 1.1", "SOAP 1.2"])
async def test_php_sends_as_the_providers_sample_did(tap: Tap, php_soap: str, version: str, sign: bytes) -> None:
    """PHP's SoapClient, used as the provider's sample uses it, reads balances and ids from both services."""
    said = await said_by(php_soap, "soap.php", tap.base, version)

    assert said == {"refused": "101", "balances": ["1000.00", "1000.00"], "ids": ["1001", "1002"]}
    assert await kept(tap.gateway) == [SIGNS, LONG]
    assert sign in tap.sent


WITHOUT_WSDL = [
    pytest.param("rpc", SIGNS, b'SOAPAction: "http://web.smscom.se/sendsms/#sms"', id="rpc, which PHP defaults to"),
    pytest.param("rpc 1.2", SIGNS, b'action="http://web.smscom.se/sendsms/#sms"', id="rpc in SOAP 1.2"),
    pytest.param("literal", SIGNS, b"<ns1:sms><ns1:konto>ip1-12345</ns1:konto>", id="literal, as .NET wants it"),
    pytest.param("literal 1.2", SIGNS, SOAP_12, id="literal in SOAP 1.2"),
    pytest.param("gzip", SIGNS, b"Content-Encoding: gzip", id="the request packed with gzip"),
    pytest.param("latin1", LETTERS, "åäö".encode(), id="PHP's own strings in ISO-8859-1"),
]


@pytest.mark.parametrize(("way", "first", "sign"), WITHOUT_WSDL)
async def test_php_sends_without_a_wsdl(tap: Tap, php_soap: str, way: str, first: Kept, sign: bytes) -> None:
    """PHP's SoapClient that was told location and namespace only: its values arrive, in whatever style it writes them.

    More than was promised: a real .asmx reads nulls from rpc and refuses what is packed.
    """
    said = await said_by(php_soap, "soap_without_wsdl.php", tap.base, way, texts=(first, LONG))

    assert said == SAID
    assert await kept(tap.gateway) == [first, LONG]
    assert sign in tap.sent


@pytest.mark.parametrize(("port", "sign"), PORTS)
async def test_node_reads_the_wsdl_and_sends(tap: Tap, node: str, port: str, sign: bytes) -> None:
    """The package soap of node reads the WSDL, and both of its ports lead to stored messages and their ids."""
    assert await said_by(node, "node_soap.js", tap.base, port) == SAID
    assert await kept(tap.gateway) == [SIGNS, LONG]
    assert sign in tap.sent


OWN_ACTION = b'SOAPAction: "http://web.smscom.se/sendsms/#sms"\r\n'
OWN_TYPES = b'<till xsi:type="xsd:long">46712345678</till>'

PERL = [
    pytest.param("dotnet", [b"SOAPAction: http://web.smscom.se/sendsms/sms\r\n"], id="the recipe for .NET services"),
    pytest.param("dotnet 1.2", [SOAP_12], id="the same recipe in SOAP 1.2"),
    pytest.param("defaults", [OWN_ACTION, OWN_TYPES], id="its own action, and its own types"),
    pytest.param("wsdl", [b'<tns:sms><konto xsi:type="s:string">'], id="what it makes of the WSDL"),
]


@pytest.mark.parametrize(("way", "signs"), PERL)
async def test_perl_sends(tap: Tap, perl: str, way: str, signs: list[bytes]) -> None:
    """Perl's SOAP::Lite sends, set up for .NET or not at all.

    More than was promised: a real .asmx refuses its own action, and reads nulls from what it makes of the WSDL.
    """
    assert await said_by(perl, "soap_lite.pl", tap.base, way) == SAID
    assert await kept(tap.gateway) == [SIGNS, LONG]
    assert not [sign for sign in signs if sign not in tap.sent]
