"""
Calendar periods in a time zone, as numbers that grow by one from each period to the next, in SQL and in
Python.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

PeriodName = Literal["hour", "day", "week", "month"]

_DAY_0 = date(1900, 1, 1)  # a Monday
_HOUR_0 = datetime(1900, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Period:
    """
    Hours, days, weeks or months of the calendar of `zone`.

    Numbers count from 1900. An hour is 3,600 seconds that start on the zone's full hour, so the two hours
    between which clocks are set back are two periods. A day is as long as the zone makes it: 23 or 25 hours
    when clocks change.
    """

    name: PeriodName
    zone: ZoneInfo
    week_start: str = "monday"

    def number_sql(self, column: str) -> str:
        """
        SQL of the Int32 number of the period that a DateTime64 column lies in; needs the parameter `zone`.
        """
        local = f"toTimeZone({column}, {{zone:String}})"
        days = f"(toInt32(toDate32({local})) + 25567)"
        if self.name == "hour":
            shift = f"positiveModulo(timezoneOffset({local}), 3600)"
            micros = f"toUnixTimestamp64Micro({column}) + 1000000 * ({shift} + 2208988800)"
            return f"toInt32(intDiv({micros}, 3600000000))"
        if self.name == "day":
            return days
        if self.name == "week":
            return f"intDiv({days} + {self._week_shift}, 7)"
        return f"toInt32(toYear({local}) * 12 + toMonth({local}) - 22801)"

    def number(self, at: datetime) -> int:
        """Return the number of the period that `at` lies in."""
        local = at.astimezone(self.zone)
        days = (local.date() - _DAY_0).days
        if self.name == "hour":
            return (at - _HOUR_0 + self._minutes_off(at)) // timedelta(hours=1)
        if self.name == "day":
            return days
        if self.name == "week":
            return (days + self._week_shift) // 7
        return (local.year - 1900) * 12 + local.month - 1

    def start(self, number: int) -> datetime:
        """Return the first instant of a period, in the zone."""
        if self.name == "hour":
            guess = _HOUR_0 + timedelta(hours=number)
            return (guess - self._minutes_off(guess)).astimezone(self.zone)
        if self.name == "month":
            day = date(1900 + number // 12, number % 12 + 1, 1)
        else:
            days = number if self.name == "day" else number * 7 - self._week_shift
            day = _DAY_0 + timedelta(days=days)
        midnight = datetime(day.year, day.month, day.day, tzinfo=self.zone)
        # Where clocks skip midnight, the day starts at the first time that exists.
        return midnight.astimezone(UTC).astimezone(self.zone)

    def end(self, number: int) -> datetime:
        """Return the first instant after a period."""
        return self.start(number + 1)

    def label(self, number: int) -> datetime:
        """Return the start of a period as the zone's clock shows it, without zone; what data frames hold."""
        start = self.start(number).replace(tzinfo=None)
        return start if self.name == "hour" else start.replace(hour=0, minute=0)

    @property
    def _week_shift(self) -> int:
        return 0 if self.week_start == "monday" else 1

    def _minutes_off(self, at: datetime) -> timedelta:
        """By how much the zone's full hours differ from UTC's: 30 minutes in India."""
        offset = at.astimezone(self.zone).utcoffset() or timedelta(0)
        return offset % timedelta(hours=1)
