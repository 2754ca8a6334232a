"""
`trackway warehouse`: the tables from the command line. Exit code 4 means that the warehouse cannot be
reached.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from typing import NoReturn

import click
from rich.console import Console
from rich.table import Table

from trackway_collector.warehouse import (
    Transient,
    Warehouse,
    WarehouseError,
    open_warehouse,
)
from trackway_collector.warehouse import (
    migrate as run_migrations,
)
from trackway_collector.warehouse.migrate import pending

EXIT_UNREACHABLE = 4
UNKNOWN_DATABASE = 81


def _default_url() -> str:
    data = os.environ.get("TRACKWAY_DATA_DIR", "trackway-data")
    return f"chdb://{data}/chdb"


url_option = click.option(
    "--url",
    envvar="TRACKWAY_WAREHOUSE",
    default=_default_url,
    show_default="$TRACKWAY_WAREHOUSE, else chdb:// in the data directory",
    metavar="URL",
    help="chdb:///directory or clickhouse://user:password@host:8123/database",
)


@click.group()
def warehouse() -> None:
    """The ClickHouse tables: create them, upgrade them, look at them."""


@warehouse.command()
@url_option
def migrate(url: str) -> None:
    """Create the database and bring its tables up to this version.

    \b
    Example:
      trackway warehouse migrate --url clickhouse://admin:secret@db:8123/trackway
    """
    with _opened(url, owner=True) as opened:
        done = run_migrations(opened)
        for title in done:
            click.echo(f"applied {title}")
        if not done:
            click.echo(f"{opened.url} is up to date")


@warehouse.command()
@url_option
def status(url: str) -> None:
    """Tables with their rows and bytes, how far behind the newest event is, and what is still to be migrated.

    \b
    Example:
      trackway warehouse status --url clickhouse://reader:secret@db:8123/trackway
    """
    with _opened(url, owner=False) as opened:
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
def _opened(url: str, *, owner: bool) -> Iterator[Warehouse]:
    try:
        opened = open_warehouse(url, owner=owner)
        try:
            yield opened
        finally:
            opened.close()
    except Transient as error:
        _fail(error, EXIT_UNREACHABLE)
    except WarehouseError as error:
        _fail(error, 1)


def _fail(error: WarehouseError, code: int) -> NoReturn:
    click.echo(str(error), err=True)
    sys.exit(code)
