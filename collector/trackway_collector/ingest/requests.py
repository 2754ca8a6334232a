"""
One request from its first byte to its answer: write key → body → verdicts → spool → fsync → 200.

An answer other than 200 means that nothing of the request was stored; its body is JSON with `code` and `message`,
because stock clients read them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TypeVar

import msgspec
from aiohttp import web

from trackway_collector.errors import RequestRefused, SpoolFull, SpoolUnavailable
from trackway_collector.ingest.decode import BatchDecoder, write_key_of
from trackway_collector.ingest.encodings import decompress, too_large
from trackway_collector.ingest.keys import Keys
from trackway_collector.ingest.losses import ClientLosses
from trackway_collector.ingest.privacy.cookie import anonymous_id, set_cookie
from trackway_collector.ingest.privacy.device import Devices, is_device
from trackway_collector.ingest.privacy.steps import privacy_steps
from trackway_collector.ingest.results import MEDIA_TYPE, results
from trackway_collector.outcomes import IngestCounters, Outcome, Rejection
from trackway_collector.releases import ReleaseFolder
from trackway_collector.spool import SpoolWriter
from trackway_collector.spool.record import Record, encode_record

T = TypeVar("T")

RETRY_AFTER_S = 5
STORED = b'{"success":true}'
JSON = {"Content-Type": "application/json"}
_NOBODYS_FAULT = frozenset({Rejection.NO_CONSENT, Rejection.OPTED_OUT})
"""Rejections that are no error of the client, which would only repeat them."""


@dataclass(slots=True)
class Ingest:
    """What the handlers need; `keys` and the decoder's rules are replaced when they change."""

    keys: Keys
    decoder: BatchDecoder
    spool: SpoolWriter
    counters: IngestCounters
    releases: ReleaseFolder | None = None
    """Where releases come live from; None without a plan, or with one that cannot change."""
    losses: ClientLosses = field(default_factory=ClientLosses)
    devices: Devices = field(default_factory=Devices)

    async def accept(self, request: web.Request, call: str) -> web.Response:
        """
        Store the events of one request and answer.

        Args:
            call: the route's call (`track`, …) when the body is one event; empty when it is a batch.
        """
        try:
            grant = self.keys.of_header(request.headers.get("Authorization"))
            policies = self.decoder.policies
            most_bytes = policies.of(grant.source).limits.batch_bytes if grant else policies.most_batch_bytes
            body = await read_body(request, most_bytes)
            if grant is None:
                grant = self.keys.of_key(write_key_of(body))
                if len(body) > (limit := policies.of(grant.source).limits.batch_bytes):
                    raise too_large(limit)
            policy = policies.of(grant.source)
            client = None
            if is_device(request, policy.kind or self.decoder.kind_of(grant.source)):
                client = self.devices.of(request, policy.privacy)
                cookie = policy.privacy.cookie
                if cookie.name and not client.opted_out:
                    cookie_value = anonymous_id(request, cookie, body, call)
                    client = msgspec.structs.replace(client, anonymous_id=cookie_value)
            received_at_us = time.time_ns() // 1000
            received = body
            record, body = await _in_turns(
                self.decoder.slices(
                    body,
                    call=call,
                    source=grant.source,
                    received_at_us=received_at_us,
                    environment=grant.environment,
                    client=client,
                )
            )
            record, body = privacy_steps(record, body, policy.privacy, self.devices.key)
            if call and record.exceptions and record.exceptions[0].outcome == Outcome.REJECTED:
                rejection = record.exceptions[0]
                if rejection.violations[0] not in _NOBODYS_FAULT:
                    raise RequestRefused(400, code_of(rejection.violations[0]), rejection.reasons[0])
            if record.events:  # a batch without events carries a report of losses, or nothing
                await self._spool(record, body)
        except RequestRefused as refusal:
            return self.refuse(refusal)
        self._count(record)
        if not call:
            self.losses.take(received, record.source)
        detailed = MEDIA_TYPE in request.headers.get("Accept", "")
        response = web.Response(body=results(record, body) if detailed else STORED, headers=JSON)
        if client is not None and client.anonymous_id:
            set_cookie(response, policy.privacy.cookie, client.anonymous_id, secure=self.devices.secure(request))
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

    def refuse(self, refusal: RequestRefused) -> web.Response:
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
    try:
        body = await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise too_large(max_bytes) from error
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
