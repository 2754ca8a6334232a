"""
What is done for every request, whatever it asks for: an id, the bytes it holds given back, its time counted.

`X-Request-Id` is taken over from the client when it is a sane one, made otherwise, and stands in the answer, in the
body of an error, and in the log.
"""

from __future__ import annotations

import itertools
import re
import secrets
import time
from collections.abc import Awaitable, Callable

from aiohttp import web

from trackway_collector.ingest.requests import INGEST
from trackway_collector.ingest.serving.plain_answer import PlainAnswer
from trackway_collector.ingest.serving.request_keys import HELD, REQUEST_ID

HEADER = "X-Request-Id"
_SANE = re.compile(r"[A-Za-z0-9._-]{8,64}")
_prefix = secrets.token_hex(5)
_numbers = itertools.count(1)


@web.middleware
async def operated(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Handle a request."""
    started = time.perf_counter()
    ingest = request.app[INGEST]
    given = request.headers.get(HEADER)
    request[REQUEST_ID] = request_id = (
        given if given is not None and _SANE.fullmatch(given) else f"{_prefix}-{next(_numbers):x}"
    )
    try:
        response = await handler(request)
    finally:
        held = request.get(HELD)
        if held is not None:
            held.release()
    if held is not None and response.status == 200:
        ingest.counters.ack_seconds.observe(time.perf_counter() - started)
    if isinstance(response, PlainAnswer):  # shared by all requests, and writes the id itself
        return response
    response.headers[HEADER] = request_id
    if ingest.stopping:
        response.force_close()  # the client's next request should go to a worker that stays
    return response
