"""Typed paths from a plan's release."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from trackway_collector.warehouse import Warehouse, apply_plan, property_types
from trackway_collector.warehouse.plan_columns import MAX_TYPED_PATHS, json_type, parse_json_type, typed_paths
from trackway_plan.model import EventSpec, PropertySpec
from trackway_plan.release import Release

NOON = "2026-05-01T12:00:00Z"


def release(**properties: str) -> Release:
    """A plan with one event that has these properties: name → kind."""
    specs = {name: PropertySpec(name=name, kind=kind) for name, kind in properties.items()}
    plan = PropertySpec(name="plan", kind="choice")
    event = EventSpec(name="Order Completed", properties=specs)
    return Release(name="shop", rev=1, events={"Order Completed": event}, traits={"user": {"plan": plan}})


def store(warehouse: Warehouse, *properties: object, start: int = 0) -> None:
    """One event for each, `offset` counting from `start`."""
    rows = b"".join(
        msgspec.json.encode({"timestamp": NOON, "received_at": NOON, "offset": number, "properties": each}) + b"\n"
        for number, each in enumerate(properties, start)
    )
    warehouse.insert_rows("events", rows, token=f"t{start}", query_id=f"load-{start}-{warehouse.database}")


def read(warehouse: Warehouse, expression: str) -> list[object]:
    sql = f"SELECT {expression} FROM events ORDER BY offset"  # noqa: S608
    return [value for (value,) in warehouse.query(sql).rows]


def test_each_kind_has_a_type_that_can_be_absent(warehouse: Warehouse) -> None:
    """Numbers, times and text of a plan become Nullable paths; lists, objects and unions stay dynamic."""
    plan = release(
        quantity="int", total="number", tax="decimal", gift="bool", at="timestamp", day="date",
        colour="choice", coupon="string", note="text", items="list", address="object",
        anything="any", either="union",
    )  # fmt: skip
    apply_plan(warehouse, plan)
    assert property_types(warehouse) == {
        "quantity": "Nullable(Int64)",
        "total": "Nullable(Float64)",
        "tax": "Nullable(Decimal(38, 9))",
        "gift": "Nullable(Bool)",
        "at": "Nullable(DateTime64(6, 'UTC'))",
        "day": "Nullable(Date32)",
        "colour": "LowCardinality(Nullable(String))",
        "coupon": "Nullable(String)",
        "note": "Nullable(String)",
    }
    assert property_types(warehouse, "traits") == {"plan": "LowCardinality(Nullable(String))"}


def test_what_was_stored_before_reads_right_after(warehouse: Warehouse) -> None:
    """Absent is NULL and not 0, for rows before the plan and after it, and no value changes."""
    store(warehouse, {"total": 12.5}, {"total": 0.0}, {}, {"other": "x"})
    apply_plan(warehouse, release(total="number", quantity="int"))
    store(warehouse, {"total": 7.25, "quantity": 3}, {}, start=4)
    assert read(warehouse, "properties.total") == [12.5, 0.0, None, None, 7.25, None]
    assert read(warehouse, "properties.quantity") == [None, None, None, None, 3, None]
    assert warehouse.query("SELECT sum(properties.total), avg(properties.total) FROM events").rows == [
        (19.75, 19.75 / 3)
    ]


def test_integers_stored_before_count_as_numbers(warehouse: Warehouse) -> None:
    """3 and 3.5 of one path are two types until the plan says number; the sum is right either way."""
    store(warehouse, {"total": 3}, {"total": 3.5})
    assert warehouse.query("SELECT sum(properties.total::Nullable(Float64)) FROM events").one() == 6.5
    apply_plan(warehouse, release(total="number"))
    assert property_types(warehouse) == {"total": "Nullable(Float64)"}
    assert warehouse.query("SELECT sum(properties.total) FROM events").one() == 6.5


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("int", 1.5),
        ("int", "three"),
        ("number", "12"),
        ("number", 2**53 + 1),
        ("bool", 1),
        ("choice", 7),
        ("decimal", "1.10"),
        ("timestamp", "2026-05-01T12:00:00+02:00"),
        ("date", "2026-05-01"),
        ("string", ["a"]),
    ],
)
def test_a_type_that_would_change_a_stored_value_is_not_given(warehouse: Warehouse, kind: str, value: object) -> None:
    """The path stays dynamic and keeps what it holds; paths beside it get theirs."""
    store(warehouse, {"x": value})
    before = read(warehouse, "toJSONString(properties.x)")
    apply_plan(warehouse, release(x=kind, quantity="int"))
    assert "quantity" in property_types(warehouse)
    assert read(warehouse, "toJSONString(properties.x)") == before


def test_text_that_looks_like_a_date_stays_text(warehouse: Warehouse) -> None:
    """Writing the column again would make dates of them; they are made strings for good in the same step."""
    store(warehouse, {"when": "2026-05-01T12:00:00Z", "day": "2026-05-01"}, {"when": "soon"})
    apply_plan(warehouse, release(quantity="int"))
    assert read(warehouse, "properties.when::Nullable(String)") == ["2026-05-01T12:00:00Z", "soon"]
    assert read(warehouse, "toString(properties.day)")[0] == "2026-05-01"
    assert property_types(warehouse)["when"] == "Nullable(String)"


def test_text_that_looks_like_a_date_among_other_types_stops_everything(warehouse: Warehouse) -> None:
    """There is no type that would keep both, so nothing is written again."""
    store(warehouse, {"when": "2026-05-01T12:00:00Z"}, {"when": 5})
    apply_plan(warehouse, release(quantity="int"))
    assert property_types(warehouse) == {}
    assert read(warehouse, "toJSONString(properties.when)") == ['"2026-05-01T12:00:00Z"', "5"]


def test_a_path_keeps_its_type(warehouse: Warehouse) -> None:
    """A later revision can add paths, and can neither change nor remove one."""
    apply_plan(warehouse, release(total="number"))
    apply_plan(warehouse, release(total="int", quantity="int"))
    assert property_types(warehouse) == {"total": "Nullable(Float64)", "quantity": "Nullable(Int64)"}


def test_applying_a_plan_again_does_nothing(warehouse: Warehouse) -> None:
    """No ALTER, so no part is written again."""
    apply_plan(warehouse, release(total="number"))
    store(warehouse, {"total": 1.5})
    parts = "SELECT groupArray(name) FROM system.parts WHERE active AND table = 'events' AND database = {d:String}"
    before = warehouse.query(parts, {"d": warehouse.database}).one()
    apply_plan(warehouse, release(total="number"))
    assert warehouse.query(parts, {"d": warehouse.database}).one() == before


def test_decimals_are_exact(warehouse: Warehouse) -> None:
    """Ten cents a hundred times are ten."""
    apply_plan(warehouse, release(tax="decimal"))
    store(warehouse, *({"tax": "0.10"} for _ in range(100)))
    assert warehouse.query("SELECT sum(properties.tax) FROM events").one() == Decimal(10)


def test_odd_names_are_quoted(warehouse: Warehouse) -> None:
    """
    Spaces, quotes, commas and other scripts are names like any; one with a dot has no type, but is stored.
    """
    names = {"unit price": "number", "we`ird, (name)": "int", "цена": "number", "a.b": "int"}
    apply_plan(warehouse, release(**names))
    assert set(property_types(warehouse)) == {"unit price", "we`ird, (name)", "цена"}
    store(warehouse, {"unit price": 1.5, "we`ird, (name)": 2, "цена": 3.5, "a.b": 4})
    row = warehouse.query("SELECT properties.`unit price`, properties.`цена`, properties.`a%2Eb` FROM events").rows
    assert row == [(1.5, 3.5, 4)]


def test_numbers_come_first_when_there_are_too_many() -> None:
    """Of 300 properties 200 get a type: every number, then text by name."""
    specs = {f"text_{number:03}": PropertySpec(kind="string") for number in range(250)}
    specs |= {f"total_{number:03}": PropertySpec(kind="number") for number in range(50)}
    paths = typed_paths([specs])
    assert len(paths) == MAX_TYPED_PATHS
    assert sum(kind == "Nullable(Float64)" for kind in paths.values()) == 50
    assert "text_149" in paths
    assert "text_150" not in paths


def test_a_name_with_two_kinds_has_no_type() -> None:
    """Nothing that one event may send is a misfit because of another; only int and number get along."""
    paths = typed_paths([
        release(size="int", total="int", colour="choice").events["Order Completed"].properties,
        release(size="text", total="number", colour="string").events["Order Completed"].properties,
    ])  # fmt: skip
    assert paths == {"total": "Nullable(Float64)", "colour": "Nullable(String)"}


def test_store_as_names_the_path() -> None:
    """A property that is stored under another name has its typed path there."""
    spec = PropertySpec(name="size", kind="int", store_as="size_cm")
    assert typed_paths([{"size": spec}]) == {"size_cm": "Nullable(Int64)"}


def test_the_columns_type_reads_back() -> None:
    """What `json_type` writes, `parse_json_type` reads."""
    paths = {
        "a": "Nullable(Decimal(38, 9))",
        "b, (c)": "Nullable(String)",
        "d`e": "Nullable(DateTime64(6, 'UTC'))",
    }
    assert parse_json_type(json_type(paths)) == paths
    assert parse_json_type("JSON") == {}
