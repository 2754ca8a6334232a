"""
What carries the spool: append-only files, or SQLite in WAL mode? The figures of docs/adr/0003-spool.md.

Both store the same compressed group commits durably, one after the other: fdatasync after each append, against one
transaction each with `synchronous=FULL` (its WAL is fsynced at every commit). Each then reads all of it back in order.
"""

from __future__ import annotations

import os
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.table import Row, print_table
from trackway_collector.spool.layout import pack_block, sync_data, unpack_block_header

ROUNDS = 5
SECONDS = 1.0


def run() -> list[Row]:
    """Return commits per second of both ways for a small, a usual and a large group commit, and their reading speed."""
    rows = []
    for events in (1, 50, 2_000):
        # About 60 bytes of an event do not compress: its ids and times.
        records = [(b"m" * 60, os.urandom(60) + b"{}" * 265) for _ in range(events)]
        block = pack_block(records, events, 0, 0)
        ratios, ours, theirs = [], [], []
        for _ in range(ROUNDS):
            ours.append(_commits_per_s(_files, block))
            theirs.append(_commits_per_s(_sqlite, block))
            ratios.append(ours[-1] / theirs[-1])
        note = f"{len(block):,} bytes a commit"
        name = f"spool, {events} events a commit, files against SQLite"
        rows.append(Row(name, statistics.median(ours), statistics.median(theirs), statistics.median(ratios), None,
                        "commits/s", note))  # fmt: skip
    return rows


def _commits_per_s(way: Callable[[Path, bytes], int], block: bytes) -> float:
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as tmp:
        started = time.perf_counter()
        commits = way(Path(tmp), block)
        return commits / (time.perf_counter() - started)


def _files(directory: Path, block: bytes) -> int:
    commits, ends = 0, time.perf_counter() + SECONDS
    with (directory / "1.seg").open("xb", buffering=0) as file:
        while time.perf_counter() < ends:
            file.write(block)
            sync_data(file.fileno())
            commits += 1
    data, at, found = (directory / "1.seg").read_bytes(), 0, 0
    while (header := unpack_block_header(data, at)) is not None:
        at += 36 + header.payload_bytes
        found += 1
    assert found == commits
    return commits


def _sqlite(directory: Path, block: bytes) -> int:
    commits, ends = 0, time.perf_counter() + SECONDS
    with sqlite3.connect(directory / "spool.db", isolation_level=None) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("CREATE TABLE blocks (id INTEGER PRIMARY KEY, block BLOB NOT NULL)")
        while time.perf_counter() < ends:
            database.execute("INSERT INTO blocks (block) VALUES (?)", (block,))
            commits += 1
        assert len(database.execute("SELECT block FROM blocks ORDER BY id").fetchall()) == commits
    database.close()
    return commits


if __name__ == "__main__":
    print_table(run())
