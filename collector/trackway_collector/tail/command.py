"""`trackway tail` as people see it."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.syntax import Syntax

from trackway_collector.command_settings import command_settings, environment_option
from trackway_collector.errors import CollectorError
from trackway_collector.releases import ReleaseFolder
from trackway_collector.tail.follow import Arrival, Arrivals
from trackway_collector.tail.suggest import suggest
from trackway_collector.warehouse import WarehouseError, open_warehouse
from trackway_plan.environments import ALL

POLL_S = 0.25
_COLOURS = {"ok": "green", "flagged": "yellow", "unplanned": "cyan", "quarantined": "red"}


@click.command(epilog="Example: trackway tail --source web --plan tracking_plan")
@click.option("--data-dir", type=click.Path(path_type=Path), help="The data directory of a running `trackway up`.")
@click.option("--warehouse", metavar="URL", help="The warehouse to watch [the data directory's own].")
@click.option("--plan", metavar="PATH", help="Release file or plan directory; without it names get no suggestions.")
@click.option("--source", default="", help="Only events of this source.")
@environment_option
@click.option("--since", "since_s", type=float, default=0.0, help="Begin this many seconds ago [0].")
@click.option("--count", type=int, help="Stop after so many events.")
def tail(
    data_dir: Path | None,
    warehouse: str | None,
    plan: str | None,
    source: str,
    environment: str,
    since_s: float,
    count: int | None,
) -> None:
    """See events arrive, each with its verdict, within a second of their acceptance."""
    console = Console(highlight=False)
    settings, _ = command_settings({"data_dir": data_dir, "warehouse": warehouse, "plan": plan})
    try:
        releases = ReleaseFolder(settings.plan, reads_only=True) if settings.plan else None
        opened = open_warehouse(settings.warehouse_url, start_engine=False)
        begin = datetime.now(UTC) - timedelta(seconds=since_s)
        arrivals = Arrivals(opened, source, begin, "" if environment == ALL else environment)
        shown = 0
        while True:
            if releases is not None:
                releases.refresh()
            for arrival in arrivals.poll():
                _show(console, arrival)
                for violation in arrival.violations if releases is not None else ():
                    assert releases is not None  # noqa: S101
                    newest = releases.live.newest  # what is missing is to be added to the plan as it is now
                    found = suggest(arrival.event, arrival.source, violation, arrival.properties, newest)
                    if found is not None:
                        console.print(f"  {_shown(found.advice)}")
                        console.print(Syntax(_printable(found.patch), "yaml", background_color="default"))
                shown += 1
                if shown == count:
                    return
            time.sleep(POLL_S)
    except KeyboardInterrupt:
        return
    except CollectorError as error:
        console.print(f"[red]{escape(str(error))}[/]")
        sys.exit(3)
    except WarehouseError as error:
        console.print(f"[red]{escape(str(error))}[/]")
        sys.exit(4)


def _show(console: Console, arrival: Arrival) -> None:
    colour = _COLOURS.get(arrival.verdict, "white")
    name = f"{arrival.event} {arrival.name}".strip()
    at = arrival.received_at.astimezone().strftime("%H:%M:%S.%f")[:-3]
    violations = f"  [dim]{_shown(', '.join(arrival.violations))}[/]" if arrival.violations else ""
    console.print(
        f"{at}  [{colour}]{arrival.verdict:<11}[/] [bold]{_shown(name)}[/]  {_shown(arrival.source)}"
        f"  {_shown(arrival.person_id)}{violations}"
    )
    for reason in arrival.reasons:
        console.print(f"  [red]{_shown(reason)}[/]")


def _shown(text: str) -> str:
    return escape(_printable(text))


def _printable(text: str) -> str:
    """Return the text with its control characters written out: what a client sends must not steer the terminal."""
    return "".join(char if char.isprintable() or char == "\n" else f"\\x{ord(char):02x}" for char in text)
