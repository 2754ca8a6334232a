"""`trackway plan replay`."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from trackway_collector.command_settings import command_settings
from trackway_collector.errors import SpoolError, SpoolLocked
from trackway_collector.mapping import EventMapping, MappingError, load_mapping
from trackway_collector.replay.replay import MOST_REASONS, Tally, append, fix_by, rejudge, waiting
from trackway_collector.warehouse import WarehouseError
from trackway_collector.warehouse.cli import opened_warehouse, warehouse_options
from trackway_collector.warehouse.plan_releases import UNKNOWN_TABLE
from trackway_collector.warehouse.store_file import StoreFile
from trackway_plan import Release, latest_release
from trackway_plan.commands.common import UNLOADABLE, directory_argument, loading
from trackway_plan.redact import Redactor, read_hash_key
from trackway_plan.release import released_files
from trackway_plan.revisions.named import open_revision

F = TypeVar("F", bound=Callable[..., Any])

_SINCE = re.compile(r"(\d+)([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def options(command: F) -> F:
    """Add what both commands take."""
    found = [
        warehouse_options,
        click.option(
            "--since", default="7d", show_default=True, metavar="AGE", help="Received this long ago at most: 30m, 7d."
        ),
        click.option(
            "--event", "events", multiple=True, metavar="NAME", help="Only this event, as it was sent; repeatable."
        ),
        click.option("--source", "sources", multiple=True, metavar="NAME", help="Only of this source; repeatable."),
        click.option("--fix", type=click.Path(path_type=Path), help="A mapping file that mends each event first."),
        click.option("--rev", type=int, metavar="N", help="Judge by this release [the newest]."),
        click.option(
            "--dry-run", is_flag=True, help="Only say what would fit; without --rev, by the plan as it stands."
        ),
        click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True),
    ]
    for option in reversed(found):
        command = option(command)
    return command


@click.command()
@directory_argument
@options
def replay(directory: Path, rev: int | None, dry_run: bool, **asked: Any) -> None:
    """
    Judge quarantined events once more, by a later release of the plan in DIR, and store those that fit.

    They go into the collector's spool, so run it where the data directory is; the store process stores each exactly
    once, with the time it was received at, however often this is run. What does not fit stays in quarantine.

    \b
    Example:
      trackway plan replay tracking_plan --since 7d --event order_completed --dry-run
    """
    with loading():
        release = _release(directory, rev, dry_run=dry_run)
        others = [Release.load(path) for number, path in released_files(directory).items() if number != release.rev]
    run(release, others, dry_run=dry_run, **asked)


def run(
    release: Release | None,
    others: Sequence[Release],
    *,
    url: str | None,
    data_dir: Path | None,
    since: str,
    events: tuple[str, ...],
    sources: tuple[str, ...],
    fix: Path | None,
    dry_run: bool,
    form: str,
) -> None:
    """Replay, and say what became of what; without a release by the envelope alone."""
    settings, _ = command_settings({"warehouse": url, "data_dir": data_dir})
    mend = fix_by(opened_mapping(fix)) if fix is not None else None
    if not dry_run and not any(settings.spool_dir.glob("*/spool.json")):
        message = f"{settings.spool_dir}: no collector has a spool here. Run this where one does: --data-dir."
        raise click.UsageError(message)
    hash_key = read_hash_key(settings.hash_key)
    every = [release, *others] if release is not None else []
    if hash_key is None and not dry_run and Redactor(every, None).needs_key:
        message = "The plan has `store: hash`. Set TRACKWAY_HASH_KEY to the collector's key."
        raise click.UsageError(message)
    tally = Tally(release.rev if release is not None else 0)
    with opened_warehouse(url, data_dir) as opened:
        try:
            found = waiting(opened, datetime.now(UTC) - age(since), events, sources)
            records = rejudge(found, release, tally, hash_key, others, mend, settings.policies)
            first = next(records, None)
            if first is not None and not dry_run:
                append(settings.spool_dir, _with_first(first, records))
            for _ in records:
                pass  # of a dry run: judged, and counted
        except WarehouseError as error:
            if error.code != UNKNOWN_TABLE:
                raise
            message = (
                f"{opened.url} is of an earlier version. Write `trackway warehouse migrate`, or start `trackway up`."
            )
            raise click.UsageError(message) from error
        except SpoolLocked as error:
            click.echo(f"{error}\n  Another replay is running here; run this again when it has ended.", err=True)
            sys.exit(UNLOADABLE)
        except SpoolError as error:
            click.echo(str(error), err=True)
            sys.exit(UNLOADABLE)
    if form == "json":
        click.echo(json.dumps(_as_json(tally, dry_run=dry_run), ensure_ascii=False, indent=2))
        return
    _say(tally, dry_run=dry_run, store_runs=StoreFile.read_running(settings.store_file) is not None)


def opened_mapping(path: Path) -> EventMapping:
    """The mapping of a file; one that cannot be used ends the command."""
    try:
        return load_mapping(path)
    except MappingError as error:
        click.echo(str(error), err=True)
        sys.exit(UNLOADABLE)


def _release(directory: Path, rev: int | None, *, dry_run: bool) -> Release:
    if rev is not None:
        return open_revision(str(rev), directory).release
    newest = None if dry_run else latest_release(directory)
    if newest is None and not dry_run:
        message = f"{directory} has no release. Write `trackway plan release {directory}`, or look first: --dry-run."
        raise click.UsageError(message)
    return newest or open_revision(str(directory), directory).release


def age(text: str) -> timedelta:
    """The time span of `30m`, `12h` or `7d`."""
    found = _SINCE.fullmatch(text)
    if not found:
        message = f"--since {text!r} is no age. Write a number and m, h or d: 30m, 12h, 7d."
        raise click.UsageError(message)
    return timedelta(**{_UNITS[found[2]]: min(int(found[1]), 10**6)})


def _with_first(first: tuple[bytes, bytes], rest: Iterator[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    yield first
    yield from rest


def _as_json(tally: Tally, *, dry_run: bool) -> dict[str, object]:
    return {
        "rev": tally.rev,
        "dry_run": dry_run,
        "fits": [{"event": e, "verdict": v, "events": n} for (e, v), n in sorted(tally.fits.items())],
        "stays": [{"event": e, "violation": v, "events": n} for (e, v), n in sorted(tally.stays.items())],
        "fitting": tally.fitting,
        "staying": tally.staying,
    }


def _say(tally: Tally, *, dry_run: bool, store_runs: bool) -> None:
    for (event, verdict), count in sorted(tally.fits.items()):
        click.echo(f"fits   {count:>9,}  {event}: {verdict}")
    stays = sorted(tally.stays.items(), key=lambda item: (-item[1], item[0]))
    for (event, violation), count in stays[:MOST_REASONS]:
        click.echo(f"stays  {count:>9,}  {event}: {violation}")
    if len(stays) > MOST_REASONS:
        click.echo(f"       and {len(stays) - MOST_REASONS:,} more reasons; --format json has all")
    by = f"rev {tally.rev}" if tally.rev else "without a plan"
    summary = f"{by}: {tally.fitting:,} quarantined events fit, {tally.staying:,} do not and stay."
    if dry_run:
        click.echo(f"{summary} Nothing was changed.")
    elif tally.fitting:
        then = "the store process stores them now" if store_runs else "they are stored when `trackway up` runs again"
        click.echo(f"{summary} Those that fit are in the spool; {then}.")
    else:
        click.echo(summary)
