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
from trackway_collector.errors import ConfigError
from trackway_collector.ingest.app import make_app, make_runner
from trackway_collector.ingest.decode import BatchDecoder
from trackway_collector.ingest.keys import Keys
from trackway_collector.ingest.privacy.addresses import TrustedProxies
from trackway_collector.ingest.privacy.device import Devices
from trackway_collector.ingest.privacy.places import Places
from trackway_collector.ingest.requests import Ingest
from trackway_collector.outcomes import IngestCounters
from trackway_collector.releases import ReleaseFolder, changes
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
    if not settings.write_keys:
        message = (
            "The collector has no write keys, so nobody could send it anything.\n"
            "  Write --write-key SOURCE=KEY, TRACKWAY_WRITE_KEYS, or [write_keys] in trackway.toml."
        )
        raise ConfigError(message)
    hash_key = read_hash_key(settings.hash_key)
    releases = ReleaseFolder(settings.plan, hash_key) if settings.plan else None
    decoder = BatchDecoder(releases.live if releases else None, hash_key=hash_key)
    spool = SpoolWriter(settings.spool_dir / worker, max_backlog_bytes=settings.max_backlog_mib * 1024**2)
    devices = Devices(
        TrustedProxies(settings.trusted_proxies), Places(Path(settings.geoip)) if settings.geoip else None, hash_key
    )
    keys = Keys.of_sources(settings.write_keys)
    return Ingest(keys, decoder, spool, IngestCounters(), releases, devices=devices)


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
    watching = asyncio.create_task(_watch_releases(ingest, list(settings.write_keys)))
    try:
        await site.start()
        logger.info("collector listens on http://%s:%d", settings.listen, settings.port)
        await stop.wait()
    finally:
        watching.cancel()
        await runner.cleanup()


async def _watch_releases(ingest: Ingest, sources: list[str]) -> None:
    """Judge by new releases as they come live; requests go on meanwhile."""
    if ingest.releases is None:
        return
    async for live in changes(ingest.releases):
        await asyncio.to_thread(ingest.decoder.adopt, live, sources)


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
