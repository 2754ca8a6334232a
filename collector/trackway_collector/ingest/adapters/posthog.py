"""
PostHog's clients: `posthog-python`, `posthog-js`, `posthog-node` and their kin.

Wire facts:
* Servers POST `{"api_key", "batch": [event…], "sent_at", "historical_migration"}` to `/batch/`. Pages POST one event or
  a list of them to `/e/` or `/i/v0/e/` (older ones `/capture/`, `/track/`), as JSON, as gzip without a header
  (`?compression=gzip-js`), or as a form with `data=` in base64. Only an answer of 200 is success to them.
* An event is `{"event", "distinct_id", "uuid", "timestamp" or "offset" (ms before it was sent), "properties"}`, and
  `$set`, `$set_once` beside the properties or among them. The key is `api_key`, or the property `token` of an event.
* Capture v1, `/i/v1/analytics/events`: `{"batch", "created_at"}`, the key as Bearer token, the library and the time of
  sending in `PostHog-…` headers; the answer names results by uuid (`ok`, `warning`, `drop`, `retry`).
* `/flags/`, `/decide/`, `/array/…` and `/static/…` ask for feature flags, settings and code. There are none: the
  answers switch everything but events off.

What becomes of it: `$identify`, `$set` and `$set_once` → identify, `$create_alias` → alias, `$groupidentify` → group,
`$pageview` → page, `$screen` → screen, all others → track under their own name. `uuid` is the `messageId`. A
`distinct_id` is the `userId`, but it is the `anonymousId` when the event says `$is_identified: false`,
`$process_person_profile: false`, that it is the `$device_id`, or is a `$groupidentify`, whose id libraries make up.
Properties are kept. Those with a `$` that have a place in our `context` go there, the other ones to `context.posthog`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import msgspec
from aiohttp import web

from trackway_collector.errors import RequestRefused
from trackway_collector.ingest.adapters.base import (
    Adapter,
    Event,
    Harmless,
    Translated,
    campaign_of,
    iso_of_ms,
    iso_of_us,
    malformed,
    page_of,
    pruned,
    untranslatable,
)
from trackway_collector.ingest.pages.pixel import decode_base64
from trackway_collector.ingest.reports.results import each_exception
from trackway_collector.ingest.requests import Taken
from trackway_collector.ingest.routes import Lane
from trackway_collector.ingest.serving.answers import JSON
from trackway_collector.ingest.verdicts import mend
from trackway_collector.outcomes import Outcome

V1 = "/i/v1/analytics/events"

_CALLS = {
    "$identify": "identify",
    "$set": "identify",
    "$set_once": "identify",
    "$create_alias": "alias",
    "$groupidentify": "group",
    "$pageview": "page",
    "$screen": "screen",
}
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


MOST_MENDED = 20_000
"""Events of a batch that is read forgivingly; more than any source is allowed, and no work for strangers to ask for."""


class _Envelope(msgspec.Struct, gc=False):
    batch: list[msgspec.Raw]
    api_key: Any = None
    sent_at: Any = None
    historical_migration: Any = False


class _Event(msgspec.Struct, gc=False):
    event: Any = None
    distinct_id: Any = None
    uuid: Any = None
    timestamp: Any = None
    offset: Any = None
    # A value of a program's own is never decoded, so that it arrives as it was written.
    properties: dict[str, msgspec.Raw] | None = None
    set_: msgspec.Raw = msgspec.field(default=msgspec.Raw(b""), name="$set")
    set_once: msgspec.Raw = msgspec.field(default=msgspec.Raw(b""), name="$set_once")
    session_id: Any = None
    options: Any = None
    api_key: Any = None
    token: Any = None


_envelope = msgspec.json.Decoder(_Envelope)
_event = msgspec.json.Decoder(_Event)
_list = msgspec.json.Decoder(list[msgspec.Raw])
_value = msgspec.json.Decoder()
_raw_object = msgspec.json.Decoder(dict[str, msgspec.Raw])


def translate(request: web.Request, body: bytes) -> Translated:
    """Return the events of a request to any of the paths."""
    envelope = _read(_unwrapped(body))
    headers = request.headers
    name, _, version = headers.get("PostHog-Sdk-Info", "").partition("/")
    library = pruned({"name": name, "version": version})
    key, events = envelope.api_key, []
    for raw in envelope.batch:
        event, own_key = _translated(raw, library)
        events.append(event)
        key = key or own_key
    if bearer := headers.get("Authorization", "").partition(" ")[2]:
        key = bearer
    sent_at = envelope.sent_at or headers.get("PostHog-Request-Timestamp") or iso_of_ms(request.query.get("_"))
    lane = Lane.HISTORICAL if envelope.historical_migration is True else Lane.LIVE
    return Translated(events, key if isinstance(key, str) else None, sent_at=sent_at, lane=lane)


def answer(request: web.Request, taken: Taken) -> web.Response:
    """Return what the client takes for success; to capture v1, what became of each event that is not simply stored."""
    if request.path != V1:
        return web.Response(body=b'{"status":1}', headers=JSON)
    results = {}
    for message_id, verdict in each_exception(taken.record, taken.body):
        if verdict.outcome in (Outcome.REJECTED, Outcome.QUARANTINED):
            word = "drop" if verdict.outcome == Outcome.REJECTED else "warning"
            results[message_id] = {"result": word, "details": " ".join(verdict.reasons)}
    return web.Response(body=msgspec.json.encode({"results": results}), headers=JSON)


def _unwrapped(body: bytes) -> bytes:
    """Return the JSON of a body; that of a form is `data`, in base64."""
    if body[:5] != b"data=":
        return body
    try:
        data = parse_qs(body.decode("ascii"), max_num_fields=10)["data"][0]
    except (ValueError, KeyError) as error:
        message = "The body is a form without `data`."
        raise RequestRefused(400, "malformed_json", message) from error
    return data.encode() if data[:1] in ("{", "[") else decode_base64(data)


def _read(body: bytes) -> _Envelope:
    """Return a batch, a list of events, or one event, as a batch."""
    try:
        if body.lstrip()[:1] == b"[":
            return _Envelope(_list.decode(body))
        try:
            return _envelope.decode(body)
        except msgspec.ValidationError:  # no `batch`: one event
            return _Envelope([msgspec.Raw(body)], sent_at=_sent_at(body))
    except _UNREADABLE as error:
        mended = mend.batch(body, MOST_MENDED)  # one event may be to blame; it must not cost the others
        if mended is None:
            raise malformed(error) from error
        return _envelope.decode(mended)


class _SentAt(msgspec.Struct, gc=False):
    sent_at: Any = None


def _sent_at(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body, type=_SentAt).sent_at
    except msgspec.ValidationError as error:  # a number, a text
        message = 'An event is an object, a batch is {"batch": [events]}.'
        raise RequestRefused(400, "bad_batch", message) from error


def _translated(raw: msgspec.Raw, library: Mapping[str, str]) -> tuple[Event, Any]:
    """Return an event, and the key that it carries."""
    try:
        event = _event.decode(raw)
        properties = event.properties or {}
        said = {name: _value.decode(value) for name, value in properties.items() if name[:1] == "$" or name in _READ}
        translated = _translate_event(event, said, properties, library)
    except msgspec.ValidationError as error:
        if bytes(raw)[:1] == b'"':
            return raw, None  # what the forgiving reader could not save either
        return untranslatable("posthog", error, raw), None
    except _UNREADABLE:
        return raw, None
    return translated, event.api_key or event.token or said.get("token")


_READ = frozenset({"token", "distinct_id", "alias", "title"})


def _translate_event(
    event: _Event, said: dict[str, Any], properties: dict[str, msgspec.Raw], library: Mapping[str, str]
) -> Event:
    name = event.event
    call = _CALLS.get(name, "track") if isinstance(name, str) else "track"
    own = {key: value for key, value in properties.items() if key[:1] != "$" and key not in ("token", "distinct_id")}
    traits = _merged(event.set_once or properties.get("$set_once"), event.set_ or properties.get("$set"))
    if event.session_id:
        said.setdefault("$session_id", event.session_id)
    context = _context(said, library)
    translated: dict[str, Any] = {"type": call, **_ids(event, said, call)}
    if call == "track":
        translated["event"] = name
    elif call == "screen":
        translated["name"] = said.get("$screen_name")
    elif call == "group":
        translated["groupId"] = said.get("$group_key")
    if call == "group":
        translated["traits"] = said.get("$group_set")
    elif call == "identify":
        translated["traits"] = traits
    elif call == "alias":
        own.pop("alias", None)
    if call != "identify" and traits:
        context["traits"] = traits
    translated |= {"properties": own, "context": context}
    return pruned(translated | {"messageId": event.uuid or said.get("$insert_id"), "timestamp": _timestamp(event)})


def _ids(event: _Event, said: dict[str, Any], call: str) -> dict[str, Any]:
    distinct_id = event.distinct_id if event.distinct_id is not None else said.get("distinct_id")
    if call == "alias":
        return {"previousId": said.get("distinct_id", distinct_id), "userId": said.get("alias")}
    if call == "identify" and "$anon_distinct_id" in said:
        return {"userId": distinct_id, "anonymousId": said["$anon_distinct_id"]}
    options = event.options if isinstance(event.options, dict) else {}
    is_anonymous = (
        call == "group"
        or said.get("$is_identified") is False
        or said.get("$process_person_profile", options.get("process_person_profile")) is False
        or distinct_id == said.get("$device_id")
    )
    if is_anonymous:
        return {"anonymousId": distinct_id}
    return {"userId": distinct_id, "anonymousId": said.get("$device_id")}


def _timestamp(event: _Event) -> Any:
    if event.timestamp is None and isinstance(event.offset, int | float) and abs(event.offset) < 10**12:
        return iso_of_us(time.time_ns() // 1000 - int(event.offset * 1000))
    return event.timestamp


def _merged(*objects: msgspec.Raw | None) -> dict[str, msgspec.Raw]:
    merged: dict[str, msgspec.Raw] = {}
    for raw in objects:
        if raw and bytes(raw) != b"null":
            merged |= _raw_object.decode(raw)
    return merged


_IN_CONTEXT = {
    "$session_id": ("sessionId", ""),
    "$ip": ("ip", ""),
    "$timezone": ("timezone", ""),
    "$raw_user_agent": ("userAgent", ""),
    "$browser_language": ("locale", ""),
    "$locale": ("locale", ""),
    "$os": ("os", "name"),
    "$os_name": ("os", "name"),
    "$os_version": ("os", "version"),
    "$device_id": ("device", "id"),
    "$device_type": ("device", "type"),
    "$device_model": ("device", "model"),
    "$device_manufacturer": ("device", "manufacturer"),
    "$screen_width": ("screen", "width"),
    "$screen_height": ("screen", "height"),
    "$app_name": ("app", "name"),
    "$app_version": ("app", "version"),
    "$lib": ("library", "name"),
    "$lib_version": ("library", "version"),
}
_ELSEWHERE = frozenset(
    {"$current_url", "$pathname", "$referrer", "$title", "$set", "$set_once", "$group_key", "$group_set"}
    | {"$screen_name", "$anon_distinct_id", "$insert_id"}
)


def _context(said: dict[str, Any], library: Mapping[str, str]) -> dict[str, Any]:
    context: dict[str, Any] = {"library": dict(library)} if library else {}
    rest = {}
    for name, value in said.items():
        if place := _IN_CONTEXT.get(name):
            member, part = place
            if part:
                context.setdefault(member, {})[part] = value
            else:
                context[member] = value
        elif name[:1] == "$" and name not in _ELSEWHERE:
            rest[name[1:]] = value
    url, referrer = said.get("$current_url"), said.get("$referrer")
    page = page_of(url, said.get("$title", said.get("title")), None if referrer == "$direct" else referrer)
    if "$pathname" in said:
        page["path"] = said["$pathname"]
    return pruned(context | {"page": page, "campaign": campaign_of(url), "posthog": rest})


_NO_FLAGS = (
    b'{"flags":{},"featureFlags":{},"featureFlagPayloads":{},"errorsWhileComputingFlags":false,"requestId":"",'
    b'"config":{"enable_collect_everything":false},"isAuthenticated":false,"sessionRecording":false,'
    b'"supportedCompression":["gzip","gzip-js"],"surveys":false,"heatmaps":false,"siteApps":[]}'
)
_NO_CONFIG = (
    b'{"supportedCompression":["gzip","gzip-js"],"hasFeatureFlags":false,"captureDeadClicks":false,'
    b'"capturePerformance":false,"autocapture_opt_out":false,"autocaptureExceptions":false,'
    b'"analytics":{"endpoint":"/i/v0/e/"},"elementsChainAsString":true,"errorTracking":{"autocaptureExceptions":false},'
    b'"sessionRecording":false,"heatmaps":false,"surveys":false,"siteApps":[],"isAuthenticated":false,"toolbarParams":{}}'
)
_NO_CODE = b"/* Nothing to load. */"

ADAPTER = Adapter(
    "posthog",
    tuple(
        ("POST", path)
        for path in ("/batch/", "/e/", "/e", "/i/v0/e/", "/i/v0/e", "/capture/", "/capture", "/track/", V1)
    ),
    translate,
    answer,
    (
        Harmless("POST", "/flags/", "flags", _NO_FLAGS),
        Harmless("POST", "/flags", "flags", _NO_FLAGS),
        Harmless("POST", "/decide/", "flags", _NO_FLAGS),
        Harmless("POST", "/decide", "flags", _NO_FLAGS),
        Harmless(
            "GET", "/api/feature_flag/local_evaluation", "flags", b'{"flags":[],"group_type_mapping":{},"cohorts":{}}'
        ),
        Harmless("GET", "/array/{token}/config", "config", _NO_CONFIG),
        Harmless("GET", "/array/{token}/config.js", "config", _NO_CODE, "application/javascript"),
        Harmless("GET", "/static/{path:.+}", "code", _NO_CODE, "application/javascript"),
        Harmless("GET", "/api/surveys/", "surveys", b'{"surveys":[]}'),
        Harmless("POST", "/s/", "recordings", b'{"status":1}'),
    ),
)
