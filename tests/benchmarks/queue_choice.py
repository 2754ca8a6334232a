"""
What carries the SDK's disk queue: a log of its own, or SQLite? The figures of docs/adr/0007-disk-queue.md.

Each way stores one event of 600 bytes at a time so that it survives a killed process (it is with the kernel when the
call returns; no fsync in the caller's path), while a second thread makes it durable four times a second and takes out
what was settled, in batches of 500, as a sender does. Timed is what the caller waits.
"""

from __future__ import annotations

import os
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Protocol

EVENT = b'{"type":"track"' + b"x" * 585
SECONDS = 2.0
BATCH = 500


class Way(Protocol):
    """One way to keep events."""

    def append(self, event: bytes) -> None: ...

    def settle(self, count: int) -> None: ...

    def sync(self) -> None: ...


class Log:
    """One file per process; one write per event; what is settled is a line in a second file."""

    def __init__(self, directory: Path, process: int) -> None:
        flags = os.O_CREAT | os.O_APPEND | os.O_WRONLY
        self._file = os.open(directory / f"{process}.events", flags, 0o600)
        self._done = os.open(directory / f"{process}.done", flags, 0o600)

    def append(self, event: bytes) -> None:
        os.write(self._file, b"%08d%08d" % (len(event), zlib.crc32(event)) + event)

    def settle(self, count: int) -> None:
        os.write(self._done, b"%012d" % count)

    def sync(self) -> None:
        os.fsync(self._file)


class Sqlite:
    """A database in WAL mode, `synchronous=NORMAL`: a commit is a write, a checkpoint makes it durable."""

    def __init__(self, directory: Path, process: int) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(
            directory / f"{self.name(process)}.db", check_same_thread=False, isolation_level=None, timeout=30
        )
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute("CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY, at INTEGER, event BLOB)")

    def name(self, process: int) -> str:
        return str(process)

    def append(self, event: bytes) -> None:
        with self._lock:
            self._db.execute("INSERT INTO events (at, event) VALUES (?, ?)", (0, event))

    def settle(self, count: int) -> None:
        with self._lock:
            self._db.execute("DELETE FROM events WHERE id IN (SELECT id FROM events ORDER BY id LIMIT ?)", (count,))

    def sync(self) -> None:
        with self._lock:
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)")


class SharedSqlite(Sqlite):
    """The same, one database for all processes."""

    def name(self, process: int) -> str:
        return "all"


def measure(make: Callable[[Path, int], Way], directory: Path, process: int) -> list[float]:
    """Return the seconds that each append took, for `SECONDS`."""
    way, stop = make(directory, process), threading.Event()
    taken: list[float] = []

    def sender() -> None:
        settled = 0
        while not stop.wait(0.25):
            way.sync()
            while len(taken) - settled >= BATCH:
                way.settle(BATCH)
                settled += BATCH

    thread = threading.Thread(target=sender)
    thread.start()
    ends = time.perf_counter() + SECONDS
    while (began := time.perf_counter()) < ends:
        way.append(EVENT)
        taken.append(time.perf_counter() - began)
        time.sleep(0.0001)  # some 5,000 events a second: a busy program, not a loop
    stop.set()
    thread.join()
    return taken


def main() -> None:
    """Print microseconds per append for each way, one process and two at once."""
    print(f"{'way':<14} {'processes':>9} {'appends/s':>10} {'p50 µs':>8} {'p99 µs':>8} {'max ms':>8}")
    spawn = get_context("spawn")
    for make in (Log, Sqlite, SharedSqlite):
        for processes in (1, 2):
            with tempfile.TemporaryDirectory(dir=Path.cwd()) as tmp, spawn.Pool(processes) as pool:
                runs = pool.starmap(measure, [(make, Path(tmp), number) for number in range(processes)])
            times = sorted(each for run in runs for each in run)
            cuts = statistics.quantiles(times, n=100)
            print(
                f"{make.__name__:<14} {processes:>9} {len(times) / SECONDS:>10,.0f} {cuts[49] * 1e6:>8.1f}"
                f" {cuts[98] * 1e6:>8.1f} {times[-1] * 1e3:>8.2f}",
                file=sys.stdout,
            )


if __name__ == "__main__":
    main()
