"""Senders and blacklists: what v2 shows of them, who sees them, and what they do to what is sent."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from builders import NOW, FrozenClock, a_content, claimed

from adapters.rest_v2.face import RestV2Face
from adapters.rest_v2.wire import accepted_document
from gateway.commands import (
    Accepted,
    Block,
    BlockedEntries,
    Command,
    GetBlocked,
    GetMessage,
    GetSender,
    ListBlocked,
    ListMessages,
    ListSenders,
    MessageList,
    MessageStatus,
    RegisterSender,
    SubmitBatch,
    Unblock,
    UnregisterSender,
)
from gateway.config import Caller, Rule
from gateway.errors import BadRecipient, BadSender, Malformed, NotFound, RequestError
from gateway.ids import Kind, public_id
from gateway.limits import Limits
from gateway.model import Blocked, Page, Recipient
from gateway.observe import Metrics
from gateway.ports import Call
from gateway.router import Router
from gateway.service import Service, Ways
from gateway.status import Status
from gateway.store import open_store
from gateway.store.sqlite import SqliteStore
from gateway.verdicts import Verdicts

CALLER = Caller.model_validate({"name": "erp", "account": "ip1-12345", "keys": ["sha256:" + "0" * 64]})
STRANGER = CALLER.model_copy(update={"name": "crm", "account": "ip1-99999"})
STRICT = CALLER.model_copy(update={"senders": "registered"})
FACE = RestV2Face()
NUMBERS = ("46700000001", "46700000002", "46700000003")


async def balance(_credentials: object) -> tuple[str, str]:
    """Of an upstream that nobody asks."""
    return "0", "SEK"


def a_service(store: SqliteStore, clock: FrozenClock) -> Service:
    """A service with one upstream."""
    rule = Rule.model_validate({"name": "default", "to": "main"})
    ways = Ways(Router((rule,)), chunk={"main": 500}, balances={"main": balance}, relays={})
    return Service(
        store,
        ways,
        clock,
        wake=lambda _upstreams: None,
        metrics=Metrics(),
        verdicts=Verdicts(),
        limits=Limits((), (), clock),
    )


class World:
    """A service on a store in memory, asked through the v2 face."""

    def __init__(self) -> None:
        """Nothing is registered."""
        self.store: SqliteStore = open_store("memory:")
        self.clock = FrozenClock()
        self.service = a_service(self.store, self.clock)

    async def ask(self, method: str, path: str, body: Any = None, caller: Caller = CALLER) -> Any:
        """The document that a v2 client is answered with, or (status, document) where that is not 200."""
        call = a_call(method, path, body)
        inbound = FACE.decode(call)
        assert not isinstance(inbound.command, (RequestError, SubmitBatch))
        reply = FACE.encode(await self.service.run(inbound.command, caller, "rest_v2"), inbound, call)
        document = orjson.loads(reply.body)
        return document if reply.status == 200 else (reply.status, document)

    async def submit(self, *numbers: str, caller: Caller = CALLER, loose: bool = False, **content: Any) -> Accepted:
        """Send to these."""
        command = SubmitBatch(a_content(**content), tuple(Recipient(number) for number in numbers), loose)
        accepted = self.service.submit(command, caller, "rest_v2")
        await accepted.durable
        return accepted


def a_call(method: str, path: str, body: Any = None) -> Call:
    """What a v2 client calls; the clients that were seen send no body with PUT."""
    headers = {"Authorization": "Bearer k", "Content-Type": "application/json"}
    return Call(method, path, "", headers, b"" if body is None else orjson.dumps(body), base="https://sms.example.org")


def asked(method: str, path: str, body: Any = None) -> Command | RequestError:
    """What a call asks for."""
    return FACE.decode(a_call(method, path, body)).command


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A world of its own."""
    made = World()
    yield made
    await made.store.close()


ASKED: list[tuple[str, str, str, Any, Command]] = [
    ("all senders", "GET", "/v2/me/senders", None, ListSenders()),
    ("one sender", "GET", "/v2/me/senders/iP1", None, GetSender("iP1")),
    ("a sender with an escape", "PUT", "/v2/Me/Senders/%2B4670", None, RegisterSender("+4670")),
    ("a sender goes", "DELETE", "/v2/me/senders/iP1/", None, UnregisterSender("iP1")),
    ("the blacklist", "GET", "/v2/blacklist", None, ListBlocked()),
    ("one number", "GET", "/v2/blacklist/46700000001", None, GetBlocked("46700000001")),
    ("a number is added", "POST", "/v2/blacklist", {"Msisdn": "46700000001"}, Block(("46700000001",))),
    ("a number as a number", "POST", "/v2/blacklist", {"msisdn": 46700000001}, Block(("46700000001",))),
    ("a number is put", "PUT", "/v2/blacklist/46700000001", None, Block(("46700000001",))),
    ("a number is taken off", "DELETE", "/v2/blacklist/46700000001", None, Unblock("46700000001")),
]


