"""What every store promises; a store adopts it by subclassing and giving a `store` fixture. See gateway/ports.py."""

import asyncio
import threading
from decimal import Decimal

import pytest
from builders import NOW, a_content, a_new_batch, claimed, depths, next_post, stored
from contract.store_conversations import Conversing
from contract.store_leading import Leading
from contract.store_life import Erasing, Expiring
from contract.store_passcodes import Coding
from contract.store_queue import Operating, Sharing
from contract.store_trail import Auditing
from gateways import until

from gateway.errors import Busy
from gateway.hours import Hours
from gateway.ids import FIRST_NUMBER, LAST_NUMBER
from gateway.model import (
    Batch,
    Content,
    DataCoding,
    Dispatch,
    DispatchState,
    MessageType,
    Page,
    Plan,
    Priority,
    Recipient,
    Rewrite,
    StatusEntry,
    Tally,
    UnknownPolicy,
    Window,
)
from gateway.ports import Callback, NewDispatch, Settlement, Transition
from gateway.status import Status
from gateway.store.numbers import Numbers
from gateway.store.sql import SPENT, SqlStore

MINUTE = 60_000
THREE = (Recipient("46700000001"), Recipient("46700000002"), Recipient("46700000003"))
URL = "https://erp.example/reports"

CONTENTS = [
    ("only a sender and a text", Content("iP1", "Hello")),
    ("letters of every alphabet", Content("iP1", "åäö €[]\n😀 " + '"\\')),
    ("a flash of high priority", a_content(type=MessageType.FLASH, priority=Priority.HIGH)),
    ("a coding", a_content(datacoding=DataCoding.UCS)),
    ("windows, open at either end", a_content(windows=(Window(NOW, NOW + 1), Window(None, NOW), Window(NOW, None)))),
    ("a reference and tags", a_content(reference="order 7", tags=("a", "å"))),
    ("a callback address", a_content(report_url=URL)),
    ("a template with defaults", a_content(body="Hi {name}", defaults={"name": "you"})),
    ("a template without defaults", a_content(body="Hi {name}", defaults={})),
]


def entry(status: Status, created: int = NOW, raw: str | None = None) -> StatusEntry:
    """A status as an upstream told it."""
    return StatusEntry(status, created, raw, None, "main")


def step(number: int, status: Status, created: int = NOW, **over: object) -> Transition:
    """A status that wants to be appended to a message."""
    return Transition(number, entry(status, created), **over)


def settled(dispatch: Dispatch, state: DispatchState, **over: object) -> Settlement:
    """The end of an attempt."""
    return Settlement(**{"dispatch": dispatch.key, "state": state, "run_at": NOW, "attempts": 1} | over)


def called_unknown(dispatch: Dispatch) -> Settlement:
    """The end of an attempt of which nobody knows whether it arrived."""
    doubts = tuple(step(message.number, Status.UNKNOWN, doubt=True) for message in dispatch.messages)
    return settled(dispatch, DispatchState.UNKNOWN, transitions=doubts)


async def leased(store: SqlStore, now: int = NOW) -> Dispatch:
    """The one dispatch that is due for `main`, leased for a minute."""
    (dispatch,) = await store.lease("main", 10, now, now + MINUTE)
    return dispatch


async def codes(store: SqlStore, number: int) -> list[int]:
    """The history of a message, as codes."""
    found = await store.message(number)
    assert found is not None
    return [step.status.value for step in found[2]]


class Adding:
    """Batches come in."""

    async def test_numbers_are_dense_and_start_above_the_legacy_codes(self, store: SqlStore) -> None:
        """Messages are numbered one after the other, from a number that no legacy client takes for an error."""
        first = await stored(store, a_new_batch(recipients=THREE))
        second = await stored(store, a_new_batch())

        assert (first.key, second.key) == (FIRST_NUMBER, FIRST_NUMBER + 3)
        assert FIRST_NUMBER > 110

    async def test_numbers_are_known_before_the_disk_has_answered(self, store: SqlStore) -> None:
        """An answer can be made at once, and whoever waits to give it waits until all of it is durable."""
        moving = threading.Event()
        slow = store._writer.run(lambda _db: moving.wait(10))
        await asyncio.sleep(0)
        batch, durable = store.add(a_new_batch())
        waiting = asyncio.ensure_future(durable)
        await asyncio.sleep(0.01)
        assert (batch.key, waiting.done()) == (FIRST_NUMBER, False)

        moving.set()
        await asyncio.gather(slow, waiting)
        assert await store.batch(FIRST_NUMBER) == batch

    async def test_what_was_added_is_what_is_found(self, store: SqlStore) -> None:
        """A batch comes back as it was answered, and its messages are Accepted at the moment it was created."""
        batch = await stored(store, a_new_batch(recipients=THREE, segments=(1, 2, 3)))

        assert await store.batch(batch.key) == batch
        messages = await store.messages(batch, Page())
        assert [(m.number - batch.key, m.recipient, m.segments) for m in messages] == [
            (0, "46700000001", 1),
            (1, "46700000002", 2),
            (2, "46700000003", 3),
        ]
        assert {(m.status, m.modified, m.price) for m in messages} == {(Status.ACCEPTED, NOW, None)}

    @pytest.mark.parametrize("content", [case[1] for case in CONTENTS], ids=[case[0] for case in CONTENTS])
    async def test_no_field_of_a_content_is_lost(self, store: SqlStore, content: Content) -> None:
        """Whatever a batch says is still said after it was stored, and again when it is handed over."""
        batch = await stored(store, a_new_batch(content=content))
        found = await store.batch(batch.key)

        assert found is not None
        assert found.content == content
        assert (await leased(store)).batch.content == content

    async def test_template_arguments_belong_to_their_recipient(self, store: SqlStore) -> None:
        """Each recipient keeps its own arguments, and one without keeps none."""
        recipients = (Recipient("46700000001", {"name": "Åsa", "": "x"}), Recipient("46700000002"))
        await stored(store, a_new_batch(recipients=recipients, content=a_content(body="Hi {name}", defaults={})))

        assert [dict(m.params) for m in (await leased(store)).messages] == [{"name": "Åsa", "": "x"}, {}]

    async def test_the_last_number_is_never_passed(self, store: SqlStore) -> None:
        """SOAP clients hold an id in 32 bits, so a store that has given them all out is Busy and keeps what it has."""
        await store._write(lambda db: db.execute("UPDATE floor SET number = ?", (LAST_NUMBER,)).rowcount)
        store._numbers = Numbers(LAST_NUMBER - 1, LAST_NUMBER)

        with pytest.raises(Busy):
            await stored(store, a_new_batch(recipients=THREE))
        await until(lambda: store._no_number == SPENT)
        with pytest.raises(Busy, match="every message number"):
            await stored(store, a_new_batch(recipients=THREE))
        assert [(await stored(store, a_new_batch())).key for _ in range(2)] == [LAST_NUMBER - 1, LAST_NUMBER]

    async def test_many_at_once_share_no_number(self, store: SqlStore) -> None:
        """Requests that come in together each get messages of their own."""
        batches = await asyncio.gather(*(stored(store, a_new_batch(recipients=THREE)) for _ in range(40)))

        assert sorted(batch.key for batch in batches) == [FIRST_NUMBER + 3 * n for n in range(40)]
        for batch in batches:
            assert await store.tallies(batch) == (Tally(Status.ACCEPTED, 3, 3),)


