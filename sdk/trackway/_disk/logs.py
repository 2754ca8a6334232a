"""Logs: the one that this process writes, and those of dead processes that it has adopted."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import sys
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

from trackway._disk import locks
from trackway._disk.layout import HEADER_BYTES, lock_name, log_of, segment_name
from trackway._disk.reader import blank, read_done, read_header
from trackway._disk.segment import OpenSegment, Segment

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from trackway._disk.ages import Ages

log = logging.getLogger("trackway")


class Log:
    """A log that this process owns: a lock, and how many of its segments are still there."""

    def __init__(self, directory: Path, name: str, lock: locks.Lock) -> None:
        self.directory = directory
        self.name = name
        self.lock = lock
        self.segments: dict[int, Segment] = {}
        """By their keys, oldest first; those that are deleted are not in it."""

    def remove(self, segment: Segment) -> None:
        """Delete a segment."""
        segment.remove()
        self.segments.pop(segment.key, None)

    def let_go(self) -> bool:
        """Close everything. What is there waits for the next owner: returns whether something is."""
        for segment in list(self.segments.values()):
            segment.close()
        files = bool(self._files())
        self.lock.release(remove=not files)
        return files

    def _files(self) -> list[Path]:
        with contextlib.suppress(OSError):
            return [self.directory / name for name in os.listdir(self.directory) if _is_segment_of(name, self.name)]
        return []


class OwnLog(Log):
    """The log that this process appends to."""

    def __init__(self, directory: Path) -> None:
        """
        Take a name that no other process has; nothing is appended yet.

        Raises:
            OSError: the directory cannot be written.
        """
        lock = None
        while lock is None:  # another process may just be looking at our file, and then takes it away
            # Begins with the time, so that the oldest log is adopted first.
            seconds, ns = divmod(time.time_ns(), 1_000_000_000)
            began = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime(seconds))}{ns // 1000:06d}"
            name = f"{began}-{os.getpid()}-{secrets.token_hex(4)}"
            lock = locks.take(directory / lock_name(name))
        super().__init__(directory, name, lock)
        self._created = 0

    def create(self, key: int, ages: Ages) -> OpenSegment:
        """Begin a new segment. Raises OSError when it cannot be created."""
        self._created += 1
        path = self.directory / segment_name(self.name, self._created)
        segment = OpenSegment(self, path, key, ages.header(), ages.uptime)
        self.segments[key] = segment
        return segment

    def after(self, key: int) -> Segment | None:
        """Return the segment that was created after the one with this key."""
        return next((segment for segment in list(self.segments.values()) if segment.key > key), None)


class AdoptedLog(Log):
    """A dead process's log, read from its first segment to its last."""

    def __init__(self, directory: Path, name: str, lock: locks.Lock) -> None:
        super().__init__(directory, name, lock)
        self._unread = deque(sorted(self._files()))
        self.reading: Segment | None = None
        self.at = 0
        """Where in `reading` to read on."""
        self.done: set[int] = set()
        """The numbers in `reading` that the dead process, or one that adopted the log before, had settled."""

    @property
    def read_through(self) -> bool:
        """Whether nothing is left to read."""
        return self.reading is None and not self._unread

    def blank(self, keep: Callable[[bytes], bool], gone: list[bytes]) -> int:
        """
        Overwrite the events that `keep` says no to, in all segments; return how many of them nobody had read before.
        """
        unread = 0
        for path in self._files():
            if self.reading is not None and self.reading.path == path:
                begins, done = self.at, self.done
            elif path in self._unread:
                begins, done = 0, read_done(path)
            else:
                begins, done = sys.maxsize, set()
            unread += sum(at >= begins and number not in done for number, at in blank(path, keep, gone))
        return unread

    def begin(self, key: int) -> Segment | None:
        """Open the next segment for reading, under this key; None when there is none left that can be read."""
        while self._unread:
            path = self._unread.popleft()
            try:
                header = read_header(path)
            except OSError as error:
                log.warning("Left %s alone: it cannot be read (%s).", path, type(error).__name__)
                continue
            if header is None:
                log.warning("Left %s alone: a newer version of trackway wrote it. Upgrade this program.", path)
                continue
            self.reading = self.segments[key] = Segment(self, path, key, header)
            self.at = HEADER_BYTES if header.boot else 0
            self.done = read_done(path)
            return self.reading
        return None


def adopt(directory: Path, known: Collection[str]) -> Iterator[AdoptedLog]:
    """
    Take over what dead processes left in a directory, log by log; `known` are names to pass over.

    A log that a living process owns is locked, and so is one that another process is just adopting: each is taken
    over once. Lock files without a log are cleared away.
    """
    try:
        names = os.listdir(directory)
    except OSError as error:
        log.debug("Could not look for what other processes left (%s).", type(error).__name__)
        return
    for name in sorted({found for each in names if (found := log_of(each)) and found not in known}):
        try:
            lock = locks.take(directory / lock_name(name))
        except OSError as error:  # another user's
            log.debug("Could not lock %s (%s).", name, type(error).__name__)
            continue
        if lock is None:
            continue
        # Only now: while it was alive, its owner may have written on.
        adopted = AdoptedLog(directory, name, lock)
        if adopted.read_through:
            for each in names:
                if log_of(each) == name and each.endswith(".done"):
                    with contextlib.suppress(OSError):
                        (directory / each).unlink()
            lock.release(remove=True)
        else:
            yield adopted


def _is_segment_of(name: str, log_name: str) -> bool:
    return name.endswith(".events") and log_of(name) == log_name
