"""Events put straight into a warehouse's tables, for tests that are about reading."""

from __future__ import annotations

import itertools
import json
import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from trackway_analytics.demo.replay import Call
from trackway_collector.warehouse import Warehouse

TIME = "%Y-%m-%d %H:%M:%S.%f"
_ids = (f"message-{number:09d}" for number in itertools.count())


def store_events(warehouse: Warehouse, events: Iterable[Mapping[str, Any]]) -> int:
    """Insert rows into `events`, each a few columns over sensible others; returns how many."""
    now = f"{datetime.now(UTC):{TIME}}"
    defaults = {"source": "web", "type": "track", "verdict": "ok", "timestamp": now, "received_at": now}
    rows = [{**defaults, "message_id": next(_ids), **event} for event in events]
    _insert(warehouse, "events", rows)
    return len(rows)


def store_quarantined(warehouse: Warehouse, events: Iterable[Mapping[str, Any]]) -> int:
    """Insert rows into `quarantine` in the same way."""
    now = f"{datetime.now(UTC):{TIME}}"
    defaults = {"source": "web", "type": "track", "received_at": now, "payload": "{}"}
    rows = [{**defaults, "message_id": next(_ids), **event} for event in events]
    _insert(warehouse, "quarantine", rows)
    return len(rows)


def store_calls(warehouse: Warehouse, source: str, calls: Iterable[Call]) -> int:
    """Insert what a tracker's calls would become; returns how many."""
    return store_events(
        warehouse,
        (
            {
                "source": source,
                "event": call.event,
                "person_id": call.user_id,
                "user_id": call.user_id,
                "session_id": call.context.get("sessionId", ""),
                "timestamp": f"{call.timestamp:{TIME}}",
                "properties": call.properties,
            }
            for call in calls
        ),
    )


def _insert(warehouse: Warehouse, table: str, rows: list[dict[str, Any]]) -> None:
    text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    warehouse.insert_rows(table, text.encode(), token=secrets.token_hex(8), query_id=secrets.token_hex(8))
