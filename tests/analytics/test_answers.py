"""What an answer carries: data, meaning, SQL, a figure, a terminal table, JSON and HTML, all of one run."""

from __future__ import annotations

import json
import math
from datetime import timedelta
from typing import Any

import pytest
from plotly.colors import sample_colorscale
from rich.console import Console

from tests.analytics.logs import NOON, row, store
from trackway_analytics import Answer, Events, QuestionError, step
from trackway_analytics.statistics import wilson
from trackway_collector.warehouse import Warehouse

WEEK = 7 * 86_400

# Names that markup, Plotly and fonts could trip over.
CART, PAY, TOUCH = "加入购物车 <b>[red]", "оплата & co", "other"


@pytest.fixture
def events(warehouse: Warehouse) -> Events:
    """Ida buys in her first and third week, Jo only looks; a touch of each of two channels comes before."""
    properties = {"channel": "почта <i>", "price": 20}
    store(
        warehouse,
        [
            row("ida", TOUCH, 0, properties=properties),
            row("ida", CART, 60, properties=properties),
            row("ida", PAY, 360, properties=properties),
            row("ida", CART, 2 * WEEK),
            row("jo", TOUCH, 5, properties={"channel": "ad"}),
            row("jo", CART, 10, properties={"channel": "ad"}),
            row("kim", "seen", 3 * WEEK),
        ],
    )
    return Events(warehouse)


def answers(events: Events) -> list[Answer[Any]]:
    """One answer of each kind."""
    return [
        events.funnel(CART, PAY),
        events.funnel(CART, PAY, breakdown="channel"),
        events.paths(start=CART, steps=3),
        events.paths(end=PAY, steps=3, unit="user"),
        events.retention(start=CART, period="week", periods=3),
        events.attribution(conversion=PAY, touch=TOUCH, channel="channel", value="price"),
    ]


def text_of(answer: Answer[Any]) -> str:
    """Return the terminal table as plain text."""
    console = Console(width=200, no_color=True)
    with console.capture() as captured:
        console.print(answer.table())
    return captured.get()


def test_every_form_of_every_answer(events: Events) -> None:
    """
    Each answer draws itself, prints itself, and says itself in JSON and HTML, whatever its names contain.
    """
    for answer in answers(events):
        assert json.loads(answer.to_json())["semantics"] == answer.semantics
        assert answer.to_dict()["columns"] == [str(name) for name in answer.df.columns]
        assert len(answer.to_dict()["rows"]) == len(answer.df) > 0
        figure = answer.figure()
        assert figure.data
        assert "<b>[red]" not in figure.to_json().replace("\\u003c", "<"), "labels are text, not markup"
        html = answer.to_html()
        assert "cdn.plot.ly" not in html.partition("Plotly.newPlot")[0].partition("<script")[0], "no network"
        assert "<b>[red]" not in answer._repr_html_()
        assert answer.semantics.split(":")[0].split(" (")[0][:40] in " ".join(text_of(answer).split())


def test_terminal_tables_keep_brackets(events: Events) -> None:
    """A name in brackets is printed, not taken for a colour."""
    assert CART in text_of(events.funnel(CART, PAY))


def test_empty_answers_are_clear(warehouse: Warehouse) -> None:
    """With no events at all each question has an empty answer in every form, not an error."""
    for answer in answers(Events(warehouse)):
        assert answer.figure() is not None
        assert text_of(answer)
        assert json.loads(answer.to_json())
        assert answer.semantics
    funnel = Events(warehouse).funnel("a", "b")
    assert list(funnel.df["users"]) == [0, 0]
    assert funnel.df["conversion"].isna().all()


def test_answers_do_not_change(events: Events) -> None:
    """An answer runs once: later events, and what its reader does to the data frame, leave it as it is."""
    answer = events.funnel(CART)
    frame = answer.df
    store(events.warehouse, [row("lea", CART, 1)])
    frame.loc[0, "users"] = 99
    assert list(answer.df["users"]) == [2]
    with pytest.raises(AttributeError, match="ask again"):
        answer.question = None  # type: ignore[assignment]


