"""What the warehouse says of quarantine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import resources
from typing import Any, NamedTuple

from trackway_collector.warehouse import Warehouse

MOST_REASONS = 1_000


class Reason(NamedTuple):
    """Why some events of one name wait."""

    source: str
    environment: str
    event: str
    code: str
    events: int
    first_at: datetime
    last_at: datetime
    example: str
    """The newest one's sentence for people."""
    place: str
    """Where the newest one is: `show` takes it."""


class Quarantined(NamedTuple):
    """One event of quarantine."""

    source: str
    environment: str
    event: str
    message_id: str
    received_at: datetime
    codes: Sequence[str]
    reasons: Sequence[str]
    payload: str
    place: str
    outcome: str
    """What became of it in a replay; empty when it was in none."""


def reasons(warehouse: Warehouse, since: datetime, sources: Sequence[str] = ()) -> list[Reason]:
    """
    Return why events wait, the most frequent reason first.

    Raises:
        WarehouseError: the warehouse cannot be asked.
    """
    params: dict[str, object] = {"since": since, "sources": list(sources), "most": MOST_REASONS}
    rows = warehouse.query(_sql("reasons"), params).rows
    return [
        Reason(source, environment, event, code, events, _at(first), _at(last), example, _place(*place))
        for source, environment, event, code, events, first, last, example, place in rows
    ]


def one(warehouse: Warehouse, name: str) -> list[Quarantined]:
    """
    Return the events of a place, `w0-1a2b3c4d:3:17`, or of a messageId.

    Raises:
        WarehouseError: the warehouse cannot be asked.
    """
    spool, segment, offset = _read_place(name) or ("", 0, 0)
    params: dict[str, object] = {
        "message_id": "" if spool else name,
        "spool": spool,
        "segment": segment,
        "offset": offset,
    }
    rows = warehouse.query(_sql("one"), params).rows
    return [
        Quarantined(source, environment, event, message_id, _at(received), codes, why, payload, _place(*place), outcome)
        for source, environment, event, message_id, received, codes, why, payload, *place, outcome in rows
    ]


def _place(spool: str, segment: int, offset: int) -> str:
    return f"{spool}:{segment}:{offset}"


def _read_place(name: str) -> tuple[str, int, int] | None:
    spool, _, rest = name.partition(":")
    segment, _, offset = rest.partition(":")
    if not (spool and segment.isdigit() and offset.isdigit() and len(segment) < 10 and len(offset) < 19):
        return None
    return spool, int(segment), int(offset)


def _at(value: Any) -> datetime:
    at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _sql(name: str) -> str:
    return (resources.files(__package__) / "sql" / f"{name}.sql").read_text("utf-8")
