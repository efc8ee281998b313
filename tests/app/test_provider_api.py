"""A client of the provider's REST APIs, call by call, against a live gateway: what works is told in the README."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from builders import NOW, FrozenClock
from gateways import ACCOUNT, BASIC, KEY, TOKEN, Running, a_document, settled
from provider_api import README, works, written
from pydantic import SecretStr

from gateway.app import Gateway
from gateway.auth import hash_key
from gateway.ids import Kind, public_id
from gateway.reports import hook_path

ANNA, BO = "46700000001", "46700000002"
HELD = "4799"
"""Numbers that begin so are sent to nobody until operations say so."""


class Client:
    """Calls as a program written against the provider's documentation does."""

    def __init__(self, session: aiohttp.ClientSession, base: str, gateway: Gateway) -> None:
        """Know where the provider is: the one thing that its user changes."""
        self._session = session
        self._base = base
        self.gateway = gateway

    async def call(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        """The document that answers, once the status is the one that is expected."""
        return (await self.answer(method, path, body, status))[0]

    async def answer(self, method: str, path: str, body: Any = None, status: int = 200) -> tuple[Any, dict[str, str]]:
        """The document, and the links of its page by relation."""
        login = f"Bearer {KEY}" if path.startswith("/v2/") else f"Basic {BASIC}"
        headers = {"Authorization": login, "Accept": "application/json"}
        async with self._session.request(method, self._base + path, json=body, headers=headers) as reply:
            document = await reply.json(content_type=None)
            assert reply.status == status, document
            links = {relation: str(link["url"]) for relation, link in reply.links.items()}
            return document, links

    async def send(self, *recipients: str, body: str = "Hello", **over: Any) -> dict[str, Any]:
        """Post a batch; returns its document."""
        batch = {"sender": "iP1", "recipients": list(recipients), "body": body} | over
        document: dict[str, Any] = await self.call("POST", "/v2/batches", batch, status=201)
        return document

    async def receive(self, sender: str, body: str) -> None:
        """Let the provider tell of a message that came in, as its MO page says."""
        told = {
            "id": public_id(Kind.INCOMING, NOW, abs(hash((sender, body))) % 10**9),
            "direction": "mo",
            "sender": sender,
            "recipient": "46799",
            "body": body,
            "segments": 1,
            "datacoding": "GSM",
            "mcc": "240",
            "mnc": "07",
        }
        async with self._session.post(self._base + hook_path("main", SecretStr(TOKEN)), json=told) as reply:
            assert reply.status == 200


@pytest.fixture
async def client(running: Running) -> AsyncIterator[Client]:
    """A client of a gateway with the sandbox behind it, whose clock stands still."""
    document = a_document(
        callers=[{"name": "erp", "account": ACCOUNT, "keys": [hash_key(KEY)], "organization": "AB", "incoming": {}}],
        upstreams={
            "sandbox": {"adapter": "sandbox", "pace": 0},
            "main": {"adapter": "rest_v2", "url": "http://127.0.0.1:1/v2", "token": TOKEN},
        },
        routes=[
            {"name": "held", "when": {"recipient": f"{HELD}*"}, "to": "main", "hold": True},
            {"name": "default", "to": "sandbox"},
        ],
    )
    gateway = await running(document, FrozenClock())
    async with aiohttp.ClientSession() as session:
        yield Client(session, f"http://127.0.0.1:{gateway.public.port}", gateway)


@works("POST /v2/batches", "sends; templating, windows, flash, references, tags, report URLs")
@works("GET /v2/batches/{id}", "a batch, with messageSummary and priceSummary")
async def test_a_batch_is_sent_and_read(client: Client) -> None:
    """Its summary counts every message; the sandbox prices and delivers."""
    sent = await client.send(ANNA, BO, reference="order 7", tags=["a"])
    for number in (1001, 1002):
        await settled(client.gateway, number)
    read = await client.call("GET", f"/v2/batches/{sent['id']}")

    assert read["messageSummary"] == {"201": {"messages": 2, "sms": 2}}
    assert (read["status"], read["reference"], read["tags"]) == (201, "order 7", ["a"])
    assert list(read) == list(sent)
    assert read["priceSummary"] == {"total": 0.0, "currency": "SEK", "average": 0.0}, "the sandbox is free"


@works("GET /v2/batches", "all batches of the account, page by page")
async def test_batches_are_paged_through(client: Client) -> None:
    """Following `next` from the first page shows each batch once, also while others are sent."""
    sent = [(await client.send(ANNA))["id"] for _ in range(5)]
    seen: list[str] = []
    at: str | None = "/v2/batches?limit=2"
    while at:
        page, links = await client.answer("GET", at)
        seen += [batch["id"] for batch in page]
        at = links.get("next") and links["next"].removeprefix(f"http://127.0.0.1:{client.gateway.public.port}")
        if len(seen) == 2:
            sent.append((await client.send(BO))["id"])

    assert seen == sent
    newest, _ = await client.answer("GET", "/v2/batches?limit=1&order=DESC")
    assert newest[0]["id"] == sent[-1]


@works("GET /v2/batches/{id}/messages", "the messages of a batch, page by page, with their latest status")
@works("GET /v2/batches/{id}/messages/{id}", "a message with its whole history")
async def test_messages_are_read(client: Client) -> None:
    """Each alone has every status, in the list the latest."""
    batch = (await client.send(ANNA, BO))["id"]
    for number in (1001, 1002):
        await settled(client.gateway, number)
    listed, links = await client.answer("GET", f"/v2/batches/{batch}/messages?limit=1")
    alone = await client.call("GET", f"/v2/batches/{batch}/messages/{listed[0]['id']}")

    assert [[entry["code"] for entry in message["statuses"]] for message in listed] == [[201]]
    codes = [entry["code"] for entry in alone["statuses"]]
    assert (codes[0], codes[-1], len(codes) > 2) == (101, 201, True)
    assert set(links) == {"self", "first", "next", "last"}
    await client.call("GET", f"/v2/batches/{batch}/messages/{batch}", status=404)


@works("DELETE /v2/batches/{id}", "cancels what has not left: status 203")
async def test_a_batch_is_cancelled(client: Client) -> None:
    """Once; what has left cannot be."""
    held = (await client.send(f"{HELD}1", f"{HELD}2"))["id"]
    cancelled = await client.call("DELETE", f"/v2/batches/{held}")

    assert (cancelled["status"], cancelled["messageSummary"]) == (203, {"203": {"messages": 2, "sms": 2}})
    await client.call("DELETE", f"/v2/batches/{held}", status=409)
    gone = await client.send(ANNA)
    await settled(client.gateway, 1003)
    await client.call("DELETE", f"/v2/batches/{gone['id']}", status=409)


@works("GET /v2/conversations/{participant}", "what was said both ways, page by page")
@works("GET /v2/conversations/{participant}/mt", "what went out")
@works("GET /v2/conversations/{participant}/mo", "what came in")
@works("GET /v2/conversations/{participant}/summary", "how much, and when (fields inferred)")
async def test_a_conversation_is_read(client: Client) -> None:
    """What the provider posts to the hook stands beside what was sent."""
    await client.send(ANNA, BO, body="Coming?")
    await client.receive(ANNA, "Ja tack åäö")
    await client.receive(BO, "Nej")

    both = await client.call("GET", f"/v2/conversations/{ANNA}")
    assert [(entry["direction"], entry["body"]) for entry in both] == [("mt", "Coming?"), ("mo", "Ja tack åäö")]
    assert len(await client.call("GET", f"/v2/conversations/{ANNA}/mt")) == 1
    (came,) = await client.call("GET", f"/v2/conversations/{ANNA}/mo")
    assert (came["sender"], came["mcc"], came["statuses"][0]["code"]) == (ANNA, "240", 201)
    summary = await client.call("GET", f"/v2/conversations/{ANNA}/summary")
    assert (summary["mt"]["messages"], summary["mo"]["messages"]) == (1, 1)


@works("GET /v2/me/senders", "the registered senders, alphabetically")
@works("GET /v2/me/senders/{sender}", "one of them")
@works("PUT /v2/me/senders/{sender}", "registers a sender (with Sluss; the provider is told nothing)")
@works("DELETE /v2/me/senders/{sender}", "forgets a sender")
async def test_senders_are_registered(client: Client) -> None:
    """With a body or without one; what cannot be a sender is refused with the field's name."""
    sender = await client.call("PUT", "/v2/me/senders/TestNOS")
    await client.call("PUT", "/v2/me/senders/alarm", {})

    assert sender == {"sender": "TestNOS", "created": "2018-10-23T17:43:19Z"}
    assert [each["sender"] for each in await client.call("GET", "/v2/me/senders")] == ["alarm", "TestNOS"]
    assert await client.call("GET", "/v2/me/senders/TestNOS") == sender
    assert await client.call("DELETE", "/v2/me/senders/TestNOS") == sender
    await client.call("DELETE", "/v2/me/senders/TestNOS", status=404)
    refused = await client.call("PUT", "/v2/me/senders/twelve%20letters", status=400)
    assert list(refused["errors"]) == ["Sender"]


@works("GET /v2/blacklist", "the blacklist, page by page")
@works("GET /v2/blacklist/{msisdn}", "one entry")
@works("POST /v2/blacklist", "adds a number; nothing is sent to it any more: 405")
@works("PUT /v2/blacklist/{msisdn}", "the same")
@works("DELETE /v2/blacklist/{msisdn}", "takes a number off")
async def test_the_blacklist_of_v2(client: Client) -> None:
    """Who is on it gets nothing, and its message says so."""
    entry = await client.call("POST", "/v2/blacklist", {"msisdn": ANNA}, status=201)
    assert entry == {"msisdn": ANNA, "created": "2018-10-23T17:43:19.000"}
    assert await client.call("PUT", f"/v2/blacklist/{ANNA}") == entry
    assert await client.call("GET", "/v2/blacklist") == [entry]
    assert await client.call("GET", f"/v2/blacklist/{ANNA}") == entry

    sent = await client.send(ANNA, BO)
    assert sent["messageSummary"] == {"101": {"messages": 1, "sms": 1}, "405": {"messages": 1, "sms": 1}}
    assert await client.call("DELETE", f"/v2/blacklist/{ANNA}") == entry
    assert "405" not in (await client.send(ANNA))["messageSummary"]


@works("POST /api/sms/send", "sends; one object for each recipient")
@works("GET /api/sms/sent/{id}", "one SMS, with its latest status")
@works("GET /api/sms/sent", "the newest 1,000 SMS, of `from[0]=…` and to `to[0]=…` where given")
@works("GET /api/sms/sent/bundle/{id}", "the SMS of one request")
async def test_sms_of_v1_are_sent_and_read(client: Client) -> None:
    """By id, by bundle, by whom they went to and whom they came from."""
    sms = {"Numbers": [f"+{ANNA}", BO], "From": "iP1", "Message": "Hello"}
    sent = await client.call("POST", "/api/sms/send", sms)
    await client.call("POST", "/api/sms/send", sms | {"Numbers": [BO], "From": "Other"})
    for number in (1001, 1002, 1003):
        await settled(client.gateway, number)

    bundle = await client.call("GET", f"/api/sms/sent/bundle/{sent[0]['BundleID']}")
    assert [(each["ID"], each["To"], each["Status"]) for each in bundle] == [(1001, ANNA, 22), (1002, BO, 22)]
    assert await client.call("GET", "/api/sms/sent/1002") == bundle[1]
    assert [each["ID"] for each in await client.call("GET", "/api/sms/sent")] == [1001, 1002, 1003]
    for query, expected in (
        (f"to[0]=%2B{BO}", [1002, 1003]),
        (f"To={BO}&From[0]=other", [1003]),
        ("from[0]=ip1&from[1]=OTHER", [1001, 1002, 1003]),
        ("from[0]=ip1", [1001, 1002]),
        ("to[0]=46709", []),
    ):
        assert [each["ID"] for each in await client.call("GET", f"/api/sms/sent?{query}")] == expected
    await client.call("GET", "/api/sms/sent/bundle/1002", status=404)
    await client.call("GET", "/api/sms/sent/bundle/x", status=404)


@works("GET /api/sms/received", "the newest 1,000 SMS that came in, filtered likewise")
@works("GET /api/sms/received/{id}", "one of them")
async def test_sms_that_came_in_are_read_by_v1(client: Client) -> None:
    """Their ids are texts (the provider's help pages)."""
    await client.receive(ANNA, "Ja")
    await client.receive(BO, "Nej")

    received = await client.call("GET", "/api/sms/received")
    assert [(each["From"], each["To"], each["Message"]) for each in received] == [
        (ANNA, "46799", "Ja"),
        (BO, "46799", "Nej"),
    ]
    assert await client.call("GET", f"/api/sms/received/{received[0]['ID']}") == received[0]
    assert await client.call("GET", f"/api/sms/received?from[0]={BO}&to[0]=46799") == [received[1]]
    await client.call("GET", "/api/sms/received/1", status=404)


@works("GET /api/me", "account, organisation, type, balance and currency")
@works("GET /api/me/account", "the same in its other form; Key is the account's name")
async def test_the_account_is_read(client: Client) -> None:
    """The balance is that of the upstream behind it; no key is ever told."""
    me = await client.call("GET", "/api/me")
    account = await client.call("GET", "/api/me/account")

    assert (me["Account"], me["Organization"]) == (ACCOUNT, "AB")
    assert account == {
        "Key": ACCOUNT,
        "Parent": None,
        "Type": me["Type"],
        "Balance": me["Balance"],
        "Currency": me["Currency"],
        "ID": 12345,
        "Name": "AB",
    }


@works("GET /api/blacklist", "the blacklist")
@works("GET /api/blacklist/{id}", "one entry")
@works("POST /api/blacklist", "adds a number, or with `multiple` a list of them")
@works("DELETE /api/blacklist/{id}", "takes a number off")
async def test_the_blacklist_of_v1(client: Client) -> None:
    """The same list as v2's; a request for nobody else is refused."""
    entry = await client.call("POST", "/api/blacklist", {"phone": f"+{ANNA}"})
    assert entry == {"ID": 1, "Created": "2018-10-23T17:43:19.0000000+00:00", "Phone": f"+{ANNA}"}
    several = await client.call("POST", "/api/blacklist?multiple=true", [{"Phone": BO}, {"Phone": ANNA}])
    assert [each["Phone"] for each in several] == [f"+{BO}", f"+{ANNA}"]
    assert await client.call("GET", "/api/blacklist") == [entry, several[0]]
    assert [each["msisdn"] for each in await client.call("GET", "/v2/blacklist")] == [ANNA, BO]

    refused = await client.call(
        "POST", "/api/sms/send", {"Numbers": [ANNA], "From": "iP1", "Message": "Hello"}, status=400
    )
    assert "blacklist" in refused["Message"]
    assert await client.call("GET", "/api/blacklist/1") == entry
    assert await client.call("DELETE", "/api/blacklist/1") == entry
    await client.call("DELETE", "/api/blacklist/1", status=404)
    for body, field in (({}, "Phone"), ({"Phone": "x"}, "Phone")):
        refused = await client.call("POST", "/api/blacklist", body, status=400)
        assert list(refused["ModelState"]) == [field]
    (again,) = await client.call("POST", "/api/blacklist?multiple", {"Phone": ANNA})
    assert again["Phone"] == f"+{ANNA}"
    for body in ([], [{"Phone": ANNA}, 1]):
        await client.call("POST", "/api/blacklist?multiple", body, status=400)


CONTACT = {"FirstName": "Anna", "Phone": f"+{ANNA}", "Email": "anna@example.org"}


@works("GET /api/contacts", "all contacts")
@works("POST /api/contacts", "adds a contact, or with `multiple` a list of them")
@works("GET /api/contacts/{id}", "one of them")
@works("PUT /api/contacts/{id}", "changes it")
@works("DELETE /api/contacts/{id}", "deletes it; answers what it was")
async def test_the_contacts_of_v1(client: Client) -> None:
    """In the documented order of properties; another call sees the change."""
    anna = await client.call("POST", "/api/contacts", CONTACT | {"organization": "AB"})
    assert anna == {
        "OwnerID": ACCOUNT,
        "Created": "2018-10-23T17:43:19.0000000+00:00",
        "Modified": "2018-10-23T17:43:19.0000000+00:00",
        "ID": 1,
        "Title": None,
        "Notes": None,
        "Organization": "AB",
        "FirstName": "Anna",
        "LastName": None,
        "Phone": f"+{ANNA}",
        "Email": "anna@example.org",
    }
    several = await client.call("POST", "/api/contacts?multiple", [{"FirstName": "Bo", "Phone": BO}])
    assert await client.call("GET", "/api/contacts") == [anna, *several]
    changed = await client.call("PUT", "/api/contacts/1", CONTACT | {"LastName": "Å"})
    assert (changed["LastName"], changed["Organization"]) == ("Å", None)
    assert await client.call("GET", "/api/contacts/1") == changed
    assert await client.call("DELETE", "/api/contacts/1") == changed
    await client.call("GET", "/api/contacts/1", status=404)
    refused = await client.call("POST", "/api/contacts", {"Phone": "x", "FirstName": "a" * 101}, status=400)
    assert set(refused["ModelState"]) == {"FirstName", "Phone"}
    refused = await client.call("POST", "/api/contacts", CONTACT | {"Phone": f"+{ANNA}\n"}, status=400)
    assert set(refused["ModelState"]) == {"Phone"}


@works("GET /api/groups", "all groups")
@works("POST /api/groups", "makes a group, or with `multiple` several")
@works("GET /api/groups/{id}", "one of them")
@works("PUT /api/groups/{id}", "changes it")
@works("DELETE /api/groups/{id}", "deletes it, not its contacts")
@works("GET /api/groups/{id}/contacts", "its contacts")
@works("GET /api/groups/{id}/memberships", "its memberships")
@works("GET /api/contacts/{id}/groups", "the groups of a contact")
@works("GET /api/contacts/{id}/memberships", "the memberships of a contact")
@works("GET /api/memberships", "all memberships")
@works("POST /api/memberships", "puts a contact into a group, or with `multiple` several")
@works("GET /api/memberships/{id}", "one of them")
@works("DELETE /api/memberships/{id}", "takes the contact out of the group")
async def test_the_groups_of_v1(client: Client) -> None:
    """Who is in which group is seen from either side."""
    anna = await client.call("POST", "/api/contacts", CONTACT)
    group = await client.call("POST", "/api/groups", {"Name": "Alarm", "Color": "#1a2B3c"})
    assert list(group) == ["OwnerID", "ContactsCount", "Created", "Modified", "ID", "Name", "Color"]
    (other,) = await client.call("POST", "/api/groups?multiple=true", [{"Name": "Other"}])
    member = await client.call("POST", "/api/memberships", {"Group": group["ID"], "Contact": str(anna["ID"])})
    assert member == {
        "ID": 1,
        "OwnerID": ACCOUNT,
        "Created": anna["Created"],
        "Group": group["ID"],
        "Contact": anna["ID"],
    }

    full = group | {"ContactsCount": 1}
    assert await client.call("GET", "/api/groups") == [full, other]
    assert await client.call("GET", f"/api/groups/{group['ID']}") == full
    assert await client.call("GET", f"/api/groups/{group['ID']}/contacts") == [anna]
    assert await client.call("GET", f"/api/contacts/{anna['ID']}/groups") == [full]
    for address in (f"groups/{group['ID']}/memberships", f"contacts/{anna['ID']}/memberships", "memberships"):
        assert await client.call("GET", f"/api/{address}") == [member]
    assert await client.call("GET", f"/api/groups/{other['ID']}/contacts") == []
    assert await client.call("GET", "/api/memberships/1") == member
    assert await client.call("DELETE", "/api/memberships/1") == member
    await client.call("DELETE", "/api/memberships/1", status=404)

    renamed = await client.call("PUT", f"/api/groups/{group['ID']}", {"Name": "Alarms"})
    assert (renamed["Name"], renamed["Color"]) == ("Alarms", None)
    await client.call("PUT", f"/api/groups/{group['ID']}", {"Name": "Other"}, status=400)
    assert await client.call("DELETE", f"/api/groups/{group['ID']}") == renamed
    for address in ("groups/1", "groups/1/contacts", "groups/1/memberships", "contacts/9/groups", "groups/x"):
        await client.call("GET", f"/api/{address}", status=404)
    for body, fields in (({"Group": 2, "Contact": 99}, {"Contact", "Group"}), ({"Group": "x"}, {"Contact", "Group"})):
        refused = await client.call("POST", "/api/memberships", body, status=400)
        assert set(refused["ModelState"]) == fields
    refused = await client.call("POST", "/api/groups", {"Color": "red"}, status=400)
    assert set(refused["ModelState"]) == {"Name", "Color"}


@works("POST /api/sms/send", "sends; one object for each recipient")
async def test_sms_to_contacts_and_groups(client: Client) -> None:
    """They are recipients like numbers, and each number gets one SMS; what is not there is named."""
    anna = await client.call("POST", "/api/contacts", CONTACT)
    bo = await client.call("POST", "/api/contacts", {"FirstName": "Bo", "Phone": f"+{BO}"})
    group = await client.call("POST", "/api/groups", {"Name": "Alarm"})
    for contact in (anna, bo):
        await client.call("POST", "/api/memberships", {"Group": group["ID"], "Contact": contact["ID"]})
    sms = {"From": "iP1", "Message": "Hello"}

    sent = await client.call("POST", "/api/sms/send", sms | {"Numbers": [ANNA], "Groups": [group["ID"]]})
    assert [each["To"] for each in sent] == [ANNA, BO]
    (sent,) = await client.call("POST", "/api/sms/send", sms | {"Contacts": [str(bo["ID"])]})
    assert sent["To"] == BO
    for body in ({"Contacts": [99]}, {"Groups": [99]}):
        refused = await client.call("POST", "/api/sms/send", sms | body, status=400)
        assert refused["ModelState"] == {name: [f"There is no {name.lower().removesuffix('s')} 99"] for name in body}


@works("GET /v2/contacts", "contacts by `labels`, `properties[…]`, `metadata[….…]`, page by page")
@works("POST /v2/contacts", "adds a list of contacts: 202, or 200 with `synchronous`")
@works("DELETE /v2/contacts", "deletes every contact with a label")
@works("GET /v2/contacts/meta", "the names of properties and metadata (form inferred)")
@works("GET /v2/contacts/{id}", "one contact")
@works("PUT /v2/contacts/{id}", "replaces it")
@works("PATCH /v2/contacts/{id}", "changes what is named; null removes")
@works("DELETE /v2/contacts/{id}", "deletes it")
@works("POST /v2/labels/{label}/contacts", "puts a label on contacts")
@works("DELETE /v2/labels/{label}", "deletes a label, not its contacts")
async def test_the_contacts_of_v2(client: Client) -> None:
    """The same address book as v1's: a property is a column, a label a group."""
    given = {
        "properties": {"phoneNumber": f"+{ANNA}", "firstName": "Anna", "region": "North"},
        "metadata": {"phoneNumber": {"isBlocked": "false"}},
        "labels": ["vip"],
    }
    (anna,) = await client.call("POST", "/v2/contacts", [given], status=202)
    (bo,) = await client.call("POST", "/v2/contacts?synchronous=1", [{"Properties": {"phoneNumber": BO}}])
    shown = {name: value for name, value in anna.items() if name != "metadata"}
    assert anna == {"id": anna["id"], "ownerId": ACCOUNT} | given
    assert await client.call("GET", f"/v2/contacts/{anna['id']}?meta") == anna
    assert await client.call("GET", f"/v2/contacts/{anna['id']}") == shown
    for query, expected in (
        ("", [anna, bo]),
        ("order=DESC&limit=1", [bo]),
        ("labels=vip", [anna]),
        ("labels=vip,x", []),
        (f"properties[phoneNumber]=%2B{ANNA}", [anna]),
        ("metadata[phoneNumber.isBlocked]=false", [anna]),
        ("metadata[phoneNumber.isBlocked]=true&labels=vip", []),
    ):
        assert await client.call("GET", f"/v2/contacts?meta&{query}") == [
            each | {"metadata": each["metadata"]} for each in expected
        ]
    assert await client.call("GET", "/v2/contacts/meta") == {
        "firstName": [],
        "phoneNumber": ["isBlocked"],
        "region": [],
    }

    assert (await client.call("GET", "/api/contacts/1"))["FirstName"] == "Anna"
    await client.call("PUT", "/api/contacts/1", CONTACT | {"FirstName": "Åsa"})
    patched = await client.call("PATCH", f"/v2/contacts/{anna['id']}", {"properties": {"email": None, "x": "y"}})
    assert patched["properties"] == {"phoneNumber": f"+{ANNA}", "firstName": "Åsa", "region": "North", "x": "y"}
    assert (patched["labels"], patched["metadata"]) == (["vip"], given["metadata"])
    replaced = await client.call("PUT", f"/v2/contacts/{anna['id']}", {"properties": {"phoneNumber": BO}})
    assert (replaced["properties"], replaced["labels"], replaced["metadata"]) == ({"phoneNumber": BO}, [], {})

    labelled = await client.call("POST", "/v2/labels/On%20call/contacts", [bo["id"], anna["id"]])
    assert [each["labels"] for each in labelled] == [["On call"], ["On call"]]
    assert (await client.call("GET", "/api/groups"))[-1]["Name"] == "On call"
    assert await client.call("DELETE", "/v2/labels/vip") == []
    await client.call("DELETE", "/v2/labels/vip", status=404)
    assert (await client.call("DELETE", f"/v2/contacts/{anna['id']}"))["id"] == anna["id"]
    assert [each["id"] for each in await client.call("DELETE", "/v2/contacts?labels=On%20call")] == [bo["id"]]
    assert await client.call("GET", "/v2/contacts") == []
    await client.call("GET", f"/v2/contacts/{anna['id']}", status=404)
    for method, path, body in (
        ("POST", "/v2/contacts", [{"labels": []}]),
        ("POST", "/v2/contacts", given),
        ("PATCH", f"/v2/contacts/{anna['id']}", {"properties": {"a": 1}}),
        ("DELETE", "/v2/contacts", None),
        ("POST", "/v2/labels/x/contacts", ["1"]),
    ):
        assert (await client.call(method, path, body, status=400))["errors"]


@works("POST /api/authentications", "sends a code to a phone (form of the answer inferred)")
@works("POST /api/authentications/validate", "checks a code, once (form of the answer inferred)")
@works("GET /api/authentications/settings", "what the account has set for its codes (address inferred)")
@works("PUT /api/authentications/settings", "sets it (address inferred)")
async def test_two_factor_authentication(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The code goes by SMS, is right once, and is told nowhere else; numbers may be written as texts."""
    settings = {"From": "Bank", "MessageFormat": "Code: {0}.", "Length": "6", "NumericOnly": True}
    unset = {"ConcurrentLimit": None, "ExpirationTime": None}
    assert await client.call("PUT", "/api/authentications/settings", settings) == settings | unset | {"Length": 6}
    assert (await client.call("GET", "/api/authentications/settings"))["From"] == "Bank"
    monkeypatch.setattr("secrets.choice", lambda alphabet: alphabet[7])
    sent = await client.call("POST", "/api/authentications", {"Phone": f"+{ANNA}", "ExpirationTime": "60"})
    assert sent == {
        "ID": 1001,
        "Phone": ANNA,
        "Created": "2018-10-23T17:43:19.0000000+00:00",
        "Expires": "2018-10-23T17:44:19.0000000+00:00",
    }
    sms = await client.call("GET", "/api/sms/sent/1001")
    assert (sms["From"], sms["To"], sms["Message"]) == ("Bank", ANNA, "Code: ******.")

    validate = "/api/authentications/validate"
    wrong = await client.call("POST", validate, {"Phone": ANNA, "Code": "777778"}, status=400)
    assert "Code" in wrong["ModelState"]
    right = {"Phone": ANNA, "Code": "777777"}
    assert await client.call("POST", validate, right) == {"Phone": ANNA, "IsValid": True}
    await client.call("POST", validate, right, status=400)
    for body, field in (
        ({}, "Phone"),
        ({"Phone": "x"}, "Phone"),
        ({"Phone": ANNA, "Length": 2}, "Length"),
        ({"Phone": ANNA, "MessageFormat": "no place"}, "MessageFormat"),
        ({"Phone": ANNA, "NumericOnly": "maybe"}, "NumericOnly"),
    ):
        refused = await client.call("POST", "/api/authentications", body, status=400)
        assert list(refused["ModelState"]) == [field]


@works("POST /api/phonenumber/lookup", "numbers and what they are; without credentials")
async def test_numbers_are_looked_up(client: Client) -> None:
    """In camelCase, as the one client that was seen reads it."""
    asked = {"DefaultRegion": "SE", "PhoneNumbers": ["070-123 45 67", "+4791234567", "12", "x" * 50]}
    found = await client.call("POST", "/api/phonenumber/lookup", asked)

    told = [(each["isValid"], each["e164Format"], each["region"]) for each in found["phoneNumbers"]]
    assert told == [(True, "+46701234567", "SE"), (True, "+4791234567", "NO"), (False, None, None), (False, None, None)]
    assert found["phoneNumbers"][0]["nationalFormat"] == "070-123 45 67"
    for body in ({}, {"PhoneNumbers": []}, {"PhoneNumbers": [[]]}, {"PhoneNumbers": ["1"] * 11}):
        assert "PhoneNumbers" in (await client.call("POST", "/api/phonenumber/lookup", body, status=400))["ModelState"]
    refused = await client.call(
        "POST", "/api/phonenumber/lookup", {"DefaultRegion": "Sweden", "PhoneNumbers": ["1"]}, status=400
    )
    assert list(refused["ModelState"]) == ["DefaultRegion"]


def test_the_readme_tells_what_works() -> None:
    """Its table is the one that these tests make; `make codes` writes it."""
    assert README.read_text() == written(README.read_text())
