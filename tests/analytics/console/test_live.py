"""The moving numbers: what they count, what they cost, and what they say when something is wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.stored import TIME, store_events, store_quarantined
from trackway_analytics.console import live as live_module
from trackway_analytics.console.live import LAST_EVENTS, Live
from trackway_collector.warehouse import QueryResult, Warehouse

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class CountingWarehouse:
    """Passes queries on and keeps their texts."""

    def __init__(self, inner: Warehouse) -> None:
        self.inner = inner
        self.asked: list[str] = []

    def query(self, sql: str, params: Mapping[str, object] | None = None) -> QueryResult:
        self.asked.append(sql)
        return self.inner.query(sql, params)


@pytest.fixture(autouse=True)
def _always_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Snapshots are taken anew each time, so that no test waits for one to age."""
    monkeypatch.setattr(live_module, "FRESH_FOR_S", 0.0)


def live(warehouse: Any, status: dict[str, Any], at: datetime = NOON) -> Live:
    """Return a `Live` whose clock stands at `at`."""
    return Live(warehouse, lambda: status, now=at.timestamp)


def ago(seconds: float) -> str:
    """Return the time so many seconds before noon."""
    return f"{NOON - timedelta(seconds=seconds):{TIME}}"


async def test_counts_are_those_of_the_tables(warehouse: Warehouse, status: dict[str, Any]) -> None:
    """Three stored and one quarantined event are 3 and 1, and the loader's own counters pass through."""
    store_events(warehouse, [{"event": "Seen", "received_at": ago(5)} for _ in range(3)])
    store_quarantined(warehouse, [{"event": "Seen", "received_at": ago(5)}])
    snapshot = await live(warehouse, status).snapshot()
    assert (snapshot["events"], snapshot["quarantined"]) == (3, 1)
    assert snapshot["loaded"] == {"stored": 7, "quarantined": 1, "repeated": 3}


async def test_the_rate_is_of_whole_seconds_before_now(warehouse: Warehouse, status: dict[str, Any]) -> None:
    """Of 30 events 2.5 s ago, 5 events 20 s ago and 1 now, the last ten whole seconds hold 30: 3 a second."""
    received = [2.5] * 30 + [20] * 5 + [0]
    store_events(warehouse, [{"event": "Seen", "received_at": ago(seconds)} for seconds in received])
    snapshot = await live(warehouse, status).snapshot()
    assert snapshot["per_second"] == 3.0
    assert len(snapshot["history"]) == 60
    assert snapshot["history"][-3] == 30
    assert snapshot["history"][-20] == 5
    assert sum(snapshot["history"]) == 35


async def test_last_events_are_newest_first_with_their_verdicts(warehouse: Warehouse, status: dict[str, Any]) -> None:
    """
    Stored and quarantined events stand in one list; a flagged one names its violation, a quarantined one says
    why.
    """
    store_events(
        warehouse,
        [
            {
                "event": "Signed Up",
                "person_id": "mei",
                "received_at": ago(3),
                "properties": {"plan": "专业版"},
            },
            {
                "event": "Sined Up",
                "person_id": "bo",
                "received_at": ago(2),
                "verdict": "flagged",
                "violations": ["unplanned_event"],
            },
        ],
    )
    store_quarantined(
        warehouse,
        [
            {
                "event": "Paid",
                "received_at": ago(1),
                "reasons": ["`total` is text."],
                "payload": '{"total":"x"}',
            }
        ],
    )
    recent = (await live(warehouse, status).snapshot())["recent"]
    assert [(row["event"], row["verdict"], row["reasons"]) for row in recent] == [
        ("Paid", "quarantined", ["`total` is text."]),
        ("Sined Up", "flagged", ["unplanned_event"]),
        ("Signed Up", "ok", []),
    ]
    assert recent[0]["content"] == '{"total":"x"}'
    assert recent[2]["content"] == '{"plan": "专业版"}'
    assert recent[2]["received"] == "2026-03-01T11:59:57.000000Z"


async def test_a_quiet_store_shows_events_of_long_ago(warehouse: Warehouse, status: dict[str, Any]) -> None:
    """The list looks further back until it is full, or everything is in it."""
    store_events(warehouse, [{"event": "Old", "received_at": ago(90 * 86_400)} for _ in range(2)])
    store_events(warehouse, [{"event": "New", "received_at": ago(1)}])
    recent = (await live(warehouse, status).snapshot())["recent"]
    assert [row["event"] for row in recent] == ["New", "Old", "Old"]


async def test_the_list_is_bounded(warehouse: Warehouse, status: dict[str, Any]) -> None:
    """However many events there are, the page gets the last few."""
    store_events(warehouse, [{"event": "Seen", "received_at": ago(1)} for _ in range(LAST_EVENTS + 10)])
    assert len((await live(warehouse, status).snapshot())["recent"]) == LAST_EVENTS


async def test_nothing_new_costs_one_query(warehouse: Warehouse, status: dict[str, Any]) -> None:
    """Who looks at a store that does not change asks for two counts and nothing else."""
    store_events(warehouse, [{"event": "Seen", "received_at": ago(1)}])
    counting = CountingWarehouse(warehouse)
    page = live(counting, status)
    await page.snapshot()
    before = len(counting.asked)
    await page.snapshot()
    assert len(counting.asked) == before + 1
    assert "received_at" not in counting.asked[-1]


async def test_a_store_that_does_not_answer_is_named(warehouse: Warehouse, status: dict[str, Any]) -> None:
    """The last known numbers stay, and the page is told what the store said."""
    store_events(warehouse, [{"event": "Seen", "received_at": ago(1)}])

    class Failing(CountingWarehouse):
        def query(self, sql: str, params: Mapping[str, object] | None = None) -> QueryResult:
            if self.asked:
                message = "connection refused"
                raise ConnectionError(message)
            return self.inner.query(sql, params)

    failing = Failing(warehouse)
    page = live(failing, status)
    assert (await page.snapshot())["store_error"] is None
    failing.asked.append("now it fails")
    snapshot = await page.snapshot()
    assert snapshot["store_error"] == "ConnectionError: connection refused"
    assert snapshot["events"] == 1


async def test_a_loader_that_cannot_load_is_named(warehouse: Warehouse, status: dict[str, Any]) -> None:
    """Lag and the loader's error reach the page as the store process states them."""
    status |= {"lag_bytes": 1200, "lag_seconds": 61.5, "loading_error": "ClickHouse is down"}
    snapshot = await live(warehouse, status).snapshot()
    assert (snapshot["lag_bytes"], snapshot["lag_seconds"]) == (1200, 61.5)
    assert snapshot["loading_error"] == "ClickHouse is down"


async def test_an_event_shows_what_it_carried_and_nothing_else(warehouse: Warehouse, status: dict[str, Any]) -> None:
    """Typed paths that the event lacks are not shown as null; a value that did not fit its type is shown."""
    warehouse.command(
        "ALTER TABLE events MODIFY COLUMN properties JSON(total Nullable(Float64), note Nullable(String))"
    )
    store_events(
        warehouse,
        [
            {
                "event": "Paid",
                "received_at": ago(1),
                "properties": {"note": "café", "cart": {"size": 2, "gift": None}},
                "misfits": {"total": '"twelve"'},
            }
        ],
    )
    (row,) = (await live(warehouse, status).snapshot())["recent"]
    assert json.loads(row["content"]) == {"note": "café", "cart": {"size": 2}, "total": "twelve"}
