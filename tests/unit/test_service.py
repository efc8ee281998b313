"""What each command does, on a store in memory: what is checked, where it is sent, and who may see it."""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

import pytest
from builders import NOW, FrozenClock, a_content, depths, submitted
from structlog.testing import capture_logs

from gateway.commands import (
    Accepted,
    AccountStatus,
    BatchCanceled,
    BatchList,
    BatchStatus,
    CancelBatch,
    GetAccount,
    GetBatch,
    GetBatchMessage,
    GetMessage,
    Inquiry,
    ListBatches,
    ListMessages,
    MessageList,
    MessageStatus,
    SubmitBatch,
)
from gateway.config import Caller, Rule
from gateway.errors import (
    BadContent,
    BadRecipient,
    BadSender,
    Busy,
    Malformed,
    NoFunds,
    NotFound,
    RequestError,
    TooLate,
    Unanswered,
)
from gateway.ids import Kind, public_id
from gateway.limits import Limits
from gateway.model import (
    Account,
    Batch,
    DataCoding,
    Page,
    Plan,
    Recipient,
    Rewrite,
    StatusEntry,
    Tally,
    UnknownPolicy,
    Window,
)
from gateway.observe import Metrics
from gateway.ports import Credentials, Transition
from gateway.router import Router
from gateway.service import Service, Ways
from gateway.status import Status
from gateway.store import open_store
from gateway.store.sqlite import SqliteStore
from gateway.verdicts import Verdicts

CALLER = Caller.model_validate({"name": "erp", "account": "ip1-12345", "keys": ["sha256:" + "0" * 64]})
STRANGER = CALLER.model_copy(update={"name": "crm", "account": "ip1-99999"})
COLLEAGUE = CALLER.model_copy(update={"name": "crm"})

RULES = (
    Rule.model_validate({"name": "tests", "when": {"recipient": "4670000*"}, "to": "trial"}),
    Rule.model_validate({"name": "norway", "when": {"caller": "nor"}, "to": "fjord"}),
    Rule(name="default", to="main"),
)


