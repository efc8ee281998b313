"""Two-factor codes: made, sent by the ordinary way, hidden while they wait, and good once."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from builders import NOW, FrozenClock, a_new_batch, stored
from gateways import until
from pydantic import SecretStr
from structlog.testing import capture_logs

from gateway.commands import (
    Accepted,
    CheckPasscode,
    GetPasscodeSettings,
    PasscodeSent,
    PasscodeSettings,
    PasscodeValid,
    SendPasscode,
    SetPasscodeSettings,
    SubmitBatch,
)
from gateway.config import Caller, Rule
from gateway.desks import PasscodeDesk
from gateway.desks.passcodes import ATTEMPTS, DIGITS, LETTERS, random_code
from gateway.errors import BadSender, Busy, Internal, Malformed, NoFunds, RequestError
from gateway.limits import Limits
from gateway.model import DispatchState, Recipient, StatusEntry, Window
from gateway.observe import Metrics
from gateway.ports import Settlement, Transition
from gateway.router import Router
from gateway.sealing import Seal, new_seal_key
from gateway.service import Service, Ways
from gateway.status import Status
from gateway.store import open_store
from gateway.store.sqlite import SqliteStore
from gateway.verdicts import Verdicts

CALLER = Caller.model_validate({"name": "erp", "account": "ip1-12345", "keys": ["sha256:" + "0" * 64]})
STRANGER = CALLER.model_copy(update={"name": "crm", "account": "ip1-99999"})
PHONE = "46700000001"
KEYS = [SecretStr(new_seal_key()) for _ in range(2)]


class World:
    """A service on a store in memory, and what it takes for codes."""

    def __init__(self, *, only: tuple[str, ...] = (), rules: tuple[dict[str, Any], ...] = ()) -> None:
        """One upstream, and a key to seal with."""
        self.store: SqliteStore = open_store("memory:")
        self.clock = FrozenClock()
        self.metrics = Metrics()
        self.router = Router([Rule.model_validate(rule) for rule in (*rules, {"name": "default", "to": "main"})])
        self.verdicts = Verdicts()
        self.service = Service(
            self.store,
            self.ways(KEYS[0]),
            self.clock,
            wake=lambda _upstreams: None,
            metrics=self.metrics,
            verdicts=self.verdicts,
            limits=Limits(only, (), self.clock),
        )

    def ways(self, *keys: SecretStr) -> Ways:
        """Where messages go, and these keys to seal with."""
        return Ways(self.router, chunk={"main": 500}, balances={}, relays={}, seal=Seal(keys))

    async def send(self, phone: str = PHONE, caller: Caller = CALLER, **wishes: Any) -> PasscodeSent:
        """Ask for a code."""
        sent = await self.service.run(SendPasscode(phone, PasscodeSettings(**wishes)), caller, "rest_v1")
        assert isinstance(sent, PasscodeSent)
        return sent

    async def check(self, code: str, phone: str = PHONE, caller: Caller = CALLER) -> bool:
        """Whether a code is good."""
        try:
            valid = await self.service.run(CheckPasscode(phone, code), caller, "rest_v1")
        except Malformed as error:
            if list(error.fields) != ["code"]:
                raise
            return False
        assert valid == PasscodeValid(PHONE)
        return True

    async def text(self, number: int) -> str:
        """The text that leaves."""
        dispatch = await self.store.dispatch(number)
        assert dispatch is not None
        assert dispatch.hidden is not None
        return Seal(KEYS).reveal(dispatch.hidden)

    async def code(self, phone: str = PHONE, **wishes: Any) -> str:
        """Ask for a code, and read it as its phone would."""
        return await self.text((await self.send(phone, **wishes)).number)

    async def kept(self) -> int:
        """How many codes are stored."""
        count: int = await self.store._writer.run(lambda db: db.execute("SELECT COUNT(*) FROM passcode").fetchone()[0])
        return count


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A new world."""
    world = World()
    yield world
    await world.store.close()


def wrong(code: str) -> str:
    """Another code of that length."""
    return ("A" if code[0] != "A" else "B") + code[1:]


