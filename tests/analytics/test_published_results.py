"""Numbers that others published about data we have, and worked examples of their documentation."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.analytics.logs import air, channels, row, shop, store
from trackway_analytics import Events
from trackway_analytics.queries.funnel import Entry
from trackway_collector.warehouse import Warehouse

# ChannelAttribution's and mta's heuristics on the sample, in conversions.
FIRST = {
    "alpha": 6308, "iota": 4606, "eta": 3164, "beta": 2831, "theta": 1606, "lambda": 902,
    "gamma": 165, "epsilon": 99, "kappa": 74, "zeta": 27, "mi": 2, "delta": 1,
}  # fmt: skip
LAST = {
    "alpha": 8447, "eta": 4167, "iota": 3355, "lambda": 1207, "beta": 989, "theta": 653,
    "epsilon": 531, "kappa": 230, "zeta": 107, "gamma": 92, "delta": 5, "mi": 2,
}  # fmt: skip
LINEAR = {
    "alpha": 7574.718594, "iota": 3857.096221, "eta": 3539.951157, "beta": 2083.500145, "lambda": 1035.257572,
    "theta": 1022.801394, "epsilon": 272.170438, "kappa": 137.964078, "zeta": 136.551540, "gamma": 121.041639,
    "mi": 2.222222, "delta": 1.725,
}  # fmt: skip


def follow(*journeys: str) -> list[dict[str, object]]:
    """Return a log in which each person does the letters of one journey, a minute apart."""
    return [
        row(f"person {number}", letter, 60 * minute)
        for number, journey in enumerate(journeys)
        for minute, letter in enumerate(journey)
    ]


def test_shop_funnel(warehouse: Warehouse) -> None:
    """
    cart → shipping_details → purchase: 1,022 / 512 / 173 of 3,605 sessions, 489 / 385 / 213 of 600 users.
    """
    store(warehouse, shop())
    events, steps = Events(warehouse), ("cart", "shipping_details", "purchase")
    sessions = events.funnel(*steps, unit="session", within=None, source="shop")
    assert list(sessions.df["sessions"]) == [1022, 512, 173]
    assert sessions.population == 3605
    assert [f"{share:.1%}" for share in sessions.df["share"]] == ["28.3%", "14.2%", "4.8%"]
    users = events.funnel(*steps, within=None, source="shop")
    assert list(users.df["users"]) == [489, 385, 213]
    assert users.population == 600


def test_app_log_has_the_authors_labels(warehouse: Warehouse) -> None:
    """
    2,497 of the app's 4,139 users passed the onboarding and 1,642 are lost, as its authors labelled them.
    """
    store(warehouse, air())
    events = Events(warehouse)
    assert list(events.funnel("passed").df["users"]) == [2497]
    assert list(events.funnel("lost").df["users"]) == [1642]
    assert events.funnel("passed").population == 4139


def test_channel_credits(warehouse: Warehouse) -> None:
    """First, last and linear touch of the attribution sample, to six digits after the point."""
    store(warehouse, channels())
    answer = Events(warehouse).attribution(
        conversion="conversion", touch="touch", channel="channel", lookback=None, source="channels"
    )
    frame = answer.df.set_index("channel")
    assert answer.conversions == 19_785
    assert frame["first"].to_dict() == FIRST
    assert frame["last"].to_dict() == LAST
    assert {name: round(credit, 6) for name, credit in frame["linear"].items()} == LINEAR
    for model in answer.question.models:
        assert frame[model].sum() == pytest.approx(19_785, abs=1e-6)


def test_mixpanel_orders(warehouse: Warehouse) -> None:
    """Mixpanel: of steps ABCDE, the journeys ABCDE, ABFCDE and ABDCDE go to the end, ABCE stops at C."""
    store(warehouse, follow("ABCDE", "ABFCDE", "ABDCDE", "ABCE"))
    assert list(Events(warehouse).funnel(*"ABCDE").df["users"]) == [4, 4, 4, 3, 3]


def test_mixpanel_first_entry_and_reentry(warehouse: Warehouse) -> None:
    """
    Mixpanel: A 13:00, A 13:30, B 13:45, C 14:15 within 1 hour is 2 steps from the first entry, 3 with
    re-entry.
    """
    minutes = {"A": (0, 30), "B": (45,), "C": (75,)}
    store(warehouse, [row("mia", name, 60 * at) for name, times in minutes.items() for at in times])
    events = Events(warehouse)
    assert list(events.funnel(*"ABC", within="1h", entry="first").df["users"]) == [1, 1, 0]
    assert list(events.funnel(*"ABC", within="1h", entry="any").df["users"]) == [1, 1, 1]


def test_reyun_order(warehouse: Warehouse) -> None:
    """热云: of steps ABCDE, a person who does CABCBE gets to C."""
    store(warehouse, follow("CABCBE"))
    assert list(Events(warehouse).funnel(*"ABCDE").df["users"]) == [1, 1, 1, 0, 0]


def test_funneljoin_readme(warehouse: Warehouse) -> None:
    """
    funneljoin: four people land, three of them register, two of these purchase: .75, then .667 (.5 of all).
    """
    days: dict[str, dict[str, float]] = {
        "landing": {"1": 1, "2": 2, "3": 3, "4": 4},
        "registration": {"1": 2, "3": 3.5, "4": 5},
        "purchase": {"1": 3, "3": 4},
    }
    log = [
        row(person, name, timedelta(days=day).total_seconds())
        for name, people in days.items()
        for person, day in people.items()
    ]
    store(warehouse, log)
    frame = Events(warehouse).funnel("landing", "registration", "purchase", within=None).df
    assert list(frame["users"]) == [4, 3, 2]
    assert list(frame["conversion"].round(3)) == [1, 0.75, 0.5]
    assert list(frame["step_conversion"].round(3)) == [1, 0.75, 0.667]


@pytest.mark.parametrize(
    ("moments", "level"),
    [
        ("A1 B2 C3", 3),
        ("A1 X2 B3 C4", 3),
        ("A1 C2 B3 C4", 3),
        ("A1 B2 B3 C4", 3),
        ("A0 B100", 2),
        ("A0 B101", 1),
        ("A0 A150 B160 C170", 3),
        ("A0 B50 A90 C120", 2),
        ("A0 B10 A80 B90 C150", 3),
    ],
)
def test_clickhouse_window_funnel(warehouse: Warehouse, moments: str, level: int) -> None:
    """With entry="any" a funnel of A, B, C within 100 s gets as far as ClickHouse's own windowFunnel."""
    log = [row("vera", moment[0], float(moment[1:])) for moment in moments.split()]
    store(warehouse, log)
    assert Events(warehouse).funnel(*"ABC", within="100s", entry="any").df["users"].sum() == level


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_an_event_serves_one_step(warehouse: Warehouse, count: int) -> None:
    """Three steps of the same event need three events; plain windowFunnel takes one for all of them."""
    store(warehouse, [row("vera", "P", 0) for _ in range(count)])
    entries: tuple[Entry, ...] = ("first", "any")
    for entry in entries:
        answer = Events(warehouse).funnel(*"PPP", entry=entry)
        assert answer.df["users"].sum() == min(count, 3)
