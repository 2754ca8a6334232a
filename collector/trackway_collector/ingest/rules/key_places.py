"""
Where a request carries its write key.

In this order: the user name of Basic auth, with or without a colon behind it; the header `X-Write-Key`; the query's
`writeKey`; `writeKey` in the body. The first that is there decides: a wrong key in the header is not mended by a right
one in the body. A Bearer token is none of our business (Segment's OAuth): the key is in the body then.
"""

from __future__ import annotations

from aiohttp import web

from trackway_collector.ingest.rules.keys import Grant, Keys


def grant_of(keys: Keys, request: web.Request) -> Grant | None:
    """
    Return what a request's headers or query grant, or None when the key can only be in the body.

    Raises:
        RequestRefused: 401, there is a key and it is unknown.
    """
    authorization = request.headers.get("Authorization")
    if authorization is not None and not _is_bearer(authorization):
        return keys.of_header(authorization)
    key = request.headers.get("X-Write-Key") or (request.query.get("writeKey") if request.query_string else None)
    return keys.of_key(key) if key else None


def _is_bearer(authorization: str) -> bool:
    return authorization[:7].lower() == "bearer "
