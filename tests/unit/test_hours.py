"""Hours of the week by the clock on the wall: when it is one of them, and when they end."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.hours import MINUTES, Hours

SWEDEN = "Europe/Stockholm"
NIGHT = ((22 * 60, 7 * 60),)


def at(text: str, zone: str = SWEDEN) -> int:
    """Milliseconds of a local time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


ENDS = [
    ("in the evening", Hours((), NIGHT, SWEDEN), "2026-11-23T23:15", "2026-11-24T07:00"),
    ("after midnight", Hours((), NIGHT, SWEDEN), "2026-11-24T03:00", "2026-11-24T07:00"),
    ("on their first minute", Hours((), NIGHT, SWEDEN), "2026-11-23T22:00", "2026-11-24T07:00"),
    ("on the first minute after them", Hours((), NIGHT, SWEDEN), "2026-11-24T07:00", "2026-11-24T07:00"),
    ("by day", Hours((), NIGHT, SWEDEN), "2026-11-24T12:00", "2026-11-24T12:00"),
    ("a whole weekend", Hours((5, 6), (), SWEDEN), "2026-11-28T10:00", "2026-11-30T00:00"),
    ("two times that touch", Hours((), ((0, 480), (480, 600)), SWEDEN), "2026-11-23T01:00", "2026-11-23T10:00"),
    ("until midnight", Hours((0,), ((1200, 1440),), SWEDEN), "2026-11-23T21:00", "2026-11-24T00:00"),
    ("all but an hour a week", Hours((), ((60, 0),), SWEDEN), "2026-11-23T01:00", "2026-11-24T00:00"),
    ("the night that loses an hour", Hours((), NIGHT, SWEDEN), "2026-03-28T23:00", "2026-03-29T07:00"),
    ("the night that gains one", Hours((), NIGHT, SWEDEN), "2026-10-24T23:00", "2026-10-25T07:00"),
]


@pytest.mark.parametrize(("label", "hours", "now", "end"), ENDS, ids=[case[0] for case in ENDS])
def test_when_they_end(label: str, hours: Hours, now: str, end: str) -> None:
    """At the minute that is written, whatever the season; outside of them, at once."""
    assert hours.end(at(now)) == at(end)


def test_another_zone_has_other_hours() -> None:
    """What is night in Sweden is evening in Lisbon."""
    assert Hours((), NIGHT, SWEDEN).hold(at("2026-11-23T22:30"))
    assert not Hours((), NIGHT, "Europe/Lisbon").hold(at("2026-11-23T22:30"))


@pytest.mark.parametrize(
    ("hours", "endless"),
    [
        (Hours((), (), SWEDEN), True),
        (Hours(tuple(range(7)), ((0, 720), (720, 1440)), SWEDEN), True),
        (Hours(tuple(range(6)), (), SWEDEN), False),
        (Hours((), ((0, 1439),), SWEDEN), False),
    ],
)
def test_hours_without_an_end(hours: Hours, *, endless: bool) -> None:
    """All days and all minutes are no hours that end."""
    assert hours.endless is endless


SPANS = st.tuples(st.integers(0, MINUTES - 1), st.integers(0, MINUTES)).filter(lambda span: span[0] != span[1])


@given(
    st.builds(
        Hours,
        st.lists(st.integers(0, 6), unique=True).map(tuple),
        st.lists(SPANS, max_size=3).map(tuple),
        st.sampled_from([SWEDEN, "America/New_York", "Asia/Kathmandu", "UTC"]),
    ).filter(lambda hours: not hours.endless),
    st.integers(at("2026-01-01T00:00"), at("2027-01-01T00:00")),
)
def test_the_end_is_the_first_moment_outside(hours: Hours, now: int) -> None:
    """Whatever the hours, the zone and the season: it lies ahead, it is outside, and the minute before it is not."""
    end = hours.end(now)

    assert not hours.hold(end)
    assert end == now or (end > now and hours.hold(max(now, end - 60_000)))
    assert end - now <= timedelta(days=8).total_seconds() * 1000
