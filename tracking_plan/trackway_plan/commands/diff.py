"""`trackway plan diff`: everything that is different between two revisions of the plan."""

from __future__ import annotations

from pathlib import Path

import click

from ..breaking.judge import changelog
from ..diff.releases import changes
from ..findings import Report, Severity
from .common import directory_argument, finish, format_option, loading
from .compare import against_option, named, open_pair


@click.command()
@directory_argument
@against_option
@format_option
def diff(directory: Path, against: str, form: str) -> None:
    """
    List every change of the plan in DIR (tracking_plan unless given) since BASE, or from BASE to HEAD.

    A change of a group or a named type is listed once, with the events it reaches. What it breaks is the business of
    `trackway plan breaking`; this always exits 0.

    \b
    Example:
      trackway plan diff --against 11..12
    """
    with loading():
        before, after = open_pair(against, directory)
    found = changelog(before, after)
    facts = {"changes": [change.to_dict() for change in changes(before.release, after.release)]}
    report = Report(verb="diff", subject=named(before, after), findings=tuple(found), facts=facts)
    # A changelog is no verdict: its notes fail nothing.
    finish(report, form, Severity.ERROR)
