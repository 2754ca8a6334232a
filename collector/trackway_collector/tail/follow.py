"""Ask the warehouse for what has arrived, again and again, and hand out every event once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any

from trackway_collector.warehouse import Warehouse

# Several spools are loaded in turn, so an event may become visible after one that was received later.
OVERLAP = timedelta(seconds=30)
MOST = 1_000


@dataclass(frozen=True, slots=True)
class Arrival:
    """One event as it ended up."""

    received_at: datetime
    source: str
    event: str
    name: str
    person_id: str
    verdict: str
    violations: tuple[str, ...]
    reasons: tuple[str, ...]
    properties: dict[str, Any]


class Arrivals:
    """
    What arrives in a warehouse from now on.

    Args:
        source: only events of this source; empty for all.
        environment: only events of this environment; empty for all.
        since: start there instead of now.
    """

    def __init__(
        self, warehouse: Warehouse, source: str = "", since: datetime | None = None, environment: str = ""
    ) -> None:
        self._warehouse = warehouse
        self._source = source
        self._environment = environment
        self._since = since or datetime.now(UTC)
        self._newest = self._since
        self._shown: dict[tuple[str, int, int], datetime] = {}
        self._sql = (resources.files("trackway_collector.tail") / "arrivals.sql").read_text("utf-8")

    def poll(self) -> Iterator[Arrival]:
        """Yield what has become visible since the last call, at most the newest thousand, oldest first."""
        since = max(self._since, self._newest - OVERLAP)
        params = {"since": since, "source": self._source, "environment": self._environment, "most": MOST}
        for row in reversed(self._warehouse.query(self._sql, params).rows):
            position, (received_at, *rest) = row[:3], row[3:]
            if position in self._shown:
                continue
            self._shown[position] = received_at
            self._newest = max(self._newest, received_at)
            source, event, name, person_id, verdict, violations, reasons, properties = rest
            yield Arrival(
                received_at,
                source,
                event,
                name,
                person_id,
                verdict,
                tuple(violations),
                tuple(reasons),
                _object(properties),
            )
        for position in [p for p, at in self._shown.items() if at < self._newest - 2 * OVERLAP]:
            del self._shown[position]


def _object(text: str) -> dict[str, Any]:
    # A typed path that the event did not carry reads as null.
    value = json.loads(text) if text else {}
    return {name: item for name, item in value.items() if item is not None} if isinstance(value, dict) else {}
