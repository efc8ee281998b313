"""What every store promises of how long it remembers: who is erased, and what is old."""

from builders import NOW, a_content, a_new_batch, stored

from gateway.addresses import Edit, Wanted
from gateway.model import DispatchState, Incoming, Page, Recipient, Side, StatusEntry
from gateway.ports import ERASED, Callback, Expired, NewDispatch, NewPasscode, Part, Settlement, Traces, Transition
from gateway.status import Status
from gateway.store import soundness
from gateway.store.sql import SqlStore

ANNA, BO = "46700000001", "46700000002"
OURS = "ip1-12345"
BOTH = (Recipient(ANNA, {"name": "Anna"}), Recipient(BO))
MINUTE = 60_000


async def found(store: SqlStore, part: Part, limit: int = 100) -> list[int]:
    """The keys of a part's rows that hold Anna's number, looked for a few rows at a time."""
    keys: list[int] = []
    after: int | None = 0
    while after is not None:
        page = await store.life.look(part, ANNA, after, limit)
        keys += page.keys
        after = page.after
    return keys


async def sent(store: SqlStore, recipients: tuple[Recipient, ...], **over: object) -> int:
    """Store a batch and let it leave; its key."""
    batch = await stored(store, a_new_batch(recipients=recipients, **over))
    (dispatch,) = await store.lease("main", 100, batch.created, batch.created + MINUTE)
    await store.settle(Settlement(dispatch.key, DispatchState.SENT, NOW, 1))
    return batch.key


async def erased(store: SqlStore, part: Part) -> int:
    """Erase Anna's number from a part."""
    return await store.life.erase(part, ANNA, await found(store, part))


def a_letter(sender: str, body: str = "Hi", upstream_id: str = "1") -> Incoming:
    """An SMS that came in."""
    return Incoming(0, NOW, OURS, "erp", "main", upstream_id, sender, "46799", body, 1)


