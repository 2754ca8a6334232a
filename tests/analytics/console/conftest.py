"""A console on a free port, for clients in the same loop and for a browser."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from trackway_analytics.console import setup
from trackway_collector.warehouse import Warehouse

TOKEN = "a-token-of-the-tests"
HEALTHY: dict[str, Any] = {
    "lag_bytes": 0,
    "lag_seconds": 0.0,
    "loaded_events": 7,
    "quarantined_events": 1,
    "duplicate_events": 3,
    "loading_error": None,
}


@pytest.fixture
def status() -> dict[str, Any]:
    """What the store process says about itself; a test changes it to see what the page makes of it."""
    return dict(HEALTHY)


async def application(warehouse: Warehouse, status: dict[str, Any]) -> web.Application:
    """Return the console as the store process hosts it."""
    app = web.Application()
    await setup(app, warehouse=warehouse, token=TOKEN, status=lambda: status, allowed_hosts={"console.example.com"})
    return app


@pytest.fixture
async def client(warehouse: Warehouse, status: dict[str, Any]) -> AsyncIterator[TestClient[Any, Any]]:
    """A client without token or cookie."""
    async with TestClient(TestServer(await application(warehouse, status))) as client:
        yield client


@contextmanager
def served(warehouse: Warehouse, status: dict[str, Any]) -> Iterator[str]:
    """
    Serve the console from a thread, because a browser test blocks its own; yields the URL with the token.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start() -> tuple[web.AppRunner, str]:
        runner = web.AppRunner(await application(warehouse, status))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        return runner, f"http://127.0.0.1:{port}/?token={TOKEN}"

    runner, url = asyncio.run_coroutine_threadsafe(start(), loop).result(30)
    try:
        yield url
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()
