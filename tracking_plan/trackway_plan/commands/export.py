"""`trackway plan export`: the plan in the files of another tool."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from ..errors import PlanError
from ..exchange.formats import EXPORTS
from ..findings import Report, Severity
from ..loading.plan import load_plan
from .common import directory_argument, finish, format_option, loading


@click.command()
@click.argument("target", metavar="FORMAT", type=click.Choice(sorted(EXPORTS)))
@directory_argument
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The folder to write to; `export/FORMAT` unless given. What stands there under the same names is replaced.",
)
@click.option("--strict", is_flag=True, help="Exit with 1 if anything is lost.")
@format_option
def export(target: str, directory: Path, out: Path | None, strict: bool, form: str) -> None:
    """
    Write the plan in DIR (tracking_plan unless given) in the files of another tool.

    FORMAT is csv, iglu, jsonschema, rudder or segment. The report has a line for each thing that the format has no
    word for. What it does not name is the same again after `trackway plan import`.

    \b
    Example:
      trackway plan export jsonschema tracking_plan --out schemas
    """
    folder = out or Path("export") / target
    with loading():
        exported = EXPORTS[target](load_plan(directory))
        _write(folder, exported.files)
    click.echo(f"{folder}: {len(exported.files):,} files.", err=True)
    findings = tuple(loss.finding() for loss in exported.losses)
    facts = {"files": [str(folder / name) for name in exported.files]}
    report = Report(verb="export", subject=f"{directory} → {target}", findings=findings, facts=facts)
    finish(report, form, Severity.WARN if strict else Severity.ERROR)


def _write(folder: Path, files: Mapping[str, str]) -> None:
    try:
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        message = f"{error.filename or folder}: this cannot be written: {error.strerror}."
        raise PlanError(message) from error