class Reading:
    """Batches and messages are looked up."""

    @pytest.mark.parametrize(
        ("start", "limit", "descending", "expected"),
        [
            pytest.param(0, 50, False, [0, 1, 2], id="the whole"),
            pytest.param(0, 2, False, [0, 1], id="the first page"),
            pytest.param(2, 2, False, [2], id="the second page"),
            pytest.param(0, 2, True, [2, 1], id="backwards"),
            pytest.param(2, 2, True, [0], id="the second page backwards"),
            pytest.param(3, 2, False, [], id="past the end"),
            pytest.param(3, 2, True, [], id="past the end backwards"),
        ],
    )
    async def test_pages_of_messages(
        self, store: SqlStore, start: int, limit: int, *, descending: bool, expected: list[int]
    ) -> None:
        """A page holds the messages of one batch alone, in creation order or its reverse."""
        await stored(store, a_new_batch())
        batch = await stored(store, a_new_batch(recipients=THREE))
        await stored(store, a_new_batch())

        page = await store.messages(batch, Page(start, limit, descending))

        assert [message.number - batch.key for message in page] == expected

    @pytest.mark.parametrize(
        ("page", "expected"),
        [
            pytest.param(Page(), [0, 1, 2, 3, 4], id="the whole"),
            pytest.param(Page(0, 2), [0, 1], id="the first page"),
            pytest.param(Page(4, 2), [4], id="the last page"),
            pytest.param(Page(0, 2, descending=True), [4, 3], id="backwards"),
            pytest.param(Page(4, 2, descending=True), [0], id="the last page backwards"),
            pytest.param(Page(5, 2), [], id="past the end"),
            pytest.param(Page(2**31, 2, descending=True), [], id="past the end backwards"),
        ],
    )
    async def test_pages_of_batches(self, store: SqlStore, page: Page, expected: list[int]) -> None:
        """A page holds the batches of one account alone, however those of others lie between them."""
        keys = []
        for _ in range(5):
            keys.append((await stored(store, a_new_batch(recipients=THREE, account="ip1-1"))).key)
            await stored(store, a_new_batch(account="ip1-2"))

        batches, total = await store.batches("ip1-1", page)

        assert ([keys.index(batch.key) for batch in batches], total) == (expected, 5)
        assert await store.batches("ip1-3", page) == ((), 0)

    async def test_a_batch_that_could_not_be_stored_leaves_no_gap(self, store: SqlStore) -> None:
        """Pages would be short of it for ever: those after it take its place in the list."""
        await stored(store, a_new_batch())
        spoilt = a_new_batch(content=a_content(reference=b"no text"))
        together = (stored(store, new) for new in (a_new_batch(), spoilt, a_new_batch()))
        results = await asyncio.gather(*together, return_exceptions=True)

        batches, total = await store.batches("ip1-12345", Page())

        assert [isinstance(result, Exception) for result in results] == [False, True, False]
        assert (len(batches), total) == (3, 3)

    async def test_a_history_starts_with_accepted(self, store: SqlStore) -> None:
        """A message comes with its batch and its steps, first step first."""
        batch = await stored(store, a_new_batch(recipients=THREE))
        await store.record([step(batch.key + 1, Status.QUEUED, NOW + 5), step(batch.key + 1, Status.SENDING, NOW + 9)])

        found = await store.message(batch.key + 1)

        assert found is not None
        of, message, history = found
        assert of == batch
        assert (message.recipient, message.status, message.modified) == ("46700000002", Status.SENDING, NOW + 9)
        assert history == (
            StatusEntry(Status.ACCEPTED, NOW),
            StatusEntry(Status.QUEUED, NOW + 5, upstream="main"),
            StatusEntry(Status.SENDING, NOW + 9, upstream="main"),
        )

    @pytest.mark.parametrize("number", [-1, 0, 1000, FIRST_NUMBER + 1, LAST_NUMBER, 2**62])
    async def test_what_is_not_there_is_none(self, store: SqlStore, number: int) -> None:
        """A number that was never given out finds nothing."""
        await stored(store, a_new_batch())

        assert await store.message(number) is None
        assert await store.batch(number) is None
        assert await store.resolve(number, "46712345678") is None

    async def test_a_tally_per_status(self, store: SqlStore) -> None:
        """Messages and segments are counted, and the prices that are known are added up exactly, status by status."""
        batch = await stored(store, a_new_batch(recipients=THREE, segments=(1, 2, 4)))
        await store.record([step(batch.key + n, Status.QUEUED) for n in range(3)])
        await store.record(
            [
                step(batch.key, Status.DELIVERED_TO_HANDSET, price="0.1", currency="SEK"),
                step(batch.key + 1, Status.DELIVERED_TO_HANDSET, price="0.2", currency="SEK"),
            ]
        )

        assert await store.tallies(batch) == (
            Tally(Status.QUEUED, 1, 4),
            Tally(Status.DELIVERED_TO_HANDSET, 2, 3, Decimal("0.3"), "SEK"),
        )

    async def test_a_recipient_is_resolved_within_its_own_dispatch(self, store: SqlStore) -> None:
        """A report names a dispatch and a recipient; another dispatch's recipient is not found through it."""
        split = (NewDispatch("main", "odd", (0, 2)), NewDispatch("trial", "even", (1,)))
        key = (await stored(store, a_new_batch(recipients=THREE, dispatches=split))).key

        assert await store.resolve(key, "46700000003") == ("main", key + 2)
        assert await store.resolve(key + 1, "46700000002") == ("trial", key + 1)
        assert await store.resolve(key, "46700000002") is None
        assert await store.resolve(key + 2, "46700000003") is None