class World:
    """A service, with what it stands on."""

    def __init__(self, rules: Sequence[Rule] = RULES, only: Sequence[str] = (), callers: Sequence[Caller] = ()) -> None:
        """Three upstreams: `main` takes three recipients a call."""
        self.store: SqliteStore = open_store("memory:")
        self.clock = FrozenClock()
        self.metrics = Metrics()
        self.woken: list[set[str]] = []
        self.broke = False
        self.verdicts = Verdicts()
        self.service = Service(
            self.store,
            Ways(
                Router(rules),
                chunk={"main": 3, "trial": 500, "fjord": 500},
                balances={"main": self._balance, "trial": self._none, "fjord": self._none},
                relays={},
            ),
            self.clock,
            wake=self._wake,
            metrics=self.metrics,
            verdicts=self.verdicts,
            limits=Limits(only, callers, self.clock),
        )

    def _wake(self, upstreams: Iterable[str]) -> None:
        self.woken.append(set(upstreams))

    async def _balance(self, _credentials: Credentials | None) -> tuple[str, str]:
        if self.broke:
            raise Unanswered("No answer")
        return "1000.00", "SEK"

    async def _none(self, _credentials: Credentials | None) -> tuple[str, str]:
        raise AssertionError("another upstream's balance was asked for")

    async def submit(self, *numbers: str, loose: bool = False, caller: Caller = CALLER, **content: Any) -> Accepted:
        """Submit a text to these numbers."""
        recipients = tuple(Recipient(number) for number in numbers)
        return await submitted(self.service, SubmitBatch(a_content(**content), recipients, loose=loose), caller, "soap")

    async def dispatches(self, upstream: str) -> list[tuple[str, list[str]]]:
        """(route, recipients) of what waits for an upstream."""
        found = await self.store.lease(upstream, 100, self.clock.now(), self.clock.now() + 1)
        return [(dispatch.route, [message.recipient for message in dispatch.messages]) for dispatch in found]

    async def move(self, number: int, *statuses: Status) -> None:
        """Report these statuses of a message."""
        await self.store.record([Transition(number, StatusEntry(status, NOW)) for status in statuses])

    async def code(self, number: int) -> int:
        """Where a message stands."""
        found = await self.store.message(number)
        assert found is not None
        return found[1].status.code


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A new world."""
    world = World()
    yield world
    await world.store.close()


def ruled(*rules: dict[str, object]) -> World:
    """A world with these rules before the default one."""
    return World((*map(Rule.model_validate, rules), RULES[-1]))


async def test_limits_are_asked_before_anything_is_stored() -> None:
    """A number that may not be reached, and a caller who sends too much: nothing is kept of it."""
    world = World(only=["46700001111"], callers=[CALLER.model_copy(update={"rate": 1.0})])
    with pytest.raises(BadRecipient):
        await world.submit("46712345678")
    assert (await world.submit("46700001111")).batch.key == 1001
    with pytest.raises(Busy):
        await world.submit("46700001111")
    assert await world.store.batch(1002) is None
    await world.store.close()


async def test_a_route_that_rejects_refuses_the_request() -> None:
    """All of it, though one recipient alone is meant: half a request is nothing that an old client could be told."""
    world = ruled({"name": "never", "when": {"country": 47}, "reject": 405})
    with pytest.raises(BadRecipient):
        await world.submit("46712345678", "4799999999")
    assert await world.store.batch(1001) is None
    assert (await world.submit("46712345678")).batch.key == 1001
    await world.store.close()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (402, NoFunds),
        (403, BadSender),
        (404, BadContent),
        (405, BadRecipient),
        (406, Malformed),
        (409, BadRecipient),
        (408, BadContent),
        (500, Busy),
    ],
)
async def test_a_rejection_is_told_as_what_it_is(status: int, kind: type[RequestError]) -> None:
    """Each face has its own word for each of these errors."""
    world = ruled({"name": "never", "when": {"sender": "iP1"}, "reject": status})
    with pytest.raises(kind) as caught:
        await world.submit("46712345678", sender="iP1")
    assert type(caught.value) is kind
    await world.store.close()


async def test_a_batch_is_cut_for_whoever_may_have_to_carry_it() -> None:
    """A dispatch that falls back is not cut anew, so it is no larger than the smallest of its upstreams takes."""
    world = ruled({"name": "r", "when": {"face": "soap"}, "to": "trial", "fallback": ["main"]})
    await world.submit(*[f"4671234567{n}" for n in range(7)])
    assert [len(numbers) for _, numbers in await world.dispatches("trial")] == [3, 3, 1]
    await world.store.close()


async def test_a_split_route_sends_each_recipient_to_its_own() -> None:
    """Recipients of one request go to several upstreams, each in dispatches of its own."""
    world = ruled({"name": "r", "when": {"face": "soap"}, "to": {"trial": 1, "fjord": 1}})
    await world.submit(*[f"4671234567{n}" for n in range(9)])
    trial, fjord = await world.dispatches("trial"), await world.dispatches("fjord")
    assert len(trial[0][1]) + len(fjord[0][1]) == 9
    assert min(len(trial[0][1]), len(fjord[0][1])) > 0
    await world.store.close()


async def test_what_is_held_is_not_sent() -> None:
    """It is stored, and nobody leases it, however late it is."""
    world = ruled({"name": "r", "when": {"face": "soap"}, "to": "trial", "hold": True})
    key = (await world.submit("46712345678")).batch.key
    assert await world.store.lease("trial", 10, NOW + 10**10, NOW + 10**11) == []
    assert await world.code(key) == 101
    await world.store.close()


async def test_arguments_are_counted_as_they_leave() -> None:
    """A hundred letters that leave as GSM are one SMS; what would leave empty is refused at once."""
    rules = [Rule.model_validate({"name": "gsm", "to": "main", "rewrite": {"gsm": True}})]
    world = World(rules)
    content = a_content(body="{x}", defaults={})

    def order(argument: str) -> SubmitBatch:
        return SubmitBatch(content, (Recipient("46700000001", {"x": argument}),))

    assert (await submitted(world.service, order("ł" * 100), CALLER, "rest_v2")).segments == (1,)
    with pytest.raises(BadContent):
        await submitted(world.service, order("\u200b"), CALLER, "rest_v2")
    await world.store.close()


async def test_a_mountain_of_defaults_is_looked_at_once() -> None:
    """What is checked for the whole batch is not checked again for each recipient: 10,000 of both are soon done."""
    looked = 0

    class Counted(dict[str, str]):
        def values(self) -> Any:
            nonlocal looked
            looked += 1
            return super().values()

    world = World()
    content = a_content(body="Hi {x}", defaults=Counted({f"a{at}": "b" for at in range(10_000)}))
    recipients = tuple(Recipient(str(46_700_000_000 + at)) for at in range(1_000))
    await submitted(world.service, SubmitBatch(content, recipients), CALLER, "rest_v2")

    assert looked == 1
    await world.store.close()


async def test_a_number_without_an_end_is_no_sender() -> None:
    """The older faces pass on a number that is too long, for the upstream to judge; not one that fills the memory."""
    world = World()

    assert (await world.submit("46712345678", loose=True, sender="4" * 20)).batch.content.sender == "4" * 20
    with pytest.raises(BadSender):
        await world.submit("46712345678", loose=True, sender="4" * 33)
    await world.store.close()


async def test_segments_are_counted_as_they_leave() -> None:
    """A text that is rewritten is measured as the upstream gets it; the caller reads its own text."""
    world = ruled(
        {"name": "gsm", "when": {"recipient": "4670*"}, "to": "trial", "rewrite": {"gsm": True}},
        {"name": "long", "when": {"recipient": "4671*"}, "to": "trial", "rewrite": {"prefix": "x" * 100}},
    )
    accepted = await world.submit("46700000001", "46712345678", "46720000001", body="ł" + "a" * 99)
    assert accepted.segments == (1, 3, 2)
    assert accepted.batch.content.body == "ł" + "a" * 99
    with pytest.raises(BadContent):
        await world.submit("46712345678", body="a" * 2000)
    await world.store.close()


async def test_what_a_route_decided_is_stored_with_the_dispatch() -> None:
    """The plan comes back with the lease, whatever the configuration says by then."""
    rewrite = {"sender": "Other", "prefix": "[x] ", "gsm": True}
    world = ruled(
        {
            "name": "r",
            "when": {"face": "soap"},
            "to": "trial",
            "fallback": ["fjord", "main"],
            "on": ["unreachable", 402],
            "unknown": "resend",
            "rewrite": rewrite,
        }
    )
    await world.submit("46712345678")
    (dispatch,) = await world.store.lease("trial", 1, NOW, NOW + 1)
    assert dispatch.plan == Plan(
        ("fjord", "main"), ("unreachable", "402"), UnknownPolicy.RESEND, Rewrite("Other", "[x] ", gsm=True)
    )
    await world.store.close()


async def test_a_route_may_wait_for_the_upstreams_word() -> None:
    """With `reply: sent` the answer is the upstream's refusal; without one in time, the message is taken."""
    world = ruled({"name": "r", "when": {"face": "soap"}, "to": "trial", "reply": "sent", "within": "5s"})
    accepted = await world.submit("46712345678")
    assert accepted.verdict is not None
    entry = StatusEntry(Status.INSUFFICIENT_FUNDS, NOW)
    world.verdicts.told(1001, entry.status.value)
    assert isinstance(await accepted.verdict, NoFunds)
    assert (await world.submit("46720000001", sender="x")).verdict is not None
    await world.store.close()