def test_sql_and_params_can_be_run_by_hand(events: Events) -> None:
    """The SQL with its parameters returns the very rows of the answer."""
    for answer in answers(events):
        assert events.warehouse.query(answer.sql, answer.params).dicts() == answer.rows


def test_funnel_figures(events: Events) -> None:
    """Every column of the funnel, on two people of whom one buys after five minutes."""
    frame = events.funnel(CART, step(PAY, label="pays")).df
    assert frame.to_dict("list") == {
        "step": [1, 2],
        "label": [CART, "pays"],
        "users": [2, 1],
        "conversion": [1.0, 0.5],
        "step_conversion": [1.0, 0.5],
        "drop_off": [0, 1],
        "share": [pytest.approx(2 / 3), pytest.approx(1 / 3)],
        "ci_low": [1.0, pytest.approx(0.0945, abs=1e-4)],
        "ci_high": [1.0, pytest.approx(0.9055, abs=1e-4)],
        "median_time_s": [0.0, 300.0],
    }


def test_semantics_say_the_options(events: Events) -> None:
    """The sentence names entry, window, unit, filters and the population, as asked."""
    said = events.funnel(
        CART,
        step(PAY, where="price > 10"),
        within=timedelta(hours=36),
        entry="any",
        since="2026-03-01",
        source="web",
    ).semantics
    for part in (
        "Of 3 users",
        "where price > 10",
        "within 1 day 12 hours",
        "any ",
        "since 2026-03-01 UTC",
        "web",
    ):
        assert part in said
    assert "first 加入购物车 <b>[red] only" in events.funnel(CART, PAY, entry="first").semantics


