"""The outbox: exactly 200 acknowledges, otherwise again every ten minutes, ten times (the provider's report page)."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from builders import NOW, FrozenClock, a_content, a_new_batch, claimed, next_post, stored
from gateways import until
from structlog.testing import capture_logs

from adapters.rest_v2.reports import callback, forward
from gateway import callbacks
from gateway.callbacks import Callbacks, Encoders
from gateway.config import Callbacks as Settings
from gateway.config import Caller as Configured
from gateway.duties import Duties
from gateway.errors import Unanswered, Unreachable
from gateway.model import Incoming, Recipient, StatusEntry
from gateway.observe import Metrics
from gateway.ports import Call, Callback, Reply, Transition
from gateway.status import Status
from gateway.store import open_store
from gateway.store.sqlite import SqliteStore

URL = "https://erp.example/reports?pass=s3cr3t"
Answer = Reply | Exception


class Caller:
    """A caller's server: notes what is posted, and answers as it is told."""

    def __init__(self) -> None:
        """Acknowledge everything."""
        self.posted: list[Call] = []
        self.answer: Callable[[Call], Answer] = lambda _call: Reply(200)
        self.slow: asyncio.Event | None = None
        """While it is not set, nothing that is posted to the address `slow` is answered."""

    async def perform(self, call: Call, *, connect: float, total: float) -> Reply:
        """As `gateway.http.Http.perform`."""
        assert (connect, total) == (7.0, 7.0)
        self.posted.append(call)
        await asyncio.sleep(0)
        if self.slow is not None and "slow" in call.path:
            await self.slow.wait()
        answer = self.answer(call)
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def told(self) -> list[tuple[str, int]]:
        """(recipient, code) of everything that was posted."""
        return [(document["recipient"], document["code"]) for document in map(orjson.loads, self.bodies)]

    @property
    def bodies(self) -> list[bytes]:
        """The bodies that were posted."""
        return [call.body for call in self.posted]


class World:
    """An outbox, its store and a caller."""

    def __init__(self, store: SqliteStore) -> None:
        """Nothing is posted yet."""
        self.store = store
        self.clock = FrozenClock()
        self.caller = Caller()
        self.metrics = Metrics()
        self.worker = self.make()

    def make(
        self,
        encode: Callable[[Callback], Call] = callback,
        *,
        allow_private: bool = False,
    ) -> Callbacks:
        """A worker on this store."""
        settings = Settings.model_validate({"timeout": "7s", "allow_private": allow_private})
        of = Encoders(encode, forward)
        duties = Duties(self.store.company)
        return Callbacks(self.store, self.caller, self.clock, self.metrics, settings, (), of, duties)

    async def report(
        self, *statuses: Status, url: str | None = URL, recipient: str = "46712345678", caller: str = "erp"
    ) -> int:
        """Send one message to a number, and let an upstream report these statuses of it; returns its number."""
        content = a_content(report_url=url, reference="order 7")
        new = a_new_batch(recipients=(Recipient(recipient),), content=content, caller=caller)
        key = (await stored(self.store, new)).key
        for status in statuses:
            entry = StatusEntry(status, NOW)
            await self.store.record([Transition(key, entry, price="0.35", currency="SEK")])
        return key

    async def rest(self) -> None:
        """Wait until everything that is due was posted and written down."""

        async def quiet() -> bool:
            due = await next_post(self.store)
            return due is None or due > self.clock.now()

        await until(quiet)
        # A report under way is leased: it is settled once its lease no longer stands.
        lease = self.clock.now() + int((callbacks.LEASE + 7.0) * 1000)

        async def settled() -> bool:
            return await next_post(self.store) != lease

        await until(settled)

    def count(self, outcome: str) -> float:
        """How often posting a report had this outcome."""
        return self.metrics.registry.get_sample_value("sluss_callbacks_total", {"outcome": outcome}) or 0


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """A world whose worker looks often."""
    monkeypatch.setattr(callbacks, "IDLE", 0.001)
    world = World(open_store("memory:"))
    world.worker.start()
    yield world
    await world.worker.stop()
    await world.store.close()


async def test_a_report_as_the_provider_documents_it(world: World) -> None:
    """One POST per status, an object with the documented fields; `duration` 1 says that it is the last."""
    await world.report(Status.QUEUED, Status.DELIVERED_TO_HANDSET)
    await world.rest()

    first, last = world.caller.posted
    assert (first.method, first.path, first.query) == ("POST", URL, "")
    assert first.headers == {"Content-Type": "application/json; charset=utf-8"}
    assert orjson.loads(first.body) == {
        "id": "5bcf5db735000000000003e9",
        "batchId": "5bcf5db7ba000000000003e9",
        "recipient": "46712345678",
        "code": 102,
        "duration": 0,
        "created": "2018-10-23T17:43:19Z",
        "segments": 1,
        "price": 0.35,
        "currency": "sek",
        "reference": "order 7",
    }
    assert orjson.loads(last.body) == orjson.loads(first.body) | {"code": 201, "duration": 1}
    assert await next_post(world.store) is None


