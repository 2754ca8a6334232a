"""The route of webhooks: a provider's signed call becomes planned events."""

from __future__ import annotations

import time
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web

from trackway_collector.errors import RequestRefused
from trackway_collector.ingest.privacy.policy import Privacy
from trackway_collector.ingest.privacy.steps import privacy_steps
from trackway_collector.ingest.requests import INGEST, Ingest, in_turns
from trackway_collector.ingest.routes import Lane
from trackway_collector.ingest.rules.in_force import InForce
from trackway_collector.ingest.serving.answers import JSON, STORED
from trackway_collector.ingest.serving.body import read_body
from trackway_collector.ingest.verdicts.decode import BatchDecoder
from trackway_collector.ingest.webhooks.settings import Webhook
from trackway_collector.mapping import Unmappable, record_id
from trackway_collector.outcomes import EnvelopeFault, Outcome
from trackway_collector.spool.record import EventVerdict, Record

PATH = "/v1/webhook/{name}"
LIBRARY = "trackway-webhook"
HEADERS = "_headers"
MAX_FIELDS = 1_000

_FORM = "application/x-www-form-urlencoded"
_anything = msgspec.json.Decoder()
_encode = msgspec.json.Encoder().encode


class _Mapped(NamedTuple):
    """What the mapping made of a call."""

    events: list[Any]
    unmapped: dict[int, EventVerdict]
    """Position → why the mapping could not take it; the event there is the payload as it came."""


async def webhook(request: web.Request) -> web.Response:
    """Store what a provider tells; 401 without its signature, 404 for a webhook that is not set up."""
    ingest = request.app[INGEST]
    in_force = ingest.in_force
    try:
        await _take(request, ingest, in_force)
    except RequestRefused as refusal:
        return ingest.refuse(refusal, request)
    except (web.RequestPayloadError, ConnectionError):
        raise  # the provider is gone
    except Exception:
        return ingest.fail(request)
    return web.Response(body=STORED, headers=JSON)


async def _take(request: web.Request, ingest: Ingest, in_force: InForce) -> None:
    found = in_force.webhooks.get(request.match_info["name"])
    if found is None:
        message = "There is no webhook of this name. `[webhooks.NAME]` in trackway.toml sets one up."
        raise RequestRefused(404, "unknown_webhook", message)
    policy = in_force.policies.of(found.grant.source)
    body = await read_body(request, policy.limits.batch_bytes, ingest.enter(request, Lane.LIVE), ingest.body_s)
    found.signature.check(request.headers, body, time.time())
    mapped = _mapped(found, _records(request, body, found, policy.limits.batch_events), in_force.decoder)
    if not mapped.events:
        ingest.counters.requests[200, ""] += 1
        return  # all of it is to be skipped, as the mapping says
    if mapped.unmapped and (in_force.decoder.forbids or policy.privacy != Privacy()):
        reason = next(iter(mapped.unmapped.values())).reasons[0]
        raise RequestRefused(422, "webhook_unmapped", f"The mapping cannot take it: {reason}. Send it again later.")
    record, kept, _ = await in_turns(
        in_force.decoder.slices(
            b'{"batch":' + _encode(mapped.events) + b"}",
            call="",
            source=found.grant.source,
            received_at_us=time.time_ns() // 1000,
            environment=found.grant.environment,
        )
    )
    if mapped.unmapped:
        record = _set_aside(record, mapped.unmapped)
    record, kept = privacy_steps(record, kept, policy.privacy, ingest.devices.key)
    await ingest.store(record, kept, policy, Lane.LIVE)


def _records(request: web.Request, body: bytes, found: Webhook, most: int) -> list[dict[str, Any]]:
    """Return the records of a call: one, or those of a list."""
    # `curl -d` says that everything is a form; what begins as JSON does is none.
    if request.content_type == _FORM and not body.lstrip().startswith((b"{", b"[")):
        try:
            payload: Any = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS))
        except ValueError as error:
            raise RequestRefused(400, "malformed_form", f"The body is no form: {error}.") from error
    else:
        try:
            payload = _anything.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise RequestRefused(400, "malformed_json", f"The body is not readable JSON: {error}.") from error
    records = payload if isinstance(payload, list) else [payload]
    if not all(isinstance(record, dict) for record in records):
        raise RequestRefused(400, "malformed_json", "The body is no JSON object, and no list of such.")
    if len(records) > most:
        raise RequestRefused(400, "too_many_events", f"The call holds {len(records)} records; the limit is {most}.")
    if found.headers:
        sent = {name.lower(): request.headers[name] for name in found.headers if name in request.headers}
        records = [record | {HEADERS: sent} for record in records]
    return records


def _mapped(found: Webhook, records: list[dict[str, Any]], decoder: BatchDecoder) -> _Mapped:
    context: dict[str, Any] = {"library": {"name": LIBRARY}}
    if decoder.live is not None:
        newest = decoder.live.newest
        context["protocols"] = {"plan": newest.name, "rev": newest.rev, "hash": newest.hash}
    events: list[Any] = []
    unmapped: dict[int, EventVerdict] = {}
    for record in records:
        try:
            event = found.mapping.event(record)
        except Unmappable as error:
            reason, message_id = str(error), record_id(record)
            unmapped[len(events)] = EventVerdict(
                Outcome.QUARANTINED, (EnvelopeFault.UNMAPPED,), (f"The mapping cannot take it: {reason}.",), message_id
            )
            events.append(record)
            continue
        if event is not None:
            own = event.get("context")
            event["context"] = {**context, **own} if isinstance(own, dict) else context
            events.append(event)
    return _Mapped(events, unmapped)


def _set_aside(record: Record, unmapped: dict[int, EventVerdict]) -> Record:
    """Return the record with these in quarantine, unless they are too large for it."""
    exceptions = dict(record.exceptions)
    for position, verdict in unmapped.items():
        known = exceptions.get(position)
        if known is None or known.outcome != Outcome.REJECTED:
            exceptions[position] = verdict
    return msgspec.structs.replace(record, exceptions=exceptions, careful=True)
