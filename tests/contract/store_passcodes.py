"""What every store promises of two-factor codes, and of texts that must not be read while they wait."""

import asyncio

import pytest
from builders import NOW, a_new_batch, stored

from gateway.commands import PasscodeSettings
from gateway.model import DispatchState, Recipient
from gateway.ports import NewDispatch, NewPasscode, Settlement
from gateway.store.sql import SqlStore

MINUTE = 60_000
TWO = (Recipient("46700000001"), Recipient("46700000002"))
PHONE = "46700000001"


def a_code(mark: bytes = b"mark", **over: object) -> NewPasscode:
    """A code that is good for a minute."""
    given = {"account": "ip1-12345", "msisdn": PHONE, "mark": mark, "created": NOW, "expires": NOW + MINUTE}
    return NewPasscode(**given | over)


async def good(store: SqlStore, *marks: bytes, now: int = NOW, account: str = "ip1-12345", phone: str = PHONE) -> bool:
    """Whether one of these marks is a code's."""
    return await store.use_passcode(account, phone, marks, now, 3)


class Coding:
    """Codes are kept, used once, guessed at a few times, and expire."""

    async def test_a_code_is_used_once(self, store: SqlStore) -> None:
        """By any of the marks that are given, of its phone and account alone."""
        await store.keep_passcode(a_code(), 5)

        assert not await good(store, b"mark", account="ip1-9")
        assert not await good(store, b"mark", phone="46700000002")
        assert await good(store, b"other", b"mark")
        assert not await good(store, b"mark")

    async def test_a_code_that_was_made_twice_is_used_once(self, store: SqlStore) -> None:
        """Chance may give a phone the same code again: they are one."""
        await store.keep_passcode(a_code(), 5)
        await store.keep_passcode(a_code(), 5)

        assert await good(store, b"mark")
        assert not await good(store, b"mark")

    async def test_a_code_expires(self, store: SqlStore) -> None:
        """At that moment, not before."""
        await store.keep_passcode(a_code(b"one"), 5)
        await store.keep_passcode(a_code(b"two"), 5)

        assert await good(store, b"one", now=NOW + MINUTE - 1)
        assert not await good(store, b"two", now=NOW + MINUTE)

    async def test_guesses_are_counted_against_every_code_of_a_phone(self, store: SqlStore) -> None:
        """After three, none of those that could have been meant can be used; others are as they were."""
        await store.keep_passcode(a_code(b"one"), 5)
        await store.keep_passcode(a_code(b"theirs", msisdn="46700000002"), 5)
        await asyncio.gather(*[good(store, b"wrong") for _ in range(2)])
        await store.keep_passcode(a_code(b"two"), 5)
        assert not await good(store, b"wrong")

        assert not await good(store, b"one")
        assert await good(store, b"two")
        assert await good(store, b"theirs", phone="46700000002")

    async def test_a_phone_has_so_many_codes(self, store: SqlStore) -> None:
        """A dead one has its place until it expires; one that is used or forgotten has none."""
        first, second = [await store.keep_passcode(a_code(mark), 2) for mark in (b"one", b"two")]
        assert (first is None, second is None) == (False, False)
        assert await store.keep_passcode(a_code(), 2) is None
        assert await store.keep_passcode(a_code(account="ip1-9"), 2) is not None
        assert await good(store, b"one")
        assert await store.keep_passcode(a_code(b"three"), 2) is not None
        for _ in range(3):
            assert not await good(store, b"wrong")

        assert await store.keep_passcode(a_code(), 2) is None
        assert second is not None
        await store.forget_passcode(second)
        assert await store.keep_passcode(a_code(), 2) is not None
        assert await store.keep_passcode(a_code(created=NOW + MINUTE, expires=NOW + 2 * MINUTE), 1) is not None

    async def test_settings_are_an_accounts_own(self, store: SqlStore) -> None:
        """All of them are set at once, and what is not set is None."""
        whole = PasscodeSettings(5, "iP1", "åäö {0}", 5, 1200, numeric=False)
        await store.set_passcode_settings("ip1-12345", whole)

        assert await store.passcode_settings("ip1-12345") == whole
        assert await store.passcode_settings("ip1-9") == PasscodeSettings()
        await store.set_passcode_settings("ip1-12345", PasscodeSettings(numeric=True))
        assert await store.passcode_settings("ip1-12345") == PasscodeSettings(numeric=True)

    async def test_a_hidden_text_is_its_batchs_own(self, store: SqlStore) -> None:
        """It comes with every dispatch of the batch, and with no other one."""
        halves = (NewDispatch("main", "default", range(1)), NewDispatch("main", "default", range(1, 2)))
        await stored(store, a_new_batch(recipients=TWO, dispatches=halves, hidden=b"text", sealed=b"credentials"))
        await stored(store, a_new_batch())

        leased = await store.lease("main", 10, NOW, NOW + MINUTE)
        assert [(dispatch.hidden, dispatch.sealed) for dispatch in leased] == [
            (b"text", b"credentials"),
            (b"text", b"credentials"),
            (None, None),
        ]

    @pytest.mark.parametrize("end", [DispatchState.WAITING, DispatchState.SENT, DispatchState.FAILED])
    async def test_a_hidden_text_is_erased_once_all_of_it_has_left(self, store: SqlStore, end: DispatchState) -> None:
        """Also where the upstream has yet to be asked how it went, for which credentials are still needed."""
        halves = (NewDispatch("main", "default", range(1)), NewDispatch("main", "default", range(1, 2)))
        await stored(store, a_new_batch(recipients=TWO, dispatches=halves, hidden=b"text", sealed=b"credentials"))
        first, second = await store.lease("main", 10, NOW, NOW + MINUTE)

        await store.settle(Settlement(first.key, end, NOW, 1))
        assert await _hidden(store, second.key) == b"text"
        await store.settle(Settlement(second.key, end, NOW, 1))
        assert await _hidden(store, second.key) is None
        found = await store.dispatch(second.key)
        assert found is not None
        assert (found.sealed is None) is (end is not DispatchState.WAITING)

    @pytest.mark.parametrize("state", [DispatchState.READY, DispatchState.UNKNOWN, DispatchState.HELD])
    async def test_a_hidden_text_stays_while_it_may_be_sent(self, store: SqlStore, state: DispatchState) -> None:
        """It waits for its time, or for somebody to decide; with a cancel it goes."""
        held = (NewDispatch("main", "default", range(1), held=state is DispatchState.HELD),)
        batch = await stored(store, a_new_batch(dispatches=held, hidden=b"text"))
        if state is DispatchState.UNKNOWN:
            await store.lease("main", 10, NOW, NOW + MINUTE)
            await store.settle(Settlement(batch.key, state, NOW, 1))
        assert await _hidden(store, batch.key) == b"text"
        if state is not DispatchState.UNKNOWN:
            await store.cancel(batch, NOW)
            assert await _hidden(store, batch.key) is None


async def _hidden(store: SqlStore, number: int) -> bytes | None:
    found = await store.dispatch(number)
    assert found is not None
    return found.hidden