class Leasing:
    """Work is claimed."""

    async def test_a_dispatch_carries_its_own_messages(self, store: SqlStore) -> None:
        """Dispatches of one batch share it, and each holds the recipients that its route gave it, in order."""
        split = (NewDispatch("main", "odd", (0, 2)), NewDispatch("trial", "even", (1,)))
        batch = await stored(store, a_new_batch(recipients=THREE, dispatches=split))

        odd = await leased(store)
        (even,) = await store.lease("trial", 10, NOW, NOW + MINUTE)

        assert (odd.key, odd.batch, odd.route, odd.upstream) == (batch.key, batch, "odd", "main")
        assert [m.recipient for m in odd.messages] == ["46700000001", "46700000003"]
        assert (even.key, [m.recipient for m in even.messages]) == (batch.key + 1, ["46700000002"])
        assert (odd.state, odd.attempts, odd.sent_at) == (DispatchState.SENDING, 0, None)

    async def test_nothing_is_leased_twice(self, store: SqlStore) -> None:
        """What one has claimed no other gets, not even when the lease has run out: first it is reclaimed."""
        await stored(store, a_new_batch())
        await leased(store)

        assert await store.lease("main", 10, NOW, NOW + MINUTE) == []
        assert await store.lease("main", 10, NOW + 10 * MINUTE, NOW + 20 * MINUTE) == []

    async def test_the_oldest_first_and_no_more_than_asked(self, store: SqlStore) -> None:
        """A lane gets as many as it can carry, those that are due longest."""
        late, early, future = [
            (await stored(store, a_new_batch(created=at))).key for at in (NOW - 1, NOW - 2, NOW + MINUTE)
        ]

        assert [d.key for d in await store.lease("main", 1, NOW, NOW + 1)] == [early]
        assert [d.key for d in await store.lease("main", 5, NOW, NOW + 1)] == [late]
        assert [d.key for d in await store.lease("main", 5, NOW + MINUTE, NOW + 2 * MINUTE)] == [future]

    @pytest.mark.parametrize(("messages", "expected"), [(1, 1), (3, 1), (4, 2), (6, 2), (7, 3), (None, 4)])
    async def test_no_more_messages_than_a_rate_allows(
        self, store: SqlStore, messages: int | None, expected: int
    ) -> None:
        """A dispatch goes whole, even where it holds more than may go now; then no other one until there is room."""
        keys = [(await stored(store, a_new_batch(recipients=THREE))).key for _ in range(4)]

        found = await store.lease("main", 10, NOW, NOW + MINUTE, messages)

        assert [dispatch.key for dispatch in found] == keys[:expected]
        rest = await store.lease("main", 10, NOW, NOW + MINUTE)
        assert [dispatch.key for dispatch in rest] == keys[expected:]

    @pytest.mark.parametrize("report_first", [True, False])
    @pytest.mark.parametrize("status", [Status.QUEUED, Status.DELIVERED_TO_HANDSET, Status.of(514)])
    async def test_what_a_report_shows_to_have_left_is_not_sent_again(
        self, store: SqlStore, status: Status, *, report_first: bool
    ) -> None:
        """A proxy answers "later" for an upstream that has the messages: its report of one of them proves it."""
        batch = await stored(store, a_new_batch(recipients=THREE))
        dispatch = await leased(store)
        other = await stored(store, a_new_batch(recipients=THREE))
        steps = [store.settle(settled(dispatch, DispatchState.READY)), store.record([step(batch.key + 1, status)])]
        for future in reversed(steps) if report_first else steps:
            await future

        again = await store.lease("main", 10, NOW, NOW + MINUTE)

        assert [dispatch.key for dispatch in again] == [other.key]
        assert await depths(store) == {("main", DispatchState.SENDING): 1}

    async def test_asking_is_no_sending(self, store: SqlStore) -> None:
        """Dispatches that are asked about use up nothing of what may be sent."""
        for _ in range(3):
            await stored(store, a_new_batch(recipients=THREE))
        for dispatch in await store.lease("main", 2, NOW, NOW + MINUTE):
            await store.settle(settled(dispatch, DispatchState.WAITING))

        assert len(await store.lease("main", 10, NOW, NOW + MINUTE, 1)) == 3

    async def test_an_upstream_gets_its_own_alone(self, store: SqlStore) -> None:
        """No upstream's work is seen by another."""
        await stored(store, a_new_batch())

        assert await store.lease("trial", 10, NOW, NOW + MINUTE) == []
        assert await store.next_due("trial") is None
        assert await store.next_due("main") == NOW

    async def test_nothing_is_claimed_before_it_is_due(self, store: SqlStore) -> None:
        """A batch that is held for its time is work from that moment on, however long ago it was stored."""
        await stored(store, a_new_batch(due=NOW + MINUTE))
        sooner = await stored(store, a_new_batch(created=NOW + 1))

        assert await store.next_due("main") == NOW + 1
        assert (await leased(store, NOW + MINUTE - 1)).key == sooner.key
        await store.settle(settled(await leased(store, NOW + MINUTE), DispatchState.SENT))
        assert await store.lease("main", 10, NOW + 10**9, NOW + 10**9) == []

    async def test_a_waiting_dispatch_is_polled(self, store: SqlStore) -> None:
        """A dispatch that waits for news is claimed as POLLING when it is due, with what was learnt before."""
        await stored(store, a_new_batch())
        dispatch = await leased(store)
        await store.settle(
            settled(dispatch, DispatchState.WAITING, run_at=NOW + 500, sent_at=NOW + 7, upstream_ref="abc")
        )

        assert await store.next_due("main") == NOW + 500
        assert await store.lease("main", 10, NOW + 499, NOW + MINUTE) == []
        polling = await leased(store, NOW + 500)
        assert (polling.state, polling.sent_at, polling.upstream_ref, polling.attempts) == (
            DispatchState.POLLING,
            NOW + 7,
            "abc",
            1,
        )

    async def test_depths_count_what_is_unfinished(self, store: SqlStore) -> None:
        """Operations see how many dispatches stand where; finished ones are no work."""
        for upstream in ("main", "main", "trial", "main"):
            await stored(store, a_new_batch(dispatches=(NewDispatch(upstream, "default", range(1)),)))
        first, second = await store.lease("main", 2, NOW, NOW + MINUTE)
        await store.settle(settled(first, DispatchState.SENT))

        assert await depths(store) == {
            ("main", DispatchState.READY): 1,
            ("main", DispatchState.SENDING): 1,
            ("trial", DispatchState.READY): 1,
        }
        await store.settle(settled(second, DispatchState.FAILED))
        assert ("main", DispatchState.SENDING) not in await depths(store)


