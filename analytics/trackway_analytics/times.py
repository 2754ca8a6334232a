"""Durations and points in time as people write them: "7d", "2026-03-01", `timedelta`, `datetime`."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from trackway_analytics.errors import QuestionError

Duration = str | timedelta
Moment = str | date | datetime

MICROSECOND = timedelta(microseconds=1)
# DateTime64(6) of ClickHouse: what lies outside is stored at these edges.
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(2299, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)

_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*")


def duration(option: str, value: Duration) -> timedelta:
    """
    Return `value` ("30m", "7d", a timedelta) as a timedelta of whole microseconds, more than 0.

    Raises:
        QuestionError: not a duration, or not positive.
    """
    if isinstance(value, timedelta):
        length = value
    else:
        found = _DURATION.fullmatch(value) if isinstance(value, str) else None
        if not found or found[2] not in _UNITS:
            message = (
                f"{option}={value!r} is not a duration.\n"
                f'  Write a number and a unit, for example "30m" or "7d"; units: {", ".join(_UNITS)}.'
            )
            raise QuestionError(message)
        try:
            length = float(found[1]) * _UNITS[found[2]]
        except OverflowError:
            length = timedelta.max
    if not timedelta(0) < length <= timedelta(days=36_525):
        message = f"{option}={value!r} must be more than nothing and at most 100 years."
        raise QuestionError(message)
    return length


def microseconds(length: timedelta) -> int:
    """Return the whole microseconds of `length`, without going through float."""
    return length // MICROSECOND


def spell(length: timedelta) -> str:
    """Return `length` as people say it: "7 days", "30 minutes", "1 day 12 hours"."""
    rest, words = microseconds(length), []
    for name, unit in (("day", 86_400_000_000), ("hour", 3_600_000_000), ("minute", 60_000_000)):
        count, rest = divmod(rest, unit)
        if count:
            words.append(f"{count:,} {name}{'s' if count != 1 else ''}")
    if rest:
        words.append(f"{rest / 1e6:g} second{'s' if rest != 1_000_000 else ''}")
    return " ".join(words)


def moment(option: str, value: Moment, zone: ZoneInfo) -> datetime:
    """
    Return `value` as an aware UTC datetime; a date is its first instant, a naive time is taken in `zone`.

    Raises:
        QuestionError: not a date or time, or outside 1900–2299.
    """
    if isinstance(value, str):
        try:
            read = datetime.fromisoformat(value.strip())
        except ValueError:
            message = (
                f"{option}={value!r} is not a date or time.\n"
                '  Write ISO 8601, for example "2026-03-01" or "2026-03-01T12:00:00Z".'
            )
            raise QuestionError(message) from None
    elif isinstance(value, datetime):
        read = value
    elif isinstance(value, date):
        read = datetime(value.year, value.month, value.day)  # noqa: DTZ001  (the zone comes on the next line)
    else:
        message = f"{option}={value!r} is not a date or time."
        raise QuestionError(message)
    aware = read if read.tzinfo else read.replace(tzinfo=zone)
    if not 1900 < aware.year < 2299:
        message = f"{option}={value!r} lies outside the years that the warehouse can hold, 1901 to 2298."
        raise QuestionError(message)
    return aware.astimezone(UTC)


def zone_named(option: str, name: str) -> ZoneInfo:
    """
    Return the time zone called `name`, e.g. "Europe/Berlin".

    Raises:
        QuestionError: there is none.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        message = f'{option}={name!r} is no time zone.\n  Write an IANA name, for example "Europe/Berlin" or "UTC".'
        raise QuestionError(message) from None
