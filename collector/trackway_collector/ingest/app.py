"""
The collector's HTTP side: the table of `routes`, the adapters and the pages become one aiohttp application.

Requests with events are in `requests`, those of other clients' protocols in `adapters`, the pages for operators and
tools in `pages`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from trackway_collector.config import CONNECTION_TIMEOUT_S, MAX_CONNECTIONS
from trackway_collector.ingest import routes
from trackway_collector.ingest.adapters import ADAPTERS
from trackway_collector.ingest.adapters.handling import mount
from trackway_collector.ingest.pages import operators, pixel, settings_page, unknown_path
from trackway_collector.ingest.pages.metrics import ingest_families
from trackway_collector.ingest.requests import INGEST, Ingest
from trackway_collector.ingest.room.upkeep import spools_open
from trackway_collector.ingest.routes import Route
from trackway_collector.ingest.serving import cors, operated
from trackway_collector.ingest.serving.connections import Runner
from trackway_collector.ingest.webhooks import handle as webhooks
from trackway_collector.metrics import Snapshots

LINGER_S = 5.0
"""So long the rest of a refused body is read and forgotten: a client that is still sending hears no answer."""


def make_app(ingest: Ingest, snapshots: Snapshots | None = None) -> web.Application:
    """
    Return the collector's aiohttp application; it starts and closes the spool writer with itself.

    Args:
        snapshots: what `/metrics` shows; without them this worker alone.
    """
    app = web.Application()
    app[INGEST] = ingest
    app[operators.SNAPSHOTS] = snapshots or Snapshots(
        None, ingest.spool.directory.name, lambda: ingest_families(ingest)
    )
    app.cleanup_ctx.append(spools_open)
    app.on_response_prepare.append(cors.answer)
    app.on_response_prepare.append(operated.answer)
    router = app.router
    for prefix in routes.PREFIXES:
        for route in routes.EVENTS:
            router.add_post(prefix + route.path, _handler(ingest, route))
        router.add_post(prefix + routes.SDK_METRICS, operators.sdk_metrics)
        router.add_get(prefix + routes.SETTINGS, settings_page.settings)
    router.add_post(routes.BEACON.path, _handler(ingest, routes.BEACON))
    for path in routes.PIXELS:
        router.add_get(path, operated.operated(ingest, pixel.pixel))
    for adapter in ADAPTERS:
        mount(router, ingest, adapter)
    router.add_post(webhooks.PATH, operated.operated(ingest, webhooks.webhook))
    router.add_get("/v1/plan", operators.plan)
    router.add_get("/live", operators.live)
    router.add_get("/ready", operators.ready)
    router.add_get("/metrics", operators.metrics)
    # Last, for what nothing above takes: preflights of any path, wrong methods, and paths that do not exist.
    router.add_options("/{path:.*}", cors.preflight)
    router.add_route("*", "/{path:.*}", unknown_path.refuse)
    return app


def make_runner(
    app: web.Application,
    *,
    max_connections: int = MAX_CONNECTIONS,
    connection_timeout_s: float = CONNECTION_TIMEOUT_S,
    **options: Any,
) -> web.AppRunner:
    """
    Return a runner that bounds its connections and hands bodies over as they came.

    aiohttp's own decompression breaks the connection on a damaged body, where a client must get its 400.
    """
    requests = app[INGEST].counters.requests

    def refused(status: int, code: str) -> None:
        requests[status, code] += 1

    return Runner(
        app,
        max_connections=max_connections,
        connection_timeout_s=connection_timeout_s,
        refused=refused,
        access_log=None,
        auto_decompress=False,
        lingering_time=LINGER_S,
        **options,
    )


def _handler(ingest: Ingest, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    return operated.operated(ingest, ingest.accept, route.call, route.lane)
