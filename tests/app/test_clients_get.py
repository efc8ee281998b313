"""Clients of `sendsms.aspx` that others wrote, against the running application: PHP and curl."""

from collections.abc import Callable
from urllib.parse import quote, urlencode

import pytest
from gateways import ACCOUNT, KEY
from programs import LONG, SIGNS, Kept, Tap, kept, run, said_by


async def test_php_sends_as_the_providers_sample_did(tap: Tap, php: str) -> None:
    """PHP's file_get_contents, used as the provider's sample uses it, says all of it twice: in the query and a body."""
    said = await said_by(php, "sendsms.php", tap.base)

    assert said == {"refused": "101", "ids": ["1001", "1002"]}
    assert await kept(tap.gateway) == [SIGNS, LONG]
    assert b"GET /sendsms.aspx?acc=ip1-12345&" in tap.sent
    assert b"\r\n\r\nacc=ip1-12345&" in tap.sent


WRITTEN = [
    pytest.param(SIGNS, "utf-8", id="åäö € and an emoji in UTF-8"),
    pytest.param(LONG, "utf-8", id="161 characters in UTF-8"),
    pytest.param(LONG, "latin-1", id="161 characters in Latin-1"),
]


@pytest.mark.parametrize(("message", "charset"), WRITTEN)
async def test_curl_gets_the_aspx_page(tap: Tap, curl: tuple[str, ...], message: Kept, charset: str) -> None:
    """The bare id is what curl reads, whether the text is in UTF-8 or of the time before it."""
    text = quote(message.text.encode(charset))
    query = f"acc={ACCOUNT}&pass={KEY}&msg={text}&from=iP1&to=46712345678&prio=1&type="

    assert await run(*curl, f"{tap.base}/sendsms.aspx?{query}") == "1001"
    assert await kept(tap.gateway) == [message]


def in_the_query(*options: str) -> Callable[[str, dict[str, str]], list[str]]:
    """What curl is given for a form, all of it in the address."""
    return lambda address, form: [*options, f"{address}?{urlencode(form)}"]


def by_name(address: str, form: dict[str, str]) -> list[str]:
    """What curl is given for a form that it encodes itself, and puts into the address."""
    named = [part for name, value in form.items() for part in ("--data-urlencode", f"{name}={value}")]
    return ["--get", *named, address]


JSON = ("-H", "Content-Type: application/json")

WAYS = [
    pytest.param(in_the_query(), b"GET /sendsms.aspx?acc=", id="GET"),
    pytest.param(in_the_query("--request", "POST"), b"POST /sendsms.aspx?acc=", id="POST without a body"),
    pytest.param(in_the_query(*JSON, "--data", '{"a": 1}'), b'\r\n\r\n{"a": 1}', id="POST, and JSON as codeRR sent it"),
    pytest.param(by_name, b"GET /sendsms.aspx?acc=", id="--get --data-urlencode"),
]


@pytest.mark.parametrize(("arguments", "sign"), WAYS)
async def test_curl_says_everything_in_the_query(
    tap: Tap, curl: tuple[str, ...], arguments: Callable[[str, dict[str, str]], list[str]], sign: bytes
) -> None:
    """The query counts, whatever the method; a wrong key is told with HTTP 200, so that `--fail` is none the wiser."""
    form = {"acc": ACCOUNT, "pass": KEY, "msg": "", "from": "iP1", "to": "46712345678", "prio": "1"}
    address = f"{tap.base}/sendsms.aspx"

    said = [
        await run(*curl, *arguments(address, form | each))
        for each in ({"pass": "wrong", "msg": "x"}, {"msg": SIGNS.text}, {"msg": LONG.text})
    ]

    assert said == ["101", "1001", "1002"]
    assert await kept(tap.gateway) == [SIGNS, LONG]
    assert sign in tap.sent
