"""What must hold for any bytes that a client sends as a body."""

from __future__ import annotations

import tempfile
import time
from functools import cache
from pathlib import Path

import msgspec

from trackway_collector.errors import RequestRefused
from trackway_collector.ingest.rules.sources import Limits, Policies, SourcePolicy
from trackway_collector.ingest.serving.encodings import decompress
from trackway_collector.ingest.verdicts.decode import BatchDecoder, write_key_of
from trackway_collector.loader.rows import RowMaker
from trackway_collector.spool.record import decode_record, encode_record
from trackway_plan import Release, compile_release, load_plan

ENCODINGS = ("", "gzip", "deflate", "zstd", "br", "gzip, gzip")
CALLS = ("", "", "", "track", "identify", "page", "group")
LIMITS = Limits(event_bytes=4 * 1024, batch_bytes=64 * 1024, batch_events=200)
RECEIVED_AT_US = 1_778_000_000_000_000

SLOW_S = 2.0
"""Nothing of so few bytes takes so long; found inputs that do would be a way to hold a worker up."""

PLAN = """\
plan: fuzz
format: 1
sources:
  web: {kind: client, sdk: javascript}
"""
SIGNED_UP = """\
event: signed_up
summary: Somebody signed up.
owner: fuzz
sent_by: [web]
properties:
  seats: {type: int, required: true, min: 1, pii: none}
  price: {type: number, pii: none}
  plan: {type: choice, choices: [free, team], pii: none}
  code: {type: string, pattern: "[A-Z]{2}-[0-9]+", pii: none}
  email: {type: string, format: email, pii: contact, store: drop}
  at: {type: timestamp, pii: none}
"""


def examine(data: bytes) -> None:
    """
    Take bytes as a request, in the ways that their first two name, and fail when the collector does not hold its own.

    A body is unpacked to no more than the limit, refused with an answer of the 400s, or becomes a record that the spool
    gives back as it was and a row, in valid JSON, for each event that is not rejected.
    """
    encoding = ENCODINGS[data[0] % len(ENCODINGS)] if data else ""
    choice = data[1] if len(data) > 1 else 0
    began = time.process_time()
    try:
        body = decompress(data[2:], encoding, LIMITS.batch_bytes)
        assert len(body) <= max(LIMITS.batch_bytes, len(data))
        _key(body)
        _decode(body, CALLS[choice % len(CALLS)], planned=choice >= 128)
    except RequestRefused as refusal:
        _check(refusal)
    assert time.process_time() - began < SLOW_S


def _key(body: bytes) -> None:
    try:
        write_key_of(body)
    except RequestRefused as refusal:
        _check(refusal)


def _check(refusal: RequestRefused) -> None:
    assert 400 <= refusal.status < 500
    assert refusal.code
    assert refusal.message


def _decode(body: bytes, call: str, *, planned: bool) -> None:
    record, kept, *_ = decoder(planned=planned).decode(body, call=call, source="web", received_at_us=RECEIVED_AT_US)
    assert record.events <= LIMITS.batch_events
    assert all(0 <= position < record.events for position in record.exceptions)
    again = decode_record(encode_record(record))
    assert again == record
    rows = list(RowMaker("w0-1", {}, {})._record_rows(again, kept, 1, 0))
    rejected = sum(verdict.outcome == "rejected" for verdict in record.exceptions.values())
    assert record.events == len(rows) + rejected
    for row in rows:
        assert isinstance(msgspec.json.decode(row.text), dict)


@cache
def decoder(*, planned: bool) -> BatchDecoder:
    """A decoder with a plan that has every kind of check and a property that may not be kept, or with none."""
    return BatchDecoder(_release() if planned else None, Policies(SourcePolicy(LIMITS)))


def _release() -> Release:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "plan.yaml").write_text(PLAN)
        (directory / "events" / "fuzz").mkdir(parents=True)
        (directory / "events" / "fuzz" / "signed_up.yaml").write_text(SIGNED_UP)
        return compile_release(load_plan(directory), rev=1)