async def test_nobody_is_told_who_did_not_ask(world: World) -> None:
    """A batch without a callback address is silent."""
    await world.report(Status.DELIVERED_TO_HANDSET, url=None)
    await world.rest()

    assert world.caller.posted == []


ANSWERS: list[tuple[str, Answer, int]] = [
    ("200 acknowledges", Reply(200), 1),
    ("200 acknowledges, whatever it says", Reply(200, b"<html>error</html>"), 1),
    ("201 does not", Reply(201), 2),
    ("202 does not", Reply(202), 2),
    ("204 does not", Reply(204), 2),
    ("a redirect does not", Reply(302), 2),
    ("404 does not", Reply(404), 2),
    ("410 does not", Reply(410), 2),
    ("500 does not", Reply(500), 2),
    ("nobody there", Unreachable(), 2),
    ("no answer", Unanswered(), 2),
]


@pytest.mark.parametrize(("label", "answer", "posts"), ANSWERS, ids=[case[0] for case in ANSWERS])
async def test_exactly_200_acknowledges(world: World, label: str, answer: Answer, posts: int) -> None:
    """Anything else is posted again after ten minutes, not before, and then no more once it was acknowledged."""
    world.caller.answer = lambda _call: answer if len(world.caller.posted) == 1 else Reply(200)
    await world.report(Status.DELIVERED_TO_HANDSET)
    await world.rest()
    world.clock.advance(599)
    await world.rest()
    assert len(world.caller.posted) == 1

    world.clock.advance(2)
    await world.rest()
    world.clock.advance(100_000)
    await world.rest()

    assert len(world.caller.posted) == posts
    assert world.count("delivered") == 1
    assert world.count("retry") == posts - 1


async def test_ten_times_and_then_no_more(world: World) -> None:
    """The tenth failure is the last: the report is given up, and the log says so."""
    world.caller.answer = lambda _call: Reply(503)
    with capture_logs() as lines:
        await world.report(Status.DELIVERED_TO_HANDSET)
        for attempt in range(1, 15):
            await world.rest()
            assert len(world.caller.posted) == min(attempt, 10)
            world.clock.advance(600)

    assert await next_post(world.store) is None
    (kept,) = await world.store.given_up(None, 0, 10)
    assert (kept.post.attempts, kept.since) == (10, NOW + 9 * 600_000)
    assert [(line["attempt"], line["outcome"]) for line in lines if line["event"] == "callback"] == [
        *((attempt, "retry") for attempt in range(1, 10)),
        (10, "given up"),
    ]
    assert "s3cr3t" not in str(lines)


async def test_a_caller_that_fails_holds_nobody_up(world: World) -> None:
    """While one caller's server is down, every other one gets its reports."""
    world.caller.answer = lambda call: Reply(200) if b"46700000002" in call.body else Unreachable()
    await world.report(Status.QUEUED)
    await world.report(Status.QUEUED, recipient="46700000002")
    await world.rest()

    assert ("46700000002", 102) in world.caller.told
    assert (world.count("delivered"), world.count("retry")) == (1, 1)


async def test_a_caller_that_is_slow_holds_nobody_up(world: World) -> None:
    """Only so many wait for its server at a time; what others are told is told meanwhile."""
    world.caller.slow = asyncio.Event()
    for _ in range(callbacks.OF_ONE * 2):
        await world.report(Status.QUEUED, url="https://slow.example/r", caller="slow")
    await until(lambda: len(world.caller.posted) == callbacks.OF_ONE)
    for _ in range(callbacks.AT_ONCE):
        await world.report(Status.QUEUED, recipient="46700000002")

    await until(lambda: world.count("delivered") == callbacks.AT_ONCE)
    assert len([call for call in world.caller.posted if "slow" in call.path]) == callbacks.OF_ONE
    world.caller.slow.set()
    await until(lambda: world.count("delivered") == callbacks.AT_ONCE + callbacks.OF_ONE * 2)