async def test_a_batch_is_stored_before_it_is_answered(world: World) -> None:
    """The answer names what is already in the store, and the upstream was told that there is work."""
    accepted = await world.submit("46712345678", "46787654321", reference="order 7")

    assert accepted.batch == await world.store.batch(accepted.batch.key)
    assert accepted.batch == Batch(
        key=1001,
        created=NOW,
        account="ip1-12345",
        caller="erp",
        face="soap",
        size=2,
        content=a_content(reference="order 7", datacoding=DataCoding.GSM),
    )
    assert accepted.account == Account("ip1-12345", "", "SEK", "46")
    assert [(m.number, m.recipient, m.status) for m in accepted.messages] == [
        (1001, "46712345678", Status.ACCEPTED),
        (1002, "46787654321", Status.ACCEPTED),
    ]
    assert world.woken == [{"main"}]


async def test_nothing_is_accepted_where_nothing_can_be_stored(world: World) -> None:
    """A full disk shows where durability is waited for; afterwards there is nothing to send."""
    disk = await world.store._writer.run(lambda db: db)
    disk.execute("PRAGMA query_only = ON")
    with pytest.raises(Busy):
        await world.submit("46712345678")
    disk.execute("PRAGMA query_only = OFF")

    assert await depths(world.store) == {}


async def test_a_recipient_named_twice_gets_it_once(world: World) -> None:
    """Whatever the face, and also where the two were written differently; the first one's place is kept."""
    strict = await world.submit("46712345678", "46787654321", "46712345678")
    loose = await world.submit("070-123 45 67", "+46 701234567", "0046701234567", loose=True)

    assert [recipient.msisdn for recipient in strict.recipients] == ["46712345678", "46787654321"]
    assert [recipient.msisdn for recipient in loose.recipients] == ["46701234567"]
    assert loose.segments == (1,)


