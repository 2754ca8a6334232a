"""Plans exported and imported again: what the loss report does not name is the same as before."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from tests.support.plan_strategies import plans
from trackway_plan.exchange.assemble import Imported
from trackway_plan.exchange.exported import Exported, flat_events, flat_properties
from trackway_plan.exchange.formats import EXPORTS, IMPORTS
from trackway_plan.exchange.losses import Loss
from trackway_plan.loading.plan import load_plan
from trackway_plan.model import EventSpec, Plan, PropertySpec
from trackway_plan.write_yaml import write_plan

EXAMPLES = Path(__file__).parents[3] / "tracking_plan" / "examples"
FORMATS = sorted(EXPORTS)


def through(form: str, plan: Plan) -> tuple[Exported, Imported]:
    """The plan exported, and what an import of these files gives."""
    exported = EXPORTS[form](plan)
    with tempfile.TemporaryDirectory() as folder:
        for name, text in exported.files.items():
            path = Path(folder) / "plan" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="")
        return exported, IMPORTS[form]([Path(folder) / "plan"])


def differences(before: Plan, after: Plan) -> Iterable[tuple[str, str, str]]:
    """(event, property path, field) for each field that differs, in events and traits."""
    old, new = flat_events(before), flat_events(after)
    for name in {*old, *new}:
        if name not in old or name not in new:
            yield name, "", "the event"
            continue
        for field in EventSpec.__struct_fields__:
            if field != "properties" and getattr(old[name], field) != getattr(new[name], field):
                yield name, "", field
        for path, key in _of_properties(old[name].properties, new[name].properties):
            yield name, path, key
    for kind in {*before.traits, *after.traits}:
        one, other = (flat_properties(plan.traits.get(kind, {})) for plan in (before, after))
        for path, key in _of_properties(one, other):
            yield f"traits of the {kind}", path, key


def _of_properties(old: dict[str, PropertySpec], new: dict[str, PropertySpec], at: str = "") -> Iterable[Any]:
    for name in {*old, *new}:
        path = f"{at}.{name}" if at else name
        if name not in old or name not in new:
            yield path, "the property"
        else:
            yield from _of_property(old[name], new[name], path)


def _of_property(old: PropertySpec, new: PropertySpec, path: str) -> Iterable[Any]:
    for field in PropertySpec.__struct_fields__:
        one, other = getattr(old, field), getattr(new, field)
        if field == "properties" and one is not None and other is not None:
            yield from _of_properties(one, other, path)
        elif field == "of" and one is not None and other is not None:
            yield from _of_property(one, other, f"{path}[]")
        elif one != other:
            yield path, field


def unexplained(plan: Plan, after: Plan, losses: Iterable[Loss]) -> list[tuple[str, str, str]]:
    """The differences at whose event and property the loss report has no line."""
    told = {(loss.event, loss.path) for loss in losses}
    return [each for each in differences(plan, after) if each[:2] not in told]


@pytest.mark.parametrize("form", FORMATS)
@given(plan=plans())
@settings(max_examples=25, deadline=None)
def test_what_differs_after_a_journey_was_reported(form: str, plan: Plan) -> None:
    """Any plan, exported and imported, is the same but for what the report of the export names."""
    exported, imported = through(form, plan)
    assert unexplained(plan, imported.plan, exported.losses) == []


@pytest.mark.parametrize("form", FORMATS)
@given(plan=plans())
@settings(max_examples=12, deadline=None)
def test_a_second_journey_changes_nothing(form: str, plan: Plan) -> None:
    """What a format can hold it holds for good: the imported plan, sent round again, comes back as it is."""
    _, first = through(form, plan)
    _, second = through(form, first.plan)
    assert list(differences(first.plan, second.plan)) == []


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("example", ["storefront", "demo"])
def test_the_examples_survive_the_journey(form: str, example: str, tmp_path: Path) -> None:
    """The example plans come back but for what is reported, and what comes back is a valid plan on disk."""
    plan = load_plan(EXAMPLES / example)
    exported, imported = through(form, plan)
    assert unexplained(plan, imported.plan, exported.losses) == []
    write_plan(imported.plan, tmp_path / "plan")
    assert list(differences(load_plan(tmp_path / "plan"), imported.plan)) == []


@pytest.mark.parametrize("form", ["jsonschema", "iglu"])
@given(plan=plans())
@settings(max_examples=25, deadline=None)
def test_schemas_keep_all_that_is_said_of_an_event(form: str, plan: Plan) -> None:
    """With `x-trackway`, only `format: url` beside a pattern and blank summaries are lost of events."""
    exported, _ = through(form, plan)
    lost = {loss.what for loss in exported.losses if loss.event}
    assert lost <= {"format: url beside a pattern", "a summary of spaces"}


def test_every_import_has_an_export() -> None:
    """The same names go both ways, and each stands for one function."""
    assert {*EXPORTS} <= {*IMPORTS}
    functions: list[Callable[..., Any]] = [*EXPORTS.values(), *IMPORTS.values()]
    assert all(map(callable, functions))


def test_the_comparison_sees_a_difference() -> None:
    """The helper of these tests is not blind: a changed bound inside a list is found with its path."""
    item = PropertySpec(kind="int", min=1)
    event = EventSpec(name="tea", properties={"a": PropertySpec(name="a", kind="list", of=item)})
    other = msgspec.structs.replace(
        event, properties={"a": PropertySpec(name="a", kind="list", of=msgspec.structs.replace(item, min=2))}
    )
    plans_ = [Plan(name="p", events={"tea": each}) for each in (event, other)]
    assert list(differences(*plans_)) == [("tea", "a[]", "min")]
