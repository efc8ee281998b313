"""Delivery reports coming in: who may post them, whom they are about, and what they move."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from builders import NOW, FrozenClock, a_new_batch, claimed, stored
from pydantic import SecretStr
from structlog.testing import capture_logs

from adapters.rest_v2.reports import RestV2Reports
from gateway.config import Caller
from gateway.errors import Busy, Malformed, NotFound
from gateway.ids import Kind, public_id
from gateway.model import DataCoding, Incoming, Recipient
from gateway.observe import Metrics
from gateway.ports import Call, Forward, NewDispatch
from gateway.reports import Hook, Hooks, hook_path
from gateway.store import open_store
from gateway.store.sqlite import SqliteStore

SECRET = SecretStr("correct horse battery")
OTHER = SecretStr("another")
MAIN, TRIAL = hook_path("main", SECRET), hook_path("trial", SECRET)
RECIPIENTS = (Recipient("46700000001"), Recipient("46700000002"), Recipient("46700000003"))

_CALLER = {"account": "ip1-12345", "keys": ["sha256:" + "0" * 64]}
RECEIVERS = (
    Caller.model_validate(_CALLER | {"name": "quiet"}),
    Caller.model_validate(_CALLER | {"name": "erp", "incoming": {"numbers": ["4670*"], "url": "https://erp.example/"}}),
    Caller.model_validate(_CALLER | {"name": "crm", "account": "ip1-2", "incoming": {"numbers": ["46?1", "72"]}}),
)


class World:
    """Two upstreams with hooks; messages 1001 and 1003 go through `main`, 1002 through `trial`."""

    def __init__(self) -> None:
        """Nothing is reported yet."""
        self.store: SqliteStore = open_store("memory:")
        self.metrics = Metrics()
        hooks = {name: Hook(hook_path(name, SECRET), name, RestV2Reports()) for name in ("main", "trial")}
        self.hooks = Hooks(hooks, RECEIVERS, self.store, FrozenClock(), self.metrics)

    async def post(self, document: Any, path: str = MAIN) -> int:
        """Post a document to a hook; returns how many reports moved a message."""
        body = document if isinstance(document, bytes) else orjson.dumps(document)
        return await self.hooks.take(Call("POST", path, body=body))

    async def history(self, number: int) -> list[tuple[int, str | None]]:
        """(code, raw code) of every step of a message."""
        found = await self.store.message(number)
        assert found is not None
        return [(entry.status.value, entry.raw_code) for entry in found[2]]

    def ignored(self, reason: str, upstream: str = "main") -> float:
        """How many reports were ignored for a reason."""
        labels = {"upstream": upstream, "reason": reason}
        return self.metrics.registry.get_sample_value("sluss_reports_ignored_total", labels) or 0


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A world with one batch."""
    world = World()
    split = (NewDispatch("main", "default", (0, 2)), NewDispatch("trial", "tests", (1,)))
    await stored(world.store, a_new_batch(recipients=RECIPIENTS, dispatches=split))
    yield world
    await world.store.close()


def report(code: object, to: str = "46700000001", dispatch: int = 1001, **over: object) -> dict[str, object]:
    """A report as v2 posts it."""
    return {"recipient": to, "code": code, "reference": public_id(Kind.DISPATCH, NOW, dispatch)} | over


async def test_a_report_moves_its_message(world: World) -> None:
    """The message that the reference and the recipient name, and no other; with the report's own time and price."""
    told = report(201, to="46700000003", created="2018-10-23T17:43:20Z", price=0.35, currency="sek")

    assert await world.post(told) == 1
    found = await world.store.message(1003)
    assert found is not None
    _, message, history = found
    assert (message.price, message.currency, message.modified) == ("0.35", "SEK", NOW + 1000)
    assert (history[1].status.value, history[1].raw_code, history[1].upstream) == (201, "201", "main")
    assert await world.history(1001) == [(101, None)]


@pytest.mark.parametrize(
    ("label", "path"),
    [
        ("no secret", "/hooks/main"),
        ("an empty secret", "/hooks/main/"),
        ("a guess", "/hooks/main/" + "0" * 40),
        ("another secret's", hook_path("main", OTHER)),
        ("another upstream's secret", TRIAL.replace("trial", "main")),
        ("an upstream that has no hook", hook_path("sandbox", SECRET)),
        ("half the secret", MAIN[:-1]),
        ("more than the secret", MAIN + "0"),
        ("the secret in capitals", MAIN.upper()),
        ("something behind the secret", MAIN + "/x"),
        ("bytes that are no text", "/hooks/main/\udcff"),
        ("an upstream that is no text", "/hooks/\udcff/x"),
    ],
)
async def test_nobody_else_can_post(world: World, label: str, path: str) -> None:
    """Without the secret in the path nothing is there, and nothing is read of the body."""
    with pytest.raises(NotFound):
        await world.post(report(201), path)

    assert await world.history(1001) == [(101, None)]


