"""`trackway plan fmt`: one order and one style for every file of a plan."""

from __future__ import annotations

import difflib
import shlex
import sys
from pathlib import Path

import click

from ..errors import Problem
from ..findings import Finding, Report, Severity
from ..generate import write_atomically
from ..layout import laid_out, plan_files
from ..reports import render
from .common import FINDINGS, UNLOADABLE, directory_argument, format_option
from .validate import as_findings

_UNFORMATTED = "not as `trackway plan fmt` writes it."


@click.command()
@directory_argument
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if a file would change.")
@format_option
@click.option("--diff", "show", is_flag=True, help="Write nothing; show what would change.")
def fmt(directory: Path, check: bool, form: str, show: bool) -> None:
    """
    Write the files of the plan in DIR (tracking_plan unless given) in one order and style.

    Comments stay with what they are about, and the order of properties, choices and lists stays, because it means
    something. A file that cannot be read is reported and left as it is; so is one whose meaning or comments
    formatting would change.

    \b
    Example:
      trackway plan fmt tracking_plan --check
    """
    if form != "text" and not check:
        message = "--format is how --check prints what it found; add --check."
        raise click.UsageError(message)
    problems: list[Problem] = []
    unformatted: list[Path] = []
    files = plan_files(directory)
    if not files:
        problems.append(Problem(str(directory / "plan.yaml"), 1, 1, "there is no plan here: plan.yaml is missing."))
    changed = 0
    for path in files:
        texts = laid_out(path, directory, problems)
        if texts is None or texts[0] == texts[1]:
            continue
        changed += 1
        if show:
            click.echo(_difference(path, *texts), nl=False)
        elif check:
            unformatted.append(path)
        elif not _replace(path, texts[1], problems):
            changed -= 1
    if form != "text":
        click.echo(render(_report(directory, unformatted, problems), form), nl=False)
        sys.exit(UNLOADABLE if problems else FINDINGS if unformatted else 0)
    for path in unformatted:
        click.echo(f"{path}:1:1: {_UNFORMATTED}")
    for problem in problems:
        click.echo(str(problem), err=True)
    done = "would change" if check or show else "changed"
    click.echo(f"{len(files):,} files, {changed:,} {done}" + (f", {len(problems):,} left out." if problems else "."))
    sys.exit(UNLOADABLE if problems else FINDINGS if changed and (check or show) else 0)


def _report(directory: Path, unformatted: list[Path], problems: list[Problem]) -> Report:
    mend = f"Write: trackway plan fmt {shlex.quote(str(directory))}"
    found = [
        Finding(
            rule="not-formatted",
            severity=Severity.ERROR,
            message=_UNFORMATTED,
            hint=mend,
            file=str(path),
            line=1,
            column=1,
        )
        for path in unformatted
    ]
    found += as_findings(problems, "unreadable", Severity.ERROR)
    return Report(verb="fmt", subject=str(directory), findings=tuple(found))


def _difference(path: Path, old: str, new: str) -> str:
    lines = difflib.unified_diff(
        old.splitlines(keepends=True), new.splitlines(keepends=True), f"{path}", f"{path} (formatted)"
    )
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _replace(path: Path, text: str, problems: list[Problem]) -> bool:
    """Write a file whole or not at all; its permissions stay."""
    try:
        write_atomically(path.resolve(), text)
    except OSError as error:
        problems.append(Problem(str(path), 1, 1, f"the file cannot be written: {error.strerror}."))
        return False
    return True
