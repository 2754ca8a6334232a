"""`trackway quarantine list`, `show` and `replay`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from trackway_collector.command_settings import command_settings
from trackway_collector.quarantine.found import Quarantined, Reason, one, reasons
from trackway_collector.replay.command import age, options, run
from trackway_collector.warehouse.cli import opened_warehouse, warehouse_options
from trackway_plan import Release, latest_release
from trackway_plan.commands.common import FINDINGS, loading
from trackway_plan.environments import PRODUCTION
from trackway_plan.release import released_files

FORM = click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)


@click.group()
def quarantine() -> None:
    """What was set aside: by reason, one by one, and brought in by a later plan or a fix."""


@quarantine.command("list", epilog="Example: trackway quarantine list --since 24h --source web")
@warehouse_options
@click.option(
    "--since", default="7d", show_default=True, metavar="AGE", help="Received this long ago at most: 30m, 7d."
)
@click.option("--source", "sources", multiple=True, metavar="NAME", help="Only of this source; repeatable.")
@FORM
def list_(url: str | None, data_dir: Path | None, since: str, sources: tuple[str, ...], form: str) -> None:
    """Say why events wait, how many for each reason, and which is the newest; what was replayed is left out."""
    with opened_warehouse(url, data_dir) as opened:
        found = reasons(opened, datetime.now(UTC) - age(since), sources)
    if form == "json":
        click.echo(json.dumps([_as_json(reason) for reason in found], ensure_ascii=False, indent=2))
        return
    if not found:
        click.echo("Nothing waits in quarantine.")
    for reason in found:
        name = _printable(reason.event) or "(no name)"
        source = reason.source if reason.environment == PRODUCTION else f"{reason.source} ({reason.environment})"
        click.echo(f"{reason.events:>9,}  {source}  {name}  {_printable(reason.code)}")
        if reason.example:
            click.echo(f"{'':>9}  {_printable(reason.example)}")
        click.echo(f"{'':>9}  newest {reason.last_at:%Y-%m-%d %H:%M:%S} UTC, {reason.place}")


@quarantine.command(epilog="Example: trackway quarantine show w0-1a2b3c4d:3:17")
@click.argument("name", metavar="PLACE|MESSAGE_ID")
@warehouse_options
@FORM
def show(name: str, url: str | None, data_dir: Path | None, form: str) -> None:
    """Show an event as it is kept, with its reasons and what became of it; exit 1 when there is none."""
    with opened_warehouse(url, data_dir) as opened:
        found = one(opened, name)
    if form == "json":
        click.echo(json.dumps([_as_json(event) for event in found], ensure_ascii=False, indent=2))
    for event in found if form == "text" else ():
        _show(event)
    if not found:
        click.echo(f"{name}: nothing in quarantine has this place or messageId.", err=True)
        sys.exit(FINDINGS)


@quarantine.command()
@click.argument("directory", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@options
def replay(directory: Path | None, rev: int | None, dry_run: bool, **asked: Any) -> None:
    """
    Judge what waits once more, changed by a fix or as it came, and store what fits.

    By the newest release of the plan in DIR, else of the collector's; where there is no plan, by the envelope alone.
    Each event is stored exactly once, however often this is run and wherever it is killed; what does not fit stays.

    \\b
    Example:
      trackway quarantine replay --since 24h --fix mend.yaml --dry-run
    """
    settings, _ = command_settings({"data_dir": asked["data_dir"], "warehouse": asked["url"]})
    place = directory or (Path(settings.plan) if settings.plan else None)
    with loading():
        release, others = _plan(place, rev) if place is not None else (None, [])
    run(release, others, dry_run=dry_run, **asked)


def _plan(place: Path, rev: int | None) -> tuple[Release, Sequence[Release]]:
    if place.is_file():
        return Release.load(place), []
    every = {number: Release.load(path) for number, path in released_files(place).items()}
    newest = latest_release(place)
    if newest is None or (rev is not None and rev not in every):
        what = f"has no release {rev}" if rev is not None else "has no release"
        message = f"{place} {what}. Write `trackway plan release {place}`."
        raise click.UsageError(message)
    chosen = every[rev if rev is not None else newest.rev]
    return chosen, [release for release in every.values() if release.rev != chosen.rev]


def _show(event: Quarantined) -> None:
    click.echo(f"{event.place}  {event.source}  {event.environment}  {event.received_at:%Y-%m-%d %H:%M:%S} UTC")
    click.echo(f"messageId {_printable(event.message_id)}")
    for code, reason in zip(event.codes, [*event.reasons, *[""] * len(event.codes)], strict=False):
        click.echo(f"{_printable(code)}: {_printable(reason)}")
    if event.outcome:
        click.echo(f"replayed: {event.outcome}")
    try:
        click.echo(_printable(json.dumps(json.loads(event.payload), ensure_ascii=False, indent=2)))
    except (ValueError, RecursionError):
        click.echo(_printable(event.payload))


def _as_json(found: Reason | Quarantined) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in found._asdict().items()
    }


def _printable(text: str) -> str:
    """Return the text with its control characters written out: what a client sends must not steer the terminal."""
    return "".join(char if char.isprintable() or char == "\n" else f"\\x{ord(char):02x}" for char in text)