def test_a_path_depends_on_both() -> None:
    """Each upstream has a path of its own, which changes with the secret, shows nothing of it and is long to guess."""
    paths = {hook_path(name, secret) for name in ("main", "trial") for secret in (SECRET, OTHER)}

    assert len(paths) == 4
    assert hook_path("main", SECRET) == MAIN
    assert all(len(path.rpartition("/")[2]) == 40 for path in paths)
    assert "horse" not in MAIN


UNMATCHED = [
    ("a dispatch of another upstream", report(201, "46700000002", 1002)),
    ("another dispatch's recipient", report(201, "46700000002", 1001)),
    ("a recipient nobody wrote to", report(201, "46799999999")),
    ("a dispatch that was never sent", report(201, dispatch=5000)),
    ("the largest dispatch there can be", report(201, reference="f" * 8 + "d1" + "f" * 14)),
    ("somebody else's reference", report(201, reference="order 7")),
    ("no reference", {"recipient": "46700000001", "code": 201}),
    ("no recipient", report(201, to="")),
    ("nothing at all", {}),
]


@pytest.mark.parametrize(("label", "document"), UNMATCHED, ids=[case[0] for case in UNMATCHED])
async def test_a_stranger_is_counted_and_swallowed(world: World, label: str, document: dict[str, object]) -> None:
    """Refusing it would make the provider repeat it; no upstream can move what another one carries."""
    with capture_logs() as lines:
        assert await world.post(document) == 0

    assert [await world.history(number) for number in (1001, 1002, 1003)] == [[(101, None)]] * 3
    assert world.ignored("unmatched") == 1
    assert "report.unmatched" in [line["event"] for line in lines]
    assert "46700000001" not in str(lines)


async def test_each_upstream_moves_its_own(world: World) -> None:
    """What `main` may not, `trial` may."""
    assert await world.post(report(201, "46700000002", 1002), TRIAL) == 1
    assert await world.history(1002) == [(101, None), (201, "201")]


@pytest.mark.parametrize(("code", "raw"), [(777, "777"), ("banana", "banana"), (None, "None"), (True, "True")])
async def test_a_code_nobody_knows_is_unknown_and_kept(world: World, code: object, raw: str) -> None:
    """It becomes 599 with the raw value beside it, and is counted, so that somebody looks."""
    assert await world.post(report(code)) == 1

    assert await world.history(1001) == [(101, None), (599, raw)]
    assert world.metrics.registry.get_sample_value("sluss_unknown_codes_total", {"upstream": "main"}) == 1


async def test_late_and_repeated_reports_change_nothing(world: World) -> None:
    """They are counted; after them the message stands where it stood."""
    got = [await world.post(report(code)) for code in (112, 112, 110, 201, 201, 112, 514)]

    assert got == [1, 0, 0, 1, 0, 0, 0]
    assert await world.history(1001) == [(101, None), (112, "112"), (201, "201")]
    assert world.ignored("late or repeated") == 5
    labels = {"upstream": "main", "status": "DeliveredToHandset"}
    assert world.metrics.registry.get_sample_value("sluss_statuses_total", labels) == 1
    assert world.metrics.registry.get_sample_value("sluss_unknown_codes_total", {"upstream": "main"}) is None


async def test_a_list_of_reports(world: World) -> None:
    """Several in one body each go their way, in order; one that is nobody's does not stop the others."""
    told = [report(110), report(201, "46700000002"), report(112, "46700000003"), report(201)]

    assert await world.post(told) == 3
    assert await world.history(1001) == [(101, None), (110, "110"), (201, "201")]
    assert await world.history(1003) == [(101, None), (112, "112")]


async def test_a_plus_before_the_recipient(world: World) -> None:
    """A provider may write numbers with a +; it is the same recipient."""
    assert await world.post(report(201, "+46700000001")) == 1


async def test_a_report_before_the_answer(world: World) -> None:
    """A fast provider reports before its answer to the hand-over has come: the report stands."""
    assert await world.post(report(201)) == 1
    assert await world.history(1001) == [(101, None), (201, "201")]


