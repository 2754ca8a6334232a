"""The filter language: what it means, and that nothing of it reaches the SQL as text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.analytics.logs import row, store
from trackway_analytics import Events, QuestionError, WhereError, step
from trackway_analytics.queries.fields import Bindings, Reader
from trackway_analytics.queries.where import compile_where
from trackway_collector.warehouse import Warehouse

PEOPLE: dict[str, dict[str, Any]] = {
    "int": {"n": 10, "s": "ten"},
    "float": {"n": 10.5},
    "text": {"n": "11"},
    "word": {"n": "many"},
    "truth": {"n": True, "flag": True},
    "big": {"n": 9_007_199_254_740_993},
    "huge": {"n": 18_446_744_073_709_551_615},
    "none": {},
    "nested": {"cart": {"total": 3}, "cart.total": 4},
    "odd": {"Product Name": "Teapot", "we`ird ' \\ \" {x:String} 名": 1, "source": "property"},
}


@pytest.fixture
def people(warehouse: Warehouse) -> Events:
    """One event per entry of PEOPLE, whose person is the entry's name."""
    store(
        warehouse,
        [
            row(name, "seen", i, properties=values, page_path=f"/{name}")
            for i, (name, values) in enumerate(PEOPLE.items())
        ],
    )
    return Events(warehouse)


def who(events: Events, where: str) -> set[str]:
    """Return the people whose event satisfies `where`."""
    frame = events.funnel(step("seen", where=where), breakdown="person_id", top=100).df
    return set(frame["breakdown"])


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("n > 9", {"int", "float", "text", "big", "huge"}),
        ("n = 10", {"int"}),
        ("n == 10.5", {"float"}),
        ("n <= 10.5 and n > -1e3", {"int", "float"}),
        ("n = 9007199254740993", {"big"}),
        ("n = 9007199254740992", set()),
        ("n > 9223372036854775807", {"huge"}),
        ('n = "many"', {"word"}),
        ('n in ("many", 10)', {"word", "int"}),
        ("n = true", {"truth"}),
        ("n is null", {"none", "nested", "odd"}),
        ("n IS NOT NULL AND NOT n > 9", {"word", "truth"}),
        ("n != 10 and n is not null", {"float", "text", "word", "truth", "big", "huge"}),
        ("s contains 'e' or flag = TRUE", {"int", "truth"}),
        ("cart.total = 3", {"nested"}),
        ('properties["cart.total"] = 4', {"nested"}),
        ("properties['Product Name'] starts_with 'Tea'", {"odd"}),
        ("properties.source = 'property'", {"odd"}),
        ("page_path in ('/int', '/none')", {"int", "none"}),
        ("source not in ('web') or page_path = '/odd'", {"odd"}),
        ("timestamp >= '2026-03-02T12:00:09Z'", {"odd"}),
        ("screen_width = 0 and person_id = 'int'", {"int"}),
        ("not (n is null or n > 9) or s = 'ten'", {"int", "word", "truth"}),
    ],
)
def test_meaning(people: Events, where: str, expected: set[str]) -> None:
    """
    A condition selects exactly these; a number sent as 10, 10.5 or "11" is a number, whatever it was stored
    as.
    """
    assert who(people, where) == expected


@pytest.mark.parametrize("name", ["we`ird ' \\ \" {x:String} 名", "') OR 1=1 --", "`; DROP TABLE events; --"])
def test_hostile_names_and_values_are_data(people: Events, name: str) -> None:
    """
    A property's name and a value reach the warehouse as bound parameters, whatever characters they have.
    """
    quoted = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    expected = {"odd"} if name in PEOPLE["odd"] else set()
    assert who(people, f"properties[{quoted}] = 1") == expected
    assert who(people, f"n = {quoted}") == set()
    assert people.warehouse.query("SELECT count() FROM events").one() == len(PEOPLE)


