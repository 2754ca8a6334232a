"""`trackway plan ddl`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from trackway_collector.warehouse import Warehouse, apply_plan, property_types
from trackway_collector.warehouse.cli import opened_warehouse, warehouse_options
from trackway_collector.warehouse.plan_columns import typed_paths
from trackway_collector.warehouse.plan_ddl import Retyped, Storage, script, storage, views
from trackway_collector.warehouse.plan_releases import recorded_releases
from trackway_collector.warehouse.stored_paths import safe_to_add
from trackway_plan import Release
from trackway_plan.commands.common import FINDINGS, directory_argument, finish, format_option, loading
from trackway_plan.findings import Audience, Finding, Report, Severity
from trackway_plan.release import released_files
from trackway_plan.renames import Names
from trackway_plan.revisions.named import Revision, open_revision

COLUMNS = ("properties", "traits")


@click.command()
@directory_argument
@click.option("--against", metavar="BASE", help="Only what differs from this directory, release number or Git ref.")
@warehouse_options
@format_option
@click.option("--apply", "run", is_flag=True, help="Run it in the warehouse; what would change a value is left out.")
def ddl(directory: Path, against: str | None, url: str | None, data_dir: Path | None, form: str, run: bool) -> None:
    """
    Print the ClickHouse DDL of the plan in DIR: typed paths, and views that resolve former names.

    Without --against and --warehouse, for empty tables, from the plan alone. A path never changes its type: a property
    of another type needs `store_as`, which is said at its place, with exit code 1; in other formats than text, that is
    all that is printed.

    \b
    Example:
      trackway plan ddl tracking_plan --against origin/main
    """
    if against and (url or data_dir or run):
        message = "--against compares with a plan, --warehouse with a warehouse; write one of them."
        raise click.UsageError(message)
    with loading():
        revision = open_revision(str(directory), directory)
        release = revision.release
        released = [Release.load(path) for path in released_files(directory).values()]
        base = open_revision(against, directory) if against else None
    if base is not None:
        paths = typed_paths(event.properties for event in base.release.events.values())
        present = {"properties": paths, "traits": typed_paths(base.release.traits.values())}
        before = [each for each in (*released, base.release) if each.rev < release.rev]
        _print(revision, storage(release, present), Names.of(release, *before), base.label, form)
    elif url or data_dir or run:
        with opened_warehouse(url, data_dir, owner=run) as opened:
            stored, names = _in_warehouse(opened, release, released)
            if run:
                apply_plan(opened, release)
                for statement in views(release, names).values():
                    opened.command(statement.removesuffix(";"))
            _print(revision, stored, names, str(opened.url), form)
    else:
        _print(revision, storage(release), Names.of(release, *released), "empty tables", form)


def _in_warehouse(opened: Warehouse, release: Release, released: list[Release]) -> tuple[list[Storage], Names]:
    present = {column: property_types(opened, column) for column in COLUMNS}
    stored = []
    for part in storage(release, present):
        # What is stored untyped under such a path may not fit: the engine is asked, and the log says what stays.
        added = safe_to_add(opened, part.column, part.added) if part.added else {}
        stored.append(Storage(part.column, part.present, added, part.retyped))
    return stored, Names.of(release, *released, *recorded_releases(opened))


def _print(revision: Revision, stored: list[Storage], names: Names, compared_with: str, form: str) -> None:
    release = revision.release
    if form != "text":
        findings = tuple(_finding(revision, change) for part in stored for change in part.retyped)
        finish(Report(verb="ddl", subject=f"{release.name}: {compared_with}", findings=findings), form)
    click.echo(script(release, stored, views(release, names), compared_with), nl=False)
    if any(part.retyped for part in stored):
        sys.exit(FINDINGS)


def _finding(revision: Revision, change: Retyped) -> Finding:
    """A path that cannot have the type the plan gives it, at the property that asks for it."""
    place = None
    properties = {("events", name): event.properties for name, event in revision.release.events.items()}
    traits = {("traits", kind): specs for kind, specs in revision.release.traits.items()}
    for at, specs in (traits if change.column == "traits" else properties).items():
        for path, spec in specs.items():
            if (spec.store_as or path) == change.path and revision.plan is not None:
                origin = ("groups", spec.group) if spec.group else at
                place = place or revision.plan.places.get((*origin, "properties", path))
    return Finding(
        rule="path-keeps-its-type",
        severity=Severity.ERROR,
        audience=Audience.STORAGE,
        message=f"{change.column}.{change.path} stays {change.has}; the plan says {change.wanted}.",
        hint=f"Write `store_as: {change.next_name}` at the property: the new type gets a path of its own.",
        path=change.path,
        before=change.has,
        after=change.wanted,
        file=place.file if place else "",
        line=place.line if place else 0,
        column=place.column if place else 0,
    )
