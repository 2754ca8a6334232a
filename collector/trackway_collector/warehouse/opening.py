"""`open_warehouse`: from a URL to the warehouse behind it, in whichever process this is."""

from __future__ import annotations

from pathlib import Path

from trackway_collector.warehouse.base import Warehouse
from trackway_collector.warehouse.clickhouse import ClickHouseWarehouse
from trackway_collector.warehouse.errors import UnreachableError
from trackway_collector.warehouse.url import DEFAULT_DATABASE, WarehouseUrl


def open_warehouse(url: str | WarehouseUrl, *, owner: bool = False, start_engine: bool = True) -> Warehouse:
    """
    The warehouse at `url`, to be closed by the caller.

    `chdb:///dir` opens the engine in this process if `owner` is true, as the store process does, and if this process
    has it open already. Otherwise a running store process is asked over its loopback query port (read only), with the
    address and token of `store.json` in the directory or beside it. Where none runs, the engine is opened here if the
    directory holds a warehouse, unless `start_engine` is false: while it is open here, no store process can start.

    Raises:
        WarehouseUrlError: the URL cannot be understood.
        EngineBusyError: the embedded engine's directory is in use.
        UnreachableError: no store process runs, and there is nothing to open or it must not be opened.
    """
    where = WarehouseUrl.parse(url) if isinstance(url, str) else url
    if where.path is None:
        return ClickHouseWarehouse(where)
    from trackway_collector.warehouse.embedded import EmbeddedWarehouse
    from trackway_collector.warehouse.engine import EmbeddedEngine

    if not owner and not EmbeddedEngine.is_open(where.path):
        store = _running_store(where.path, where.database)
        if store is not None:
            return ClickHouseWarehouse(store)
        if not start_engine or not (where.path / "store").is_dir():
            what = "no `trackway up` runs on it" if start_engine is False else "there is no warehouse in it"
            message = (
                f"{where.path}: {what}. Start `trackway up` there, or say where the warehouse is: --data-dir,"
                " --warehouse, or TRACKWAY_WAREHOUSE."
            )
            raise UnreachableError(message)
    return EmbeddedWarehouse(where)


def _running_store(directory: Path, database: str = DEFAULT_DATABASE) -> WarehouseUrl | None:
    from trackway_collector.warehouse.store_file import StoreFile

    for candidate in (directory / "store.json", directory.parent / "store.json"):
        store = StoreFile.read_running(candidate)
        if store is not None:
            return WarehouseUrl(
                "clickhouse",
                database=database,
                host=store.query_host,
                port=store.query_port,
                user=store.user,
                password=store.token,
            )
    return None
