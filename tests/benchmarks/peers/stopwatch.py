"""
A program that uses one client and is told what to do: `python -m tests.benchmarks.peers.stopwatch CLIENT HOST DIR`.

It reads one JSON command a line and answers with one line. Between commands it waits in a read, so whatever it does
then is the client's doing.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.benchmarks.peers import clients

WARM_UP_S = 2.0
"""By then each has tried to send, and has imported what it needs for that."""


def burst(client: clients.Client, calls: int) -> dict[str, Any]:
    """Time each of some calls in a row, in nanoseconds; then flush, untimed."""
    clock = time.perf_counter_ns
    track = client.track
    times = []
    for number in range(calls):
        start = clock()
        track(number)
        times.append(clock() - start)
    client.flush()
    return {"ns": times}


def send(client: clients.Client, calls: int) -> dict[str, Any]:
    """Track and flush; say when it began. When the last event arrived, the counter knows."""
    started_at = time.monotonic()
    for number in range(calls):
        client.track(number)
    client.flush()
    return {"started_at": started_at}


def pile_up(client: clients.Client, calls: int) -> dict[str, Any]:
    """Return the bytes that `calls` events take while they cannot leave: traced, or of resident memory."""
    for number in range(100):
        client.track(number)
    time.sleep(WARM_UP_S)
    gc.collect()
    traced = tracemalloc.is_tracing()
    before = tracemalloc.get_traced_memory()[0] if traced else _resident()
    for number in range(calls):
        client.track(number)
    gc.collect()
    after = tracemalloc.get_traced_memory()[0] if traced else _resident()
    return {"bytes": after - before}


def trace(client: clients.Client, calls: int) -> dict[str, Any]:
    """Trace allocations from here on."""
    tracemalloc.start()
    return {}


def _resident() -> int:
    """Return the resident memory in bytes; where there is no /proc, the highest it has been."""
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


COMMANDS: dict[str, Callable[[clients.Client, int], dict[str, Any]]] = {
    "burst": burst,
    "send": send,
    "trace": trace,
    "pile_up": pile_up,
}


if __name__ == "__main__":
    made = clients.make(*sys.argv[1:4])
    print("{}", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(COMMANDS[asked["do"]](made, asked["calls"])), flush=True)
    os._exit(0)  # the timings are done; nobody waits for queues
