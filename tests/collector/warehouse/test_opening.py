"""Which warehouse a URL opens, and what the embedded engine allows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer

from trackway_collector.query_port import make_query_app
from trackway_collector.warehouse import EngineBusyError, UnreachableError, WarehouseUrl, open_warehouse
from trackway_collector.warehouse.clickhouse import ClickHouseWarehouse
from trackway_collector.warehouse.embedded import EmbeddedWarehouse
from trackway_collector.warehouse.engine import EmbeddedEngine
from trackway_collector.warehouse.opening import _running_store
from trackway_collector.warehouse.store_file import StoreFile


def test_one_directory_a_process(chdb_directory: Path, tmp_path: Path) -> None:
    """A second directory is refused with the first one's name; the same one opens as often as asked."""
    again = open_warehouse(f"chdb://{chdb_directory}?database=default", owner=True)
    assert again.query("SELECT 1").one() == 1
    again.close()
    with pytest.raises(EngineBusyError, match=f"chDB has {chdb_directory} open in this process"):
        open_warehouse(f"chdb://{tmp_path}", owner=True)
    assert EmbeddedEngine.is_open(chdb_directory)


def test_one_process_a_directory(chdb_directory: Path) -> None:
    """Another process is told who has it and what to do, in our words alone: the engine's are not shown."""
    code = (
        "import sys\n"
        "from trackway_collector.warehouse import EngineBusyError, open_warehouse\n"
        "try:\n    open_warehouse(f'chdb://{sys.argv[1]}', owner=True)\n"
        "except EngineBusyError as error:\n    print(error)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(
        [sys.executable, "-c", code, str(chdb_directory)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"{chdb_directory}: another process has this directory open. Stop it" in done.stdout
    assert done.stderr == ""


def test_a_process_that_has_the_engine_uses_it(chdb_directory: Path) -> None:
    """The console in the store process needs no detour over HTTP."""
    warehouse = open_warehouse(f"chdb://{chdb_directory}")
    assert isinstance(warehouse, EmbeddedWarehouse)
    warehouse.close()


async def test_other_processes_ask_the_running_store(chdb_directory: Path, tmp_path: Path) -> None:
    """
    With the address and token of store.json beside the engine's directory; one query, one answer, no writes.
    """
    import asyncio

    owner = EmbeddedWarehouse(WarehouseUrl("chdb", database="default", path=chdb_directory))
    server = TestServer(make_query_app(owner.engine, "token", database="default"), host="127.0.0.1")
    await server.start_server()
    assert server.port is not None
    StoreFile(os.getpid(), "127.0.0.1", server.port, "token").write(tmp_path / "store.json")

    def ask() -> tuple[object, object]:
        # tmp_path/chdb is not open here, as in any other process.
        warehouse = open_warehouse(WarehouseUrl("chdb", database="default", path=tmp_path / "chdb"))
        assert isinstance(warehouse, ClickHouseWarehouse)
        answer = warehouse.query("SELECT {n:Int64} AS n", {"n": 7}, {"max_threads": 1}).rows
        empty = warehouse.query("SELECT 1 AS n WHERE 0").columns
        warehouse.close()
        return answer, empty

    assert await asyncio.to_thread(ask) == ([(7,)], ("n",))
    await server.close()
    owner.close()


def test_a_stale_store_file_is_passed_over(tmp_path: Path) -> None:
    """A store that crashed does not lead anywhere."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    StoreFile(ended.pid, "127.0.0.1", 1, "token").write(tmp_path / "store.json")
    assert _running_store(tmp_path / "chdb") is None


def test_a_wrong_password_says_so(clickhouse_url: str) -> None:
    """Without showing either password."""
    url = WarehouseUrl.parse(clickhouse_url)
    wrong = open_warehouse(f"clickhouse://{url.user}:not-the-one@{url.host}:{url.port}/default")
    with pytest.raises(UnreachableError, match=f"user `{url.user}` is not let in; check name and password") as raised:
        wrong.query("SELECT 1")
    assert "not-the-one" not in str(raised.value)
