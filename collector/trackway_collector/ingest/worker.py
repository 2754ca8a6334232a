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
from trackway_collector.ingest.app import Ingest, make_app, make_runner
from trackway_collector.ingest.auth import WriteKeys
from trackway_collector.ingest.decode import BatchDecoder
from trackway_collector.outcomes import IngestCounters
from trackway_collector.spool import SpoolWriter
from trackway_plan import Release
from trackway_plan.errors import ReleaseError

logger = logging.getLogger(__name__)

DRAIN_S = 10.0


def make_ingest(settings: Settings, worker: str = "w0") -> Ingest:
    """
    Return what the handlers need, with this worker's spool open.

    Raises:
        ConfigError: there is no write key, or the plan cannot be found.
        SpoolLocked: another collector uses this data directory.
    """
    if not settings.write_keys:
        message = (
            "The collector has no write keys, so nobody could send it anything.\n"
            "  Write --write-key SOURCE=KEY, TRACKWAY_WRITE_KEYS, or [write_keys] in trackway.toml."
        )
        raise ConfigError(message)
    release = load_release(settings.plan) if settings.plan else None
    spool = SpoolWriter(settings.spool_dir / worker, max_backlog_bytes=settings.max_backlog_mib * 1024**2)
    return Ingest(WriteKeys(settings.write_keys), BatchDecoder(release), spool, IngestCounters())


def load_release(plan: str) -> Release:
    """
    Return the release that `plan` names: a release file, or the newest in a plan directory.

    Raises:
        ConfigError: there is none, or it cannot be read.
    """
    path = Path(plan)
    if path.is_dir():
        releases = sorted((path / "releases").glob("*.json")) or sorted(path.glob("*.json"))
        if not releases:
            message = f"{path}: there is no release in this plan.\n  Write: trackway plan release {path}"
            raise ConfigError(message)
        path = releases[-1]
    if not path.exists():
        message = f"{path}: no such plan. Name a release file, or a plan directory with releases."
        raise ConfigError(message)
    try:
        return Release.load(path)
    except ReleaseError as error:
        message = f"{error}\n  Name a release file or a plan directory with releases."
        raise ConfigError(message) from error


async def serve(settings: Settings, worker: str = "w0", *, parent_pipe: bool = False) -> None:
    """
    Serve until SIGTERM or SIGINT; with `parent_pipe` also until standard input ends, when the supervisor has died.
    """
    stop = asyncio.Event()
    stop_on_signals(stop, parent_pipe=parent_pipe)
    app = make_app(make_ingest(settings, worker))
    runner = make_runner(app, shutdown_timeout=DRAIN_S)
    await runner.setup()
    site = web.TCPSite(runner, settings.listen, settings.port, backlog=1024)
    try:
        await site.start()
        logger.info("collector listens on http://%s:%d", settings.listen, settings.port)
        await stop.wait()
    finally:
        await runner.cleanup()


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
