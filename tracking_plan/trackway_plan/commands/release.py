"""`trackway plan release`: freeze the plan as its next revision."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from ..load import load_plan
from ..release import write_release
from .common import directory_argument, loading


@click.command()
@directory_argument
def release(directory: Path) -> None:
    """
    Freeze the plan in DIR (tracking_plan unless given) as its next release, DIR/releases/NNNN.json.

    SDK and collector read the release, not the YAML. A release is never overwritten, and a plan that has not
    changed since the last one is not released again.

    \b
    Example:
      trackway plan release tracking_plan
    """
    with loading():
        frozen, path = write_release(load_plan(directory), directory, datetime.now(UTC).date())
    if path is None:
        click.echo(f"{frozen.name} has not changed since rev {frozen.rev} ({frozen.hash}); nothing was written.")
        return
    events = "1 event" if len(frozen.events) == 1 else f"{len(frozen.events):,} events"
    click.echo(f"{path}: {frozen.name} rev {frozen.rev} ({frozen.hash}), {events}.")
