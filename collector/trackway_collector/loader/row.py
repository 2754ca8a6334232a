"""One row to insert, and the two tables it may be meant for."""

from __future__ import annotations

from dataclasses import dataclass

EVENTS = "events"
QUARANTINE = "quarantine"


@dataclass(slots=True)
class Row:
    """One row to insert."""

    table: str
    offset: int
    key: bytes
    """16 bytes that stand for (source, messageId); see `dedup`."""
    text: bytes
    """The row as one JSON object."""
