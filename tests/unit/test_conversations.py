"""Conversations: what was said with whom, in the order in which it was said, page by page; and what came in."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from builders import NOW, FrozenClock, a_content, a_new_batch, stored

from adapters.rest_v2.face import RestV2Face
from gateway import housekeeping
from gateway.commands import (
    Command,
    GetConversation,
    GetReceived,
    ListReceived,
    Received,
    SummariseConversation,
)
from gateway.config import Caller, Retention
from gateway.desks import conversations
from gateway.desks.conversations import ConversationDesk
from gateway.errors import Busy, NotFound
from gateway.housekeeping import Housekeeping
from gateway.ids import Kind, public_id
from gateway.model import Incoming, Page, Recipient, Side
from gateway.observe import Metrics
from gateway.ports import Call
from gateway.store import open_store
from gateway.store.sqlite import SqliteStore

CALLER = Caller.model_validate({"name": "erp", "account": "ip1-12345", "keys": ["sha256:" + "0" * 64]})
STRANGER = CALLER.model_copy(update={"name": "crm", "account": "ip1-99999"})
FACE = RestV2Face()
ANNA, BO = "46700000001", "46700000002"


class World:
    """A desk, its store, and a clock."""

    def __init__(self) -> None:
        """Nothing was said."""
        self.store: SqliteStore = open_store("memory:")
        self.clock = FrozenClock()
        self.desk = ConversationDesk(self.store)
        self._told = 0

    async def send(self, *recipients: str, body: str = "Hello", account: str = "ip1-12345") -> None:
        """Send to these, a second after what was said before."""
        self.clock.advance(1)
        to = tuple(Recipient(recipient) for recipient in recipients)
        content = a_content(body=body)
        await stored(self.store, a_new_batch(recipients=to, content=content, account=account, created=self.clock.now()))

    async def receive(self, sender: str, body: str, account: str = "ip1-12345") -> None:
        """Let somebody answer, a second after what was said before."""
        self.clock.advance(1)
        self._told += 1
        arrived = Incoming(0, self.clock.now(), account, "erp", "main", str(self._told), sender, "46799", body, 1)
        await self.store.receive([arrived], self.clock.now(), ())

    async def ask(self, command: Command, caller: Caller = CALLER) -> Any:
        """What the desk answers."""
        return await self.desk.handlers[type(command)](command, caller)

    async def read(self, path: str, query: str = "", caller: Caller = CALLER) -> tuple[Any, str]:
        """What a v2 client reads: the document, and its links."""
        call = Call("GET", path, query, {"Authorization": "Bearer k"}, base="https://sms.example.org")
        inbound = FACE.decode(call)
        assert not isinstance(inbound.command, Exception), inbound.command
        reply = FACE.encode(await self.ask(inbound.command, caller), inbound, call)
        return orjson.loads(reply.body), reply.headers.get("Link", "")

    async def said(self, path: str, query: str = "", caller: Caller = CALLER) -> list[tuple[str, str]]:
        """(direction, text) of a page."""
        return [(entry["direction"], entry["body"]) for entry in (await self.read(path, query, caller))[0]]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A conversation with Anna, of five messages, with others in between."""
    made = World()
    await made.send(ANNA, BO, body="1")
    await made.receive(ANNA, "2")
    await made.receive(BO, "not hers")
    await made.send(ANNA, body="3")
    await made.send(ANNA, body="of another account", account="ip1-99999")
    await made.receive(ANNA, "4")
    await made.send(ANNA, body="5")
    yield made
    await made.store.close()


