"""
Matomo's trackers (and Piwik's, as it was called).

Wire facts:
* `GET` or `POST /matomo.php` (`/piwik.php`) with one hit as query or form; or POST of JSON
  `{"requests": ["?idsite=1&…", …]}`, also with objects in the place of texts. Every value is text.
* `idsite` the site, `rec=1`, `_id` the visitor (16 hex digits), `uid` the user, `url`, `urlref`, `action_name` the
  page's title; `e_c`, `e_a`, `e_n`, `e_v` an event; `search`, `search_cat`, `search_count`; `download`, `link`;
  `idgoal`, `revenue`, `ec_…` a goal or an order; `ping=1` a sign of life; `res`, `lang`, `ua`, `cip`; `cdt` the time,
  if it is not now; `rand` a number that makes each request different; `dimensionN`.
* A tracker sends no key. It says its site: `[sources.NAME]` lists it as `foreign_ids = ["matomo:IDSITE"]`.
  `token_auth` is Matomo's own secret and is not kept.
* A hit is answered with a picture, or with an empty 200 when it asks `send_image=0`; a bulk request with JSON.

What becomes of it: a page view → page; an event → track called by its action `e_a`, with category, name and value as
properties; `search`, `download` and `link` → track `search`, `download`, `outlink`; a goal → `goal`, an order
(`ec_id`) → `order`; `ping=1` → `ping`. What has no place in our `context` is in `context.matomo`. A hit has no id:
where it has a `rand`, the whole hit's digest is its `messageId`, so that the same hit sent again counts once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
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
    digest,
    iso_of_us,
    malformed,
    number,
    page_of,
    pruned,
    screen_of,
    untranslatable,
)
from trackway_collector.ingest.pages.pixel import picture
from trackway_collector.ingest.requests import Taken
from trackway_collector.ingest.serving.answers import JSON

_IN_PLACE = frozenset(
    {"idsite", "rec", "_id", "cid", "uid", "url", "urlref", "action_name", "res", "lang", "ua", "cip", "cdt", "rand"}
    | {"token_auth", "send_image", "apiv", "r", "h", "m", "s", "writeKey", "e_c", "e_a", "e_n", "e_v", "ping"}
    | {"search", "search_cat", "search_count", "download", "link", "idgoal", "revenue", "ca", "bots", "queuedtracking"}
)


class _Bulk(msgspec.Struct, gc=False):
    requests: list[msgspec.Raw]


_requests = msgspec.json.Decoder(_Bulk)
_hit = msgspec.json.Decoder(str | dict[str, str | int | float | bool | None])
_UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)


def translate(request: web.Request, body: bytes) -> Translated:
    """Return the hits of a request, one or many."""
    if body.lstrip()[:1] == b"{":
        hits = _bulk(body)
    else:
        form = _fields(body.decode("utf-8", "replace")) if body else {}
        hits = [msgspec.Raw(msgspec.json.encode(dict(request.query) | form))]
    events: list[Event] = []
    site = ""
    for raw in hits:
        try:
            hit = _hit.decode(raw)
            fields = _fields(hit) if isinstance(hit, str) else {name: _text(value) for name, value in hit.items()}
            site = site or fields.get("idsite", "")
            events.append(_translated(fields))
        except _UNREADABLE as error:
            events.append(untranslatable("matomo", error, raw))
    return Translated(events, foreign_id=f"matomo:{site}" if site else "")


def answer(request: web.Request, taken: Taken) -> web.Response:
    """Return a picture; to a POST, which no picture makes, what Matomo says to bulk requests."""
    if request.method == "GET" and request.query.get("send_image") != "0":
        return picture()
    return web.Response(body=msgspec.json.encode(_tracked(taken)), headers=JSON)


def _tracked(taken: Taken) -> dict[str, Any]:
    return {"status": "success", "tracked": taken.record.events, "invalid": 0}


def _bulk(body: bytes) -> list[msgspec.Raw]:
    try:
        return _requests.decode(body).requests
    except msgspec.ValidationError as error:
        message = f'A bulk request is an object {{"requests": ["?idsite=…", …]}}: {error}.'
        raise RequestRefused(400, "bad_batch", message) from error
    except _UNREADABLE as error:
        raise malformed(error) from error


def _text(value: str | int | float | bool | None) -> str:
    return "" if value is None else str(value)


def _fields(query: str) -> dict[str, str]:
    return dict(parse_qsl(query.lstrip("?"), keep_blank_values=True, max_num_fields=MAX_FIELDS))


def _translated(hit: Mapping[str, str]) -> dict[str, Any]:
    """
    Return the event of a hit.

    Raises:
        ValueError: nothing in it says what happened.
    """
    identified = {"userId": hit.get("uid"), "anonymousId": hit.get("_id") or hit.get("cid")}
    message_id = digest("matomo", repr(sorted(hit.items())).encode()) if hit.get("rand") else None
    moment = {"messageId": message_id, "timestamp": _time(hit.get("cdt"))}
    return pruned(_call(hit) | identified | moment | {"context": _context(hit)})


def _call(hit: Mapping[str, str]) -> dict[str, Any]:
    if hit.get("e_a") or hit.get("e_c"):
        named = {"category": hit.get("e_c"), "name": hit.get("e_n"), "value": _number(hit.get("e_v"))}
        return _track(hit.get("e_a") or hit["e_c"], named)
    if "search" in hit:
        found = {
            "keyword": hit["search"],
            "category": hit.get("search_cat"),
            "results": _number(hit.get("search_count")),
        }
        return _track("search", found)
    for name, event in ("download", "download"), ("link", "outlink"):
        if hit.get(name):
            return _track(event, {"url": hit[name]})
    if "idgoal" in hit:
        is_order = hit["idgoal"] == "0" and hit.get("ec_id")
        about = {"goal": hit["idgoal"], "revenue": _number(hit.get("revenue"))}
        order = {name[3:]: value for name, value in hit.items() if name[:3] == "ec_"}
        return _track("order" if is_order else "goal", about | order)
    if hit.get("ping") == "1":
        return _track("ping", {})
    if hit.get("url") or hit.get("action_name"):
        return {"type": "page", "name": hit.get("action_name")}
    message = "it has neither `url` nor `action_name`, and no event"
    raise ValueError(message)


def _track(event: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "track", "event": event, "properties": pruned(properties)}


def _context(hit: Mapping[str, str]) -> dict[str, Any]:
    url = hit.get("url")
    rest = {name: value for name, value in hit.items() if name not in _IN_PLACE and name[:3] != "ec_"}
    return pruned(
        {
            "page": page_of(url, hit.get("action_name"), hit.get("urlref")),
            "campaign": campaign_of(url),
            "screen": screen_of(hit.get("res")),
            "locale": hit.get("lang"),
            "userAgent": hit.get("ua"),
            "ip": hit.get("cip"),
            "library": {"name": "matomo"},
            "matomo": pruned(rest),
        }
    )


def _time(text: str | None) -> str | None:
    """Return the time of `cdt`, seconds since 1970 or `2026-05-01 10:00:00` in UTC."""
    if not text:
        return None
    if text.isdecimal():
        return iso_of_us(int(text) * 1_000_000)
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).isoformat()
    except ValueError:
        return text  # the judge says what is wrong with it


def _number(text: str | None) -> Any:
    return None if text is None else number(text)


ADAPTER = Adapter(
    "matomo",
    tuple((method, path) for path in ("/matomo.php", "/piwik.php") for method in ("GET", "POST")),
    translate,
    answer,
)
