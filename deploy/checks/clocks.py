"""Times of day that clocks skip or repeat somewhere, when summer time begins or ends: what is to run at one is left out
once a year, or runs twice."""

import zoneinfo
from datetime import date, datetime, timedelta, timezone
from functools import cache

# What is pinned, and not what this machine has.
zoneinfo.reset_tzpath(to=[])
DAY = 24 * 60
# From when on, and for how long, clocks are looked at.
BEGIN, YEARS = datetime(2027, 1, 1, tzinfo=timezone.utc), 5
UNIVERSAL = {"UTC", "Etc/UTC"}


def problem(hour: int, minute: int, delay: int = 0) -> str | None:
    """What is wrong with a daily time in an unknown zone that is put off by up to `delay` minutes; nothing when it comes
    once every day everywhere."""
    first = hour * 60 + minute
    for begin, end, zone, day in changes():
        if first < end and first + delay >= begin:
            return f"{hour:02}:{minute:02} is skipped or comes twice in {zone} on {day}: clocks change there"
    return None


@cache
def changes() -> list[tuple[int, int, str, date]]:
    """For each change of a clock: from which minute of the day to which it skips or repeats, where, and when."""
    found = []
    for name in sorted(zoneinfo.available_timezones()):
        zone = zoneinfo.ZoneInfo(name)
        for week in range(YEARS * 53):
            early = BEGIN + timedelta(weeks=week)
            late = early + timedelta(weeks=1)
            if _offset(zone, early) != _offset(zone, late):
                found.append(_change(zone, name, early, late))
    return found


def _offset(zone, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset()


def _change(zone, name: str, early: datetime, late: datetime) -> tuple[int, int, str, date]:
    before, after = _offset(zone, early), _offset(zone, late)
    while late - early > timedelta(minutes=1):
        middle = early + (late - early) / 2
        middle = middle.replace(second=0, microsecond=0)
        early, late = (middle, late) if _offset(zone, middle) == before else (early, middle)
    shown = sorted((late + offset).replace(tzinfo=None) for offset in (before, after))
    begin = shown[0].hour * 60 + shown[0].minute
    return begin, begin + int((shown[1] - shown[0]).total_seconds()) // 60, name, shown[0].date()
