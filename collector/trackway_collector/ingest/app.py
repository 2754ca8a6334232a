"""
The collector's HTTP side: `POST /v1/batch`, the six single routes, and the three pages for operators.

A request goes: write key → body → verdicts → spool → fsync → 200. An answer other than 200 means that nothing of the
request was stored; its body is JSON with `code` and `message`, because stock clients read them.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from trackway_collector.errors import RequestRefused, SpoolCorrupt, SpoolFull, SpoolUnavailable
from trackway_collector.ingest.auth import WriteKeys
from trackway_collector.ingest.decode import BatchDecoder, write_key_of
from trackway_collector.ingest.encodings import decompress, too_large
from trackway_collector.ingest.judge import CALLS
from trackway_collector.ingest.losses import ClientLosses
from trackway_collector.ingest.metrics import render_metrics
from trackway_collector.ingest.plan_page import plan_page
from trackway_collector.ingest.results import MEDIA_TYPE, results
from trackway_collector.outcomes import IngestCounters, Outcome
from trackway_collector.releases import ReleaseFolder
from trackway_collector.spool import SpoolWriter
from trackway_collector.spool.record import Record, encode_record

logger = logging.getLogger(__name__)

T = TypeVar("T")

RETRY_AFTER_S = 5
BACKLOG_REFRESH_S = 1.0
_STORED = b'{"success":true}'
_JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Ingest:
    """What the handlers need."""

    keys: WriteKeys
    decoder: BatchDecoder
    spool: SpoolWriter
    counters: IngestCounters
    releases: ReleaseFolder | None = None
    """Where releases come live from; None without a plan, or with one that cannot change."""
    losses: ClientLosses = field(default_factory=ClientLosses)

    async def accept(self, request: web.Request, call: str) -> web.Response:
        """Store the events of one request and answer."""
        try:
            source = self.keys.source_of_header(request.headers.get("Authorization"))
            body = await _read(request, self.decoder.limits.batch_bytes)
            if source is None:
                source = self.keys.source_of_key(write_key_of(body))
            received_at_us = time.time_ns() // 1000
            received = body
            record, body = await _in_turns(
                self.decoder.slices(body, call=call, source=source, received_at_us=received_at_us)
            )
            if call and record.exceptions and record.exceptions[0].outcome == Outcome.REJECTED:
                rejection = record.exceptions[0]
                raise RequestRefused(400, _code(rejection.violations[0]), rejection.reasons[0])
            if record.events:  # a batch without events carries a report of losses, or nothing
                await self._spool(record, body)
        except RequestRefused as refusal:
            return self.refuse(refusal)
        self._count(record)
        if not call:
            self.losses.take(received, record.source)
        if MEDIA_TYPE in request.headers.get("Accept", ""):
            return web.Response(body=results(record, body), headers=_JSON)
        return web.Response(body=_STORED, headers=_JSON)

    async def _spool(self, record: Record, body: bytes) -> None:
        try:
            await self.spool.append(encode_record(record), body, record.events)
        except SpoolFull as error:
            message = f"Not stored, send again later: {error}."
            raise RequestRefused(503, "spool_full", message, retry_after_s=RETRY_AFTER_S) from error
        except SpoolUnavailable as error:
            message = "Not stored, send again later: the collector cannot write to its disk or is stopping."
            raise RequestRefused(503, "spool_unavailable", message, retry_after_s=RETRY_AFTER_S) from error

    def refuse(self, refusal: RequestRefused) -> web.Response:
        """Count a refused request and return the answer to it."""
        self.counters.requests[refusal.status, refusal.code] += 1
        answer = {
            "success": False,
            "code": refusal.code,
            "message": refusal.message,
            "error": refusal.message,
        }
        headers = dict(_JSON)
        if refusal.retry_after_s is not None:
            headers["Retry-After"] = str(refusal.retry_after_s)
        if refusal.status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = 'Basic realm="write key"'
        return web.Response(status=refusal.status, body=msgspec.json.encode(answer), headers=headers)

    def _count(self, record: Record) -> None:
        counters = self.counters
        counters.requests[200, ""] += 1
        plain = record.events - len(record.exceptions)
        counters.events[record.source, record.verdict] += plain
        for violation in record.violations:
            counters.violations[record.source, _code(violation)] += plain
        for verdict in record.exceptions.values():
            counters.events[record.source, verdict.outcome] += 1
            for violation in verdict.violations:
                counters.violations[record.source, _code(violation)] += 1


INGEST = web.AppKey("ingest", Ingest)


def make_app(ingest: Ingest) -> web.Application:
    """Return the collector's aiohttp application; it starts and closes the spool writer with itself."""
    app = web.Application(client_max_size=ingest.decoder.limits.batch_bytes)
    app[INGEST] = ingest
    app.cleanup_ctx.append(_spool_context)
    app.router.add_post("/v1/batch", _handler(ingest, ""))
    for call in sorted(CALLS):
        app.router.add_post(f"/v1/{call}", _handler(ingest, call))
    app.router.add_get("/v1/plan", plan)
    app.router.add_get("/live", live)
    app.router.add_get("/ready", ready)
    app.router.add_get("/metrics", metrics)
    return app


def make_runner(app: web.Application, **options: Any) -> web.AppRunner:
    """
    Return a runner that hands bodies over as they came.

    aiohttp's own decompression breaks the connection on a damaged body, where a client must get its 400.
    """
    return web.AppRunner(app, access_log=None, auto_decompress=False, **options)


async def live(request: web.Request) -> web.Response:
    """Say that the process answers."""
    return web.json_response({"live": True})


async def ready(request: web.Request) -> web.Response:
    """
    Say whether this worker can accept events now: 200 or 503.

    It asks the spool alone. ClickHouse may be away for as long as the spool has room.
    """
    spool = request.app[INGEST].spool
    if spool.accepting:
        return web.json_response({"ready": True})
    return web.json_response({"ready": False, "reason": "the spool is full, failing or closing"}, status=503)


async def plan(request: web.Request) -> web.Response:
    """Say which source the write key in the header is, and which releases of the plan are live."""
    ingest = request.app[INGEST]
    try:
        source = ingest.keys.source_of_header(request.headers.get("Authorization"))
        if source is None:
            source = ingest.keys.source_of_key(None)
    except RequestRefused as refusal:
        return ingest.refuse(refusal)
    return web.Response(body=plan_page(source, ingest.decoder.live), headers=_JSON)


async def metrics(request: web.Request) -> web.Response:
    """Answer with the worker's counters in Prometheus text format."""
    ingest = request.app[INGEST]
    body, content_type = render_metrics(
        ingest.counters, ingest.losses, ingest.spool, ingest.releases, ingest.decoder.rev
    )
    return web.Response(body=body, headers={"Content-Type": content_type})


def _handler(ingest: Ingest, call: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        return await ingest.accept(request, call)

    return handle


async def _in_turns(work: Generator[None, None, T]) -> T:
    """Return what the work returns; where it yields, other requests have their turn."""
    while True:
        try:
            next(work)
        except StopIteration as done:
            value: T = done.value
            return value
        await asyncio.sleep(0)


async def _read(request: web.Request, max_bytes: int) -> bytes:
    try:
        body = await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise too_large(max_bytes) from error
    return decompress(body, request.headers.get("Content-Encoding", ""), max_bytes)


def _code(violation: str) -> str:
    return violation.partition(" ")[0]


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
