"""The commands `trackway up`, `trackway tail`, `trackway collector …` and `trackway warehouse …`."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from trackway_collector.command_settings import command_settings
from trackway_collector.config import Settings, describe_settings
from trackway_collector.dead_letters.command import dead_letters
from trackway_collector.errors import CollectorError, with_cure
from trackway_collector.keystore.command import keys
from trackway_collector.tail.command import tail
from trackway_collector.warehouse import WarehouseError
from trackway_collector.warehouse.cli import opened_warehouse, warehouse, warehouse_options
from trackway_plan.redact import read_hash_key

__all__ = ["collector", "tail", "up", "warehouse"]

EXIT_FINDINGS = 1
EXIT_CANNOT_LOAD = 3

F = TypeVar("F", bound=Callable[..., Any])


def settings_options(command: F) -> F:
    """Add an option for each setting that a person may want to give."""
    options = [
        click.option("--config", metavar="FILE", help="The file with settings [./trackway.toml]."),
        click.option("--data-dir", type=click.Path(path_type=Path), help="Where spool, engine and keys live."),
        click.option("--warehouse", metavar="URL", help="chdb:///dir or clickhouse://user:password@host:8123/db."),
        click.option("--plan", metavar="PATH", help="A release file, or a plan directory with releases."),
        click.option("--write-key", "write_keys", multiple=True, metavar="SOURCE=KEY", help="Repeat for each source."),
        click.option("--listen", metavar="ADDRESS", help="Where the collector listens [127.0.0.1]."),
        click.option("--port", type=int, help="Port of the collector [8077]."),
        click.option("--max-backlog-mib", type=int, help="Answer 503 while this much waits to be stored [8192]."),
        click.option("--workers", type=int, help="Ingest processes that share the port [1]."),
        click.option("--log-format", type=click.Choice(("text", "json")), help="How logs are written [text]."),
        click.option("--show-config", is_flag=True, help="Print each setting and where it came from, then stop."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.command(epilog="Example: trackway up --plan tracking_plan --write-key web=a-long-secret")
@settings_options
@click.option("--console-port", type=int, help="Port of the console [8078].")
@click.option("--query-port", type=int, help="Port of ClickHouse's protocol over the embedded engine [8079].")
def up(show_config: bool, **arguments: Any) -> None:
    """Collector, store and console in one go; Ctrl-C stops them."""
    import aiohttp  # noqa: F401 - the processes need it; that it is missing is said once, and here

    from trackway_collector.keystore.first_keys import first_keys
    from trackway_collector.releases import ReleaseFolder
    from trackway_collector.up import run

    _hang_up_later()
    settings = _settings(arguments, show_config)
    _log(settings, "supervisor")
    try:
        if settings.plan:
            # Both processes will read them; what is wrong with them should be said once.
            ReleaseFolder(settings.plan, read_hash_key(settings.hash_key))
        _say_where(settings, settings.write_keys or first_keys(settings.data_dir))
        console = Console(stderr=True, highlight=False, soft_wrap=True)
        sys.exit(asyncio.run(run(settings, lambda url: console.print(f"[bold]console[/]    {url}"))))
    except (CollectorError, WarehouseError, OSError) as error:
        _fail(error)


@click.group()
def collector() -> None:
    """The collector's two processes on their own, for service managers; both work on one data directory."""


collector.add_command(keys)
collector.add_command(dead_letters)


@collector.command(epilog="Example: trackway collector serve --write-key web=a-long-secret --port 8077")
@settings_options
def serve(show_config: bool, **arguments: Any) -> None:
    """Accept events into the spool; a store process loads them."""
    _hang_up_later()
    from trackway_collector.ingest import worker
    from trackway_collector.up import run_ingest

    settings = _settings(arguments, show_config)
    _log(settings, settings.worker_names[0] if settings.workers == 1 else "supervisor")
    try:
        if settings.workers == 1:
            worker.run(settings)
        else:
            sys.exit(asyncio.run(run_ingest(settings)))
    except (CollectorError, WarehouseError, OSError) as error:
        _fail(error)


@collector.command(epilog="Example: trackway collector store --warehouse clickhouse://trackway:secret@db:8123/trackway")
@settings_options
def store(show_config: bool, **arguments: Any) -> None:
    """Load the spool into the warehouse; console and query port included."""
    _hang_up_later()
    from trackway_collector.store import process

    settings = _settings(arguments, show_config)
    _log(settings, "store")
    try:
        asyncio.run(process.serve(settings))
    except (CollectorError, WarehouseError, OSError) as error:
        _fail(error)


@warehouse.command(epilog="Example: trackway warehouse verify")
@warehouse_options
def verify(url: str | None, data_dir: Path | None) -> None:
    """Prove, segment by segment, that the warehouse holds what the spool holds; exit 1 if not."""
    from trackway_collector.loader.verify import verify as count

    settings = _settings({"data_dir": data_dir}, show_config=False)
    try:
        with opened_warehouse(url, data_dir) as opened:
            counts = count(opened, settings.spool_dir)
    except CollectorError as error:
        _fail(error)
    if not counts:
        click.echo(
            f"{settings.spool_dir}: nothing to verify, there are no segments. --data-dir names another data directory."
        )
        return
    table = Table("spool", "segment", "spooled", "stored", "quarantined", "duplicates", "missing", box=None)
    for row in counts:
        numbers = (row.segment, row.spooled, row.stored, row.quarantined, row.duplicates, row.missing)
        table.add_row(row.spool, *(f"{number:,}" for number in numbers))
    Console().print(table)
    if any(row.missing for row in counts):
        sys.exit(EXIT_FINDINGS)


def _hang_up_later() -> None:
    """Let a SIGHUP that comes before somebody knows what to read again end nothing: all is being read anyway."""
    if not sys.stdin.isatty():  # on a terminal it says that the terminal is gone
        signal.signal(signal.SIGHUP, signal.SIG_IGN)


def _settings(arguments: dict[str, Any], show_config: bool) -> Settings:
    settings, origins = command_settings(arguments)
    if show_config:
        table = Table(box=None)
        table.add_column("setting", no_wrap=True)
        table.add_column("value", overflow="fold")
        table.add_column("from", no_wrap=True)
        for row in describe_settings(settings, origins):
            table.add_row(*row)
        Console().print(table)
        sys.exit(0)
    return settings


def _say_where(settings: Settings, keys: Mapping[str, str]) -> None:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"[bold]collector[/]  http://{settings.listen}:{settings.port}")
    for source, key in keys.items():
        console.print(f"  source {source}: write key {key}")
    console.print("Ctrl-C stops; everything accepted is kept.", style="dim")


def _log(settings: Settings, process: str) -> None:
    from trackway_collector.logs import set_up_logs

    set_up_logs(settings.log_format, process)


def _fail(error: Exception, status: int = EXIT_CANNOT_LOAD) -> None:
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"[red]{escape(with_cure(error))}[/]")
    sys.exit(status)
