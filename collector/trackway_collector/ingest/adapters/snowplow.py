"""
Snowplow's trackers.

Wire facts:
* `POST /com.snowplowanalytics.snowplow/tp2` (or any `/VENDOR/tp2`, by the option `postPath`) with
  `{"schema": "iglu:…/payload_data/…", "data": [event…]}`; `GET /i?…` with one event as the query. Any 2xx is success.
* An event's fields are short names with text values: `e` kind, `eid` id, `dtm`/`stm`/`ttm` when it was made, sent and
  (said by the program) happened, in ms; `uid` user, `duid` browser, `sid` session; `url`, `page`, `refr`.
* Kinds: `pv` page view, `pp` page ping, `se` structured (`se_ca`, `se_ac`, `se_la`, `se_pr`, `se_va`), `ue`
  self-describing (`ue_pr` JSON or `ue_px` the same in URL-safe base64), `tr` and `ti` transaction and item. `co` or
  `cx` are contexts, each with its schema.
* A tracker sends no key. It says its app id `aid`: `[sources.NAME]` lists it as `foreign_ids = ["snowplow:AID"]`. A
  `?writeKey=` or `X-Write-Key`, where one can be set, does as well.

What becomes of it: `pv` → page, a self-describing `screen_view` → screen, all others → track. A self-describing event
is called as its schema (`iglu:com.example/seeds_ordered/jsonschema/1-2-0` → `seeds_ordered`) and its data are the
properties; a structured one is called by its action `se_ac`; the rest `page_ping`, `transaction`, `transaction_item`.
Schema, contexts and all that has no place in our `context` is in `context.snowplow`.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web

from trackway_collector.errors import RequestRefused
from trackway_collector.ingest.adapters.base import (
    SECRETS,
    Adapter,
    Event,
    Translated,
    campaign_of,
    iso_of_ms,
    malformed,
    number,
    page_of,
    pruned,
    screen_of,
    untranslatable,
)
from trackway_collector.ingest.pages.pixel import picture
from trackway_collector.ingest.requests import Taken

_UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)
_SCREEN_VIEWS = frozenset({"com.snowplowanalytics.mobile", "com.snowplowanalytics.snowplow"})
_CLIENT_SESSION = "iglu:com.snowplowanalytics.snowplow/client_session/"
_NAMES = {"pp": "page_ping", "tr": "transaction", "ti": "transaction_item"}
_PROPERTIES = {
    "se": {"se_ca": "category", "se_ac": "action", "se_la": "label", "se_pr": "property", "se_va": "value"},
    "pp": {"pp_mix": "min_x", "pp_max": "max_x", "pp_miy": "min_y", "pp_may": "max_y"},
    "tr": {"tr_id": "order_id", "tr_af": "affiliation", "tr_tt": "total", "tr_tx": "tax", "tr_sh": "shipping"}
    | {"tr_ci": "city", "tr_st": "state", "tr_co": "country", "tr_cu": "currency"},
    "ti": {"ti_id": "order_id", "ti_sk": "sku", "ti_nm": "name", "ti_ca": "category", "ti_pr": "price"}
    | {"ti_qu": "quantity", "ti_cu": "currency"},
}
_NUMBERS = frozenset({"se_va", "pp_mix", "pp_max", "pp_miy", "pp_may", "tr_tt", "tr_tx", "tr_sh", "ti_pr", "ti_qu"})
_IN_PLACE = frozenset(
    {"e", "eid", "dtm", "stm", "ttm", "uid", "duid", "sid", "url", "page", "refr", "ua", "lang", "tz", "res", "ip"}
    | {"ue_pr", "ue_px", "co", "cx", "tv", "aid", *SECRETS}
)


class _Envelope(msgspec.Struct, gc=False):
    data: list[msgspec.Raw]


class _SelfDescribing(msgspec.Struct, gc=False):
    schema: str
    data: msgspec.Raw = msgspec.Raw(b"{}")


_envelope = msgspec.json.Decoder(_Envelope)
_fields = msgspec.json.Decoder(dict[str, Any])
_described = msgspec.json.Decoder(_SelfDescribing)
_contexts = msgspec.json.Decoder(list[_SelfDescribing])


def translate(request: web.Request, body: bytes) -> Translated:
    """Return the events of a POST, or the one of a GET."""
    if request.method == "GET":
        body = msgspec.json.encode({"data": [dict(request.query)]})
    try:
        raws = _envelope.decode(body).data
    except msgspec.ValidationError as error:
        message = f'A payload is an object {{"schema": "…", "data": [events]}}: {error}.'
        raise RequestRefused(400, "bad_batch", message) from error
    except _UNREADABLE as error:
        raise malformed(error) from error
    events: list[Event] = []
    app_id = sent_at = None
    for raw in raws:
        try:
            fields = _fields.decode(raw)
            app_id, sent_at = app_id or fields.get("aid"), sent_at or iso_of_ms(fields.get("stm"))
            events.append(_translated(fields))
        except _UNREADABLE as error:
            events.append(untranslatable("snowplow", error, raw))
    return Translated(events, foreign_id=f"snowplow:{app_id}" if app_id else "", sent_at=sent_at)


def answer(request: web.Request, taken: Taken) -> web.Response:
    """Return a picture to a GET, which may be one in a page, and an empty 200 to a POST."""
    return picture() if request.method == "GET" else web.Response(text="ok")


def _translated(fields: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return the event of a tracker's fields.

    Raises:
        ValueError, MsgspecError: it is of no known kind, or its data cannot be read.
    """
    kind = fields.get("e")
    contexts = _contexts.decode(data) if (data := _data(fields, "co", "cx")) else []
    context = _context(fields, contexts)
    event: dict[str, Any] = {"type": "track"}
    if kind == "pv":
        event["type"] = "page"
    elif kind == "ue":
        described = _described.decode(_data(fields, "ue_pr", "ue_px") or b"null")
        vendor, name, version = _schema(described.schema)
        event |= {"event": name, "properties": described.data}
        context["snowplow"] |= {"schema": described.schema, "vendor": vendor, "version": version}
        if name == "screen_view" and vendor in _SCREEN_VIEWS:
            event = {"type": "screen", "name": _fields.decode(described.data).get("name")} | event
            event |= {"type": "screen"}
            del event["event"]
    elif isinstance(kind, str) and kind in _PROPERTIES:
        names = _PROPERTIES[kind]
        event["event"] = fields.get("se_ac") if kind == "se" else _NAMES[kind]
        values = {
            names[short]: number(fields[short]) if short in _NUMBERS else fields[short]
            for short in names
            if short in fields
        }
        event["properties"] = values
    else:
        message = "its kind `e` is none of pv, pp, se, ue, tr, ti"
        raise ValueError(message)
    return pruned(event | _ids(fields, contexts) | {"context": pruned(context)})


