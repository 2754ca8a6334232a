"""`trackway plan impact`: which funnels, metrics and other definitions a change of the plan touches."""

from __future__ import annotations

from pathlib import Path

import click

from ..definitions import definitions_of
from ..findings import Report, Severity
from ..impact.definitions import impact as impact_of
from .common import directory_argument, fail_on_option, finish, format_option, loading
from .compare import against_option, definitions_option, named, open_pair


@click.command()
@directory_argument
@against_option
@definitions_option
@fail_on_option()
@format_option
def impact(directory: Path, against: str, definitions: Path | None, fail_on: Severity, form: str) -> None:
    """
    Name every definition that the change from BASE to the plan in DIR breaks, changes, or leaves whole by an alias.

    Definitions are YAML files: funnels, paths, retention, attribution and metrics. What a change does not touch is
    not named.

    \b
    Example:
      trackway plan impact --against origin/main
    """
    with loading():
        found = definitions_of(directory, definitions)
        before, after = open_pair(against, directory)
    number = "1 definition" if len(found) == 1 else f"{len(found):,} definitions"
    subject = f"{named(before, after)}, {number}"
    report = Report(verb="impact", subject=subject, findings=tuple(impact_of(before.release, after.release, found)))
    finish(report, form, fail_on)
