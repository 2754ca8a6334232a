"""
What browsers and apps ask for before they send anything: `GET /v1/projects/KEY/settings`.

The answer makes Segment's `@segment/analytics-next` (and its Kotlin and Swift libraries) send to this collector with
the key it was started with. `integrations` holds `Segment.io` alone: with any other name in it, the browser library
loads code for integrations from elsewhere.
"""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web

from trackway_collector.errors import RequestRefused
from trackway_collector.ingest.requests import INGEST

MAX_AGE_S = 60
_ALL = {"__default": {"enabled": True}}


async def settings(request: web.Request) -> web.Response:
    """
    Answer with the settings for a key; 404 for one that is unknown, which the browser library writes to its console.

    403 for a page that the key is not for.
    """
    ingest = request.app[INGEST]
    key = request.match_info["key"]
    try:
        ingest.granted(request, ingest.in_force, ingest.in_force.keys.of_key(key), 0)
    except RequestRefused as refusal:
        return ingest.refuse(no_settings(refusal), request)
    destination = {
        "apiKey": key,
        "apiHost": f"{request.host}/v1",
        "versionSettings": {"version": "4.4.7", "componentTypes": ["browser"]},
    }
    if _is_plain_http(request):
        destination["protocol"] = "http"
    page = {
        "integrations": {"Segment.io": destination},
        "plan": {"track": _ALL, "identify": _ALL, "group": _ALL},
        "metrics": {"sampleRate": 0},
        "analyticsNextEnabled": True,
    }
    return web.json_response(page, headers={"Cache-Control": f"private, max-age={MAX_AGE_S}", "Vary": "Origin"})


def no_settings(refusal: RequestRefused) -> RequestRefused:
    """Return a refusal as libraries take it that ask for settings: never 401, at which a browser may ask people."""
    if refusal.status == HTTPStatus.UNAUTHORIZED:
        return RequestRefused(404, "unknown_write_key", refusal.message)
    return refusal


def _is_plain_http(request: web.Request) -> bool:
    """
    Say whether the page speaks plain HTTP to the collector; the library takes HTTPS unless told.

    Behind a proxy that ends TLS every request comes in plain. So HTTP is said only where the page itself is plain, and
    no proxy says otherwise.
    """
    page = request.headers.get("Origin") or request.headers.get("Referer") or ""
    forwarded = request.headers.get("X-Forwarded-Proto", "http")
    return request.scheme == "http" and forwarded == "http" and page.startswith("http://")
