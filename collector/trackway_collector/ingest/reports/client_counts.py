"""
Which libraries send, in which versions, and how often they had to try again.

Both are read from what requests carry anyway: the first `context.library` of a body, found without decoding it, and the
header `X-Retry-Count` that Segment's newer libraries send.
"""

from __future__ import annotations

import re
from collections import Counter

from aiohttp import web

from trackway_collector.outcomes import IngestCounters

MAX_LIBRARIES = 200
"""Names and versions that are counted apart; a label must not have as many values as a client can think of."""
MAX_RETRIES = 10
"""More are counted as so many."""
LOOKED_AT_BYTES = 4 * 1024
OTHER = ("other", "")

_LIBRARY = re.compile(
    rb'"library"\s*:\s*\{\s*"name"\s*:\s*"([\w@/. -]{1,60})"\s*(?:,\s*"version"\s*:\s*"([\w.+ -]{1,30})")?'
)


def count_client(counters: IngestCounters, request: web.Request, body: bytes) -> None:
    """Count who sent a stored request, and the how manieth try it was."""
    start = body.find(b'"library', 0, LOOKED_AT_BYTES)
    found = _LIBRARY.match(body, start) if start >= 0 else None
    if found is not None:
        library = found[1].decode("ascii", "replace"), (found[2] or b"").decode("ascii", "replace")
        _count_known(counters.libraries, library)
    retries = request.headers.get("X-Retry-Count")
    if retries is not None and retries.isascii() and retries.isdigit():
        counters.retries[min(int(retries[:4]), MAX_RETRIES)] += 1


def _count_known(libraries: Counter[tuple[str, str]], library: tuple[str, str]) -> None:
    if library not in libraries and len(libraries) >= MAX_LIBRARIES:
        library = OTHER
    libraries[library] += 1
