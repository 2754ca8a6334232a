"""
The pixel: `GET /v1/pixel/track?…`, an event as the address of a picture, for e-mails and pages without script.

The event is the query's `data`, JSON in base64 (plain or URL-safe, with or without padding), or the query itself, where
`properties.subject=Hi` means `{"properties": {"subject": "Hi"}}` and every value is text. The write key is `writeKey`.

The answer is always 200 and a transparent GIF of one pixel, because anything else is a broken picture in somebody's
e-mail. An event that was not stored is counted by status and code in `/metrics`, as if the answer had said so.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web

from trackway_collector.errors import RequestRefused
from trackway_collector.ingest.requests import INGEST, Ingest, Taken
from trackway_collector.ingest.routes import Lane
from trackway_collector.ingest.rules.key_places import grant_of
from trackway_collector.ingest.verdicts.decode import write_key_of
from trackway_collector.ingest.verdicts.judge import CALLS

GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
MAX_NESTING = 10
_HEADERS = {"Content-Type": "image/gif", "Cache-Control": "no-store, no-cache, private", "Expires": "0"}


def picture() -> web.Response:
    """Return the answer with the picture."""
    return web.Response(body=GIF, headers=_HEADERS)


async def pixel(request: web.Request) -> web.Response:
    """Store the event of the query; answer with the picture whatever happened."""
    ingest = request.app[INGEST]
    try:
        return ingest.respond(request, await _take(ingest, request), picture())
    except RequestRefused as refusal:
        ingest.refuse(refusal, request)
    except Exception:
        ingest.fail(request)
    return picture()


async def _take(ingest: Ingest, request: web.Request) -> Taken:
    call = request.match_info["call"]
    if call not in CALLS:
        raise RequestRefused(404, "unknown_path", "The pixel's path ends with the name of a call, as `track`.")
    data = request.query.get("data")
    body = decode_base64(data) if data else msgspec.json.encode(nested(request.query))
    in_force = ingest.in_force
    grant = grant_of(in_force.keys, request) or in_force.keys.of_key(write_key_of(body))
    ingest.granted(request, in_force, grant, len(body))
    return await ingest.take(request, in_force, grant, body, call, Lane.LIVE)


def decode_base64(text: str) -> bytes:
    """
    Return the bytes of base64, plain or URL-safe, with or without padding; a space stands for a `+` lost on the way.

    Raises:
        RequestRefused: 400, it is none.
    """
    plain = text.replace(" ", "+").replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except ValueError as error:
        raise RequestRefused(400, "malformed_json", "`data` is no base64.") from error


def nested(query: Mapping[str, str]) -> dict[str, Any]:
    """Return a query's parameters as an object, taken apart at the dots; without the write key."""
    event: dict[str, Any] = {}
    for name, value in query.items():
        *path, last = name.split(".", MAX_NESTING)
        holder: Any = event
        for part in path:
            holder = holder.setdefault(part, {})
            if not isinstance(holder, dict):
                break
        else:
            holder[last] = value
    event.pop("writeKey", None)
    return event
