"""The contracts' own modules are rewritten for readable assertions, which must be said before anything imports them."""

import pytest

pytest.register_assert_rewrite(
    *(f"contract.store{rest}" for rest in ("", "_conversations", "_leading", "_passcodes", "_queue")),
    "contract.upstreams",
)
