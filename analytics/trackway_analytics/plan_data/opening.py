"""Which warehouse a verb of `trackway plan` asks, and how it ends when that does not answer."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from trackway_collector.warehouse import Warehouse

USAGE, UNREACHABLE = 2, 4

F = TypeVar("F", bound=Callable[..., Any])


def warehouse_options(command: F) -> F:
    """Add `--warehouse` and `--data-dir`, which mean what they mean to every other command."""
    command = click.option(
        "--data-dir",
        type=click.Path(path_type=Path, file_okay=False),
        help="The data directory of `trackway up`. Default: TRACKWAY_DATA_DIR, else ./trackway-data.",
    )(command)
    return click.option(
        "--warehouse", "url", metavar="URL", help="Default: TRACKWAY_WAREHOUSE, else the data directory's own."
    )(command)


@contextmanager
def asking(url: str | None, data_dir: Path | None = None) -> Iterator[Warehouse]:
    """
    The warehouse that options, environment or trackway.toml name; the store of a running `trackway up` is asked.

    Exits 2 for an address that cannot be understood, and 4 for whatever else keeps the warehouse from answering:
    no answer must never look like "nothing found".
    """
    from trackway_collector.errors import ConfigError
    from trackway_collector.warehouse import WarehouseError, WarehouseUrlError

    try:
        opened = open_named(url, data_dir)
        try:
            yield opened
        finally:
            opened.close()
    except (ConfigError, WarehouseUrlError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(USAGE)
    except WarehouseError as error:
        click.echo(f"Error: the warehouse gives no answer: {_told(error)}", err=True)
        sys.exit(UNREACHABLE)


def open_named(url: str | None = None, data_dir: Path | None = None) -> Warehouse:
    """
    The warehouse at `url`, else the one that TRACKWAY_WAREHOUSE, trackway.toml or the data directory names.

    Raises:
        ConfigError, WarehouseUrlError, UnreachableError: as `trackway query` reports them.
    """
    from trackway_collector.config import load_settings
    from trackway_collector.warehouse import open_warehouse

    settings, _ = load_settings({"warehouse": url, "data_dir": data_dir})
    return open_warehouse(settings.warehouse_url)


@contextmanager
def answering(url: str) -> Iterator[Warehouse]:
    """
    The same for verbs of the plan package, which load what asks a warehouse by name; `url` "" for `open_named`'s own.

    Raises:
        EvidenceUnreachableError: the warehouse gives no answer.
    """
    from trackway_collector.errors import ConfigError
    from trackway_collector.warehouse import WarehouseError
    from trackway_plan.evidence import EvidenceUnreachableError

    try:
        opened = open_named(url or None)
        try:
            yield opened
        finally:
            opened.close()
    except (WarehouseError, ConfigError) as error:
        message = f"there is no evidence, because the warehouse gives no answer: {_told(error)}"
        raise EvidenceUnreachableError(message) from error


def _told(error: Exception) -> str:
    """What the warehouse said; where it lacks a table, what makes it."""
    from trackway_collector.warehouse import WarehouseError
    from trackway_collector.warehouse.plan_releases import UNKNOWN_TABLE

    if isinstance(error, WarehouseError) and error.code == UNKNOWN_TABLE:
        return "its tables are of an earlier version. Write `trackway warehouse migrate`, or start `trackway up`."
    return str(error)