async def test_a_conversation_is_told_in_its_order(world: World) -> None:
    """Both ways, or one of them; whatever else was said meanwhile."""
    assert await world.said(f"/v2/conversations/{ANNA}") == [
        ("mt", "1"),
        ("mo", "2"),
        ("mt", "3"),
        ("mo", "4"),
        ("mt", "5"),
    ]
    assert await world.said(f"/V2/Conversations/%2B{ANNA}/MT/") == [("mt", "1"), ("mt", "3"), ("mt", "5")]
    assert await world.said(f"/v2/conversations/{ANNA}/mo") == [("mo", "2"), ("mo", "4")]
    assert await world.said(f"/v2/conversations/{BO}") == [("mt", "1"), ("mo", "not hers")]
    assert await world.said(f"/v2/conversations/{ANNA}", caller=STRANGER) == [("mt", "of another account")]
    assert await world.said("/v2/conversations/46700000003") == []


async def test_a_page_of_a_conversation(world: World) -> None:
    """Either way round, with links to the others."""
    path = f"/v2/conversations/{ANNA}"
    assert await world.said(path, "start=1&limit=2") == [("mo", "2"), ("mt", "3")]
    assert await world.said(path, "start=1&limit=2&order=DESC") == [("mo", "4"), ("mt", "3")]
    _, links = await world.read(path, "limit=2")
    assert f'<https://sms.example.org{path}?start=4&limit=2&order=ASC>; rel="last"' in links


async def test_what_was_just_said_is_there(world: World) -> None:
    """Whoever asks right after sending finds it: the index is brought up to date first."""
    assert len(await world.said(f"/v2/conversations/{ANNA}")) == 5
    await world.send(ANNA, body="6")

    assert (await world.said(f"/v2/conversations/{ANNA}"))[-1] == ("mt", "6")


async def test_the_documents_of_both_directions(world: World) -> None:
    """What came in has its own id, by which v1 finds it, and is final; what went out shows its latest status."""
    (sent, came, *_), _ = await world.read(f"/v2/conversations/{ANNA}")

    assert (sent["recipient"], sent["statuses"][0]["code"]) == (ANNA, 101)
    assert (came["sender"], came["recipient"], came["owner"]) == (ANNA, "46799", "ip1-12345")
    assert came["statuses"] == [{"created": "2018-10-23T17:43:21Z", "code": 201, "duration": 1}]
    found = await world.ask(GetReceived(came["id"].upper()))
    assert found.messages[0].body == "2"


async def test_how_much_was_said(world: World) -> None:
    """Counted and dated by direction; nothing where nothing was said."""
    summary, _ = await world.read(f"/v2/conversations/{ANNA}/summary")

    assert summary == {
        "participant": ANNA,
        "mt": {"messages": 3, "first": "2018-10-23T17:43:20Z", "latest": "2018-10-23T17:43:26Z"},
        "mo": {"messages": 2, "first": "2018-10-23T17:43:21Z", "latest": "2018-10-23T17:43:25Z"},
    }
    nothing = {"messages": 0, "first": None, "latest": None}
    assert (await world.read("/v2/conversations/nobody/summary"))[0] == {
        "participant": "nobody",
        "mt": nothing,
        "mo": nothing,
    }


async def test_a_participant_may_be_a_name(world: World) -> None:
    """In any letter case, for whoever writes under a name cannot be asked how it is written."""
    await world.receive("iP1 Info", "news")

    assert await world.said("/v2/conversations/ip1%20info") == [("mo", "news")]


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_filing_in_small_steps_keeps_the_order(world: World, limit: int) -> None:
    """However few are filed at a time, nothing is left out, filed twice, or out of its turn."""
    counts = []
    while count := await world.store.file(limit):
        counts.append(count)

    assert sum(counts) == 8
    assert [body for _, body in await world.said(f"/v2/conversations/{ANNA}")] == ["1", "2", "3", "4", "5"]


async def test_a_clock_that_goes_back_loses_nothing(world: World) -> None:
    """What was numbered later was said later, whatever its time says."""
    world.clock.advance(-3600)
    await world.send(ANNA, body="6")
    await world.receive(ANNA, "7")
    while await world.store.file(2):
        pass

    said = [body for _, body in await world.said(f"/v2/conversations/{ANNA}")]
    assert sorted(said) == ["1", "2", "3", "4", "5", "6", "7"]
    mt = [body for _, body in await world.said(f"/v2/conversations/{ANNA}/mt")]
    assert mt == ["1", "3", "5", "6"]


