"""`trackway plan coverage`: plan × code × data × definitions in one table."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import click
import msgspec

from ..coverage.calls import Scan
from ..coverage.judge import RULES as CALL_RULES
from ..coverage.judge import judge
from ..coverage.scan import ParserMissingError, scan
from ..coverage.table import RULES as ROW_RULES
from ..coverage.table import Row, about_rows, as_markdown, as_text, table
from ..definitions import definitions_of
from ..findings import Finding, Report, Severity
from ..generate.files import clients_of, release_for
from ..loading.plan import load_plan
from ..model import Plan
from ..reports import render
from .common import FINDINGS, UNLOADABLE, UNREACHABLE, fail_on_option, format_option, loading
from .compare import definitions_option

VOLUMES = "trackway_analytics.plan_data.volumes:event_volumes"
"""What counts stored events: `event_volumes(url, days) -> {event: number}`; loaded by name, only when it is asked."""


@click.command()
@click.argument("paths", metavar="[DIR] PATHS…", nargs=-1, type=click.Path(path_type=Path))
@click.option("--warehouse", "url", metavar="URL", help="Count the events stored there.")
@click.option("--days", type=click.IntRange(1, 3650), default=30, show_default=True, help="Of how many days.")
@definitions_option
@format_option
@fail_on_option()
def coverage(
    paths: tuple[Path, ...], url: str | None, days: int, definitions: Path | None, form: str, fail_on: Severity
) -> None:
    """
    Say of each event whether it is planned, called in the code below PATHS, seen in the data, and used.

    DIR is the first argument if it holds a plan.yaml, else tracking_plan. Without PATHS, those of `coverage:` in
    plan.yaml are scanned. Python, JavaScript and TypeScript are parsed, never run. Calls with wrong arguments are
    findings at file:line:column; the wrappers of your code are named in plan.yaml.

    \b
    Example:
      trackway plan coverage app/ web/src/
    """
    directory, given = _split(paths)
    with loading():
        plan = load_plan(directory)
        release = release_for(plan, directory)
        used = definitions_of(directory, definitions)
    where = _existing(given or [_from(directory, path) for path in plan.coverage.paths])
    also = [client.path for client in clients_of(plan, directory)]
    try:
        found = scan(where, plan.coverage, also)
    except ParserMissingError as error:
        click.echo(str(error), err=True)
        sys.exit(UNLOADABLE)
    rows = table(release, found.calls, used, _seen(url, days))
    findings = [*judge(plan, release, found), *about_rows(plan, rows, days)]
    report = Report(
        verb="coverage",
        subject=plan.name,
        findings=tuple(sorted(findings, key=Finding.sort_key)),
        facts={
            "rows": [msgspec.to_builtins(row) for row in rows],
            "files": found.files,
            "skipped": [{"path": path, "reason": why} for path, why in found.skipped],
            "days": days if url else 0,
        },
        summary=_summary(plan, rows, found),
        rules=CALL_RULES | ROW_RULES,
        home=str(directory / "plan.yaml"),
    )
    _print(report, rows, days, form, fail_on)


def _split(paths: Sequence[Path]) -> tuple[Path, list[Path]]:
    if paths and (paths[0] / "plan.yaml").is_file():
        return paths[0], list(paths[1:])
    return Path("tracking_plan"), list(paths)


def _from(directory: Path, path: str) -> Path:
    return Path(os.path.normpath(directory / path))


def _existing(paths: Sequence[Path]) -> Sequence[Path]:
    if not paths:
        message = "name the code to scan, or write `coverage: {paths: [../app]}` in plan.yaml."
        raise click.UsageError(message)
    for path in paths:
        if not path.exists():
            message = f"{path} is not there."
            raise click.BadParameter(message, param_hint="PATHS")
    return paths


def _seen(url: str | None, days: int) -> Mapping[str, int] | None:
    """Event to how many were received; None without a warehouse."""
    if url is None:
        return None
    module, _, name = VOLUMES.partition(":")
    try:
        count: Callable[[str, int], Mapping[str, int]] = getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        click.echo(
            f"--warehouse needs the analytics part of trackway, which cannot be imported ({error.name} is missing).\n"
            '  Install it: pip install "trackway[analytics]".',
            err=True,
        )
        sys.exit(UNREACHABLE)
    return count(url, days)


def _summary(plan: Plan, rows: Sequence[Row], found: Scan) -> str:
    planned = [row for row in rows if row.planned == "active"]
    called = sum(bool(row.calls) for row in planned)
    skipped = f", {len(found.skipped):,} files and folders skipped" if found.skipped else ""
    calls = f"{len(found.calls):,} calls in {found.files:,} files{skipped}"
    return f"{plan.name}: {called:,} of {len(planned):,} active events are called; {calls}."


def _print(report: Report, rows: Sequence[Row], days: int, form: str, fail_on: Severity) -> NoReturn:
    """The table where people read it, then the findings; exit code 1 if they reach the bar."""
    if form == "text":
        click.echo(as_text(rows, days))
    click.echo(render(msgspec.structs.replace(report, bar=fail_on), form), nl=False)
    if form == "markdown":
        click.echo("\n" + as_markdown(rows, days), nl=False)
    sys.exit(FINDINGS if report.failing(fail_on) else 0)
