"""Clients that others wrote, against the running application: zeep, PHP's SoapClient and curl."""

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests
import zeep
from gateways import ACCOUNT, KEY, PATIENCE, Running

from gateway.app import Gateway
from gateway.ids import FIRST_NUMBER, Kind, key_of
from gateway.model import DataCoding
from gateway.status import Status

SCRIPT = Path(__file__).resolve().parents[1] / "clients" / "soap.php"
LOGIN = {"konto": ACCOUNT, "passwd": KEY}

TEXTS = [
    pytest.param("åäö € 😀", DataCoding.UCS, 1, id="åäö € and an emoji: UCS-2, one segment"),
    pytest.param("å" * 161, DataCoding.GSM, 2, id="161 characters: GSM, two segments"),
]


@pytest.fixture
async def gateway(running: Running) -> Gateway:
    """A gateway with the sandbox behind it."""
    return await running()


def base_of(gateway: Gateway) -> str:
    """The address that clients put before their paths."""
    return f"http://127.0.0.1:{gateway.public.port}"


async def assert_kept(gateway: Gateway, number: int, text: str, coding: DataCoding, segments: int) -> None:
    """The store holds what was sent, coded and counted."""
    found = await gateway.store.message(number)
    assert found is not None
    batch, message, _ = found
    assert (batch.content.body, batch.content.datacoding, message.segments) == (text, coding, segments)
    assert message.recipient == "46712345678"
    assert message.status is not Status.UNKNOWN


async def run(*command: str) -> str:
    """What a program prints; it must end well."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
    async with asyncio.timeout(PATIENCE):
        out, problems = await process.communicate()
    assert process.returncode == 0, problems.decode() + out.decode()
    return out.decode()


@contextlib.contextmanager
def client_of(wsdl: str) -> Iterator[zeep.Client]:
    """A zeep client of a WSDL, past whatever proxy the environment names."""
    with requests.Session() as session:
        session.trust_env = False
        yield zeep.Client(wsdl, transport=zeep.Transport(session=session))


def call_with_zeep(base: str, port: str, text: str) -> tuple[str, str]:
    """The balance, and the id of an SMS, that zeep reads at one port of the served WSDL. Blocks."""
    with client_of(f"{base}/sendsms/sendsms.asmx?wsdl") as client:
        service = client.bind("SendSms", port)
        balance = service.balans(**LOGIN)
        number = service.sms(**LOGIN, till="46712345678", meddelande=text, prio="1", **{"from": "iP1"})
    return balance, number


@pytest.mark.parametrize("port", ["SendSmsSoap", "SendSmsSoap12"])
@pytest.mark.parametrize(("text", "coding", "segments"), TEXTS)
async def test_zeep_reads_the_wsdl_and_sends(
    gateway: Gateway, port: str, text: str, coding: DataCoding, segments: int
) -> None:
    """The served WSDL can be loaded, and both of its ports, SOAP 1.1 and 1.2, lead to a stored message and its id."""
    balance, number = await asyncio.to_thread(call_with_zeep, base_of(gateway), port, text)

    assert balance == "1000.00"
    assert number == str(FIRST_NUMBER)
    await assert_kept(gateway, FIRST_NUMBER, text, coding, segments)


def ask_mms(base: str, port: str, key: str) -> str:
    """What zeep reads from the second service. Blocks."""
    with client_of(f"{base}/mms/mms.asmx?wsdl") as client:
        answer: str = client.bind("Mms", port).balans(konto=ACCOUNT, passwd=key)
    return answer


@pytest.mark.parametrize("port", ["MmsSoap", "MmsSoap12"])
async def test_zeep_reads_the_mms_wsdl(gateway: Gateway, port: str) -> None:
    """The provider's sample dies without the second service: it can be loaded, asked, and refuses a wrong key."""
    assert await asyncio.to_thread(ask_mms, base_of(gateway), port, KEY) == "1000.00"
    assert await asyncio.to_thread(ask_mms, base_of(gateway), port, "wrong") == "101"


