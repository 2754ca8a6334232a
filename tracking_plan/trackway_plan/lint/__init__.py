"""
Lint: what a plan may say by its language and had better not.

    Plan ── RULES, each a check ─▶ what was found ── waivers ─▶ findings

`RULES` is the one list: the reports, docs/lint_rules.md and the folders under tests/golden/lint all follow it.
An event or group waives a rule for itself, plan.yaml for what has no `waive` of its own; see `waivers`.
"""

from __future__ import annotations

from datetime import date

from ..findings import Finding, Report
from ..model import Plan
from .rules import RULES, LintRule
from .waivers import waived

__all__ = ["RULES", "LintRule", "lint", "lint_report"]


def lint(plan: Plan, today: date) -> list[Finding]:
    """Every finding of every rule that nobody waived, and what is wrong with the waivers; worst first."""
    found = [each for rule in RULES if rule.check is not None for each in rule.found(plan, today)]
    return sorted(waived(plan, found, today), key=Finding.sort_key)


def lint_report(plan: Plan, today: date, home: str = "") -> Report:
    """The findings of `lint` as a report."""
    return Report(
        verb="lint",
        subject=plan.name,
        findings=tuple(lint(plan, today)),
        facts={"events": len(plan.events)},
        rules={rule.id: rule.why for rule in RULES},
        home=home,
    )
