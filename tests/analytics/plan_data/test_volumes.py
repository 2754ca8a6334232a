"""Volumes: how many of each event arrived, as `trackway plan coverage` asks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.analytics.plan_data.conftest import rows
from tests.support.stored import store_events, store_quarantined
from trackway_analytics.plan_data.volumes import event_volumes
from trackway_collector.warehouse import Warehouse


def test_stored_and_quarantined_events_of_the_days_are_counted(warehouse: Warehouse, url: str) -> None:
    """What was set aside arrived too; what is older than the days asked about did not."""
    recent, old = ((datetime.now(UTC) - timedelta(days=days)).strftime("%Y-%m-%d %H:%M:%S.%f") for days in (1, 40))
    store_events(warehouse, rows(3, "pay", {}, received_at=recent) + rows(2, "lost", {}, received_at=old))
    store_quarantined(warehouse, [{"event": "cart", "source": "app", "plan_rev": 7, "received_at": recent}])
    assert event_volumes(url, 30) == {"pay": 3, "cart": 1}
