"""
What is done for every request, whatever it asks for: the bytes it holds given back, its time counted, an id.

`X-Request-Id` is taken over from the client when it is a sane one, made otherwise, and stands in the answer, in the
body of an error, and in the log. A plain 200 to a client that sent none does without (`PlainAnswer`): nothing is said
of it anywhere, so no id is made for it either.

No middleware: in aiohttp even a single one costs two coroutines and a tenth of a small request.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from trackway_collector.ingest.requests import INGEST, Ingest
from trackway_collector.ingest.serving.request_keys import HEADER, HELD, id_of

Handler = Callable[..., Awaitable[web.StreamResponse]]


def operated(ingest: Ingest, handler: Handler, *known: Any) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Return the handler of a route that takes events; `known` is handed to it behind the request."""

    async def handle(request: web.Request) -> web.StreamResponse:
        started = time.perf_counter()
        try:
            response = await handler(request, *known)
        finally:
            held = request.get(HELD)
            if held is not None:
                held.release()
        if held is not None and response.status == 200:
            ingest.counters.ack_seconds.observe(time.perf_counter() - started)
        return response

    return handle


async def answer(request: web.Request, response: web.StreamResponse) -> None:
    """Put the request's id on its answer; a signal of aiohttp, for all answers but the plain one."""
    response.headers[HEADER] = id_of(request)
    if request.app[INGEST].stopping:
        response.force_close()  # the client's next request should go to a worker that stays
        response.headers["Connection"] = "close"
