"""TLS at the public listener: whom it lets in, what it says, and that a renewed certificate hurts nobody."""

import asyncio
import contextlib
import signal
import ssl
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from callers import FACES, a_letter, number_of
from certificates import Authority, Issued, old
from gateways import Process, Running, a_document, until
from rawhttp import connected, exchange, request, say
from structlog.testing import capture_logs

from gateway import config, sockets
from gateway.app import Gateway
from gateway.errors import ConfigError

WSDL = request("GET", "/sendsms/sendsms.asmx?wsdl", {"Host": "web.smscom.se"})
GET = a_letter("sendsms", "Hej").raw()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """An authority that nobody but these tests believes."""
    return Authority(tmp_path)


@pytest.fixture
def issued(authority: Authority) -> Issued:
    """The gateway's certificate."""
    return authority.issue("gateway")


def document(tls: dict[str, object], **listen: Any) -> dict[str, Any]:
    """A configuration with TLS."""
    return a_document(listen={"public": "127.0.0.1:0", "internal": "127.0.0.1:0", "tls": tls} | listen)


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("pieces", [1, 2], ids=["whole", "in pieces"])
async def test_each_face_answers_by_tls(
    running: Running, authority: Authority, issued: Issued, face: str, pieces: int
) -> None:
    """A message of each face is taken by TLS, however its bytes come."""
    gateway = await running(document(issued.section()))

    answer = await exchange(gateway.public, a_letter(face, "Hej").raw(), pieces, authority.client())

    assert number_of(face, answer.body) is not None


async def test_a_client_of_others_keeps_its_connection(running: Running, authority: Authority, issued: Issued) -> None:
    """Aiohttp's client checks certificate and name, and sends twice on one connection; a long body comes as well."""
    gateway = await running(document(issued.section()))
    url = f"https://127.0.0.1:{gateway.public.port}/v2/batches"
    body = {"sender": "iP1", "recipients": [f"4670{number:07}" for number in range(500)], "body": "Hej"}
    connector = aiohttp.TCPConnector(ssl=authority.client(), limit=1)
    async with aiohttp.ClientSession(connector=connector, headers=a_letter("rest_v2").headers) as client:
        for _ in range(2):
            async with client.post(url, json=body) as answer:
                assert answer.status == 201
                assert answer.headers["Location"].startswith(f"{url}/")


async def test_what_a_client_is_told_names_https(running: Running, authority: Authority, issued: Issued) -> None:
    """The address in a WSDL is the one that the client has asked, by TLS; beside it the plain one stays plain."""
    gateway = await running(document(issued.section(address="127.0.0.1:0")))
    assert gateway.secure is not None

    by_tls = await exchange(gateway.secure, WSDL, tls=authority.client())
    plain = await exchange(gateway.public, WSDL)

    assert b'location="https://web.smscom.se/sendsms/sendsms.asmx"' in by_tls.body
    assert b'location="http://web.smscom.se/sendsms/sendsms.asmx"' in plain.body


@pytest.mark.parametrize(("hsts", "header"), [("0", None), ("180d", "max-age=15552000")], ids=["not asked", "asked"])
async def test_browsers_are_told_to_stay_with_tls(
    running: Running, authority: Authority, issued: Issued, hsts: str, header: str | None
) -> None:
    """Strict-Transport-Security comes by TLS alone, and where operations ask for it."""
    gateway = await running(document(issued.section(address="127.0.0.1:0", hsts=hsts)))
    assert gateway.secure is not None

    for pieces in (1, 2):
        by_tls = await exchange(gateway.secure, WSDL, pieces, authority.client())
        assert by_tls.headers.get("strict-transport-security") == header
        assert "strict-transport-security" not in (await exchange(gateway.public, WSDL, pieces)).headers


OLD = [
    ("TLS 1.0, as it is set up", ssl.TLSVersion.TLSv1, False, None),
    ("TLS 1.1, as it is set up", ssl.TLSVersion.TLSv1_1, False, None),
    ("TLS 1.2, as it is set up", ssl.TLSVersion.TLSv1_2, False, "TLSv1.2"),
    ("TLS 1.0, with legacy", ssl.TLSVersion.TLSv1, True, "TLSv1"),
    ("TLS 1.1, with legacy", ssl.TLSVersion.TLSv1_1, True, "TLSv1.1"),
]