class Erasing:
    """A person's number can be erased, and what it stood in stays answerable."""

    async def test_a_message_stays_without_its_recipient(self, store: SqlStore) -> None:
        """The recipient and its arguments are gone; the others of the batch and what it says to them stay."""
        key = await sent(store, BOTH, content=a_content(body="Hi {name}", defaults={}))

        assert await erased(store, Part.MESSAGES) == 1
        batch = await store.batch(key)
        assert batch is not None
        assert batch.content.body == "Hi {name}"
        first, second = await store.messages(batch, Page(limit=10))
        assert (first.recipient, first.params) == (ERASED, {})
        assert second.recipient == BO
        assert await found(store, Part.MESSAGES) == []

    async def test_what_was_said_to_nobody_else_is_erased(self, store: SqlStore) -> None:
        """Text, reference, tags and defaults go with the last recipient; sender and address of reports stay."""
        said = a_content(body="Hi {x}", reference="order 7", tags=("a",), defaults={"x": "you"}, report_url="http://a/")
        key = await sent(store, (Recipient(ANNA), Recipient(ANNA)), content=said)
        (first, second) = await found(store, Part.MESSAGES)
        await store.life.erase(Part.MESSAGES, ANNA, [first])
        batch = await store.batch(key)
        assert batch is not None
        assert batch.content == said
        await store.life.erase(Part.MESSAGES, ANNA, [second])

        batch = await store.batch(key)
        assert batch is not None
        assert batch.content == a_content(body="", report_url="http://a/")

    async def test_what_an_upstream_said_of_it_is_erased(self, store: SqlStore) -> None:
        """Its words may name the person; its code, which names nobody, stays."""
        key = await sent(store, (Recipient(ANNA),))
        told = StatusEntry(Status.DELIVERED_TO_HANDSET, NOW, "22", "delivered to Anna", "main")
        await store.record([Transition(key, told)])
        await erased(store, Part.MESSAGES)

        kept = await store.message(key)
        assert kept is not None
        assert kept[2][-1] == told._replace(raw_text=None)

    async def test_what_is_still_to_be_sent_is_left_alone(self, store: SqlStore) -> None:
        """Neither its recipient nor its text: nobody gets something else than was accepted."""
        said = a_content(body=f"Call {ANNA}")
        key = (await stored(store, a_new_batch(recipients=(Recipient(ANNA, {"n": ANNA}),), content=said))).key

        assert await store.life.unfinished([key]) == {key: DispatchState.READY}
        for part in (Part.MESSAGES, Part.BATCH_TEXTS, Part.MESSAGE_TEXTS):
            assert await found(store, part) == [key]
            assert await erased(store, part) == 0
        (dispatch,) = await store.lease("main", 1, NOW, NOW + MINUTE)
        assert dispatch.batch.content == said
        assert dispatch.messages[0].recipient == ANNA

    async def test_one_message_is_withdrawn_alone(self, store: SqlStore) -> None:
        """The others of its dispatch leave as ever, also where it was the first; the last one ends the dispatch."""
        key = (await stored(store, a_new_batch(recipients=BOTH, dispatches=(NewDispatch("main", "r", range(2)),)))).key

        assert [one.number for one in await store.withdraw_alone([key], NOW)] == [key]
        assert await store.life.unfinished([key, key + 1]) == {key + 1: DispatchState.READY}
        (dispatch,) = await store.lease("main", 1, NOW, NOW + MINUTE)
        assert [message.number for message in dispatch.messages] == [key + 1]
        assert await store.withdraw_alone([key + 1], NOW) == []

        alone = (await stored(store, a_new_batch(recipients=(Recipient(ANNA),)))).key
        assert [one.entry.status for one in await store.withdraw_alone([alone], NOW)] == [Status.CANCELED]
        ended = await store.dispatch(alone)
        assert ended is not None
        assert ended.state is DispatchState.FAILED

    async def test_what_came_in_is_removed(self, store: SqlStore) -> None:
        """The message itself, and its way to the caller."""
        await store.receive([a_letter(ANNA), a_letter(BO, upstream_id="2")], NOW, {"erp"})

        assert await erased(store, Part.INCOMING) == 1
        assert [letter.sender for letter in await store.received(OURS, (), (), 10)] == [BO]
        assert [box.waiting for box in await store.outboxes()] == [1]
        assert len(await store.lease_callbacks({"erp": 10}, NOW, NOW + MINUTE)) == 1

    async def test_a_contact_is_found_however_it_is_written(self, store: SqlStore) -> None:
        """Whoever has the number is removed, with labels; whoever only mentions it stays without it."""
        edits = [
            Edit({"phoneNumber": "+46 70-000 00 01"}, labels=("friends",)),
            Edit({"phoneNumber": BO, "note": f"sister of {ANNA}"}),
            Edit({"phoneNumber": ANNA + "5"}),
        ]
        await store.book.add(OURS, edits, NOW)

        assert await erased(store, Part.CONTACTS) == 1
        assert await erased(store, Part.CONTACT_TEXTS) == 1
        contacts, _ = await store.book.contacts(OURS, Wanted(), Page(limit=10))
        assert [contact.properties for contact in contacts] == [
            {"phoneNumber": BO, "note": f"sister of {ERASED}"},
            {"phoneNumber": ANNA + "5"},
        ]
        assert await store.book.memberships(OURS) == []

    async def test_texts_that_mention_it_lose_it(self, store: SqlStore) -> None:
        """In what was sent to others, in what came in from them, and in what upstreams said: the whole number alone."""
        body = f"Call +{ANNA} or 00{ANNA}, not {ANNA}9 or 1{ANNA}"
        said = a_content(sender=ANNA, body=body, report_url=f"http://a/?to={ANNA}")
        key = await sent(store, (Recipient(BO),), content=said)
        await store.record([Transition(key, StatusEntry(Status.QUEUED, NOW, ANNA, f"for {ANNA}", "main"))])
        await store.receive([a_letter(BO, f"I am with {ANNA}")], NOW, ())
        for part in (Part.BATCH_TEXTS, Part.STATUS_TEXTS, Part.INCOMING_TEXTS):
            assert await erased(store, part) == 1, part
            assert await found(store, part) == []

        kept = await store.message(key)
        assert kept is not None
        left = f"Call +{ERASED} or {ERASED}, not {ANNA}9 or 1{ANNA}"
        assert kept[0].content == a_content(sender=ERASED, body=left, report_url=f"http://a/?to={ERASED}")
        assert kept[2][-1] == StatusEntry(Status.QUEUED, NOW, ERASED, f"for {ERASED}", "main")
        assert (await store.received(OURS, (), (), 1))[0].body == f"I am with {ERASED}"

    async def test_what_is_stored_under_it_is_removed(self, store: SqlStore) -> None:
        """Conversations, two-factor codes, and repeatable requests whose key it is in; nobody else's."""
        for recipient in (ANNA, BO):
            await sent(store, (Recipient(recipient),), once=(f"to-{recipient}", b"1"))
            await store.keep_passcode(NewPasscode(OURS, recipient, b"x", NOW, NOW + MINUTE), 5)
        while await store.file(10):
            pass

        assert await store.life.traces(ANNA) == Traces(conversations=2, passcodes=1, idempotency=1)
        assert await store.life.erase_traces(ANNA) == Traces(conversations=2, passcodes=1, idempotency=1)
        assert await store.life.traces(ANNA) == Traces(0, 0, 0)
        assert await store.life.traces(BO) == Traces(conversations=2, passcodes=1, idempotency=1)
        assert (await store.conversation(OURS, ANNA, Side.BOTH, Page(limit=10))) == ((), 0)

    async def test_it_is_looked_for_in_pages(self, store: SqlStore) -> None:
        """However few rows at a time, each that holds it is found once."""
        keys = [await sent(store, (Recipient(number),)) for number in (ANNA, BO, ANNA, BO, ANNA)]

        assert await found(store, Part.MESSAGES, limit=1) == keys[::2]
        assert await found(store, Part.MESSAGES, limit=2) == keys[::2]


