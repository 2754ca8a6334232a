"""The dashboard and the alerts ask for series that exist, by labels that they have."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from tests.support.metrics import every_family, series

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "collector" / "deploy"
DASHBOARD = json.loads((DEPLOY / "grafana" / "trackway.json").read_text("utf-8"))
ALERTS = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text("utf-8"))
OPERATE = (ROOT / "docs" / "operate.md").read_text("utf-8")

RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
EXPRESSIONS = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ())]
OF_THE_SCRAPE = {"instance", "job"}
VARIABLES = {"$__rate_interval": "5m", "$worker": ".*"}


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Every series with its labels."""
    return series(every_family(tmp_path_factory.mktemp("data")))


def parsed(expression: str) -> Any:
    """The expression as Prometheus would read it, with Grafana's variables filled in."""
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    assert "$" not in expression
    return promql_parser.parse(expression)


class Asked(list[tuple[str, set[str]]]):
    """Each series that an expression asks for, with every label that it uses of it."""

    def __init__(self, expression: str) -> None:
        super().__init__()
        self._walk(parsed(expression), set())

    def _walk(self, node: Any, grouped_by: set[str]) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            matchers = {matcher.name for matcher in node.matchers.matchers}
            self.append((node.name or "", grouped_by | matchers))
        elif isinstance(node, promql_parser.MatrixSelector):
            self._walk(node.vector_selector, grouped_by)
        elif isinstance(node, promql_parser.AggregateExpr):
            labels = set(node.modifier.labels) if node.modifier is not None else set()
            self._walk(node.expr, grouped_by | labels)
        elif isinstance(node, promql_parser.BinaryExpr):
            self._walk(node.lhs, grouped_by)
            self._walk(node.rhs, grouped_by)
        elif isinstance(node, promql_parser.Call):
            for argument in node.args:
                self._walk(argument, grouped_by)
        elif isinstance(node, promql_parser.ParenExpr | promql_parser.UnaryExpr):
            self._walk(node.expr, grouped_by)


@pytest.mark.parametrize("expression", [*EXPRESSIONS, *(rule["expr"] for rule in RULES)])
def test_every_expression_asks_for_what_exists(known: dict[str, set[str]], expression: str) -> None:
    """It can be parsed, its series exist, and they have the labels it selects and groups by."""
    asked = Asked(expression)
    assert asked
    for name, labels in asked:
        assert name in known, name
        assert labels <= known[name] | OF_THE_SCRAPE, (name, labels)


def test_every_legend_has_its_label() -> None:
    """A legend shows only labels that its expression groups by."""
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            shown = set(re.findall(r"\{\{\s*(\w+)\s*\}\}", target["legendFormat"]))
            grouped = set().union(*(labels for _, labels in Asked(target["expr"])))
            assert shown <= grouped, panel["title"]


def test_every_series_is_on_the_dashboard(known: dict[str, set[str]]) -> None:
    """What is counted can be seen: each series but the parts of histograms that only divisions need."""
    seen = {name for expression in EXPRESSIONS for name, _ in Asked(expression)}
    assert {name for name in known if not name.endswith(("_sum", "_count"))} == seen


def test_panels_do_not_overlap() -> None:
    """No two panels share a place, and each has an id of its own."""
    places: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        grid = panel["gridPos"]
        cells = {
            (x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])
        }
        assert not places & cells, panel["title"]
        assert max(x for x, _ in cells) < 24
        places |= cells
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_each_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    """It has a severity, a summary and a description, and a row on the page for operators."""
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["description"]
    assert f"| `{rule['alert']}` |" in OPERATE


def test_every_series_has_its_row(tmp_path: Path) -> None:
    """The table of series on the page for operators is that of the program: name, labels, meaning."""
    for family in every_family(tmp_path):
        name = family.name + ("_total" if family.kind == "counter" else "")
        labels = ", ".join(f"`{label}`" for label in family.labels) or "–"
        assert f"| `{name}` | {family.kind} | {labels} | {family.help} |" in OPERATE
