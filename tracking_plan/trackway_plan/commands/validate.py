"""`trackway plan validate`: everything that is wrong with a plan, at once."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from ..errors import Problem
from ..load import read_plan
from ..notes import plan_notes, release_problems
from .common import FINDINGS, UNLOADABLE, directory_argument


@click.command()
@directory_argument
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
