"""Whether one event has arrived in the tables; `trackway doctor` waits for its own by this."""

from __future__ import annotations

import time
from datetime import datetime
from importlib import resources
from typing import NamedTuple

from trackway_collector.warehouse.opening import open_warehouse

POLL_S = 0.25


class Found(NamedTuple):
    """Where an event is, and what it got."""

    place: str
    """`events` or `quarantine`."""
    verdict: str
    violations: tuple[str, ...]
    source: str
    rev: int


def find_event(url: str, message_id: str, since: datetime, timeout_s: float) -> Found | None:
    """
    Return where the event is as soon as it can be queried; None when it cannot after `timeout_s`.

    Args:
        since: it was received after this moment, by the collector's clock.

    Raises:
        WarehouseError: the warehouse cannot be asked, or refuses the question.
    """
    sql = (resources.files(__package__) / "find_event.sql").read_text("utf-8")
    deadline = time.monotonic() + timeout_s
    warehouse = open_warehouse(url, start_engine=False)
    try:
        while True:
            rows = warehouse.query(sql, {"message_id": message_id, "since": since}).rows
            if rows:
                place, verdict, violations, source, rev = rows[0]
                return Found(place, verdict, tuple(violations), source, int(rev))
            if time.monotonic() >= deadline:
                return None
            time.sleep(POLL_S)
    finally:
        warehouse.close()
