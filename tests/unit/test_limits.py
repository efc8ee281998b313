"""What is accepted at all."""

from typing import Any

import pytest
from builders import NOW, FrozenClock

from gateway.config import Caller
from gateway.errors import BadRecipient, Busy
from gateway.limits import Limits, day_began, day_of
from gateway.model import Recipient

HOUR = 3600.0


class Pace:
    """Seconds that pass when they are told to."""

    now = 0.0

    def __call__(self) -> float:
        """As time.monotonic."""
        return self.now


def numbers(*msisdns: str) -> list[Recipient]:
    """Recipients."""
    return [Recipient(msisdn) for msisdn in msisdns]


def a_caller(name: str = "erp", **agreed: Any) -> Caller:
    """A caller with whom something was agreed."""
    key = f"sha256:{'0' * 64}"
    return Caller.model_validate({"name": name, "account": name, "keys": [key], **agreed})


def send(limits: Limits, caller: str, messages: int = 1) -> None:
    """Let a batch in and take it. Raises Busy."""
    limits.check(caller, numbers(*["4670"] * messages))
    limits.take(caller, messages)


def test_without_limits_everything_passes() -> None:
    """Any number, any caller, as many as there are."""
    send(Limits((), (), FrozenClock()), "erp", 10_000)


@pytest.mark.parametrize(
    ("msisdns", "passes"),
    [
        (["46700001111"], True),
        (["46700001111", "46739999999"], True),
        (["46700001112"], False),
        (["46700001111", "46712345678"], False),
        (["467000011111"], False),
        (["46801", "46899"], True),
        (["4680"], False),
        (["46812"], False),
    ],
)
def test_only_those_that_operations_named(msisdns: list[str], *, passes: bool) -> None:
    """One number outside refuses the whole request: a test system must not send half of anything."""
    limits = Limits(["46700001111", "4673*", "468?1", "46*99"], (), FrozenClock())
    if passes:
        limits.check("erp", numbers(*msisdns))
    else:
        with pytest.raises(BadRecipient) as caught:
            limits.check("erp", numbers(*msisdns))
        assert list(caught.value.fields) == ["recipients"]


def test_a_long_list_of_numbers_is_looked_up() -> None:
    """Ten thousand numbers and beginnings are as good as one: the last of them passes, its neighbour does not."""
    patterns = [*(str(46_700_000_000 + number) for number in range(9_999)), "46799*"]
    limits = Limits(patterns, (), FrozenClock())

    limits.check("erp", numbers(*["46700009998", "46799123456"] * 5_000))
    with pytest.raises(BadRecipient):
        limits.check("erp", numbers("46700009999"))


def test_a_caller_has_its_own_share() -> None:
    """A second's worth at once, a large batch in advance, and then as the rate says; nobody else notices."""
    pace = Pace()
    limits = Limits((), [a_caller(rate="10/s")], FrozenClock(), pace=pace)
    for _ in range(9):
        send(limits, "erp")
    send(limits, "erp", 11)
    with pytest.raises(Busy):
        send(limits, "erp")
    send(limits, "crm")
    pace.now += 1.0
    with pytest.raises(Busy):
        send(limits, "erp")
    pace.now += 0.2
    send(limits, "erp")


def test_what_was_refused_uses_nothing_up() -> None:
    """Only what is stored counts: a caller whose batch a route rejects may send the next one."""
    limits = Limits((), [a_caller(rate="1/s", daily=3)], FrozenClock(), pace=Pace())
    for _ in range(5):
        limits.check("erp", numbers("4670", "4671", "4672"))


def test_a_day_is_a_day() -> None:
    """As many as were agreed from midnight to midnight in Sweden, those from before a restart among them."""
    clock = FrozenClock(NOW)
    limits = Limits((), [a_caller(daily=10)], clock, spent={"erp": 6, "crm": 99})
    send(limits, "erp", 4)
    with pytest.raises(Busy, match="tomorrow"):
        send(limits, "erp")
    clock.advance(4 * HOUR)  # it was 19:43 in Sweden
    with pytest.raises(Busy):
        send(limits, "erp")
    clock.advance(0.5 * HOUR)
    with pytest.raises(Busy):
        send(limits, "erp", 11)
    send(limits, "erp", 10)


def test_what_others_tell_counts_for_the_day_it_is_told() -> None:
    """A gateway that nobody has asked since yesterday does not take what another one has accepted today for that."""
    clock = FrozenClock(NOW)
    limits = Limits((), [a_caller(daily=10)], clock, spent={"erp": 6})
    clock.advance(24 * HOUR)
    limits.taken("erp", 10)
    with pytest.raises(Busy, match="tomorrow"):
        send(limits, "erp")


def test_a_day_begins_at_midnight() -> None:
    """2018-10-23T17:43:19Z lies in the day that began at 22:00Z the day before, in Swedish summer."""
    assert day_began(NOW) == 1_540_245_600_000
    assert day_of(day_began(NOW)) == day_of(NOW) == day_of(day_began(NOW) - 1) + 1


def test_as_many_requests_at_a_time_as_agreed() -> None:
    """One more is refused while the others are answered; once one of them is, there is room again."""
    limits = Limits((), [a_caller(concurrency=2)], FrozenClock())
    with limits.turn("erp"), limits.turn("crm"):
        with limits.turn("erp"), pytest.raises(Busy, match="at the same time"), limits.turn("erp"):
            pass
        with limits.turn("erp"):
            pass


def test_a_new_configuration_is_no_new_day() -> None:
    """What was used counts on under other limits; a rate that stays is not given twice."""
    limits = Limits((), [a_caller(rate="1/s", daily=10)], FrozenClock(), pace=Pace())
    send(limits, "erp", 5)

    limits.configure(["4671*"], [a_caller(rate="1/s", daily=7), a_caller("crm", daily=1)], {"erp": 5})
    with pytest.raises(BadRecipient):
        send(limits, "erp")
    limits.configure((), [a_caller(rate="1/s", daily=7)], {"erp": 5})
    with pytest.raises(Busy, match="more than was agreed"):
        send(limits, "erp")
    limits.configure((), [a_caller(daily=7)], {"erp": 5})
    send(limits, "erp", 2)
    with pytest.raises(Busy, match="tomorrow"):
        send(limits, "erp")
