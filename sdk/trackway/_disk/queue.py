"""`DiskQueue`: what a tracker's outbox sees of the disk. See the package's docstring for what lies there."""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trackway._disk.ages import Ages, uptime
from trackway._disk.layout import HEADER_BYTES, LARGEST_EVENT, RECORD_BYTES
from trackway._disk.logs import AdoptedLog, OwnLog, adopt
from trackway._disk.reader import blank, is_blank, read_records
from trackway._disk.segment import sync_directory
from trackway._errors import DiskQueueError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from pathlib import Path

    from trackway._disk.layout import Record
    from trackway._disk.segment import OpenSegment, Segment

log = logging.getLogger("trackway")

SEGMENT_BYTES = 8 * 1024 * 1024
"""A segment is deleted as a whole, so this is what a single unsent event may keep on the disk."""
SEGMENT_MS = 3_600_000
"""A segment holds no more than an hour, so that one age serves for all its events when they are sent."""
SYNC_EVERY_S = 0.5
LINGER = 6
"""How many times the syncing thread finds nothing to do before it ends."""
TRY_AGAIN_S = 1.0
"""How long a disk that failed is left alone."""
SAY_AGAIN_S = 60.0

_NUMBER_BITS = 32
_NUMBERS = (1 << _NUMBER_BITS) - 1


class QueueFull(Exception):
    """The queue has `max_disk_bytes` on disk."""


@dataclass(slots=True)
class Chunk:
    """What one `read` brought."""

    events: list[tuple[int, bytes]] = field(default_factory=list)
    """Tokens and events, oldest first."""
    adopted: bool = False
    """They are a dead process's. Else they are of this process's backlog."""
    too_old: list[tuple[int, bytes]] = field(default_factory=list)
    """More, over `max_age_s`; they are settled."""
    damaged: int = 0
    """How many more there were, or had been, that can no longer be read."""
    source: AdoptedLog | None = None
    """Where adopted ones are from."""
    go_on: tuple[int, int] = (0, 0)
    """Where the next read begins: a segment's key and a byte."""
    ended: bool = False
    """Nothing is left to read in that segment, of an adopted log."""

    @property
    def count(self) -> int:
        """How many events it accounts for."""
        return len(self.events) + len(self.too_old) + self.damaged


@dataclass(slots=True)
class Rewritten:
    """What a `rewrite` took out that was not in memory."""

    backlog: int = 0
    inherited: int = 0
    events: list[bytes] = field(default_factory=list)
    """All that was overwritten, in memory or not, settled or not."""