def contrast(colour: str, other: str) -> float:
    """Return the contrast ratio of two colours as WCAG 2.2 defines it, 1 to 21."""
    lights = []
    for hexes in (colour, other):
        channels = [int(hexes[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        lights.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05)
    return max(lights) / min(lights)


def test_every_figure_on_the_heat_map_can_be_read(warehouse: Warehouse) -> None:
    """From 0 to 100 %, each figure has a contrast of 4.5 to its own cell; each cell is drawn once."""
    day = 86_400
    returns = [(f"{who}", "back", number * day + 1) for number in range(1, 102) for who in range(101 - number)]
    store(warehouse, [row(str(who), "start", who / 1000) for who in range(100)])
    store(warehouse, [row(*event) for event in returns])
    asked = Events(warehouse).retention(start="start", return_="back", period="day", periods=100)
    layers = asked.figure().data
    drawn = 0
    for layer in layers:
        for rate in (rate for line in layer.z for rate in line if rate is not None and not math.isnan(rate)):
            drawn += 1
            cell = sample_colorscale([list(stop) for stop in layer.colorscale], rate, colortype="tuple")[0]
            hexes = "#" + "".join(f"{round(channel * 255):02x}" for channel in cell)
            assert contrast(hexes, layer.textfont.color) >= 4.5, rate
    known = asked.df.iloc[:, 2:].notna().sum().sum() + asked.average()["rate"].notna().sum()
    assert drawn == known > 100


def test_incomplete_weeks_are_unknown(events: Events) -> None:
    """
    A week that the data does not cover is NaN, one that it covers is 0 or more; the average leaves NaN out.
    """
    retention = events.retention(start=CART, return_=CART, period="week", periods=4)
    rates = retention.df.iloc[0].to_list()[2:]
    assert rates[:3] == [1.0, 0.0, 0.5]
    assert all(math.isnan(rate) for rate in rates[3:])
    assert retention.average()["rate"].to_list()[:3] == [1.0, 0.0, 0.5]
    until = events.retention(start=CART, return_=CART, periods=4, until=NOON + timedelta(days=40))
    assert until.df.iloc[0].to_list()[2:] == [1.0, 0.0, 0.5, 0.0, 0.0]


def test_one_wrong_clock_does_not_fill_the_memory(warehouse: Warehouse) -> None:
    """An event of 1970 beside one of 2026 would make a row of each hour between; the message says what to set."""
    store(warehouse, [row("ana", CART, NOON), row("ben", CART, NOON.replace(year=1970))])
    events = Events(warehouse)
    with pytest.raises(QuestionError, match=r"1970-03-02 and 2026-03-02, 490,897 hours.*\n.*`since`"):
        _ = events.retention(start=CART, period="hour").df
    assert events.retention(start=CART, period="hour", since="2026-01-01").df["users"].to_list() == [1]
    assert len(events.retention(start=CART, period="month").df) == 673


def test_first_ever_looks_before_the_range(events: Events) -> None:
    """Who started before `since` is not new in it; with first="range" they are."""
    since = NOON + timedelta(days=7)
    assert events.retention(start=CART, since=since).df.empty
    assert events.retention(start=CART, since=since, first="range").df["users"].to_list() == [1]


def test_an_event_named_like_a_node_stays_itself(events: Events) -> None:
    """The event called "other" is not the node "other"."""
    frame = events.paths(start=TOUCH, steps=2, top=1).df
    assert set(frame["source"]) == {"other (event)"}


def test_wilson_against_published_values() -> None:
    """
    Wilson's interval of 1 in 10 is 0.0179 to 0.4042 (Newcombe 1998 gives it for his method 3); edges are
    exact.
    """
    assert wilson(1, 10) == pytest.approx((0.0179, 0.4042), abs=1e-4)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)
    assert wilson(20, 20)[1] == 1.0
    assert all(map(math.isnan, wilson(0, 0)))


@pytest.mark.parametrize(
    ("ask", "part"),
    [
        (lambda e: e.funnel(), "1 to 32 steps"),
        (lambda e: e.funnel(*["a"] * 33), "these are 33"),
        (lambda e: e.funnel("a", within="-7d"), "is not a duration"),
        (lambda e: e.funnel("a", within=timedelta(0)), "more than nothing"),
        (lambda e: e.funnel("a", within="7 parsecs"), "units: ms, s"),
        (lambda e: e.funnel("a", entry="frist"), "Did you mean `first`?"),
        (lambda e: e.funnel("a", unit="users"), "Did you mean `user`?"),
        (lambda e: e.funnel("a", 3), "step 2=3"),
        (lambda e: e.funnel("a", since="2026-03-02", until="2026-03-01"), "is not before"),
        (lambda e: e.funnel("a", since="March"), "ISO 8601"),
        (lambda e: e.funnel("a", since="0001-01-01"), "1901 to 2298"),
        (lambda e: e.funnel("a", breakdown="b", top=0), "from 1 to"),
        (lambda e: e.paths(start="a", end="b"), "give one of them"),
        (lambda e: e.paths(steps=1), "from 2 to 20"),
        (lambda e: e.paths(start="a", exclude=["a"]), "exclude hides a"),
        (lambda e: e.retention(period="fortnight"), "period='fortnight' is not known"),
        (lambda e: e.retention(periods=0), "from 1 to 400"),
        (lambda e: e.retention(tz="Mars/Olympus"), "IANA"),
        (lambda e: e.attribution(conversion="a", models=["shapely"]), "is not known"),
        (lambda e: e.attribution(conversion=[]), "names no event"),
        (lambda e: e.attribution(conversion="a", channel=""), "names no property"),
    ],
)
def test_bad_questions_say_what_to_write(ask: Any, part: str) -> None:
    """An option that makes no sense is refused before anything is asked, with what is known or an example."""
    with pytest.raises(QuestionError) as caught:
        ask(Events(None))  # type: ignore[arg-type]
    assert part in str(caught.value)


def test_thirty_two_steps(warehouse: Warehouse) -> None:
    """32 steps work, more than fit the packed form; so do two steps of more than 1,000 event names."""
    store(warehouse, [row("ida", f"step {number}", number) for number in range(32)])
    answer = Events(warehouse).funnel(*(f"step {number}" for number in range(32)))
    assert list(answer.df["users"]) == [1] * 32


def test_many_event_names(warehouse: Warehouse) -> None:
    """Paths over more event names than fit the packed form name each of them rightly."""
    store(warehouse, [row("ida", f"event {number}", number / 100) for number in range(1_500)])
    answer = Events(warehouse).paths(start="event 1200", steps=3)
    assert answer.top()["path"].to_list() == ["event 1200 → event 1201 → event 1202"]
    assert len(answer.transitions()) == 1_499
