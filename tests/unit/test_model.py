"""What the model knows by itself: when a message may be delivered."""

import pytest
from builders import NOW, a_content

from gateway.model import Window

HOUR = 3_600_000

PAST, OPEN = Window(NOW - 2 * HOUR, NOW - HOUR), Window(NOW - HOUR, NOW + HOUR)
AHEAD = Window(NOW + HOUR, NOW + 2 * HOUR)

OPENINGS: list[tuple[str, tuple[Window, ...], int | None]] = [
    ("no window: at any time", (), NOW),
    ("a window that is open", (OPEN,), NOW),
    ("a window that opens now", (Window(NOW, NOW + 1),), NOW),
    ("a window that opens in a moment", (Window(NOW + 1, None),), NOW + 1),
    ("a window ahead", (AHEAD,), NOW + HOUR),
    ("a window that has closed", (PAST,), None),
    ("a window that closes now", (Window(NOW - HOUR, NOW),), None),
    ("a window without a start", (Window(None, NOW + 1),), NOW),
    ("a window without a start that has closed", (Window(None, NOW - 1),), None),
    ("a window without an end", (Window(NOW - 10**12, None),), NOW),
    ("a window without either", (Window(None, None),), NOW),
    ("one open, one ahead", (AHEAD, OPEN), NOW),
    ("one closed, one ahead", (PAST, AHEAD), NOW + HOUR),
    ("two ahead, in any order", (Window(NOW + 3 * HOUR, None), AHEAD), NOW + HOUR),
    ("all closed", (PAST, Window(None, NOW - HOUR)), None),
    ("one closed, one without an end", (PAST, Window(NOW - HOUR, None)), NOW),
]


@pytest.mark.parametrize(("label", "windows", "expected"), OPENINGS, ids=[case[0] for case in OPENINGS])
def test_when_delivery_may_begin(label: str, windows: tuple[Window, ...], expected: int | None) -> None:
    """Now in any window that is open, else when the next one opens, else never; only waiting for one is a delay."""
    content = a_content(windows=windows)

    assert content.opening(NOW) == expected
    assert content.delayed(NOW) is (expected is not None and expected > NOW)