async def test_what_comes_later_of_a_message_waits_for_what_came_first(world: World) -> None:
    """A report that is still being posted is told before the next of its message, whoever else is told meanwhile."""
    world.caller.slow = asyncio.Event()
    number = await world.report(Status.QUEUED, url="https://slow.example/r")
    await until(lambda: len(world.caller.posted) == 1)
    await world.store.record([Transition(number, StatusEntry(Status.DELIVERED_TO_HANDSET, NOW))])
    await world.report(Status.QUEUED, recipient="46700000002")
    await until(lambda: world.count("delivered") == 1)

    assert [code for _, code in world.caller.told] == [102, 102]
    world.caller.slow.set()
    await until(lambda: world.count("delivered") == 3)
    assert world.caller.told[-1] == ("46712345678", 201)


async def test_reports_of_one_message_keep_their_order(world: World) -> None:
    """Queued is told before delivered, message by message."""
    wanted = (Status.QUEUED, Status.SENDING, Status.DELIVERED_TO_CARRIER, Status.DELIVERED_TO_HANDSET)
    for recipient in ("46700000001", "46700000002"):
        await world.report(*wanted, recipient=recipient)
    await world.rest()

    for recipient in ("46700000001", "46700000002"):
        assert [code for to, code in world.caller.told if to == recipient] == [102, 110, 112, 201]


TARGETS = [
    ("a public name", "https://erp.example/r", False, True),
    ("a public address", "http://93.184.216.34/r", False, True),
    ("a name for the resolver to judge", "http://localhost/r", False, True),
    ("loopback", "http://127.0.0.1/r", False, False),
    ("IPv6 loopback", "http://[::1]:8080/r", False, False),
    ("a private network", "http://10.1.2.3/r", False, False),
    ("a cloud's metadata", "http://169.254.169.254/latest/", False, False),
    ("mapped loopback", "http://[::ffff:127.0.0.1]/r", False, False),
    ("loopback as a number", "http://2130706433/r", False, False),
    ("loopback behind a name and password", "http://erp.example:x@127.0.0.1/r", False, False),
    ("half an IPv6 address", "http://[::1/r", False, False),
    ("no host", "http:///r", False, False),
    ("a file", "file:///etc/passwd", True, False),
    ("another protocol", "gopher://erp.example/r", True, False),
    ("loopback where it is allowed", "http://127.0.0.1/r", True, True),
    ("a private network where it is allowed", "http://10.1.2.3/r", True, True),
    ("half an IPv6 address is never allowed", "http://[::1/r", True, False),
]


@pytest.mark.parametrize(("label", "url", "allow_private", "expected"), TARGETS, ids=[case[0] for case in TARGETS])
async def test_where_reports_may_go(world: World, label: str, url: str, *, allow_private: bool, expected: bool) -> None:
    """A caller's URL may not reach into our network unless operations allow it; what is refused is not tried again."""
    await world.worker.stop()
    world.worker = world.make(allow_private=allow_private)
    await world.report(Status.QUEUED, url=url)
    world.worker.start()
    await world.rest()

    assert [call.path for call in world.caller.posted] == ([url] if expected else [])
    assert (world.count("delivered"), world.count("refused")) == ((1, 0) if expected else (0, 1))
    assert await next_post(world.store) is None


async def test_a_bug_repeats_no_report_for_ever(world: World) -> None:
    """A report that cannot be written down fails like any other: ten times, and its neighbours go out."""

    def broken(report: Callback) -> Call:
        if report.message.recipient == "46700000001":
            raise KeyError("a bug")
        return callback(report)

    await world.worker.stop()
    world.worker = world.make(broken)
    await world.report(Status.QUEUED, recipient="46700000001")
    await world.report(Status.QUEUED, recipient="46700000002")
    with capture_logs() as lines:
        world.worker.start()
        for _ in range(12):
            await world.rest()
            world.clock.advance(600)

    assert world.caller.told == [("46700000002", 102)]
    assert (world.count("retry"), world.count("given up")) == (9, 1)
    assert await next_post(world.store) is None
    assert sum(line["event"] == "callback.broke" for line in lines) == 10


