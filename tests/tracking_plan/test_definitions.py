"""Definitions: what their files may say, and what they rest on."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import pytest

from trackway_plan.definitions import KINDS, Definition, load_definitions, read_definitions
from trackway_plan.definitions.model import MEASURES, NEEDED, SCOPE
from trackway_plan.impact.definitions import BREAKS, CHANGES, KEPT, UNKNOWN, WILL_BREAK

EXAMPLES = Path(__file__).parents[2] / "tracking_plan" / "examples"


def one(tmp_path: Path, text: str) -> Definition:
    """Return the definition that a file of this text holds."""
    (tmp_path / "it.yaml").write_text(dedent(text), encoding="utf-8")
    [found] = load_definitions(tmp_path)
    return found


@pytest.mark.parametrize("plan", ["storefront", "demo"])
def test_the_examples_load(plan: str) -> None:
    """Each definition of the example plans is read, and has a summary and an owner."""
    found = load_definitions(EXAMPLES / plan / "definitions")
    assert len(found) >= 4
    assert all(each.summary and each.owner for each in found)


def test_no_directory_is_no_definitions(tmp_path: Path) -> None:
    """A plan without definitions is a plan like any other."""
    assert load_definitions(tmp_path / "definitions") == []


def test_a_funnel_rests_on_its_steps_filters_and_breakdown(tmp_path: Path) -> None:
    """Each use says where in the definition it stands, and which values it compares with."""
    found = one(
        tmp_path,
        """
        funnel: buying
        steps:
          - seen
          - event: [cart, wishlist]
            where: price > 10 and not (kind in ("gift", "card"))
        breakdown: campaign_source
        where: platform = "ios" and source = "web"
        """,
    )
    assert [(use.role, use.events, use.property, use.values, use.negated) for use in found.uses] == [
        ("step 1", ("seen",), "", (), False),
        ("step 2", ("cart", "wishlist"), "", (), False),
        ("step 2", ("cart", "wishlist"), "price", (), False),
        ("step 2", ("cart", "wishlist"), "kind", ("gift", "card"), True),
        ("where", ("seen", "cart", "wishlist"), "platform", ("ios",), False),
    ]


def test_a_column_is_not_a_property(tmp_path: Path) -> None:
    """`source` is a column of every event; `properties.source` is the property of that name."""
    found = one(tmp_path, "funnel: f\nsteps: [a]\nwhere: source = 'web' and properties.source = 'ad'\n")
    assert [use.property for use in found.uses if use.property] == ["source"]


def test_attribution_reads_its_value_from_the_conversion(tmp_path: Path) -> None:
    """`value` belongs to the conversion, `channel` to the touches, of any event where none is named."""
    found = one(tmp_path, "attribution: a\nconversion: paid\nchannel: medium\nvalue: total\n")
    assert {use.property: use.events for use in found.uses if use.property} == {"medium": (), "total": ("paid",)}


def test_paths_look_at_every_event(tmp_path: Path) -> None:
    """A filter of paths is about any event; `steps` is a number of columns there."""
    found = one(tmp_path, "paths: p\nstart: cart\nsteps: 4\nwhere: platform = 'ios'\n")
    assert [(use.role, use.events) for use in found.uses] == [("start", ("cart",)), ("where", ())]
    assert found.options["steps"] == 4


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("funel: x\nsteps: [a]\n", (1, 1), "a file holds one definition; this names none. Did you mean `funnel`?"),
        ("funnel: x\nsteps: [a]\nwithn: 7d\n", (3, 1), "a funnel has no key `withn`. Did you mean `within`?"),
        ("funnel: x\n", (1, 1), "a funnel needs the key `steps`."),
        ("funnel: x\nsteps: cart\n", (2, 8), "`steps` of funnel `x` must be a list, not `cart`."),
        ("funnel: x\nsteps: [a]\nwhere: price >\n", (3, 8), "`where` of funnel `x`: expected a number"),
        ("metric: m\nevent: a\nmeasure: sum\n", (3, 10), "`measure: sum` of metric `m` needs a property."),
        ("metric: m\nevent: a\nmeasure: events\nof: b\n", (4, 5), "`measure: events` of metric `m` takes no property."),
        ("metric: m\nevent: a\nmeasure: mean\n", (3, 10), "`measure` of metric `m`"),
        ("- funnel: x\n", (1, 1), "a definition must be a mapping."),
    ],
)
def test_problems_say_where_and_what(tmp_path: Path, text: str, where: tuple[int, int], message: str) -> None:
    """What is wrong with a definition is said with file, line and column, all at once."""
    (tmp_path / "it.yaml").write_text(text, encoding="utf-8")
    _, problems = read_definitions(tmp_path)
    assert [(problem.line, problem.column) for problem in problems] == [where]
    assert problems[0].message.startswith(message)


def test_a_name_is_taken_once(tmp_path: Path) -> None:
    """Two funnels of one name are a problem; a funnel and a metric may share one."""
    for name, kind in (("a", "funnel: x\nsteps: [e]\n"), ("b", "funnel: x\nsteps: [e]\n")):
        (tmp_path / f"{name}.yaml").write_text(kind, encoding="utf-8")
    (tmp_path / "c.yaml").write_text("metric: x\nevent: e\nmeasure: events\n", encoding="utf-8")
    found, problems = read_definitions(tmp_path)
    assert [each.kind for each in found] == ["funnel", "metric"]
    assert problems[0].message == f"funnel `x` is defined already, in {tmp_path / 'a.yaml'}:1."


def test_every_kind_and_option_is_documented() -> None:
    """docs/plan.md has a row for each kind with what it needs and takes, and names the rules of impact."""
    page = (Path(__file__).parents[2] / "docs" / "plan.md").read_text(encoding="utf-8")
    definitions = page[page.index("## Definitions") : page.index("## impact")]
    for kind, options in KINDS.items():
        [row] = [line for line in definitions.splitlines() if line.startswith(f"| `{kind}` | ")]
        needs, takes = (set(re.findall(r"`(\w+)`", cell)) for cell in row.split("|")[2:4])
        assert needs == set(NEEDED[kind])
        assert takes == set(options) - needs - set(SCOPE)
    for word in (*SCOPE, *MEASURES, BREAKS, WILL_BREAK, CHANGES, KEPT, UNKNOWN):
        assert word in page