async def test_what_came_in_is_listed(world: World) -> None:
    """The newest, oldest first; of some senders or to some recipients, however they are written."""
    everything = await world.ask(ListReceived())
    assert [each.body for each in everything.messages] == ["2", "not hers", "4"]
    hers = await world.ask(ListReceived(senders=(f"+{ANNA}", "nobody")))
    assert [each.body for each in hers.messages] == ["2", "4"]
    assert await world.ask(ListReceived(recipients=("46798",))) == Received(())
    assert len((await world.ask(ListReceived(recipients=("46799",)))).messages) == 3
    assert await world.ask(ListReceived(), STRANGER) == Received(())


@pytest.mark.parametrize(
    ("incoming_id", "caller"),
    [
        (public_id(Kind.INCOMING, NOW + 2000, 1), STRANGER),
        (public_id(Kind.INCOMING, NOW, 1), CALLER),
        (public_id(Kind.INCOMING, NOW, 99), CALLER),
        (public_id(Kind.MESSAGE, NOW, 1001), CALLER),
        ("1", CALLER),
    ],
)
async def test_what_came_in_for_others_is_not_there(world: World, incoming_id: str, caller: Caller) -> None:
    """Nor is what was made up."""
    with pytest.raises(NotFound):
        await world.ask(GetReceived(incoming_id), caller)


async def test_nobody_waits_for_ever(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where much is not filed yet a reader is told to come again, and finds what was done meanwhile."""
    monkeypatch.setattr(conversations, "PATIENCE", -1.0)
    monkeypatch.setattr(conversations, "AT_ONCE", 2)
    with pytest.raises(Busy, match="try again"):
        await world.said(f"/v2/conversations/{ANNA}")
    with pytest.raises(Busy):
        await world.said(f"/v2/conversations/{ANNA}")
    while await world.store.file(2):
        pass

    assert len(await world.said(f"/v2/conversations/{ANNA}")) == 5


async def test_the_index_is_filled_while_nobody_asks(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a reader has little to wait for; a disk that is full for a while does not end it."""
    monkeypatch.setattr(housekeeping, "EVERY", 0.0)
    tried: list[int] = []
    enough = asyncio.Event()

    class Store:
        async def file(self, limit: int, account: str | None = None) -> int:
            tried.append(limit)
            if len(tried) == 1:
                raise Busy
            if len(tried) == 2:
                raise RuntimeError
            if len(tried) == 4:
                enough.set()
            return await world.store.file(limit, account)

        async def forget_keys(self, before: int, limit: int) -> None:
            await world.store.forget_keys(before, limit)

    background = Housekeeping(Store(), world.clock, Metrics(), Retention())  # type: ignore[arg-type]
    background.start()
    await asyncio.wait_for(enough.wait(), 10)
    await background.stop()

    assert await world.store.file(100) == 0
    entries, total = await world.store.conversation("ip1-12345", ANNA, Side.BOTH, Page(limit=1))
    assert (len(entries), total) == (1, 5)


def test_what_is_asked() -> None:
    """Every address of conversations; a participant may be escaped."""
    asked = [
        FACE.decode(Call("GET", f"/v2/conversations/iP%201{rest}", "limit=3", {"Authorization": "Bearer k"})).command
        for rest in ("", "/mt", "/mo", "/summary")
    ]

    assert asked == [
        GetConversation("iP 1", Side.BOTH, Page(limit=3)),
        GetConversation("iP 1", Side.MT, Page(limit=3)),
        GetConversation("iP 1", Side.MO, Page(limit=3)),
        SummariseConversation("iP 1"),
    ]
