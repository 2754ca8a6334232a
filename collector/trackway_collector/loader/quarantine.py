"""The rows of `quarantine`: events that the plan or the envelope refuses, and rows that the warehouse does."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import msgspec

from trackway_collector.loader.dedup import dedup_key
from trackway_collector.loader.row import QUARANTINE, Row
from trackway_collector.loader.wire import Request, id_text, lenient, readable, stamp
from trackway_collector.outcomes import EnvelopeFault, Outcome
from trackway_collector.spool import EventVerdict
from trackway_collector.timestamps import corrected_us, parse_timestamp_us
from trackway_plan.environments import PRODUCTION

# Its name and its value's first quote, both in an event and in one that is quoted since nobody could read it.
_WRITE_KEY = re.compile(rb'((\\*)"writeKey\2"\s*:\s*\2")[^"\\]*')

_encode = msgspec.json.Encoder().encode
_object = msgspec.json.Decoder(dict[str, Any])


class _QuarantineRow(msgspec.Struct, omit_defaults=True, gc=False):
    source: str
    type: str
    event: str
    message_id: str
    received_at: str
    validated_rev: int
    codes: tuple[str, ...]
    reasons: tuple[str, ...]
    payload: str
    spool: str
    segment: int
    offset: int
    environment: str = PRODUCTION
    plan_rev: int = 0
    person_id: str = ""
    user_id: str = ""
    anonymous_id: str = ""
    timestamp: str | None = None
    sent_at: str | None = None


def quarantine_row(
    request: Request, raw: msgspec.Raw, verdict: EventVerdict, spool: str, segment: int, offset: int
) -> Row:
    """Return the row of an event that was set aside when it was accepted."""
    record = request.record
    wire = lenient(raw)
    message_id = verdict.message_id or str(wire.get("messageId"))
    original_us = parse_timestamp_us(wire.get("timestamp"))
    user_id, anonymous_id = id_text(wire.get("userId")), id_text(wire.get("anonymousId"))
    row = _QuarantineRow(
        record.source,
        record.call or _name(wire.get("type")),
        _name(wire.get("event")),
        message_id,
        request.received_at,
        verdict.rev or record.validated_rev,
        verdict.violations,
        verdict.reasons,
        _payload(bytes(raw)),
        spool,
        segment,
        offset,
        record.environment,
        _plan_rev(wire.get("context")) or _plan_rev(readable(request.context)),
        user_id or anonymous_id,
        user_id,
        anonymous_id,
        stamp(corrected_us(original_us, request.sent_at_us, record.received_at_us))
        if original_us is not None
        else None,
        request.sent_at,
    )
    return Row(QUARANTINE, offset, dedup_key(record.source, message_id), _encode(row))


def poison_row(row: Row, reason: str) -> Row:
    """
    Return the quarantine row of an event whose row the warehouse refuses; its payload is that row.

    Of the times only the collector's own is repeated: one of the others may be what was refused.
    """
    event = _object.decode(row.text)
    kept = set(_QuarantineRow.__struct_fields__) - {"timestamp", "sent_at"}
    quarantined = {name: value for name, value in event.items() if name in kept} | {
        "codes": ["poison"],
        "reasons": [f"The warehouse refuses the row: {reason}"],
        "payload": row.text.decode(),
    }
    return Row(QUARANTINE, row.offset, row.key, _encode(quarantined))


def unreadable(raw: msgspec.Raw, verdict: EventVerdict | None, error: Exception) -> EventVerdict:
    """Return the verdict on an event that cannot be decoded after all."""
    # The ingest worker does not look into everything it skips; what only shows here ends here.
    message_id = verdict.message_id if verdict else ""
    if not message_id and not lenient(raw).get("messageId"):
        message_id = "sha256-" + hashlib.sha256(bytes(raw)).hexdigest()[:32]
    reason = f"The event is not readable JSON text: {error}."
    return EventVerdict(Outcome.QUARANTINED, (EnvelopeFault.UNDECODABLE,), (reason,), message_id)


def _payload(raw: bytes) -> str:
    """Return an event as it came, but for the write key that browser clients put into each."""
    if b"writeKey" in raw:
        raw = _WRITE_KEY.sub(rb"\1", raw)
    return raw.decode("utf-8", "backslashreplace")


def _name(value: Any) -> str:
    return value if type(value) is str else ""  # whatever else it was stands in the payload


def _plan_rev(context: Any) -> int:
    protocols = context.get("protocols") if isinstance(context, dict) else None
    rev = protocols.get("rev") if isinstance(protocols, dict) else None
    return rev if type(rev) is int and 0 <= rev < 2**32 else 0
