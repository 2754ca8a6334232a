"""
Which libraries send, in which versions, and how often they had to try again.

Both are read from what requests carry anyway: the first `context.library` of a body, found without decoding it, and the
header `X-Retry-Count` that Segment's newer libraries send.
"""

from __future__ import annotations

import re

from aiohttp import web

from trackway_collector.metrics import Snapshots
from trackway_collector.outcomes import IngestCounters

MAX_LIBRARIES = 200
"""Names and versions that are counted apart; a label must not have as many values as a client can think of."""
MAX_RETRIES = 10
"""More are counted as so many."""
LOOKED_AT_BYTES = 4 * 1024
PIECE_BYTES = 80
"""So many bytes from `"library"` on are looked up before they are read: clients send the same with each request."""
REMEMBERED = 1_000
OTHER = ("other", "")

_LIBRARY = re.compile(
    rb'"library"\s*:\s*\{\s*"name"\s*:\s*"([\w@/. -]{1,60})"\s*(?:,\s*"version"\s*:\s*"([\w.+ -]{1,30})")?'
)
FAMILY = "trackway_client_requests"

_remembered: dict[bytes, tuple[str, str]] = {}


def go_on_with(counters: IngestCounters, snapshots: Snapshots) -> None:
    """Know the libraries that were counted before a restart: the most is for all lives of a worker together."""
    for name, version in snapshots.known_labels(FAMILY):
        counters.libraries[name, version] += 0


def count_client(counters: IngestCounters, request: web.Request, body: bytes) -> None:
    """Count who sent a stored request, and the how manieth try it was."""
    start = body.find(b'"library', 0, LOOKED_AT_BYTES)
    if start >= 0 and (library := _library(body, start)) is not None:
        libraries = counters.libraries
        if library not in libraries and len(libraries) >= MAX_LIBRARIES:
            library = OTHER
        libraries[library] += 1
    retries = request.headers.get("X-Retry-Count")
    if retries is not None and retries.isascii() and retries.isdigit():
        counters.retries[min(int(retries[:4]), MAX_RETRIES)] += 1


def _library(body: bytes, start: int) -> tuple[str, str] | None:
    """Return the name and version that stand at `start`."""
    piece = body[start : start + PIECE_BYTES]
    library = _remembered.get(piece)
    if library is not None:
        return library
    found = _LIBRARY.match(body, start)
    if found is None:
        return None
    library = found[1].decode("ascii", "replace"), (found[2] or b"").decode("ascii", "replace")
    if found[2] is not None and found.end() <= start + len(piece):  # nothing behind the piece has a say in it
        if len(_remembered) >= REMEMBERED:
            _remembered.clear()
        _remembered[piece] = library
    return library
