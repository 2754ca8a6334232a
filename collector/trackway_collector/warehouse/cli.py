"""
`trackway warehouse`: the tables from the command line. Exit code 4 means that the warehouse cannot be
reached.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
from rich.console import Console
from rich.table import Table

from trackway_collector.command_settings import command_settings
from trackway_collector.config import Settings
from trackway_collector.warehouse import (
    EngineBusyError,
    Transient,
    Warehouse,
    WarehouseError,
    WarehouseUrl,
    open_warehouse,
)
from trackway_collector.warehouse import (
    migrate as run_migrations,
)
from trackway_collector.warehouse.migrate import pending

EXIT_UNREACHABLE = 4
UNKNOWN_DATABASE = 81

F = TypeVar("F", bound=Callable[..., Any])


def warehouse_options(command: F) -> F:
    """Add the options that say which warehouse is meant; what is not given comes as for every command."""
    command = click.option("--data-dir", type=click.Path(path_type=Path), help="The data directory of `trackway up`.")(
        command
    )
    url = "chdb:///directory or clickhouse://user:password@host:8123/database [the data directory's own]"
    return click.option("--warehouse", "url", metavar="URL", help=url)(command)


@click.group()
def warehouse() -> None:
    """The ClickHouse tables: create them, upgrade them, look at them."""


@warehouse.command()
@warehouse_options
def migrate(url: str | None, data_dir: Path | None) -> None:
    """Create the database and bring its tables up to this version.

    \b
    Example:
      trackway warehouse migrate --warehouse clickhouse://admin:secret@db:8123/trackway
    """
    with opened_warehouse(url, data_dir, owner=True) as opened:
        done = run_migrations(opened)
        for title in done:
            click.echo(f"applied {title}")
        if not done:
            click.echo(f"{opened.url} is up to date")


@warehouse.command()
@warehouse_options
def status(url: str | None, data_dir: Path | None) -> None:
    """Tables with their rows and bytes, how far behind the newest event is, and what is still to be migrated.

    \b
    Example:
      trackway warehouse status --warehouse clickhouse://reader:secret@db:8123/trackway
    """
    with opened_warehouse(url, data_dir) as opened:
        try:
            waiting = pending(opened)
        except WarehouseError as error:
            if error.code != UNKNOWN_DATABASE:
                raise
            click.echo(f"{opened.url}: there is no database yet. Run `trackway warehouse migrate`.")
            return
        _print_tables(opened)
        if waiting:
            click.echo(f"to be migrated: {', '.join(waiting)}. Run `trackway warehouse migrate`.")


def _print_tables(opened: Warehouse) -> None:
    table = Table("table", "rows", "bytes", "bytes a row", "newest received", "behind", title=str(opened.url))
    for column in table.columns[1:4]:
        column.justify = "right"
    found = opened.query(_sql("status"), {"database": opened.database}).rows
    for name, rows, size in found:
        newest, behind = "", ""
        if name == "events" and rows:
            # In a table of its own question: it must exist before it can be named.
            ((newest, behind),) = opened.query(_sql("lag")).rows
        table.add_row(name, f"{rows:,}", f"{size:,}", f"{size / rows:.1f}" if rows else "", newest, behind)
    Console().print(table)


def _sql(name: str) -> str:
    return resources.files(__package__).joinpath(f"{name}.sql").read_text("utf-8")


@contextmanager
def opened_warehouse(url: str | None, data_dir: Path | None, *, owner: bool = False) -> Iterator[Warehouse]:
    """
    The warehouse that a command's options, the environment or trackway.toml name.

    Exits 2 for a URL that cannot be understood, 4 when nobody answers or the engine is in use, 1 for everything else.
    """
    settings, _ = command_settings({"warehouse": url, "data_dir": data_dir})
    try:
        opened = open_warehouse(settings.warehouse_url, owner=owner)
        try:
            yield opened
        finally:
            opened.close()
    except EngineBusyError as error:
        _fail(_by_itself(settings) if owner else error, EXIT_UNREACHABLE)
    except Transient as error:
        _fail(error, EXIT_UNREACHABLE)
    except WarehouseError as error:
        _fail(error, 1)


def _by_itself(settings: Settings) -> str:
    path = WarehouseUrl.parse(settings.warehouse_url).path
    return (
        f"{path}: in use by another process, as by a running `trackway up`.\n"
        "  `trackway up` migrates by itself when it starts. After an upgrade, stop it and start it again."
    )


def _fail(error: Exception | str, code: int) -> NoReturn:
    click.echo(str(error), err=True)
    sys.exit(code)
