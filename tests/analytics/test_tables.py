"""Terminal tables in a terminal of 80 columns, the narrowest that is usual."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from tests.analytics.logs import row, store
from trackway_analytics import Answer, Events
from trackway_analytics.views.text import amount, folded, seconds
from trackway_analytics.wording import counted
from trackway_collector.warehouse import Warehouse

NAMES = (
    "onboarding_privacy_policyShown",
    "checkout-payment-details",
    "Order Completed By Voucher",
    "加入购物车完成购买流程",
)


@pytest.fixture
def events(warehouse: Warehouse) -> Events:
    """12,345 people go through four events with long names, a day apart, by one channel of a long name."""
    properties = {"channel": "newsletter_for_returning_customers", "price": 1999.5}
    store(
        warehouse,
        (
            row(f"person {number}", name, 86_400 * place, properties=properties)
            for number in range(12_345)
            for place, name in enumerate(NAMES)
        ),
    )
    return Events(warehouse)


def printed(answer: Answer[Any]) -> str:
    """Return the table as a terminal of 80 columns shows it, without its caption."""
    table = answer.table()
    table.caption = None
    console = Console(width=80, no_color=True)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


@pytest.mark.parametrize("engine", ["chdb"], indirect=True)
def test_numbers_are_whole_at_80_columns(events: Events) -> None:
    """No table, with whatever options, cuts a number or wraps one, and none is wider than the terminal."""
    answers: list[Answer[Any]] = [
        events.funnel(*NAMES),
        events.funnel(*NAMES, breakdown="channel"),
        events.paths(start=NAMES[0], steps=4, unit="user"),
        events.paths(start=NAMES[0], steps=8, unit="user"),
        events.retention(period="day", periods=3),
        events.retention(period="day", periods=8),
        events.retention(period="day", periods=12),
        events.attribution(conversion=NAMES[-1], channel="channel"),
        events.attribution(conversion=NAMES[-1], channel="channel", models=["first", "last", "linear"]),
        events.attribution(conversion=NAMES[-1], channel="channel", value="price"),
    ]
    for answer in answers:
        text = printed(answer)
        assert "…" not in text
        assert "12,345" in text
        assert "100.0 %" in text or answer.verb == "retention"
        assert all(len(line.rstrip()) <= 80 for line in text.splitlines())


@pytest.mark.parametrize("engine", ["chdb"], indirect=True)
def test_names_fold_where_a_reader_would(events: Events) -> None:
    """A long name goes on in the next line after an underscore, a dash, a blank or before a capital."""
    words = {"onboarding_", "privacy_", "policy", "Shown", "checkout-", "payment-", "details", "Order", "Completed"}
    text = printed(events.paths(start=NAMES[0], steps=5, unit="user"))
    for word in words:
        assert word in text


@pytest.mark.parametrize(
    ("name", "width", "lines"),
    [
        (["onboarding_", "welcome_", "screen"], 19, ["onboarding_welcome_", "screen"]),
        (["onboarding_", "welcome_", "screen"], 8, ["onboardi", "ng_", "welcome_", "screen"]),
        (["Order ", "Completed"], 14, ["Order", "Completed"]),
        (["12,345  ", "100.0 %"], 16, ["12,345  100.0 %"]),
        (["12,345  ", "100.0 %"], 12, ["12,345", "100.0 %"]),
        (["加", "入", "购", "物", "车"], 5, ["加入", "购物", "车"]),
        ([""], 5, [""]),
    ],
)
def test_pieces_stay_whole_while_they_fit(name: list[str], width: int, lines: list[str]) -> None:
    """A line takes as many pieces as fit; only a piece longer than the line is broken; wide characters count twice."""
    assert folded(name, width) == lines


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (0.0, "0 s"),
        (0.00004, "0 s"),
        (0.0123, "12 ms"),
        (0.9999, "1 s"),
        (1.25, "1.25 s"),
        (398.0, "6 min 38 s"),
        (float("nan"), "–"),
    ],
)
def test_durations(length: float, text: str) -> None:
    """A duration is said in units that a person has a feeling for: 40 microseconds are no time."""
    assert seconds(length) == text


def test_counts_of_one() -> None:
    """One user is not "1 users"."""
    assert [counted(count, "user") for count in (0, 1, 1200)] == ["0 users", "1 user", "1,200 users"]


def test_amounts_lose_their_tenths_when_they_are_large() -> None:
    """6,308.5 conversions, and 1,234,568."""
    assert (amount(6308.5), amount(1_234_567.8), amount(12.5, 2)) == ("6,308.5", "1,234,568", "12.50")


def test_sentences_count_one_person(warehouse: Warehouse) -> None:
    """What was counted is said in the singular for one user, one session, one conversion."""
    store(warehouse, [row("ida", "cart", 0, properties={"ad": "mail"}), row("ida", "pay", 60)])
    events = Events(warehouse)
    assert events.funnel("cart").semantics.startswith("Of 1 user with")
    assert events.funnel("cart", unit="session").semantics.startswith("Of 1 session (")
    paths = events.paths(start="cart", steps=2, top=1).semantics
    assert paths.startswith("Of 1 session (")
    assert "the next 1 event of each" in paths
    credited = events.attribution(conversion="pay", channel="ad", value="price").semantics
    assert credited.startswith("1 conversion (pay)")
    assert "which 1 conversion lacks" in credited