async def test_numbers_get_the_callers_country(world: World) -> None:
    """The older faces take numbers as people write them: national ones belong to the caller's country."""
    norwegian = CALLER.model_copy(update={"country": "47"})

    assert (await world.submit("0701234567", loose=True)).recipients == (Recipient("46701234567"),)
    assert (await world.submit("0701234567", loose=True, caller=norwegian)).recipients == (Recipient("47701234567"),)


async def test_arguments_stay_with_a_number_that_was_rewritten(world: World) -> None:
    """A number that is put right keeps its template arguments."""
    command = SubmitBatch(
        a_content(body="Hi {name}", defaults={}), (Recipient("070 1234567", {"name": "Åsa"}),), loose=True
    )

    assert (await submitted(world.service, command, CALLER, "rest_v1")).recipients == (
        Recipient("46701234567", {"name": "Åsa"}),
    )


async def test_each_recipient_goes_its_way_in_pieces(world: World) -> None:
    """Recipients are split by rule, then cut to what one call of the upstream may carry."""
    await world.submit("46700001111", *(f"4681234{n}" for n in range(7)), "46700002222")

    assert await world.dispatches("trial") == [("tests", ["46700001111", "46700002222"])]
    assert await world.dispatches("main") == [
        ("default", ["46812340", "46812341", "46812342"]),
        ("default", ["46812343", "46812344", "46812345"]),
        ("default", ["46812346"]),
    ]
    assert world.woken == [{"trial", "main"}]


MEASURES = [
    ("one GSM part", "x" * 160, None, DataCoding.GSM, 1),
    ("two GSM parts", "x" * 161, None, DataCoding.GSM, 2),
    ("one UCS part", "я" * 70, None, DataCoding.UCS, 1),
    ("two UCS parts", "😀" * 36, None, DataCoding.UCS, 2),
    ("UCS where it was asked for", "hello", DataCoding.UCS, DataCoding.UCS, 1),
    ("UCS where GSM was asked for and cannot carry it", "я", DataCoding.GSM, DataCoding.UCS, 1),
    ("the longest text", "x" * 2000, None, DataCoding.GSM, 14),
]


@pytest.mark.parametrize(("label", "body", "wanted", "coding", "segments"), MEASURES, ids=[m[0] for m in MEASURES])
async def test_coding_and_segments(
    world: World, label: str, body: str, wanted: DataCoding | None, coding: DataCoding, segments: int
) -> None:
    """The gateway decides the coding, stores it with the batch, and counts the segments of every message."""
    accepted = await world.submit("46712345678", "46787654321", body=body, datacoding=wanted)

    assert accepted.batch.content.datacoding is coding
    assert accepted.segments == (segments, segments)


async def test_a_template_is_measured_for_each(world: World) -> None:
    """Each recipient's own text is counted; one that needs UCS-2 makes it the whole batch's coding."""
    content = a_content(body="{a}", defaults={"a": "x" * 70})
    plain = (Recipient("461", {"a": "x" * 161}), Recipient("462"))
    odd = (Recipient("461", {"a": "x" * 70}), Recipient("462", {"a": "я"}), Recipient("463", {"a": "x" * 71}))

    first = await submitted(world.service, SubmitBatch(content, plain), CALLER, "rest_v2")
    second = await submitted(world.service, SubmitBatch(content, odd), CALLER, "rest_v2")

    assert (first.batch.content.datacoding, first.segments) == (DataCoding.GSM, (2, 1))
    assert (second.batch.content.datacoding, second.segments) == (DataCoding.UCS, (1, 1, 2))
    assert first.batch.content.body == "{a}"


SENDERS = [
    ("a name", "iP1sms", False, "iP1sms"),
    ("a number", "46712345678", False, "46712345678"),
    ("a short code", "71234", False, "71234"),
    ("a long name, cut for an older face", "Kommunalförvaltningen", True, "Kommunalför"),
    ("blanks, trimmed for an older face", "  Firma AB ", True, "Firma AB"),
    ("a name with letters beyond A-Z, for an older face", "Åkeri", True, "Åkeri"),
    ("a number that is too long, left whole for an older face", "4671234567890123", True, "4671234567890123"),
]


