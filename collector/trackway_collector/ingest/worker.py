"""The ingest worker's process: take the spool, serve, and on SIGTERM stop accepting, commit, leave."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from pathlib import Path

from aiohttp import web

from trackway_collector.config import Settings
from trackway_collector.ingest.app import make_app, make_runner
from trackway_collector.ingest.privacy.addresses import TrustedProxies
from trackway_collector.ingest.privacy.device import Devices
from trackway_collector.ingest.privacy.places import Places
from trackway_collector.ingest.reload import Reload
from trackway_collector.ingest.requests import Ingest
from trackway_collector.outcomes import IngestCounters
from trackway_collector.releases import looks
from trackway_collector.spool import SpoolWriter
from trackway_plan.redact import read_hash_key

logger = logging.getLogger(__name__)

DRAIN_S = 10.0


def make_ingest(settings: Settings, worker: str = "w0") -> Ingest:
    """
    Return what the handlers need, with this worker's spool open.

    Raises:
        ConfigError: there is no write key, the plan cannot be found, or it hashes and there is no key for that.
        SpoolLocked: another collector uses this data directory.
    """
    reload = Reload(settings)
    spool = SpoolWriter(settings.spool_dir / worker, max_backlog_bytes=settings.max_backlog_mib * 1024**2)
    devices = Devices(
        TrustedProxies(settings.trusted_proxies),
        Places(Path(settings.geoip)) if settings.geoip else None,
        read_hash_key(settings.hash_key),
    )
    return Ingest(reload.in_force, spool, IngestCounters(), reload, devices=devices)


async def serve(settings: Settings, worker: str = "w0", *, parent_pipe: bool = False) -> None:
    """
    Serve until SIGTERM or SIGINT; with `parent_pipe` also until standard input ends, when the supervisor has died.
    """
    stop = asyncio.Event()
    stop_on_signals(stop, parent_pipe=parent_pipe)
    ingest = make_ingest(settings, worker)
    app = make_app(ingest)
    runner = make_runner(app, shutdown_timeout=DRAIN_S)
    await runner.setup()
    site = web.TCPSite(runner, settings.listen, settings.port, backlog=1024)
    watching = asyncio.create_task(_watch(ingest))
    try:
        await site.start()
        logger.info("collector listens on http://%s:%d", settings.listen, settings.port)
        await stop.wait()
    finally:
        watching.cancel()
        await runner.cleanup()


async def _watch(ingest: Ingest) -> None:
    """Put new keys, policies and releases into force as they come; requests go on meanwhile."""
    reload = ingest.reload
    assert reload is not None  # noqa: S101 - `make_ingest` has made it
    async for _ in looks():
        in_force = await asyncio.to_thread(reload.refresh)
        if in_force is not None:
            ingest.in_force = in_force


def stop_on_signals(stop: asyncio.Event, *, parent_pipe: bool) -> None:
    """
    Set `stop` on SIGTERM and SIGINT; under a supervisor on SIGTERM and when standard input ends.

    Ctrl-C reaches the supervisor and its processes alike: there it is the supervisor that says who stops when. It
    holds the other end of their standard input and never writes, so that its death, too, is an end of input.
    """
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    if not parent_pipe:
        loop.add_signal_handler(signal.SIGINT, stop.set)
        return
    loop.add_signal_handler(signal.SIGINT, lambda: None)

    def ended() -> None:
        with contextlib.suppress(BlockingIOError):
            if not os.read(sys.stdin.fileno(), 1024):
                loop.remove_reader(sys.stdin)
                stop.set()

    loop.add_reader(sys.stdin, ended)


def run(settings: Settings, worker: str = "w0", *, parent_pipe: bool = False) -> None:
    """Run `serve` on uvloop where it is installed, else on asyncio's own loop."""
    try:
        import uvloop

        runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    except ImportError:
        runner = asyncio.Runner()
    with runner:
        runner.run(serve(settings, worker, parent_pipe=parent_pipe))
