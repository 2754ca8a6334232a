"""
The four questions as the page shows them: figure, table, semantics and SQL, all of one answer.

An answer is kept until an event arrives, and asked for once however many look: charts are the costly part of
the page.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from trackway_analytics import Answer, Events
from trackway_analytics.charts import literal
from trackway_analytics.demo.questions import QUESTIONS, Question
from trackway_analytics.demo.sqlfile import read_sql
from trackway_collector.warehouse import Warehouse
from trackway_plan.environments import ALL, PRODUCTION


class Charts:
    """Answers of `QUESTIONS` about one environment, each made once for the same events."""

    def __init__(self, warehouse: Warehouse, environment: str = PRODUCTION) -> None:
        self._warehouse = warehouse
        self._events = Events(warehouse, environment=environment)
        self._environment = environment
        self._kept: dict[str, tuple[int, dict[str, Any]]] = {}
        # One at a time: four questions at once would take every core from the collector.
        self._lock = asyncio.Lock()

    async def answer(self, name: str) -> dict[str, Any]:
        """
        Return the answer to the question `name`, ready for JSON.

        `available` is false, with a `message`, while no event of the question's source is stored. Otherwise
        there are `figure` (plotly's JSON), `columns` and `rows` (NaN as None), `semantics` and `sql`.
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
        bound = "" if self._environment == ALL else self._environment
        params = {"source": question.source, "environment": bound}
        found = self._warehouse.query(read_sql("console/source_seen"), params).rows
        if not found:
            message = (
                f"This chart draws events of the source “{question.source}”, and none is stored"
                f"{f' in {bound}' if bound else ''}. "
                "`trackway demo` sends them. "
                "Ask about your own events in a notebook or with `trackway query`."
            )
            return {"available": False, "message": message}
        return {"available": True, **chart(question.ask(self._events))}


def chart(answer: Answer[Any]) -> dict[str, Any]:
    """
    Return an answer as plain values for JSON: its own `to_dict`, and the figure without what the page says
    itself.
    """
    figure = json.loads(answer.figure().to_json())
    layout = figure["layout"]
    meaning = literal(answer.semantics)
    layout["annotations"] = [
        note for note in layout.get("annotations", ()) if note["text"].replace("<br>", " ") != meaning
    ]
    layout.pop("title", None)
    layout.pop("template", None)
    return {"figure": figure, **answer.to_dict()}
