"""The store process: open the warehouse, serve, load; on SIGTERM finish the chunk at hand and leave."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web

from trackway_collector.config import Settings
from trackway_collector.enrich import Enrichment, load_rules
from trackway_collector.enrich.sessions import Sessions
from trackway_collector.loader.loop import Loader
from trackway_collector.metrics import Snapshots
from trackway_collector.query_port import make_query_app
from trackway_collector.releases import ReleaseFolder, changes, looks
from trackway_collector.stopping import Deadline, stop_on_signals
from trackway_collector.store.metrics import store_families
from trackway_collector.warehouse import Terminal, Warehouse, open_warehouse
from trackway_collector.warehouse.embedded import EmbeddedWarehouse
from trackway_collector.warehouse.store_file import StoreFile
from trackway_plan.redact import read_hash_key

logger = logging.getLogger(__name__)

CONSOLE = "trackway_analytics.console:setup"
"""Named, not imported: the console is a package above this one, and an extra."""

TOKEN_FILE = "token"  # noqa: S105 - a file name


class SetUpConsole(Protocol):
    """What the console offers: add its pages to an application of the store process."""

    async def __call__(
        self, app: web.Application, *, warehouse: Warehouse, token: str, status: Callable[[], dict[str, Any]]
    ) -> None: ...


async def serve(settings: Settings, *, parent_pipe: bool = False) -> None:
    """
    Run the store process until SIGTERM, SIGINT or, with `parent_pipe`, until the supervisor dies.

    Raises:
        ConfigError: the file of channel rules cannot be read.
        Terminal: the warehouse refuses what no other try would mend, such as tables of another version.
        RuntimeError: the loader died; its log says of what. The supervisor starts the process again.
    """
    stop = asyncio.Event()
    stop_on_signals(stop, parent_pipe=parent_pipe)
    loop = asyncio.get_running_loop()
    releases = ReleaseFolder(settings.plan, read_hash_key(settings.hash_key)) if settings.plan else None
    enrichment = Enrichment(load_rules(Path(settings.channels)) if settings.channels else None)
    left = "a chunk that is not stored yet; the spool keeps it, and the next start settles it"
    deadline = Deadline(settings.stop_timeout_s, lambda: left)
    async with contextlib.AsyncExitStack() as stack:
        warehouse = open_warehouse(settings.warehouse_url, owner=True)
        stack.callback(warehouse.close)
        loader = Loader(
            warehouse,
            settings.spool_dir,
            releases.live if releases else None,
            grace_s=settings.spool_grace_s,
            enrichment=enrichment,
            sessions=Sessions(settings.session_gap_s),
        )
        token = _token(settings.data_dir / TOKEN_FILE)
        await _start_sites(stack, settings, warehouse, loader, token)
        store_file = StoreFile(
            pid=os.getpid(),
            query_host="127.0.0.1",
            query_port=settings.query_port,
            token=token,
            console_url=f"http://127.0.0.1:{settings.console_port}/?token={token}",
        )
        store_file.write(settings.store_file)
        stack.callback(store_file.remove, settings.store_file)
        snapshots = Snapshots(settings.metrics_dir, "store", lambda: store_families(loader))
        writing = asyncio.create_task(snapshots.keep_writing())
        stack.push_async_callback(_end, writing)  # behind the loader, whose last chunk counts
        loader.start(died=lambda: _call_soon(loop, stop.set))
        # Longer than the deadline: what is not done by then ends with the process, never beside a closed warehouse.
        stack.push_async_callback(asyncio.to_thread, loader.stop, settings.stop_timeout_s * 2)
        watching = asyncio.create_task(_watch_releases(releases, loader))
        stack.callback(watching.cancel)
        await stop.wait()
        deadline.start()
    deadline.met()
    if isinstance(loader.cause_of_death, Terminal):
        raise loader.cause_of_death
    if loader.died:
        message = f"the loader died: {loader.error}"
        raise RuntimeError(message)


async def _watch_releases(releases: ReleaseFolder | None, loader: Loader) -> None:
    if releases is None:
        async for _ in looks():  # SIGHUP goes to every process of the house and must end none
            continue
    else:
        async for live in changes(releases):
            loader.adopt(live)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait((task,))


def _call_soon(loop: asyncio.AbstractEventLoop, work: Callable[[], None]) -> None:
    loop.call_soon_threadsafe(work)


async def _start_sites(
    stack: contextlib.AsyncExitStack, settings: Settings, warehouse: Warehouse, loader: Loader, token: str
) -> None:
    set_up_console = _console()
    if set_up_console is not None:
        app = web.Application()
        await set_up_console(app, warehouse=warehouse, token=token, status=lambda: status(settings, loader))
        await _listen(stack, app, settings.console_port)
    if isinstance(warehouse, EmbeddedWarehouse):
        await _listen(stack, make_query_app(warehouse.engine, token, database=warehouse.database), settings.query_port)


async def _listen(stack: contextlib.AsyncExitStack, app: web.Application, port: int) -> None:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=5)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", port).start()


def status(settings: Settings, loader: Loader) -> dict[str, Any]:
    """Return what the console shows beside the warehouse's own numbers."""
    lag_bytes, lag_seconds = loader.lag()
    stats = loader.stats
    return {
        "collector_url": f"http://{settings.listen}:{settings.port}",
        "lag_bytes": lag_bytes,
        "lag_seconds": lag_seconds,
        "loaded_events": stats.stored,
        "quarantined_events": stats.quarantined,
        "duplicate_events": stats.duplicates,
        "loading_error": loader.error,
    }


def _console() -> SetUpConsole | None:
    module, _, attribute = CONSOLE.partition(":")
    try:
        found: SetUpConsole = getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        logger.warning("no console: `%s` is not installed; write: pip install 'trackway[console]'", error.name)
        return None
    return found


def _token(path: Path) -> str:
    """Return the token of this data directory; it outlives restarts, so that an open page goes on working."""
    with contextlib.suppress(FileNotFoundError):
        # A process that died while it wrote the file may have left it empty; no token would let everybody in.
        if token := path.read_text("utf-8").strip():
            return token
    path.parent.mkdir(parents=True, exist_ok=True)
    token = secrets.token_urlsafe(24)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        file.write(token)
    return token
