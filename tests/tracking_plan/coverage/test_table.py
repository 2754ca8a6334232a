"""`trackway plan coverage`: plan × code × data × definitions, one row an event."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.tracking_plan.coverage.sample import PYTHON, SCRIPT, write
from trackway_plan.cli import plan
from trackway_plan.coverage.calls import Call
from trackway_plan.coverage.table import about_rows, table
from trackway_plan.definitions import load_definitions
from trackway_plan.loading.plan import load_plan
from trackway_plan.model import Place
from trackway_plan.release import compile_release

STOREFRONT = Path(__file__).parents[3] / "tracking_plan" / "examples" / "storefront"
PLAN = load_plan(STOREFRONT)
RELEASE = compile_release(PLAN, 1)


def run(*arguments: object) -> tuple[int, str]:
    """Exit code and output."""
    result = CliRunner().invoke(plan, ["coverage", *map(str, arguments)])
    return result.exit_code, result.output


def test_the_table_joins_plan_code_and_definitions(tmp_path: Path) -> None:
    """Each event of any side has a row; nobody was asked about the data, and the table says so."""
    write(tmp_path, PYTHON | SCRIPT)
    code, output = run(STOREFRONT, tmp_path)
    rows = {line.split()[0]: line for line in output.split("\n\n")[0].splitlines()}
    assert code == 1
    assert list(rows) == [
        *("event", "cart_item_added", "order_completed", "product_seen", "product_viewed", "produkt_viewed"),
    ]
    assert "never" in rows["cart_item_added"]
    assert f"{tmp_path}/shop/orders.py:14 and 1 more" in rows["order_completed"]
    assert "funnel checkout" in rows["order_completed"]
    assert all("not asked" in line for name, line in rows.items() if name != "event")
    assert "2 of 3 active events are called" in output


def test_json_and_markdown_hold_the_rows(tmp_path: Path) -> None:
    """Programs get the rows as data, people a table."""
    write(tmp_path, SCRIPT)
    answer = json.loads(run(STOREFRONT, tmp_path, "--format", "json")[1])
    [seen] = [row for row in answer["rows"] if row["event"] == "product_seen"]
    assert (seen["planned"], seen["calls"], seen["seen"]) == ("deprecated", [f"{tmp_path}/web/button.tsx:11"], None)
    assert "| `order_completed` | active |" in run(STOREFRONT, tmp_path, "--format", "markdown")[1]


@pytest.mark.parametrize(
    ("seen", "called", "rules"),
    [
        ({"order_completed": 3}, ["order_completed"], {}),
        ({}, ["order_completed"], {"order_completed": "called-never-seen"}),
        ({"purchase_complete": 3}, ["order_completed"], {}),
        ({"product_seen": 9}, [], {"product_seen": "deprecated-still-arriving"}),
        ({"stranger": 1}, [], {"stranger": "seen-never-planned"}),
        ({"stranger": 1}, ["stranger"], {}),
    ],
)
def test_cells_that_should_not_be_are_findings(seen: dict[str, int], called: list[str], rules: dict[str, str]) -> None:
    """Former names count for the event; what is called but not planned is said of the call."""
    place = Place(file="a.py", line=1, column=1)
    calls = [Call(name, place, "t.track") for name in called]
    rows = table(RELEASE, calls, load_definitions(STOREFRONT / "definitions"), seen)
    assert {finding.event: finding.rule for finding in about_rows(PLAN, rows, 30)} == rules


def test_an_event_that_nothing_uses_is_named_only_when_it_arrives() -> None:
    """Seen and never used is a note; without definitions every event that arrives is one."""
    rows = table(RELEASE, [], [], {"product_viewed": 5})
    [finding] = about_rows(PLAN, rows, 30)
    assert (finding.rule, finding.severity.value) == ("seen-never-used", "note")
    assert about_rows(PLAN, table(RELEASE, [], [], None), 30) == []


def test_plan_yaml_names_paths_wrappers_and_receivers(tmp_path: Path) -> None:
    """`coverage:` makes the command work without arguments but the plan's directory."""
    write(tmp_path, {"app/a.js": "shop.send('seen'); bus.track('seen');"})
    head = "plan: x\nformat: 1\ncoverage:\n  paths: [../app]\n  receivers: [bus]\n  wrappers: [{call: shop.send}]\n"
    write(tmp_path, {"plan/plan.yaml": head, "plan/events/a/seen.yaml": "event: seen\nsummary: Seen.\n"})
    code, output = run(tmp_path / "plan")
    assert code == 0
    assert "a.js:1 and 1 more" in output


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [([], 2, "name the code to scan"), (["nowhere"], 2, "nowhere is not there")],
)
def test_wrong_usage_exits_2(arguments: list[str], code: int, says: str) -> None:
    """Nothing to scan is an error of usage, not an empty table."""
    got, output = run(STOREFRONT, *arguments)
    assert got == code
    assert says in " ".join(output.split())


def test_a_warehouse_that_does_not_answer_exits_4(tmp_path: Path) -> None:
    """No answer never looks like "nothing arrived"."""
    write(tmp_path, SCRIPT)
    code, output = run(STOREFRONT, tmp_path, "--warehouse", "clickhouse://nobody@127.0.0.1:1/x")
    assert code == 4
    assert "never in" not in output
