"""
`trackway up`: the whole house on one machine, as processes under one supervisor.

    supervisor ─┬─ ingest worker   HTTP → spool             (as many as `workers` says)
                └─ store           spool → warehouse, console, query port
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import os
import secrets
import time
from collections.abc import Callable, Mapping

from trackway_collector.config import Settings
from trackway_collector.errors import ConfigError
from trackway_collector.ingest.sockets import check_port
from trackway_collector.supervisor import supervise
from trackway_collector.warehouse import WarehouseError
from trackway_collector.warehouse.store_file import StoreFile

KEYS_FILE = "keys.json"
DEFAULT_SOURCE = "app"
ANNOUNCE_POLL_S = 0.1


def with_write_keys(settings: Settings) -> Settings:
    """Return the settings with at least one write key: the data directory's own, made at its first start."""
    if settings.write_keys:
        return settings
    path = settings.data_dir / KEYS_FILE
    if path.exists():
        try:
            keys: Mapping[str, str] = json.loads(path.read_text("utf-8"))
        except ValueError as error:
            message = f"{path}: is not JSON: {error}.\n  Delete it to have a new key made."
            raise ConfigError(message) from error
    else:
        keys = {DEFAULT_SOURCE: secrets.token_urlsafe(18)}
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(keys, file)
    return dataclasses.replace(settings, write_keys=dict(keys))


async def run(settings: Settings, announce: Callable[[str], None]) -> bool:
    """
    Run the house until SIGTERM or SIGINT, then stop the ingest workers first and the store after them.

    Args:
        announce: called once with the console's URL, when the store process answers.

    Returns:
        False when a process could not start at all; it has said why.

    Raises:
        ConfigError: the collector's port is taken.
    """
    await check_port(settings)
    announcing = asyncio.create_task(_announce(settings, announce))
    try:
        return await supervise(settings, (ingest_processes(settings), ["store"]))
    finally:
        announcing.cancel()


async def run_ingest(settings: Settings) -> bool:
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
