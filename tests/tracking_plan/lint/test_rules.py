"""The lint rules: a folder of tests/golden/lint for each, a row of the documentation for each, and no others."""

from __future__ import annotations

import os
import re
from datetime import date
from pathlib import Path

import pytest

from trackway_plan import load_plan
from trackway_plan.findings import Report
from trackway_plan.lint import RULES, LintRule, lint, lint_report
from trackway_plan.reports import render

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "golden" / "lint"
TODAY = date(2026, 11, 22)


@pytest.mark.parametrize("name", sorted(path.name for path in GOLDEN.iterdir()))
def test_golden_plan_has_exactly_these_findings(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each folder in tests/golden/lint has the findings of its expected.txt, those of its rule and no others."""
    monkeypatch.chdir(GOLDEN / name)
    report = lint_report(load_plan("plan"), TODAY)
    text = render(report, "text")
    expected = Path("expected.txt")
    if os.environ.get("TRACKWAY_UPDATE_GOLDEN"):
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")
    # A waiver of a rule that does not exist leaves what it meant to waive.
    beside = {"owner-missing"} if name == "waiver-unknown" else set()
    assert {finding.rule for finding in report.findings} == {name} | beside


def test_every_rule_has_its_folder() -> None:
    """No rule goes without an example of what it finds."""
    assert {rule.id for rule in RULES} == {path.name for path in GOLDEN.iterdir()}


def test_the_documentation_lists_exactly_these_rules() -> None:
    """docs/lint_rules.md has a row with the severity of each rule, and of no other."""
    page = (ROOT / "docs" / "lint_rules.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (error|warn|note) \|", page, re.MULTILINE))
    assert rows == {rule.id: rule.severity.value for rule in RULES}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_says_why_and_how_to_mend(rule: LintRule) -> None:
    """Each rule has two sentences for people."""
    assert rule.why.endswith(".")
    assert rule.mend.endswith(".")


@pytest.mark.parametrize("example", ["storefront", "demo"])
def test_the_examples_are_clean(example: str) -> None:
    """The plans that others copy from break no rule."""
    assert lint(load_plan(ROOT / "tracking_plan" / "examples" / example), TODAY) == []


def test_fingerprints_tell_findings_apart() -> None:
    """Findings of one rule in several groups, types and events have several fingerprints."""
    plan = load_plan(GOLDEN / "pii-missing" / "plan")
    report = Report(verb="lint", subject="", findings=tuple(lint(plan, TODAY)))
    assert len({finding.fingerprint for finding in report.findings}) == len(report.findings)
