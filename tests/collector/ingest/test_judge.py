"""The verdict on single events, whatever they hold."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackway_collector.errors import RequestRefused
from trackway_collector.ingest.rules.sources import Limits, Policies, SourcePolicy
from trackway_collector.ingest.verdicts.decode import BatchDecoder
from trackway_collector.ingest.verdicts.judge import judge as judge_one
from trackway_collector.ingest.verdicts.judges import Judges
from trackway_collector.releases import LiveReleases
from trackway_collector.spool import EventVerdict, Record
from trackway_collector.timestamps import parse_timestamp_us
from trackway_plan import Release

from .test_wire import event


def judge(release: Release | None, *events: dict[str, Any] | bytes, source: str = "web") -> Record:
    """Return the record of a batch of these events."""
    parts = [item if isinstance(item, bytes) else msgspec.json.encode(item) for item in events]
    body = b'{"batch":[' + b",".join(parts) + b"]}"
    return BatchDecoder(release).decode(body, call="", source=source, received_at_us=1)[0]


def verdict(release: Release | None, item: dict[str, Any] | bytes, source: str = "web") -> EventVerdict:
    """Return the verdict on one event that is not simply fine."""
    return judge(release, item, source=source).exceptions[0]


def test_what_the_plan_accepts_needs_no_words(garden: Release) -> None:
    """A batch of planned events is one verdict for all."""
    record = judge(garden, event(), event(properties={"packets": 1, "price": 2, "kind": "basil"}))

    assert ("ok", {}) == (record.verdict, record.exceptions)


def test_without_a_plan_all_is_stored_as_unplanned() -> None:
    """No plan, no complaint: the verdict is `unplanned`."""
    assert ("unplanned", {}) == ((record := judge(None, event(event="anything"))).verdict, record.exceptions)


@pytest.mark.parametrize(
    ("changes", "outcome", "violation"),
    [
        ({"event": "seeds_order"}, "flagged", "unplanned_event"),
        ({"properties": {"packets": 2, "colour": "red"}}, "flagged", "unplanned_property /colour"),
        ({"properties": {}}, "flagged", "missing_required /packets"),
        ({"properties": {"packets": 2, "kind": "oak"}}, "flagged", "value_not_allowed /kind"),
        ({"properties": {"packets": 0}}, "flagged", "out_of_range /packets"),
        ({"properties": {"packets": 2, "card": "x"}}, "flagged", "pattern /card"),
        ({"properties": {"packets": "2"}}, "quarantined", "wrong_type /packets"),
        ({"event": "harvested", "properties": {}}, "flagged", "wrong_source"),
        ({"userId": None}, "flagged", "no_person"),
        ({"userId": ""}, "flagged", "no_person"),
        ({"timestamp": "yesterday"}, "flagged", "bad_timestamp"),
        ({"timestamp": 1_700_000_000}, "flagged", "bad_timestamp"),
        ({"timestamp": "0001-01-01T00:00:00Z"}, "flagged", "bad_timestamp"),
        ({"timestamp": "9999-12-31T23:59:59.999999Z"}, "flagged", "bad_timestamp"),
        ({"event": None}, "quarantined", "missing_event"),
        ({"event": 7}, "quarantined", "missing_event"),
        ({"type": "trakc"}, "quarantined", "unknown_type"),
        ({"type": None}, "quarantined", "unknown_type"),
        ({"userId": {"id": 1}}, "quarantined", "bad_envelope"),
        ({"userId": True}, "quarantined", "bad_envelope"),
    ],
)
def test_each_fault_has_its_verdict(garden: Release, changes: dict[str, Any], outcome: str, violation: str) -> None:
    """Wrong types and unreadable envelopes are quarantined, everything else is stored and flagged."""
    found = verdict(garden, {**event(), **changes})

    assert (outcome, violation) == (found.outcome, found.violations[0])
    assert bool(found.reasons) == (outcome == "quarantined")


def test_the_reason_is_written_for_people(garden: Release) -> None:
    """A quarantined event's reason names the property, what was expected and what came."""
    (reason,) = verdict(garden, event(properties={"packets": "two"})).reasons

    assert "packets" in reason
    assert "int" in reason or "whole number" in reason


@pytest.mark.parametrize(
    "raw",
    [
        b'{"type":"track","event":"seeds_ordered","userId":"lina","messageId":"m","properties":{"packets":2,"x":"\xff"}}',
        b'{"type":"track","event":"seeds_ordered","userId":"lina","messageId":"m","properties":{"x":"\\ud800"}}',
        b'{"type":"track","event":"seeds_ordered","userId":"lina","messageId":"m","properties":{"x":1e999}}',
        b'{"type":"track","event":"seeds_ordered","userId":"lina","messageId":"m","properties":{"x":NaN}}',
    ],
)
def test_text_that_cannot_be_decoded_spoils_its_event_only(garden: Release, raw: bytes) -> None:
    """Bad UTF-8, a lone surrogate or an infinite number send one event to quarantine and leave its batch alone."""
    record = judge(garden, event(), raw, event())

    assert [1] == list(record.exceptions)
    assert ("quarantined", ("undecodable",)) == (record.exceptions[1].outcome, record.exceptions[1].violations)
    assert record.exceptions[1].message_id.startswith("sha256-")


