"""
What lets a browser on another origin send events and read the answers.

Stock browser clients send `Authorization` and `X-Retry-Count`, and some proxies and tracing libraries add headers of
their own, so every browser asks first (preflight) and is granted whatever headers it names. Answers carry their CORS
headers from one place, the signal `answer`, so that errors, aiohttp's own included, can be read by the page, too: a
browser that cannot read a 429 would take it for a broken network and send again at once. So can a page that a key is
not for (`Grant.origins`) read its 403, and stop.

Credentials are allowed where a source sets the first-party cookie, and to Snowplow's tracker, which insists on them. No
cookie gives anybody a right here, so a foreign page gains nothing by sending it.
"""

from __future__ import annotations

from aiohttp import web

from trackway_collector.ingest.requests import INGEST

METHODS = "GET, HEAD, POST, OPTIONS"
MAX_AGE_S = 86_400
EXPOSED = "Retry-After, X-RateLimit-Reset, X-Request-Id"
VARY_PREFLIGHT = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"


async def preflight(request: web.Request) -> web.Response:
    """Answer OPTIONS: any method the API has, and exactly the headers that were asked for."""
    headers = {"Allow": METHODS}
    asked = request.headers
    if "Origin" in asked and "Access-Control-Request-Method" in asked:
        headers["Vary"] = VARY_PREFLIGHT
        headers["Access-Control-Allow-Methods"] = METHODS
        headers["Access-Control-Max-Age"] = str(MAX_AGE_S)
        if wanted := asked.get("Access-Control-Request-Headers"):
            headers["Access-Control-Allow-Headers"] = wanted
        if asked.get("Access-Control-Request-Private-Network") == "true":
            # A page of the Internet that sends to a collector on the local network, as in development.
            headers["Access-Control-Allow-Private-Network"] = "true"
    return web.Response(status=200, headers=headers)


async def answer(request: web.Request, response: web.StreamResponse) -> None:
    """Put CORS headers on an answer that goes to a browser; a signal of aiohttp, for every answer there is."""
    origin = request.headers.get("Origin")
    if origin is None:
        return
    headers = response.headers
    headers.setdefault("Vary", "Origin")
    headers["Access-Control-Allow-Origin"] = origin
    headers["Access-Control-Expose-Headers"] = EXPOSED
    if _with_credentials(request):
        headers["Access-Control-Allow-Credentials"] = "true"


def _with_credentials(request: web.Request) -> bool:
    # A preflight names no key, so the answer is the same for all sources.
    return request.app[INGEST].in_force.policies.sets_cookies or request.path.endswith("/tp2")
