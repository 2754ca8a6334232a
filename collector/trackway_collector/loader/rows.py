"""
One event of the spool becomes one row, as JSONEachRow text, of `events` or of `quarantine`.

The row is a function of the spool record and of the columns' types, nothing else: no clock, no plan, no chance.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from trackway_collector.loader.context import ContextColumns
from trackway_collector.loader.renames import Renames, renamed
from trackway_collector.loader.values import Fit, json_text, shape
from trackway_collector.outcomes import EnvelopeFault, Outcome
from trackway_collector.spool import Chunk, EventVerdict, Record
from trackway_collector.timestamps import corrected_us, parse_timestamp_us

EVENTS = "events"
QUARANTINE = "quarantine"

_NOT_TRACK = {call: f"${call}" for call in ("identify", "page", "screen", "group", "alias")}
_TEN_DIGITS = 10**9
_RAW_NONE = msgspec.Raw(b"")
# Every integer beyond 2^53 has so many digits. (The colon in front lets the search leap from one to the next.)
_LONG_NUMBER = re.compile(rb":\s*-?[0-9]{16}")


@dataclass(slots=True)
class Row:
    """One row to insert."""

    table: str
    offset: int
    key: bytes
    """16 bytes that stand for (source, messageId); see `dedup`."""
    text: bytes
    """The row as one JSON object."""


def dedup_key(source: str, message_id: str) -> bytes:
    """Return the 16 bytes that stand for (source, messageId); the warehouse computes the same, see `seen_keys.sql`."""
    return hashlib.md5(f"{source}\0{message_id}".encode(), usedforsecurity=False).digest()


class WireEvent(msgspec.Struct, gc=False):
    """An event that was judged already; every field may still be anything."""

    type: Any = None
    event: Any = None
    name: Any = None
    messageId: Any = None
    userId: Any = None
    anonymousId: Any = None
    previousId: Any = None
    groupId: Any = None
    timestamp: Any = None
    properties: msgspec.Raw = _RAW_NONE
    traits: msgspec.Raw = _RAW_NONE
    context: msgspec.Raw = _RAW_NONE
    integrations: msgspec.Raw = _RAW_NONE


class WireBatch(msgspec.Struct, gc=False):
    """A batch whose events were judged already."""

    # As little is decoded here as the ingest worker decodes, so that what it accepted can be taken apart.
    batch: list[msgspec.Raw]
    sentAt: msgspec.Raw = _RAW_NONE
    context: msgspec.Raw = _RAW_NONE
    integrations: msgspec.Raw = _RAW_NONE


class _EventRow(msgspec.Struct, omit_defaults=True, gc=False):
    source: str
    type: str
    event: str
    message_id: str
    timestamp: str
    received_at: str
    validated_rev: int
    verdict: str
    spool: str
    segment: int
    offset: int
    name: str = ""
    person_id: str = ""
    user_id: str = ""
    anonymous_id: str = ""
    previous_id: str = ""
    group_id: str = ""
    original_timestamp: str | None = None
    sent_at: str | None = None
    violations: tuple[str, ...] = ()
    integrations: str = ""
    misfits: dict[str, str] = {}


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
    plan_rev: int = 0
    person_id: str = ""
    user_id: str = ""
    anonymous_id: str = ""
    timestamp: str | None = None
    sent_at: str | None = None


_encode = msgspec.json.Encoder().encode
_batch = msgspec.json.Decoder(WireBatch)
_event = msgspec.json.Decoder(WireEvent)
_object = msgspec.json.Decoder(dict[str, Any])
_anything = msgspec.json.Decoder()


@dataclass(slots=True)
class _Request:
    """What the events of one request share."""

    record: Record
    received_at: str
    sent_at_us: int | None
    sent_at: str | None
    context: bytes
    integrations: bytes


class RowMaker:
    """
    Makes rows for one spool.

    Args:
        properties: typed path → how a value fits it, for `properties`; `traits` the same.
        trusted_rev: the plan revision whose properties have, each, the typed path of its kind: what it accepted fits.
        renames: event → the names its properties are stored under, where they differ.
        doubted: events whose properties may come under names without a typed path of their kind, `trusted_rev` or not.
    """

    def __init__(
        self,
        spool: str,
        properties: dict[str, Fit],
        traits: dict[str, Fit],
        trusted_rev: int | None = None,
        renames: Mapping[str, Renames] | None = None,
        doubted: Container[str] = (),
    ) -> None:
        self._spool = spool
        self._doubted = doubted
        self._renames = renames or {}
        self._trusted_rev = trusted_rev
        self._properties = properties
        self._traits = traits
        self._context = ContextColumns()

    def rows(self, chunk: Chunk) -> Iterator[Row]:
        """Yield a row for every event of the chunk that was not rejected, in spool order."""
        for block in chunk.blocks:
            offset = block.header.first_offset
            for record, body in block.records():
                yield from self._record_rows(record, body, chunk.segment, offset)
                offset += record.events

    def _record_rows(self, record: Record, body: bytes, segment: int, first_offset: int) -> Iterator[Row]:
        request, batch = _open(record, body)
        exceptions = record.exceptions
        for position, raw in enumerate(batch):
            verdict = exceptions.get(position) if exceptions else None
            offset = first_offset + position
            if verdict is None:
                yield self._event_row(request, raw, record.verdict, None, segment, offset)
            elif verdict.outcome == Outcome.QUARANTINED:
                yield self._quarantine_row(request, raw, verdict, segment, offset)
            elif verdict.outcome != Outcome.REJECTED:
                yield self._event_row(request, raw, verdict.outcome, verdict, segment, offset)

    def _event_row(
        self, request: _Request, raw: msgspec.Raw, outcome: str, verdict: EventVerdict | None, segment: int, offset: int
    ) -> Row:
        record = request.record
        try:
            wire = _event.decode(raw)
            call = record.call or wire.type
            message_id = (verdict.message_id if verdict else "") or str(wire.messageId)
            original_us = parse_timestamp_us(wire.timestamp)
            happened_us = corrected_us(original_us, request.sent_at_us, record.received_at_us)
            happened_at = _stamp(happened_us)
            user_id, anonymous_id = _id(wire.userId), _id(wire.anonymousId)
            row = _EventRow(
                record.source,
                call,
                wire.event if call == "track" else _NOT_TRACK[call],
                message_id,
                happened_at,
                request.received_at,
                record.validated_rev,
                outcome,
                self._spool,
                segment,
                offset,
                _text(wire.name) if call in ("page", "screen") else "",
                user_id or anonymous_id,
                user_id,
                anonymous_id,
                "" if wire.previousId is None else _id(wire.previousId),
                "" if wire.groupId is None else _id(wire.groupId),
                happened_at if original_us == happened_us else None if original_us is None else _stamp(original_us),
                request.sent_at,
                verdict.violations if verdict else (),
                _merged(request.integrations, wire.integrations),
            )
            if original_us is None and wire.timestamp is not None:
                row.misfits = {"timestamp": json_text(wire.timestamp)}
            # What the fast way accepted fits as it is, but for integers that a Float64 would round. Anything else is
            # looked at value by value.
            careful = (
                record.careful
                or outcome != Outcome.OK
                or record.validated_rev != self._trusted_rev
                or row.event in self._doubted
                or _LONG_NUMBER.search(wire.properties) is not None
            )
            renames = self._renames.get(row.event) if self._renames else None
            properties = self._values(wire.properties, self._properties, row, "", careful, renames)
            traits = self._values(wire.traits, self._traits, row, "traits.", True) if wire.traits else b""
            context = self._context.piece(bytes(wire.context), request.context)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return self._quarantine_row(request, raw, _unreadable(raw, verdict, error), segment, offset)
        text = b"".join((_encode(row)[:-1], context, properties and b',"properties":' + properties,
                         traits and b',"traits":' + traits, b"}"))  # fmt: skip
        return Row(EVENTS, offset, dedup_key(record.source, message_id), text)

    def _values(
        self,
        raw: msgspec.Raw,
        fits: dict[str, Fit],
        row: _EventRow,
        prefix: str,
        careful: bool,
        renames: Renames | None = None,
    ) -> bytes:
        if not raw:
            return b""
        if not careful and renames is None:
            # Decoded and encoded, not copied: of a key that comes twice the last one counts, here as in the verdict.
            return _encode(_object.decode(raw))
        values = _anything.decode(raw)
        if not isinstance(values, dict):
            if values is not None:
                row.misfits = row.misfits | {prefix.rstrip(".") or "properties": json_text(values)}
            return b""
        if renames is not None:
            values = renamed(values, renames)
        shaped, misfits = shape(values, fits)
        if misfits:
            row.misfits = row.misfits | {prefix + name: text for name, text in misfits.items()}
        return _encode(shaped)

    def _quarantine_row(
        self, request: _Request, raw: msgspec.Raw, verdict: EventVerdict, segment: int, offset: int
    ) -> Row:
        record = request.record
        wire = _lenient(raw)
        message_id = verdict.message_id or str(wire.get("messageId"))
        original_us = parse_timestamp_us(wire.get("timestamp"))
        user_id, anonymous_id = _id(wire.get("userId")), _id(wire.get("anonymousId"))
        row = _QuarantineRow(
            record.source,
            record.call or _name(wire.get("type")),
            _name(wire.get("event")),
            message_id,
            request.received_at,
            record.validated_rev,
            verdict.violations,
            verdict.reasons,
            bytes(raw).decode("utf-8", "backslashreplace"),
            self._spool,
            segment,
            offset,
            _plan_rev(wire.get("context")),
            user_id or anonymous_id,
            user_id,
            anonymous_id,
            _stamp(corrected_us(original_us, request.sent_at_us, record.received_at_us))
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


def _open(record: Record, body: bytes) -> tuple[_Request, list[msgspec.Raw]]:
    received_at = _stamp(record.received_at_us)
    if record.call:
        sent_at = _lenient(body).get("sentAt")
        batch, context, integrations = [msgspec.Raw(body)], b"", b""
    else:
        wire = _batch.decode(body)
        batch, sent_at = wire.batch, _readable(wire.sentAt)
        context, integrations = bytes(wire.context), bytes(wire.integrations)
    sent_at_us = parse_timestamp_us(sent_at)
    sent = _stamp(sent_at_us) if sent_at_us is not None else None
    return _Request(record, received_at, sent_at_us, sent, context, integrations), batch


def _stamp(us: int) -> str:
    seconds, fraction = divmod(us, 1_000_000)
    if _TEN_DIGITS <= seconds:
        # Seconds since 1970: what DateTime64(6) reads fastest, and exact. With fewer digits it would read a date.
        return f"{seconds}.{fraction:06d}"
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}.{fraction:06d}"


def _id(value: Any) -> str:
    return value if type(value) is str else str(value) if type(value) in (int, float) else ""


def _text(value: Any) -> str:
    return value if type(value) is str else "" if value is None else json_text(value)


def _name(value: Any) -> str:
    return value if type(value) is str else ""  # whatever else it was stands in the payload


def _merged(envelope: bytes, own: msgspec.Raw) -> str:
    if not own and not envelope:
        return ""
    merged: dict[str, Any] = {}
    for part in (envelope, own):
        value = _anything.decode(part) if part else None
        merged |= value if isinstance(value, dict) else {}
    return json_text(merged) if merged else ""


def _plan_rev(context: Any) -> int:
    protocols = context.get("protocols") if isinstance(context, dict) else None
    rev = protocols.get("rev") if isinstance(protocols, dict) else None
    return rev if type(rev) is int and 0 <= rev < 2**32 else 0


def _readable(raw: bytes | msgspec.Raw) -> Any:
    try:
        return _anything.decode(raw) if raw else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _lenient(raw: bytes | msgspec.Raw) -> dict[str, Any]:
    value = _readable(raw)
    return value if isinstance(value, dict) else {}


def _unreadable(raw: msgspec.Raw, verdict: EventVerdict | None, error: Exception) -> EventVerdict:
    # The ingest worker does not look into everything it skips; what only shows here ends here.
    message_id = verdict.message_id if verdict else ""
    if not message_id and not _lenient(raw).get("messageId"):
        message_id = "sha256-" + hashlib.sha256(bytes(raw)).hexdigest()[:32]
    reason = f"The event is not readable JSON text: {error}."
    return EventVerdict(Outcome.QUARANTINED, (EnvelopeFault.UNDECODABLE,), (reason,), message_id)