async def test_a_code_is_sent_as_a_message_and_is_good(world: World) -> None:
    """By the ordinary way: numbered, counted, due at once; and what the phone got is what is good."""
    sent = await world.send("070-000 00 01")

    assert sent == PasscodeSent(1001, PHONE, NOW, NOW + 1200_000)
    code = await world.text(1001)
    assert len(code) == 5
    assert set(code) <= set(LETTERS)
    (dispatch,) = await world.store.lease("main", 10, NOW, NOW + 1000)
    assert [message.recipient for message in dispatch.messages] == [PHONE]
    assert (dispatch.batch.content.sender, dispatch.batch.face) == ("iP1", "rest_v1")
    assert world.metrics.accepted.labels("rest_v1", "erp")._value.get() == 1
    assert await world.check(code)


async def test_a_code_is_good_once(world: World) -> None:
    """Whoever reads over somebody's shoulder comes too late; two at the same time are not both right."""
    code = await world.code()

    assert sorted(await asyncio.gather(world.check(code), world.check(code))) == [False, True]
    assert not await world.check(code)


async def test_a_code_is_good_for_its_phone_and_its_account_alone(world: World) -> None:
    """Another phone's code, or another account's, is wrong."""
    code = await world.code()

    with pytest.raises(Malformed):
        await world.service.run(CheckPasscode("46700000002", code), CALLER, "rest_v1")
    assert not await world.check(code, caller=STRANGER)
    assert await world.check(code, "+46 70 000 00 01")


async def test_a_code_is_read_as_people_write_it(world: World) -> None:
    """Small letters and blanks around it are the same code; letters that look alike were never in it."""
    code = await world.code(length=25)

    assert await world.check(f" {code.lower()}\n")
    assert not set(LETTERS) & set("O0I1L")


async def test_a_code_ends_in_time(world: World) -> None:
    """At the moment it expires it is no good any more, takes no place, and its row can go."""
    code = await world.code(lifetime=60)
    world.clock.advance(59.999)
    assert await world.check(code)
    late = await world.code(lifetime=60)
    world.clock.advance(60)

    assert not await world.check(late)
    await world.send("46700000002")
    await world.store.forget_passcodes(world.clock.now(), 10)
    assert await world.kept() == 1


async def test_a_code_is_dead_after_five_wrong_guesses(world: World) -> None:
    """The sixth guess is wrong even where it is right."""
    first, second = await world.code(), await world.code(length=6)
    for _ in range(ATTEMPTS - 1):
        assert not await world.check("wrong")
    assert await world.check(first)
    assert not await world.check("wrong")

    assert not await world.check(second)


async def test_guesses_at_once_are_all_counted(world: World) -> None:
    """However many connections guess: no more than five guesses are looked at."""
    code = await world.code()
    guesses = [wrong(code)] * 20

    assert not any(await asyncio.gather(*map(world.check, guesses)))
    assert not await world.check(code)


async def test_a_phone_has_few_codes_at_a_time(world: World) -> None:
    """What is used or has expired makes room; what was guessed at too often does not, or guessing would never end."""
    codes = [await world.code() for _ in range(5)]
    with pytest.raises(Malformed, match="5 codes already") as caught:
        await world.send()
    assert list(caught.value.fields) == ["msisdn"]

    assert await world.check(codes[0])
    await world.send()
    for _ in range(ATTEMPTS):
        assert not await world.check("wrong")
    with pytest.raises(Malformed):
        await world.send()
    await world.send("46700000002")
    await world.send(caller=STRANGER)
    world.clock.advance(1200)
    await world.send()


async def test_requests_at_once_do_not_pass_the_limit(world: World) -> None:
    """Counting and storing are one step."""
    found = await asyncio.gather(*[world.send() for _ in range(9)], return_exceptions=True)

    assert [type(entry) for entry in found].count(PasscodeSent) == 5