@pytest.mark.parametrize(("label", "sender", "loose", "expected"), SENDERS, ids=[s[0] for s in SENDERS])
async def test_senders_that_pass(world: World, label: str, sender: str, expected: str, *, loose: bool) -> None:
    """REST v2's rules for its own callers; the older faces trim and cut instead of refusing."""
    assert (await world.submit("46712345678", sender=sender, loose=loose)).batch.content.sender == expected


LONG = "x" * 2001
REFUSED: list[tuple[str, dict[str, Any], list[str], bool, type[RequestError], set[str]]] = [
    ("nobody to send to", {}, [], False, BadRecipient, {"recipients"}),
    ("too many at once", {}, ["46712345678"] * 10_001, False, Malformed, {"recipients"}),
    ("no number", {}, ["46712345678", "mamma"], True, BadRecipient, {"recipients"}),
    ("no text", {"body": ""}, ["461"], False, BadContent, {"body"}),
    ("only blanks", {"body": " \n\t\u00a0"}, ["461"], False, BadContent, {"body"}),
    ("a text that is too long", {"body": LONG}, ["461"], False, BadContent, {"body"}),
    ("a NUL in the text", {"body": "a\0b"}, ["461"], False, BadContent, {"body"}),
    ("half a character in the text", {"body": "a\ud83d"}, ["461"], True, BadContent, {"body"}),
    ("a template that comes out empty", {"body": "{a}", "defaults": {}}, ["461"], False, BadContent, {"body"}),
    ("a template that grows too long", {"body": "{a}", "defaults": {"a": LONG}}, ["461"], False, BadContent, {"body"}),
    ("no sender", {"sender": ""}, ["461"], False, BadSender, {"sender"}),
    ("a sender of blanks, older face", {"sender": "   "}, ["461"], True, BadSender, {"sender"}),
    ("a name that is too long", {"sender": "ABCDEFGHIJKL"}, ["461"], False, BadSender, {"sender"}),
    ("a name with a blank", {"sender": "Firma AB"}, ["461"], False, BadSender, {"sender"}),
    ("a number that is too long", {"sender": "1234567890123456"}, ["461"], False, BadSender, {"sender"}),
    ("a NUL in the sender, older face", {"sender": "a\0"}, ["461"], True, BadSender, {"sender"}),
    ("half a character in the sender, older face", {"sender": "a\udcff"}, ["461"], True, BadSender, {"sender"}),
    ("a NUL in the reference", {"reference": "a\0"}, ["461"], False, Malformed, set()),
    ("a NUL in a tag", {"tags": ("a", "\0")}, ["461"], False, Malformed, set()),
]


@pytest.mark.parametrize(
    ("label", "content", "numbers", "loose", "error", "fields"), REFUSED, ids=[case[0] for case in REFUSED]
)
async def test_what_is_refused_leaves_nothing(
    world: World,
    label: str,
    content: dict[str, Any],
    numbers: list[str],
    error: type[RequestError],
    fields: set[str],
    *,
    loose: bool,
) -> None:
    """A request that breaks a rule is told which field and why; nothing is stored, nobody is woken."""
    with pytest.raises(error) as caught:
        await world.submit(*numbers, loose=loose, **content)

    assert type(caught.value) is error
    assert isinstance(caught.value, Malformed)
    assert set(caught.value.fields) == fields
    assert caught.value.detail
    assert await depths(world.store) == {}
    assert world.woken == []


async def test_as_many_as_may_be(world: World) -> None:
    """Ten thousand recipients in one request are taken, and cut for the upstream."""
    accepted = await world.submit(*(str(46_700_100_000 + n) for n in range(10_000)))

    assert accepted.batch.size == 10_000
    assert sum(len(numbers) for _, numbers in await world.dispatches("main")) == 300  # of the first hundred


async def test_a_batch_shows_who_is_furthest_behind(world: World) -> None:
    """A batch's status is that of the message that has come least far; tallies count all of them."""
    accepted = await world.submit("461", "462", "463")
    await world.move(1001, Status.DELIVERED_TO_HANDSET)
    await world.move(1002, Status.QUEUED, Status.DELIVERED_TO_CARRIER)
    await world.move(1003, Status.QUEUED)
    batch_id = public_id(Kind.BATCH, NOW, 1001)

    found = await world.service.run(GetBatch(batch_id), CALLER, "rest_v2")

    assert found == BatchStatus(
        accepted.batch,
        Status.QUEUED,
        (
            Tally(Status.QUEUED, 1, 1),
            Tally(Status.DELIVERED_TO_CARRIER, 1, 1),
            Tally(Status.DELIVERED_TO_HANDSET, 1, 1),
        ),
        accepted.account,
    )