@pytest.mark.parametrize(("label", "method", "path", "body", "command"), ASKED, ids=[case[0] for case in ASKED])
def test_what_v2_clients_ask(label: str, method: str, path: str, body: Any, command: Command) -> None:
    """Addresses in any letter case, names of properties too (the provider's pages and its samples)."""
    assert asked(method, path, body) == command


@pytest.mark.parametrize("body", [{}, {"msisdn": None}, {"msisdn": ["461"]}, {"msisdn": True}, [], "461"])
def test_an_entry_without_a_number_is_refused(body: Any) -> None:
    """The answer names the property."""
    error = asked("POST", "/v2/blacklist", body)

    assert isinstance(error, Malformed)
    assert not isinstance(body, dict) or set(error.fields) == {"msisdn"}


async def test_senders_are_registered_listed_and_forgotten(world: World) -> None:
    """Alphabetically, in the documented form; registering again changes nothing, and forgetting tells what it was."""
    first = {"sender": "TestNOS", "created": "2018-10-23T17:43:19Z"}
    assert await world.ask("PUT", "/v2/me/senders/TestNOS") == first
    world.clock.advance(60)
    assert await world.ask("PUT", "/v2/me/senders/alarm") == {"sender": "alarm", "created": "2018-10-23T17:44:19Z"}
    assert await world.ask("PUT", "/v2/me/senders/TestNOS") == first
    assert await world.ask("GET", "/v2/me/senders/TestNOS") == first

    assert [each["sender"] for each in await world.ask("GET", "/v2/me/senders")] == ["alarm", "TestNOS"]
    assert await world.ask("GET", "/v2/me/senders", caller=STRANGER) == []
    assert await world.ask("DELETE", "/v2/me/senders/TestNOS") == first
    assert [each["sender"] for each in await world.ask("GET", "/v2/me/senders")] == ["alarm"]


