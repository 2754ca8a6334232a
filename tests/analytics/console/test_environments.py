"""The console is about one environment at a time."""

from __future__ import annotations

from typing import Any

import pytest

from tests.analytics.console.test_live import NOON, ago
from tests.support.stored import store_events, store_quarantined
from trackway_analytics.console.charts import Charts
from trackway_analytics.console.live import Live
from trackway_collector.warehouse import Warehouse


@pytest.mark.parametrize(
    ("environment", "events", "quarantined"),
    [("production", 3, 1), ("staging", 2, 0), ("development", 0, 0), ("all", 5, 1)],
)
async def test_numbers_and_events_are_of_one_environment(
    warehouse: Warehouse, status: dict[str, Any], environment: str, events: int, quarantined: int
) -> None:
    """Counts, rate and the last events are those of the environment; `all` has every one."""
    for name, count in (("production", 3), ("staging", 2)):
        stored = [{"event": f"Seen in {name}", "environment": name, "received_at": ago(5)} for _ in range(count)]
        store_events(warehouse, stored)
    store_quarantined(warehouse, [{"event": "Seen", "received_at": ago(5)}])
    snapshot = await Live(warehouse, lambda: status, now=NOON.timestamp, environment=environment).snapshot()
    assert (snapshot["environment"], snapshot["events"], snapshot["quarantined"]) == (environment, events, quarantined)
    assert sum(snapshot["history"]) == events
    assert len(snapshot["recent"]) == events + quarantined


async def test_charts_are_of_one_environment(warehouse: Warehouse) -> None:
    """A source that sends to staging alone has no chart of production, and one of staging that says so."""
    store_events(warehouse, [{"event": "x", "source": "shop", "environment": "staging", "person_id": "mei"}])
    assert "stored in production" in (await Charts(warehouse).answer("retention"))["message"]
    answer = await Charts(warehouse, "staging").answer("retention")
    assert "in staging from source shop" in answer["semantics"]
