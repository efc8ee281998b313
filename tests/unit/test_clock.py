"""Milliseconds inside, ISO 8601 at the edges."""

import time

import pytest
from builders import FrozenClock
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.clock import SystemClock, iso, parse_iso

MOMENT = 1_540_316_599_000

WRITTEN = [
    ("the form of the provider's v2 documents", MOMENT, "2018-10-23T17:43:19Z"),
    ("milliseconds are dropped, not rounded", MOMENT + 999, "2018-10-23T17:43:19Z"),
    ("the beginning of time", 0, "1970-01-01T00:00:00Z"),
    ("a leap day", 1_582_934_400_000, "2020-02-29T00:00:00Z"),
    ("before 1970", -1, "1969-12-31T23:59:59Z"),
    (".NET's unset time keeps its four digits of year", -62_135_596_800_000, "0001-01-01T00:00:00Z"),
]

READ = [
    ("UTC", "2018-10-23T17:43:19Z", MOMENT),
    ("no offset means UTC (the provider's blacklist documents)", "2018-10-23T17:43:19", MOMENT),
    ("an offset, as .NET sends it", "2018-10-23T19:43:19+02:00", MOMENT),
    ("milliseconds", "2018-10-23T17:43:19.253Z", MOMENT + 253),
    ("a millisecond that a float would lose", "2038-08-23T03:37:42.983Z", 2_166_147_462_983),
    ("seven digits, as .NET sends them, are cut", "2018-10-23T17:43:19.2539999Z", MOMENT + 253),
    ("seven digits and an offset", "2018-10-23T19:43:19.2539999+02:00", MOMENT + 253),
    ("one digit is tenths", "2018-10-23T17:43:19.5Z", MOMENT + 500),
    ("blanks around", " 2018-10-23T17:43:19Z\n", MOMENT),
    ("a blank instead of the T", "2018-10-23 17:43:19Z", MOMENT),
    ("no seconds", "2018-10-23T17:43Z", MOMENT - 19_000),
    ("a date is its midnight", "2018-10-23", 1_540_252_800_000),
    ("before 1970", "1969-12-31T23:59:59.999Z", -1),
    (".NET's unset time", "0001-01-01T00:00:00", -62_135_596_800_000),
]

NO_TIMES = [
    ("empty", ""),
    ("a word", "now"),
    ("a number", "1540316599"),
    ("the 13th month", "2018-13-01T00:00:00Z"),
    ("a leap day that was none", "2019-02-29T00:00:00Z"),
    ("hour 25", "2018-10-23T25:00:00Z"),
    ("Arabic-Indic digits", "٢٠١٨-10-23T17:43:19Z"),
    ("half a surrogate pair", "\ud800"),
    ("text behind it", "2018-10-23T17:43:19Z;"),
    ("an offset that leads before year 1", "0001-01-01T00:00:00+14:00"),
    ("an offset that leads behind year 9999", "9999-12-31T23:59:59-14:00"),
]


@pytest.mark.parametrize(("label", "millis", "text"), WRITTEN, ids=[case[0] for case in WRITTEN])
def test_iso(label: str, millis: int, text: str) -> None:
    """Whole seconds with a Z, as the provider's v2 documents print them."""
    assert text == iso(millis)


@pytest.mark.parametrize(("label", "text", "millis"), READ, ids=[case[0] for case in READ])
def test_parse_iso(label: str, text: str, millis: int) -> None:
    """Every form that callers and upstreams were seen to write."""
    assert millis == parse_iso(text)


@pytest.mark.parametrize(("label", "text"), NO_TIMES, ids=[case[0] for case in NO_TIMES])
def test_what_is_no_time_is_refused(label: str, text: str) -> None:
    """Whatever a caller writes where a time belongs, ValueError is all that comes out."""
    with pytest.raises(ValueError):  # noqa: PT011 - the words are the standard library's
        parse_iso(text)


@settings(deadline=None)
@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
@example(2_166_147_462_983)
def test_every_millisecond_of_the_calendar_survives(millis: int) -> None:
    """What is read can be written again, to the second; with its milliseconds beside it, exactly."""
    written = iso(millis)

    assert len(written) == 20
    assert parse_iso(f"{written[:-1]}.{millis % 1000:03d}Z") == millis


def test_the_system_clock_counts_milliseconds() -> None:
    """The machine's time, as whole milliseconds since 1970."""
    before = time.time_ns()
    now = SystemClock().now()
    after = time.time_ns()

    assert isinstance(now, int)
    assert before // 1_000_000 <= now <= after // 1_000_000


def test_a_frozen_clock_moves_only_when_told() -> None:
    """Tests turn the time themselves."""
    clock = FrozenClock(MOMENT)
    clock.advance(1.5)

    assert clock.now() == clock.now() == MOMENT + 1500
