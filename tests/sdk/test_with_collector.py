"""The SDK and the real collector: both agree on how each event ended, whatever way it went."""

from __future__ import annotations

import asyncio
import urllib.request
from collections import Counter
from typing import Any

import pytest

from trackway import AsyncTracker, Stats, Tracker
from trackway.testing import collector
from trackway_plan import EventSpec, Plan, PropertySpec, Release, Source, compile_release

SETTINGS: dict[str, Any] = {"flush_interval_s": 60, "gzip_over_bytes": 0, "on_violation": "off", "source": "app"}


@pytest.fixture
def tea_shop() -> Release:
    """A plan whose policy lets a client see every outcome but `unplanned`."""
    number = PropertySpec(name="packets", kind="int")
    app = Source(name="app", on_violation={"retired_event": "reject", "unstamped": "allow"})
    events = {
        "Tea Ordered": EventSpec(name="Tea Ordered", properties={"packets": number}),
        "Tea Sent": EventSpec(name="Tea Sent", status="retired"),
    }
    return compile_release(Plan(name="tea", sources={"app": app}, events=events), rev=1)


def some_of_each(tracker: Any) -> None:
    """Track 10 right events, 3 that are flagged, 2 for quarantine and 1 that the policy rejects."""
    for number in range(10):
        tracker.track("Tea Ordered", {"packets": number}, user_id="ana")
    for number in range(3):
        tracker.track("Tea Spilled", {"packets": number}, user_id="ana")
    for _ in range(2):
        tracker.track("Tea Ordered", {"packets": "two"}, user_id="ana")
    tracker.track("Tea Sent", user_id="ana")


@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
@pytest.mark.parametrize("kind", ["thread", "task"])
def test_the_books_of_both_agree(tea_shop: Release, compression: str, kind: str) -> None:
    """What the tracker counts by result is what the collector has spooled, event by event."""
    with collector(tea_shop) as running:
        given = {"host": running.url, "plan": tea_shop, "compression": compression, **SETTINGS}

        async def in_a_loop() -> Stats:
            async with AsyncTracker(running.write_key, **given) as tracker:
                some_of_each(tracker)
                assert await tracker.flush()
                return tracker.stats()

        if kind == "task":
            stats = asyncio.run(in_a_loop())
        else:
            with Tracker(running.write_key, **given) as tracker:
                some_of_each(tracker)
                assert tracker.flush()
                stats = tracker.stats()
        spooled = Counter(event.outcome for event in running.events)
    assert dict(stats.acked_by_result) == {"ok": 10, "flagged": 3, "quarantined": 2}
    assert dict(stats.rejected_by_reason) == {"retired_event": 1}
    assert {**stats.acked_by_result, "rejected": stats.rejected} == dict(spooled)
    assert (stats.enqueued, stats.acked, stats.requests, stats.balanced) == (16, 15, 1, True)


def test_without_a_plan_every_event_is_unplanned() -> None:
    """Nobody has checked them, and the books say so."""
    with collector() as running, Tracker(running.write_key, host=running.url) as tracker:
        for number in range(500):
            tracker.track("Tea Ordered", {"packets": number}, user_id="ana")
        assert tracker.flush()
        assert dict(tracker.stats().acked_by_result) == {"unplanned": 500}


@pytest.mark.parametrize("kind", ["thread", "task"])
def test_what_was_lost_shows_at_the_collector(kind: str) -> None:
    """Losses with a batch to travel with and those without are in /metrics, each once; what was asked for is not."""
    with collector() as running:
        settings: dict[str, Any] = {"host": running.url, "flush_interval_s": 60, "sample": {"Tea Seen": 0}}

        def lose(tracker: Tracker | AsyncTracker) -> None:
            tracker.track("Tea Ordered")  # by nobody
            tracker.track("", user_id="ana")
            tracker.track("Tea Seen", user_id="ana")

        async def with_a_task() -> Stats:
            async with AsyncTracker(running.write_key, **settings) as tracker:
                lose(tracker)
                tracker.track("Tea Ordered", user_id="ana")
                await tracker.flush()
                lose(tracker)
            return tracker.stats()

        def with_a_thread() -> Stats:
            with Tracker(running.write_key, **settings) as tracker:
                lose(tracker)
                tracker.track("Tea Ordered", user_id="ana")
                tracker.flush()
                lose(tracker)
            return tracker.stats()

        stats = with_a_thread() if kind == "thread" else asyncio.run(with_a_task())
        with urllib.request.urlopen(f"{running.url}/metrics", timeout=30) as answer:
            lines = [line for line in answer.read().decode().splitlines() if line.startswith("trackway_client_lost")]
    assert (stats.acked, stats.lost, stats.dropped, stats.balanced) == (1, 4, 6, True)
    assert lines == [
        f'trackway_client_lost_events_total{{reason="{reason}",source="app",worker="w0"}} 2.0'
        for reason in ("no_person", "no_event_name")
    ]
