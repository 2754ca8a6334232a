"""Questions in present names over rows with former ones: what is included, what is said about it, and what is read."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.analytics.logs import row, store
from trackway_analytics import Events, step
from trackway_analytics.names import names_of
from trackway_analytics.queries.unseen import unseen_events
from trackway_collector.warehouse import Warehouse, apply_plan, record_release, recorded_releases
from trackway_plan import Choice, EventSpec, Plan, PropertySpec, Release, compile_release
from trackway_plan.model import Former

GOLDEN = Path(__file__).parent.parent / "golden" / "sql"

PAY = PropertySpec(name="pay", kind="choice", choices=(Choice(value="wallet", formerly=("applepay",)),))
ORDER = EventSpec(
    name="order",
    properties={
        "amount": PropertySpec(name="amount", kind="int"),
        "gift": PropertySpec(name="gift", kind="bool"),
        "pay": PAY,
    },
    formerly=(
        Former(event="purchase", through=4),
        Former(property="total", now="amount", through=4),
        Former(property="present", now="gift"),
    ),
)


def release(rev: int, *events: EventSpec) -> Release:
    return compile_release(Plan(name="shop", events={event.name: event for event in events}), rev)


@pytest.fixture(params=["typed", "dynamic"])
def events(warehouse: Warehouse, request: pytest.FixtureRequest) -> Events:
    """Three people: one bought under the former names, one under the present, one did something else with a total."""
    plan = release(5, EventSpec(name="cart"), ORDER, EventSpec(name="refund"))
    record_release(warehouse, plan)
    if request.param == "typed":
        apply_plan(warehouse, plan)
    old, new = {"total": 30, "pay": "applepay", "present": True}, {"amount": 20, "pay": "wallet", "gift": False}
    store(
        warehouse,
        [
            row("ana", "cart", 0),
            row("ana", "purchase", 60, plan_rev=3, properties=old),
            row("bo", "cart", 0),
            row("bo", "order", 60, plan_rev=5, properties=new),
            row("chi", "cart", 0),
            row("chi", "refund", 60, plan_rev=5, properties={"total": 99, "pay": "applepay"}),
        ],
    )
    return Events(warehouse)


def test_one_funnel_over_all_names(events: Events) -> None:
    """A step in its present name counts who sent the former one, and the answer says so in one sentence."""
    answer = events.funnel("cart", "order")
    assert list(answer.df["users"]) == [3, 2]
    assert answer.semantics.endswith(" Former names count: order includes purchase.")


def test_a_former_name_asks_for_the_present_event(events: Events) -> None:
    """Who asks by a former name gets the same answer under the present name, and is told."""
    answer = events.funnel("cart", "purchase")
    assert list(answer.df["users"]) == [3, 2]
    assert list(answer.df["label"]) == ["cart", "order"]
    assert "purchase is now called order; order includes purchase." in answer.semantics
    assert unseen_events(events.warehouse, ["purchase", "order"]) == []
    assert unseen_events(events.warehouse, ["ordr"]) == ["Nobody has sent an event `ordr`. Did you mean `order`?"]


@pytest.mark.parametrize(
    ("where", "users"),
    [
        ("amount > 25", 1),
        ("amount > 15", 2),
        ("total > 25", 1),
        ("amount is null", 0),
        ("gift = true", 1),
        ("present = false", 1),
        ("pay = 'wallet'", 2),
        ("pay = 'applepay'", 2),
        ("pay in ('applepay', 'card')", 2),
        ("pay starts_with 'wal'", 2),
        ("pay != 'wallet'", 0),
        ("event = 'order'", 2),
        ("event = 'purchase'", 2),
        ("event != 'order'", 0),
    ],
)
def test_properties_and_choices_are_read_under_every_name(events: Events, where: str, users: int) -> None:
    """Numbers, truth values and choices of an event are read where they were sent, by present and former names."""
    assert list(events.funnel(step("order", where=where)).df["users"]) == [users]


def test_other_events_keep_their_own_names(events: Events) -> None:
    """`total` of a refund is not the order's amount, and its applepay is no wallet."""
    assert list(events.funnel(step("refund", where="total = 99 and amount is null")).df["users"]) == [1]
    assert list(events.funnel(step("refund", where="pay = 'applepay'")).df["users"]) == [1]
    assert list(events.funnel(step("refund", where="pay = 'wallet'")).df["users"]) == [0]
    both = events.funnel(step("refund", "order"), breakdown="pay").df
    assert dict(zip(both["breakdown"], both["users"], strict=True)) == {"wallet": 2, "applepay": 1}


def test_a_breakdown_merges_former_choices(events: Events) -> None:
    """Former values of a choice are counted with what they are called now."""
    frame = events.funnel("order", breakdown="pay").df
    assert dict(zip(frame["breakdown"], frame["users"], strict=True)) == {"wallet": 2}
    assert "pay of order counts “applepay” as “wallet”" in events.funnel("order", breakdown="pay").semantics


