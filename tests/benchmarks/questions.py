"""
The four questions on generated events: Trackway on the embedded engine against DuckDB, on the same cores.

Both sides hold the same rows on disk and read them from the page cache; each question runs three times and
the best counts, the whole way to a data frame. DuckDB's statements are in `duckdb/*.sql`, more than one where
it is not plain which is faster; the fastest is compared. Before any time is reported the numbers of all of
them must be equal.

`python -m tests.benchmarks.questions [EVENTS]` prints the table.
"""

from __future__ import annotations

import math
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.benchmarks.table import Row, print_table
from trackway_analytics import Answer, Events
from trackway_collector.warehouse import Warehouse, migrate, open_warehouse

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

REPEATS = 3
STEPS = ("view", "cart", "checkout", "purchase")
CHANNELS = ("google", "newsletter", "facebook", "tiktok", "affiliate", "podcast", "bing", "print")
DAYS = 60
DUCKDB_SQL = Path(__file__).parent / "duckdb"

Numbers = list[tuple[Any, ...]]


def generate(events: int, seed: int = 7) -> pa.Table:
    """
    Return `events` events of 60 days, without two at one microsecond for one person.

    One person per 17 events, of whom some are far busier than others (Zipf, exponent 0.6); each comes in
    visits of an hour at most, with 6 events on average. 20 event names, of which the funnel's four are 40 %;
    9 % are ad clicks, which carry a channel.
    """
    import pyarrow as pa

    random = np.random.default_rng(seed)
    persons, visits = max(10, events // 17), events // 6 + 1
    activity = 1 / np.arange(1, persons + 1) ** 0.6
    visitor = random.choice(persons, size=visits, p=activity / activity.sum())
    begun = 1_735_689_600_000_000 + random.integers(0, (DAYS * 24 - 1) * 3_600_000_000, size=visits)
    visit = random.integers(0, visits, size=events)
    person, at = visitor[visit], begun[visit] + random.integers(0, 3_600_000_000, size=events)
    names = [*STEPS, "ad_click", *(f"event_{number:02d}" for number in range(15))]
    frequency = np.array([18, 12, 7, 3, 9, *(51 / (number + 3) for number in range(15))])
    name = random.choice(len(names), size=events, p=frequency / frequency.sum())
    _, unique = np.unique(np.stack([person, at]), axis=1, return_index=True)
    person, name, at = person[unique], name[unique], at[unique]
    channel = random.choice(len(CHANNELS), size=len(unique), p=np.array([30, 20, 15, 12, 9, 7, 4, 3]) / 100)
    ids = np.char.add("0198c0de-0000-7000-8000-", np.char.zfill(random.permutation(len(unique)).astype(str), 12))
    return pa.table(
        {
            "event": pa.DictionaryArray.from_arrays(name.astype("int32"), names).cast(pa.string()),
            "person_id": pa.array(np.char.add("person_", np.char.zfill(person.astype(str), 8))),
            "timestamp": pa.array(at, pa.timestamp("us", tz="UTC")),
            "message_id": pa.array(ids),
            "campaign_source": pa.array(np.where(name == names.index("ad_click"), np.array(CHANNELS)[channel], "")),
        }
    )


def run(events: int = 5_000_000) -> list[Row]:
    """Return one row per question; raises AssertionError if the two sides do not count the same."""
    import duckdb
    import pyarrow.parquet

    with tempfile.TemporaryDirectory(prefix="trackway-bench-") as directory:
        file = Path(directory) / "events.parquet"
        pyarrow.parquet.write_table(generate(events), file)
        warehouse = open_warehouse(f"chdb://{directory}/chdb", owner=True)
        with closing(warehouse), closing(duckdb.connect(f"{directory}/duck.db")) as duck:
            _load(warehouse, duck, file)
            return list(_compare(Events(warehouse), duck))


def _load(warehouse: Warehouse, duck: duckdb.DuckDBPyConnection, file: Path) -> None:
    warehouse.create_database()
    migrate(warehouse)
    columns = "event, person_id, timestamp, message_id, campaign_source"
    # All received at one time: an event's partition is when it was received, and these came in one import.
    warehouse.command(
        f"INSERT INTO events (source, type, {columns}, received_at)"  # noqa: S608
        f" SELECT 'bench', 'track', {columns}, toDateTime64('2025-03-02 00:00:00', 6, 'UTC')"
        " FROM file({file:String}, 'Parquet')",
        {"file": str(file)},
    )
    warehouse.command("OPTIMIZE TABLE events FINAL")
    # The same rows in the same order as in ClickHouse, so that zone maps skip what the primary key skips.
    duck.execute("SET TimeZone = 'UTC'")
    duck.execute(
        "CREATE TABLE events AS SELECT 'bench' AS source, * FROM read_parquet($file)"
        " ORDER BY event, timestamp::DATE, person_id, timestamp",
        {"file": str(file)},
    )
    duck.execute("CHECKPOINT")


def _compare(events: Events, duck: duckdb.DuckDBPyConnection) -> Iterator[Row]:
    questions: tuple[tuple[str, Callable[[], Answer[Any]], Callable[[Any], Numbers], str], ...] = (
        (
            "funnel, 4 steps in 7 days",
            lambda: events.funnel(*STEPS, within="7d", entry="any"),
            _funnel,
            "funnel_any",
        ),
        ("funnel, first entry only", lambda: events.funnel(*STEPS, within="7d"), _funnel, "funnel_first"),
        (
            "paths, 30-minute sessions, 5 steps",
            lambda: events.paths(start="cart", exclude=()),
            _paths,
            "paths",
        ),
        (
            "retention, cohort × day",
            lambda: events.retention(period="day", periods=30),
            _retention,
            "retention",
        ),
        (
            "attribution, 5 models",
            lambda: events.attribution(conversion="purchase"),
            _attribution,
            "attribution",
        ),
    )
    for name, question, numbers, stem in questions:
        ours_s, ours = _best(partial(_asked, question, numbers))
        theirs: dict[str, float] = {}
        for file in sorted(DUCKDB_SQL.glob(f"{stem}*.sql")):
            theirs[file.stem], rows = _best(partial(_fetched, duck, file.read_text(encoding="utf-8")))
            assert _equal(ours, rows), f"{name}: {file.name} counts {rows[:5]}, Trackway {ours[:5]}"
        quickest = min(theirs, key=lambda stem: theirs[stem])
        note = ", ".join(f"{stem} {seconds:.2f} s" for stem, seconds in theirs.items())
        yield Row(name, ours_s, theirs[quickest], theirs[quickest] / ours_s, None, "s", f"DuckDB: {note}")


def _asked(question: Callable[[], Answer[Any]], numbers: Callable[[Any], Numbers]) -> Numbers:
    return numbers(question())


def _fetched(duck: duckdb.DuckDBPyConnection, statement: str) -> Numbers:
    return duck.execute(statement).fetchall()


def _best(work: Callable[[], Numbers]) -> tuple[float, Numbers]:
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        numbers = work()
        times.append(time.perf_counter() - start)
    return min(times), sorted(numbers)


def _equal(ours: Numbers, theirs: Numbers) -> bool:
    """
    Whether all numbers are the same; sums of shares may differ in the last digits, by the order of adding.
    """
    return len(ours) == len(theirs) and all(
        len(left) == len(right)
        and all(
            math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9) if isinstance(a, float) or isinstance(b, float) else a == b
            for a, b in zip(left, right, strict=True)
        )
        for left, right in zip(ours, theirs, strict=True)
    )


def _funnel(answer: Any) -> Numbers:
    frame = answer.df
    return [(int(row.step), int(row.users), float(row.median_time_s), answer.population) for row in frame.itertuples()]


def _paths(answer: Any) -> Numbers:
    assert len(answer.df)
    return [(row["step"], row["source"], row["target"], row["paths"]) for row in answer.rows if row["step"]]


def _retention(answer: Any) -> Numbers:
    frame = answer.long()
    kept = frame[frame["is_complete"] & (frame["returned"] > 0)]
    return [
        (cohort.strftime("%Y-%m-%d"), int(period), int(users), int(returned))
        for cohort, period, users, returned in zip(
            kept["cohort"], kept["period"], kept["users"], kept["returned"], strict=True
        )
    ]


def _attribution(answer: Any) -> Numbers:
    frame = answer.df
    return [(row[0], int(row[1]), *map(float, row[2:])) for row in frame.itertuples(index=False)]


def main() -> None:
    """Print the table; the number of events is the first argument."""
    print_table(run(int(sys.argv[1]) if len(sys.argv) > 1 else int(os.environ.get("TRACKWAY_BENCH_EVENTS", "5000000"))))


if __name__ == "__main__":
    main()