@pytest.mark.parametrize("body", [b"", b"{", b"<xml/>", b'"x"', b"[1]", b"\xff\xfe"])
async def test_what_is_no_report_is_refused(world: World, body: bytes) -> None:
    """Broken JSON and other things are told to the provider, and move nothing."""
    with pytest.raises(Malformed):
        await world.post(body)

    assert await world.history(1001) == [(101, None)]


def a_message(**over: object) -> dict[str, object]:
    """An incoming message as v2 posts it (the provider's MO page)."""
    return {
        "id": "5bc86b6e85c7209830f96936",
        "batchId": "5bc86b6e85c7209830f96936",
        "owner": "ip1-99999",
        "sender": "46712345678",
        "recipient": "46701234567",
        "body": "Ja tack åäö",
        "direction": "mo",
        "segments": 2,
        "type": "SMS",
        "datacoding": "UCS",
        "priority": 1,
        "statuses": [{"created": "2018-10-23T17:43:19Z", "code": 201, "duration": 1}],
        "modified": "2018-10-23T17:43:19Z",
        "mcc": "240",
        "mnc": "07",
    } | over


async def test_a_message_that_comes_in_is_kept_for_its_caller(world: World) -> None:
    """By its number; it moves no message of ours, and is put into the outbox of a caller that has a URL."""
    assert await world.post(a_message()) == 0

    expected = Incoming(
        1,
        NOW,
        "ip1-12345",
        "erp",
        "main",
        "5bc86b6e85c7209830f96936",
        "46712345678",
        "46701234567",
        "Ja tack åäö",
        2,
        DataCoding.UCS,
        "240",
        "07",
    )
    assert await world.store.received("ip1-12345", (), (), 10) == [expected]
    (forward,) = await claimed(world.store)
    assert forward == Forward(1, 1, expected)
    counted = {"upstream": "main", "caller": "erp"}
    assert world.metrics.registry.get_sample_value("sluss_incoming_total", counted) == 1


async def test_a_message_that_is_told_again_is_kept_once(world: World) -> None:
    """The provider repeats what was not acknowledged in time; another upstream's ids are its own."""
    await world.post([a_message(), a_message()])
    await world.post(a_message(body="changed"))
    await world.post(a_message(), TRIAL)

    kept = await world.store.received("ip1-12345", (), (), 10)
    assert [(each.upstream, each.body) for each in kept] == [("main", "Ja tack åäö"), ("trial", "Ja tack åäö")]
    assert len(await claimed(world.store)) == 2


@pytest.mark.parametrize(("recipient", "caller"), [("4671", "crm"), ("72", "crm"), ("+4670", "erp")])
async def test_the_first_caller_that_takes_the_number_gets_the_message(
    world: World, recipient: str, caller: str
) -> None:
    """Also a short number; a caller without a URL fetches its messages."""
    await world.post(a_message(recipient=recipient))

    kept = [*await world.store.received("ip1-12345", (), (), 10), *await world.store.received("ip1-2", (), (), 10)]
    assert [each.caller for each in kept] == [caller]


async def test_a_message_for_nobody_is_refused_so_that_it_comes_again(world: World) -> None:
    """Operations are told; nothing of the call is kept, so that the repetition tells all of it."""
    with capture_logs() as lines, pytest.raises(Busy):
        await world.post([a_message(), a_message(id="other", recipient="4799")])

    assert [line["event"] for line in lines] == ["incoming.unclaimed"]
    assert world.ignored("nobody's") == 1
    assert await world.store.received("ip1-12345", (), (), 10) == []


@pytest.mark.parametrize(
    "over", [{"id": None}, {"id": ""}, {"sender": None}, {"recipient": []}, {"body": None}, {"body": "x" * 10_001}]
)
async def test_a_message_that_lacks_something_is_refused(world: World, over: dict[str, object]) -> None:
    """It cannot be kept for anybody."""
    with pytest.raises(Malformed):
        await world.post(a_message(**over))


async def test_a_message_in_the_older_schema(world: World) -> None:
    """Numbers for the enums, and no network."""
    await world.post(a_message(direction=1, datacoding=2, segments="x", mcc=None, mnc=None, sender="iP1"))

    (kept,) = await world.store.received("ip1-12345", (), (), 10)
    assert (kept.sender, kept.segments, kept.datacoding, kept.mcc) == ("iP1", 1, DataCoding.UCS, None)