async def test_a_page_of_a_batch(world: World) -> None:
    """A list tells its page."""
    await world.submit("461", "462", "463")
    command = ListMessages(public_id(Kind.BATCH, NOW, 1001), Page(1, 1, descending=True))

    found = await world.service.run(command, CALLER, "rest_v2")

    assert isinstance(found, MessageList)
    assert ([m.recipient for m in found.messages], found.page) == (["462"], command.page)


async def test_a_message_by_its_number(world: World) -> None:
    """Legacy clients ask by the number they were given, and are told the whole history."""
    await world.submit("461", "462")
    await world.move(1002, Status.QUEUED, Status.DELIVERED_TO_HANDSET)

    found = await world.service.run(GetMessage(1002), CALLER, "soap")

    assert isinstance(found, MessageStatus)
    assert found.message.recipient == "462"
    assert [entry.status.value for entry in found.history] == [101, 102, 201]
    assert not found.delayed


async def test_a_message_by_the_ids_of_v2(world: World) -> None:
    """It is told as by its number: with its whole history."""
    await world.submit("461", "462")
    await world.move(1002, Status.QUEUED)

    command = GetBatchMessage(BATCH_1001.upper(), public_id(Kind.MESSAGE, NOW, 1002).upper())
    found = await world.service.run(command, CALLER, "rest_v2")

    assert found == await world.service.run(GetMessage(1002), CALLER, "soap")
    assert isinstance(found, MessageStatus)
    assert [entry.status.value for entry in found.history] == [101, 102]


async def test_an_account_lists_its_own_batches(world: World) -> None:
    """Of all its callers, and of nobody else; each with where it stands."""
    first = await world.submit("461")
    await world.service.submit(SubmitBatch(a_content(), (Recipient("462"),)), STRANGER, "rest_v2").durable
    second = await world.submit("463", "464")
    await world.move(1004, Status.QUEUED)

    found = await world.service.run(ListBatches(Page(limit=2, descending=True)), COLLEAGUE, "rest_v2")

    assert isinstance(found, BatchList)
    assert [(each.batch, each.status) for each in found.batches] == [
        (second.batch, Status.ACCEPTED),
        (first.batch, Status.ACCEPTED),
    ]
    assert (found.page, found.total) == (Page(limit=2, descending=True), 2)
    assert await world.service.run(ListBatches(Page(start=5)), CALLER, "rest_v2") == BatchList((), Page(start=5), 2)


BATCH_1001 = public_id(Kind.BATCH, NOW, 1001)
MESSAGE_1001 = public_id(Kind.MESSAGE, NOW, 1001)

OTHERS = [
    ("a batch of another account", GetBatch(public_id(Kind.BATCH, NOW, 1001)), STRANGER),
    ("its messages", ListMessages(public_id(Kind.BATCH, NOW, 1001)), STRANGER),
    ("one message of another account", GetMessage(1001), STRANGER),
    ("one message of another account's batch", GetBatchMessage(BATCH_1001, MESSAGE_1001), STRANGER),
    ("a message that the batch has not", GetBatchMessage(BATCH_1001, public_id(Kind.MESSAGE, NOW, 1003)), CALLER),
    ("a message with other seconds", GetBatchMessage(BATCH_1001, public_id(Kind.MESSAGE, NOW + 1000, 1001)), CALLER),
    ("a batch for a message", GetBatchMessage(BATCH_1001, BATCH_1001), CALLER),
    ("no id of a message", GetBatchMessage(BATCH_1001, "1001"), CALLER),
    ("another account's batch, to cancel it", CancelBatch(BATCH_1001), STRANGER),
    ("a batch with other seconds, to cancel it", CancelBatch(public_id(Kind.BATCH, NOW + 1000, 1001)), CALLER),
    ("an id with other seconds", GetBatch(public_id(Kind.BATCH, NOW + 1000, 1001)), CALLER),
    ("its messages, with other seconds", ListMessages(public_id(Kind.BATCH, NOW - 1000, 1001)), CALLER),
    ("a message inside a batch", GetBatch(public_id(Kind.BATCH, NOW, 1002)), CALLER),
    ("an id of another kind", GetBatch(public_id(Kind.MESSAGE, NOW, 1001)), CALLER),
    ("no id at all", GetBatch("1001"), CALLER),
    ("the largest id", GetBatch("f" * 8 + "ba" + "f" * 14), CALLER),
    ("a number that was not given out", GetMessage(1003), CALLER),
    ("a number that no legacy id can be", GetMessage(-5), CALLER),
    ("a number beyond any store", GetMessage(10**30), CALLER),
]


