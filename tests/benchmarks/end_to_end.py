"""
HTTP → queryable: the whole house on both cores, which the load generator shares.

How fast: events are sent for a while as fast as they are taken, and the clock stops when a query counts all of them;
beside it, ClickHouse's own INSERT of as many finished rows. How fresh: at a constant rate of 20,000 events a second,
the time from when an event was due to when a query counts it.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import load
from tests.benchmarks.driving import cpu_s, drive, free_port, running
from tests.benchmarks.ingest_payload import SOURCE, WRITE_KEY, release, write_bodies
from tests.benchmarks.open_loop import send
from tests.benchmarks.table import Row, print_table
from trackway_collector.warehouse import Warehouse, WarehouseError, open_warehouse

SECONDS = 5
ROUNDS = 3
RATE = 20_000
POLL_S = 0.05
UP_S = 60.0
ALL_S = 300.0
_COUNT = "SELECT count() FROM events"


@dataclass
class House:
    """A running `trackway up`."""

    port: int
    pid: int
    warehouse: Warehouse

    def stored(self) -> int:
        """Return how many events a query counts."""
        return int(self.warehouse.query(_COUNT).rows[0][0])


def run(seconds: int = SECONDS, rounds: int = ROUNDS, rate: int = RATE) -> list[Row]:
    """Return the rows about throughput and freshness."""
    with tempfile.TemporaryDirectory() as tmp:
        directory = Path(tmp)
        frozen = release(directory / "plan")
        plan = directory / "0001.json"
        plan.write_bytes(frozen.to_json())
        bodies = write_bodies(directory / "bodies", 100, frozen.hash)
        found = [_throughput(directory / f"house-{number}", plan, bodies, seconds) for number in range(rounds)]
        theirs = load.direct(max(events for events, _, _ in found), rounds)
        fresh = _freshness(directory / "fresh", plan, bodies, rate, 4 * seconds)
    ours = statistics.median(events / took for events, took, _ in found)
    cpu = statistics.median(spent for _, _, spent in found)
    note = f"{found[0][0]:,} events; {cpu:.3g} µs CPU an event, engine included; theirs: INSERT of finished rows"
    return [Row("HTTP → queryable, against INSERT", ours, theirs, ours / theirs, "≥ 0.5", "events/s", note), fresh]


def _throughput(directory: Path, plan: Path, bodies: Path, seconds: int) -> tuple[int, float, float]:
    """Return how many events were sent, the seconds until all could be queried, and µs of CPU time an event."""
    with _house(directory, plan) as house:
        before, started = cpu_s(house.pid), time.perf_counter()
        events = round(drive(house.port, house.pid, bodies, 100, seconds).events_per_s * seconds)
        deadline = time.monotonic() + ALL_S
        stored = 0
        # What was being answered when the load generator stopped is stored too, so there may be some more.
        while (now := house.stored()) < events or now != stored:
            if time.monotonic() > deadline:
                message = f"{now} of {events} events can be queried after {ALL_S:g} s"
                raise RuntimeError(message)
            stored = now
            time.sleep(POLL_S)
        took = time.perf_counter() - started
        return stored, took, (cpu_s(house.pid) - before) / stored * 1e6


def _freshness(directory: Path, plan: Path, bodies: Path, rate: int, seconds: int) -> Row:
    seen: list[tuple[float, int]] = []
    done = threading.Event()
    with _house(directory, plan) as house:

        def watch() -> None:
            while not done.wait(POLL_S):
                seen.append((time.time(), house.stored()))

        watching = threading.Thread(target=watch)
        watching.start()
        try:
            sent = send(house.port, bodies, rate / 100, seconds)
            deadline = time.monotonic() + UP_S
            while (not seen or seen[-1][1] < sent.requests * 100) and time.monotonic() < deadline:
                time.sleep(POLL_S)
        finally:
            done.set()
            watching.join()
    ages, at = [], 0
    for number in range(0, sent.requests * 100, 100):  # one event of each request
        while seen[at][1] <= number:
            at += 1
        ages.append(seen[at][0] - (sent.began_at + number / rate))
    p50, p95 = statistics.median(ages), sorted(ages)[int(len(ages) * 0.95)]
    note = f"at {rate:,} events/s for {seconds} s: p50 {p50:.2f}, longest {max(ages):.2f} s; {sent.errors} errors"
    return Row("freshness, p95", p95, 2, 2 / p95, "≥ 1", "s", note + "; theirs: the target")


@contextmanager
def _house(directory: Path, plan: Path) -> Iterator[House]:
    port, url = free_port(), f"chdb://{directory / 'chdb'}"
    command = [sys.executable, "-m", "trackway", "up", "--data-dir", str(directory), "--warehouse", url]
    command += ["--port", str(port), "--console-port", str(free_port()), "--query-port", str(free_port())]
    command += ["--plan", str(plan), "--write-key", f"{SOURCE}={WRITE_KEY}", "--max-backlog-mib", "65536"]
    with running(command, port=port, cores=set(range(os.cpu_count() or 1)), directory=directory) as pid:
        warehouse = _when_up(url)
        try:
            yield House(port, pid, warehouse)
        finally:
            warehouse.close()


def _when_up(url: str) -> Warehouse:
    deadline = time.monotonic() + UP_S
    while True:
        try:
            warehouse = open_warehouse(url, start_engine=False)
            warehouse.query(_COUNT)
        except (WarehouseError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL_S)
        else:
            return warehouse


if __name__ == "__main__":
    print_table(run())
