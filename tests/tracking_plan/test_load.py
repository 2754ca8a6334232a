"""The whole plan language is read, kept and found again at its place."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from trackway_plan import PlanErrors, load_plan
from trackway_plan.model import Choice, Former, Plan, Rule, Waiver
from trackway_plan.storage import storage_paths, storage_type

EXAMPLES = Path(__file__).parents[2] / "tracking_plan" / "examples"


@pytest.fixture(scope="module")
def storefront() -> Plan:
    return load_plan(EXAMPLES / "storefront")


def test_an_event_keeps_everything_that_is_written(storefront: Plan) -> None:
    """Lifecycle, rules, former names, waivers and examples are all in the model."""
    order = storefront.events["order_completed"]
    assert (order.area, order.status, order.owner, order.sent_by) == (
        "checkout",
        "active",
        "checkout-team",
        ("api",),
    )
    assert order.once_per == ("order_id",)
    assert order.include == ("money", "customer_order")
    assert order.rules == (Rule(when={"payment_method": ("wallet",)}, then_required=("wallet_brand",)),)
    assert order.formerly == (
        Former(event="purchase_complete", through=8),
        Former(property="total", now="amount_minor", through=8),
    )
    reason = "named before the plan had units"
    assert order.waive == (Waiver(rule="unit-in-name", property="weight_kg", reason=reason, until="2027-12-31"),)
    assert order.properties["payment_method"].choices == (
        Choice(value="card", summary="Any card scheme"),
        Choice(value="wallet", summary="Apple Pay or Google Pay", formerly=("applepay",)),
    )
    old = storefront.events["product_seen"]
    assert (old.status, old.replaced_by, old.remove_after) == ("deprecated", "product_viewed", "2027-01-31")


def test_named_types_are_put_in_place_and_remembered(storefront: Plan) -> None:
    """A property of a named type has the type's constraints and its own `required`."""
    lines = storefront.events["order_completed"].properties["items"].of
    assert lines is not None
    assert lines.named_type == "order_line"
    assert lines.properties is not None
    assert lines.properties["sku"].pattern == "^[A-Z]{2,4}-[0-9]{1,8}$"
    assert lines.properties["sku"].required


def test_every_part_has_its_place(storefront: Plan) -> None:
    """Events and properties are found again at their file and line."""
    place = storefront.places["events", "order_completed", "properties", "order_id"]
    assert (Path(place.file).name, place.line, place.column) == ("order_completed.yaml", 10, 3)
    assert Path(storefront.places["groups", "money", "properties", "currency"].file).name == "money.yaml"


def test_every_key_of_the_language_is_accepted(tmp_path: Path) -> None:
    """A plan that uses each kind with each of its keys loads without a problem."""
    (tmp_path / "events" / "shop").mkdir(parents=True)
    (tmp_path / "plan.yaml").write_text("plan: tea\nformat: 1\n")
    event = """
        event: tea_bought
        properties:
          a: {type: string, min_length: 1, max_length: 9, pattern: "[a-z]+", low_cardinality: true, pii: none}
          b: {type: text, format: email, pii: contact, store: hash}
          c: {type: int, min: 1, max: 10, multiple_of: 3, column: UInt8, unit: cups}
          d: {type: number, min: 0.5, max: 1e3, column: Float32}
          e: {type: decimal, min: 0.01, max: 99.99, column: "Decimal(18, 2)"}
          f: {type: bool, nullable: true}
          g: {type: timestamp, column: DateTime64(3)}
          h: {type: date}
          i: {type: choice, choices: {green: Fresh, black: {summary: Aged, formerly: [dark]}}, may_grow: true}
          j: {type: list, of: {type: string, max_length: 5}, min_items: 1, max_items: 3}
          k: {type: list}
          l: {type: object}
          m: {type: object, properties: {x: {type: int, required: true}}}
          n: {type: any}
          o: {type: [int, string], max: 9, max_length: 3, nullable: true, store_as: o_mixed}
          p: {type: text, store: drop, summary: Never stored.}
        examples:
          - {a: oolong, c: 6, d: 0.5, e: "1.50", f: null, h: 2026-03-01, i: green, o: 3}
          - {g: "2026-03-01T09:30:00Z", j: [a, b], l: {any: thing}, m: {x: 1}, n: [null], o: null}
    """
    (tmp_path / "events" / "shop" / "tea_bought.yaml").write_text(textwrap.dedent(event))
    properties = load_plan(tmp_path).events["tea_bought"].properties
    assert len(properties) == 16
    assert [part.kind for part in properties["o"].any_of] == ["int", "string"]
    assert (properties["o"].any_of[0].max, properties["o"].any_of[1].max_length) == (9, 3)
    paths = {path: storage_type(spec) for path, spec in storage_paths(properties)}
    assert paths["c"] == "int (UInt8)"
    assert paths["m.x"] == "int"
    assert paths["o_mixed"] == "int or text"
    assert paths["j"] == "list of text"


def test_a_plan_in_any_script_loads(tmp_path: Path) -> None:
    """Events and properties may be named in any script, with emoji and spaces."""
    (tmp_path / "events" / "商店").mkdir(parents=True)
    (tmp_path / "plan.yaml").write_text("plan: 茶馆\nformat: 1\n", encoding="utf-8")
    event = "event: 买了茶 🍵\nproperties:\n  размер чашки: {type: int}\n  'كوب': {type: string}\n"
    (tmp_path / "events" / "商店" / "茶.yaml").write_text(event, encoding="utf-8")
    assert [*load_plan(tmp_path).events["买了茶 🍵"].properties] == ["размер чашки", "كوب"]


def test_a_broken_event_does_not_hide_the_examples_of_another(tmp_path: Path) -> None:
    """Examples are checked in every file that is sound, so that all problems come at once."""
    (tmp_path / "events" / "shop").mkdir(parents=True)
    (tmp_path / "plan.yaml").write_text("plan: tea\nformat: 1\n")
    (tmp_path / "events" / "shop" / "a.yaml").write_text(
        "event: a\nproperties: {x: {type: intt}}\nexamples: [{x: 1}]\n"
    )
    (tmp_path / "events" / "shop" / "b.yaml").write_text("event: b\nproperties: {x: {type: int}}\nexamples: [{x: y}]\n")
    with pytest.raises(PlanErrors) as caught:
        load_plan(tmp_path)
    assert [Path(problem.file).name for problem in caught.value.problems] == ["a.yaml", "b.yaml"]
