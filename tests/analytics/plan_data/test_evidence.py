"""Evidence counts real stored events, with the validator's own verdicts."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from tests.analytics.plan_data.conftest import NOW, ago, prop, release, rows
from tests.support.stored import store_events, store_quarantined
from trackway_analytics.plan_data.evidence import StoredEvidence, open_evidence
from trackway_collector.warehouse import Warehouse, apply_plan
from trackway_plan import Release
from trackway_plan.evidence import EvidenceUnreachableError
from trackway_plan.model import Former


def asked(url: str, **options: Any) -> StoredEvidence:
    """Evidence of the 14 days before NOW."""
    return open_evidence(url, 14, now=NOW, **options)


def order(**properties: Any) -> Release:
    """A plan of `order` with these properties beside an optional `note`."""
    return release({"order": {"note": prop("string"), **properties}})


def test_a_narrowed_choice_counts_who_would_fail(warehouse: Warehouse, url: str) -> None:
    """30 of 100 orders were paid by invoice: taking it away fails 30, by source, by revision, by code and path."""
    before = order(pay=prop("choice", choices=["card", "invoice"]))
    after = order(pay=prop("choice", choices=["card"]))
    apply_plan(warehouse, before)
    store_events(warehouse, rows(70, "order", {"pay": "card"}))
    store_events(warehouse, rows(20, "order", {"pay": "invoice"}, source="app", plan_rev=7))
    store_events(warehouse, rows(10, "order", {"pay": "invoice"}, plan_rev=8))
    found = asked(url).failing(before, after, {"order"})["order"]
    assert (found.seen, found.fitting, found.failing.events, found.sampled) == (100, 100, 30, 1.0)
    assert found.failing.by_source == {"app": 20, "web": 10}
    assert found.failing.by_rev == {7: 20, 8: 10}
    assert {way: failing.events for way, failing in found.by_violation.items()} == {("value_not_allowed", "pay"): 30}


def test_nothing_fails_under_the_same_plan(warehouse: Warehouse, url: str) -> None:
    """
    What the warehouse makes of values is undone: decimals, times, days, nulls, dots, lists, `store_as` and misfits
    read back as events that fit the plan they were sent under.
    """
    plan = order(
        total=prop("decimal", required=True),
        at=prop("timestamp", required=True),
        day=prop("date"),
        gift=prop("bool", required=True, nullable=True),
        weight=prop("number", store_as="weight_kg"),
        items=prop("list", of=prop("object", properties={"sku": prop("string", required=True), "n": prop("int")})),
        ship=prop("object", required=True, properties={"city": prop("string"), "zip": prop("string", nullable=True)}),
        **{"a.b": prop("int")},
    )
    apply_plan(warehouse, plan)
    sent: dict[str, Any] = {
        "total": "12.50",
        "at": "2026-11-01T10:00:00+02:00",
        "day": "2026-11-01",
        "gift": None,
        "weight_kg": 3,
        "items": [{"sku": "TEA", "n": 2}, {"sku": "POT"}],
        "ship": {},
        "a.b": 5,
    }
    bare = {"total": "1", "at": "2026-11-01T10:00:00Z", "gift": True, "ship": {"city": "Graz"}}
    store_events(warehouse, [*rows(3, "order", sent), *rows(2, "order", bare)])
    store_events(warehouse, rows(1, "order", bare, misfits={"total": '"0.1234567890123"'}))
    narrower = msgspec.structs.replace(
        plan, events={"order": msgspec.structs.replace(plan.events["order"], properties={})}
    )
    evidence = asked(url)
    same = evidence.failing(plan, plan, ["order"])["order"]
    assert (same.seen, same.fitting, same.failing.events) == (6, 6, 0)
    ways = evidence.failing(plan, narrower, ["order"])["order"].by_violation
    assert {path: failing.events for (_, path), failing in ways.items()} == {
        "total": 6, "at": 6, "day": 3, "gift": 6, "weight": 3, "items": 3, "ship": 6, "a.b": 3,
    }  # fmt: skip


def test_paths_inside_lists_have_no_positions(warehouse: Warehouse, url: str) -> None:
    """A list item that becomes too expensive is told as `items[].price`, once an event."""
    before = order(items=prop("list", of=prop("object", properties={"price": prop("int")})))
    after = order(items=prop("list", of=prop("object", properties={"price": prop("int", max=10)})))
    store_events(warehouse, rows(4, "order", {"items": [{"price": 11}, {"price": 12}, {"price": 1}]}))
    found = asked(url).failing(before, after, ["order"])["order"]
    assert {way: failing.events for way, failing in found.by_violation.items()} == {
        ("out_of_range", "items[].price"): 4
    }


def test_what_departs_already_is_not_news(warehouse: Warehouse, url: str) -> None:
    """An event that is flagged today counts only where it would depart in one more way."""
    before, after = order(n=prop("int", max=10)), order(n=prop("int", max=5))
    store_events(warehouse, rows(3, "order", {"n": 20}))
    store_events(warehouse, rows(2, "order", {"n": 7, "odd": "x"}))
    found = asked(url).failing(before, after, ["order"])["order"]
    assert (found.fitting, found.failing.events) == (5, 2)


def test_quarantine_counts_where_the_plan_at_hand_would_take_it(warehouse: Warehouse, url: str) -> None:
    """Payloads in quarantine are judged like the rest; one that was replayed since is not counted twice."""
    before, after = order(n=prop("int")), order(n=prop("int", max=5))

    def payload(n: Any) -> str:
        return json.dumps({"type": "track", "event": "order", "properties": {"n": n}})

    store_quarantined(
        warehouse,
        [
            {"event": "order", "received_at": ago(1), "payload": payload(9)},
            {"event": "order", "received_at": ago(1), "payload": payload("nine")},
            {"event": "order", "received_at": ago(1), "payload": "{not JSON"},
            {"event": "order", "received_at": ago(1), "payload": payload(8), "message_id": "again"},
        ],
    )
    store_events(warehouse, rows(1, "order", {"n": 8}, message_id="again"))
    found = asked(url).failing(before, after, ["order"])["order"]
    assert (found.seen, found.fitting, found.failing.events) == (3, 2, 2)


def test_window_and_excluded_sources(warehouse: Warehouse, url: str) -> None:
    """Only the days asked for count, and nothing from sources that were left out."""
    store_events(warehouse, rows(5, "order", {"n": 1}, received_at=ago(20)))
    store_events(warehouse, rows(5, "order", {"n": 1}, source="test"))
    store_events(warehouse, rows(2, "order", {"n": 1}))
    found = asked(url, exclude_sources=["test"]).failing(order(n=prop("int")), order(), ["order", "never"])
    assert set(found) == {"order"}
    assert (found["order"].seen, found["order"].failing.by_source) == (2, {"web": 2})


def test_few_failing_events_of_a_sender_are_noise(warehouse: Warehouse, url: str) -> None:
    """With `minimum=5`, four failing events of revision 3 count as none, six of revision 4 count."""
    store_events(warehouse, [*rows(4, "order", {"n": 1}, plan_rev=3), *rows(6, "order", {"n": 1}, plan_rev=4)])
    found = asked(url, minimum=5).failing(order(n=prop("int")), order(), ["order"])["order"]
    assert (found.failing.events, found.failing.by_rev) == (6, {4: 6})
    assert found.by_violation["unplanned_property", "n"].events == 6


def test_a_removed_event_and_its_former_name(warehouse: Warehouse, url: str) -> None:
    """Events sent under a former name are looked at as well; without the event in the plan they fail."""
    before = order()
    spec = msgspec.structs.replace(before.events["order"], formerly=(Former(event="purchase"),))
    before = msgspec.structs.replace(before, events={"order": spec})
    store_events(warehouse, [*rows(3, "order", {}), *rows(2, "purchase", {})])
    found = asked(url).failing(before, release({}), ["order"])["order"]
    assert found.seen == 5
    assert found.by_violation["unplanned_event", ""].events in (3, 5)  # 5 where the validator knows former names


def test_deprecating_fails_nobody(warehouse: Warehouse, url: str) -> None:
    """A deprecated event is marked and may still be sent, so it is no evidence against the change."""
    before = order()
    spec = msgspec.structs.replace(before.events["order"], status="deprecated")
    after = msgspec.structs.replace(before, events={"order": spec})
    store_events(warehouse, rows(3, "order", {}))
    assert asked(url).failing(before, after, ["order"])["order"].failing.events == 0


def test_no_longer_null_is_an_upper_bound(warehouse: Warehouse, url: str) -> None:
    """Null and absent are stored alike: where null is forbidden, every event without a value counts as one."""
    before, after = order(n=prop("int", nullable=True)), order(n=prop("int"))
    store_events(warehouse, [*rows(3, "order", {"n": None}), *rows(4, "order", {"n": 1})])
    found = asked(url).failing(before, after, ["order"])["order"]
    assert {way: failing.events for way, failing in found.by_violation.items()} == {("wrong_type", "n"): 3}


def test_a_sample_is_scaled_and_says_so(warehouse: Warehouse, url: str) -> None:
    """Of 4,000 events about 500 are looked at; the count is scaled to all, near the truth of a quarter."""
    store_events(warehouse, rows(4000, "order", lambda number: {"n": number % 4}))
    found = asked(url, sample=500).failing(order(n=prop("int")), order(n=prop("int", max=2)), ["order"])["order"]
    assert found.sampled == pytest.approx(0.125)
    assert found.seen == pytest.approx(4000, rel=0.2)
    assert found.failing.events / found.fitting == pytest.approx(0.25, abs=0.06)
    again = asked(url, sample=500).failing(order(n=prop("int")), order(n=prop("int", max=2)), ["order"])["order"]
    assert again == found, "the same events are looked at each time"


@pytest.mark.parametrize(
    "address", ["clickhouse://nobody@127.0.0.1:1/x", "chdb:///nonexistent/dir", "ftp://x"], ids=lambda text: text[:10]
)
def test_no_answer_is_not_no_evidence(address: str) -> None:
    """A warehouse that does not answer is an error, never an empty result."""
    with pytest.raises(EvidenceUnreachableError, match="no answer"):
        open_evidence(address, 14)
