"""How often each event arrived, as the warehouse has it: for the site of the plan, and for coverage."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.analytics.plan_data.conftest import NOW, ago, rows
from tests.support.stored import store_events, store_quarantined
from trackway_analytics.plan_data.census import census
from trackway_analytics.plan_data.volumes import event_volumes, volumes_of
from trackway_collector.warehouse import Warehouse
from trackway_plan.cli import plan
from trackway_plan.docs_site import SourceVolume

STOREFRONT = Path(__file__).parents[3] / "tracking_plan" / "examples" / "storefront"


def test_events_count_by_source_over_all_revisions(warehouse: Warehouse) -> None:
    """Stored and quarantined count together; what stopped long ago is there with 0 and its last day."""
    store_events(warehouse, rows(40, "cart", {}, source="app", plan_rev=7, received_at=ago(2 / 24)))
    store_quarantined(warehouse, [{"event": "cart", "source": "app", "plan_rev": 9, "received_at": ago(1 / 24)}])
    store_events(warehouse, rows(5, "cart", {}, source="web"))
    store_events(warehouse, rows(3, "lost", {}, source="web", received_at=ago(90)))
    found = volumes_of(census(warehouse, 30, now=NOW))
    assert (found.since, found.until) == (NOW - timedelta(days=30), NOW)
    assert found.by_event == {
        "cart": (
            SourceVolume(source="app", events=41, last_seen_at=NOW - timedelta(hours=1)),
            SourceVolume(source="web", events=5, last_seen_at=NOW - timedelta(days=1)),
        ),
        "lost": (SourceVolume(source="web", events=0, last_seen_at=NOW - timedelta(days=90)),),
    }


@pytest.mark.parametrize("engine", ["chdb"], indirect=True)
def test_the_verb_asks_the_warehouse(warehouse: Warehouse, url: str, tmp_path: Path) -> None:
    """`plan docs --warehouse` puts the counts of events on the page."""
    today = f"{datetime.now(NOW.tzinfo) - timedelta(hours=1):%Y-%m-%d %H:%M:%S}.000000"
    store_events(warehouse, rows(7, "order_completed", {}, source="api", received_at=today))
    out = tmp_path / "plan.html"
    result = CliRunner().invoke(plan, ["docs", str(STOREFRONT), "--out", str(out), "--warehouse", url])
    assert result.exit_code == 0, result.output
    assert '"volume":[{"source":"api","events":7,"last":"' in out.read_text(encoding="utf-8")


def test_a_warehouse_that_does_not_answer_exits_4(tmp_path: Path) -> None:
    """No answer never looks like a plan of which nothing arrives: no page is written."""
    out = tmp_path / "plan.html"
    url = "clickhouse://127.0.0.1:1/default"
    result = CliRunner().invoke(plan, ["docs", str(STOREFRONT), "--out", str(out), "--warehouse", url])
    assert (result.exit_code, out.exists()) == (4, False)


def test_stored_and_quarantined_events_of_the_days_are_counted(warehouse: Warehouse, url: str) -> None:
    """What was set aside arrived too; what is older than the days asked about did not."""
    recent, old = ((datetime.now(UTC) - timedelta(days=days)).strftime("%Y-%m-%d %H:%M:%S.%f") for days in (1, 40))
    store_events(warehouse, rows(3, "pay", {}, received_at=recent) + rows(2, "lost", {}, received_at=old))
    store_quarantined(warehouse, [{"event": "cart", "source": "app", "plan_rev": 7, "received_at": recent}])
    assert event_volumes(url, 30) == {"pay": 3, "cart": 1}


def test_an_event_that_was_replayed_counts_once(warehouse: Warehouse) -> None:
    """Its row in quarantine stays; what was refused again is still counted there."""
    store_events(warehouse, rows(1, "cart", {}, source="app", received_at=ago(1 / 24)))
    refused = {"event": "cart", "source": "app", "received_at": ago(1 / 24), "spool": "w0-1", "segment": 1}
    store_quarantined(warehouse, [refused | {"offset": 0}, refused | {"offset": 1}])
    columns = ("spool", "segment", "offset", "outcome", "stored")
    lines = [
        dict(zip(columns, row, strict=True)) for row in (("w0-1", 1, 0, "ok", 1), ("w0-1", 1, 1, "quarantined", 0))
    ]
    text = "\n".join(json.dumps(line) for line in lines)
    warehouse.insert_rows("replayed", text.encode(), token="replayed-1", query_id="replayed-1")
    assert sum(volume.events for volume in volumes_of(census(warehouse, 30, now=NOW)).by_event["cart"]) == 2
