"""`trackway quarantine`: what waits by reason, one of them whole, and fixes that bring them in exactly once."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.collector.loader.conftest import Pipeline
from trackway_collector.loader.verify import verify
from trackway_collector.mapping import parse_mapping
from trackway_collector.quarantine.found import one, reasons
from trackway_collector.replay.replay import Tally, append, fix_by, rejudge, waiting
from trackway_plan import EventSpec, Plan, PropertySpec, Release, compile_release

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
FIX = """\
mapping: 1
base: record
rename: {properties.prise: properties.price}
events:
  - when: {event: paid, properties.price: {present: true}}
    properties: {price: {field: properties.price, as: number, decimal: ","}}
"""


def release() -> Release:
    """A plan whose price is a number."""
    price = PropertySpec(name="price", kind="number", required=True)
    policy = {"missing_required": "quarantine"}
    event = EventSpec(name="paid", properties={"price": price}, on_violation=policy)
    return compile_release(
        Plan(name="shop", events={"paid": event}, on_violation={"unstamped": "allow", "unplanned_property": "allow"}), 1
    )


def paid(message_id: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "track", "event": "paid", "messageId": message_id, "userId": "lina",
        "timestamp": "2026-05-01T10:00:00Z", "properties": properties,
    }  # fmt: skip


@pytest.fixture
def quarantined(pipeline: Pipeline) -> Pipeline:
    """Four events that are set aside, two of them for the same reason, one without any name; and one that fits."""
    pipeline.release = release()
    pipeline.spool(
        [
            paid("m-1", price="1,5"),
            paid("m-2", price="2,5"),
            paid("m-3", prise=3),
            paid("m-4", price=4),
            {"type": "knock"},
        ]
    )
    pipeline.load()
    return pipeline


@pytest.mark.parametrize("number", ["1", "NaN"])
def test_no_write_key_gets_into_the_warehouse(pipeline: Pipeline, number: str) -> None:
    """Browser clients write their key into each event; one that is set aside, or cannot be read, is kept without it."""
    body = b'{"batch":[{"type":"knock","writeKey": "tw_a-key","messageId":"m","properties":{"n":' + number.encode()
    pipeline.spool(body + b"}}]}")
    pipeline.load()
    ((payload,),) = pipeline.warehouse.query("SELECT payload FROM quarantine", {}).rows
    assert "writeKey" in str(payload)
    assert "tw_a-key" not in str(payload)


def test_what_waits_is_listed_by_reason(quarantined: Pipeline) -> None:
    """Each reason has its count and its newest example, the most frequent first; sources can be chosen."""
    found = reasons(quarantined.warehouse, LONG_AGO)
    assert [(each.event, each.code, each.events) for each in found] == [
        ("paid", "wrong_type /price", 2),
        ("", "unknown_type", 1),
        ("paid", "missing_required /price", 1),
    ]
    assert "price" in found[0].example
    ((newest,)) = one(quarantined.warehouse, found[0].place)
    assert newest.message_id in ("m-1", "m-2")
    assert reasons(quarantined.warehouse, LONG_AGO, ["nobody"]) == []
    assert reasons(quarantined.warehouse, datetime.now(UTC)) == []


def test_one_is_shown_whole(quarantined: Pipeline) -> None:
    """By its messageId, too: payload, reasons and the environment it was sent in."""
    (found,) = one(quarantined.warehouse, "m-3")
    assert json.loads(found.payload)["properties"] == {"prise": 3}
    assert (found.environment, list(found.codes), found.outcome) == ("production", ["missing_required /price"], "")
    assert one(quarantined.warehouse, "m-4") == []
    assert one(quarantined.warehouse, "w0-00000000:1:99") == []
    assert one(quarantined.warehouse, "' OR 1 = 1 --") == []


def test_a_fix_brings_events_in_once(quarantined: Pipeline) -> None:
    """What fits once it is mended is stored with its id and its time, however often; what is not mended stays."""
    fix = fix_by(parse_mapping(FIX, "fix.yaml"))
    for _ in range(3):
        tally = Tally(1)
        append(
            quarantined.spool_dir, list(rejudge(waiting(quarantined.warehouse, LONG_AGO), release(), tally, fix=fix))
        )
    assert (tally.fitting, tally.staying) == (3, 1)
    quarantined.load()
    stored = quarantined.warehouse.query(
        "SELECT message_id, toFloat64(properties.price), toString(timestamp), toBool(received_at IN"
        " (SELECT received_at FROM quarantine)) FROM events WHERE message_id != 'm-4' ORDER BY message_id"
    ).rows
    happened = "2026-05-01 10:00:00.000000"
    assert stored == [("m-1", 1.5, happened, True), ("m-2", 2.5, happened, True), ("m-3", 3, happened, True)]
    assert [each.event for each in waiting(quarantined.warehouse, LONG_AGO)] == [""]
    assert [each.code for each in reasons(quarantined.warehouse, LONG_AGO)] == ["unknown_type"]
    assert [found.outcome for found in one(quarantined.warehouse, "m-1")] == ["ok"]
    assert all(count.missing == 0 for count in verify(quarantined.warehouse, quarantined.spool_dir))


def test_what_cannot_be_fixed_says_why(quarantined: Pipeline) -> None:
    """An event that the fix does not take, or skips, stays in quarantine with the fix's reason in the summary."""
    strict = (
        "mapping: 1\nbase: record\notherwise: error\n"
        "events:\n  - {when: {event: paid, properties.price: '1,5'}, skip: true}\n"
    )
    tally = Tally(1)
    fix = fix_by(parse_mapping(strict, "fix.yaml"))
    assert list(rejudge(waiting(quarantined.warehouse, LONG_AGO), release(), tally, fix=fix)) == []
    assert tally.stays["paid", "not fixed: the fix says to skip it"] == 1
    assert tally.stays["paid", "not fixed: no rule of `events` is for this record"] == 2
    assert tally.staying == 4


def test_without_a_plan_the_envelope_decides(pipeline: Pipeline) -> None:
    """Where there is no plan, a fix brings in what had no event of its own: a webhook's payload, kept as it came."""
    pipeline.spool([{"type": "charge.succeeded", "id": "evt_1", "customer": "lina"}])
    pipeline.load()
    fix = fix_by(parse_mapping("mapping: 1\nevent: order_paid\nmessageId: $id\nuserId: $customer\n", "fix.yaml"))
    append(pipeline.spool_dir, list(rejudge(waiting(pipeline.warehouse, LONG_AGO), None, Tally(0), fix=fix)))
    pipeline.load()
    assert pipeline.rows("event, user_id, verdict", "events") == [("order_paid", "lina", "unplanned")]


def test_a_replay_keeps_the_environment(quarantined: Pipeline) -> None:
    """What was sent in staging is no event of production after a replay."""
    found = waiting(quarantined.warehouse, LONG_AGO)
    (first, *_) = found
    assert first.environment == "production"
    from dataclasses import replace

    from trackway_collector.spool.record import decode_record

    fix = fix_by(parse_mapping(FIX, "fix.yaml"))
    ((meta, _),) = rejudge([replace(first, environment="staging")], release(), Tally(1), fix=fix)
    assert decode_record(meta).environment == "staging"
