"""Development, staging and production are told apart in every question, and each answer says which it counted."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.stored import store_events
from trackway_analytics import Events, QuestionError
from trackway_collector.warehouse import Warehouse

PEOPLE = {"production": 3, "staging": 2, "development": 1}


@pytest.fixture
def events(warehouse: Warehouse) -> Events:
    """In each environment some people, each of whom put something into the cart and paid for it."""
    rows: list[dict[str, Any]] = []
    for environment, people in PEOPLE.items():
        for number in range(people):
            for minute, event in enumerate(("cart", "pay")):
                rows.append(
                    {
                        "event": event,
                        "person_id": f"{environment}-{number}",
                        "environment": environment,
                        "campaign_source": "news",
                        "timestamp": f"2026-03-01 10:{minute:02}:00",
                    }
                )
    store_events(warehouse, rows)
    return Events(warehouse)


@pytest.mark.parametrize("environment", [None, *PEOPLE, "all"])
def test_every_question_counts_one_environment(events: Events, environment: str | None) -> None:
    """Production unless asked for another, or for all of them; the sentence says which."""
    people = sum(PEOPLE.values()) if environment == "all" else PEOPLE[environment or "production"]
    said = "in all environments" if environment == "all" else f"in {environment or 'production'}"
    funnel = events.funnel("cart", "pay", environment=environment)
    assert (list(funnel.df["users"]), funnel.population) == ([people, people], people)
    paths = events.paths(start="cart", environment=environment)
    assert (paths.population, paths.total) == (people, people)
    assert list(paths.transitions()["transitions"]) == [people]
    retention = events.retention(environment=environment)
    assert list(retention.df["users"]) == [people]
    attribution = events.attribution(conversion="pay", environment=environment)
    assert attribution.conversions == people
    for answer in (funnel, paths, retention, attribution):
        assert said in answer.semantics
        assert ("environment" in answer.params) == (environment != "all")


def test_a_connection_has_an_environment(events: Events) -> None:
    """Its questions count that one, unless they name another."""
    staging = Events(events.warehouse, environment="staging")
    assert staging.funnel("cart").population == 2
    assert staging.funnel("cart", environment="development").population == 1
    assert staging.funnel("nobody did this").population == 2


def test_the_environment_can_split_an_answer(events: Events) -> None:
    """It is a column like others."""
    frame = events.funnel("cart", breakdown="environment", environment="all").df
    assert dict(zip(frame["breakdown"], frame["users"], strict=True)) == PEOPLE


def test_an_environment_that_there_is_not_is_refused(events: Events) -> None:
    """The message names those that there are."""
    with pytest.raises(QuestionError, match="production"):
        events.funnel("cart", environment="prod")
