"""The ingest worker's process: take the spool, serve, and on SIGTERM stop accepting, commit, leave."""

from __future__ import annotations

import asyncio
import gc
import logging
from pathlib import Path

from trackway_collector.config import Settings
from trackway_collector.dead_letters.log import DIRECTORY, DeadLetters
from trackway_collector.ingest.app import make_app, make_runner
from trackway_collector.ingest.pages.metrics import ingest_families
from trackway_collector.ingest.privacy.addresses import TrustedProxies
from trackway_collector.ingest.privacy.device import Devices
from trackway_collector.ingest.privacy.places import Places
from trackway_collector.ingest.reports.client_counts import go_on_with
from trackway_collector.ingest.requests import Ingest
from trackway_collector.ingest.room.admission import Admission, Watermarks
from trackway_collector.ingest.room.quota import Quotas
from trackway_collector.ingest.rules.reload import Reload
from trackway_collector.ingest.serving.sockets import make_site
from trackway_collector.metrics import Snapshots
from trackway_collector.outcomes import IngestCounters
from trackway_collector.releases import looks
from trackway_collector.spool import SpoolWriter
from trackway_collector.stopping import Deadline, stop_on_signals
from trackway_plan.redact import read_hash_key

logger = logging.getLogger(__name__)

MIB = 1024**2
GC_OBJECTS = 10_000
"""So many more objects may there be before Python looks for cycles: a batch alone makes some hundreds, without any."""
DRAIN_PART = 0.5
"""Part of the time to stop that requests in hand have; what is left of it is for the last commit."""


def make_ingest(settings: Settings, worker: str = "w0") -> Ingest:
    """
    Return what the handlers need, with this worker's spool open.

    Raises:
        ConfigError: there is no write key, the plan cannot be found, or it hashes and there is no key for that.
        SpoolLocked: another collector uses this data directory.
    """
    reload = Reload(settings)
    hard_backlog = settings.max_backlog_mib * MIB // settings.workers
    spool = SpoolWriter(settings.spool_dir / worker, max_backlog_bytes=hard_backlog)
    soft_backlog = settings.soft_backlog_mib * MIB // settings.workers or hard_backlog * 3 // 4
    watermarks = Watermarks(soft_backlog, hard_backlog, settings.soft_free_mib * MIB, settings.hard_free_mib * MIB)
    devices = Devices(
        TrustedProxies(settings.trusted_proxies),
        Places(Path(settings.geoip)) if settings.geoip else None,
        read_hash_key(settings.hash_key),
    )
    return Ingest(
        reload.in_force,
        spool,
        IngestCounters(),
        reload,
        devices=devices,
        admission=Admission(settings.max_inflight_mib * MIB, watermarks),
        quotas=Quotas(settings.workers),
        letters=DeadLetters(settings.data_dir / DIRECTORY / f"{worker}.jsonl"),
        metrics_token=settings.metrics_token,
    )


async def serve(settings: Settings, worker: str = "w0", *, parent_pipe: bool = False) -> None:
    """
    Serve until SIGTERM or SIGINT; with `parent_pipe` also until standard input ends, when the supervisor has died.
    """
    stop = asyncio.Event()
    stop_on_signals(stop, parent_pipe=parent_pipe)
    ingest = make_ingest(settings, worker)
    snapshots = Snapshots(settings.metrics_dir, worker, lambda: ingest_families(ingest))
    if worker == settings.worker_names[0]:
        snapshots.forget_all_but([*settings.worker_names, "store"])
    go_on_with(ingest.counters, snapshots)
    app = make_app(ingest, snapshots)
    runner = make_runner(
        app,
        max_connections=settings.max_connections,
        connection_timeout_s=settings.connection_timeout_s,
        shutdown_timeout=settings.stop_timeout_s * DRAIN_PART,
    )
    await runner.setup()
    _spare_collections()
    watching = asyncio.create_task(_watch(ingest))
    writing = asyncio.create_task(snapshots.keep_writing())
    deadline = Deadline(settings.stop_timeout_s, lambda: _left(ingest))
    try:
        await make_site(runner, settings).start()
        logger.info("collector listens on http://%s:%d", settings.listen, settings.port)
        await stop.wait()
        # First only /ready says no, so that a load balancer stops sending while everything it sends is still served.
        ingest.stopping = True
        await asyncio.sleep(settings.drain_grace_s)
    finally:
        deadline.start()
        watching.cancel()
        await runner.cleanup()
        writing.cancel()  # what was answered until now counts
        await asyncio.wait((writing,))
        deadline.met()


def _spare_collections() -> None:
    """Let Python look for cycles in what requests leave behind, and more rarely: nothing that is here now goes away."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_OBJECTS, *gc.get_threshold()[1:])


def _left(ingest: Ingest) -> str:
    in_hand = sum(ingest.admission.in_hand.values())
    waiting = sum(spool.waiting for spool in ingest.spools)
    return f"{in_hand} bytes of requests in hand and {waiting} waiting for the disk, none of them acked"


async def _watch(ingest: Ingest) -> None:
    """Put new keys, policies and releases into force as they come; requests go on meanwhile."""
    reload = ingest.reload
    assert reload is not None  # noqa: S101 - `make_ingest` has made it
    async for _ in looks():
        in_force = await asyncio.to_thread(reload.refresh)
        if in_force is not None:
            ingest.in_force = in_force


def run(settings: Settings, worker: str = "w0", *, parent_pipe: bool = False) -> None:
    """Run `serve` on uvloop where it is installed, else on asyncio's own loop."""
    try:
        import uvloop

        runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    except ImportError:
        runner = asyncio.Runner()
    with runner:
        runner.run(serve(settings, worker, parent_pipe=parent_pipe))
