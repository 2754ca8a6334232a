"""`trackway plan validate`: everything that is wrong with a plan, at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from ..errors import Problem
from ..findings import Finding, Report, Severity
from ..loading.plan import read_plan
from ..notes import plan_notes
from ..reports import render
from ..revisions.immutable import RULES as RELEASE_RULES
from ..revisions.immutable import release_findings
from .common import UNLOADABLE, directory_argument, fail_on_option, finish, format_option

RULES = {
    "invalid": "What the plan language does not allow cannot be compiled, so nothing else can be said about the plan.",
    "not-enforced": "What nobody can check, such as `required` of what is dropped, should not be relied on.",
    **RELEASE_RULES,
}


@click.command()
@directory_argument
@format_option
@fail_on_option()
def validate(directory: Path, form: str, fail_on: Severity) -> None:
    """
    Report everything that is wrong with the plan in DIR (tracking_plan unless given).

    Each problem says file:line:column, what is wrong and what to write instead. Releases are checked against
    the hash they state.

    \b
    Example:
      trackway plan validate tracking_plan --format json
    """
    report = validity(directory)
    if not (directory / "plan.yaml").is_file():
        click.echo(render(report, form), nl=False)
        raise SystemExit(UNLOADABLE)
    finish(report, form, fail_on)


def validity(directory: Path) -> Report:
    """Every problem of the plan and its releases as a report; a note is never a problem."""
    plan, problems = read_plan(directory)
    releases = release_findings(directory)
    found = [
        *as_findings(problems, "invalid", Severity.ERROR),
        *releases,
        *as_findings(plan_notes(plan), "not-enforced", Severity.NOTE),
    ]
    counts = f"{_count(len(plan.events), 'event')}, {_count(len(problems) + len(releases), 'problem')}"
    return Report(
        verb="validate",
        subject=plan.name or str(directory),
        findings=tuple(sorted(found, key=Finding.sort_key)),
        facts={"plan": plan.name, "events": len(plan.events)},
        summary=f"{plan.name or directory}: {counts}.",
        rules=RULES,
        home=str(directory / "plan.yaml"),
    )


def as_findings(problems: Sequence[Problem], rule: str, severity: Severity) -> list[Finding]:
    """Problems of the loader as findings."""
    return [
        Finding(
            rule=rule,
            severity=severity,
            message=problem.message,
            hint=problem.hint,
            file=problem.file,
            line=problem.line,
            column=problem.column,
        )
        for problem in problems
    ]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
