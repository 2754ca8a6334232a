"""The search for the shop's incident: the statistics, the rule, and what it finds in the bundled log."""

from __future__ import annotations

from datetime import date
from math import comb

import pytest

from tests.support.stored import store_calls, store_events
from trackway_analytics.demo.finding import (
    CHECKOUT,
    against_other_weeks,
    find_incident,
    hypergeometric_lower_tail,
    locate,
)
from trackway_analytics.demo.replay import shop_calls
from trackway_collector.warehouse import Warehouse

STEPS = ("details", "purchase")
MONDAYS = [date(2024, 1, day) for day in (1, 8, 15, 22, 29)]


def test_the_lower_tail_is_that_of_the_tea_tasting_lady() -> None:
    """Of 8 cups, 4 with milk first, 4 drawn: none right in 1 of 70 ways, at most one right in 17 of 70."""
    assert hypergeometric_lower_tail(0, 8, 4, 4) == pytest.approx(1 / 70)
    assert hypergeometric_lower_tail(1, 8, 4, 4) == pytest.approx(17 / 70)
    assert hypergeometric_lower_tail(4, 8, 4, 4) == 1


def test_the_tail_starts_where_the_draw_must_hold_good_ones() -> None:
    """Whoever draws 3 of 4 with 3 good ones among them has at least 2 good ones."""
    assert hypergeometric_lower_tail(2, 4, 3, 3) == pytest.approx(comb(3, 2) / comb(4, 3))


def test_weeks_alike_are_no_incident() -> None:
    """Half of the sessions go on in every week: nothing stands out."""
    assert locate(against_other_weeks([(1, week, 40, 20) for week in MONDAYS], STEPS)) is None


def test_an_incident_takes_in_its_weak_neighbour_but_no_other_weak_week() -> None:
    """
    The third week broke; the fourth is weak beside it and belongs to it, the first is as weak and lies apart.
    """
    converted = [10, 30, 5, 10, 30]
    table = against_other_weeks([(1, week, 40, n) for week, n in zip(MONDAYS, converted, strict=True)], STEPS)
    located = locate(table)
    assert located is not None
    worst, weeks = located
    assert worst.week == MONDAYS[2]
    assert [cell.week for cell in weeks] == MONDAYS[2:4]


def test_no_sessions_are_no_incident(warehouse: Warehouse) -> None:
    """An empty store has nothing to find, and says so without an error."""
    assert find_incident(warehouse, "shop") is None


def test_a_session_counts_in_the_week_of_its_step_and_only_what_comes_after_converts(
    warehouse: Warehouse,
) -> None:
    """
    Ada pays on Sunday and buys on Monday: she counts in the old week. Bo buys before he pays: he did not go
    on.
    """
    from trackway_analytics.demo.sqlfile import read_sql

    store_events(
        warehouse,
        [
            {"source": "shop", "session_id": "ada", "event": "details", "timestamp": "2024-01-07 23:50:00"},
            {"source": "shop", "session_id": "ada", "event": "purchase", "timestamp": "2024-01-08 00:10:00"},
            {"source": "shop", "session_id": "bo", "event": "purchase", "timestamp": "2024-01-08 09:00:00"},
            {"source": "shop", "session_id": "bo", "event": "details", "timestamp": "2024-01-08 09:01:00"},
            {"source": "web", "session_id": "cy", "event": "details", "timestamp": "2024-01-08 09:00:00"},
        ],
    )
    rows = warehouse.query(read_sql("demo/weekly_steps"), {"source": "shop", "steps": list(STEPS)}).rows
    assert rows == [(1, date(2024, 1, 1), 1, 1), (1, date(2024, 1, 8), 1, 0)]


def test_the_planted_payment_incident_is_found(warehouse: Warehouse) -> None:
    """
    The authors planted a payment incident from 19 May to 7 June. The search, which knows nothing of it, names
    the payment step, the two whole weeks inside, and the event of the failure.
    """
    store_calls(warehouse, "shop", shop_calls())
    found = find_incident(warehouse, "shop")
    assert found is not None
    assert (found.worst.step, found.worst.next_step) == ("payment_details", "purchase")
    assert [week.week for week in found.weeks] == [date(2024, 5, 20), date(2024, 5, 27)]
    assert (found.worst.entered, found.worst.converted) == (49, 6)
    assert (found.entered, found.converted) == (95, 18)
    assert found.tests == 96
    assert found.corrected_p_value == pytest.approx(0.000304, abs=1e-6)
    assert (found.symptom.event, found.symptom.events) == ("payment_error", 119)
    assert found.symptom.first_day == date(2024, 5, 19)
    assert CHECKOUT.index(found.worst.step) == 3
