"""
`trackway up`: the whole house on one machine, as processes under one supervisor.

    supervisor ─┬─ ingest worker   HTTP → spool             (as many as `workers` says)
                └─ store           spool → warehouse, console, query port
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

from trackway_collector.config import Settings
from trackway_collector.ingest.serving.sockets import check_port
from trackway_collector.supervisor import supervise
from trackway_collector.warehouse import WarehouseError
from trackway_collector.warehouse.store_file import StoreFile

ANNOUNCE_POLL_S = 0.1


async def run(settings: Settings, announce: Callable[[str], None]) -> int:
    """
    Run the house until SIGTERM or SIGINT, then stop the ingest workers first and the store after them.

    Args:
        announce: called once with the console's URL, when the store process answers.

    Returns:
        The exit status, see `supervise`.

    Raises:
        ConfigError: the collector's port is taken.
    """
    await check_port(settings)
    announcing = asyncio.create_task(_announce(settings, announce))
    try:
        return await supervise(settings, (ingest_processes(settings), ["store"]))
    finally:
        announcing.cancel()


async def run_ingest(settings: Settings) -> int:
    """Run several ingest workers and nothing else, as `run` does."""
    await check_port(settings)
    return await supervise(settings, (ingest_processes(settings),))


def ingest_processes(settings: Settings) -> list[str]:
    """Return the names of the ingest workers' processes."""
    return [f"ingest {worker}" for worker in settings.worker_names]


async def _announce(settings: Settings, announce: Callable[[str], None]) -> None:
    since_s = time.time()
    while True:
        with contextlib.suppress(WarehouseError, OSError):
            store = StoreFile.read_running(settings.store_file)
            if store is not None and settings.store_file.stat().st_mtime >= since_s - 1:
                announce(store.console_url)
                return
        await asyncio.sleep(ANNOUNCE_POLL_S)