class Settling:
    """Attempts end."""

    async def test_again_later(self, store: SqlStore) -> None:
        """A dispatch to be tried again is due at its time, and knows how often it was tried."""
        await stored(store, a_new_batch())
        await store.settle(settled(await leased(store), DispatchState.READY, run_at=NOW + 900, attempts=3))

        assert await store.lease("main", 10, NOW + 899, NOW + MINUTE) == []
        again = await leased(store, NOW + 900)
        assert (again.state, again.attempts) == (DispatchState.SENDING, 3)

    @pytest.mark.parametrize("state", [DispatchState.SENT, DispatchState.FAILED, DispatchState.UNKNOWN])
    async def test_finished_is_never_leased_again(self, store: SqlStore, state: DispatchState) -> None:
        """What is sent, failed or unknown is not work any more, however much time passes."""
        await stored(store, a_new_batch())
        await store.settle(settled(await leased(store), state))

        assert await store.next_due("main") is None
        assert await store.lease("main", 10, NOW + 10**9, NOW + 2 * 10**9) == []
        assert await store.reclaim(NOW + 10**9, NOW + 2 * 10**9) == []

    async def test_it_tells_which_messages_moved(self, store: SqlStore) -> None:
        """A receipt moves its message once: told again it changes nothing."""
        key = (await stored(store, a_new_batch(recipients=THREE))).key
        dispatch = await leased(store)
        receipts = tuple(step(key + n, Status.QUEUED) for n in range(3))

        assert await store.settle(settled(dispatch, DispatchState.SENT, transitions=receipts)) == list(receipts)
        assert await store.settle(settled(dispatch, DispatchState.SENT, transitions=receipts)) == []
        assert await codes(store, key + 1) == [101, 102]

    async def test_a_finished_dispatch_keeps_its_state(self, store: SqlStore) -> None:
        """A settlement that comes too late does not make work of what was sent."""
        await stored(store, a_new_batch())
        dispatch = await leased(store)
        await store.settle(settled(dispatch, DispatchState.SENT))
        await store.settle(settled(dispatch, DispatchState.READY))

        assert await store.lease("main", 10, NOW + MINUTE, NOW + 2 * MINUTE) == []

    async def test_an_answer_after_the_lease_still_counts(self, store: SqlStore) -> None:
        """An attempt outlived its lease and was called unknown; then its answer came, and the answer stands."""
        key = (await stored(store, a_new_batch())).key
        dispatch = await leased(store)
        await store.settle(called_unknown(dispatch))
        receipt = step(key, Status.QUEUED_AT_GATEWAY, NOW + 3 * MINUTE)
        moved = await store.settle(settled(dispatch, DispatchState.WAITING, upstream_ref="x", transitions=(receipt,)))

        assert moved == [receipt]
        assert await codes(store, key) == [101, 599, 114]
        assert (await leased(store, NOW + 3 * MINUTE)).upstream_ref == "x"