class DiskQueue:
    """
    Events on disk, of one process and one destination.

    Under the tracker's lock: `append`, `settle`, `safe`, `expired`, `took`, `rewrite`. Without it, on any thread:
    `adopt`, `read`, `sync`, `close`. Making one touches no file; the first append does.
    """

    def __init__(
        self,
        directory: Path,
        *,
        max_bytes: int,
        max_age_s: float,
        wall_ns: Callable[[], int],
        lock: threading.RLock,
        uptime: Callable[[], float] = uptime,
        boot: bytes | None = None,
        syncs_itself: bool = True,
    ) -> None:
        """
        Args:
            directory: of one destination, see `place.open_directory`.
            max_bytes: what the directory may hold, all processes together.
            max_age_s: older events are not read.
            wall_ns: the wall clock.
            lock: the tracker's; the syncing thread takes it.
            uptime: a clock that never jumps; `boot` says in which run of the machine.
            syncs_itself: with a thread; else `sync` must be called, as tests do that play power losses.
        """
        self.directory = directory
        self.backlog = 0
        """How many of this process's events are on disk only."""
        self.trouble: DiskQueueError | None = None
        """What was last logged to be wrong."""
        # Reentrant: a signal handler may purge while this very thread is reading.
        self._reading = threading.RLock()
        self._max_bytes = max_bytes
        self._max_age_s = max_age_s
        self._segment_bytes = max(64 * 1024, min(SEGMENT_BYTES, max_bytes // 16))
        self._ages = Ages(wall_ns, uptime, boot)
        self._uptime = uptime
        self._lock = lock
        self._keys = itertools.count(1)
        self._segments: dict[int, Segment] = {}
        """Those that may hold events that are not settled, by key."""
        self._own: OwnLog | None = None
        self._open: OpenSegment | None = None
        self._backlog_from = (0, 0)
        self._appending = False
        self._adopted: list[AdoptedLog] = []
        self._left_alone: set[str] = set()
        self._room = 0
        self._failure: Exception | None = None
        self._failed_at = 0.0
        self._said_at = -SAY_AGAIN_S
        # For the syncing thread:
        self._keeper: threading.Thread | None = None
        self._syncs_itself = syncs_itself
        self._tidying = threading.Lock()
        self._closing = False
        self._bell = threading.Event()
        self._dirty = False
        self._created = False
        self._sealed: list[OpenSegment] = []
        self._garbage: list[Segment] = []

    def append(self, event: bytes, *, held: bool) -> int | None:
        """
        Put an event on disk. `held` says that memory has room for it.

        Returns its token, where memory is to hold it, too; None when it is on disk only: `read` will bring it.

        Raises:
            QueueFull, OSError: it is not on disk.
        """
        if self._failure is not None and self._uptime() - self._failed_at < TRY_AGAIN_S:
            raise self._failure.with_traceback(None)
        outer, self._appending = self._appending, True
        try:
            segment = self._open
            if segment is None or segment.size >= self._segment_bytes or segment.after_ms() > SEGMENT_MS:
                segment = self._roll()
            if self._room < len(event):
                self._measure()
            at = segment.size
            number = segment.append(event)
        except (OSError, QueueFull) as error:
            self._failed(error)
            raise
        finally:
            self._appending = outer
        self._room -= len(event) + RECORD_BYTES
        if not self._dirty:
            self._wake_keeper()
        if self._failure is not None:
            self._failure = None
            log.info("The disk queue in %s can be written again.", self.directory)
        # What comes after an event that is on disk only is on disk only, until that one has been read: `read` takes a
        # stretch without gaps. An event that a signal handler appends while another is being appended goes there, and
        # then the other does, too.
        if held and not outer and not self.backlog:
            return segment.key << _NUMBER_BITS | number
        if not self.backlog or (segment.key, at) < self._backlog_from:
            self._backlog_from = (segment.key, at)
        self.backlog += 1
        return None

    def settle(self, tokens: Iterable[int]) -> None:
        """Let go of events that are acked, rejected or dropped."""
        for key, first, last in _runs(tokens):
            if (segment := self._segments.get(key)) is not None:
                segment.settle(first, last)
                self._dispose(segment)

    def safe(self, token: int) -> bool:
        """Return whether the next process will find this event."""
        segment = self._segments.get(token >> _NUMBER_BITS)
        return segment is not None and not segment.gone

    def expired(self, token: int) -> bool:
        """Return whether an event, with all of its segment, is older than `max_age_s`."""
        segment = self._segments.get(token >> _NUMBER_BITS)
        return segment is not None and self._ages.age_s(segment.header, segment.newest_ms) > self._max_age_s

    @property
    def inherited(self) -> bool:
        """Whether an adopted log is not read to its end."""
        return any(not each.read_through for each in self._adopted)

    def adopt(self) -> int:
        """Take over the logs of dead processes; return how many those were."""
        with self._reading:
            return self._adopt()

    def _adopt(self) -> int:
        known = {each.name for each in self._adopted} | self._left_alone
        if self._own is not None:
            known.add(self._own.name)
        found = 0
        for adopted in adopt(self.directory, known):
            log.info("Adopted what a process that ended left in %s (%s).", self.directory, adopted.name)
            self._adopted.append(adopted)
            found += 1
        return found

    def read(self, max_events: int, max_bytes: int) -> Chunk | None:
        """
        Return events that memory does not hold: this process's backlog first, else those of adopted logs.

        None when there are none. Until what it returned is given to `took`, it returns the same again.
        """
        with self._reading:
            if self.backlog:
                return self._read_backlog(max_events, max_bytes)
            for adopted in list(self._adopted):
                if (chunk := self._read_adopted(adopted, max_events, max_bytes)) is not None:
                    return chunk
            return None

    def took(self, chunk: Chunk) -> None:
        """Enter that the outbox has a chunk."""
        if not chunk.adopted:
            self.backlog -= chunk.count
            self._backlog_from = chunk.go_on
        elif chunk.source is not None and (segment := chunk.source.reading) is not None:
            segment.outstanding += len(chunk.events) + len(chunk.too_old)
            segment.complete = chunk.ended
            chunk.source.at = chunk.go_on[1]
            if chunk.ended:
                chunk.source.reading = None
            self._dispose(segment)
        self.settle(token for token, _ in chunk.too_old)

    def rewrite(self, keep: Callable[[bytes], bool]) -> Rewritten:
        """
        Overwrite with blanks what `keep` says no to, in all logs of this process and of dead ones, and return how many
        of these events only the disk had. It reads all there is: a second for each 100 MiB or so.
        """
        with self._reading:
            self._adopt()
            done = Rewritten()
            for segment in list(self._own.segments.values()) if self._own is not None else ():
                numbers = [
                    number
                    for number, at in blank(segment.path, keep, done.events)
                    if self.backlog and (segment.key, at) >= self._backlog_from
                ]
                done.backlog += len(numbers)
                self.settle(segment.key << _NUMBER_BITS | number for number in numbers)
            self.backlog -= done.backlog
            for adopted in self._adopted:
                done.inherited += adopted.blank(keep, done.events)
        return done

    def sync(self) -> None:
        """Have the disk keep what was appended, and delete what is settled."""
        self._tidy()

    def close(self) -> None:
        """Stop. What is not settled stays for the next process; of the rest nothing stays."""
        self._closing = True
        self._bell.set()
        self._tidy()
        with self._tidying, self._lock:
            if self._open is not None:
                self._seal(self._open)
                self._open = None
        self._tidy()
        with self._tidying:
            for each in (self._own, *self._adopted):
                if each is not None:
                    each.let_go()

    def forget(self) -> None:
        """Close what a forked child inherited. The files, and the lock on them, are its parent's."""
        for segment in (*self._segments.values(), *self._sealed, *self._garbage):
            segment.close()
        for each in (self._own, *self._adopted):
            if each is not None:
                each.lock.close()

    def _read_backlog(self, max_events: int, max_bytes: int) -> Chunk:
        # In this order: what is in the backlog now is in the segment that is open then, or in one before it.
        backlog = self.backlog
        still_open = self._open
        key, at = self._backlog_from
        chunk = Chunk()
        while True:
            segment = self._segments.get(key)
            if segment is not None:
                stretch = read_records(segment.path, at, min(max_events, backlog), max_bytes)
                self._sort_out(chunk, segment, stretch.records, ())
                at = stretch.at
                if chunk.count:
                    break
                if not stretch.ended:
                    continue
            following = self._own.after(key) if self._own is not None and segment is not still_open else None
            if following is None:
                chunk.damaged = backlog  # the file was tampered with, or deleted
                break
            key, at = following.key, HEADER_BYTES
        chunk.go_on = (key, at)
        return chunk

    def _read_adopted(self, adopted: AdoptedLog, max_events: int, max_bytes: int) -> Chunk | None:
        segment = adopted.reading or adopted.begin(next(self._keys))
        if segment is None:
            self._finished(adopted)
            return None
        self._segments[segment.key] = segment
        stretch = read_records(segment.path, adopted.at, max_events, max_bytes)
        chunk = Chunk(adopted=True, source=adopted, damaged=stretch.damaged, ended=stretch.ended)
        chunk.go_on = (segment.key, stretch.at)
        self._sort_out(chunk, segment, stretch.records, adopted.done)
        return chunk

    def _sort_out(self, chunk: Chunk, segment: Segment, records: list[Record], done: Collection[int]) -> None:
        front = segment.key << _NUMBER_BITS
        for record in records:
            segment.newest_ms = max(segment.newest_ms, record.after_ms)
            if record.number in done or is_blank(record.event):
                continue
            old = self._ages.age_s(segment.header, record.after_ms) > self._max_age_s
            (chunk.too_old if old else chunk.events).append((front | record.number, record.event))

    def _roll(self) -> OpenSegment:
        """Begin a new segment."""
        try:
            if self._own is None:
                self._own = OwnLog(self.directory)
            segment = self._own.create(next(self._keys), self._ages)
        except FileNotFoundError:  # somebody has deleted the directory
            self._lost()
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._own = OwnLog(self.directory)
            segment = self._own.create(next(self._keys), self._ages)
        before, self._open = self._open, segment
        self._segments[segment.key] = segment
        self._created = True
        if before is not None:
            self._seal(before)
        self._measure()
        return segment

    def _seal(self, segment: OpenSegment) -> None:
        """Append no more to it. The syncing thread closes it."""
        segment.complete = True
        self._sealed.append(segment)
        self._dispose(segment)
        self._wake_keeper()

    def _dispose(self, segment: Segment) -> None:
        """See whether a segment can be deleted, or emptied."""
        if not segment.outstanding:
            if segment.complete and self._segments.pop(segment.key, None) is not None:
                self._garbage.append(segment)
            self._wake_keeper()

    def _measure(self) -> None:
        """Find out how much may still be appended; other processes share the directory and its limit."""
        used = 0
        with os.scandir(self.directory) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    used += entry.stat(follow_symlinks=False).st_size
        self._room = self._max_bytes - used
        if self._room < LARGEST_EVENT:
            msg = f"it holds {used:,} of `max_disk_bytes` {self._max_bytes:,}"
            raise QueueFull(msg)

    def _failed(self, error: Exception) -> None:
        self._failure, self._failed_at = error, self._uptime()
        if isinstance(error, OSError) and self._open is not None:
            # What is wrong may be wrong with this file only.
            broken, self._open = self._open, None
            self._seal(broken)
        if self._failed_at - self._said_at >= SAY_AGAIN_S:
            self._said_at = self._failed_at
            why = error.strerror if isinstance(error, OSError) else str(error)
            self.trouble = DiskQueueError(str(self.directory), why or type(error).__name__)
            log.error("%s", self.trouble)

    def _lost(self) -> None:
        """Enter that the files of our own log are deleted. What they held is safe only where memory holds it, too."""
        own, self._own, self._open = self._own, None, None
        if own is not None:
            log.error("Somebody deleted the disk queue in %s while it was in use.", self.directory)
            for segment in own.segments.values():
                segment.gone = True
            own.let_go()

    def _finished(self, adopted: AdoptedLog) -> None:
        """Let go of a log that has been read, if nothing of it is outstanding."""
        if adopted.read_through and not adopted.segments:
            try:
                self._adopted.remove(adopted)
            except ValueError:  # the reader and the keeper both come here, and the other was first
                return
            if adopted.let_go():
                self._left_alone.add(adopted.name)

    def _wake_keeper(self) -> None:
        self._dirty = True
        if self._keeper is None and self._syncs_itself and not self._closing:
            # Made of the locks of now: gevent may have replaced those of then.
            self._bell = threading.Event()
            keeper = threading.Thread(target=self._keep, name="trackway-disk", daemon=True)
            self._keeper = keeper
            try:
                keeper.start()
            except RuntimeError:  # the interpreter is ending; `close` does the work
                self._keeper = None

    def _keep(self) -> None:
        idle = 0
        while True:
            if self._bell.wait(SYNC_EVERY_S):
                return
            idle = 0 if self._tidy() else idle + 1
            with self._lock:
                if idle >= LINGER and not self._dirty:
                    self._keeper = None
                    return

    def _tidy(self) -> bool:
        """Sync, close and delete what is due; return whether something was."""
        with self._tidying:
            with self._lock:
                if not self._dirty:
                    return False
                self._dirty = False
                created, self._created = self._created, False
                sealed, self._sealed = self._sealed, []
                garbage, self._garbage = self._garbage, []
                current = self._open
                if current is not None and not current.outstanding:
                    current.empty()
            for segment in sealed:
                segment.finish()
            for waste in garbage:
                waste.log.remove(waste)
                if isinstance(waste.log, AdoptedLog):
                    self._finished(waste.log)
            try:
                if created:
                    sync_directory(self.directory)
                there = current is None or not current.outstanding or current.sync()
            except OSError as error:
                log.warning("Could not sync the disk queue in %s (%s).", self.directory, error.strerror)
                there = isinstance(error, FileNotFoundError) is False
            if not there:
                with self._lock:
                    self._lost()
            return True


def _runs(tokens: Iterable[int]) -> Iterator[tuple[int, int, int]]:
    """Return the tokens as stretches of one segment: its key, and the first and last number."""
    ordered = sorted(tokens)
    if not ordered:
        return
    first = last = ordered[0]
    for token in ordered[1:]:
        if token != last + 1:
            yield first >> _NUMBER_BITS, first & _NUMBERS, last & _NUMBERS
            first = token
        last = token
    yield first >> _NUMBER_BITS, first & _NUMBERS, last & _NUMBERS
