"""Quarantined events that fit a later revision are stored exactly once, however often they are replayed."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from tests.collector.loader.conftest import Pipeline
from trackway_collector.errors import SpoolLocked
from trackway_collector.loader.verify import verify
from trackway_collector.replay.replay import SPOOL, Tally, append, rejudge, waiting
from trackway_collector.spool import SpoolWriter
from trackway_plan import EventSpec, Plan, PropertySpec, Release, compile_release
from trackway_plan.model import Former

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def release(rev: int, kind: str) -> Release:
    """A plan whose price changed its type, and with it the path it is stored under."""
    price = {"price": PropertySpec(name="price", kind=kind, store_as="price__2" if kind == "number" else "")}
    return compile_release(Plan(name="shop", events={"paid": EventSpec(name="paid", properties=price)}), rev)


def paid(message_id: str, price: Any, **more: Any) -> dict[str, Any]:
    return {"type": "track", "event": "paid", "messageId": message_id, "userId": "lina", **more} | {
        "properties": {"price": price}
    }


def replay(pipeline: Pipeline, rev: Release, *, times: int = 1) -> Tally:
    """Judge what waits by the release and append it, so many times before the loader sees any of it."""
    for _ in range(times):
        tally = Tally(rev.rev)
        append(pipeline.spool_dir, list(rejudge(waiting(pipeline.warehouse, LONG_AGO), rev, tally)))
    return tally


@pytest.fixture
def quarantined(pipeline: Pipeline) -> Pipeline:
    """Three events whose price is no integer: two are numbers, one is text; and one that was fine."""
    pipeline.release = release(1, "int")
    batch = [paid("m-1", 1.5), paid("m-2", 2.5, timestamp="2026-05-01T10:00:00Z"), paid("m-3", "x"), paid("m-4", 4)]
    pipeline.spool(batch)
    pipeline.load()
    assert pipeline.rows("message_id", "quarantine") == [("m-1",), ("m-2",), ("m-3",)]
    return pipeline


def test_what_fits_now_is_stored_and_the_rest_stays(quarantined: Pipeline) -> None:
    """Under a plan that allows fractions, the two numbers are events, with the times of then; the text stays."""
    tally = replay(quarantined, release(2, "number"))
    quarantined.release = release(2, "number")
    quarantined.load()
    assert (tally.fitting, tally.staying) == (2, 1)
    assert tally.stays == {("paid", "wrong_type /price"): 1}
    stored = quarantined.warehouse.query(
        "SELECT message_id, properties.price__2, verdict, validated_rev,"
        " toBool((SELECT received_at FROM quarantine WHERE message_id = 'm-1') = received_at)"
        " FROM events WHERE message_id != 'm-4' ORDER BY message_id"
    ).rows
    assert stored == [("m-1", 1.5, "ok", 2, True), ("m-2", 2.5, "ok", 2, True)]
    assert quarantined.warehouse.query("SELECT toString(timestamp) FROM events WHERE message_id = 'm-2'").one() == (
        "2026-05-01 10:00:00.000000"
    )
    assert len(quarantined.rows("1", "quarantine")) == 3
    assert quarantined.rows("message_id, rev, outcome, stored", "replayed FINAL") == [
        ("m-1", 2, "ok", 1),
        ("m-2", 2, "ok", 1),
    ]
    assert [each.message_id for each in waiting(quarantined.warehouse, LONG_AGO)] == ["m-3"]
    assert all(count.missing == 0 for count in verify(quarantined.warehouse, quarantined.spool_dir))


def test_replaying_often_stores_once(quarantined: Pipeline) -> None:
    """Appended three times before the loader runs, once more after it, over several starts: each is stored once."""
    records = list(rejudge(waiting(quarantined.warehouse, LONG_AGO), release(2, "number"), Tally(2)))
    for _ in range(3):
        append(quarantined.spool_dir, records)
    quarantined.load()
    append(quarantined.spool_dir, records)
    loader = quarantined.load()
    assert loader.stats.duplicates == 2
    assert quarantined.rows("message_id", "events WHERE message_id != 'm-4'") == [("m-1",), ("m-2",)]
    assert quarantined.rows("outcome, stored", "replayed FINAL") == [("ok", 1), ("ok", 1)]
    assert all(count.missing == 0 for count in verify(quarantined.warehouse, quarantined.spool_dir))


def test_an_event_that_is_stored_within_seven_days_is_a_duplicate(quarantined: Pipeline) -> None:
    """(source, messageId) is unique for seven days, for replayed events too; after that it is another event."""
    day_us = 86_400 * 1_000_000
    now_us = time.time_ns() // 1000
    for message_id, days in (("m-1", 6), ("m-2", 8)):
        row = {
            "source": "web", "event": "paid", "message_id": message_id, "timestamp": "2026-05-01 10:00:00",
            "received_at": f"{(now_us - days * day_us) / 1e6:.6f}", "spool": "other",
        }  # fmt: skip
        quarantined.warehouse.insert_rows("events", msgspec.json.encode(row), token=message_id, query_id=message_id)
    replay(quarantined, release(2, "number"))
    quarantined.load()
    assert quarantined.rows("message_id, outcome, stored", "replayed FINAL") == [
        ("m-1", "duplicate", 0),
        ("m-2", "ok", 1),
    ]
    assert all(count.missing == 0 for count in verify(quarantined.warehouse, quarantined.spool_dir))


def test_what_a_client_sends_again_after_a_replay_is_a_duplicate(quarantined: Pipeline) -> None:
    """The client's own retry of a replayed event changes nothing."""
    replay(quarantined, release(2, "number"))
    quarantined.load()
    quarantined.release = release(2, "number")
    quarantined.spool([paid("m-1", 1.5)], worker="w1")
    assert quarantined.load().stats.duplicates == 1
    assert len(quarantined.rows("1", "events WHERE message_id = 'm-1'")) == 1


