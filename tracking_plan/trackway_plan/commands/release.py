"""`trackway plan release`: freeze the plan as its next revision."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from ..findings import Report
from ..loading.plan import load_plan
from ..release import released_files, write_release
from ..revisions.git_tree import RevisionError
from ..revisions.immutable import RULES, release_findings
from .common import directory_argument, finish, format_option, loading


@click.command()
@directory_argument
@click.option("--verify", is_flag=True, help="Write nothing; prove that the releases there are were left alone.")
@click.option("--against", metavar="REF", default="", help="With --verify: they must also be those of this Git ref.")
@format_option
def release(directory: Path, verify: bool, against: str, form: str) -> None:
    """
    Freeze the plan in DIR (tracking_plan unless given) as its next release, DIR/releases/NNNN.json.

    SDK and collector read the release, not the YAML. A release is never overwritten, and a plan that has not
    changed since the last one is not released again. Two branches that both release collide on the file name.

    With --verify, every release must have the hash it states; with --against too, every release of the base
    branch must be here, byte for byte.

    \b
    Example:
      trackway plan release tracking_plan
      trackway plan release tracking_plan --verify --against origin/main
    """
    if against and not verify:
        message = "--against goes with --verify."
        raise click.UsageError(message)
    if verify:
        with loading():
            report = release_report(directory, against)
        finish(report, form)
    with loading():
        frozen, path = write_release(load_plan(directory), directory, datetime.now(UTC).date())
    if path is None:
        click.echo(f"{frozen.name} has not changed since rev {frozen.rev} ({frozen.hash}); nothing was written.")
        return
    events = "1 event" if len(frozen.events) == 1 else f"{len(frozen.events):,} events"
    click.echo(f"{path}: {frozen.name} rev {frozen.rev} ({frozen.hash}), {events}.")


def release_report(directory: Path, against: str) -> Report:
    """Whether the releases of a plan were left alone."""
    if not (directory / "plan.yaml").is_file():
        message = f"{directory / 'plan.yaml'}:1:1: there is no plan here: plan.yaml is missing."
        raise RevisionError(message)
    findings = release_findings(directory, against)
    number = len(released_files(directory))
    releases = "1 release" if number == 1 else f"{number:,} releases"
    sound = f"as on {against} and unchanged" if against else "unchanged"
    return Report(
        verb="release",
        subject=f"{directory}: {releases}",
        findings=tuple(findings),
        facts={"releases": number},
        summary="" if findings else f"{directory}: {releases}, {sound}.",
        rules=RULES,
        home=str(directory / "plan.yaml"),
    )
