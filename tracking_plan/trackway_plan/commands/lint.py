"""`trackway plan lint`: what a plan may say and had better not."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from ..findings import Severity
from ..lint import RULES, lint_report
from ..loading.plan import load_plan
from .common import directory_argument, fail_on_option, finish, format_option, loading, today_option


@click.command()
@directory_argument
@format_option
@fail_on_option()
@today_option
@click.option("--rules", "listing", is_flag=True, help="List the rules and why they are there, and exit.")
def lint(directory: Path, form: str, fail_on: Severity, today: date, listing: bool) -> None:
    """
    Check names, owners, personal data, and what has expired in the plan in DIR (tracking_plan unless given).

    An event or a group waives a rule for itself, with a reason and a last day:
    waive: [{rule: name-tense, reason: matches the ERP, until: 2026-12-31}]

    \b
    Example:
      trackway plan lint tracking_plan --fail-on warn
    """
    if listing:
        for rule in RULES:
            click.echo(f"{rule.id} ({rule.severity}): {rule.why}\n  {rule.mend}")
        return
    with loading():
        plan = load_plan(directory)
    finish(lint_report(plan, today, home=str(directory / "plan.yaml")), form, fail_on)
