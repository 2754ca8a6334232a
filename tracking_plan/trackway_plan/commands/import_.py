"""`trackway plan import`: a plan directory out of what another tool wrote."""

from __future__ import annotations

from pathlib import Path

import click

from ..exchange.assemble import Imported
from ..exchange.formats import IMPORTS
from ..findings import Report, Severity
from ..write_yaml import write_plan
from .common import finish, format_option, loading


@click.command("import")
@click.argument("source", metavar="FORMAT", type=click.Choice(sorted(IMPORTS)))
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--into",
    default="tracking_plan",
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="The plan's directory; it is made if it is not there.",
)
@click.option("--force", is_flag=True, help="Replace the YAML of a plan that stands there; its releases stay.")
@click.option("--strict", is_flag=True, help="Exit with 1 if anything was lost.")
@format_option
def import_plan(source: str, files: tuple[Path, ...], into: Path, force: bool, strict: bool, form: str) -> None:
    """
    Write a plan, one event a file, from the files or folders of another tool.

    FORMAT is csv, iglu, jsonschema, rudder or segment. The report has a line for each thing that the plan language
    cannot say: where it stood, what it was, and what stands there instead.

    \b
    Example:
      trackway plan import segment plan.json --into tracking_plan
    """
    with loading():
        imported: Imported = IMPORTS[source](files)
        written = write_plan(imported.plan, into, force=force)
    plan = imported.plan
    click.echo(f"{into}: {plan.name}, {len(plan.events):,} events in {len(written):,} files.", err=True)
    subject = f"{source} → {into}"
    facts = {"plan": plan.name, "events": len(plan.events), "files": [str(path) for path in written]}
    report = Report(verb="import", subject=subject, findings=imported.findings, facts=facts)
    finish(report, form, Severity.WARN if strict else Severity.ERROR)
