"""What a request carries through the collector beside what the client sent."""

from __future__ import annotations

import itertools
import re
import secrets

from aiohttp import web

from trackway_collector.ingest.room.admission import Held

HELD = web.RequestKey("held", Held)
"""What it has in hand, see `admission`; requests for events only."""
HEADER = "X-Request-Id"

_ID = web.RequestKey("id", str)
_SANE = re.compile(r"[A-Za-z0-9._-]{8,64}")
_prefix = secrets.token_hex(5)
_numbers = itertools.count(1)


def id_of(request: web.BaseRequest) -> str:
    """Return the request's id, always the same one; safe to be written anywhere."""
    request_id = request.get(_ID)
    if request_id is None:
        given = request.headers.get(HEADER)
        is_sane = given is not None and _SANE.fullmatch(given)
        request[_ID] = request_id = given if given is not None and is_sane else f"{_prefix}-{next(_numbers):x}"
    return request_id
