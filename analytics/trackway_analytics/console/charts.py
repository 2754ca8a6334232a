"""
The four questions as the page shows them: figure, table, semantics and SQL, all of one answer.

An answer is kept until an event arrives, and asked for once however many look: charts are the costly part of the page.
"""

from __future__ import annotations

import asyncio
import json
import math
from datetime import date, datetime
from typing import Any

from trackway_analytics import Answer, Events
from trackway_analytics.demo.questions import QUESTIONS, Question
from trackway_analytics.demo.sqlfile import read_sql
from trackway_collector.warehouse import Warehouse


class Charts:
    """Answers of `QUESTIONS`, each made once for the same events."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._events = Events(warehouse)
        self._kept: dict[str, tuple[int, dict[str, Any]]] = {}
        # One at a time: four questions at once would take every core from the collector.
        self._lock = asyncio.Lock()

    async def answer(self, name: str) -> dict[str, Any]:
        """
        Return the answer to the question `name`, ready for JSON.

        `available` is false, with a `message`, while no event of the question's source is stored. Otherwise there are
        `figure` (plotly's JSON), `columns` and `rows` (NaN as None), `semantics` and `sql`.
        """
        async with self._lock:
            return await asyncio.to_thread(self._answer, QUESTIONS[name])

    def _answer(self, question: Question) -> dict[str, Any]:
        (total,) = self._warehouse.query(read_sql("console/total")).rows[0]
        kept = self._kept.get(question.name)
        if kept is None or kept[0] != total:
            kept = self._kept[question.name] = (total, self._ask(question))
        return kept[1]

    def _ask(self, question: Question) -> dict[str, Any]:
        found = self._warehouse.query(read_sql("console/source_seen"), {"source": question.source}).rows
        if not found:
            message = (
                f"This chart draws events of the source “{question.source}”, and none is stored. "
                "`trackway demo` sends them; ask about your own events in a notebook or with `trackway query`."
            )
            return {"available": False, "message": message}
        return {"available": True, **chart(question.ask(self._events))}


def chart(answer: Answer) -> dict[str, Any]:
    """Return an answer as plain values for JSON."""
    frame = answer.df.reset_index() if answer.df.index.name else answer.df
    return {
        "figure": json.loads(answer.figure().to_json()),
        "columns": [str(column) for column in frame.columns],
        "rows": [[_plain(value) for value in row] for row in frame.itertuples(index=False, name=None)],
        "semantics": answer.semantics,
        "sql": answer.sql,
    }


def _plain(value: Any) -> str | int | float | bool | None:
    if hasattr(value, "item"):  # numpy's numbers
        value = value.item()
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, str | int | float):
        return value
    if isinstance(value, datetime) and (value.hour, value.minute, value.second) == (0, 0, 0):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return "" if str(value) in ("NaT", "<NA>") else str(value)
