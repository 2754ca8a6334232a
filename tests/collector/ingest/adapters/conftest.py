"""What stock clients really sent, and events as the spool keeps them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from tests.collector.ingest.conftest import Collector

GOLDEN = Path(__file__).parents[3] / "golden" / "wire"


def events(collector: Collector) -> list[dict[str, Any]]:
    """Return every event of every stored request, in order."""
    return [event for _, body in collector.spooled() for event in msgspec.json.decode(body)["batch"]]


def outcomes(collector: Collector) -> dict[str, int]:
    """Return how many events ended how."""
    return {outcome: count for (_, outcome), count in collector.ingest.counters.events.items() if count}
