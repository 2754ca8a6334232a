"""Plans written as YAML: the same plan when read again, and lines that people like to read."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.plan_strategies import plans
from trackway_plan import layout
from trackway_plan.errors import Problem
from trackway_plan.layout import laid_out
from trackway_plan.loading.nodes import Reader
from trackway_plan.loading.plan import load_plan, read_plan
from trackway_plan.loading.yaml_file import read_file
from trackway_plan.model import EventSpec, Plan, PropertySpec
from trackway_plan.write_yaml import CannotWriteError, event_yaml, plan_files, write_plan
from trackway_plan.yaml_text import block, flow

EXAMPLES = Path(__file__).parents[2] / "tracking_plan" / "examples"

DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(min_size=1).filter(lambda t: t == t.strip()), inner),
    max_leaves=12,
)


def bare(plan: Plan) -> Plan:
    """The plan without the places of its parts."""
    return msgspec.structs.replace(plan, places={}, events=dict(sorted(plan.events.items())))


@given(plans())
@settings(max_examples=150, deadline=None)
def test_what_is_written_is_read_again(plan: Plan) -> None:
    """Any plan, written and read, is the same plan, and nothing is wrong with it."""
    with tempfile.TemporaryDirectory() as folder:
        write_plan(plan, folder)
        found, problems = read_plan(folder)
    assert problems == []
    assert bare(found) == bare(plan)


@pytest.mark.parametrize("name", ["storefront", "demo"])
def test_the_examples_are_read_again(name: str, tmp_path: Path) -> None:
    """The example plans survive being written."""
    plan = load_plan(EXAMPLES / name)
    write_plan(plan, tmp_path / "copy")
    assert bare(load_plan(tmp_path / "copy")) == bare(plan)


@pytest.mark.parametrize("name", ["storefront", "demo"])
def test_what_is_written_is_as_fmt_would_have_it(name: str, tmp_path: Path) -> None:
    """`fmt` finds nothing to change in written files: there is one canonical order."""
    write_plan(load_plan(EXAMPLES / name), tmp_path)
    problems: list[Problem] = []
    for path in layout.plan_files(tmp_path):
        assert (both := laid_out(path, tmp_path, problems)) is not None
        assert both[0] == both[1]
    assert problems == []


def _read(text: str, folder: str) -> Any:
    path = Path(folder) / "x.yaml"
    path.write_text(text, encoding="utf-8", newline="\n")
    problems: list[Problem] = []
    node = read_file(path, "x.yaml", problems)
    assert node is not None, problems
    value = Reader("x.yaml", problems).data(node, "it")
    return value, problems


@given(DATA)
@settings(max_examples=300, deadline=None)
def test_any_json_value_survives(value: Any) -> None:
    """Examples hold any JSON: every text, number and nesting is read back as it was, on one line or many."""
    value = _nameable(value)
    with tempfile.TemporaryDirectory() as folder:
        for text in (f"v: {flow(value)}\n", block({"v": value}), block({"v": value}, opened=frozenset({"v"}))):
            assert _read(text, folder) == ({"v": value}, [])


def _nameable(value: Any) -> Any:
    """The value with keys that the plan language takes for names: no control characters, at most 200 long."""
    if isinstance(value, dict):
        return {
            "".join(c for c in key[:200] if c.isprintable() and not c.isspace()) or "k": _nameable(item)
            for key, item in value.items()
        }
    return [_nameable(item) for item in value] if isinstance(value, list) else value


def test_short_properties_stand_on_one_line() -> None:
    """A property is one line in canonical order of keys; one that is too long gets a line for each key."""
    properties = {
        "sku": PropertySpec(name="sku", kind="string", pii="none", required=True, max_length=12),
        "note": PropertySpec(name="note", kind="text", summary="What the buyer wrote: " + "very " * 20 + "long."),
    }
    event = EventSpec(name="tea bought", area="shop", summary="Somebody bought tea.", properties=properties)
    assert event_yaml(event) == (
        "event: tea bought\n"
        "summary: Somebody bought tea.\n"
        "status: active\n"
        "properties:\n"
        "  sku: {type: string, required: true, max_length: 12, pii: none}\n"
        "  note:\n"
        "    type: text\n"
        '    summary: "What the buyer wrote: very very very very very very very very very very very very very very very'
        ' very very very very very long."\n'
    )


def test_file_names_are_safe_and_differ() -> None:
    """Events whose names differ only in case or signs get files of their own, also where case does not count."""
    names = ["Tea Bought", "tea bought", "tea/bought", "茶", "../../x", "😀", "😀😀"]
    events = {name: EventSpec(name=name, area="shop") for name in names}
    files = list(plan_files(Plan(name="tea", events=events)))[1:]
    assert files == [
        "events/shop/tea_bought.yaml",
        "events/shop/tea_bought_2.yaml",
        "events/shop/tea_bought_3.yaml",
        "events/shop/茶.yaml",
        "events/shop/x.yaml",
        "events/shop/event.yaml",
        "events/shop/event_2.yaml",
    ]


def test_a_plan_that_stands_there_is_not_overwritten(tmp_path: Path) -> None:
    """Without `force` nothing is written over a plan; with it old YAML goes and releases stay."""
    old = Plan(name="old", events={"gone": EventSpec(name="gone", area="shop")})
    write_plan(old, tmp_path)
    release = tmp_path / "releases" / "0001.json"
    release.parent.mkdir()
    release.write_text("{}")
    with pytest.raises(CannotWriteError, match="there is a plan here already"):
        write_plan(Plan(name="new"), tmp_path)
    assert load_plan(tmp_path).name == "old"
    write_plan(Plan(name="new"), tmp_path, force=True)
    assert load_plan(tmp_path).events == {}
    assert release.read_text() == "{}"


def test_a_union_that_cannot_be_stated_is_refused() -> None:
    """Two parts of a union that differ in `min` have no place in one property, and the message says what to do."""
    parts = (PropertySpec(kind="int", min=1), PropertySpec(kind="number", min=2))
    event = EventSpec(name="x", properties={"v": PropertySpec(name="v", kind="union", any_of=parts)})
    with pytest.raises(CannotWriteError, match=r"types\.yaml"):
        event_yaml(event)