DAY = 86_400_000
LATER = NOW + 100 * DAY
"""When everything that was done at NOW is old."""


async def old(store: SqlStore, count: int, **over: object) -> list[int]:
    """Store batches, one after the other, and let them leave and be delivered; their keys."""
    keys = []
    for _ in range(count):
        keys.append(await sent(store, (Recipient(ANNA),), **over))
        await store.record([Transition(keys[-1], StatusEntry(Status.DELIVERED_TO_HANDSET, NOW, None, None, "main"))])
    return keys


async def all_filed(store: SqlStore) -> None:
    """Bring conversations up to date."""
    while await store.file(100):
        pass


async def listed(store: SqlStore) -> list[int]:
    """The keys of the account's batches, read page by page."""
    keys: list[int] = []
    while True:
        page, total = await store.batches(OURS, Page(start=len(keys), limit=2))
        keys += [batch.key for batch in page]
        if not page:
            assert total == len(keys)
            return keys


class Expiring:
    """What is old and done with is removed; what is not done with stays, however old it is."""

    async def test_what_is_old_is_removed(self, store: SqlStore) -> None:
        """Batches, messages, histories, conversations and what came in; what is younger stays, and is listed."""
        gone = await old(store, 3)
        await store.receive([a_letter(ANNA)], NOW, ())
        young = await old(store, 2, created=LATER)
        await all_filed(store)

        assert await store.life.expire(NOW + 1, 100) == Expired(3, 3, 1)
        assert await store.life.expire(NOW + 1, 100) == Expired(0, 0, 0)
        assert [await store.message(number) for number in gone] == [None, None, None]
        assert [await store.batch(number) for number in gone] == [None, None, None]
        assert await listed(store) == young
        assert await store.received(OURS, (), (), 10) == []
        for side, left in ((Side.BOTH, young), (Side.MT, young), (Side.MO, [])):
            entries, total = await store.conversation(OURS, ANNA, side, Page(limit=10))
            assert ([entry.message.number for entry in entries], total) == (left, len(left))
            assert (await store.summary(OURS, ANNA, side)).messages == len(left)

    async def test_no_number_is_given_twice(self, store: SqlStore) -> None:
        """Though all are gone, the next batch has the next number, and the next place in its account's list."""
        (gone,) = await old(store, 1)
        await all_filed(store)
        await store.life.expire(LATER, 100)
        assert await listed(store) == []
        assert await store._read(lambda db: soundness.of_the_whole(db, shared=False)) == []
        following = await sent(store, BOTH)

        assert following > gone
        assert await listed(store) == [following]
        await all_filed(store)
        entries, total = await store.conversation(OURS, BO, Side.BOTH, Page(limit=10))
        assert (total, len(entries)) == (1, 1)

    async def test_what_is_not_done_with_stays(self, store: SqlStore) -> None:
        """What waits, is on its way or unknown, and what was heard of lately; the list goes on without a gap."""
        first = await old(store, 1)
        waiting = (await stored(store, a_new_batch(dispatches=(NewDispatch("night", "r", range(1)),)))).key
        second = await old(store, 1)
        unknown = (await stored(store, a_new_batch())).key
        (dispatch,) = await store.lease("main", 1, NOW, NOW + MINUTE)
        await store.settle(Settlement(dispatch.key, DispatchState.UNKNOWN, NOW, 1))
        third = await old(store, 1)
        (late,) = await old(store, 1)
        await store.record([Transition(late, StatusEntry(Status.DELIVERED_TO_HANDSET, LATER))])
        reported = await sent(store, (Recipient(BO),))
        await store.record([Transition(reported, StatusEntry(Status.DELIVERED_TO_HANDSET, LATER, None, None, "main"))])
        fourth = await old(store, 1)
        young = await old(store, 1, created=LATER)
        await all_filed(store)

        assert (await store.life.expire(NOW + DAY, 100)).batches == 5
        assert await listed(store) == [waiting, unknown, reported, *young]
        assert [await store.batch(key) for key in (*first, *second, *third, late, *fourth)] == [None] * 5
        assert await store.life.expire(NOW + DAY, 100) == Expired(0, 0, 0)
        assert await listed(store) == [waiting, unknown, reported, *young]

    async def test_it_goes_in_small_pieces(self, store: SqlStore) -> None:
        """However large a batch is, so many messages at a time; nothing else is touched meanwhile."""
        large = await sent(store, tuple(Recipient(f"4670000{at:04}") for at in range(25)))
        small = await old(store, 3)
        await all_filed(store)

        pieces = []
        while any(removed := await store.life.expire(LATER, 10)):
            pieces.append((removed.batches, removed.messages))
            if (left := await store.batch(large)) is not None:
                # It is whole at any moment: as many messages as it says.
                assert len(await store.messages(left, Page(limit=100))) == left.size
        assert pieces == [(0, 10), (0, 10), (4, 8)]
        assert await store.batch(large) is None
        assert await listed(store) == []
        assert await store.message(small[-1]) is None

    async def test_what_is_not_filed_stays(self, store: SqlStore) -> None:
        """It would appear in conversations after it is gone; the next look finds it filed."""
        keys = await old(store, 2)
        await store.receive([a_letter(ANNA)], NOW, ())
        assert await store.life.expire(LATER, 100) == Expired(0, 0, 0)
        await store.file(1)
        await store.life.expire(LATER, 100)
        left = await listed(store)
        assert left == keys[-len(left) :]
        await all_filed(store)

        while any(await store.life.expire(LATER, 100)):
            pass
        assert await listed(store) == []
        assert await store.received(OURS, (), (), 10) == []

    async def test_what_its_caller_was_not_told_of_is_kept(self, store: SqlStore) -> None:
        """However old it is, for the gateway may have been away for long: until it was posted, or given up."""
        content = a_content(report_url="http://erp.example/")
        await old(store, 1, content=content)
        await store.receive([a_letter(ANNA)], NOW, {"erp"})
        await all_filed(store)
        assert await store.life.expire(LATER, 100) == Expired(0, 0, 0)

        posts = await store.lease_callbacks({"erp": 10}, LATER, LATER + MINUTE)
        assert len(posts) == 2
        await store.settle_callback(posts[0].key, None)
        await store.give_up_callback(posts[1].key, LATER)
        assert await store.life.expire(LATER, 100) == Expired(1, 1, 1)

    async def test_a_wrong_date_ends_nothing(self, store: SqlStore) -> None:
        """What was stored while the clock was ahead is kept, as is the newest one; what lies around it goes."""
        keys = [(await old(store, 1, created=created))[0] for created in (NOW, 2 * LATER, NOW, NOW)]
        await all_filed(store)

        assert await store.life.expire(LATER, 100) == Expired(2, 2, 0)
        assert [await store.batch(key) is not None for key in keys] == [False, True, False, True]

    async def test_what_was_given_up_and_is_gone_is_not_listed(self, store: SqlStore) -> None:
        """Pages are as long as they should be all the same."""
        content = a_content(report_url="http://erp.example/")
        await old(store, 2, content=content)
        await all_filed(store)
        for post in await store.lease_callbacks({"erp": 10}, NOW, NOW + MINUTE):
            await store.give_up_callback(post.key, NOW)
        await store.life.expire(LATER, 100)
        (young,) = await old(store, 1, content=content)
        for post in await store.lease_callbacks({"erp": 10}, NOW, NOW + MINUTE):
            await store.give_up_callback(post.key, NOW)

        (given_up,) = await store.given_up(None, 0, 1)
        assert isinstance(given_up.post, Callback)
        assert given_up.post.message.number == young
