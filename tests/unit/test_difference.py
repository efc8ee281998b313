"""What two configurations say differently, as operations read it."""

from typing import Any

import pytest
from gateways import a_document

from gateway.auth import hash_key
from gateway.config import Settings
from gateway.config.difference import changes, followed

TWO = [{"name": "tests", "when": {"recipient": "4670000*"}, "to": "sandbox"}, {"name": "default", "to": "sandbox"}]


def settings(**over: Any) -> Settings:
    """A configuration."""
    return Settings.model_validate(a_document(routes=TWO) | over)


def told(**over: Any) -> list[tuple[str, str | None, str | None]]:
    """What differs once something else is said."""
    return [(change.path, change.before, change.after) for change in changes(settings(), settings(**over))]


CASES = [
    ("nothing", {}, []),
    ("a limit", {"only": ["4670000*"]}, [("only", "[]", "[4670000*]")]),
    (
        "an option of an upstream",
        {"upstreams": {"sandbox": {"adapter": "sandbox", "pace": 2}}},
        [("upstreams.sandbox.pace", "0.0", "2.0")],
    ),
    (
        "an address",
        {"listen": {"public": "[::1]:80", "internal": "127.0.0.1:0"}},
        [("listen.public", "127.0.0.1:0", "[::1]:80")],
    ),
    (
        "the order of the routes, and a condition",
        {"routes": [{"name": "other", "when": {"text": {"length": "1-70"}}, "to": "sandbox"}, *TWO]},
        [
            ("routes.(order)", "[tests, default]", "[other, tests, default]"),
            ("routes.other.name", None, "other"),
            ("routes.other.when.text.length", None, "1-70"),
        ],
    ),
]


@pytest.mark.parametrize(("over", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_differs(over: dict[str, Any], expected: list[tuple[str, str | None, str | None]]) -> None:
    """Each key that differs, in words of the file; of a new section the keys that say something are among them."""
    found = told(**over)

    assert [row for row in found if row in expected] == expected
    assert len(found) == len(expected) or "routes" in over


def test_the_hash_of_a_key_is_hidden() -> None:
    """That a caller has another key is told; not which."""
    callers = [{"name": "erp", "account": "ip1-12345", "keys": [hash_key("another key of somebody")]}]

    (row,) = told(callers=callers)

    assert row == ("callers.erp.keys.0.hash", "********", "********")


def test_what_is_read_at_the_start_is_not_followed() -> None:
    """Addresses, store, log and callbacks stay as they are; everything else is new."""
    new = settings(store="sqlite:///./x.db", only=["46*"], listen={"public": "127.0.0.1:1", "trusted_proxies": ["::1"]})
    in_use = followed(settings(), new)

    assert (in_use.store, in_use.listen.public.port, in_use.only) == ("memory:", 0, ("46*",))
    assert len(in_use.listen.trusted_proxies) == 1
    left = changes(in_use, new)
    assert {change.path for change in left} == {"listen.public", "listen.internal", "store"}
    assert all(change.at_start for change in left)
