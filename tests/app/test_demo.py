"""The first thing anybody runs: `sluss demo`."""

import asyncio
import json
import os
import sys

import pytest
from gateways import PATIENCE, ROOT

SENDS = {
    "REST v2": ("46712345678", "ip1sms", "Test message rest v2"),
    "REST v1": ("4673055555", "iP1", "Test message via iP.1's REST API"),
    "SOAP sms": ("46712345678", "iP1", "Test message via iP.1 API (Web Service)"),
    "HTTP GET": ("4673055555", "iP1", "Test message via iP.1 HTTP Request"),
}
"""The four messages of the provider's own samples: recipient, sender, text."""


@pytest.fixture
async def told() -> dict[str, dict[str, object]]:
    """What `demo --json` prints, by face."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SLUSS_")}
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway.cli", "demo", "--json"), cwd=ROOT, env=environ, stdout=pipe, stderr=pipe
    )
    try:
        async with asyncio.timeout(PATIENCE):
            out, problems = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, problems.decode()
    return {row["face"]: row for row in json.loads(out)}


async def test_the_demo_delivers_the_four_samples_through_v2(told: dict[str, dict[str, object]]) -> None:
    """Each of the provider's samples leaves as a REST v2 request and ends delivered, told in its caller's own code."""
    assert list(told) == ["REST v2", "REST v1", "SOAP balans", "SOAP sms", "HTTP GET"]
    assert "<balansResult>1000.00</balansResult>" in str(told["SOAP balans"]["answer"])
    for face, (recipient, sender, text) in SENDS.items():
        row = told[face]
        method, path, document = str(row["request"]).split(" ", 2)
        left = json.loads(document)
        statuses = row["statuses"]
        assert isinstance(statuses, list)
        assert (method, path) == ("POST", "/v2/batches")
        assert (left["recipients"], left["sender"], left["body"]) == ([recipient], sender, text)
        assert statuses[0] == {"code": 101, "name": "Accepted", "legacy": 10}
        assert statuses[-1] == {"code": 201, "name": "DeliveredToHandset", "legacy": 22}
        assert str(row["id"]) in str(row["answer"]) or face == "REST v2"