def test_an_event_without_an_id_gets_one(garden: Release) -> None:
    """A missing, empty or overlong messageId is replaced; the same overlong id is replaced by the same one."""
    missing, empty = (verdict(garden, event(messageId=value)) for value in (None, ""))
    long, again = (verdict(garden, event(messageId="x" * 101)) for _ in range(2))

    assert missing.message_id != empty.message_id
    assert long.message_id == again.message_id
    assert {"ok"} == {found.outcome for found in (missing, empty, long)}


def test_numbers_as_ids_are_taken(garden: Release) -> None:
    """Hand-written calls send numeric user ids; they are text from then on."""
    assert not judge(garden, event(userId=4711)).exceptions


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
PROPERTIES = st.dictionaries(
    st.sampled_from(["packets", "price", "kind", "card", "at", "note", "other"]),
    st.sampled_from([1, 2.0, "tomato", "AB-7", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00", 2**63]) | VALUES,
    max_size=4,
)


@settings(max_examples=300, deadline=None)
@given(
    batch=st.lists(
        st.fixed_dictionaries(
            {
                "type": st.sampled_from(["track", "track", "track", "page", "nonsense"]),
                "event": st.sampled_from(["seeds_ordered", "harvested", "other"]),
                "properties": PROPERTIES,
            },
            optional={
                "messageId": st.sampled_from(["m", "", "x" * 101]) | st.text(min_size=1, max_size=5),
                "userId": st.sampled_from(["lina", "", 7, None]),
                "timestamp": st.sampled_from(["2026-05-01T10:00:00Z", "2026-05-01", "0099-01-01T00:00:00Z", "x", None]),
            },
        ),
        min_size=1,
        max_size=4,
    ),
    source=st.sampled_from(["web", "api"]),
)
def test_both_ways_give_the_same_verdict(garden: Release, batch: list[dict[str, Any]], source: str) -> None:
    """What the one-pass decoder accepts for a whole batch, the careful way accepts event by event."""
    body = msgspec.json.encode({"batch": batch})
    judges, limits = Judges(LiveReleases.of([garden])), Limits()

    record, _ = BatchDecoder(garden).decode(body, call="", source=source, received_at_us=1)
    raws = [msgspec.Raw(msgspec.json.encode(item)) for item in batch]
    each = [judge_one(raw, call="", source=source, judges=judges, limits=limits).verdict for raw in raws]

    assert {i: v.outcome for i, v in enumerate(each) if v} == {i: v.outcome for i, v in record.exceptions.items()}


@settings(max_examples=100, deadline=None)
@given(sizes=st.lists(st.integers(10, 1_500), min_size=1, max_size=8), tail=st.sampled_from(["", "\\", '"messageId"']))
def test_no_event_over_the_limit_gets_through(garden: Release, sizes: list[int], tail: str) -> None:
    """Whatever the sizes of a batch's events, exactly those over the limit are rejected."""
    limits = Limits(event_bytes=1_000)
    batch = [event(messageId=f"m-{n}", context={"pad": "x" * size + tail}) for n, size in enumerate(sizes)]
    encoded = [msgspec.json.encode(item) for item in batch]
    body = b'{"batch":[' + b",".join(encoded) + b"]}"

    record, _ = BatchDecoder(garden, Policies(SourcePolicy(limits))).decode(
        body, call="", source="web", received_at_us=1
    )

    rejected = [n for n, verdict in record.exceptions.items() if verdict.outcome == "rejected"]
    assert [n for n, text in enumerate(encoded) if len(text) > 1_000] == rejected


NESTED_FIELDS = ["messageId", "event", "name", "timestamp", "properties", "traits", "context", "sentAt"]


@pytest.mark.parametrize("field", NESTED_FIELDS)
@pytest.mark.parametrize("neighbour", [b'{"type":"page","userId":"lina"}', b"NaN"])
def test_deep_nesting_is_judged_or_refused(garden: Release, field: str, neighbour: bytes) -> None:
    """However deep a value is nested, its batch gets verdicts or a 400; never does an error escape."""
    for depth in (90, 200, 400, 470, 480, 490, 500, *range(900, 1000, 2)):
        for value in (b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth):
            deep = b'{"type":"track","event":"seeds_ordered","userId":"lina","%s":%s}' % (field.encode(), value)
            with suppress(RequestRefused):
                assert 2 == judge(garden, neighbour, deep).events


@pytest.mark.parametrize(
    "timestamp",
    ["1970-01-01T00:00:00+14:00", "2261-12-31T23:59:59-14:00", "2026-05-01t10:00:00z", "2026-05-01T10:00:00Z"],
)
def test_both_ways_read_a_time_alike(garden: Release, timestamp: str) -> None:
    """The one-pass decoder takes a time just when the careful way can read it."""
    record = judge(garden, event(timestamp=timestamp))

    readable = parse_timestamp_us(timestamp) is not None
    assert readable == (not record.exceptions)
    assert readable == timestamp.startswith("2026")
