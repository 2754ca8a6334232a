"""
Where and when did the shop's checkout break? A search over every step and every week, told nothing about the
incident.

For each step of the checkout and each week: of the sessions that reached the step in that week, the share
that went on to the next step, against all other weeks of the same step.

**The rule.** Fisher's exact test, one-sided (did fewer go on than chance allows, were the week like the
others?). With some hundred (step, week) pairs tried, a small p-value somewhere is no news, so each is
multiplied by the number of pairs (Bonferroni) and must stay below 0.01. The step with the smallest is where
it broke. Weeks next to it, on the same step, belong to the incident while their own p-value is below 0.05;
they are tested once each, because of where they lie.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import comb

from trackway_analytics.demo.sqlfile import read_sql
from trackway_collector.warehouse import Warehouse

CHECKOUT = ("add_to_cart", "cart", "shipping_details", "payment_details", "purchase")
FAMILY_ALPHA = 0.01
NEIGHBOUR_ALPHA = 0.05
WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class StepWeek:
    """
    One step in one week: sessions that entered it, and those of them that went on, against all other weeks.
    """

    step: str
    next_step: str
    week: date
    entered: int
    converted: int
    entered_elsewhere: int
    converted_elsewhere: int

    @property
    def rate(self) -> float:
        """Share that went on, in this week."""
        return self.converted / self.entered

    @property
    def p_value(self) -> float:
        """Chance of so few going on, were this week like the others (Fisher's exact test, lower tail)."""
        total = self.entered + self.entered_elsewhere
        going_on = self.converted + self.converted_elsewhere
        return hypergeometric_lower_tail(self.converted, total, going_on, self.entered)


@dataclass(frozen=True, slots=True)
class Symptom:
    """The event that sessions of the incident have more often than all others of the same step."""

    event: str
    share: float
    """Share of the incident's sessions with the event."""
    share_elsewhere: float
    events: int
    """How often it was seen at all, in any session."""
    first_day: date
    last_day: date


@dataclass(frozen=True, slots=True)
class Finding:
    """
    An incident: the step that broke, its worst week with the corrected p-value, all its weeks, its symptom.
    """

    worst: StepWeek
    weeks: tuple[StepWeek, ...]
    tests: int
    corrected_p_value: float
    symptom: Symptom

    @property
    def entered(self) -> int:
        """Sessions that reached the step in the weeks of the incident."""
        return sum(week.entered for week in self.weeks)

    @property
    def converted(self) -> int:
        """Those of them that went on."""
        return sum(week.converted for week in self.weeks)

    @property
    def rate_elsewhere(self) -> float:
        """Share that went on in all weeks outside the incident."""
        entered = self.worst.entered + self.worst.entered_elsewhere - self.entered
        converted = self.worst.converted + self.worst.converted_elsewhere - self.converted
        return converted / entered


def hypergeometric_lower_tail(drawn_good: int, total: int, good: int, drawn: int) -> float:
    """
    Return P(X ≤ drawn_good) for X good ones among `drawn`, drawn without return from `total` with `good` good
    ones.
    """
    least = max(0, drawn - (total - good))
    ways = sum(comb(good, k) * comb(total - good, drawn - k) for k in range(least, drawn_good + 1))
    return ways / comb(total, drawn)


def find_incident(warehouse: Warehouse, source: str, steps: Sequence[str] = CHECKOUT) -> Finding | None:
    """
    Return the incident that the rule above finds in the sessions of `source`, None when no week stands out.
    """
    result = warehouse.query(read_sql("demo/weekly_steps"), {"source": source, "steps": list(steps)})
    table = against_other_weeks(result.rows, steps)
    located = locate(table)
    if located is None:
        return None
    worst, weeks = located
    return Finding(
        worst=worst,
        weeks=weeks,
        tests=len(table),
        corrected_p_value=worst.p_value * len(table),
        symptom=_symptom(warehouse, source, worst.step, steps, [week.week for week in weeks]),
    )


def against_other_weeks(rows: Sequence[tuple[int, date, int, int]], steps: Sequence[str]) -> tuple[StepWeek, ...]:
    """
    Set each (step number from 1, week, entered, converted) against the sum of the other weeks of its step.
    """
    totals = {
        number: (sum(r[2] for r in rows if r[0] == number), sum(r[3] for r in rows if r[0] == number))
        for number in {r[0] for r in rows}
    }
    return tuple(
        StepWeek(
            step=steps[number - 1],
            next_step=steps[number],
            week=week,
            entered=entered,
            converted=converted,
            entered_elsewhere=totals[number][0] - entered,
            converted_elsewhere=totals[number][1] - converted,
        )
        for number, week, entered, converted in rows
    )


def locate(table: Sequence[StepWeek]) -> tuple[StepWeek, tuple[StepWeek, ...]] | None:
    """Return the worst (step, week) and all weeks of its incident in order, None when none stands out."""
    worst = min(table, key=lambda cell: cell.p_value, default=None)
    if worst is None or worst.p_value * len(table) >= FAMILY_ALPHA:
        return None
    of_step = {cell.week: cell for cell in table if cell.step == worst.step}
    weeks = [worst]
    for direction in (-WEEK, WEEK):
        week = worst.week + direction
        while week in of_step and of_step[week].p_value < NEIGHBOUR_ALPHA:
            weeks.append(of_step[week])
            week += direction
    return worst, tuple(sorted(weeks, key=lambda cell: cell.week))


def _symptom(warehouse: Warehouse, source: str, step: str, steps: Sequence[str], weeks: Sequence[date]) -> Symptom:
    params = {"source": source, "step": step, "weeks": list(weeks)}
    rows = warehouse.query(read_sql("demo/events_in_weeks"), params).rows
    ((inside, outside),) = [(i, o) for event, i, o in rows if event == step]
    shares = {event: (i / inside, o / outside) for event, i, o in rows if event not in steps}
    symptom = max(shares, key=lambda event: shares[event][0] - shares[event][1])
    ((events, first_day, last_day),) = warehouse.query(
        read_sql("demo/event_days"), {"source": source, "event": symptom}
    ).rows
    return Symptom(symptom, *shares[symptom], events, first_day, last_day)