def test_events_of_single_routes_keep_their_call_and_time(pipeline: Pipeline) -> None:
    """An event that came by its own route, without a `type`, is replayed as what it was."""
    pipeline.release = release(1, "int")
    event = {"event": "paid", "messageId": "m-9", "userId": "lina", "properties": {"price": 1.5}}
    body = msgspec.json.encode(event | {"sentAt": "2026-05-01T10:00:00Z"})
    pipeline.spool_call(body, "track")
    pipeline.load()
    replay(pipeline, release(2, "number"))
    pipeline.load()
    assert pipeline.rows("type, event, message_id, toString(sent_at)") == [
        ("track", "paid", "m-9", "2026-05-01 10:00:00.000000")
    ]


def test_a_name_that_was_used_again_means_what_it_meant_to_its_sender(pipeline: Pipeline) -> None:
    """`cart` of revision 1 is judged as the `basket` it is now, `n` as `count`; stamped on the event or its batch."""
    old = {"n": PropertySpec(name="n", kind="int")}
    first = compile_release(Plan(name="shop", events={"cart": EventSpec(name="cart", properties=old)}), 1)
    text = {"n": PropertySpec(name="n", kind="string")}
    both = text | {"count": PropertySpec(name="count", kind="number")}
    formerly = (Former(event="cart", through=1), Former(property="n", now="count", through=1))
    events = [EventSpec(name="basket", properties=both, formerly=formerly), EventSpec(name="cart", properties=text)]
    second = compile_release(Plan(name="shop", events={event.name: event for event in events}), 2)

    pipeline.release = first
    context = {"protocols": {"plan": "shop", "rev": 1, "hash": first.hash}}
    batch = [paid(f"m-{n}", None, event="cart") | {"properties": {"n": n}} for n in (1.5, "x")]
    pipeline.spool([event | {"context": context} for event in batch])
    others = [event | {"messageId": event["messageId"] + "-b"} for event in batch]
    pipeline.spool(msgspec.json.encode({"batch": others, "context": context}))
    pipeline.load()
    tally = replay(pipeline, second)
    pipeline.load()
    assert tally.stays == {("cart", "wrong_type /n"): 2}
    assert pipeline.rows("message_id, verdict, validated_rev, plan_rev") == [
        ("m-1.5", "ok", 2, 1),
        ("m-1.5-b", "ok", 2, 1),
    ]


def test_what_any_release_forbids_is_not_stored_by_a_replay(pipeline: Pipeline) -> None:
    """Quarantined before a rule came: the newest release's counts, and that of the last one which had the name."""
    kept = {"note": PropertySpec(name="note", kind="text"), "name": PropertySpec(name="name", kind="text")}
    dropped = {name: msgspec.structs.replace(spec, store="drop") for name, spec in kept.items()}
    prices = {kind: {"price": PropertySpec(name="price", kind=kind)} for kind in ("int", "string")}

    def rev(number: int, **properties: PropertySpec) -> Release:
        event = EventSpec(name="paid", properties=properties)
        return compile_release(Plan(name="shop", events={"paid": event}), number)

    pipeline.release = rev(1, **prices["int"], **kept)
    pipeline.spool([paid("m-1", "x") | {"properties": {"price": "x", "note": "secret", "name": "secret"}}])
    pipeline.load()
    second = rev(2, **prices["string"], **kept)
    others = [rev(3, **prices["string"], **dropped), rev(4, **prices["string"], name=dropped["name"])]
    records = list(rejudge(waiting(pipeline.warehouse, LONG_AGO), second, Tally(2), others=others))
    assert len(records) == 1
    assert b"secret" not in records[0][1]


def test_a_second_replay_at_once_is_refused(quarantined: Pipeline) -> None:
    """While one replay appends, another on the same spool says so and changes nothing."""
    records = list(rejudge(waiting(quarantined.warehouse, LONG_AGO), release(2, "number"), Tally(2)))
    writer = SpoolWriter(quarantined.spool_dir / SPOOL)
    try:
        with pytest.raises(SpoolLocked):
            append(quarantined.spool_dir, records)
    finally:
        writer._lock.close()
