"""`trackway import`."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any

import click
from msgspec.structs import replace

from trackway_collector.command_settings import command_settings
from trackway_collector.config import Settings
from trackway_collector.errors import CollectorError, SpoolFull, SpoolLocked
from trackway_collector.imports.progress import bars
from trackway_collector.imports.rows import PART_ROWS, FileRefused
from trackway_collector.imports.run import Import, Tally
from trackway_collector.ingest.rules.sources import Policies, SourcePolicy
from trackway_collector.ingest.verdicts.decode import BatchDecoder
from trackway_collector.mapping import EventMapping, MappingError, load_mapping
from trackway_collector.releases import ReleaseFolder
from trackway_collector.warehouse.store_file import StoreFile
from trackway_plan.environments import ENVIRONMENTS, PRODUCTION
from trackway_plan.redact import read_hash_key

EXIT_REFUSED = 1
EXIT_CANNOT_IMPORT = 3
EXIT_STOPPED = 130
MIB = 1024**2


@click.command(
    name="import", epilog="Example: trackway import orders-2025.csv.gz --mapping mappings/orders.yaml --source shop"
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--mapping", type=click.Path(path_type=Path), help="How a row becomes an event; needed but for events.")
@click.option("--source", metavar="NAME", help="The source of the events [the mapping's `source`].")
@click.option(
    "--environment", type=click.Choice(ENVIRONMENTS), default=PRODUCTION, show_default=True, help="What they count in."
)
@click.option("--data-dir", type=click.Path(path_type=Path), help="The collector's data directory.")
@click.option("--plan", metavar="PATH", help="The plan they are judged by, as for the collector.")
@click.option("--report", type=click.Path(path_type=Path), help="Where refused rows go [<data dir>/imports/…].")
@click.option("--dry-run", is_flag=True, help="Read and judge the rows; store nothing.")
@click.option("--again", is_flag=True, help="Import what is imported already once more; ids of this week stay single.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def import_files(
    files: tuple[Path, ...],
    mapping: Path | None,
    source: str | None,
    environment: str,
    data_dir: Path | None,
    plan: str | None,
    report: Path | None,
    dry_run: bool,
    again: bool,
    form: str,
) -> None:
    """
    Bring rows of files into the events, each exactly once.

    FILE holds events as JSON lines, or anything as CSV, Parquet or JSON lines, packed by gzip or not. The collector
    need not run, but its data directory must be here. A file that is imported already changes nothing, one that has
    grown brings what is new, and after a kill the same command goes on where it was.
    """
    settings, _ = command_settings({"data_dir": data_dir, "plan": plan})
    found = _mapping(mapping)
    sender = source or (found.source if found else "")
    if not sender:
        message = "nobody says whose events these are. Write --source NAME, or `source: NAME` in the mapping."
        raise click.UsageError(message)
    if not dry_run and not settings.data_dir.is_dir():
        message = f"{settings.data_dir}: no collector's data directory is here. Name it with --data-dir."
        raise click.UsageError(message)
    stopping = _stop_on_signals()
    try:
        work = _import(settings, sender, environment)
        work.mapping, work.mapping_text = found, mapping.read_bytes() if mapping else b""
        work.report, work.again, work.dry_run = report, again, dry_run
        work.stop = lambda: bool(stopping)
    except CollectorError as error:
        _fail(error)
    tallies = []
    try:
        with bars() as begin:
            for path in files:
                tallies.append(work.run(path, begin(path) if path.exists() else lambda done, rows: None))
                if stopping:
                    break
    except SpoolLocked:
        _fail(f"{settings.data_dir}: another import is at work here. Write this again when it has ended.")
    except SpoolFull as error:
        _fail(f"{error}.\n  Start `trackway up`, which empties the spool, and write this again: it goes on here.")
    except (CollectorError, FileRefused) as error:
        _say(tallies, form, dry_run=dry_run)
        _fail(error)
    except OSError as error:
        _say(tallies, form, dry_run=dry_run)
        where = error.filename or settings.data_dir
        _fail(f"{where}: {error.strerror}.\n  Mend that and write this again: it goes on here.")
    _say(tallies, form, dry_run=dry_run)
    if stopping:
        _fail("Stopped. The same command goes on where this has ended.", EXIT_STOPPED)
    if any(tally.refused for tally in tallies):
        sys.exit(EXIT_REFUSED)


def _mapping(path: Path | None) -> EventMapping | None:
    try:
        return load_mapping(path) if path is not None else None
    except MappingError as error:
        _fail(error)
        raise  # never: it has ended


def _import(settings: Settings, source: str, environment: str) -> Import:
    hash_key = read_hash_key(settings.hash_key)
    releases = ReleaseFolder(settings.plan, hash_key) if settings.plan else None
    policies = _with_room(settings.policies)
    decoder = BatchDecoder(releases.live if releases else None, policies, hash_key)
    return Import(
        settings.data_dir,
        decoder,
        source,
        environment,
        hash_key=hash_key,
        max_backlog_bytes=settings.max_backlog_mib * MIB,
        soft_free_bytes=settings.soft_free_mib * MIB,
        store_runs=lambda: StoreFile.read_running(settings.store_file) is not None,
    )


def _with_room(policies: Policies) -> Policies:
    """The policies without the limit on events in a batch: an import makes its own batches."""
    return Policies(_roomy(policies.default), {source: _roomy(policy) for source, policy in policies.by_source.items()})


def _roomy(policy: SourcePolicy) -> SourcePolicy:
    return replace(policy, limits=replace(policy.limits, batch_events=PART_ROWS))


def _stop_on_signals() -> list[int]:
    """Return a list that gets the number of a signal that asks to stop; a second one ends the process at once."""
    asked: list[int] = []

    def stop(number: int, frame: Any) -> None:
        asked.append(number)
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    return asked


def _say(tallies: list[Tally], form: str, *, dry_run: bool) -> None:
    if form == "json":
        click.echo(json.dumps([_as_json(tally) for tally in tallies], ensure_ascii=False, indent=2))
        return
    for tally in tallies:
        for note in tally.notes:
            click.echo(f"note: {note}", err=True)
        refused = f", {tally.refused_before:,} of them refused" if tally.refused_before else ""
        known = f" ({tally.before:,} rows before this{refused})" if tally.before else ""
        if not tally.rows:
            click.echo(f"{tally.file}: nothing new{known}.")
            continue
        became = ", ".join(f"{count:,} {outcome}" for outcome, count in tally.outcomes.most_common()) or "no events"
        click.echo(f"{tally.file}: {tally.rows:,} rows{known}: {became}.")
        if tally.skipped:
            click.echo(f"  {tally.skipped:,} skipped, as the mapping says.")
        if tally.refused:
            where = f" The report has them: {tally.report}" if tally.report else ""
            click.echo(f"  {tally.refused:,} refused.{where}")
    if dry_run:
        click.echo("Nothing was stored.")


def _as_json(tally: Tally) -> dict[str, object]:
    return {
        "file": tally.file,
        "before": tally.before,
        "refused_before": tally.refused_before,
        "rows": tally.rows,
        "events": tally.events,
        "outcomes": dict(tally.outcomes),
        "skipped": tally.skipped,
        "refused": tally.refused,
        "notes": tally.notes,
        "report": str(tally.report) if tally.report else None,
    }


def _fail(error: object, status: int = EXIT_CANNOT_IMPORT) -> None:
    click.echo(str(error), err=True)
    sys.exit(status)
