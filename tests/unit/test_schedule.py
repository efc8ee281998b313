"""A time as callers of the older faces write it becomes the very moment they mean, whatever the clocks do that day."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from gateway.clock import iso
from gateway.model import Window
from gateway.schedule import SWEDEN, TimeZone, parse_local, windows_from

NEW_YORK = ZoneInfo("America/New_York")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
APIA = ZoneInfo("Pacific/Apia")

READ = [
    ("a local time in summer", "2026-05-01T08:00:00", SWEDEN, "2026-05-01T06:00:00Z"),
    ("a local time in winter", "2026-01-01T08:00:00", SWEDEN, "2026-01-01T07:00:00Z"),
    ("another zone", "2026-05-01T08:00:00", NEW_YORK, "2026-05-01T12:00:00Z"),
    ("no seconds", "2026-05-01T08:00", SWEDEN, "2026-05-01T06:00:00Z"),
    ("a blank for the T", "2026-05-01 08:00", SWEDEN, "2026-05-01T06:00:00Z"),
    ("a blank and seconds", "2026-05-01 08:00:59", SWEDEN, "2026-05-01T06:00:59Z"),
    ("digits alone", "202605010800", SWEDEN, "2026-05-01T06:00:00Z"),
    ("digits with seconds", "20260501080059", SWEDEN, "2026-05-01T06:00:59Z"),
    ("blanks around", " 2026-05-01T08:00\n", SWEDEN, "2026-05-01T06:00:00Z"),
    ("UTC", "2026-05-01T08:00:00Z", SWEDEN, "2026-05-01T08:00:00Z"),
    ("UTC in small letters", "2026-05-01t08:00:00z", SWEDEN, "2026-05-01T08:00:00Z"),
    ("an offset", "2026-05-01T08:00:00+05:30", SWEDEN, "2026-05-01T02:30:00Z"),
    ("an offset to the west, without its colon", "2026-05-01T08:00-0330", SWEDEN, "2026-05-01T11:30:00Z"),
    ("an offset of hours alone", "2026-05-01 08:00+02", SWEDEN, "2026-05-01T06:00:00Z"),
    ("an offset whose plus a query string made a blank", "2026-05-01T08:00:00 05:30", SWEDEN, "2026-05-01T02:30:00Z"),
    ("blanks for the T and for the plus", "2026-05-01 08:00 05:30", SWEDEN, "2026-05-01T02:30:00Z"),
    ("seven digits of a second, as .NET writes them", "2026-05-01T08:00:00.9999999", SWEDEN, "2026-05-01T06:00:00Z"),
    ("the last second before the clocks go forward", "2026-03-29T01:59:59", SWEDEN, "2026-03-29T00:59:59Z"),
    ("the first second that does not exist", "2026-03-29T02:00:00", SWEDEN, "2026-03-29T01:00:00Z"),
    ("half past two, when the clocks go forward", "2026-03-29T02:30:00", SWEDEN, "2026-03-29T01:00:00Z"),
    ("the last second that does not exist", "2026-03-29T02:59:59", SWEDEN, "2026-03-29T01:00:00Z"),
    ("the first second after the gap", "2026-03-29T03:00:00", SWEDEN, "2026-03-29T01:00:00Z"),
    ("a time in the gap, with its offset", "2026-03-29T02:30:00+02:00", SWEDEN, "2026-03-29T00:30:00Z"),
    ("a gap of half an hour", "2026-10-04T02:10", LORD_HOWE, "2026-10-03T15:30:00Z"),
    ("a gap west of Greenwich", "2026-03-08T02:30", NEW_YORK, "2026-03-08T07:00:00Z"),
    ("a whole day that an island left out", "2011-12-30T12:00", APIA, "2011-12-30T10:00:00Z"),
    ("half past two, when the clocks go back, is the first", "2026-10-25T02:30:00", SWEDEN, "2026-10-25T00:30:00Z"),
    ("the second half past two has its offset", "2026-10-25T02:30:00+01:00", SWEDEN, "2026-10-25T01:30:00Z"),
    ("after the clocks went back", "2026-10-25T03:00:00", SWEDEN, "2026-10-25T02:00:00Z"),
    ("a leap day", "2028-02-29T12:00", SWEDEN, "2028-02-29T11:00:00Z"),
    ("the last second of 9998", "9998-12-31T23:59:59Z", SWEDEN, "9998-12-31T23:59:59Z"),
    (".NET's unset time", "0001-01-01T00:00:00", SWEDEN, "1970-01-01T00:00:00Z"),
    ("an offset that leads before year 1", "0001-01-01T00:00:00+14:00", SWEDEN, "1970-01-01T00:00:00Z"),
]

REFUSED = [
    ("nothing", "", "Write the time"),
    ("a word", "tomorrow", "Write the time"),
    ("a date alone, for nobody wants an SMS at midnight", "2027-06-02", "Write the time"),
    ("eight digits", "20270602", "Write the time"),
    ("seconds since 1970", "1777615200", "Write the time"),
    ("thirteen digits", "2026050108000", "Write the time"),
    ("the order of another country", "01/05/2026 08:00", "Write the time"),
    ("the 13th month", "2026-13-01T08:00", "Write the time"),
    ("a leap day that was none", "2026-02-29T08:00", "Write the time"),
    ("hour 24", "2026-05-01T24:00", "Write the time"),
    ("second 60", "2026-05-01T08:00:60", "Write the time"),
    ("year 0", "0000-05-01T08:00", "Write the time"),
    ("digits of the 13th month", "202613010800", "Write the time"),
    ("Arabic-Indic digits", "٢٠٢٦-05-01T08:00", "Write the time"),
    ("a name of a zone", "2026-05-01T08:00 CET", "Write the time"),
    ("a blank before hours alone", "2026-05-01T08:00 02", "Write the time"),
    ("text behind it", "2026-05-01T08:00:00;", "Write the time"),
    ("half a surrogate pair", "\ud800", "Write the time"),
    ("an offset of 24 hours", "2026-05-01T08:00+24:00", "Write the time"),
    ("an offset of 60 minutes", "2026-05-01T08:00+01:60", "Write the time"),
    ("an offset that leads behind year 9998", "9998-12-31T23:59-01:00", "before the year 9999"),
    ("year 9999", "9999-01-01T00:00:00Z", "before the year 9999"),
    ("year 9999 in the zone's time", "9999-01-01T01:00", "before the year 9999"),
]


def millis(text: str) -> int:
    """Milliseconds of an ISO time in UTC."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize(("label", "text", "zone", "moment"), READ, ids=[case[0] for case in READ])
