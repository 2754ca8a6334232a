"""`trackway plan ddl`: DDL that runs, views that resolve former names, and no path that changes its type."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import sqlglot
from click.testing import CliRunner

from trackway_collector.warehouse import Warehouse, apply_plan, property_types
from trackway_collector.warehouse.plan_ddl import script, storage, views
from trackway_plan import Choice, EventSpec, Plan, PropertySpec, Release, compile_release
from trackway_plan.cli import plan
from trackway_plan.model import Former
from trackway_plan.renames import Names


def release(rev: int, *events: EventSpec) -> Release:
    return compile_release(Plan(name="shop", events={event.name: event for event in events}), rev)


def prop(name: str, kind: str, store_as: str = "", choices: tuple[Choice, ...] = ()) -> dict[str, PropertySpec]:
    return {name: PropertySpec(name=name, kind=kind, store_as=store_as, choices=choices)}


BEFORE = release(1, EventSpec(name="it's \\ sold", properties=prop("cost", "int") | prop("price", "int")))
NOW = release(
    2,
    EventSpec(
        name="sold",
        properties=prop("amount", "int")
        | prop("price", "number", store_as="price__2")
        | prop("by", "choice", choices=(Choice(value="wallet", formerly=("o'pay",)),)),
        formerly=(Former(event="it's \\ sold", through=1), Former(property="cost", now="amount", through=1)),
    ),
)


def test_the_views_read_through_former_names(warehouse: Warehouse) -> None:
    """`events_now` has present names of events; an event's view those of its properties, whatever their type was."""
    apply_plan(warehouse, BEFORE)
    rows = [
        {"event": "it's \\ sold", "plan_rev": 1, "properties": {"cost": 3, "price": 4, "by": "o'pay"}},
        {"event": "sold", "plan_rev": 2, "properties": {"amount": 5, "price__2": 1.5, "by": "wallet"}},
        {"event": "other", "plan_rev": 2, "properties": {"cost": 9}},
    ]
    lines = b"\n".join(
        msgspec.json.encode(row | {"timestamp": "2026-05-01 10:00:00", "received_at": "2026-05-01 10:00:00"})
        for row in rows
    )
    warehouse.insert_rows("events", lines, token="t", query_id=f"q-{warehouse.database}")
    present = {column: property_types(warehouse, column) for column in ("properties", "traits")}
    stored = storage(NOW, present)
    assert {path for part in stored for path in part.added} == {"amount", "price__2", "by"}
    assert not any(part.retyped for part in stored)
    for statement in (*(part.statement() for part in stored), *views(NOW, Names.of(NOW, BEFORE)).values()):
        if statement:
            warehouse.command(statement.removesuffix(";"))
    assert warehouse.query("SELECT event, count() FROM events_now GROUP BY event ORDER BY event").rows == [
        ("other", 1),
        ("sold", 2),
    ]
    assert warehouse.query("SELECT event, amount, price, by FROM event_sold ORDER BY plan_rev").rows == [
        ("sold", 3, 4.0, "wallet"),
        ("sold", 5, 1.5, "wallet"),
    ]


def test_a_changed_type_is_refused_and_mended() -> None:
    """A path keeps its type: the script says so and names the `store_as` to write, and alters nothing."""
    changed = release(2, EventSpec(name="sold", properties=prop("price", "number")))
    stored = storage(changed, {"properties": {"price": "Nullable(Int64)"}})
    text = script(changed, stored, {}, "rev 1")
    assert "properties.price stays Nullable(Int64); the plan says Nullable(Float64)." in text
    assert "`store_as: price__2`" in text
    assert "ALTER" not in text
    again = storage(release(3, EventSpec(name="sold", properties=prop("price", "text", "price__2"))),
                    {"properties": {"price__2": "Nullable(Float64)"}})  # fmt: skip
    assert "`store_as: price__3`" in script(changed, again, {}, "rev 2")


def test_a_name_used_again_is_told_apart_in_the_views() -> None:
    """Views have the revision condition where a name alone does not say what is meant."""
    plan_now = release(
        9,
        EventSpec(name="basket", properties=prop("n", "int"), formerly=(
            Former(event="cart", through=8), Former(property="count", now="n", through=8))),
        EventSpec(name="cart"),
    )  # fmt: skip
    made = views(plan_now, Names.of(plan_now))
    assert "event = 'cart' AND if(plan_rev != 0, plan_rev, validated_rev) <= 8, 'basket'" in made["events_now"]
    assert "(event != 'cart' OR if(plan_rev != 0, plan_rev, validated_rev) <= 8)" in made["event_basket"]
    for statement in made.values():
        sqlglot.parse_one(statement, dialect="clickhouse")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A plan of two releases in which the price became a number."""
    (tmp_path / "events" / "shop").mkdir(parents=True)
    (tmp_path / "plan.yaml").write_text("plan: shop\nformat: 1\n")
    event = tmp_path / "events" / "shop" / "sold.yaml"
    event.write_text("event: sold\nproperties:\n  price: {type: int}\n")
    assert CliRunner().invoke(plan, ["release", str(tmp_path)]).exit_code == 0
    event.write_text("event: sold\nproperties:\n  price: {type: number}\n")
    return tmp_path


def test_the_command_prints_the_whole_or_the_difference(directory: Path) -> None:
    """Alone it prints all typed paths; against a release what differs, and exits 1 for a type that changed."""
    whole = CliRunner().invoke(plan, ["ddl", str(directory)])
    assert whole.exit_code == 0, whole.output
    assert "ALTER TABLE events MODIFY COLUMN properties JSON(" in whole.output
    assert "`price` Nullable(Float64)" in whole.output
    changed = CliRunner().invoke(plan, ["ddl", str(directory), "--against", "1"])
    assert (changed.exit_code, "`store_as: price__2`" in changed.output) == (1, True)
    told = CliRunner().invoke(plan, ["ddl", str(directory), "--against", "1", "--format", "github"])
    assert (told.exit_code, "sold.yaml,line=3,col=3" in told.output) == (1, True)
    event = directory / "events" / "shop" / "sold.yaml"
    event.write_text("event: sold\nproperties:\n  price: {type: number, store_as: price__2}\n")
    mended = CliRunner().invoke(plan, ["ddl", str(directory), "--against", "1"])
    assert mended.exit_code == 0, mended.output
    assert "CREATE OR REPLACE VIEW event_sold" in mended.output


def test_the_command_applies_what_is_safe(
    warehouse: Warehouse, directory: Path, request: pytest.FixtureRequest
) -> None:
    """--apply adds the paths and views to a warehouse; a second time there is nothing to add."""
    if warehouse.url.scheme == "chdb":
        url = f"chdb://{warehouse.url.path}?database={warehouse.database}"
    else:
        server = request.getfixturevalue("clickhouse_url")
        url = server.rpartition("/")[0] + f"/{warehouse.database}"
    applied = CliRunner().invoke(plan, ["ddl", str(directory), "--warehouse", url, "--apply"])
    assert applied.exit_code == 0, applied.output
    assert property_types(warehouse) == {"price": "Nullable(Float64)"}
    again = CliRunner().invoke(plan, ["ddl", str(directory), "--warehouse", url])
    assert "There is nothing to do." in again.output
