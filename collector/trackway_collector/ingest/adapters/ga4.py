"""
Google Analytics 4: its Measurement Protocol, and what `gtag.js` and tag managers send.

Wire facts:
* Servers POST to `/mp/collect?measurement_id=G-…&api_secret=…` one JSON object: `client_id` (or `app_instance_id`),
  `user_id`, `timestamp_micros`, `user_properties: {name: {"value": …}}`, `events: [{"name", "params"}]`. Any 2xx is
  success; Google answers 204 to anything.
* Browsers GET or POST `/g/collect?v=2&tid=G-…&cid=…&sid=…&en=page_view&dl=URL&dr=REFERRER&dt=TITLE&…`; the event's own
  parameters are `ep.NAME` (text) and `epn.NAME` (number), those of the user `up.…` and `upn.…`. A POST has an event in
  each line of its body, with what they share in the query.
* The Measurement Protocol's `api_secret` is the write key. Browsers have none: `[sources.NAME]` lists their stream as
  `foreign_ids = ["ga4:G-…"]`.

What becomes of it: `page_view` → page, `screen_view` → screen, all others → track under their own name; user properties
are `context.traits`. `user_id` is the `userId`, `client_id` the `anonymousId`. `ga_session_id` and `sid` are the
session. Events have no id, so one that is sent again cannot be recognised.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web

from trackway_collector.errors import RequestRefused
from trackway_collector.ingest.adapters.base import (
    MAX_FIELDS,
    Adapter,
    Event,
    Translated,
    campaign_of,
    iso_of_us,
    malformed,
    number,
    page_of,
    pruned,
    screen_of,
    untranslatable,
)
from trackway_collector.ingest.requests import Taken

_CALLS = {"page_view": "page", "screen_view": "screen"}
_PAGE = frozenset({"page_location", "page_title", "page_referrer", "session_id", "ga_session_id", "language"})


class _Property(msgspec.Struct, gc=False):
    value: msgspec.Raw = msgspec.Raw(b"null")


class _Payload(msgspec.Struct, gc=False):
    events: list[msgspec.Raw]
    client_id: Any = None
    app_instance_id: Any = None
    user_id: Any = None
    timestamp_micros: str | int | None = None
    user_properties: dict[str, _Property] = {}


class _Measured(msgspec.Struct, gc=False):
    name: Any = None
    # A value of a program's own is never decoded, so that it arrives as it was written.
    params: dict[str, msgspec.Raw] = {}
    timestamp_micros: str | int | None = None


_payload = msgspec.json.Decoder(_Payload)
_measured = msgspec.json.Decoder(_Measured)
_value = msgspec.json.Decoder()
_UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)


def translate(request: web.Request, body: bytes) -> Translated:
    """Return the events of either wire."""
    query = dict(request.query)
    if request.path == "/g/collect":
        lines = [line for line in body.decode("utf-8", "replace").splitlines() if line] or [""]
        hits = [query | dict(parse_qsl(line, keep_blank_values=True, max_num_fields=MAX_FIELDS)) for line in lines]
        return Translated([_browser_event(hit) for hit in hits], foreign_id=f"ga4:{query.get('tid', '')}")
    try:
        payload = _payload.decode(body)
    except msgspec.ValidationError as error:
        message = 'A payload is an object {"client_id": "…", "events": [{"name": "…", "params": {…}}]}: ' + str(error)
        raise RequestRefused(400, "bad_batch", message) from error
    except _UNREADABLE as error:
        raise malformed(error) from error
    translated: list[Event] = []
    for raw in payload.events:
        try:
            translated.append(_server_event(payload, _measured.decode(raw)))
        except _UNREADABLE as error:
            translated.append(untranslatable("ga4", error, raw))
    stream = query.get("measurement_id") or query.get("firebase_app_id") or ""
    return Translated(translated, query.get("api_secret"), f"ga4:{stream}")


def answer(request: web.Request, taken: Taken) -> web.Response:
    """Return an empty 200."""
    return web.Response()


def _server_event(payload: _Payload, event: _Measured) -> dict[str, Any]:
    said = {name: _value.decode(raw) for name, raw in event.params.items() if name in _PAGE or name == "screen_name"}
    stamp = event.timestamp_micros if event.timestamp_micros is not None else payload.timestamp_micros
    url = said.get("page_location")
    context = {
        "page": page_of(url, said.get("page_title"), said.get("page_referrer")),
        "campaign": campaign_of(url),
        "sessionId": _text(said.get("ga_session_id", said.get("session_id"))),
        "locale": said.get("language"),
        "traits": {name: entry.value for name, entry in payload.user_properties.items()},
        "library": {"name": "ga4-measurement-protocol"},
    }
    ids = {"userId": payload.user_id, "anonymousId": payload.client_id or payload.app_instance_id}
    return _event(event.name, event.params, ids, context, None if stamp is None else iso_of_us(int(stamp)))


def _browser_event(hit: Mapping[str, str]) -> dict[str, Any]:
    params = {name[3:]: value for name, value in hit.items() if name[:3] == "ep."}
    params |= {name[4:]: number(value) for name, value in hit.items() if name[:4] == "epn."}
    traits = {name[3:]: value for name, value in hit.items() if name[:3] == "up."}
    traits |= {name[4:]: number(value) for name, value in hit.items() if name[:4] == "upn."}
    context = {
        "page": page_of(hit.get("dl"), hit.get("dt"), hit.get("dr")),
        "campaign": campaign_of(hit.get("dl")),
        "sessionId": hit.get("sid"),
        "locale": hit.get("ul"),
        "screen": screen_of(hit.get("sr")),
        "traits": traits,
        "library": {"name": "gtag.js"},
    }
    return _event(hit.get("en"), params, {"userId": hit.get("uid"), "anonymousId": hit.get("cid")}, context, None)


def _event(
    name: Any, params: Mapping[str, Any], ids: Mapping[str, Any], context: Mapping[str, Any], timestamp: str | None
) -> dict[str, Any]:
    call = _CALLS.get(name, "track") if isinstance(name, str) else "track"
    event: dict[str, Any] = {"type": call}
    if call == "track":
        event["event"] = name
    elif call == "screen":
        event["name"] = params.get("screen_name")
    event["properties"] = {key: value for key, value in params.items() if key not in _PAGE}
    return pruned({**event, **ids, "context": pruned(context), "timestamp": timestamp})


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


ADAPTER = Adapter(
    "ga4",
    (("POST", "/mp/collect"), ("GET", "/g/collect"), ("POST", "/g/collect")),
    translate,
    answer,
)
