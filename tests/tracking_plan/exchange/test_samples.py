"""Plans that other tools' authors published: imported whole, and each lost line justified in a committed file."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from trackway_plan.exchange.assemble import Imported
from trackway_plan.exchange.formats import EXPORTS, IMPORTS
from trackway_plan.loading.plan import load_plan, read_plan
from trackway_plan.model import EventSpec, Plan, PropertySpec, Rule
from trackway_plan.write_yaml import write_plan

DATA = Path(__file__).parents[2] / "data"
GOLDEN = Path(__file__).parents[2] / "golden" / "exchange" / "losses.md"
SAMPLES = {
    "segment test-plan": ("segment", DATA / "segment_typewriter" / "test-plan.json"),
    "segment test-plan-v1": ("segment", DATA / "segment_typewriter" / "test-plan-v1.json"),
    "segment telemetry": ("segment", DATA / "segment_typewriter" / "typewriter-own-telemetry-plan.json"),
    "rudder action-repo": ("rudder", DATA / "rudder_tracking_plan" / "action-repo"),
    "rudder typer-project": ("rudder", DATA / "rudder_tracking_plan" / "rudder-iac-typer-project"),
}


def sample(name: str) -> Imported:
    """A sample, imported."""
    form, path = SAMPLES[name]
    return IMPORTS[form]([path])


def justified() -> dict[str, dict[tuple[str, str], str]]:
    """Sample → (where, what) of each lost line → why that is no harm, as the committed table has it."""
    found: dict[str, dict[tuple[str, str], str]] = {}
    for line in GOLDEN.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            lines = found.setdefault(line[3:], {})
        elif line.startswith("| `"):
            where, what, why = (cell.strip() for cell in line.strip("| ").split(" | "))
            lines[where.strip("`"), what.strip("`")] = why
    return found


@pytest.mark.parametrize("name", SAMPLES)
def test_each_lost_line_of_a_sample_is_justified(name: str) -> None:
    """A sample's report has exactly the lines of tests/golden/exchange/losses.md, and each has its reason there."""
    lines = [finding for finding in sample(name).findings if finding.rule == "lost"]
    lost = [(str(line.data["where"]), line.before) for line in lines]
    known = justified()[name]
    assert lost == list(known)
    assert all(len(why) > 20 for why in known.values())


@pytest.mark.parametrize("name", SAMPLES)
def test_an_imported_sample_is_a_valid_plan(name: str, tmp_path: Path) -> None:
    """What an import writes has no problems, and is the plan that was imported."""
    plan = sample(name).plan
    write_plan(plan, tmp_path / "plan")
    found, problems = read_plan(tmp_path / "plan")
    assert problems == []
    assert dict(sorted(found.events.items())) == dict(sorted(plan.events.items()))


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_sent_round_its_own_format_is_the_same(name: str, tmp_path: Path) -> None:
    """Exporting an imported sample to the format it came in, and importing that, gives the same events."""
    plan = sample(name).plan
    form = SAMPLES[name][0]
    exported = EXPORTS[form](plan)
    for file, text in exported.files.items():
        (tmp_path / file).write_text(text, encoding="utf-8")
    again = IMPORTS[form]([tmp_path]).plan
    told = {loss.event for loss in exported.losses}
    for event in again.events:
        if event not in told:
            assert _bare(again.events[event]) == _bare(plan.events[event])
    assert list(again.events) == list(plan.events)


def _bare(event: EventSpec) -> str:
    """An event without the names of its types, which a round trip may write out."""
    from trackway_plan.exchange.exported import flat_events

    return repr(flat_events(Plan(name="p", events={event.name: event})))


def test_the_two_forms_of_one_segment_plan_agree() -> None:
    """The fixture in Typewriter's form and in that of the old API give the same events with the same properties."""
    new, old = sample("segment test-plan").plan, sample("segment test-plan-v1").plan
    only_new = {"NoID Type", "Property Object Name Collision 1", "Property Object Name Collision 2"}
    assert {*new.events} - {*old.events} == only_new
    for name in {*new.events} & {*old.events}:
        assert old.events[name].properties == new.events[name].properties


def test_every_type_of_segment_has_its_kind() -> None:
    """The fixture's event with one property of each type reads as the kinds of the plan, open as Segment is."""
    event = sample("segment test-plan").plan.events["Every Nullable Optional Type"]
    assert event.open
    kinds = {name: (spec.kind, spec.nullable) for name, spec in event.properties.items()}
    assert kinds["optional any"] == ("any", False)
    assert kinds["optional int"] == ("int", True)
    assert kinds["optional array with properties"] == ("list", True)
    assert event.properties["optional string with regex"].pattern == ".*(Evil Morty|Lawyer Morty).*"
    assert event.properties["optional object with properties"].open


def test_rudders_custom_types_categories_and_variants_are_read() -> None:
    """Custom types are named types, a category is a folder, and a variant that requires is a rule."""
    plan = sample("rudder typer-project").plan
    assert plan.types["SomeStringType"] == PropertySpec(
        kind="string", summary="some string custom type", named_type="SomeStringType"
    )
    event = plan.events["Some Track Event With Variants"]
    assert event.area == "Test_Category"
    assert event.rules == (Rule(when={"someString": ("case_1",)}, then_required=("someInteger",)),)
    assert not event.open
    assert plan.events["Some Empty Track Event With Additional Properties"].open
    assert plan.events["Some Track Event"].properties["someCustomObject"].named_type == "SomeObjectType"


def test_the_recommended_events_of_ga4_are_read_from_a_table(tmp_path: Path) -> None:
    """35 events in a spreadsheet of foreign words and columns: items become lists of objects, losses are told."""
    library = json.loads((DATA / "ga4_recommended_events" / "library-ga4-recommended-events.json").read_text("utf-8"))
    table = tmp_path / "ga4.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(
            ["Event name", "Event description", "Category", "Parameter", "Data type", "Mandatory", "Example"]
        )
        for event in library:
            if not event["parameters"]:
                writer.writerow([event["event"], event["description"], event["group"]])
            for each in event["parameters"]:
                path = f"items[].{each['name']}" if each["scope"] == "item" else each["name"]
                kind = {"Array<Item>": "array"}.get(each["type"], each["type"].split(" ")[0])
                head = [event["event"], event["description"], event["group"]]
                writer.writerow([*head, path, kind, each["required"], each["example"]])
    imported = IMPORTS["csv"]([table])
    write_plan(imported.plan, tmp_path / "plan")
    plan = load_plan(tmp_path / "plan")
    assert len(plan.events) == 35
    purchase = plan.events["purchase"]
    assert purchase.properties["value"].kind == "number"
    assert purchase.properties["transaction_id"].required
    items = purchase.properties["items"]
    assert items.kind == "list"
    assert items.of is not None
    assert items.of.properties is not None
    assert items.of.properties["item_name"] == PropertySpec(name="item_name", kind="string", required=True)
    assert {finding.before for finding in imported.findings} == {"column 'example'"}