def test_a_time_is_the_moment_that_is_meant(label: str, text: str, zone: ZoneInfo, moment: str) -> None:
    """Every form is read, with its offset or in the zone; in a gap it is the gap's end, and twice is the first."""
    assert parse_local(text, zone) == millis(moment)


@pytest.mark.parametrize(("label", "text", "sentence"), REFUSED, ids=[case[0] for case in REFUSED])
def test_what_is_no_time_is_refused_with_a_sentence(label: str, text: str, sentence: str) -> None:
    """Nothing is guessed, and the sentence says what to write without repeating what was written."""
    with pytest.raises(ValueError, match=sentence) as refused:
        parse_local(text, SWEDEN)

    assert not text or text not in str(refused.value)


@settings(max_examples=300, derandomize=True, deadline=None)
@given(
    st.datetimes(datetime(1970, 1, 2), datetime(2037, 12, 31)),  # noqa: DTZ001 - local times are what is tested
    st.sampled_from([SWEDEN, NEW_YORK, LORD_HOWE, APIA]),
)
def test_a_local_time_that_exists_is_read_back(moment: datetime, zone: ZoneInfo) -> None:
    """Whatever moment there is, its local time leads back to it, or to the earlier one of the same local time."""
    second = int(moment.replace(tzinfo=UTC).timestamp())
    local = datetime.fromtimestamp(second, zone)

    read = parse_local(local.strftime("%Y-%m-%d %H:%M:%S"), zone)

    assert read == 1000 * round(local.replace(fold=0).timestamp())


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.text(alphabet="0123456789-+: TZz.,\ud800å", max_size=28))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text makes anything but a moment of the years 1970 to 9998 or a ValueError."""
    try:
        moment = parse_local(text, SWEDEN)
    except ValueError:
        return
    assert "1970" <= iso(moment)[:4] <= "9998"


def test_a_window_is_open_for_seven_days() -> None:
    """The length is that of the provider's own sample model, in milliseconds."""
    assert windows_from("2026-05-01T08:00:00", SWEDEN) == (Window(1_777_615_200_000, 1_778_220_000_000),)


@pytest.mark.parametrize("text", ["", " ", "\t\n"])
def test_no_time_is_no_window(text: str) -> None:
    """A message without a time may be delivered whenever."""
    assert windows_from(text, SWEDEN) == ()


def test_a_zone_is_read_by_its_name() -> None:
    """The configuration writes names of the tz database; a zone given from within stays itself."""
    zone = TypeAdapter(TimeZone)

    assert zone.validate_python("America/New_York") == NEW_YORK
    assert zone.validate_python(SWEDEN) is SWEDEN
    assert SWEDEN.key == "Europe/Stockholm"


@pytest.mark.parametrize(
    "name",
    ["Europe/Stokholm", "Europe", "", "../../etc/passwd", "/etc/passwd", "a\0b", "x" * 5000, "å", "zone.tab", "CEST"],
)
def test_an_unknown_zone_is_refused_with_a_sentence(name: str) -> None:
    """Neither a slip nor a path becomes anything else, and the sentence shows the form."""
    with pytest.raises(ValidationError, match="write a name of the tz database, as Europe/Stockholm"):
        TypeAdapter(TimeZone).validate_python(name)


def test_zones_need_no_files_of_the_machine() -> None:
    """Where a machine has no zone files, as slim images have none, they come with the gateway."""
    told = subprocess.run(
        [sys.executable, "-c", "from gateway.schedule import *; print(parse_local('202605010800', SWEDEN))"],
        env={**os.environ, "PYTHONTZPATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )

    assert told.stdout == "1777615200000\n"