@pytest.fixture
async def php(program: Callable[[str], str], missing: Callable[[str], Any]) -> str:
    """PHP with its SOAP extension."""
    path = program("php")
    if "soap" not in (await run(path, "-m")).split():
        missing("PHP has no SOAP extension")
    return path


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest.mark.parametrize(("text", "coding", "segments"), TEXTS)
async def test_php_sends_as_the_providers_sample_did(
    gateway: Gateway, php: str, version: str, text: str, coding: DataCoding, segments: int
) -> None:
    """PHP's SoapClient, used as the provider's sample uses it, reads balance and id from both services."""
    said = json.loads(await run(php, str(SCRIPT), base_of(gateway), version, ACCOUNT, KEY, text))

    assert (said["balansResult"], said["mmsBalansResult"]) == ("1000.00", "1000.00")
    assert said["smsResult"] == str(FIRST_NUMBER)
    await assert_kept(gateway, FIRST_NUMBER, text, coding, segments)


@pytest.fixture
def curl(program: Callable[[str], str]) -> tuple[str, ...]:
    """curl, told to be quiet about all but errors."""
    return (program("curl"), "--silent", "--show-error", "--fail", "--noproxy", "*")


@pytest.mark.parametrize(("text", "coding", "segments"), TEXTS)
async def test_curl_posts_to_rest_v2(
    gateway: Gateway, curl: tuple[str, ...], text: str, coding: DataCoding, segments: int
) -> None:
    """A batch posted by curl is answered with its document."""
    document = json.dumps({"sender": "iP1", "recipients": ["46712345678"], "body": text})
    headers = ("-H", f"Authorization: Bearer {KEY}", "-H", "Content-Type: application/json")

    said = json.loads(await run(*curl, *headers, "--data-binary", document, f"{base_of(gateway)}/v2/batches"))

    assert key_of(Kind.BATCH, said["id"]) == FIRST_NUMBER
    assert said["body"] == text
    assert said["messageSummary"] == {"101": {"messages": 1, "sms": segments}}
    await assert_kept(gateway, FIRST_NUMBER, text, coding, segments)


@pytest.mark.parametrize(("text", "coding", "segments"), TEXTS)
async def test_curl_posts_to_rest_v1(
    gateway: Gateway, curl: tuple[str, ...], text: str, coding: DataCoding, segments: int
) -> None:
    """An SMS posted with the HTTP Basic that curl makes is answered with its id."""
    document = json.dumps({"Numbers": ["46712345678"], "From": "iP1", "Message": text}, ensure_ascii=False)
    headers = ("--user", f"{ACCOUNT}:{KEY}", "-H", "Content-Type: application/json")

    said = json.loads(await run(*curl, *headers, "--data-binary", document, f"{base_of(gateway)}/api/sms/send"))

    assert [(sms["ID"], sms["Message"], sms["Segments"]) for sms in said] == [(FIRST_NUMBER, text, segments)]
    await assert_kept(gateway, FIRST_NUMBER, text, coding, segments)


WRITTEN = [
    pytest.param("åäö € 😀", "utf-8", DataCoding.UCS, 1, id="åäö € and an emoji in UTF-8"),
    pytest.param("å" * 161, "utf-8", DataCoding.GSM, 2, id="161 characters in UTF-8"),
    pytest.param("å" * 161, "latin-1", DataCoding.GSM, 2, id="161 characters in Latin-1"),
]


@pytest.mark.parametrize(("text", "charset", "coding", "segments"), WRITTEN)
async def test_curl_gets_the_aspx_page(
    gateway: Gateway, curl: tuple[str, ...], text: str, charset: str, coding: DataCoding, segments: int
) -> None:
    """The bare id is what curl reads, whether the text is in UTF-8 or of the time before it."""
    query = f"acc={ACCOUNT}&pass={KEY}&msg={quote(text.encode(charset))}&from=iP1&to=46712345678&prio=1&type="

    said = await run(*curl, f"{base_of(gateway)}/sendsms.aspx?{query}")

    assert said == str(FIRST_NUMBER)
    await assert_kept(gateway, FIRST_NUMBER, text, coding, segments)


async def test_curl_is_told_of_a_wrong_key_as_ever(gateway: Gateway, curl: tuple[str, ...]) -> None:
    """The endpoint of 2008 says 101 with HTTP 200, so that `--fail` is none the wiser."""
    said = await run(*curl, f"{base_of(gateway)}/sendsms.aspx?acc={ACCOUNT}&pass=wrong&msg=x&from=iP1&to=46712345678")

    assert said == "101"
