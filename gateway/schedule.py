"""Scheduled sending as callers of the older faces ask for it: a time as people write it, and the window it opens."""

import re
from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator

from gateway.clock import parse_iso
from gateway.model import Window

DEFAULT_WINDOW = 7 * 24 * 3600 * 1000
"""Milliseconds; a window without an end closes this long after it opens (the provider's own sample model)."""

LAST_MOMENT = parse_iso("9999-01-01T00:00:00Z")
"""No message is scheduled for then or later, so that a window's end is still a time that can be written."""

# The blank instead of a plus is what an unescaped `+02:00` becomes in a query string.
_FORM = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,]\d+)?)?"
    r"(Z|[+-][01]\d(?::?[0-5]\d)?| [01]\d:?[0-5]\d)?",
    re.ASCII | re.IGNORECASE,
)
_DIGITS = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?()", re.ASCII)

_UNREADABLE = "Write the time as 2026-05-01T08:00:00, with or without seconds and an offset, or as 202605010800"
_TOO_LATE = "Give a time before the year 9999"

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - subtracted from times whose offset is handled apart


def _zone(written: object) -> object:
    if not isinstance(written, str):
        return written
    try:
        return ZoneInfo(written)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        sentence = "is not a time zone that is known here: write a name of the tz database, as Europe/Stockholm"
        raise ValueError(sentence) from None


TimeZone = Annotated[ZoneInfo, BeforeValidator(_zone)]
"""A zone in the configuration, where it is written as its name."""

SWEDEN = ZoneInfo("Europe/Stockholm")
"""The zone of the provider and of nearly all who call it."""


def parse_local(text: str, zone: ZoneInfo) -> int:
    """Milliseconds of a time as callers write it; one without an offset is local in `zone`. Raises ValueError.

    A local time that a change of the clocks leaves out is the moment after the gap; one that comes twice is the first.
    Fractions of a second are dropped, and a time before 1970 (.NET's unset time is the year 1) is 1970: long past.
    """
    found = _FORM.fullmatch(text.strip()) or _DIGITS.fullmatch(text.strip())
    if found is None:
        raise ValueError(_UNREADABLE)
    *fields, offset = found.groups(default="")
    try:
        written = datetime(*[int(field or 0) for field in fields])  # type: ignore[arg-type]  # noqa: DTZ001
    except ValueError:
        raise ValueError(_UNREADABLE) from None
    since_epoch = (written - _EPOCH) // timedelta(seconds=1)
    moment = 1000 * (since_epoch - _seconds(offset) if offset else _in(zone, written, since_epoch))
    if moment >= LAST_MOMENT:
        raise ValueError(_TOO_LATE)
    return max(0, moment)


def windows_from(text: str, zone: ZoneInfo) -> tuple[Window, ...]:
    """When a message may be delivered that is scheduled for a time as callers write it; none for an empty text: now.

    Raises ValueError.
    """
    if not text.strip():
        return ()
    opens = parse_local(text, zone)
    return (Window(opens, opens + DEFAULT_WINDOW),)


def _seconds(offset: str) -> int:
    digits = re.sub(r"\D", "", offset)
    seconds = int(digits[:2] or 0) * 3600 + int(digits[2:] or 0) * 60
    return -seconds if offset.startswith("-") else seconds


def _in(zone: ZoneInfo, written: datetime, since_epoch: int) -> int:
    """Seconds since 1970 of a local time, itself given in seconds as if it were UTC."""

    def offset_at(second: int) -> int:
        return _offset(datetime.fromtimestamp(second, UTC).astimezone(zone))

    # Where the clocks change, fold 0 is read with the offset before the change and fold 1 with the one after it.
    before = _offset(written.replace(tzinfo=zone, fold=0))
    after = _offset(written.replace(tzinfo=zone, fold=1))
    if after <= before:
        return since_epoch - before
    # In a gap: the change came between the two readings, and the gap ends with the first second of the new offset.
    first, last = since_epoch - after, since_epoch - before
    return first + bisect_left(range(first, last), after, key=offset_at)


def _offset(moment: datetime) -> int:
    return (moment.utcoffset() or timedelta()) // timedelta(seconds=1)