@pytest.mark.parametrize(("version", "legacy", "spoken"), [row[1:] for row in OLD], ids=[row[0] for row in OLD])
async def test_how_old_a_client_may_be(
    running: Running, authority: Authority, issued: Issued, *, version: ssl.TLSVersion, legacy: bool, spoken: str | None
) -> None:
    """TLS 1.2 and newer, unless `legacy` is set; whoever is turned away is counted, with the reason."""
    with capture_logs() as lines:
        gateway = await running(document(issued.section(legacy=legacy)))
        client = old(authority.client(), version)
        if spoken is None:
            with pytest.raises((ConnectionError, ssl.SSLError)):
                await exchange(gateway.public, GET, tls=client)
            assert {"event": "tls.refused", "reason": "unsupported protocol", "log_level": "info"} in lines
            told = (await exchange(gateway.internal, request("GET", "/metrics"))).body
            assert b'sluss_tls_refused_total{reason="unsupported protocol"} 1.0' in told
            return
        async with connected(gateway.public, client) as (reader, writer):
            assert writer.get_extra_info("ssl_object").version() == spoken
            assert (await say(reader, writer, GET)).body == b"1001"


async def test_only_forward_secret_ciphers(running: Running, authority: Authority, issued: Issued) -> None:
    """A client without ephemeral keys, or with block ciphers alone, is turned away."""
    gateway = await running(document(issued.section()))
    for ciphers in ("kRSA", "ECDHE+AES+SHA256:ECDHE+AES+SHA:!AEAD"):
        client = old(authority.client(), ssl.TLSVersion.TLSv1_2)
        client.set_ciphers(ciphers)
        with pytest.raises((ConnectionError, ssl.SSLError)):
            await exchange(gateway.public, GET, tls=client)


CLIENTS = [
    ("none asked, none shown", "none", None, True),
    ("optional, none shown", "optional", None, True),
    ("optional, a good one", "optional", "good", True),
    ("optional, a stranger's", "optional", "stranger's", False),
    ("required, none shown", "required", None, False),
    ("required, a good one", "required", "good", True),
    ("required, a stranger's", "required", "stranger's", False),
]


@pytest.mark.parametrize(("asked", "shown", "let_in"), [row[1:] for row in CLIENTS], ids=[row[0] for row in CLIENTS])
async def test_certificates_of_clients(
    running: Running, authority: Authority, issued: Issued, *, asked: str, shown: str | None, let_in: bool
) -> None:
    """Where they are required nobody gets a word out without a good one; a bad one is never let in."""
    folder = authority.file.parent
    signer = {"good": authority, "stranger's": Authority(folder, "A stranger")}.get(shown or "")
    mine = signer.issue("client") if signer else None
    over = {} if asked == "none" else {"clients": asked, "ca": str(authority.file)}
    gateway = await running(document(issued.section(**over)))

    try:
        answer = await exchange(gateway.public, GET, tls=authority.client(mine))
    except (OSError, EOFError):
        assert not let_in
    else:
        assert let_in
        assert answer.body == b"1001"


async def test_plain_http_is_no_tls(running: Running, authority: Authority, issued: Issued) -> None:
    """Who speaks plainly to the secure port gets nothing, and the gateway goes on."""
    gateway = await running(document(issued.section()))
    with pytest.raises((OSError, EOFError)):
        await exchange(gateway.public, GET)

    assert (await exchange(gateway.public, GET, tls=authority.client())).body == b"1001"


