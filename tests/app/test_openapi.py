"""What the REST faces say of themselves: true for whatever schemathesis makes of it, and readable for people."""

import asyncio
import json
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema
import pytest
from gateways import ACCOUNT, BASIC, KEY, Running, a_document
from provider_api import told

from gateway.auth import hash_key

FACES = {
    "v2": ("/v2/openapi.json", "/v2/docs", f"Bearer {KEY}"),
    "v1": ("/api/openapi.json", "/api/docs", f"Basic {BASIC}"),
}

# What no schema can tell: who is in the address book, which name is taken, which code is right, which letters are a
# country. There, 400 is an answer to data of the right form, too; each of these refusals has a test of its own.
# A list that is too long may be refused by its size before it is counted.
STATE = """
checks.negative_data_rejection.expected-statuses = ["4xx", "5xx"]
[[operations]]
include-path = [{paths}]
checks.positive_data_acceptance.expected-statuses = ["2xx", "3xx", "400", "401", "403", "404", "409", "429", "5xx"]
"""
DEPENDS_ON_STATE = (
    "/api/sms/send",
    "/api/groups",
    "/api/groups/{id}",
    "/api/memberships",
    "/api/authentications",
    "/api/authentications/validate",
    "/api/phonenumber/lookup",
)


@pytest.fixture(params=FACES)
def face(request: pytest.FixtureRequest) -> str:
    """Each face that describes itself."""
    return str(request.param)


@pytest.fixture
async def base(running: Running) -> str:
    """Where a gateway listens that nothing is registered at."""
    caller = {"name": "erp", "account": ACCOUNT, "keys": [hash_key(KEY)], "incoming": {}}
    gateway = await running(a_document(callers=[caller]))
    return f"http://127.0.0.1:{gateway.public.port}"


async def read(url: str) -> Any:
    """A document that anybody may read."""
    async with aiohttp.ClientSession() as session, session.get(url) as reply:
        assert reply.status == 200
        return await (reply.json() if reply.content_type == "application/json" else reply.text())


@pytest.mark.once
async def test_whatever_is_asked_is_answered_as_described(base: str, face: str, tmp_path: Path) -> None:
    """All checks of schemathesis: what fits the document is taken, what does not is refused, answers fit it too."""
    document, _, login = FACES[face]
    config = tmp_path / "schemathesis.toml"
    config.write_text(STATE.format(paths=json.dumps(DEPENDS_ON_STATE)[1:-1]), "utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", "import sys; from schemathesis.cli import schemathesis; sys.exit(schemathesis())"),
        *("--config-file", str(config), "run"),
        *(base + document, "--header", f"Authorization: {login}", "--checks", "all"),
        *("--max-examples", "25", "--seed", "1", "--warnings", "off", "--no-color"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()

    assert process.returncode == 0, said.decode()


async def test_the_document_names_every_address_that_works(base: str, face: str) -> None:
    """Each row of the README is an operation, and each operation is a row of the README."""
    document = await read(base + FACES[face][0])
    described = {
        f"{method.upper()} {_anonymous(path)}" for path, methods in document["paths"].items() for method in methods
    }

    assert described == {_anonymous(call) for call in told(f"REST {face}")}
    assert document["servers"] == [{"url": base}]
    assert document["openapi"] == "3.1.0"


def _anonymous(path: str) -> str:
    return "/".join("{}" if part.startswith("{") else part for part in path.split("/"))


async def test_schemas_are_schemas(base: str, face: str) -> None:
    """Every model is JSON Schema 2020-12, and every reference leads somewhere."""
    document = await read(base + FACES[face][0])
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)

    assert set(_references(document)) <= {f"#/components/schemas/{name}" for name in schemas}
    assert not any(name.startswith("_") for name in schemas)


def _references(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return own + [found for value in part.values() for found in _references(value)]
    return [found for value in part for found in _references(value)] if isinstance(part, list) else []


class Page(HTMLParser):
    """What a page holds: its tags and where they lead, its anchors, and its text."""

    def __init__(self, text: str) -> None:
        """Read it."""
        super().__init__()
        self.leads: list[str] = []
        self.anchors: list[str] = []
        self.tags: set[str] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.add(tag)
        for name, value in attrs:
            if name in ("href", "src"):
                self.leads.append(value or "")
            if name == "id":
                self.anchors.append(value or "")

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.text += data


async def test_people_read_a_page(base: str, face: str) -> None:
    """It tells every operation and document, and needs nothing from elsewhere: no script, no style sheet, no font."""
    address, where, _ = FACES[face]
    document = await read(base + address)
    page = Page(await read(base + where))

    assert page.tags.isdisjoint({"script", "link", "img", "iframe"})
    assert {lead for lead in page.leads if not lead.startswith("#")} == {address}
    assert {lead[1:] for lead in page.leads if lead.startswith("#")} <= set(page.anchors)
    assert len(page.anchors) == len(set(page.anchors))
    for path, methods in document["paths"].items():
        assert path in page.text
        assert {operation["operationId"] for operation in methods.values()} <= set(page.anchors)
