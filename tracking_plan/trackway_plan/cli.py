"""
`trackway plan …`: the tracking plan from the command line. Everything here works without a network.

Exit codes: 0 fine · 1 findings · 2 usage · 3 the plan cannot be loaded.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from .errors import PlanError, PlanErrors, Problem
from .load import load_plan, read_plan
from .notes import plan_notes, release_problems
from .release import write_release

FINDINGS, UNLOADABLE = 1, 3

_directory = click.argument(
    "directory", metavar="[DIR]", default="tracking_plan", type=click.Path(path_type=Path, file_okay=False)
)


@click.group()
def plan() -> None:
    """Check and release the tracking plan."""


@plan.command()
@_directory
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def validate(directory: Path, form: str) -> None:
    """
    Report everything that is wrong with the plan in DIR (tracking_plan unless given).

    Each problem says file:line:column, what is wrong and what to write instead. Releases are checked against
    the hash they state.

    \b
    Example:
      trackway plan validate tracking_plan --format json
    """
    if not (directory / "plan.yaml").is_file():
        _fail(load_problem(directory), form)
    found, problems = read_plan(directory)
    problems = sorted([*problems, *release_problems(directory)])
    notes = plan_notes(found)
    if form == "json":
        rows = {"problems": [p.to_dict() for p in problems], "notes": [note.to_dict() for note in notes]}
        click.echo(json.dumps({"plan": found.name, "events": len(found.events)} | rows, ensure_ascii=False, indent=2))
    else:
        _print(problems)
        _print(notes, kind="note: ")
        counts = f"{_count(len(found.events), 'event')}, {_count(len(problems), 'problem')}"
        _summary(f"{found.name or directory}: {counts}.", bool(problems))
    sys.exit(FINDINGS if problems else 0)


@plan.command()
@_directory
def release(directory: Path) -> None:
    """
    Freeze the plan in DIR (tracking_plan unless given) as its next release, DIR/releases/NNNN.json.

    SDK and collector read the release, not the YAML. A release is never overwritten, and a plan that has not
    changed since the last one is not released again.

    \b
    Example:
      trackway plan release tracking_plan
    """
    try:
        frozen, path = write_release(load_plan(directory), directory, datetime.now(UTC).date())
    except PlanErrors as error:
        _fail(error.problems)
    except PlanError as error:
        click.echo(str(error), err=True)
        sys.exit(UNLOADABLE)
    if path is None:
        click.echo(f"{frozen.name} has not changed since rev {frozen.rev} ({frozen.hash}); nothing was written.")
    else:
        click.echo(f"{path}: {frozen.name} rev {frozen.rev} ({frozen.hash}), {_count(len(frozen.events), 'event')}.")


def load_problem(directory: Path) -> Sequence[Problem]:
    """Why there is no plan at all in a directory."""
    return read_plan(directory)[1]


def _fail(problems: Sequence[Problem], form: str = "text") -> None:
    if form == "json":
        click.echo(json.dumps({"problems": [problem.to_dict() for problem in problems]}, ensure_ascii=False, indent=2))
    else:
        _print(problems)
    sys.exit(UNLOADABLE)


def _print(problems: Sequence[Problem], kind: str = "") -> None:
    # soft_wrap: a path that rich has broken in two is no longer one that an editor or grep can follow.
    console = Console(soft_wrap=True, highlight=False)
    for problem in problems:
        where = Text(f"{problem.file}:{problem.line}:{problem.column}: ", style="bold")
        console.print(where + Text(kind, style="yellow") + Text(problem.message))
        for line in problem.hint.splitlines():
            console.print(Text(f"  {line}", style="dim"))


def _summary(text: str, bad: bool) -> None:
    Console(soft_wrap=True, highlight=False).print(Text(text, style="bold red" if bad else "green"))


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
