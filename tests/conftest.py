"""
Fixtures shared by all tests.

`warehouse` runs a test twice, on the embedded engine and on a ClickHouse server, each time in a fresh
database with the tables of all migrations. Ask for `empty_warehouse` to have no tables, and put
`@pytest.mark.parametrize("engine", ["chdb"], indirect=True)` on a test that is about one engine.

The server is TRACKWAY_TEST_CLICKHOUSE (a warehouse URL with the right to create databases), else one that
`tests/support/clickhouse_server.py` starts; where that cannot be, the server half is skipped and says what is
missing.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.clickhouse_server import ServerMissingError, ServerProcess
from trackway_collector.warehouse import Warehouse, WarehouseUrl, migrate, open_warehouse


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the file that waits longest for others, so that no worker is alone with it at the end."""
    items.sort(key=lambda item: item.path.name != "test_soak.py")


@pytest.fixture(scope="session")
def chdb_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The one directory that chDB may open in this process; it stays open until the tests end."""
    pytest.importorskip("chdb", reason="chDB is not installed: pip install 'trackway[embedded]'")
    from trackway_collector.warehouse.engine import EmbeddedEngine

    directory = tmp_path_factory.mktemp("chdb")
    engine = EmbeddedEngine.open(directory)
    yield directory
    engine.close()


@pytest.fixture(scope="session")
def clickhouse_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a ClickHouse server, as a user that may create databases."""
    given = os.environ.get("TRACKWAY_TEST_CLICKHOUSE")
    if given:
        yield given
        return
    try:
        with ServerProcess(tmp_path_factory.mktemp("clickhouse")) as server:
            yield server.url
    except ServerMissingError as error:
        pytest.skip(f"no ClickHouse server: {error}. TRACKWAY_TEST_CLICKHOUSE=clickhouse://… names one.")


@pytest.fixture(params=["chdb", "server"])
def engine(request: pytest.FixtureRequest) -> str:
    """Which engine stands behind `warehouse`: "chdb" or "server"."""
    return str(request.param)


@pytest.fixture
def warehouse_url(engine: str, request: pytest.FixtureRequest) -> WarehouseUrl:
    """The address of a database that does not exist yet."""
    if engine == "chdb":
        where = WarehouseUrl.parse(f"chdb://{request.getfixturevalue('chdb_directory')}")
    else:
        where = WarehouseUrl.parse(request.getfixturevalue("clickhouse_url"))
    return replace(where, database=f"test_{secrets.token_hex(6)}")


@pytest.fixture
def empty_warehouse(warehouse_url: WarehouseUrl) -> Iterator[Warehouse]:
    """An existing database without tables, dropped after the test."""
    warehouse = open_warehouse(warehouse_url, owner=True)
    warehouse.create_database()
    yield warehouse
    # The test may have dropped it, and a statement cannot run in a database that is not there.
    warehouse.create_database()
    warehouse.command(f"DROP DATABASE IF EXISTS `{warehouse.database}` SYNC")
    warehouse.close()


@pytest.fixture
def warehouse(empty_warehouse: Warehouse) -> Warehouse:
    """A database with the tables of all migrations and no rows."""
    migrate(empty_warehouse)
    return empty_warehouse
