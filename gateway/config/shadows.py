"""Which rules can never take a message, because one above them takes all of theirs."""

from collections.abc import Collection

from gateway.config.routes import When


def covers(above: When, below: When) -> bool:
    """Whether every message that `below` asks for is one that `above` takes. False where it cannot be told."""
    return (
        all(
            _wider(getattr(above, name), getattr(below, name))
            for name in ("face", "caller", "account", "sender", "tags", "priority")
        )
        and (not above.recipient or _all_within(below.recipient, above.recipient))
        and (not above.country or _all_within(below.recipient or below.country, [f"{code}*" for code in above.country]))
        and above.text in (None, below.text)
        and above.time in (None, below.time)
    )


def _wider(above: Collection[object], below: Collection[object]) -> bool:
    return not above or (bool(below) and set(below) <= set(above))


def _all_within(below: Collection[str], above: Collection[str]) -> bool:
    return bool(below) and all(any(_within(narrow, wide) for wide in above) for narrow in below)


def _within(narrow: str, wide: str) -> bool:
    beginning = wide.removesuffix("*")
    # What holds a pattern in its middle is compared as it is written: it takes itself, and what else nobody can tell.
    return narrow == wide or (wide.endswith("*") and beginning.isdigit() and narrow.startswith(beginning))
