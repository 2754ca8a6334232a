"""
A WSGI application as people write it: one tracker made at import, one event per request, nothing about shutting down.

`GET /?7` tracks the event 7 and answers with the number of the process that did. The events' name is `$TEST_EVENT`, so
that every run has its own. The import itself tracks one as well (unless `$TEST_QUIET_IMPORT`): under preload that makes
the master a process with events and a sending thread, which is then forked.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from typing import Any

from trackway import Tracker

EVENT = os.environ["TEST_EVENT"]

tracker = Tracker()
if "TEST_QUIET_IMPORT" not in os.environ:
    tracker.track(f"{EVENT}: loaded", {"number": time.time_ns()}, user_id="server")


def application(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    """Track the event whose number is the query; `/hang` never answers."""
    if environ["PATH_INFO"] == "/hang":
        time.sleep(3600)
    number = int(environ["QUERY_STRING"])
    tracker.track(EVENT, {"number": number}, user_id=f"visitor-{number % 100}")
    body = str(os.getpid()).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
