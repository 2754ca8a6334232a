"""
The application of `wsgi.py` in ASGI. uvicorn ends its processes with the signal that stopped it, so that nothing runs
at exit; what the framework calls "shutdown" is the place to close the tracker.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any

from trackway import Tracker

EVENT = os.environ["TEST_EVENT"]

tracker = Tracker()
if "TEST_QUIET_IMPORT" not in os.environ:
    tracker.track(f"{EVENT}: loaded", {"number": time.time_ns()}, user_id="server")


async def application(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """Track the event whose number is the query."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await asyncio.to_thread(tracker.close)
        await send({"type": "lifespan.shutdown.complete"})
        return
    number = int(scope["query_string"])
    tracker.track(EVENT, {"number": number}, user_id=f"visitor-{number % 100}")
    body = str(os.getpid()).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})