async def test_an_account_sets_what_its_codes_are_like(world: World) -> None:
    """A request goes before the settings, and they before the defaults; nobody else's are touched."""
    own = PasscodeSettings(2, "Bank", "Din kod: {0}. {0}!", 7, 60, numeric=True)
    assert await world.service.run(GetPasscodeSettings(), CALLER, "rest_v1") == PasscodeSettings()
    assert await world.service.run(SetPasscodeSettings(own), CALLER, "rest_v1") == own

    assert await world.service.run(GetPasscodeSettings(), CALLER, "rest_v1") == own
    assert await world.service.run(GetPasscodeSettings(), STRANGER, "rest_v1") == PasscodeSettings()
    first = await world.send()
    second = await world.send(sender="iP.1", format="{0}", length=3, lifetime=5, numeric=False)
    assert (first.expires, second.expires) == (NOW + 60_000, NOW + 5_000)
    text = await world.text(first.number)
    code = text.split()[-1][:-1]
    assert (text, len(code), set(code) <= set(DIGITS)) == (f"Din kod: {code}. {code}!", 7, True)
    batch = await world.store.batch(second.number)
    assert batch is not None
    assert batch.content.sender == "iP.1"
    assert len(await world.text(second.number)) == 3
    with pytest.raises(Malformed, match="2 codes"):
        await world.send()
    await world.service.run(SetPasscodeSettings(PasscodeSettings()), CALLER, "rest_v1")
    assert (await world.send()).expires == NOW + 1200_000


async def test_what_is_stored_in_clear_tells_no_code(world: World) -> None:
    """The batch shows asterisks, as many, and the code's row a digest; segments are those of the real text."""
    sent = await world.send(format="{0}" + "å" * 155, length=6, numeric=True)
    code = (await world.text(sent.number))[:6]

    found = await world.store.message(sent.number)
    assert found is not None
    batch, message, _history = found
    assert batch.content.body == "*" * 6 + "å" * 155
    assert message.segments == 2
    dump = await world.store._writer.run(lambda db: "\n".join(db.iterdump()))
    assert code not in dump
    assert code.encode().hex().upper() not in dump.upper()


async def test_a_code_that_waited_too_long_is_not_sent(world: World) -> None:
    """Its delivery window ends with it, and so does the message, whatever its route does."""
    sent = await world.send(lifetime=60)

    (dispatch,) = await world.store.lease("main", 10, NOW, NOW + 1000)
    assert dispatch.batch.content.windows == (Window(NOW, sent.expires),)
    assert dispatch.batch.content.opening(sent.expires) is None


@pytest.mark.parametrize("state", [DispatchState.SENT, DispatchState.WAITING, DispatchState.FAILED])
async def test_the_text_is_erased_once_it_has_left(world: World, state: DispatchState) -> None:
    """Or will never leave; nothing but asterisks stays."""
    sent = await world.send()
    (dispatch,) = await world.store.lease("main", 10, NOW, NOW + 1000)
    await world.store.settle(Settlement(dispatch.key, state, NOW, 1))

    found = await world.store.dispatch(sent.number)
    assert found is not None
    assert found.hidden is None


async def test_a_new_key_ends_no_code(world: World) -> None:
    """A code that was made under the old key is good as long as that key is there."""
    codes = [await world.code(), await world.code()]
    world.service.configure(world.ways(KEYS[1], KEYS[0]))
    assert await world.check(codes[0])
    third = await world.code()
    world.service.configure(world.ways(KEYS[1]))

    assert not await world.check(codes[1])
    assert await world.check(third)


async def test_without_a_key_there_are_no_codes(world: World) -> None:
    """It is the gateway's fault, so it says so and names what is missing; nothing is stored."""
    world.service.configure(world.ways())

    for command in (SendPasscode(PHONE), CheckPasscode(PHONE, "x")):
        with pytest.raises(Internal, match=r"sealing\.keys"):
            await world.service.run(command, CALLER, "rest_v1")
    assert await world.store.batch(1001) is None
    assert await world.kept() == 0


REFUSALS: list[tuple[str, dict[str, Any], type[RequestError], list[str]]] = [
    ("a phone that is none", {"phone": "no"}, Malformed, ["msisdn"]),
    ("a sender that is none", {"sender": " "}, BadSender, ["sender"]),
    ("a text that is too long", {"format": "{0}" * 1000}, Malformed, ["format"]),
    ("a number that may not be reached", {"phone": "46711111111"}, RequestError, ["msisdn"]),
    ("a route that rejects", {"phone": "46700000402"}, NoFunds, []),
]


