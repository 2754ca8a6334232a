"""What the verbs of `trackway plan` share: the plan's directory, `--format`, `--fail-on`, and how they end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import click
import msgspec

from ..errors import PlanError
from ..findings import Report, Severity
from ..reports import FORMATS, render

FINDINGS, UNLOADABLE, UNREACHABLE = 1, 3, 4

directory_argument = click.argument(
    "directory", metavar="[DIR]", default="tracking_plan", type=click.Path(path_type=Path, file_okay=False)
)
"""The plan's directory, `tracking_plan` unless given."""

format_option = click.option(
    "--format", "form", type=click.Choice(list(FORMATS)), default="text", show_default=True, help="How to print it."
)

today_option = click.option(
    "--today",
    metavar="DAY",
    type=click.DateTime(["%Y-%m-%d"]),
    callback=lambda ctx, parameter, value: value.date() if value else datetime.now(UTC).date(),
    help="Judge what expires as if it were this day.",
)
"""`--today`: the day that waivers, acceptances and sunsets are held against, in UTC unless given."""


def fail_on_option(default: Severity = Severity.ERROR) -> Callable[[Any], Any]:
    """`--fail-on`: the least severity that makes the exit code 1."""
    return click.option(
        "--fail-on",
        type=click.Choice([each.value for each in Severity]),
        default=default.value,
        show_default=True,
        callback=lambda ctx, parameter, value: Severity(value),
        help="The least severity that makes the exit code 1.",
    )


def finish(report: Report, form: str, fail_on: Severity = Severity.ERROR) -> NoReturn:
    """Print a report and exit: 1 if it holds findings at or above `fail_on` that nobody accepted, else 0."""
    click.echo(render(msgspec.structs.replace(report, bar=fail_on), form), nl=False)
    sys.exit(FINDINGS if report.failing(fail_on) else 0)


@contextmanager
def loading() -> Iterator[None]:
    """Turn a plan, release or ref that cannot be loaded into its message and exit code 3."""
    try:
        yield
    except PlanError as error:
        click.echo(str(error), err=True)
        sys.exit(UNLOADABLE)
