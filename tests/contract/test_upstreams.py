"""The upstream contract, held by every adapter that can be called."""

import pytest
from cases.upstreams import CASES
from contract.upstreams import Subject, UpstreamContract

from gateway.registry import known, load

CALLED = [name for name in known() if load(name).upstream]
"""The adapters that have an upstream."""


@pytest.mark.parametrize("name", CALLED)
def test_every_upstream_has_a_case(name: str) -> None:
    """Without a case nothing holds an adapter to the contract."""
    assert name in CASES, f"The adapter {name} has an upstream but no case: give it one in tests/cases/upstreams.py"


@pytest.mark.parametrize("subject", [Subject(name, case) for name, case in CASES.items()], ids=list(CASES))
class TestUpstreams(UpstreamContract):
    """Each adapter as its case configures it."""


def test_no_case_is_left_over() -> None:
    """Every case is of an adapter that has an upstream, and the provider's protocols are among them."""
    assert set(CASES) <= set(CALLED)
    assert {"rest_v1", "rest_v2", "sendsms"} <= set(CASES)
