"""A query port over the embedded engine, with one table of two people's events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from trackway_collector.query_port import make_query_app
from trackway_collector.warehouse import WarehouseUrl, migrate
from trackway_collector.warehouse.embedded import EmbeddedWarehouse

TOKEN = "a-token-of-this-test"
NOON = "2026-05-01T12:00:00Z"


@pytest.fixture
def store(chdb_directory: Path) -> Iterator[EmbeddedWarehouse]:
    """A warehouse in this process with two events, of mira and of jonas."""
    warehouse = EmbeddedWarehouse(WarehouseUrl("chdb", database="port", path=chdb_directory))
    migrate(warehouse)
    rows = "".join(
        f'{{"source":"shop","event":"Order Completed","person_id":"{person}","message_id":"m-{person}",'
        f'"timestamp":"{NOON}","received_at":"{NOON}"}}\n'
        for person in ("mira", "jonas")
    )
    warehouse.insert_rows("events", rows.encode(), token="t", query_id="load")
    yield warehouse
    warehouse.command("DROP DATABASE port SYNC")
    warehouse.close()


@pytest.fixture
async def port(store: EmbeddedWarehouse) -> AsyncIterator[TestServer]:
    """The query port, listening on a free loopback port."""
    server = TestServer(make_query_app(store.engine, TOKEN, database="port"), host="127.0.0.1")
    await server.start_server()
    yield server
    await server.close()


@pytest.fixture
async def client(port: TestServer) -> AsyncIterator[ClientSession]:
    """An HTTP client that knows the token."""
    headers = {"X-ClickHouse-User": "trackway", "X-ClickHouse-Key": TOKEN}
    async with ClientSession(base_url=port.make_url("/"), headers=headers) as session:
        yield session
