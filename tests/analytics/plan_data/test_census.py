"""The census counts who still sends what."""

from __future__ import annotations

from datetime import timedelta

from tests.analytics.plan_data.conftest import NOW, ago, rows
from tests.support.stored import store_events, store_quarantined
from trackway_analytics.plan_data.census import Census, census, percent
from trackway_collector.warehouse import Warehouse


def told(warehouse: Warehouse) -> Census:
    """41 events of an old app, 959 of the new one, ten of the web, and one event that stopped long ago."""
    store_events(warehouse, rows(40, "cart", {}, source="app", plan_rev=7, received_at=ago(2 / 24)))
    store_quarantined(warehouse, [{"event": "cart", "source": "app", "plan_rev": 7, "received_at": ago(3 / 24)}])
    store_events(warehouse, rows(959, "pay", {}, source="app", plan_rev=9))
    store_events(warehouse, rows(10, "pay", {}, received_at=ago(0.5)))
    store_events(warehouse, rows(3, "lost", {}, received_at=ago(90)))
    store_events(warehouse, rows(3, "later", {}, received_at=ago(-1)))
    return census(warehouse, 30, now=NOW)


def test_shares_by_event_source_and_revision(warehouse: Warehouse) -> None:
    """Counts are of the days asked for, quarantine included; first and last seen are of all times."""
    found = told(warehouse)
    assert [(name, share.events) for name, share in found.volumes.items()] == [("pay", 969), ("cart", 41), ("lost", 0)]
    assert found.volumes["lost"].last_seen == NOW - timedelta(days=90)
    assert {name: share.events for name, share in found.sources().items()} == {"app": 1000, "web": 10}
    assert {rev: share.share for rev, share in found.revisions("app").items()} == {7: 0.041, 9: 0.959}
    assert found.revisions(event="cart")[7].share == 1


def test_lines_for_the_review(warehouse: Warehouse) -> None:
    """Each source and revision behind the newest has a line, the largest share first."""
    assert told(warehouse).behind(9) == [
        "unstamped: 100 % of web events (10), last seen 12 h ago",
        "rev 7 still 4.1 % of app events (41), last seen 2 h ago",
    ]


def test_quiet(warehouse: Warehouse) -> None:
    """Quiet is an event under the threshold, or one that nobody sends; an empty warehouse proves nothing."""
    found = told(warehouse)
    assert found.quiet("lost", 0)
    assert found.quiet("never", 0)
    assert found.quiet("cart", 0.05)
    assert not found.quiet("cart", 0.001)
    assert not Census((), 30, NOW).quiet("cart", 0.5)


def test_one_event_only(warehouse: Warehouse) -> None:
    """A census of named events counts no others."""
    told(warehouse)
    assert list(census(warehouse, 30, events=["cart"], now=NOW).volumes) == ["cart"]


def test_percentages_never_round_to_all_or_nothing() -> None:
    """A few of many are not 0 %, nearly all are not 100 %."""
    shares = (0, 0.0004, 0.041, 0.37, 0.9961, 0.99999, 1)
    assert [percent(share) for share in shares] == ["0 %", "< 0.1 %", "4.1 %", "37 %", "99.6 %", "> 99.9 %", "100 %"]
