"""
Which sort key the events table should have: size, load and the four questions, on generated events.

    python tests/benchmarks/sort_key.py --rows 3000000

Persons are skewed (a few send much), 20 event names too (a few are frequent), over 90 days. Each layout gets
the same rows through the same columns as migration 0001; each question runs five times, and the median
counts. A question on rare events reads steps that make up about 2 % of the rows, one on frequent events about
half of them.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time

from trackway_collector.warehouse import WarehouseUrl
from trackway_collector.warehouse.embedded import EmbeddedWarehouse
from trackway_collector.warehouse.migrate import bundled, migrate

EVENT_FIRST = "ORDER BY (event, toDate(timestamp), person_id, timestamp, message_id)"
LAYOUTS = {
    "event, day, person, time": (EVENT_FIRST, ""),
    "person, time, event": ("ORDER BY (person_id, timestamp, event, message_id)", ""),
    "event, day, person, time + projection by person": (
        EVENT_FIRST,
        "ALTER TABLE events ADD PROJECTION by_person"
        " (SELECT person_id, timestamp, event, message_id, session_id ORDER BY person_id, timestamp)",
    ),
}

# One person in `rows / 40`, skewed by the square of a uniform number; event n has about 2^-(n/3) of the
# weight.
ROWS = """
INSERT INTO events (source, type, event, message_id, person_id, user_id, session_id, timestamp, received_at,
    plan_rev, verdict, library_name, page_path, device_type, properties, spool, segment, offset)
SELECT 'web', 'track',
    concat('Event ', toString(least(19, toUInt8(-4.3 * log((rand(1) + 1) / 4294967297.0))))) AS event,
    toString(generateUUIDv7(number)) AS message_id,
    concat('user_', leftPad(toString(toUInt64(pow(rand(2) / 4294967296.0, 2) * {rows:UInt64} / 40)), 8, '0'))
        AS person,
    person, concat(person, '-', toString(intDiv(number, {rows:UInt64} / 30))),
    toDateTime64('2026-01-01 00:00:00', 6, 'UTC')
        + toIntervalMicrosecond(toUInt64(number * (90. * 86400e6 / {rows:UInt64})) + rand(3) % 60000000)
        AS at,
    at, 3, 'ok', 'trackway-python', concat('/p/', toString(rand(4) % 200)), 'phone',
    CAST(map('price', toString(rand(5) % 10000)), 'JSON'), 'worker-1', intDiv(number, 500000), number % 500000
FROM numbers({first:UInt64}, {count:UInt64})
"""

_FUNNEL = """
SELECT level, count() FROM (
    SELECT person_id, windowFunnel(604800000, 'strict_once')(
        toUInt64(toUnixTimestamp64Milli(timestamp)), event = {a:String},
        event = {b:String}, event = {c:String}) AS level
    FROM events WHERE event IN ({a:String}, {b:String}, {c:String}) GROUP BY person_id
) GROUP BY level
"""
_RETENTION = """
SELECT first, dateDiff('week', first, day) AS week, uniqExact(person_id) FROM (
    SELECT person_id, toDate(timestamp) AS day, min(toDate(timestamp)) OVER (PARTITION BY person_id) AS first
    FROM events WHERE event = {a:String} GROUP BY person_id, day
) GROUP BY first, week
"""
_PATHS = """
SELECT path, count() FROM (
    SELECT arraySlice(arrayMap(x -> x.2, arraySort(groupArray((timestamp, event)))), 1, 4) AS path
    FROM events GROUP BY person_id
) GROUP BY path ORDER BY count() DESC LIMIT 20
"""
_ATTRIBUTION = """
SELECT argMin(page_path, timestamp) AS first_touch, count() FROM (
    SELECT person_id, page_path, timestamp FROM events
    WHERE event = {a:String} AND person_id IN (SELECT person_id FROM events WHERE event = {b:String})
) GROUP BY person_id
"""
_PERSON = "SELECT timestamp, event FROM events WHERE person_id = {p:String} ORDER BY timestamp"
RARE = {"a": "Event 12", "b": "Event 14", "c": "Event 16"}
FREQUENT = {"a": "Event 0", "b": "Event 1", "c": "Event 2"}
QUESTIONS = {
    "funnel, rare events": (_FUNNEL, RARE),
    "funnel, frequent events": (_FUNNEL, FREQUENT),
    "retention, rare event": (_RETENTION, RARE),
    "retention, frequent event": (_RETENTION, FREQUENT),
    "paths, all events": (_PATHS, {}),
    "attribution, rare events": (_ATTRIBUTION, RARE),
    "one person's events": (_PERSON, {"p": "user_00000100"}),
}


def main() -> None:
    """Print one Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=3_000_000)
    rows = parser.parse_args().rows
    measured = {name: measure(name, rows, *layout) for name, layout in LAYOUTS.items()}
    print(f"{rows:,} events; seconds unless said otherwise\n")
    print("| | " + " | ".join(measured) + " |")
    print("|---" * (len(measured) + 1) + "|")
    for line in next(iter(measured.values())):
        print(f"| {line} | " + " | ".join(f"{figures[line]:.3g}" for figures in measured.values()) + " |")


def measure(name: str, rows: int, order_by: str, projection: str) -> dict[str, float]:
    """Figures of one layout."""
    with tempfile.TemporaryDirectory() as directory:
        warehouse = EmbeddedWarehouse(WarehouseUrl.parse(f"chdb://{directory}"))
        first, *later = bundled()
        assert EVENT_FIRST in first.sql, name
        altered = type(first)(first.number, first.name, first.sql.replace(EVENT_FIRST, order_by))
        migrate(warehouse, [altered, *later])
        if projection:
            warehouse.command(projection)
        started = time.perf_counter()
        step = 250_000
        for begin in range(0, rows, step):
            bounds = {"first": begin, "count": min(step, rows - begin), "rows": rows}
            warehouse.command(ROWS, bounds, {"max_insert_threads": 1, "max_threads": 2})
        figures = {"load": time.perf_counter() - started}
        warehouse.command("OPTIMIZE TABLE events FINAL")
        size = "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND table = 'events' AND database = {d:String}"
        figures["bytes an event"] = warehouse.query(size, {"d": warehouse.database}).one() / rows
        for question, (sql, params) in QUESTIONS.items():
            figures[question] = statistics.median(_timed(warehouse, sql, params) for _ in range(5))
        warehouse.close()
        return figures


def _timed(warehouse: EmbeddedWarehouse, sql: str, params: dict[str, str]) -> float:
    started = time.perf_counter()
    warehouse.query(sql, params)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
