"""Hours of the week, as a clock on the wall shows them: whether it is one of them, and when they end. Pure."""

from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

MINUTES = 24 * 60
_DAYS_AHEAD = 8
"""Hours of the week that end at all end within a week and a day."""


class Hours(NamedTuple):
    """On these days (Monday is 0; none is all), between these minutes of the day (none is all of it), in a zone.

    What ends before it begins goes on past midnight; the day that counts is then that of the moment itself.
    """

    days: tuple[int, ...]
    between: tuple[tuple[int, int], ...]
    zone: str

    @property
    def endless(self) -> bool:
        """Whether there is no other time."""
        return len(self.days or range(7)) == 7 and all(_within(minute, self.between) for minute in range(MINUTES))

    def hold(self, now: int) -> bool:
        """Whether it is one of them at a moment, in milliseconds since 1970."""
        local = datetime.fromtimestamp(now / 1000, ZoneInfo(self.zone))
        return (not self.days or local.weekday() in self.days) and _within(60 * local.hour + local.minute, self.between)

    def end(self, now: int) -> int:
        """The first moment from `now` on that is none of them, in milliseconds since 1970."""
        if not self.hold(now):
            return now
        zone = ZoneInfo(self.zone)
        today = datetime.fromtimestamp(now / 1000, zone).date()
        minutes = {0, *(last % MINUTES for _, last in self.between)}
        moments = (
            _moment(today + timedelta(days), minute, zone) for days in range(_DAYS_AHEAD + 1) for minute in minutes
        )
        return min(moment for moment in moments if moment > now and not self.hold(moment))


def _moment(day: date, minute: int, zone: ZoneInfo) -> int:
    return int(datetime.combine(day, time(*divmod(minute, 60)), zone).timestamp() * 1000)


def _within(minute: int, between: tuple[tuple[int, int], ...]) -> bool:
    return not between or any(
        first <= minute < last if first < last else minute >= first or minute < last for first, last in between
    )
