"""What every store promises of conversations: an index that is filled behind, account by account."""

import pytest
from builders import NOW, a_new_batch, stored

from gateway.model import Incoming, Page, Recipient, Side
from gateway.store.sql import SqlStore

ANNA, BO = "46700000001", "46700000002"
OURS, THEIRS = "ip1-12345", "ip1-99999"


async def said(store: SqlStore, account: str, participant: str, side: Side = Side.BOTH) -> list[int]:
    """The keys of what was said, in its order."""
    entries, total = await store.conversation(account, participant, side, Page(limit=100))
    assert total == len(entries)
    return [entry.key if isinstance(entry, Incoming) else entry.message.number for entry in entries]


async def answered(store: SqlStore, sender: str, created: int, account: str = OURS) -> int:
    """Let somebody answer; the key of what came in."""
    arrived = Incoming(0, created, account, "erp", "main", f"{account}-{created}", sender, "46799", "Hi", 1)
    (kept,) = await store.receive([arrived], created, ())
    return kept.key


class Conversing:
    """Conversations are filed behind, each account's for itself."""

    async def test_an_account_is_filed_by_itself(self, store: SqlStore) -> None:
        """Whoever asks waits for nobody else's messages."""
        ours = await stored(store, a_new_batch(recipients=(Recipient(ANNA), Recipient(BO))))
        theirs = await stored(store, a_new_batch(recipients=(Recipient(ANNA),), account=THEIRS))

        assert await store.file(100, THEIRS) == 1
        assert await said(store, THEIRS, ANNA) == [theirs.key]
        assert await said(store, OURS, ANNA) == []
        assert await store.file(100) == 2
        assert await said(store, OURS, BO) == [ours.key + 1]
        assert await store.file(100) == 0

    async def test_a_busy_account_keeps_no_other_waiting(self, store: SqlStore) -> None:
        """Each look files as many of each account that has something to be filed."""
        await stored(store, a_new_batch(recipients=(Recipient(ANNA),) * 9))
        theirs = await stored(store, a_new_batch(recipients=(Recipient(ANNA),), account=THEIRS))

        assert await store.file(4) == 2 + 1
        assert await said(store, THEIRS, ANNA) == [theirs.key]
        assert [await store.file(4), await store.file(4), await store.file(4)] == [4, 3, 0]

    async def test_nothing_is_written_where_all_is_filed(
        self, store: SqlStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """However many accounts there are: whoever writes to a database that is shared keeps all others from it."""
        for account in (OURS, THEIRS):
            await stored(store, a_new_batch(account=account))
            await answered(store, ANNA, NOW, account)
        assert await store.file(100) == 4
        monkeypatch.setattr(store, "_write", None)

        assert await store.file(100) == 0

    async def test_a_batch_is_filed_in_pieces(self, store: SqlStore) -> None:
        """However few at a time, each message is there once, and answers are where they were given."""
        first = await stored(store, a_new_batch(recipients=tuple(Recipient(ANNA) for _ in range(5))))
        answer = await answered(store, ANNA, NOW + 1)
        second = await stored(store, a_new_batch(recipients=(Recipient(ANNA),), created=NOW + 2))
        while await store.file(2):
            pass

        assert await said(store, OURS, ANNA) == [*range(first.key, first.key + 5), answer, second.key]
        assert await said(store, OURS, ANNA, Side.MO) == [answer]
        assert (await store.summary(OURS, ANNA, Side.BOTH)).latest == NOW + 2

    async def test_who_only_receives_is_filed_too(self, store: SqlStore) -> None:
        """An account that has sent nothing has conversations as well."""
        answer = await answered(store, ANNA, NOW)
        assert await store.file(100) == 1
        assert await said(store, OURS, ANNA) == [answer]

    async def test_a_day_is_counted_by_caller(self, store: SqlStore) -> None:
        """What was accepted since a moment, of every account; a clock that was set back hides nothing."""
        for caller, account, created in (
            ("old", OURS, NOW - 1),
            ("erp", OURS, NOW + 5000),
            ("crm", THEIRS, NOW),
            ("late", OURS, NOW - 30_000),
            ("erp", OURS, NOW + 1),
        ):
            await stored(store, a_new_batch(caller=caller, account=account, created=created))

        assert await store.accepted(NOW) == {"erp": 2, "crm": 1}
