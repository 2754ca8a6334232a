"""The charts' answers: made once for the same events, and plain enough for JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.stored import store_events
from trackway_analytics import Answer, Events
from trackway_analytics.console import charts as charts_module
from trackway_analytics.console.charts import Charts
from trackway_analytics.demo.questions import Question
from trackway_collector.warehouse import Warehouse

pytestmark = pytest.mark.parametrize("engine", ["chdb"], indirect=True)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Put one small question in the place of the demo's; returns a list that grows each time it is asked."""
    times: list[str] = []

    def ask(events: Events) -> Answer[Any]:
        times.append("asked")
        return events.funnel("cart", "purchase", source="web")

    monkeypatch.setattr(charts_module, "QUESTIONS", {"funnel": Question("funnel", "Funnel", "", "web", ask)})
    return times


async def test_an_answer_is_kept_until_an_event_arrives(warehouse: Warehouse, asked: list[str]) -> None:
    """Ten people who look cost one query; the next event makes the answer new."""
    charts = Charts(warehouse)
    store_events(warehouse, [{"event": "cart", "person_id": "bo"}])
    first = [await charts.answer("funnel") for _ in range(10)]
    assert len(asked) == 1
    assert first[0]["rows"][0][2] == 1
    store_events(warehouse, [{"event": "cart", "person_id": "mei"}])
    assert (await charts.answer("funnel"))["rows"][0][2] == 2
    assert len(asked) == 2


async def test_what_is_not_known_is_null_and_never_nan(warehouse: Warehouse, asked: list[str]) -> None:
    """JSON has no NaN: a step that nobody took has a median time of null."""
    store_events(warehouse, [{"event": "cart", "person_id": "bo"}])
    answer = await Charts(warehouse).answer("funnel")
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer
    assert answer["rows"][1][-1] is None


async def test_the_figure_leaves_to_the_page_what_the_page_says(warehouse: Warehouse, asked: list[str]) -> None:
    """Title and semantics stand in the page's own text; the figure does not repeat them."""
    store_events(warehouse, [{"event": "cart", "person_id": "bo"}])
    layout = (await Charts(warehouse).answer("funnel"))["figure"]["layout"]
    assert "title" not in layout
    assert layout["annotations"] == []


async def test_a_source_without_events_is_said_in_words(warehouse: Warehouse, asked: list[str]) -> None:
    """Nothing is asked; the message names the source."""
    store_events(warehouse, [{"event": "cart", "source": "another"}])
    answer = await Charts(warehouse).answer("funnel")
    assert not answer["available"]
    assert "web" in answer["message"]
    assert asked == []