class Recording:
    """Statuses are appended."""

    async def test_many_ends_at_once(self, store: SqlStore) -> None:
        """What is ended together is ended as if one after the other: each is told what it moved, and nothing else."""
        url = {"content": a_content(report_url="https://erp.example/")}
        keys = [(await stored(store, a_new_batch(recipients=THREE, **(url if at % 2 else {})))).key for at in range(70)]
        dispatches = await store.lease("main", 100, NOW, NOW + MINUTE)
        assert [dispatch.key for dispatch in dispatches] == keys
        assert [len(dispatch.messages) for dispatch in dispatches] == [3] * 70

        ends = []
        for dispatch in dispatches:
            numbers = [message.number for message in dispatch.messages]
            moved = (
                step(numbers[0], Status.QUEUED),
                step(numbers[1], Status.RECIPIENT_REJECTED),
                step(numbers[1], Status.QUEUED),
            )
            ends.append(settled(dispatch, DispatchState.SENT, transitions=moved))
        told = await asyncio.gather(*(store.settle(end) for end in ends), store.record([step(keys[0], Status.SENDING)]))

        assert told == [*(list(end.transitions[:2]) for end in ends), [step(keys[0], Status.SENDING)]]
        assert await depths(store) == {}
        for at, key in enumerate(keys):
            assert await codes(store, key) == [101, 102, *([] if at else [110])]
            assert await codes(store, key + 1) == [101, 405]
            assert await codes(store, key + 2) == [101]
        callbacks = await claimed(store, 1000)
        assert [callback.message.number for callback in callbacks] == [n for key in keys[1::2] for n in (key, key + 1)]

    async def test_two_ends_of_one_dispatch_at_once(self, store: SqlStore) -> None:
        """The second is written upon the first, as if it had come later; statuses are appended in the same order."""
        await stored(store, a_new_batch(content=a_content(report_url="https://erp.example/")))
        dispatch = await leased(store)
        (number,) = (message.number for message in dispatch.messages)
        unknown = called_unknown(dispatch)
        sent = settled(dispatch, DispatchState.SENT, upstream_ref="ref", transitions=(step(number, Status.QUEUED),))
        late = settled(dispatch, DispatchState.FAILED, upstream_ref="late")

        await asyncio.gather(*map(store.settle, (unknown, sent, late)))

        assert await codes(store, number) == [101, 599, 102]
        found = await store.dispatch(number)
        assert found is not None
        assert (found.state, found.upstream_ref) == (DispatchState.SENT, "ref")

    async def test_a_price_stays_until_there_is_another(self, store: SqlStore) -> None:
        """Of several statuses at once the last one tells the time, and the last one that has a price the price."""
        number = (await stored(store, a_new_batch())).key
        told = [
            step(number, Status.QUEUED, NOW + 1, price="0.5", currency="SEK"),
            step(number, Status.SENDING, NOW + 2),
        ]
        assert await store.record(told) == told
        await store.record([step(number, Status.DELIVERED_TO_HANDSET, NOW + 3)])

        found = await store.message(number)
        assert found is not None
        message = found[1]
        assert (message.status, message.modified) == (Status.DELIVERED_TO_HANDSET, NOW + 3)
        assert (message.price, message.currency) == ("0.5", "SEK")

    async def test_batches_of_any_size_are_claimed_whole(self, store: SqlStore) -> None:
        """A dispatch carries its own messages, in order, however many there are and whoever else is in its batch."""
        numbers = [f"4670000{at:04}" for at in range(20)]
        sizes = ((20, (range(0, 20, 2), range(1, 20, 2))), (3, (range(1, 3), range(1))))
        for size, ways in sizes:
            dispatches = tuple(NewDispatch("main", "default", way) for way in ways)
            recipients = tuple(map(Recipient, numbers[:size]))
            await stored(store, a_new_batch(recipients=recipients, dispatches=dispatches))

        leased = await store.lease("main", 10, NOW, NOW + MINUTE)
        found = sorted([message.recipient for message in dispatch.messages] for dispatch in leased)
        assert found == sorted([numbers[0::2], numbers[1::2], numbers[1:3], numbers[:1]])

    @pytest.mark.parametrize("alone", range(14))
    async def test_no_message_is_claimed_twice(self, store: SqlStore, alone: int) -> None:
        """Two dispatches of a batch that lie in each other's range, wherever the short one begins, share nothing."""
        rest = [at for at in range(14) if at != alone]
        recipients = tuple(Recipient(f"4670000{at:04}") for at in range(14))
        ways = (NewDispatch("main", "a", rest), NewDispatch("main", "b", range(alone, alone + 1)))
        key = (await stored(store, a_new_batch(recipients=recipients, dispatches=ways))).key

        leased = await store.lease("main", 10, NOW, NOW + MINUTE)
        found = sorted([message.number - key for message in dispatch.messages] for dispatch in leased)
        assert found == sorted([rest, [alone]])

    async def test_late_and_repeated_statuses_change_nothing(self, store: SqlStore) -> None:
        """A message never moves back: only what is news is appended, and only that is returned."""
        key = (await stored(store, a_new_batch())).key
        wanted = [
            step(key, status)
            for status in (
                Status.DELIVERED_TO_GSM,
                Status.QUEUED,
                Status.DELIVERED_TO_GSM,
                Status.DELIVERED_TO_HANDSET,
                Status.EXPIRED,
            )
        ]

        assert await store.record(wanted) == [wanted[0], wanted[3]]
        assert await codes(store, key) == [101, 113, 201]

    async def test_a_message_nobody_has_is_no_error(self, store: SqlStore) -> None:
        """A status of a number that was never given out is dropped; its neighbours are recorded."""
        key = (await stored(store, a_new_batch())).key
        known = step(key, Status.QUEUED)

        assert await store.record([step(key + 99, Status.QUEUED), known]) == [known]

    async def test_the_upstreams_own_words_are_kept(self, store: SqlStore) -> None:
        """Beside our status stand the code and the text as the upstream wrote them."""
        key = (await stored(store, a_new_batch())).key
        told = StatusEntry(Status.UNKNOWN, NOW + 1, "777", "Okänt ☃", "main")
        await store.record([Transition(key, told)])

        found = await store.message(key)
        assert found is not None
        assert found[2][1] == told

    async def test_a_price_stays_once_it_is_told(self, store: SqlStore) -> None:
        """A later report without a price does not take the price away."""
        key = (await stored(store, a_new_batch())).key
        await store.record([step(key, Status.SENDING, price="0.0416", currency="EUR")])
        await store.record([step(key, Status.DELIVERED_TO_HANDSET)])

        found = await store.message(key)
        assert found is not None
        assert (found[1].price, found[1].currency) == ("0.0416", "EUR")

    async def test_a_doubt_says_nothing_against_a_report(self, store: SqlStore) -> None:
        """Our own Unknown gives way where a report has shown that the message left; an upstream's Unknown does not."""
        key = (await stored(store, a_new_batch(recipients=THREE))).key
        await store.record([step(key, Status.DELIVERED_TO_CARRIER), step(key + 1, Status.DELIVERED_TO_CARRIER)])
        moved = await store.record(
            [
                step(key, Status.UNKNOWN, doubt=True),
                step(key + 1, Status.UNKNOWN),
                step(key + 2, Status.UNKNOWN, doubt=True),
            ]
        )

        assert [transition.number - key for transition in moved] == [1, 2]


