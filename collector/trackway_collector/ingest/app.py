"""
The collector's HTTP side: the table of `routes`, the adapters and the pages become one aiohttp application.

Requests with events are in `requests`, those of other clients' protocols in `adapters`, the pages for operators and
tools in `pages`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from trackway_collector.errors import SpoolCorrupt, SpoolFull, SpoolUnavailable
from trackway_collector.ingest import cors, pages, pixel, routes, settings_page, unknown_path
from trackway_collector.ingest.requests import INGEST, Ingest
from trackway_collector.ingest.routes import Route
from trackway_collector.spool import SpoolWriter

logger = logging.getLogger(__name__)

BACKLOG_REFRESH_S = 1.0


def make_app(ingest: Ingest) -> web.Application:
    """Return the collector's aiohttp application; it starts and closes the spool writer with itself."""
    app = web.Application()
    app[INGEST] = ingest
    app.cleanup_ctx.append(_spool_context)
    app.on_response_prepare.append(cors.answer)
    router = app.router
    for prefix in routes.PREFIXES:
        for route in routes.EVENTS:
            router.add_post(prefix + route.path, _handler(ingest, route))
        router.add_post(prefix + routes.SDK_METRICS, pages.sdk_metrics)
        router.add_get(prefix + routes.PIXEL, pixel.pixel)
        router.add_get(prefix + routes.SETTINGS, settings_page.settings)
    router.add_get("/v1/plan", pages.plan)
    router.add_get("/live", pages.live)
    router.add_get("/ready", pages.ready)
    router.add_get("/metrics", pages.metrics)
    # Last, for what nothing above takes: preflights of any path, wrong methods, and paths that do not exist.
    router.add_options("/{path:.*}", cors.preflight)
    router.add_route("*", "/{path:.*}", unknown_path.refuse)
    return app


def make_runner(app: web.Application, **options: Any) -> web.AppRunner:
    """
    Return a runner that hands bodies over as they came.

    aiohttp's own decompression breaks the connection on a damaged body, where a client must get its 400.
    """
    return web.AppRunner(app, access_log=None, auto_decompress=False, **options)


def _handler(ingest: Ingest, route: Route) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        return await ingest.accept(request, route.call, route.lane)

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