async def test_a_handshake_that_stalls_is_cut(
    running: Running, issued: Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever connects and says nothing, or half a word, is cut off."""
    monkeypatch.setattr(sockets, "HANDSHAKE", 0.05)
    gateway = await running(document(issued.section()))
    for said in (b"", b"\x16\x03\x01\x02\x00\x01"):
        async with connected(gateway.public) as (reader, writer), asyncio.timeout(30):
            writer.write(said)
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""


async def serial(gateway: Gateway, client: ssl.SSLContext) -> str:
    """Which certificate a new client sees."""
    async with connected(gateway.public, client) as (_, writer):
        found: str = writer.get_extra_info("peercert")["serialNumber"]
        return found


async def renewable(running: Running, issued: Issued, folder: Path) -> Gateway:
    """A gateway that reads `sluss.yaml` of the folder when it is told to."""
    path = folder / "sluss.yaml"
    whole = document(issued.section())
    path.write_text(yaml.safe_dump(whole), "utf-8")
    return await running(whole, None, partial(config.load, path, {}))


async def test_a_renewed_certificate_hurts_nobody(
    running: Running, authority: Authority, issued: Issued, tmp_path: Path
) -> None:
    """After a reload new connections see the new certificate; one that is open goes on as it began."""
    gateway = await renewable(running, issued, tmp_path)
    client = authority.client()
    before = await serial(gateway, client)

    async with connected(gateway.public, client) as (reader, writer):
        assert (await say(reader, writer, GET)).body == b"1001"
        authority.issue("renewed").move_to(issued)
        assert await serial(gateway, client) == before
        await gateway.runtime.reload()
        assert await serial(gateway, client) != before
        assert (await say(reader, writer, GET)).body == b"1002"


async def test_a_bad_renewal_changes_nothing(
    running: Running, authority: Authority, issued: Issued, tmp_path: Path
) -> None:
    """A key that does not belong to the certificate is refused, and clients see what they saw before."""
    gateway = await renewable(running, issued, tmp_path)
    before = await serial(gateway, authority.client())

    authority.issue("other").key.replace(issued.key)
    with pytest.raises(ConfigError, match="does not belong to the first certificate"):
        await gateway.runtime.reload()

    assert await serial(gateway, authority.client()) == before


async def test_who_may_connect_changes_with_a_reload(
    running: Running, authority: Authority, issued: Issued, tmp_path: Path
) -> None:
    """Certificates of clients are asked for from the next connection on; a listener comes at the next start only."""
    gateway = await renewable(running, issued, tmp_path)
    changed = issued.section(clients="required", ca=str(authority.file), address="127.0.0.1:1")
    (tmp_path / "sluss.yaml").write_text(yaml.safe_dump(document(changed)), "utf-8")

    found = {change.path: change.at_start for change in await gateway.runtime.reload()}

    assert found == {"listen.tls.address": True, "listen.tls.clients": False, "listen.tls.ca": False}
    with pytest.raises((OSError, EOFError)):
        await exchange(gateway.public, GET, tls=authority.client())
    mine = authority.client(authority.issue("client"))
    assert (await exchange(gateway.public, GET, tls=mine)).body == b"1001"


async def test_the_real_command_speaks_tls(
    process: Callable[..., Process], authority: Authority, issued: Issued, curl: tuple[str, ...]
) -> None:
    """`sluss serve` with its own event loop: curl with TLS 1.2 and 1.3, a renewal by SIGHUP, and no TLS 1.1."""
    serving = process(document(issued.section()))
    await serving.start()
    url = f"https://127.0.0.1:{serving.public.port}/sendsms/sendsms.asmx?wsdl"
    options = (
        "--cacert",
        str(authority.file),
        "--max-time",
        "20",
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_code}",
    )

    async def said(*more: str) -> str:
        child = await asyncio.create_subprocess_exec(*curl, *options, *more, url, stdout=-1, stderr=-3)
        return (await child.communicate())[0].decode()

    assert await said("--tlsv1.2", "--tls-max", "1.2") == "200"
    assert await said("--tlsv1.3") == "200"
    assert await said("--tlsv1.0", "--tls-max", "1.1", "--ciphers", "DEFAULT:@SECLEVEL=0") == "000"
    await until(lambda: '"reason":"unsupported protocol"' in serving.log)
    for face in FACES:
        answer = await exchange(serving.public, a_letter(face, "Hej").raw(), 3, authority.client())
        assert number_of(face, answer.body) is not None

    authority.issue("renewed").move_to(issued)
    serving.tell(signal.SIGHUP)
    await until(lambda: serving.log.count('"event":"tls.certificate"') == 2)
    assert await said() == "200"
    assert await serving.end(signal.SIGTERM) == 0


async def test_the_real_command_speaks_to_the_old(
    process: Callable[..., Process], authority: Authority, issued: Issued, curl: tuple[str, ...]
) -> None:
    """With `legacy` curl that knows nothing newer than TLS 1.0 or 1.1 is served, and the log says what that means."""
    serving = process(document(issued.section(legacy=True)))
    await serving.start()
    url = f"https://127.0.0.1:{serving.public.port}/sendsms/sendsms.asmx?wsdl"
    for version in ("1.0", "1.1"):
        old_ones = ("--tls-max", version, "--ciphers", "DEFAULT:@SECLEVEL=0", "--cacert", str(authority.file))
        child = await asyncio.create_subprocess_exec(*curl, "--tlsv1.0", *old_ones, url, stdout=-1)
        assert b"<wsdl:definitions" in (await child.communicate())[0]
    assert "WHICH CAN BE BROKEN" in serving.log