class Cancelling:
    """What has not left is taken back."""

    async def test_what_waits_for_its_time_is_cancelled(self, store: SqlStore) -> None:
        """Every message becomes 203 at that moment, and nothing of the batch is ever due again."""
        batch = await stored(store, a_new_batch(recipients=THREE, due=NOW + MINUTE))

        moved = await store.cancel(batch, NOW + 5)

        canceled = StatusEntry(Status.CANCELED, NOW + 5, upstream="main")
        assert [(transition.number, transition.entry) for transition in moved] == [
            (batch.key + n, canceled) for n in range(3)
        ]
        found = await store.message(batch.key + 2)
        assert found is not None
        assert (found[1].status, found[1].modified, found[2][1:]) == (Status.CANCELED, NOW + 5, (canceled,))
        assert await store.next_due("main") is None
        assert await store.lease("main", 10, NOW + 10**9, NOW + 2 * 10**9) == []
        assert await depths(store) == {}

    async def test_what_waits_for_another_attempt_is_cancelled(self, store: SqlStore) -> None:
        """A dispatch that never left, though it was tried, can be taken back."""
        batch = await stored(store, a_new_batch())
        await store.settle(settled(await leased(store), DispatchState.READY, run_at=NOW + 900, attempts=3))

        assert [transition.number for transition in await store.cancel(batch, NOW)] == [batch.key]
        assert await codes(store, batch.key) == [101, 203]
        assert await store.lease("main", 10, NOW + 10**9, NOW + 2 * 10**9) == []

    @pytest.mark.parametrize(
        "state",
        [
            pytest.param(None, id="sending"),
            *(state for state in DispatchState if state.name not in ("READY", "SENDING", "HELD")),
        ],
    )
    async def test_what_may_have_left_is_left_alone(self, store: SqlStore, state: DispatchState | None) -> None:
        """Once a dispatch was claimed it may be on its way: it is as it was, and what comes of it counts."""
        batch = await stored(store, a_new_batch())
        dispatch = await leased(store)
        if state is not None:
            await store.settle(settled(dispatch, state))
        before = await depths(store)

        assert await store.cancel(batch, NOW) == []
        assert await depths(store) == before
        receipt = step(batch.key, Status.QUEUED)
        assert await store.settle(settled(dispatch, DispatchState.SENT, transitions=(receipt,))) == [receipt]
        assert await codes(store, batch.key) == [101, 102]

    async def test_part_of_a_batch(self, store: SqlStore) -> None:
        """Of a batch that goes several ways in mixed order, what was claimed leaves and the rest is taken back."""
        split = (NewDispatch("main", "odd", (0, 2)), NewDispatch("trial", "even", (1,)))
        batch = await stored(store, a_new_batch(recipients=THREE, dispatches=split))
        (even,) = await store.lease("trial", 10, NOW, NOW + MINUTE)

        moved = await store.cancel(batch, NOW)

        assert [(transition.number - batch.key, transition.entry.upstream) for transition in moved] == [
            (0, "main"),
            (2, "main"),
        ]
        await store.settle(settled(even, DispatchState.SENT, transitions=(step(batch.key + 1, Status.QUEUED),)))
        assert [await codes(store, batch.key + n) for n in range(3)] == [[101, 203], [101, 102], [101, 203]]

    async def test_the_neighbours_are_not_touched(self, store: SqlStore) -> None:
        """The batches before and after it, one number away, are sent."""
        before, batch, after = [await stored(store, a_new_batch(recipients=THREE)) for _ in range(3)]

        assert len(await store.cancel(batch, NOW)) == 3
        assert [dispatch.key for dispatch in await store.lease("main", 10, NOW, NOW + MINUTE)] == [
            before.key,
            after.key,
        ]
        assert [await codes(store, key) for key in (before.key + 2, batch.key, after.key)] == [[101], [101, 203], [101]]

    async def test_it_is_reported_once(self, store: SqlStore) -> None:
        """Each cancelled message goes out to the caller's address; cancelled again, nothing is left to cancel."""
        batch = await stored(store, a_new_batch(recipients=THREE, content=a_content(report_url=URL)))

        assert len(await store.cancel(batch, NOW)) == 3
        assert await store.cancel(batch, NOW) == []
        due = await claimed(store)
        assert [(c.url, c.message.number - batch.key, c.entry.status.value) for c in due] == [
            (URL, 0, 203),
            (URL, 1, 203),
            (URL, 2, 203),
        ]

    async def test_a_report_shows_that_a_message_left(self, store: SqlStore) -> None:
        """The upstream said later, and reports one of three all the same: none of what left with it is cancelled."""
        batch = await stored(store, a_new_batch(recipients=THREE))
        await store.settle(settled(await leased(store), DispatchState.READY))
        await store.record([step(batch.key + 1, Status.QUEUED)])

        assert await store.cancel(batch, NOW) == []
        assert [await codes(store, batch.key + n) for n in range(3)] == [[101], [101, 102], [101]]

    async def test_an_answer_clears_a_doubt(self, store: SqlStore) -> None:
        """Called unknown when its lease ran out, then known never to have left: it waits again, and is cancelled."""
        batch = await stored(store, a_new_batch())
        dispatch = await leased(store)
        await store.settle(called_unknown(dispatch))
        await store.settle(settled(dispatch, DispatchState.READY))

        assert len(await store.cancel(batch, NOW)) == 1
        assert await codes(store, batch.key) == [101, 599, 203]

    @pytest.mark.parametrize("lease_first", [True, False])
    async def test_a_lease_and_a_cancel_never_share_a_dispatch(self, store: SqlStore, *, lease_first: bool) -> None:
        """Asked at the same moment, the first one wins and gets the dispatch whole; the other one finds nothing."""
        for _ in range(10):
            batch = await stored(store, a_new_batch(recipients=THREE))
            if lease_first:
                claimed, moved = await asyncio.gather(
                    store.lease("main", 1, NOW, NOW + MINUTE), store.cancel(batch, NOW)
                )
            else:
                moved, claimed = await asyncio.gather(
                    store.cancel(batch, NOW), store.lease("main", 1, NOW, NOW + MINUTE)
                )

            assert [dispatch.key for dispatch in claimed] == ([batch.key] if lease_first else [])
            assert len(moved) == (0 if lease_first else 3)
            expected = [101] if lease_first else [101, 203]
            assert [await codes(store, batch.key + n) for n in range(3)] == [expected] * 3

    async def test_a_storm_of_leases_and_cancels(self, store: SqlStore) -> None:
        """Lanes and callers at the same time: every batch is claimed or cancelled, none is both, none is lost."""
        batches = [await stored(store, a_new_batch(recipients=THREE)) for _ in range(60)]

        async def lane() -> list[int]:
            claimed: list[int] = []
            while found := await store.lease("main", 2, NOW, NOW + MINUTE):
                claimed += [dispatch.key for dispatch in found]
            return claimed

        *claims, cancelled = await asyncio.gather(
            lane(), lane(), asyncio.gather(*(store.cancel(batch, NOW) for batch in reversed(batches[::2])))
        )
        sent = [key for claimed in claims for key in claimed]
        ended = [moved[0].number for moved in cancelled if moved]

        assert sorted(sent + ended) == [batch.key for batch in batches]
        assert {len(moved) for moved in cancelled} <= {0, 3}
        assert all([(await codes(store, key)) == [101] for key in sent])


