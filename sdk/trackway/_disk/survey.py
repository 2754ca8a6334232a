"""
What waits in a queue's directory, for `trackway doctor`. It reads, and takes nothing over.

Whether a log's owner lives is found by trying its lock, which is let go of at once: a process that looks for dead ones
at that very moment passes the log over, and finds it when it looks again.
"""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trackway._disk import locks
from trackway._disk.ages import Ages
from trackway._disk.layout import HEADER_BYTES, lock_name, log_of
from trackway._disk.reader import is_blank, read_done, read_header, read_records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from trackway._disk.layout import Header, Record

READ_EVENTS = 10_000
READ_BYTES = 1024 * 1024


@dataclass(slots=True)
class Waiting:
    """The log of one process."""

    destination: str
    """The directory of its host and write key; see `place.destination`."""
    log: str
    alive: bool
    """Whether the process lives; what a dead one left is sent by the next that starts with this destination."""
    events: int = 0
    """Not settled."""
    bytes: int = 0
    """Of its files."""
    oldest_s: float = 0.0
    """Age of the oldest of the events, in seconds."""
    unreadable: int = 0
    """Files that cannot be read, or that a newer version wrote."""


def survey(root: Path, wall_ns: Callable[[], int]) -> list[Waiting]:
    """
    Return the logs below a queue's directory that hold events, of all destinations.

    Raises:
        OSError: the directory cannot be listed.
    """
    ages = Ages(wall_ns)
    found = []
    for directory in sorted(path for path in root.iterdir() if path.is_dir()):
        segments: dict[str, list[Path]] = defaultdict(list)
        for name in _names(directory):
            log = log_of(name)
            if log is not None and name.endswith(".events"):
                segments[log].append(directory / name)
        for log, paths in sorted(segments.items()):
            waiting = Waiting(directory.name, log, _is_alive(directory / lock_name(log)))
            for path in sorted(paths):
                _count(path, waiting, ages)
            if waiting.events or waiting.unreadable:
                found.append(waiting)
    return found


def _count(path: Path, waiting: Waiting, ages: Ages) -> None:
    try:
        waiting.bytes += path.stat().st_size
        header = read_header(path)
    except OSError:  # another user's, or sent and deleted meanwhile
        waiting.unreadable += path.exists()
        return
    if header is None:
        waiting.unreadable += 1
        return
    done = read_done(path)
    for record in _records(path, header):
        if record.number not in done and not is_blank(record.event):
            waiting.events += 1
            waiting.oldest_s = max(waiting.oldest_s, ages.age_s(header, record.after_ms))


def _records(path: Path, header: Header) -> Iterator[Record]:
    at = HEADER_BYTES if header.boot else 0
    while True:
        stretch = read_records(path, at, READ_EVENTS, READ_BYTES)
        yield from stretch.records
        if stretch.ended or stretch.at == at:
            return
        at = stretch.at


def _is_alive(path: Path) -> bool:
    if not path.exists():
        return False
    try:
        lock = locks.take(path)
    except OSError:  # another user's: nothing can be said of it
        return True
    if lock is None:
        return True
    lock.release()
    return False


def _names(directory: Path) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []
