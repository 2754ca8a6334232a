"""One row to insert, and the two tables it may be meant for."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from trackway_collector.enrich.sessions import Visit

EVENTS = "events"
QUARANTINE = "quarantine"


@dataclass(frozen=True, slots=True)
class Replay:
    """That a row is a quarantined event which fits by now, and which one."""

    spool: str
    segment: int
    offset: int
    source: str
    event: str
    message_id: str
    received_at_us: int
    rev: int
    outcome: str


class Row(msgspec.Struct, gc=False):
    """One row to insert. Tens of thousands are in hand at a time, so the garbage collector is spared them."""

    table: str
    offset: int
    key: bytes
    """16 bytes that stand for (source, messageId); see `dedup`."""
    text: bytes
    """The row as one JSON object."""
    replay: Replay | None = None
    visit: Visit | None = None
    """Set when the event's own device sent it without a session."""
