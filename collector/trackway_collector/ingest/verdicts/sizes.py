"""
Whether no event of a batch is over the limit, without measuring each one.

A batch may be larger than one event may be, and mostly nothing in it is. Two cheap proofs are tried in turn: how short
the other events can be at the least, and where their ids stand.
"""

from __future__ import annotations

import msgspec

from trackway_collector.ingest.rules.sources import Limits
from trackway_plan import Release

_MESSAGE_ID = b'"messageId"'


class _RawBatch(msgspec.Struct, gc=False):
    batch: list[msgspec.Raw]


_raw_batch = msgspec.json.Decoder(_RawBatch)


def least_bytes(event: str, properties: type[msgspec.Struct]) -> int:
    """Return a number of bytes that no event of this name can be shorter than, written as JSON."""
    envelope = '{"type":"track","event":"","messageId":"0","timestamp":"2000-01-01T00:00:00Z","properties":{}}'
    members = [field.encode_name for field in msgspec.structs.fields(properties) if field.required]
    # A member is its name in quotes, a colon, one byte of value, and a comma, which the last one does without.
    return len(envelope) + len(event) + max(0, sum(len(name) + 5 for name in members) - 1)


def least_context_bytes(release: Release) -> int:
    """Return a number of bytes that the `context` of an event with this release's stamp cannot be shorter than."""
    envelope = ',"context":{"protocols":{"plan":"","rev":,"hash":""}}'
    return len(envelope) + len(release.name) + len(str(release.rev)) + len(release.hash)


def all_small(body: bytes, events: int, limits: Limits, *, escapes: bool) -> bool:
    """
    Say whether no event is over the limit.

    Each event has its `"messageId"`. Without escapes, and with as many of them as events, each has exactly one;
    an event over the limit would then cover two thirds of it whole with none in one of them. Finding one per third
    is cheap. Where that says nothing, the events are measured.
    """
    limit = limits.event_bytes
    third = limit // 3
    if not escapes and body.count(_MESSAGE_ID) == events:
        starts = range(0, len(body) - third + 1, third)
        if all(body.find(_MESSAGE_ID, start, start + third) >= 0 for start in starts):
            return True
    return all(memoryview(raw).nbytes <= limit for raw in _raw_batch.decode(body).batch)
