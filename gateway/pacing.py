"""How often an upstream is asked what became of messages that it does not report by itself."""

SOONEST = 5_000
"""Milliseconds from sending to the first question, and between two questions at first."""
LATEST = 600_000
"""Milliseconds between two questions at most."""
PATIENCE = 72 * 3600 * 1000
"""Milliseconds after which nobody is asked any more: networks keep a message for at most two days."""


def next_question(sent_at: int, now: int) -> int | None:
    """In how many milliseconds to ask again: after half the message's age, within bounds; None once it is too old."""
    age = max(0, now - sent_at)
    if age >= PATIENCE:
        return None
    return min(LATEST, max(SOONEST, age // 2))