@pytest.mark.parametrize(("label", "command", "caller"), OTHERS, ids=[case[0] for case in OTHERS])
async def test_what_is_not_ones_own_is_not_there(world: World, label: str, command: Inquiry, caller: Caller) -> None:
    """Another account's batches and made-up ids are told alike: there is nothing here."""
    await world.submit("461", "462")

    with pytest.raises(NotFound):
        await world.service.run(command, caller, "rest_v2")


async def test_callers_of_one_account_see_the_same(world: World) -> None:
    """An account's batches are the account's, whichever of its callers sent them; ids match in any letter case."""
    await world.submit("461")

    for command in (GetBatch(public_id(Kind.BATCH, NOW, 1001).upper()), GetMessage(1001)):
        assert await world.service.run(command, COLLEAGUE, "rest_v2")


HOUR = 3_600_000
WINDOWS = [
    ("no window", (), False),
    ("a window ahead", (Window(NOW + HOUR, None),), True),
    ("a window that is open", (Window(NOW - HOUR, NOW + HOUR),), False),
    ("a window that opens now", (Window(NOW, None),), False),
    ("a window that was always open", (Window(None, NOW + HOUR),), False),
    ("one open, one ahead", (Window(NOW - 1, None), Window(NOW + HOUR, None)), False),
    ("one closed, one ahead", (Window(NOW - HOUR, NOW), Window(NOW + HOUR, None)), True),
    ("two ahead", (Window(NOW + HOUR, None), Window(NOW + 2 * HOUR, None)), True),
]


@pytest.mark.parametrize(("label", "windows", "expected"), WINDOWS, ids=[case[0] for case in WINDOWS])
async def test_a_message_is_delayed_until_a_window_opens(
    world: World, label: str, windows: tuple[Window, ...], *, expected: bool
) -> None:
    """Legacy code 11 is for messages whose time has not come; once it has, they are delayed no more."""
    await world.submit("461", windows=windows)

    found = await world.service.run(GetMessage(1001), CALLER, "soap")
    assert isinstance(found, MessageStatus)
    assert found.delayed is expected
    world.clock.advance(3 * 3600)
    later = await world.service.run(GetMessage(1001), CALLER, "soap")
    assert isinstance(later, MessageStatus)
    assert not later.delayed


DUE = [
    ("no window", (), NOW),
    ("a window ahead", (Window(NOW + HOUR, None),), NOW + HOUR),
    ("a window that is open", (Window(NOW - HOUR, NOW + HOUR),), NOW),
    ("a window that was always open", (Window(None, NOW + HOUR),), NOW),
    ("two ahead, the later one first", (Window(NOW + 2 * HOUR, None), Window(NOW + HOUR, None)), NOW + HOUR),
    ("one closed, one ahead", (Window(NOW - HOUR, NOW - 1), Window(NOW + HOUR, None)), NOW + HOUR),
    ("all closed: at once, for its end is to be told", (Window(NOW - HOUR, NOW - 1),), NOW),
]


@pytest.mark.parametrize(("label", "windows", "due"), DUE, ids=[case[0] for case in DUE])
async def test_a_batch_is_held_until_a_window_opens(
    world: World, label: str, windows: tuple[Window, ...], due: int
) -> None:
    """Whatever way its messages go, nothing of it is due before; its upstreams are told of it all the same."""
    accepted = await world.submit("46700001111", "46712345678", windows=windows)

    assert accepted.batch.created == NOW
    assert accepted.batch.content.windows == windows
    assert [await world.store.next_due(upstream) for upstream in ("main", "trial")] == [due, due]
    assert world.woken == [{"main", "trial"}]


@pytest.mark.parametrize("opens", [NOW, NOW - HOUR, NOW - 30 * 24 * HOUR, 0])
async def test_to_the_older_faces_a_time_that_has_passed_is_now(world: World, opens: int) -> None:
    """Also .NET's unset time, which is long past: the message is sent, not taken for expired."""
    accepted = await world.submit("46712345678", loose=True, windows=(Window(opens, opens + 7 * 24 * HOUR),))

    assert accepted.batch.content.windows == ()
    assert await world.store.next_due("main") == NOW


