"""The collector's pages for operators and tools: is it alive, can it accept events, what has it counted, which plan."""

from __future__ import annotations

from aiohttp import web

from trackway_collector.errors import RequestRefused
from trackway_collector.ingest.pages.metrics_guard import check_reader
from trackway_collector.ingest.pages.plan_page import plan_page
from trackway_collector.ingest.requests import INGEST
from trackway_collector.ingest.room.upkeep import why_not_ready
from trackway_collector.ingest.serving.answers import JSON, STORED
from trackway_collector.metrics import Snapshots
from trackway_collector.metrics.families import CONTENT_TYPE_LATEST, exposition

SNAPSHOTS = web.AppKey("snapshots", Snapshots)


async def live(request: web.Request) -> web.Response:
    """Say that the process answers."""
    return web.json_response({"live": True})


async def ready(request: web.Request) -> web.Response:
    """
    Say whether this worker can accept events now: 200 or 503.

    It asks spool and disk alone. ClickHouse may be away for as long as the spool has room.
    """
    reason = why_not_ready(request.app[INGEST])
    if reason is None:
        return web.json_response({"ready": True})
    return web.json_response({"ready": False, "reason": reason}, status=503)


async def plan(request: web.Request) -> web.Response:
    """Say which source and environment the write key in the header is for, and which releases of the plan are live."""
    ingest = request.app[INGEST]
    in_force = ingest.in_force
    try:
        grant = in_force.keys.of_header(request.headers.get("Authorization")) or in_force.keys.of_key(None)
        ingest.granted(request, in_force, grant, 0)
    except RequestRefused as refusal:
        return ingest.refuse(refusal, request)
    return web.Response(body=plan_page(grant, in_force.decoder.live), headers=JSON)


async def metrics(request: web.Request) -> web.Response:
    """Answer with the counters of all processes for Prometheus, to who may read them (`metrics_guard`)."""
    ingest = request.app[INGEST]
    try:
        check_reader(request, ingest.metrics_token)
    except RequestRefused as refusal:
        return ingest.refuse(refusal, request)
    snapshots = request.app[SNAPSHOTS]
    return web.Response(body=exposition(await snapshots.every()), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def sdk_metrics(request: web.Request) -> web.Response:
    """Thank a browser library for what it measured about itself; it is counted as a request and not kept."""
    request.app[INGEST].counters.ignored["sdk_metrics"] += 1
    return web.Response(body=STORED, headers=JSON)