def test_typed_paths_read_alike(warehouse: Warehouse) -> None:
    """With a type in the table a property answers the same questions as without."""
    warehouse.command(
        "ALTER TABLE events MODIFY COLUMN properties JSON(n Nullable(Float64), flag Nullable(Bool), s Nullable(String))"
    )
    store(
        warehouse,
        [row(str(n), "seen", n, properties={"n": n, "flag": n > 2, "s": f"{n}.5"}) for n in range(5)],
    )
    store(warehouse, [row("none", "seen", 9, properties={})])
    events = Events(warehouse)
    assert who(events, "n >= 3") == {"3", "4"}
    assert who(events, "flag = true") == {"3", "4"}
    assert who(events, "s > 3") == {"3", "4"}
    assert who(events, "n is null") == {"none"}
    assert who(events, "n = '3'") == {"3"}


@pytest.mark.parametrize(
    ("where", "position", "part"),
    [
        ("price >", 7, "expected a number"),
        ("price > ten", 8, "Put text in quotes"),
        ("price ~ 3", 6, "cannot read `~`"),
        ("price > 3 platform = 1", 10, "did not expect `platform`"),
        ("(price > 3", 10, "expected `)`"),
        ("price in 3", 9, "`in` needs a list"),
        ("price is 3", 9, "`is` is for null only"),
        ("name contains 3", 15, "needs a string"),
        ("= 3", 0, "expected a name"),
        ('title = "open', 8, 'cannot read `"`'),
        ("price", 5, "expected a comparison"),
        ("timestamp > 'yesterday'", 12, "not a date or time"),
        ("__import__('os')", 10, "expected a comparison"),
    ],
)
def test_errors_point_at_the_place(where: str, position: int, part: str) -> None:
    """What cannot be read is an error with the expression, a mark under the place, and what to write."""
    with pytest.raises(WhereError) as caught:
        compile_where(where, Reader(Bindings()))
    assert caught.value.position == position
    assert part in str(caught.value)
    assert f"\n  {where}\n  {' ' * position}^\n" in str(caught.value)


@pytest.mark.parametrize(
    "where",
    ["", "   ", "(" * 200 + "a = 1" + ")" * 200, "not " * 200 + "a = 1", "a = 1 or " * 2000 + "a = 1"],
)
def test_limits(where: str) -> None:
    """Empty, very long and deeply nested conditions are refused."""
    with pytest.raises(QuestionError):
        compile_where(where, Reader(Bindings()))


def test_a_filter_is_checked_when_the_question_is_put(warehouse: Warehouse) -> None:
    """A filter that cannot be read fails where it is written, before anything is asked."""
    events = Events(warehouse)
    with pytest.raises(WhereError):
        events.funnel(step("a", where="b >"))
    with pytest.raises(WhereError):
        events.paths(where="b >")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=40))
def test_text_never_becomes_sql(text: str) -> None:
    """Any text either is refused or becomes SQL of our own words; what it says travels as parameters."""
    bindings = Bindings()
    try:
        sql = compile_where(f"properties[{_quoted(text)}] = {_quoted(text)}", Reader(bindings))
    except QuestionError:
        return
    assert sql == "ifNull(CAST(properties.{property:Identifier}, 'Nullable(String)') = {value:String}, 0)"
    assert bindings.params["value"] == text


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def test_what_enrichment_found_is_asked_for_like_any_column(warehouse: Warehouse) -> None:
    """`bot` and `browser_name` are columns; of a name that properties have too, `context.` means the column."""
    store(
        warehouse,
        [
            row("ida", "seen", 0, bot="Googlebot", country="PT", channel="Email", properties={"country": "DE"}),
            row("jo", "seen", 1, browser_name="Firefox", country="DE", properties={"channel": "mail"}),
        ],
    )
    events = Events(warehouse)

    assert who(events, "bot = ''") == {"jo"}
    assert who(events, 'context.browser_name = "Firefox"') == {"jo"}
    assert who(events, 'country = "DE"') == {"ida"}
    assert who(events, 'context.country = "DE"') == {"jo"}
    assert who(events, 'properties.channel = "mail"') == {"jo"}
    credited = events.attribution(conversion="seen", channel="context.channel", touch="seen").df
    assert set(credited["channel"]) >= {"Email"}
    assert set(events.funnel("seen", breakdown="context.country").df["breakdown"]) >= {"PT", "DE"}