class Reclaiming:
    """Leases run out."""

    async def test_what_was_being_sent_is_taken_over(self, store: SqlStore) -> None:
        """It may have left, so it is never due again: one finder gets it, and the next one if that one dies of it."""
        key = (await stored(store, a_new_batch(recipients=THREE))).key
        await leased(store)

        (lost,) = await store.reclaim(NOW + MINUTE, NOW + 2 * MINUTE)
        assert (lost.key, lost.state, len(lost.messages)) == (key, DispatchState.SENDING, 3)
        assert await store.next_due("main") is None
        assert await store.lease("main", 10, NOW + 2 * MINUTE, NOW + 3 * MINUTE) == []
        assert await store.reclaim(NOW + 2 * MINUTE - 1, NOW + 3 * MINUTE) == []
        assert [dispatch.key for dispatch in await store.reclaim(NOW + 2 * MINUTE, NOW + 3 * MINUTE)] == [key]

        await store.settle(called_unknown(lost))
        assert await store.reclaim(NOW + 9 * MINUTE, NOW + 10 * MINUTE) == []
        assert await codes(store, key + 2) == [101, 599]

    async def test_what_is_in_flight_is_no_lost_lease(self, store: SqlStore) -> None:
        """However far the clock went: who sends it says so."""
        key = (await stored(store, a_new_batch())).key
        await leased(store)

        assert await store.reclaim(NOW + 9 * MINUTE, NOW + 10 * MINUTE, [key]) == []

    async def test_a_lease_that_holds_is_left_alone(self, store: SqlStore) -> None:
        """Nothing is called unknown before its time."""
        key = (await stored(store, a_new_batch())).key
        await leased(store)

        assert await store.reclaim(NOW + MINUTE - 1, NOW + 2 * MINUTE) == []
        assert await codes(store, key) == [101]

    async def test_what_was_being_asked_is_asked_again(self, store: SqlStore) -> None:
        """A question that got no answer did no harm: its dispatch waits for the next one."""
        key = (await stored(store, a_new_batch())).key
        await store.settle(settled(await leased(store), DispatchState.WAITING))
        await leased(store)

        assert await store.reclaim(NOW + MINUTE, NOW + 2 * MINUTE) == []
        assert (await leased(store, NOW + MINUTE)).state is DispatchState.POLLING
        assert await codes(store, key) == [101]

    async def test_a_report_that_came_first_is_believed(self, store: SqlStore) -> None:
        """A report that came before the crash shows that the message left, so it is not called unknown."""
        key = (await stored(store, a_new_batch(recipients=THREE))).key
        dispatch = await leased(store)
        await store.record([step(key, Status.DELIVERED_TO_HANDSET), step(key + 1, Status.SENDING)])
        await store.settle(called_unknown(dispatch))

        assert [await codes(store, key + n) for n in range(3)] == [[101, 201], [101, 110], [101, 599]]


class Planning:
    """What routes decide beyond the upstream."""

    PLAN = Plan(("next", "last"), ("unreachable", "402"), UnknownPolicy.FAIL, Rewrite("Alarm", "[x] ", gsm=True))
    QUIET = Plan(quiet=Hours((0, 6), ((1320, 420),), "Europe/Stockholm"))

    @pytest.mark.parametrize(
        "plan", [Plan(), PLAN, QUIET, Plan(unknown=UnknownPolicy.RESEND), Plan(rewrite=Rewrite(prefix="å"))]
    )
    async def test_a_plan_is_kept(self, store: SqlStore, plan: Plan) -> None:
        """It comes back whole with the dispatch."""
        await stored(store, a_new_batch(dispatches=(NewDispatch("main", "r", range(1), plan),)))

        assert (await leased(store)).plan == plan

    async def test_another_upstream_gets_it(self, store: SqlStore) -> None:
        """Sent on, it is due at its new upstream alone, with that name used up and its attempts as new."""
        key = (await stored(store, a_new_batch(dispatches=(NewDispatch("main", "r", range(1), self.PLAN),)))).key
        for before, upstream in (("main", "next"), ("next", "last")):
            (dispatch,) = await store.lease(before, 1, NOW, NOW + MINUTE)
            await store.settle(settled(dispatch, DispatchState.READY, attempts=0, onward=upstream))
            assert await store.lease("main", 10, NOW, NOW + MINUTE) == []
            assert await depths(store) == {(upstream, DispatchState.READY): 1}
        (dispatch,) = await store.lease("last", 1, NOW, NOW + MINUTE)

        assert (dispatch.key, dispatch.attempts, dispatch.plan) == (key, 0, self.PLAN._replace(fallback=()))
        assert await store.resolve(key, "46712345678") == ("last", key)

    async def test_what_is_held_is_never_due(self, store: SqlStore) -> None:
        """It waits for operations: no time makes it due, nobody leases it, and a caller may still cancel it."""
        batch = await stored(store, a_new_batch(dispatches=(NewDispatch("main", "r", range(1), held=True),)))

        assert await store.next_due("main") is None
        assert await store.lease("main", 10, NOW + 10**10, NOW + 10**11) == []
        assert len(await store.cancel(batch, NOW)) == 1
        assert await codes(store, batch.key) == [101, 203]