async def test_the_outbox_survives_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for its ten minutes, and what was being posted, is posted by the next process."""
    monkeypatch.setattr(callbacks, "IDLE", 0.001)
    url = f"sqlite:///{tmp_path}/sluss.db"
    before = World(open_store(url))
    before.caller.answer = lambda _call: Unanswered()
    before.worker.start()
    await before.report(Status.QUEUED, recipient="46700000001")
    await before.rest()
    await before.worker.stop()
    await before.report(Status.QUEUED, recipient="46700000002")
    await claimed(before.store)
    await before.store.close()

    after = World(open_store(url))
    after.worker.start()
    try:
        await after.rest()
        assert after.caller.posted == []
        after.clock.advance(60)
        await after.rest()
        assert after.caller.told == [("46700000002", 102)]
        after.clock.advance(540)
        await after.rest()
        assert after.caller.told == [("46700000002", 102), ("46700000001", 102)]
    finally:
        await after.worker.stop()
        await after.store.close()


async def test_a_store_that_is_busy_is_asked_again(world: World) -> None:
    """A disk that is full for a while delays reports, no more."""
    disk = await world.store._writer.run(lambda db: db)
    await world.worker.stop()
    await world.report(Status.QUEUED)
    disk.execute("PRAGMA query_only = ON")
    world.worker.start()
    await asyncio.sleep(0.02)
    assert world.caller.posted == []

    disk.execute("PRAGMA query_only = OFF")
    await until(lambda: world.caller.posted)
    await world.rest()

    assert len(world.caller.posted) == 1


SIGNING = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
RECEIVER = Configured.model_validate(
    {
        "name": "erp",
        "account": "ip1-12345",
        "keys": ["sha256:" + "0" * 64],
        "incoming": {"url": URL},
        "signing": SIGNING,
    }
)


def an_incoming(**over: Any) -> Incoming:
    """A message that came in for `erp`."""
    given = {
        "key": 0,
        "created": NOW,
        "account": "ip1-12345",
        "caller": "erp",
        "upstream": "main",
        "upstream_id": "a1",
        "sender": "46712345678",
        "recipient": "46700000000",
        "body": "Ja tack",
        "segments": 1,
    }
    return Incoming(**given | over)


async def test_a_message_that_came_in_is_posted_as_the_provider_would(world: World) -> None:
    """In the provider's own form (its MO page), again after ten minutes where it is not acknowledged, then no more."""
    world.worker.configure((RECEIVER,))
    await world.store.receive([an_incoming()], NOW, {"erp"})
    world.caller.answer = lambda _call: Reply(503)
    await world.rest()
    world.caller.answer = lambda _call: Reply(200)
    world.clock.advance(600)
    await world.rest()

    first, second = world.caller.posted
    assert (first.method, first.path, first.body) == ("POST", URL, second.body)
    assert orjson.loads(first.body) == {
        "id": "5bcf5db71c00000000000001",
        "batchId": "5bcf5db71c00000000000001",
        "owner": "ip1-12345",
        "sender": "46712345678",
        "recipient": "46700000000",
        "body": "Ja tack",
        "direction": "mo",
        "segments": 1,
        "type": "SMS",
        "datacoding": "GSM",
        "priority": 1,
        "statuses": [{"created": "2018-10-23T17:43:19Z", "code": 201, "duration": 1}],
        "modified": "2018-10-23T17:43:19Z",
        "mcc": None,
        "mnc": None,
    }
    assert await next_post(world.store) is None


async def test_what_is_posted_is_signed_where_the_caller_asked_for_it(world: World) -> None:
    """As Standard Webhooks 1.0 says; the id stays through repetitions and differs between statuses."""
    world.worker.configure((RECEIVER,))
    await world.report(Status.QUEUED, Status.DELIVERED_TO_HANDSET)
    answers = iter([Reply(500), Reply(200), Reply(200)])
    world.caller.answer = lambda _call: next(answers)
    await world.rest()
    world.clock.advance(600)
    await world.rest()

    signed = [
        {name: call.headers[name] for name in call.headers if name.startswith("webhook")}
        for call in world.caller.posted
    ]
    assert len(signed) == 3
    key = base64.b64decode(SIGNING.removeprefix("whsec_"))
    for fields, call in zip(signed, world.caller.posted, strict=True):
        content = f"{fields['webhook-id']}.{fields['webhook-timestamp']}.".encode() + call.body
        expected = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
        assert fields["webhook-signature"] == f"v1,{expected}"
    told = {(orjson.loads(call.body)["code"], call.headers["webhook-id"]) for call in world.caller.posted}
    assert sorted(code for code, _ in told) == [102, 201]
    assert len({webhook_id for _, webhook_id in told}) == 2


async def test_nothing_is_signed_for_others(world: World) -> None:
    """A caller without a key reads what it always read."""
    await world.report(Status.QUEUED)
    await world.rest()

    assert [set(call.headers) for call in world.caller.posted] == [{"Content-Type"}]


async def test_a_caller_that_gave_up_its_url_is_not_posted_to(world: World) -> None:
    """What waited for it is dropped, and can still be fetched."""
    await world.store.receive([an_incoming()], NOW, {"erp"})
    await world.rest()

    assert world.caller.posted == []
    assert world.count("refused") == 1
    assert await world.store.received("ip1-12345", (), (), 10) == [an_incoming(key=1)]