def test_paths_and_attribution_show_present_names(events: Events) -> None:
    """Nodes and channels are events as they are called now; a value is credited from the former property too."""
    paths = events.paths(start="cart", steps=2, unit="user")
    assert set(paths.df["target"]) == {"order", "refund"}
    assert "order includes purchase" in paths.semantics
    assert set(events.paths(start="cart", steps=2, unit="user", exclude=["purchase"]).df["target"]) == {
        "refund",
        "drop-off",
    }
    credited = events.attribution(conversion="order", touch="cart", channel="event", models=["last"], value="amount")
    assert credited.df.set_index("channel").loc["cart", "last_value"] == 50.0


def test_a_name_used_again_is_read_by_revision(warehouse: Warehouse) -> None:
    """`cart` of revision 3 is a basket, of revision 9 a cart; unstamped, what the collector judged it by decides."""
    plan = release(9, EventSpec(name="basket", formerly=(Former(event="cart", through=8),)), EventSpec(name="cart"))
    record_release(warehouse, plan)
    store(
        warehouse,
        [
            row("ana", "cart", 0, plan_rev=3),
            row("bo", "cart", 0, plan_rev=9),
            row("chi", "cart", 0, validated_rev=8),
            row("dov", "cart", 0, validated_rev=9),
            row("eli", "cart", 0),
        ],
    )
    events = Events(warehouse)
    assert list(events.funnel("basket").df["users"]) == [3]
    assert list(events.funnel("cart").df["users"]) == [2]
    assert "basket includes cart (through revision 8)" in events.funnel("basket").semantics
    assert list(events.funnel(step("basket", "cart")).df["users"]) == [5]


def test_the_sort_key_still_prunes(warehouse: Warehouse) -> None:
    """A question about a renamed event, used again or not, reads the granules of its names and no others."""
    basket = EventSpec(name="basket", formerly=(Former(event="cart", through=8),))
    record_release(warehouse, release(9, ORDER, basket, EventSpec(name="cart")))
    filler = [row(f"p{n}", f"e{n % 40:02}", n) for n in range(40_000)]
    store(warehouse, [*filler, row("ana", "purchase", 0), row("bo", "order", 0), row("chi", "cart", 0, plan_rev=3)])
    for answer in (
        Events(warehouse).funnel("order", "basket"),
        Events(warehouse).retention(start="basket", return_="order"),
    ):
        lines = warehouse.query(f"EXPLAIN indexes = 1 {_bare(answer.sql)}", answer.params).rows
        plan = "\n".join(line for (line,) in lines)
        used = re.findall(r"PrimaryKey\n(.*?)Granules: (\d+)/(\d+)", plan, re.DOTALL)
        assert any("event in" in condition and int(read) < int(all_) for condition, read, all_ in used), plan


def _bare(sql: str) -> str:
    """The statement without its header, which EXPLAIN does not take."""
    return "\n".join(line for line in sql.splitlines() if not line.lstrip().startswith("--"))


def test_releases_are_recorded_once_and_read_by_everybody(warehouse: Warehouse) -> None:
    """Recording again changes nothing; a plan of another name recorded later is the one in use."""
    first, second = release(1, EventSpec(name="a")), release(2, EventSpec(name="b", formerly=(Former(event="a"),)))
    assert record_release(warehouse, first)
    assert not record_release(warehouse, first)
    assert record_release(warehouse, second)
    assert recorded_releases(warehouse) == [first, second]
    assert names_of(warehouse).event("a") == "b"
    other = compile_release(Plan(name="other", events={"c": EventSpec(name="c")}), 1)
    record_release(warehouse, other)
    assert recorded_releases(warehouse) == [other]
    assert names_of(warehouse).event("a") == "a"


def test_a_warehouse_without_releases_has_no_former_names(empty_warehouse: Warehouse) -> None:
    """A store of an earlier version, which has no table of releases, answers as before."""
    assert recorded_releases(empty_warehouse) == []
    assert not names_of(empty_warehouse)


def test_golden_statement_over_former_names(warehouse: Warehouse) -> None:
    """
    The rendered statement of a question about renamed things is the reviewed one in tests/golden/sql, and it runs.

    TRACKWAY_UPDATE_GOLDEN=1 rewrites the file.
    """
    basket = EventSpec(name="basket", formerly=(Former(event="cart", through=8),))
    record_release(warehouse, release(9, ORDER, basket, EventSpec(name="cart")))
    order = step("order", where="amount > 10 and pay = 'applepay'")
    answer = Events(warehouse).funnel("basket", order, breakdown="pay")
    assert answer.rows == []
    path = GOLDEN / "funnel_over_former_names.sql"
    if os.environ.get("TRACKWAY_UPDATE_GOLDEN"):
        path.write_text(answer.sql, encoding="utf-8")
    assert answer.sql == path.read_text(encoding="utf-8"), f"{path.name} differs; see the docstring"
    assert "applepay" not in answer.sql, "names and values are bound, never text"
