"""SOAP envelopes that were written by hand and posted by curl, against the running application."""

import gzip
import re
from collections.abc import Callable
from typing import NamedTuple

import pytest
from gateways import ACCOUNT, KEY
from programs import LONG, SIGNS, Tap, kept, run

ENVELOPE = """<?xml version="1.0" encoding="utf-8"?>
<soap:Envelope xmlns:soap="{envelope}">
  <soap:Body>
    <sms xmlns="http://web.smscom.se/sendsms/">
      <konto>{account}</konto>
      <passwd>{key}</passwd>
      <till>46712345678</till>
      <from>iP1</from>
      <meddelande>{text}</meddelande>
      <prio>1</prio>
    </sms>
  </soap:Body>
</soap:Envelope>
"""
SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"

TEXT_XML = "Content-Type: text/xml; charset=utf-8"
ACTION = 'SOAPAction: "http://web.smscom.se/sendsms/sms"'
SOAP_XML = 'Content-Type: application/soap+xml; charset=utf-8; action="http://web.smscom.se/sendsms/sms"'


class Way(NamedTuple):
    """How an envelope is posted, and the sign of it on the wire."""

    headers: tuple[str, ...]
    sign: str
    options: tuple[str, ...] = ()
    envelope: str = SOAP_11
    pack: Callable[[bytes], bytes] = bytes
    answered: str = "HTTP/1.1 200 OK\r\n"


WAYS = [
    pytest.param(Way((TEXT_XML, ACTION), f"{TEXT_XML}\r\n{ACTION}\r\n"), id="SOAP 1.1"),
    pytest.param(Way((TEXT_XML,), f"Accept: */*\r\n{TEXT_XML}\r\nContent-Length"), id="SOAP 1.1 without a SOAPAction"),
    pytest.param(Way((SOAP_XML,), SOAP_XML, envelope=SOAP_12), id="SOAP 1.2"),
    pytest.param(
        Way((TEXT_XML, ACTION, "Transfer-Encoding: chunked"), "Transfer-Encoding: chunked\r\n"), id="in chunks"
    ),
    pytest.param(
        Way((TEXT_XML, ACTION), "asmx HTTP/1.0\r\n", ("--http1.0",), answered="HTTP/1.0 200 OK\r\n"), id="HTTP/1.0"
    ),
    pytest.param(
        Way((TEXT_XML, ACTION, "Expect: 100-continue"), "Expect: 100-continue\r\n", answered="HTTP/1.1 100 Continue"),
        id="asking first",
    ),
    pytest.param(
        Way((TEXT_XML, ACTION, "Content-Encoding: gzip"), "Content-Encoding: gzip\r\n", pack=gzip.compress),
        id="packed with gzip",
    ),
]


@pytest.mark.parametrize("way", WAYS)
async def test_curl_posts_an_envelope(tap: Tap, curl: tuple[str, ...], way: Way) -> None:
    """However HTTP carries the envelope, the id and the code are where scripts that search for `<smsResult>` look."""
    command = [*curl, *way.options, *(f"-H{header}" for header in way.headers), "--data-binary", "@-"]
    found = []
    for key, text in (("wrong", "x"), (KEY, SIGNS.text), (KEY, LONG.text)):
        body = ENVELOPE.format(envelope=way.envelope, account=ACCOUNT, key=key, text=text)
        answer = await run(*command, f"{tap.base}/sendsms/sendsms.asmx", stdin=way.pack(body.encode()))
        found += re.findall("<smsResult>(.*?)</smsResult>", answer)

    assert found == ["101", "1001", "1002"]
    assert await kept(tap.gateway) == [SIGNS, LONG]
    assert way.sign.encode() in tap.sent
    assert way.answered.encode() in tap.answered
