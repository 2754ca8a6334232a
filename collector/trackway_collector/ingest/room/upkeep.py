"""
What keeps a worker's spools in order while it serves: backlog, room on the disk, proof that the disk works.

Whether the worker can accept events, which is what `/ready` says, follows from it. ClickHouse plays no part in that.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

from aiohttp import web

from trackway_collector.errors import SpoolCorrupt, SpoolError
from trackway_collector.ingest.requests import INGEST, Ingest
from trackway_collector.spool import SpoolWriter
from trackway_collector.spool.canary import Canary

logger = logging.getLogger(__name__)

REFRESH_S = 1.0


async def spools_open(app: web.Application) -> AsyncIterator[None]:
    """Start the spools with the application, keep them in order, and close them at its end: a context of aiohttp's."""
    ingest = app[INGEST]
    ingest.spool.start()
    if (ingest.spool.directory.with_name(ingest.spool.directory.name + "-history")).exists():
        ingest.open_historical()  # what an earlier life left there counts as backlog
    ingest.canary = canary = Canary(ingest.spool.directory, lambda: ingest.spool.stats.commits)
    canary.start()
    upkeep = asyncio.create_task(_keep(ingest))
    yield
    upkeep.cancel()
    canary.stop()
    for spool in ingest.spools:
        await spool.close()


def why_not_ready(ingest: Ingest) -> str | None:
    """Return why events should go to another worker now; None when this one can accept them."""
    if ingest.stopping:
        return "the collector is stopping"
    if ingest.admission.disk_pressure >= 1:
        return "the disk is full, or too much waits to be loaded"
    if not all(spool.accepting for spool in ingest.spools):
        return "the spool is full, failing or closing"
    return ingest.canary.trouble if ingest.canary is not None else None


async def _keep(ingest: Ingest) -> None:
    while True:
        for spool in ingest.spools:
            await _keep_one(spool)
        free = ingest.canary.free_bytes if ingest.canary is not None else float("inf")
        ingest.admission.observe_disk(sum(spool.backlog_bytes for spool in ingest.spools), free)
        await asyncio.sleep(REFRESH_S)


async def _keep_one(spool: SpoolWriter) -> None:
    try:
        spool.refresh_backlog()
        if spool.failed:
            await spool.probe()
    except (SpoolCorrupt, OSError):
        logger.exception("the backlog is not known")
    except SpoolError:
        return  # the writer has logged it; /ready says so until a write succeeds