@pytest.mark.parametrize("path", ["/v2/me/senders/TestNOS", "/v2/blacklist/46700000001", "/v2/blacklist/46700000009"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_what_another_account_registered_is_not_there(world: World, method: str, path: str) -> None:
    """Nor is what nobody registered."""
    await world.ask("PUT", "/v2/me/senders/TestNOS", caller=STRANGER)
    await world.ask("PUT", "/v2/blacklist/46700000001", caller=STRANGER)

    with pytest.raises(NotFound):
        await world.ask(method, path)


@pytest.mark.parametrize("name", ["twelveletter", "a-b", "%C3%A5", "1234567890123456"])
async def test_a_sender_that_cannot_be_used_is_not_registered(world: World, name: str) -> None:
    """By the rules for senders of the provider's page "Send SMS"."""
    with pytest.raises(BadSender) as caught:
        await world.ask("PUT", f"/v2/me/senders/{name}")
    assert set(caught.value.fields) == {"sender"}


async def test_the_blacklist_grows_and_shrinks(world: World) -> None:
    """In the documented form: milliseconds and no zone; a number that is there stays as it was."""
    world.clock.advance(0.253)
    first = {"msisdn": "46700000001", "created": "2018-10-23T17:43:19.253"}
    assert await world.ask("POST", "/v2/blacklist", {"msisdn": "+46700000001"}) == (201, first)
    world.clock.advance(1)
    assert await world.ask("PUT", "/v2/blacklist/46700000001") == first
    second = await world.ask("PUT", "/v2/blacklist/46700000002")

    assert await world.ask("GET", "/v2/blacklist") == [first, second]
    assert await world.ask("GET", "/v2/blacklist/46700000001") == first
    assert await world.ask("DELETE", "/v2/blacklist/46700000001") == first
    assert await world.ask("GET", "/v2/blacklist") == [second]
    for number in ("no number", "0.5", "0700000001", "+46 70-000 00 01"):
        assert isinstance(asked("POST", "/v2/blacklist", {"msisdn": number}), Malformed)
        assert isinstance(asked("PUT", f"/v2/blacklist/{number}"), Malformed)


async def test_an_entry_has_a_key_that_no_other_gets(world: World) -> None:
    """REST v1 tells it as the ID: what was taken off does not come back as another number."""
    run = world.service.run
    (first,) = (await run(Block(("46700000001",)), CALLER, "rest_v1")).entries
    assert await run(Unblock(first.key), CALLER, "rest_v1") == BlockedEntries((first,))
    (second,) = (await run(Block(("46700000002",)), CALLER, "rest_v1")).entries

    assert second.key > first.key
    assert await run(GetBlocked(second.key), CALLER, "rest_v1") == BlockedEntries((second,))
    for key, caller in ((first.key, CALLER), (second.key, STRANGER), (0, CALLER), (10**30, CALLER)):
        with pytest.raises(NotFound):
            await run(GetBlocked(key), caller, "rest_v1")


async def test_a_page_of_each(world: World) -> None:
    """Both lists come by the page, either way round, with links."""
    for name in ("a", "b", "c"):
        await world.ask("PUT", f"/v2/me/senders/{name}")
    await world.service.run(Block(NUMBERS), CALLER, "rest_v2")

    senders = await world.service.run(ListSenders(Page(1, 1, descending=True)), CALLER, "rest_v2")
    blocked = await world.service.run(ListBlocked(Page(2, 5)), CALLER, "rest_v2")

    assert [sender.name for sender in senders.senders] == ["b"]
    assert [entry.msisdn for entry in blocked.entries] == [NUMBERS[2]]
    assert (senders.total, blocked.total) == (3, 3)


async def test_nothing_is_sent_to_a_number_on_the_blacklist(world: World) -> None:
    """Its message is RecipientRejected from the beginning, is shown and reported so, and is in no dispatch."""
    await world.service.run(Block(("46700000002",)), CALLER, "rest_v2")
    accepted = await world.submit(*NUMBERS, report_url="https://erp.example/")

    document = accepted_document(accepted)
    assert document["messageSummary"] == {"101": {"messages": 2, "sms": 2}, "405": {"messages": 1, "sms": 1}}
    (dispatch,) = await world.store.lease("main", 10, NOW, NOW + 60_000)
    assert [message.recipient for message in dispatch.messages] == [NUMBERS[0], NUMBERS[2]]
    told = await world.service.run(GetMessage(1002), CALLER, "rest_v2")
    assert isinstance(told, MessageStatus)
    assert [entry.status.value for entry in told.history] == [101, 405]
    (report,) = await claimed(world.store)
    assert (report.message.recipient, report.entry.status) == (NUMBERS[1], Status.RECIPIENT_REJECTED)
    assert [message.status.value for message in accepted.messages] == [101, 405, 101]


async def test_a_batch_for_the_blacklist_alone(world: World) -> None:
    """v2 takes it and says what became of it; an older face refuses it, for it has no word to tell afterwards."""
    await world.service.run(Block(NUMBERS[:2]), CALLER, "rest_v2")
    accepted = await world.submit(*NUMBERS[:2])

    assert accepted_document(accepted)["status"] == 405
    page = await world.service.run(ListMessages(public_id(Kind.BATCH, NOW, 1001)), CALLER, "rest_v2")
    assert isinstance(page, MessageList)
    assert [message.status.value for message in page.messages] == [405, 405]
    with pytest.raises(BadRecipient, match="blacklist"):
        await world.submit(*NUMBERS[:2], loose=True)
    assert await world.store.next_due("main") is None


async def test_the_blacklist_of_another_account_blocks_nobody(world: World) -> None:
    """And a number that was taken off is reached again."""
    await world.service.run(Block(NUMBERS), STRANGER, "rest_v2")
    await world.service.run(Block(NUMBERS), CALLER, "rest_v2")
    for number in NUMBERS:
        await world.service.run(Unblock(number), CALLER, "rest_v2")

    assert [message.status.value for message in (await world.submit(*NUMBERS)).messages] == [101, 101, 101]


async def test_a_caller_that_may_use_registered_senders_alone(world: World) -> None:
    """Others are refused, with the words that say how to register one."""
    with pytest.raises(BadSender, match="PUT /v2/me/senders"):
        await world.submit("46700000001", caller=STRICT)
    await world.ask("PUT", "/v2/me/senders/iP1")

    assert (await world.submit("46700000001", caller=STRICT)).batch.content.sender == "iP1"


async def test_what_was_registered_is_there_after_a_restart(world: World) -> None:
    """A service that starts on the same store blocks and knows the same."""
    await world.ask("PUT", "/v2/me/senders/iP1")
    await world.service.run(Block(("46700000002",)), CALLER, "rest_v2")
    again = a_service(world.store, world.clock)
    await again.load()

    assert (await again.run(GetSender("iP1"), CALLER, "rest_v2")).sender.created == NOW
    entries = (await again.run(GetBlocked("46700000002"), CALLER, "rest_v2")).entries
    assert entries == (Blocked(1, "46700000002", NOW),)
    command = SubmitBatch(a_content(), (Recipient("46700000002"),), loose=True)
    with pytest.raises(BadRecipient):
        again.submit(command, CALLER, "soap")
