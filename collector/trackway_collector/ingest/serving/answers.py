"""
Answers: the bytes of a success, and how a refusal is told.

An answer other than 200 means that nothing of the request was stored; its body is JSON with `code` and `message`,
because stock clients read them.
"""

from __future__ import annotations

import random
from http import HTTPStatus

import msgspec
from aiohttp import web

from trackway_collector.errors import RequestRefused, SpoolFull
from trackway_collector.ingest.serving.request_keys import id_of

STORED = b'{"success":true}'
JSON = {"Content-Type": "application/json"}
RETRY_AFTER_S = 5
_KEY = 'Basic realm="write key"'
_CHALLENGES = {
    "unknown_write_key": _KEY,
    "expired_write_key": _KEY,
    "revoked_write_key": _KEY,
    "metrics_token": 'Bearer realm="metrics"',
}
"""What a 401 asks for; nothing for a webhook, whose signature no challenge brings."""


def refused(refusal: RequestRefused, request: web.Request) -> web.Response:
    """Return the answer to a refused request."""
    headers = dict(JSON)
    if refusal.retry_after_s is not None:
        headers["Retry-After"] = headers["X-RateLimit-Reset"] = str(refusal.retry_after_s)
    # Not to pages: at a challenge, a browser would ask the person in front of it for a password.
    challenge = _CHALLENGES.get(refusal.code) if refusal.status == HTTPStatus.UNAUTHORIZED else None
    if challenge is not None and "Origin" not in request.headers:
        headers["WWW-Authenticate"] = challenge
    body = error_body(refusal.code, refusal.message, id_of(request))
    return web.Response(status=refusal.status, body=body, headers=headers)


def error_body(code: str, message: str, request_id: str = "") -> bytes:
    """Return the body of an error as the wire format has it; what is no whole request has no id."""
    answer = {"success": False, "code": code, "message": message, "error": message}
    return msgspec.json.encode(answer | {"requestId": request_id} if request_id else answer)


def not_stored(error: Exception) -> RequestRefused:
    """Return the refusal of a request that the spool did not take; clients come back spread over some seconds."""
    retry_after_s = random.randint(RETRY_AFTER_S, 2 * RETRY_AFTER_S)  # noqa: S311
    if isinstance(error, SpoolFull):
        message = f"Not stored, send again later: {error}."
        return RequestRefused(503, "spool_full", message, retry_after_s=retry_after_s)
    message = "Not stored, send again later: the collector cannot write to its disk or is stopping."
    return RequestRefused(503, "spool_unavailable", message, retry_after_s=retry_after_s)


def route_of(request: web.Request) -> str:
    """Return the pattern of the path that a request took; not the path itself, in which a write key may stand."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "an unknown path"


def code_of(violation: str) -> str:
    """Return the code of a violation, `code` or `code /path`."""
    return violation.partition(" ")[0]