async def test_what_has_not_left_is_cancelled(world: World) -> None:
    """By the number of its first message; the answer says how many messages, metrics and the log say so too."""
    accepted = await world.submit("46700001111", "461", "462", "463", "464", windows=(Window(NOW + HOUR, None),))
    world.clock.advance(60)
    with capture_logs() as lines:
        found = await world.service.run(CancelBatch(1001), CALLER, "soap")

    everything = BatchStatus(accepted.batch, Status.CANCELED, (Tally(Status.CANCELED, 5, 5),), accepted.account)
    assert found == BatchCanceled(everything, 5)
    assert lines == [
        {"event": "batch.cancelled", "log_level": "info", "batch": 1001, "caller": "erp", "messages": 5},
    ]
    counted = {
        upstream: world.metrics.registry.get_sample_value(
            "sluss_statuses_total", {"upstream": upstream, "status": "Canceled"}
        )
        for upstream in ("main", "trial")
    }
    assert counted == {"main": 4, "trial": 1}
    told = await world.service.run(GetMessage(1005), CALLER, "soap")
    assert isinstance(told, MessageStatus)
    assert told.history[1:] == (StatusEntry(Status.CANCELED, NOW + 60_000, upstream="main"),)
    world.clock.advance(3600)
    assert await world.dispatches("main") == await world.dispatches("trial") == []


async def test_what_has_left_stays(world: World) -> None:
    """Of a batch that is leaving, the rest is cancelled, and only that is counted."""
    accepted = await world.submit("46700001111", "461", "462")
    await world.dispatches("main")

    found = await world.service.run(CancelBatch(public_id(Kind.BATCH, NOW, accepted.batch.key)), COLLEAGUE, "rest_v2")
    assert isinstance(found, BatchCanceled)
    assert (found.now.status, found.messages) == (Status.ACCEPTED, 1)
    assert [await world.code(number) for number in (1001, 1002, 1003)] == [203, 101, 101]


async def test_too_late_to_cancel(world: World) -> None:
    """Where everything has left, or was cancelled before, the caller is told, and nothing is logged or counted."""
    await world.submit("461")
    await world.dispatches("main")
    await world.submit("462")
    await world.service.run(CancelBatch(1002), CALLER, "soap")

    for number in (1001, 1002):
        with capture_logs() as lines, pytest.raises(TooLate):
            await world.service.run(CancelBatch(number), CALLER, "soap")
        assert lines == []
    assert [await world.code(number) for number in (1001, 1002)] == [101, 203]


NOT_ONES_OWN = [
    ("another account's batch", 1001, STRANGER),
    ("a message inside a batch", 1002, CALLER),
    ("a number that was not given out", 1003, CALLER),
    ("a code", 22, CALLER),
    ("nothing", 0, CALLER),
    ("a number below all", -(10**30), CALLER),
    ("a number beyond any store", 10**30, CALLER),
]


@pytest.mark.parametrize(("label", "number", "caller"), NOT_ONES_OWN, ids=[case[0] for case in NOT_ONES_OWN])
async def test_what_is_not_ones_own_is_not_cancelled(world: World, label: str, number: int, caller: Caller) -> None:
    """Whatever is wrong with the number, the answer is the same, so nobody learns what others have; nothing changes."""
    await world.submit("461", "462", windows=(Window(NOW + HOUR, None),))

    with pytest.raises(NotFound) as caught:
        await world.service.run(CancelBatch(number), caller, "soap")
    assert caught.value.detail == "There is no batch with this id"
    assert [await world.code(found) for found in (1001, 1002)] == [101, 101]


async def test_the_balance_is_that_of_ones_own_upstream(world: World) -> None:
    """A caller is told the balance of the upstream where its messages go, digits as they are; errors pass."""
    assert await world.service.run(GetAccount(), CALLER, "rest_v1") == AccountStatus(
        Account("ip1-12345", "", "SEK", "46"), "1000.00", "SEK"
    )
    world.broke = True
    with pytest.raises(Unanswered):
        await world.service.run(GetAccount(), CALLER, "rest_v1")


@pytest.mark.parametrize("where", ["params", "defaults"])
async def test_a_template_cannot_ask_for_a_mountain(world: World, where: str) -> None:
    """A text of 600 placeholders and an argument of a megabyte are refused before they are put together."""
    long = {"a": "x" * 2**20}
    recipient = Recipient("46712345678", long if where == "params" else {})
    content = a_content(body="{a}" * 600, defaults=long if where == "defaults" else {})
    with pytest.raises(BadContent):
        world.service.submit(SubmitBatch(content, (recipient,)), CALLER, "rest_v2")
