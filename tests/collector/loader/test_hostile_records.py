"""No record in the spool stops the loader, whatever a client managed to put there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trackway_collector.errors import RequestRefused
from trackway_collector.ingest.verdicts.decode import BatchDecoder
from trackway_collector.loader.context import ContextColumns
from trackway_collector.loader.rows import RowMaker
from trackway_collector.spool.record import decode_record, encode_record

from .conftest import Pipeline
from .test_loader import event

ODD = [
    b"null", b"true", b"7", b"-1.5", b'""', b'"x"', b"[]", b"{}", b"1e999", b'"\\ud800"', b'"\xff"', b"NaN", b"[1,",
    b"9" * 30, b"9" * 5_000, b'{"a":1,"a":2}', b"[" * 500 + b"]" * 500, b'{"a":' * 970 + b"1" + b"}" * 970,
    b'{"page":7,"screen":{"width":-1},"protocols":{"rev":1e400}}', b'"0001-01-01T00:00:00Z"', b'"2026-05-01"',
]  # fmt: skip
EVENT_FIELDS = [
    "type", "event", "name", "messageId", "userId", "anonymousId", "previousId", "groupId", "timestamp", "properties",
    "traits", "context", "integrations", "extra",
]  # fmt: skip
FIELDS = st.tuples(st.sampled_from(EVENT_FIELDS), st.sampled_from(ODD))
ENVELOPE = st.tuples(
    st.sampled_from(["sentAt", "context", "integrations", "writeKey", "batch", "extra"]), st.sampled_from(ODD)
)


def joined(fields: list[tuple[str, bytes]]) -> bytes:
    """Return the inside of a JSON object, doubled keys and all."""
    return b",".join(b'"%s":%s' % (name.encode(), value) for name, value in fields)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    batch=st.lists(st.lists(FIELDS, max_size=3), min_size=1, max_size=3),
    envelope=st.lists(ENVELOPE, max_size=2),
    call=st.sampled_from(["", "", "track", "page", "group"]),
)
def test_whatever_is_accepted_becomes_rows(
    batch: list[list[tuple[str, bytes]]], envelope: list[tuple[str, bytes]], call: str
) -> None:
    """Every event of a record that ingest accepted becomes one row, valid JSON, or was rejected by name."""
    fine = b'"type":"track","event":"seeds_ordered","messageId":"m","userId":"lina"'
    events = [b"{" + b",".join(filter(None, (fine, joined(fields)))) + b"}" for fields in batch]
    body = (
        events[0]
        if call
        else b'{"batch":[' + b",".join(events) + b"]" + b"".join(b"," + joined([f]) for f in envelope) + b"}"
    )
    try:
        record, kept = BatchDecoder(None).decode(body, call=call, source="web", received_at_us=10**15)
    except RequestRefused:
        return
    record = decode_record(encode_record(record))

    rows = list(RowMaker("w0-1", {}, {})._record_rows(record, kept, 1, 0))

    rejected = sum(verdict.outcome == "rejected" for verdict in record.exceptions.values())
    assert record.events == len(rows) + rejected
    for row in rows:
        assert isinstance(msgspec.json.decode(row.text), dict)


@pytest.mark.parametrize("sent_at", [b"1e999", b'"\\ud800"', b'"\xff"', b"[[]]", b"7", b'"0001-01-01T00:00:00Z"'])
def test_a_bad_sent_at_is_no_sent_at(pipeline: Pipeline, sent_at: bytes) -> None:
    """A `sentAt` that cannot be read costs the batch its clock correction and nothing else."""
    pipeline.spool(b'{"sentAt":%s,"batch":[%s]}' % (sent_at, msgspec.json.encode(event("m-1"))))

    loader = pipeline.load()

    assert not loader.died
    assert pipeline.rows("message_id, sent_at") == [("m-1", None)]


def test_no_clock_leads_out_of_the_calendar(pipeline: Pipeline) -> None:
    """Where correcting a mad clock would place an event beyond 1970–2261 it is stored at the time of its receipt."""
    received_us = 1_778_000_000_000_000
    mad = [("1970-01-01T00:00:00Z", "2261-01-01T00:00:00Z"), ("2261-01-01T00:00:00Z", "1970-01-01T00:00:00Z")]
    for number, (at, sent) in enumerate(mad):
        for call in ("track", "nonsense"):
            item = event(f"{call}-{number}", timestamp=at, type=call)
            pipeline.spool(msgspec.json.encode({"sentAt": sent, "batch": [item]}), at_us=received_us)

    loader = pipeline.load()

    received = datetime(2026, 5, 5, 16, 53, 20, tzinfo=UTC)
    assert not loader.died
    assert pipeline.rows("message_id, timestamp") == [("track-0", received), ("track-1", received)]
    assert pipeline.rows("message_id, timestamp", "quarantine") == [("nonsense-0", received), ("nonsense-1", received)]


def test_remembered_contexts_have_a_bound() -> None:
    """Contexts that are all different and large cost no memory."""
    columns = ContextColumns()

    def size() -> int:
        return sum(len(context) + len(piece) for context, piece in columns._remembered.items())

    for n in range(3_000):
        columns.piece(msgspec.json.encode({"request": n, "pad": "x" * 30_000}))
    assert size() == 0
    pieces: list[Any] = [columns.piece(msgspec.json.encode({"request": n, "pad": "x" * 1_900})) for n in range(10_000)]

    assert len(set(pieces)) == 10_000
    assert size() <= 16 * 1024 * 1024
