"""
The numbers that move: how many events are stored, how fast they come, the last of them with their verdicts.

All viewers of an environment together cost one look a second. A look costs two counts, which ClickHouse
reads from part metadata; for those of one environment it has to read a column, so that is done for a
twentieth of the time at most. Only when a count has changed does it also read the last minute of
`received_at` and the newest events; parts carry the smallest and largest `received_at` (it is the partition
key), so older parts are not opened.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from trackway_analytics.demo.sqlfile import read_sql
from trackway_collector.warehouse import Warehouse
from trackway_plan.environments import ALL, PRODUCTION

FRESH_FOR_S = 0.8
RATE_WINDOW_S = 10
HISTORY_S = 60
LAST_EVENTS = 25
MAX_CONTENT = 4000
COUNTING_PAUSE = 19
"""Times as long as the events of one environment took to count, they are not counted again."""
# How far back to look for the last events, nearest first: a busy store stops at the first, a quiet one goes
# on.
LOOK_BACK_S = (60, 3600, 86_400, 31 * 86_400, None)


class Live:
    """One snapshot for all viewers, made when somebody asks and older than `FRESH_FOR_S`."""

    def __init__(
        self,
        warehouse: Warehouse,
        status: Callable[[], dict[str, Any]],
        now: Callable[[], float] = time.time,
        environment: str = PRODUCTION,
    ) -> None:
        self.status = status
        self._environment = environment
        self._bound = "" if environment == ALL else environment
        self._counted: tuple[int, int] = (0, 0)
        self._count_again_at = float("-inf")
        self._warehouse = warehouse
        self._now = now
        self._lock = asyncio.Lock()
        self._taken_at = float("-inf")
        self._snapshot: dict[str, Any] = {}
        self._store: dict[str, Any] = {"events": 0, "quarantined": 0, "recent": [], "received": {}, "totals": (0, 0)}

    async def snapshot(self) -> dict[str, Any]:
        """
        Return what the page shows now, ready for JSON.

        `events` and `quarantined` are rows of the environment; `per_second` is events received in the last
        `RATE_WINDOW_S` seconds, each second; `history` is events received in each of the last `HISTORY_S` whole
        seconds, oldest first; `recent` are the last events, newest first; `loaded` is what the loader did since the
        store process started; `lag_bytes` and `lag_seconds` are what waits in the spool and for how long.
        When the warehouse cannot be asked, `store_error` says why and the last known numbers stay.
        """
        async with self._lock:
            if time.monotonic() - self._taken_at >= FRESH_FOR_S:
                self._snapshot = await self._take()
                self._taken_at = time.monotonic()
            return self._snapshot

    async def _take(self) -> dict[str, Any]:
        store_error = None
        try:
            self._store = await asyncio.to_thread(self._ask, self._store)
        except Exception as error:  # whatever keeps the store from answering is shown to the person who looks
            store_error = f"{type(error).__name__}: {error}"
        status = self.status()
        return {
            "environment": self._environment,
            "at": datetime.fromtimestamp(self._now(), UTC).isoformat(),
            "lag_bytes": status["lag_bytes"],
            "lag_seconds": round(status["lag_seconds"], 3),
            "loaded": {
                "stored": status["loaded_events"],
                "quarantined": status["quarantined_events"],
                "repeated": status["duplicate_events"],
            },
            "loading_error": status["loading_error"],
            "store_error": store_error,
            "events": self._store["events"],
            "quarantined": self._store["quarantined"],
            "recent": self._store["recent"],
            **self._rate(),
        }

    def _ask(self, before: dict[str, Any]) -> dict[str, Any]:
        totals = self._warehouse.query(read_sql("console/totals")).rows[0]
        if totals == before["totals"]:
            return before
        events, quarantined, exact = self._count(totals)
        since = {"since": int(self._now()) - HISTORY_S, "environment": self._bound}
        seconds = self._warehouse.query(read_sql("console/history"), since).rows
        return {
            "totals": totals if exact else (),
            "events": events,
            "quarantined": quarantined,
            "recent": self._recent(events + quarantined),
            "received": {int(second): int(count) for second, count in seconds},
        }

    def _count(self, totals: tuple[int, int]) -> tuple[int, int, bool]:
        """Return how many events are stored and in quarantine, and whether that is so now or was a moment ago."""
        if not self._bound:
            return *totals, True
        began = time.monotonic()
        if began < self._count_again_at:
            return *self._counted, False
        counts = self._warehouse.query(read_sql("console/totals_of_environment"), {"environment": self._bound})
        self._counted = counts.rows[0]
        ended = time.monotonic()
        self._count_again_at = ended + COUNTING_PAUSE * (ended - began)
        return *self._counted, True

    def _recent(self, total: int) -> list[dict[str, Any]]:
        rows: list[Any] = []
        for back in LOOK_BACK_S:
            since = 0 if back is None else int(self._now()) - back
            params = {"since": since, "environment": self._bound, "limit": LAST_EVENTS}
            result = self._warehouse.query(read_sql("console/recent"), params)
            rows = [dict(zip(result.columns, row, strict=True)) for row in result.rows]
            if len(rows) >= min(LAST_EVENTS, total):
                break
        return [_shown(row) for row in rows]

    def _rate(self) -> dict[str, Any]:
        received: dict[int, int] = self._store["received"]
        this_second = int(self._now())
        history = [received.get(this_second - back, 0) for back in range(HISTORY_S, 0, -1)]
        return {"history": history, "per_second": round(sum(history[-RATE_WINDOW_S:]) / RATE_WINDOW_S, 1)}


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """Return an event for the page: what it carried, at a length that a page can hold."""
    content, misfits = row["content"], row.pop("misfits")
    if row["verdict"] != "quarantined":
        # A planned property that the event did not carry reads as null: the table has a column for it.
        carried = _without_nulls(json.loads(content)) | {path: json.loads(text) for path, text in misfits.items()}
        content = json.dumps(carried, ensure_ascii=False)
    return {**row, "reasons": list(row["reasons"]), "content": content[:MAX_CONTENT]}


def _without_nulls(value: dict[str, Any]) -> dict[str, Any]:
    kept = {key: _without_nulls(item) if isinstance(item, dict) else item for key, item in value.items()}
    return {key: item for key, item in kept.items() if item is not None and item != {}}
