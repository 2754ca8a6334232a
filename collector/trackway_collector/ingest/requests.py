"""
One request from its first byte to its answer: write key → body → verdicts → spool → fsync → 200.

An answer other than 200 means that nothing of the request was stored; its body is JSON with `code` and `message`,
because stock clients read them.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import NamedTuple, TypeVar

import msgspec
from aiohttp import web

from trackway_collector.errors import RequestRefused, SpoolFull, SpoolUnavailable
from trackway_collector.ingest.client_counts import count_client
from trackway_collector.ingest.decode import write_key_of
from trackway_collector.ingest.encodings import decompress, too_large
from trackway_collector.ingest.in_force import InForce
from trackway_collector.ingest.key_places import ORIGINS, grant_of
from trackway_collector.ingest.keys import Grant
from trackway_collector.ingest.losses import ClientLosses
from trackway_collector.ingest.privacy.cookie import anonymous_id, set_cookie
from trackway_collector.ingest.privacy.device import Devices, is_device
from trackway_collector.ingest.privacy.steps import privacy_steps
from trackway_collector.ingest.reload import Reload
from trackway_collector.ingest.results import MEDIA_TYPE, results
from trackway_collector.ingest.routes import Lane
from trackway_collector.outcomes import IngestCounters, Outcome, Rejection
from trackway_collector.spool import SpoolWriter
from trackway_collector.spool.record import Record, encode_record

T = TypeVar("T")
logger = logging.getLogger(__name__)

RETRY_AFTER_S = 5
STORED = b'{"success":true}'
JSON = {"Content-Type": "application/json"}
_NOBODYS_FAULT = frozenset({Rejection.NO_CONSENT, Rejection.OPTED_OUT})
"""Rejections that are no error of the client, which would only repeat them."""


class Taken(NamedTuple):
    """A request that is on the disk."""

    record: Record
    body: bytes
    """As the spool keeps it."""
    may_report_losses: bool
    """Whether the batch may hold a report of what its client lost."""


@dataclass(slots=True)
class Ingest:
    """What the handlers need."""

    in_force: InForce
    """Keys, policies and plan; replaced as a whole when one of them changes, so a request takes it once."""
    spool: SpoolWriter
    counters: IngestCounters
    reload: Reload | None = None
    """Where what is in force comes from; None where nothing can change."""
    losses: ClientLosses = field(default_factory=ClientLosses)
    devices: Devices = field(default_factory=Devices)

    async def accept(self, request: web.Request, call: str, lane: Lane = Lane.LIVE) -> web.Response:
        """
        Store the events of one request and answer.

        Args:
            call: the route's call (`track`, …) when the body is one event; empty when it is a batch.
        """
        in_force = self.in_force  # for the whole request, whatever is taken into force meanwhile
        try:
            grant, body = await self.read(request, in_force)
            if grant is None:
                grant = self.granted(request, in_force, in_force.keys.of_key(write_key_of(body)), len(body))
            taken = await self.take(request, in_force, grant, body, call, lane)
        except RequestRefused as refusal:
            return self.refuse(refusal, request)
        except (web.RequestPayloadError, ConnectionError):
            raise  # the client is gone
        except Exception:
            return self.fail(request)
        if taken.may_report_losses:
            self.losses.take(body, grant.source)
        detailed = MEDIA_TYPE in request.headers.get("Accept", "")
        answer = results(taken.record, taken.body) if detailed else STORED
        return self.respond(request, taken, web.Response(body=answer, headers=JSON))

    async def read(self, request: web.Request, in_force: InForce) -> tuple[Grant | None, bytes]:
        """
        Return what the request's headers or query grant, None when the key can only be in the body, and the body.

        Raises:
            RequestRefused: the key is unknown, or the body is too large or damaged.
        """
        grant = grant_of(in_force.keys, request)
        if grant is None:
            return None, await read_body(request, in_force.policies.most_batch_bytes)
        self.granted(request, in_force, grant, 0)
        return grant, await read_body(request, in_force.policies.of(grant.source).limits.batch_bytes)

    def granted(self, request: web.Request, in_force: InForce, grant: Grant, body_bytes: int) -> Grant:
        """
        Return the grant when this request may use it.

        Raises:
            RequestRefused: 403, its page may not; 400, the body is larger than the source's may be.
        """
        grant.check_origin(request.headers.get("Origin"))
        if grant.origins:
            request[ORIGINS] = grant.origins
        if body_bytes > (limit := in_force.policies.of(grant.source).limits.batch_bytes):
            raise too_large(limit)
        return grant

    async def take(
        self, request: web.Request, in_force: InForce, grant: Grant, body: bytes, call: str, lane: Lane
    ) -> Taken:
        """
        Judge and spool a body; return when it is on the disk.

        Raises:
            RequestRefused: nothing of it was stored.
        """
        policy = in_force.policies.of(grant.source)
        client = None
        if is_device(request, policy.kind or in_force.decoder.kind_of(grant.source)):
            client = self.devices.of(request, policy.privacy)
            cookie = policy.privacy.cookie
            if cookie.name and not client.opted_out:
                client = msgspec.structs.replace(client, anonymous_id=anonymous_id(request, cookie, body, call))
        record, kept, may_report_losses = await _in_turns(
            in_force.decoder.slices(
                body,
                call=call,
                source=grant.source,
                received_at_us=time.time_ns() // 1000,
                environment=grant.environment,
                client=client,
            )
        )
        record, kept = privacy_steps(record, kept, policy.privacy, self.devices.key)
        if call and record.exceptions and record.exceptions[0].outcome == Outcome.REJECTED:
            rejection = record.exceptions[0]
            if rejection.violations[0] not in _NOBODYS_FAULT:
                raise RequestRefused(400, code_of(rejection.violations[0]), rejection.reasons[0])
        if record.events:  # a batch without events carries a report of losses, or nothing
            await self._spool(record, kept)
        self._count(record)
        count_client(self.counters, request, body)
        return Taken(record, kept, may_report_losses)

    def respond(self, request: web.Request, taken: Taken, response: web.Response) -> web.Response:
        """Return the answer to a stored request, with the first-party cookie where the source sets one."""
        client = taken.record.client
        if client is not None and client.anonymous_id:
            cookie = self.in_force.policies.of(taken.record.source).privacy.cookie
            set_cookie(response, cookie, client.anonymous_id, secure=self.devices.secure(request))
        return response

    async def _spool(self, record: Record, body: bytes) -> None:
        try:
            await self.spool.append(encode_record(record), body, record.events)
        except SpoolFull as error:
            message = f"Not stored, send again later: {error}."
            raise RequestRefused(503, "spool_full", message, retry_after_s=RETRY_AFTER_S) from error
        except SpoolUnavailable as error:
            message = "Not stored, send again later: the collector cannot write to its disk or is stopping."
            raise RequestRefused(503, "spool_unavailable", message, retry_after_s=RETRY_AFTER_S) from error

    def fail(self, request: web.Request) -> web.Response:
        """Log the error at hand, which is ours, and return the answer to a request of which nothing was stored."""
        resource = request.match_info.route.resource  # not the path itself, in which a write key may stand
        where = resource.canonical if resource is not None else "an unknown path"
        logger.exception("%s %s failed; nothing was stored", request.method, where)
        message = "The collector made a mistake, which its log tells of. Nothing was stored; send it again later."
        return self.refuse(RequestRefused(500, "internal_error", message), request)

    def refuse(self, refusal: RequestRefused, request: web.Request | None = None) -> web.Response:
        """Count a refused request and return the answer to it."""
        self.counters.requests[refusal.status, refusal.code] += 1
        answer = {
            "success": False,
            "code": refusal.code,
            "message": refusal.message,
            "error": refusal.message,
        }
        headers = dict(JSON)
        if refusal.retry_after_s is not None:
            headers["Retry-After"] = headers["X-RateLimit-Reset"] = str(refusal.retry_after_s)
        # Not to pages: at a challenge, a browser would ask the person in front of it for a password.
        if refusal.status == HTTPStatus.UNAUTHORIZED and (request is None or "Origin" not in request.headers):
            headers["WWW-Authenticate"] = 'Basic realm="write key"'
        return web.Response(status=refusal.status, body=msgspec.json.encode(answer), headers=headers)

    def _count(self, record: Record) -> None:
        counters = self.counters
        counters.requests[200, ""] += 1
        plain = record.events - len(record.exceptions)
        counters.events[record.source, record.verdict] += plain
        for violation in record.violations:
            counters.violations[record.source, code_of(violation)] += plain
        for verdict in record.exceptions.values():
            counters.events[record.source, verdict.outcome] += 1
            for violation in verdict.violations:
                counters.violations[record.source, code_of(violation)] += 1


INGEST = web.AppKey("ingest", Ingest)


async def read_body(request: web.Request, max_bytes: int) -> bytes:
    """
    Return the body as the client wrote it, decompressed.

    Raises:
        RequestRefused: 400, it is damaged, or larger than `max_bytes`.
    """
    content = request.content
    # Not `request.read()`, which copies each body twice: most come in one piece.
    body = await content.readany()
    if not content.at_eof():
        pieces, size = [body], len(body)
        while size <= max_bytes and (piece := await content.readany()):
            pieces.append(piece)
            size += len(piece)
        body = b"".join(pieces)
    if len(body) > max_bytes:
        raise too_large(max_bytes)
    return decompress(body, request.headers.get("Content-Encoding", ""), max_bytes)


def code_of(violation: str) -> str:
    """Return the code of a violation, `code` or `code /path`."""
    return violation.partition(" ")[0]


async def _in_turns(work: Generator[None, None, T]) -> T:
    """Return what the work returns; where it yields, other requests have their turn."""
    while True:
        try:
            next(work)
        except StopIteration as done:
            value: T = done.value
            return value
        await asyncio.sleep(0)
