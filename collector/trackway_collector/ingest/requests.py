"""
One request from its first byte to its answer: write key → body → verdicts → spool → fsync → 200.

How a refusal is told is in `serving.answers`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, field
from itertools import chain
from operator import attrgetter
from typing import NamedTuple, TypeVar

import msgspec
from aiohttp import web

from trackway_collector.dead_letters.log import DeadLetters
from trackway_collector.errors import RequestRefused, SpoolFull, SpoolLocked, SpoolUnavailable
from trackway_collector.ingest.privacy.cookie import anonymous_id, set_cookie
from trackway_collector.ingest.privacy.device import Devices, is_device
from trackway_collector.ingest.privacy.steps import denied, privacy_steps
from trackway_collector.ingest.reports import dead_letter
from trackway_collector.ingest.reports.client_counts import count_client
from trackway_collector.ingest.reports.losses import ClientLosses
from trackway_collector.ingest.reports.recent import RecentIds
from trackway_collector.ingest.reports.refusal_log import RefusalLog
from trackway_collector.ingest.reports.results import MEDIA_TYPE, results
from trackway_collector.ingest.room.admission import Admission, Held
from trackway_collector.ingest.room.quota import Quotas
from trackway_collector.ingest.routes import Lane
from trackway_collector.ingest.rules.in_force import InForce
from trackway_collector.ingest.rules.key_places import grant_of
from trackway_collector.ingest.rules.keys import Grant
from trackway_collector.ingest.rules.reload import Reload
from trackway_collector.ingest.rules.sources import SourcePolicy
from trackway_collector.ingest.serving.answers import JSON, STORED, code_of, not_stored, refused, route_of
from trackway_collector.ingest.serving.body import BODY_S, read_body
from trackway_collector.ingest.serving.encodings import too_large
from trackway_collector.ingest.serving.plain_answer import PlainAnswer
from trackway_collector.ingest.serving.request_keys import HELD, id_of
from trackway_collector.ingest.verdicts.decode import write_key_of
from trackway_collector.outcomes import IngestCounters, Outcome, Rejection
from trackway_collector.spool import SpoolWriter
from trackway_collector.spool.canary import Canary
from trackway_collector.spool.record import Record, encode_record

T = TypeVar("T")
logger = logging.getLogger(__name__)

_PLAIN = PlainAnswer(STORED)
_NOBODYS_FAULT = frozenset({Rejection.NO_CONSENT, Rejection.OPTED_OUT})
"""Rejections that are no error of the client, which would only repeat them."""


class Taken(NamedTuple):
    """A request that is on the disk."""

    record: Record
    body: bytes
    """As the spool keeps it."""
    policy: SourcePolicy


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
    recent: RecentIds = field(default_factory=RecentIds)
    admission: Admission = field(default_factory=Admission)
    quotas: Quotas = field(default_factory=Quotas)
    refusals: RefusalLog = field(default_factory=RefusalLog)
    historical: SpoolWriter | None = None
    """The spool of the historical lane, made for its first event."""
    canary: Canary | None = None
    """What proves that the disk works, while the application runs."""
    body_s: float = BODY_S
    """Within this time a body must have come whole."""
    stopping: bool = False
    """`/ready` says no, and every answer ends its connection."""
    letters: DeadLetters | None = None
    """Where a sample of refused requests goes."""
    metrics_token: str = ""
    """What `/metrics` asks for; empty: it answers this machine only."""

    async def accept(self, request: web.Request, call: str, lane: Lane = Lane.LIVE) -> web.Response:
        """
        Store the events of one request and answer.

        Args:
            call: the route's call (`track`, …) when the body is one event; empty when it is a batch.
        """
        in_force = self.in_force  # for the whole request, whatever is taken into force meanwhile
        try:
            grant, body = await self.read(request, in_force, lane)
            if grant is None:
                grant = self.granted(request, in_force, in_force.keys.of_key(write_key_of(body)), len(body))
            taken = await self.take(request, in_force, grant, body, call, lane)
        except RequestRefused as refusal:
            return self.refuse(refusal, request)
        except (web.RequestPayloadError, ConnectionError):
            raise  # the client is gone
        except Exception:
            return self.fail(request)
        detailed = MEDIA_TYPE in request.headers.get("Accept", "")
        client = taken.record.client
        is_usual = not detailed and not (client and client.anonymous_id) and not self.stopping
        if is_usual and PlainAnswer.is_enough(request):
            return _PLAIN
        answer = results(taken.record, taken.body, self.recent) if detailed else STORED
        return self.respond(request, taken, web.Response(body=answer, headers=JSON))

    async def read(self, request: web.Request, in_force: InForce, lane: Lane = Lane.LIVE) -> tuple[Grant | None, bytes]:
        """
        Return what the request's headers or query grant, None when the key can only be in the body, and the body.

        Raises:
            RequestRefused: the key is unknown, there is no room, or the body is too large or damaged.
        """
        grant = grant_of(in_force.keys, request)
        held = request[HELD] = self.admission.enter(lane)
        if grant is None:
            return None, await read_body(request, in_force.policies.most_batch_bytes, held, self.body_s)
        if grant.origins:
            grant.check_origin(request.headers.get("Origin"))
        policy = in_force.policies.of(grant.source)
        if policy.quota.events_per_s:
            # Whoever has used up the quota is not read: what it sent holds one event at least.
            account = self.quotas.account(grant.source, policy.quota)
            if wait_s := account.wait_s(1, time.monotonic()):
                raise self.admission.over_quota(lane, wait_s)
        return grant, await read_body(request, policy.limits.batch_bytes, held, self.body_s)

    def enter(self, request: web.Request, lane: Lane) -> Held:
        """
        Let a request in; what it holds is given back when it has been answered (see `operated`).

        Raises:
            RequestRefused: 429 or 503, there is no room.
        """
        held = request.get(HELD)
        if held is None:
            held = request[HELD] = self.admission.enter(lane)
        elif held.lane is not lane:
            held.change_to(lane)
        return held

    def granted(self, request: web.Request, in_force: InForce, grant: Grant, body_bytes: int) -> Grant:
        """
        Return the grant when this request may use it.

        Raises:
            RequestRefused: 403, the key is not for pages of this origin; 400, the body is larger than the source's may
                be.
        """
        if grant.origins:
            grant.check_origin(request.headers.get("Origin"))
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
        self.enter(request, lane)
        policy = in_force.policies.of(grant.source)
        client = None
        if is_device(request, policy.kind or in_force.decoder.kind_of(grant.source)):
            client = self.devices.of(request, policy.privacy)
            cookie = policy.privacy.cookie
            if cookie.name and not client.opted_out:
                client = msgspec.structs.replace(client, anonymous_id=anonymous_id(request, cookie, body, call))
        now_us = time.time_ns() // 1000
        decoded = in_force.decoder.at_once(body, call, grant.source, now_us, grant.environment, client)
        if decoded is None:
            decoded = await in_turns(
                in_force.decoder.slices(
                    body,
                    call=call,
                    source=grant.source,
                    received_at_us=now_us,
                    environment=grant.environment,
                    client=client,
                    tried=True,
                )
            )
        record, kept, may_report_losses = decoded
        record, kept = privacy_steps(record, kept, policy.privacy, self.devices.key)
        if call and record.exceptions and record.exceptions[0].outcome == Outcome.REJECTED:
            rejection = record.exceptions[0]
            if rejection.violations[0] not in _NOBODYS_FAULT:
                raise RequestRefused(400, code_of(rejection.violations[0]), rejection.reasons[0])
        await self.store(record, kept, policy, lane)
        count_client(self.counters, request, body)
        if may_report_losses:
            self.losses.take(body, record.source)
        return Taken(record, kept, policy)

    def respond(self, request: web.Request, taken: Taken, response: web.Response) -> web.Response:
        """Return the answer to a stored request, with the first-party cookie where the source sets one."""
        client = taken.record.client
        if client is not None and client.anonymous_id and not denied(taken.record):
            cookie = taken.policy.privacy.cookie
            set_cookie(response, cookie, client.anonymous_id, secure=self.devices.secure(request))
        return response

    async def store(self, record: Record, body: bytes, policy: SourcePolicy, lane: Lane) -> None:
        """
        Spool and count events that have been judged; return when they are on the disk.

        Raises:
            RequestRefused: 429, the source has used up its quota; 503, the disk refuses. Nothing of it was stored.
        """
        account = self.quotas.account(record.source, policy.quota) if policy.quota.events_per_s else None
        if account is not None and (wait_s := account.take(max(1, record.events), time.monotonic())):
            raise self.admission.over_quota(lane, wait_s)
        if record.events:  # a batch without events carries a report of losses, or nothing
            try:
                spool = self.spool if lane is Lane.LIVE else self.open_historical()
                await spool.append(encode_record(record), body, record.events)
            except (SpoolFull, SpoolUnavailable, SpoolLocked, OSError) as error:
                if account is not None:
                    account.give_back(record.events)  # or its repetitions, while the disk is full, would use it up
                raise not_stored(error) from error
        self._count(record)

    @property
    def spools(self) -> list[SpoolWriter]:
        """The worker's spools, the live one first."""
        return [self.spool] if self.historical is None else [self.spool, self.historical]

    def open_historical(self) -> SpoolWriter:
        """
        Return the spool of the historical lane.

        Raises:
            SpoolLocked: another process has it.
            OSError: the disk refuses.
        """
        if self.historical is None:
            self.historical = self.spool.beside("-history")
            self.historical.start()
        return self.historical

    def fail(self, request: web.Request) -> web.Response:
        """Log the error at hand, which is ours, and return the answer to a request of which nothing was stored."""
        logger.exception("%s %s failed; nothing was stored", request.method, route_of(request))
        message = "The collector made a mistake, which its log tells of. Nothing was stored; send it again later."
        return self.refuse(RequestRefused(500, "internal_error", message), request)

    def refuse(self, refusal: RequestRefused, request: web.Request) -> web.Response:
        """Count a refused request and return the answer to it."""
        self.counters.requests[refusal.status, refusal.code] += 1
        request_id, route = id_of(request), route_of(request)
        self.refusals.note(refusal.status, refusal.code, request_id, route, refusal.retry_after_s)
        if self.letters is not None:
            dead_letter.send(self.letters, refusal, request, route, request_id, self.in_force)
        return refused(refusal, request)

    def _count(self, record: Record) -> None:
        counters = self.counters
        counters.requests[200, ""] += 1
        plain = record.events - len(record.exceptions)
        counters.events[record.source, record.verdict] += plain
        for violation in record.violations:
            counters.violations[record.source, code_of(violation)] += plain
        if not record.exceptions:
            return
        verdicts = record.exceptions.values()
        for outcome, events in Counter(map(_outcome, verdicts)).items():
            counters.events[record.source, outcome] += events
        for violation, times in Counter(chain.from_iterable(map(_violations, verdicts))).items():
            counters.violations[record.source, code_of(violation)] += times


_outcome = attrgetter("outcome")
_violations = attrgetter("violations")

INGEST = web.AppKey("ingest", Ingest)


async def in_turns(work: Generator[None, None, T]) -> T:
    """Return what the work returns; where it yields, other requests have their turn."""
    while True:
        try:
            next(work)
        except StopIteration as done:
            value: T = done.value
            return value
        await asyncio.sleep(0)
