"""
The collector's HTTP side: which route does what.

Requests with events are in `requests`, the pages for operators and tools in `pages`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from trackway_collector.errors import SpoolCorrupt, SpoolFull, SpoolUnavailable
from trackway_collector.ingest import pages
from trackway_collector.ingest.judge import CALLS
from trackway_collector.ingest.requests import INGEST, Ingest
from trackway_collector.spool import SpoolWriter

logger = logging.getLogger(__name__)

BACKLOG_REFRESH_S = 1.0


def make_app(ingest: Ingest) -> web.Application:
    """Return the collector's aiohttp application; it starts and closes the spool writer with itself."""
    app = web.Application()
    app[INGEST] = ingest
    app.cleanup_ctx.append(_spool_context)
    app.router.add_post("/v1/batch", _handler(ingest, ""))
    for call in sorted(CALLS):
        app.router.add_post(f"/v1/{call}", _handler(ingest, call))
    app.router.add_get("/v1/plan", pages.plan)
    app.router.add_get("/live", pages.live)
    app.router.add_get("/ready", pages.ready)
    app.router.add_get("/metrics", pages.metrics)
    return app


def make_runner(app: web.Application, **options: Any) -> web.AppRunner:
    """
    Return a runner that hands bodies over as they came.

    aiohttp's own decompression breaks the connection on a damaged body, where a client must get its 400.
    """
    return web.AppRunner(app, access_log=None, auto_decompress=False, **options)


def _handler(ingest: Ingest, call: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        return await ingest.accept(request, call)

    return handle


async def _spool_context(app: web.Application):  # type: ignore[no-untyped-def]  # aiohttp names the type privately
    spool = app[INGEST].spool
    spool.start()
    watcher = asyncio.create_task(_watch_spool(spool))
    yield
    watcher.cancel()
    await spool.close()


async def _watch_spool(spool: SpoolWriter) -> None:
    while True:
        await asyncio.sleep(BACKLOG_REFRESH_S)
        try:
            spool.refresh_backlog()
            if spool.failed:
                await spool.probe()
        except (SpoolUnavailable, SpoolFull):
            continue  # the writer has logged it; /ready says so until a write succeeds
        except (SpoolCorrupt, OSError):
            logger.exception("the backlog is not known")
