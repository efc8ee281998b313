"""What is accepted at all."""

import pytest

from gateway.errors import BadRecipient, Busy
from gateway.limits import Limits
from gateway.model import Recipient


class Clock:
    """Seconds that pass when they are told to."""

    now = 0.0

    def __call__(self) -> float:
        """As time.monotonic."""
        return self.now


def numbers(*msisdns: str) -> list[Recipient]:
    """Recipients."""
    return [Recipient(msisdn) for msisdn in msisdns]


def test_without_limits_everything_passes() -> None:
    """Any number, any caller, as many as there are."""
    Limits().admit("erp", numbers(*["4670"] * 10_000))


@pytest.mark.parametrize(
    ("msisdns", "passes"),
    [
        (["46700001111"], True),
        (["46700001111", "46739999999"], True),
        (["46700001112"], False),
        (["46700001111", "46712345678"], False),
        (["467000011111"], False),
    ],
)
def test_only_those_that_operations_named(msisdns: list[str], *, passes: bool) -> None:
    """One number outside refuses the whole request: a test system must not send half of anything."""
    limits = Limits(only=["46700001111", "4673*"])
    if passes:
        limits.admit("erp", numbers(*msisdns))
    else:
        with pytest.raises(BadRecipient) as caught:
            limits.admit("erp", numbers(*msisdns))
        assert list(caught.value.fields) == ["recipients"]


def test_a_caller_has_its_own_share() -> None:
    """A second's worth at once, a large batch in advance, and then as the rate says; nobody else notices."""
    clock = Clock()
    limits = Limits(rates={"erp": 10.0}, clock=clock)
    for _ in range(9):
        limits.admit("erp", numbers("4670"))
    limits.admit("erp", numbers(*["4670"] * 11))
    with pytest.raises(Busy):
        limits.admit("erp", numbers("4670"))
    limits.admit("crm", numbers("4670"))
    clock.now += 1.0
    with pytest.raises(Busy):
        limits.admit("erp", numbers("4670"))
    clock.now += 0.2
    limits.admit("erp", numbers("4670"))
