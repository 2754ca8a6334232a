"""
What knowing the ids of seven days costs the loader: 20 million random ids in the window, chunk after chunk of new ones.

The cost is the processor time of all that is done for duplicates, hashing included, for each event. It is held against
the processor time of loading an event, the engine's included, so that what else the machine does distorts neither side.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.benchmarks import load
from tests.benchmarks.table import Row, print_table
from trackway_collector.loader.dedup import KEY_BYTES, WINDOW_DAYS, SeenKeys, dedup_key
from trackway_collector.loader.loop import MAX_CHUNK_EVENTS
from trackway_collector.loader.starting import remember_day
from trackway_collector.warehouse import migrate, open_warehouse

IDS = 20_000_000
CHUNKS = 20
SQL = Path(__file__).with_name("day_of_ids.sql")
_DAY_US = 86_400 * 1_000_000


def run(ids: int = IDS, events: int = 300_000, rounds: int = 3) -> list[Row]:
    """Return the rows: cost of an event, memory, and the time to read the window back."""
    load_us, wall_us = load.cost(events, rounds)
    seen, before = SeenKeys(), _resident_mib()
    for number in range(ids // MAX_CHUNK_EVENTS):
        day = number * MAX_CHUNK_EVENTS * (WINDOW_DAYS + 1) // ids
        seen.add(_random_keys(MAX_CHUNK_EVENTS), day * _DAY_US)
    memory = _resident_mib() - before
    seconds = statistics.median(_chunk(seen) for _ in range(CHUNKS))
    an_event_us = seconds / MAX_CHUNK_EVENTS * 1e6
    note = f"{len(seen):,} random ids in the window; theirs: loading an event, engine included; both processor time;"
    note += f" {an_event_us / wall_us:.0%} of the wall clock of loading"
    cost = Row("duplicates, cost of an event", an_event_us, load_us, an_event_us / load_us, "≤ 0.1", "µs", note)
    note = f"{seen.nbytes / 2**20:,.0f} MiB of arrays; theirs: the target"
    return [
        cost,
        Row("duplicates, memory", memory, 1024, memory / 1024, "≤ 1", "MiB", note),
        _reading_back(ids // 10),
    ]


def _chunk(seen: SeenKeys) -> float:
    """Return the seconds of processor time that one chunk of new ids takes."""
    ids = [str(uuid.uuid4()) for _ in range(MAX_CHUNK_EVENTS)]
    started = time.process_time()
    keys = [dedup_key("bench", message_id) for message_id in ids]
    fresh: dict[bytes, str] = {}
    for key, message_id, was_seen in zip(keys, ids, seen.seen(keys), strict=True):
        if not was_seen:
            fresh.setdefault(key, message_id)
    seen.add(fresh, WINDOW_DAYS * _DAY_US)
    return time.process_time() - started


def _random_keys(number: int) -> list[bytes]:
    data = os.urandom(number * KEY_BYTES)
    return [data[at : at + KEY_BYTES] for at in range(0, len(data), KEY_BYTES)]


def _reading_back(ids: int) -> Row:
    """How fast a starting store process reads a day's ids from the warehouse, embedded engine."""
    with tempfile.TemporaryDirectory() as tmp:
        warehouse = open_warehouse(f"chdb://{Path(tmp) / 'chdb'}", owner=True)
        warehouse.create_database()
        migrate(warehouse)
        day = datetime.now(UTC).date() - timedelta(days=1)
        warehouse.command(SQL.read_text(), {"day": day, "ids": ids})
        seen, started = SeenKeys(), time.perf_counter()
        remember_day(warehouse, seen, day)
        seconds = time.perf_counter() - started
        warehouse.close()
    assert len(seen) == ids, f"{len(seen)} of {ids}"
    note = f"{ids:,} ids in {seconds:.1f} s; theirs: 20 million in a minute, ours to beat"
    return Row(
        "duplicates, reading the window", ids / seconds, IDS / 60, ids / seconds / (IDS / 60), "≥ 1", "ids/s", note
    )


def _resident_mib() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    print_table(run())
