"""`trackway plan review`: the one command of a pull request that changes the plan."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import click

from ..errors import PlanError
from ..evidence import EvidenceUnreachableError
from ..findings import Severity
from ..review import Context, Setting, report_of
from ..review import review as review_of
from ..review.clients import open_clients
from ..review.comment import comment as comment_of
from .breaking import evidence_source
from .common import UNLOADABLE, UNREACHABLE, directory_argument, fail_on_option, finish, format_option, today_option


@click.command()
@directory_argument
@click.option(
    "--against", metavar="REF", required=True, help="What to compare with: a Git ref, a release, a directory."
)
@click.option("--evidence", metavar="DAYS", default=None, help="Ask stored events of so many days: 14d.")
@click.option("--warehouse", envvar="TRACKWAY_WAREHOUSE", default=None, help="Where the events are stored (a URL).")
@click.option("--exclude-source", multiple=True, help="A source whose events do not count; may be given again.")
@click.option("--minimum", type=click.IntRange(1), default=1, show_default=True, help="Fewer failing events are none.")
@click.option("--definitions", metavar="DIR", type=click.Path(path_type=Path, file_okay=False), default=None)
@click.option(
    "--comment",
    "comment_file",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write the comment for the pull request there, as Markdown.",
)
@today_option
@fail_on_option()
@format_option
def review(
    directory: Path,
    against: str,
    evidence: str | None,
    warehouse: str | None,
    exclude_source: tuple[str, ...],
    minimum: int,
    definitions: Path | None,
    comment_file: Path | None,
    today: date,
    fail_on: Severity,
    form: str,
) -> None:
    """
    Say everything about the change from REF to the plan in DIR (tracking_plan unless given), with one verdict.

    Runs validate, lint, breaking (with evidence, if asked), impact on definitions, the check of generated clients, and
    the proof that releases were left alone. What could not be checked is named.

    \b
    Example:
      trackway plan review --against origin/main --evidence 14d --comment comment.md
    """
    try:
        source = evidence_source(evidence, warehouse, exclude_source, minimum)
        behind = open_clients(warehouse, source.days) if source and warehouse else None
        context = Context(Setting(directory, against, today, source, behind, definitions))
        if not (directory / "plan.yaml").is_file():
            message = f"{directory / 'plan.yaml'}:1:1: there is no plan here: plan.yaml is missing."
            raise PlanError(message)
        parts = review_of(context)
        report = report_of(context, parts, fail_on)
        if comment_file is not None:
            comment_file.write_text(comment_of(context, parts, report), encoding="utf-8", newline="\n")
    except EvidenceUnreachableError as error:
        click.echo(f"{error}\n  Nothing was checked: this is not a finding-free result.", err=True)
        sys.exit(UNREACHABLE)
    except PlanError as error:
        click.echo(str(error), err=True)
        sys.exit(UNLOADABLE)
    except OSError as error:
        click.echo(f"{comment_file}: the comment cannot be written: {error.strerror}.", err=True)
        sys.exit(UNLOADABLE)
    finish(report, form, fail_on)