def _ids(fields: Mapping[str, Any], contexts: list[_SelfDescribing]) -> dict[str, Any]:
    session = _client_session(contexts)
    happened = fields.get("ttm") or fields.get("dtm")
    return {
        "messageId": fields.get("eid"),
        "userId": fields.get("uid"),
        "anonymousId": fields.get("duid") or session.get("userId") or fields.get("nuid"),
        "timestamp": iso_of_ms(happened),
    }


def _context(fields: Mapping[str, Any], contexts: list[_SelfDescribing]) -> dict[str, Any]:
    rest = {name: value for name, value in fields.items() if name not in _IN_PLACE and name[:3] not in _OWN_PREFIXES}
    if contexts:
        rest["contexts"] = [{"schema": context.schema, "data": context.data} for context in contexts]
    url = fields.get("url")
    tracker, _, version = str(fields.get("tv") or "").partition("-")
    return {
        "sessionId": fields.get("sid") or _client_session(contexts).get("sessionId"),
        "page": page_of(url, fields.get("page"), fields.get("refr")),
        "campaign": campaign_of(url),
        "userAgent": fields.get("ua"),
        "locale": fields.get("lang"),
        "timezone": fields.get("tz"),
        "ip": fields.get("ip"),
        "screen": screen_of(fields.get("res")),
        "app": pruned({"name": fields.get("aid")}),
        "library": pruned({"name": f"snowplow-{tracker}" if tracker else "", "version": version}),
        "snowplow": rest,
    }


_OWN_PREFIXES = ("se_", "pp_", "tr_", "ti_")


def _client_session(contexts: list[_SelfDescribing]) -> dict[str, Any]:
    """Return the session that mobile and Node trackers describe in a context."""
    found = next((context for context in contexts if context.schema.startswith(_CLIENT_SESSION)), None)
    return _fields.decode(found.data) if found else {}


def _data(fields: Mapping[str, Any], plain: str, packed: str) -> bytes:
    """Return the `data` of what is described, as JSON; empty when there is none."""
    if fields.get(plain):
        text = str(fields[plain]).encode()
    elif fields.get(packed):
        text = _unpacked(str(fields[packed]))
    else:
        return b""
    return bytes(_described.decode(text).data)


def _unpacked(text: str) -> bytes:
    plain = text.replace("-", "+").replace("_", "/").replace(" ", "+").rstrip("=")
    return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)


def _schema(uri: str) -> tuple[str, str, str]:
    """Return vendor, name and version of `iglu:vendor/name/format/version`."""
    parts = uri.removeprefix("iglu:").split("/")
    if not uri.startswith("iglu:") or len(parts) != 4:
        message = "its schema is none like iglu:vendor/name/jsonschema/1-0-0"
        raise ValueError(message)
    return parts[0], parts[1], parts[3]


ADAPTER = Adapter("snowplow", (("POST", "/{vendor}/tp2"), ("GET", "/i")), translate, answer)
