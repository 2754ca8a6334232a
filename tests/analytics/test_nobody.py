"""Events without any id of a person are stored and flagged; no question counts them as somebody."""

from __future__ import annotations

from tests.analytics.logs import row, store
from trackway_analytics import Events
from trackway_collector.warehouse import Warehouse


def test_nobodys_events_are_nobodys(warehouse: Warehouse) -> None:
    """Two events without ids are no user of the funnel, the population, the retention or the attribution."""
    names = ("touch", "cart", "purchase")
    store(warehouse, [row("", name, 60 * i, properties={"channel": "mail"}) for i, name in enumerate(names)])
    store(warehouse, [row("ida", name, 60 * i, properties={"channel": "mail"}) for i, name in enumerate(names)])
    events = Events(warehouse)

    funnel = events.funnel("cart", "purchase", within="1d", entry="first")

    assert list(funnel.df["users"]) == [1, 1]
    assert funnel.semantics.startswith("Of 1 user with")
    assert events.retention(start="cart", period="day", periods=1).long()["users"].max() == 1
    assert float(events.attribution(conversion="purchase", models=["first"]).df["first"].sum()) == 1


def test_a_session_with_an_id_needs_no_person(warehouse: Warehouse) -> None:
    """A session that the client names is a session, whoever's it is; without a name and a person it is none."""
    store(warehouse, [row("", name, 60 * i, session_id="s-1") for i, name in enumerate(("cart", "purchase"))])
    store(warehouse, [row("", name, 60 * i) for i, name in enumerate(("cart", "purchase"))])

    funnel = Events(warehouse).funnel("cart", "purchase", within="1d", unit="session")

    assert list(funnel.df["sessions"]) == [1, 1]