@pytest.mark.parametrize(("label", "request_", "kind", "fields"), REFUSALS, ids=[case[0] for case in REFUSALS])
async def test_a_code_that_is_not_sent_takes_no_place(
    label: str, request_: dict[str, Any], kind: type[RequestError], fields: list[str]
) -> None:
    """What refuses a message refuses a code, in the names of its request; and nothing of it stays."""
    rule = {"name": "no", "when": {"recipient": "46700000402"}, "reject": 402}
    world = World(only=("467000*",), rules=(rule,))
    try:
        with pytest.raises(kind) as caught:
            await world.send(**request_)
        assert list(getattr(caught.value, "fields", {})) == fields
        assert await world.kept() == 0
        assert await world.store.batch(1001) is None
    finally:
        await world.store.close()


async def test_the_upstreams_no_is_told_and_ends_the_code() -> None:
    """Where a route waits for the upstream, a code that never left is good for nothing."""
    world = World(rules=({"name": "sent", "to": "main", "reply": "sent", "within": "5s"},))
    try:
        asking = asyncio.create_task(world.send())
        await until(lambda: world.verdicts._waiting)
        entry = StatusEntry(Status.INVALID_SENDER, NOW)
        world.verdicts.told(1001, entry.status.value)

        with pytest.raises(BadSender) as caught:
            await asking
        assert list(caught.value.fields) == ["sender"]
        assert await world.kept() == 0
    finally:
        await world.store.close()


async def test_a_disk_that_is_full_keeps_no_code(world: World) -> None:
    """Nothing is answered as sent that is not stored."""
    disk = await world.store._writer.run(lambda db: db)
    disk.execute("PRAGMA query_only = ON")
    with pytest.raises(Busy):
        await world.send()
    disk.execute("PRAGMA query_only = OFF")

    assert await world.kept() == 0


async def test_no_log_line_tells_a_code_or_a_phone(world: World) -> None:
    """What was sent and whether a guess was right is all that is logged."""
    with capture_logs() as lines:
        code = await world.code()
        await world.check(wrong(code))
        await world.check(code)

    assert [(line["event"], line.get("good"), line.get("batch")) for line in lines] == [
        ("passcode.sent", None, 1001),
        ("passcode.checked", False, None),
        ("passcode.checked", True, None),
    ]
    assert not any(secret in str(lines) for secret in (code, PHONE))


async def test_a_code_is_made_of_what_is_asked_for(world: World) -> None:
    """By what makes codes, of the alphabet and the length; what is random repeats nothing."""
    asked: list[tuple[str, int]] = []
    said: list[SubmitBatch] = []

    def make(alphabet: str, length: int) -> str:
        asked.append((alphabet, length))
        return "7" * length

    async def send(command: SubmitBatch) -> Accepted:
        said.append(command)
        return world.service.submit(command, CALLER, "rest_v1")

    desk = PasscodeDesk(world.store, world.clock, lambda: Seal(KEYS), make)
    await desk.senders[SendPasscode](SendPasscode(PHONE, PasscodeSettings(length=4, numeric=True)), CALLER, send)

    assert asked == [(DIGITS, 4)]
    assert (said[0].content.body, said[0].recipients) == ("7777", (Recipient(PHONE),))
    assert await world.check("7777")
    assert len({random_code(LETTERS, 25) for _ in range(100)}) == 100


async def test_nothing_that_an_upstream_says_of_a_code_is_kept(world: World) -> None:
    """It may quote the text, whole or in part; of other messages its words are kept."""
    secret = (await world.send()).number
    plain = (await stored(world.store, a_new_batch())).key
    for number in (secret, plain):
        entry = StatusEntry(Status.SENDING, NOW, raw_text="Message: your code is MA5TS")
        await world.store.record([Transition(number, entry)])

    found = [await world.store.message(number) for number in (secret, plain)]
    assert [each and each[2][-1].raw_text for each in found] == [None, "Message: your code is MA5TS"]
