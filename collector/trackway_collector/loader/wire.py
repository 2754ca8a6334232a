"""
A spool record taken apart: what its events share, and its events as the client wrote them.

Everything was judged when it was accepted, so whatever is here reads as much as can be read and refuses nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from trackway_collector.spool import Record
from trackway_collector.timestamps import parse_timestamp_us

_TEN_DIGITS = 10**9
_RAW_NONE = msgspec.Raw(b"")


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


_batch = msgspec.json.Decoder(WireBatch)
_anything = msgspec.json.Decoder()


@dataclass(slots=True)
class Request:
    """What the events of one request share."""

    record: Record
    received_at: str
    sent_at_us: int | None
    sent_at: str | None
    context: bytes
    integrations: bytes


def open_request(record: Record, body: bytes) -> tuple[Request, list[msgspec.Raw]]:
    """Return what a record's events share, and the events."""
    received_at = stamp(record.received_at_us)
    if record.call:
        sent_at = lenient(body).get("sentAt")
        batch, context, integrations = [msgspec.Raw(body)], b"", b""
    else:
        wire = _batch.decode(body)
        batch, sent_at = wire.batch, readable(wire.sentAt)
        context, integrations = bytes(wire.context), bytes(wire.integrations)
    sent_at_us = parse_timestamp_us(sent_at)
    sent = stamp(sent_at_us) if sent_at_us is not None else None
    return Request(record, received_at, sent_at_us, sent, context, integrations), batch


def stamp(us: int) -> str:
    """Return microseconds since 1970 as ClickHouse reads them into DateTime64(6)."""
    seconds, fraction = divmod(us, 1_000_000)
    if _TEN_DIGITS <= seconds:
        # Seconds since 1970: what DateTime64(6) reads fastest, and exact. With fewer digits it would read a date.
        return f"{seconds}.{fraction:06d}"
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}.{fraction:06d}"


def id_text(value: Any) -> str:
    """Return an id as text; empty when it is neither text nor a number."""
    return value if type(value) is str else str(value) if type(value) in (int, float) else ""


def readable(raw: bytes | msgspec.Raw) -> Any:
    """Return the value; None when it cannot be decoded."""
    try:
        return _anything.decode(raw) if raw else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def lenient(raw: bytes | msgspec.Raw) -> dict[str, Any]:
    """Return the object; an empty one when it is none."""
    value = readable(raw)
    return value if isinstance(value, dict) else {}
