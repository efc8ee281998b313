"""Both REST APIs called by curl, against the running application."""

import json

import pytest
from gateways import ACCOUNT, KEY
from programs import LONG, SIGNS, Kept, Tap, kept, run

from gateway.ids import Kind, key_of

MESSAGES = [
    pytest.param(SIGNS, id="åäö € and an emoji: UCS-2, one segment"),
    pytest.param(LONG, id="161 characters: GSM, two segments"),
]


@pytest.mark.parametrize("message", MESSAGES)
async def test_curl_posts_to_rest_v2(tap: Tap, curl: tuple[str, ...], message: Kept) -> None:
    """A batch posted by curl is answered with its document."""
    document = json.dumps({"sender": "iP1", "recipients": ["46712345678"], "body": message.text})
    headers = ("-H", f"Authorization: Bearer {KEY}", "-H", "Content-Type: application/json")

    said = json.loads(await run(*curl, *headers, "--data-binary", document, f"{tap.base}/v2/batches"))

    assert key_of(Kind.BATCH, said["id"]) == 1001
    assert said["body"] == message.text
    assert said["messageSummary"] == {"101": {"messages": 1, "sms": message.segments}}
    assert await kept(tap.gateway) == [message]


@pytest.mark.parametrize("message", MESSAGES)
async def test_curl_posts_to_rest_v1(tap: Tap, curl: tuple[str, ...], message: Kept) -> None:
    """An SMS posted with the HTTP Basic that curl makes is answered with its id."""
    document = json.dumps({"Numbers": ["46712345678"], "From": "iP1", "Message": message.text}, ensure_ascii=False)
    headers = ("--user", f"{ACCOUNT}:{KEY}", "-H", "Content-Type: application/json")

    said = json.loads(await run(*curl, *headers, "--data-binary", document, f"{tap.base}/api/sms/send"))

    assert [(sms["ID"], sms["Message"], sms["Segments"]) for sms in said] == [(1001, message.text, message.segments)]
    assert await kept(tap.gateway) == [message]