class Outbox:
    """Delivery reports wait for callers."""

    async def _batch(self, store: SqlStore) -> Batch:
        return await stored(store, a_new_batch(recipients=THREE, content=a_content(report_url=URL)))

    async def test_each_step_is_told_once(self, store: SqlStore) -> None:
        """Every status that moved a message of a batch with a callback address goes out, and no other."""
        batch = await self._batch(store)
        silent = await stored(store, a_new_batch())
        await store.record([step(batch.key, Status.QUEUED), step(silent.key, Status.QUEUED)])
        await store.record([step(batch.key, Status.QUEUED), step(batch.key + 2, Status.DELIVERED_TO_HANDSET)])

        due = await claimed(store)

        assert [(c.url, c.attempts, c.message.number - batch.key, c.entry.status.value, c.batch.key) for c in due] == [
            (URL, 1, 0, 102, batch.key),
            (URL, 1, 2, 201, batch.key),
        ]

    async def test_a_report_tells_its_own_step(self, store: SqlStore) -> None:
        """What was queued first is told first and as it was, though the message has moved on."""
        batch = await self._batch(store)
        await store.record([step(batch.key, Status.QUEUED, NOW), step(batch.key, Status.DELIVERED_TO_HANDSET, NOW + 9)])

        due = await claimed(store, now=NOW + 9)

        assert [(c.entry.status.value, c.entry.created) for c in due] == [(102, NOW), (201, NOW + 9)]

    async def test_a_time_to_come_does_not_hold_a_report_back(self, store: SqlStore) -> None:
        """An upstream whose clock is ahead dates its report in our future; the caller is told now all the same."""
        batch = await self._batch(store)
        await store.record([step(batch.key, Status.QUEUED, NOW + 60 * MINUTE)])

        due = await next_post(store)
        assert due is not None
        assert due <= NOW
        assert len(await claimed(store)) == 1

    async def test_again_and_forgotten(self, store: SqlStore) -> None:
        """A leased report is out of reach until its lease ends or it was settled; each claim counts as an attempt."""
        batch = await self._batch(store)
        await store.record([step(batch.key, Status.QUEUED)])
        (first,) = await claimed(store)

        assert await claimed(store) == []
        assert await next_post(store) == NOW + MINUTE
        (second,) = await claimed(store, now=NOW + MINUTE)
        assert (first.key, first.attempts, second.key, second.attempts) == (first.key, 1, first.key, 2)
        await store.settle_callback(second.key, NOW + 5 * MINUTE)
        assert await next_post(store) == NOW + 5 * MINUTE
        await store.settle_callback(second.key, None)
        assert await next_post(store) is None

    async def test_no_more_than_asked(self, store: SqlStore) -> None:
        """A claim takes as many as the worker can carry."""
        batch = await self._batch(store)
        await store.record([step(batch.key + n, Status.QUEUED) for n in range(3)])

        assert len(await claimed(store, 2)) == 2
        assert len(await claimed(store, 2)) == 1

    async def test_each_caller_has_a_queue(self, store: SqlStore) -> None:
        """What waits for one of them is claimed for it alone, and by when each has something due."""
        for caller, steps in (("erp", 3), ("door", 1)):
            content = a_content(report_url=URL)
            batch = await stored(store, a_new_batch(recipients=THREE, content=content, caller=caller))
            await store.record([step(batch.key + n, Status.QUEUED) for n in range(steps)])

        assert set(await store.callbacks_due()) == {"erp", "door"}
        due = await store.lease_callbacks({"erp": 2, "door": 5, "nobody": 1}, NOW, NOW + MINUTE)
        assert sorted(each.batch.caller for each in due if isinstance(each, Callback)) == ["door", "erp", "erp"]
        assert (await store.callbacks_due())["door"] == NOW + MINUTE
        assert [(box.caller, box.waiting, box.given_up) for box in await store.outboxes()] == [
            ("door", 1, 0),
            ("erp", 3, 0),
        ]

    async def test_what_is_given_up_is_kept(self, store: SqlStore) -> None:
        """It is due no more, can be looked at page by page, and be posted again as if for the first time."""
        batch = await self._batch(store)
        await store.record([step(batch.key + n, Status.QUEUED) for n in range(3)])
        due = await claimed(store)
        for post in due:
            await store.give_up_callback(post.key, NOW + MINUTE)

        assert await next_post(store) is None
        assert [(box.waiting, box.due, box.given_up) for box in await store.outboxes()] == [(0, None, 3)]
        first = await store.given_up(None, 0, 2)
        (last,) = await store.given_up(batch.caller, first[-1].post.key, 2)
        assert await store.given_up("nobody", 0, 2) == []
        assert [(each.post, each.since) for each in (*first, last)] == [(post, NOW + MINUTE) for post in due]

        assert await store.retry_callbacks([due[0].key, 999], NOW + 2 * MINUTE) == 1
        (again,) = await claimed(store, now=NOW + 2 * MINUTE)
        assert (again.key, again.attempts) == (due[0].key, 1)
        assert await store.retry_callbacks([due[0].key], NOW) == 0, "it is not given up any more"
        assert await store.drop_callbacks([due[0].key, due[1].key]) == 1
        assert [each.post.key for each in await store.given_up(None, 0, 9)] == [due[2].key]

    async def test_what_was_given_up_long_ago_is_forgotten(self, store: SqlStore) -> None:
        """A few at a time, and nothing that is younger or still waits."""
        batch = await self._batch(store)
        await store.record([step(batch.key + n, Status.QUEUED) for n in range(3)])
        first, second, _ = await claimed(store)
        await store.give_up_callback(first.key, NOW)
        await store.give_up_callback(second.key, NOW + MINUTE)

        await store.forget_given_up(NOW + 1, 10)
        assert [each.post.key for each in await store.given_up(None, 0, 9)] == [second.key]
        await store.forget_given_up(NOW + 2 * MINUTE, 0)
        assert [(box.waiting, box.given_up) for box in await store.outboxes()] == [(1, 1)]


class Living:
    """A store is checked and closed."""

    async def test_a_check_changes_nothing(self, store: SqlStore) -> None:
        """Readiness asks for a write that leaves everything as it was."""
        batch = await stored(store, a_new_batch())
        await store.check()

        assert await store.batch(batch.key) == batch

    async def test_what_was_queued_is_done_when_it_closes(self, store: SqlStore) -> None:
        """Closing finishes what was handed to the store; afterwards it says Busy."""
        adding = [asyncio.create_task(stored(store, a_new_batch())) for _ in range(5)]
        await asyncio.sleep(0)
        await store.close()

        assert [(await task).key for task in adding] == [FIRST_NUMBER + n for n in range(5)]
        with pytest.raises(Busy):
            await stored(store, a_new_batch())


class StoreContract(
    Erasing,
    Expiring,
    Adding,
    Auditing,
    Reading,
    Leasing,
    Leading,
    Sharing,
    Settling,
    Recording,
    Cancelling,
    Reclaiming,
    Planning,
    Operating,
    Outbox,
    Conversing,
    Coding,
    Living,
):
    """All of it."""
