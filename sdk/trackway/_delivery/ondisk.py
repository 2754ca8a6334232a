"""
What of the outbox's events is on disk: `OnDisk`, between an `Outbox` and its `DiskQueue`.

With `queue="disk"` every event is on disk, and the oldest also in memory, as many as fit. With `overflow="spill"` only
those are on disk that memory has no room for. Either way memory holds the older ones: once an event is on disk only,
all that come later are, too, until the sender has read it back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackway._books import Dropped
from trackway._delivery.outbox import Read
from trackway._disk import QueueFull
from trackway._options import MAX_EVENT_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from trackway._books import Books
    from trackway._disk import Chunk, DiskQueue
    from trackway._errors import DiskQueueError
    from trackway._options import Options

ADOPT_EVERY_S = 30.0
"""A living process looks this often for what dead ones left, as long as it has something to do."""
READ_BYTES = 1024 * 1024


class OnDisk:
    """Callers hold the tracker's lock, except where it says otherwise."""

    def __init__(self, queue: DiskQueue, options: Options, books: Books) -> None:
        self.queue = queue
        self.refusal = Dropped.QUEUE_FULL
        """Why the event that was refused last was."""
        self._books = books
        self._all = options.queue != "memory"
        self._read_events = 2 * options.max_batch_events
        # By id(): an event that waits is one object from `add` to its end, whatever batch it is in.
        self._tokens: dict[int, int] = {}
        self._adopt_at = 0.0
        self.reading: Read | None = None
        """What is being read at this moment."""
        self._left = False
        self._told: DiskQueueError | None = None
        self._purges: list[Callable[[bytes], bool]] = []

    @property
    def backlog(self) -> int:
        """How many events are on disk only; none that were left to the next process."""
        return 0 if self._left else self.queue.backlog

    def put(self, event: bytes, room: bool, room_at_worst: bool) -> bool:
        """
        Write an event to disk, if that is where it belongs; return whether memory is to hold it. `room` says whether it
        can, and `room_at_worst` whether it can when the disk fails and nobody else does.
        """
        if room and not self._all and not self.queue.backlog:
            return True
        try:
            token = self.queue.append(event, held=room and self._all)
        except (OSError, QueueFull) as error:
            self._books.unsaved += room_at_worst
            if self.queue.trouble is not self._told:
                self._told = self.queue.trouble
                if self._told is not None and self._books.notices is not None:
                    self._books.notices.error(self._told)
            self.refusal = Dropped.DISK_FULL if isinstance(error, QueueFull) else Dropped.QUEUE_FULL
            return True
        if token is None:
            return False
        self._tokens[id(event)] = token
        return True

    def gone(self, events: Iterable[bytes]) -> None:
        """Enter that events have left the outbox: the disk need not keep them."""
        take = self._tokens.pop
        tokens = [token for event in events if (token := take(id(event), None)) is not None]
        if tokens:
            self.queue.settle(tokens)

    def too_old(self, events: Iterable[bytes]) -> bool | None:
        """Return whether one of these is over `max_disk_age_s`; None when none of them is on disk."""
        ages = [self.queue.expired(token) for event in events if (token := self._tokens.get(id(event))) is not None]
        return any(ages) if ages else None

    def due(self, now: float, room: int, room_bytes: int, only_own: bool) -> Read | None:
        """Return what to read, when memory has less than a batch and room for so many events and bytes."""
        adopt = False
        if not self.queue.backlog:
            if only_own:
                return None
            adopt = now >= self._adopt_at
            if not adopt and not self.queue.inherited:
                return None
        room_bytes -= MAX_EVENT_BYTES  # the last event read may stand across the limit
        if room <= 0 or room_bytes <= 0:
            return None
        if adopt:
            self._adopt_at = now + ADOPT_EVERY_S
        self._purges.clear()
        self.reading = Read(min(room, self._read_events), min(room_bytes, READ_BYTES), adopt)
        return self.reading

    def read(self, step: Read) -> Chunk | None:
        """Do what is due, without the lock: only here events come from the disk."""
        if step.adopt:
            self.queue.adopt()
        return self.queue.read(step.max_events, step.max_bytes)

    def took(self, chunk: Chunk) -> list[bytes]:
        """Enter what was read in the books, and return the events that are to be queued."""
        for matches in self._purges:  # they were on their way from the disk, and are in the books already
            chunk.events = [each for each in chunk.events if not matches(each[1])]
            chunk.too_old = [each for each in chunk.too_old if not matches(each[1])]
        self._purges.clear()
        self.queue.took(chunk)
        if chunk.adopted:
            self._books.adopted += chunk.count
        self._books.drop(Dropped.TOO_OLD, [event for _, event in chunk.too_old])
        if chunk.damaged:
            self._books.dropped[Dropped.DAMAGED] += chunk.damaged
        for token, event in chunk.events:
            self._tokens[id(event)] = token
        return [event for _, event in chunk.events]

    def purge(self, matches: Callable[[bytes], bool]) -> tuple[int, int]:
        """
        Overwrite the events that match, on disk. Return how many of this process's were on disk only, and how many were
        a dead process's; they are in the books then.
        """
        if self.reading is not None:
            self._purges.append(matches)
        found = self.queue.rewrite(lambda event: not matches(event))
        self._books.adopted += found.inherited
        self._books.dropped[Dropped.PURGED] += found.backlog + found.inherited
        return found.backlog, found.inherited

    def keep(self, events: Iterable[bytes]) -> tuple[int, list[bytes]]:
        """
        Leave what waits to the next process: return how many events that are, those of the backlog included, and which
        are lost. Those of `events` that are not on disk yet are written to it, if it takes them.
        """
        kept = self.queue.backlog
        lost = []
        for event in events:
            token = self._tokens.pop(id(event), None)
            if token is None or not self.queue.safe(token):
                try:
                    self.queue.append(event, held=False)
                except (OSError, QueueFull):
                    lost.append(event)
                    continue
            kept += 1
        self._left = True
        return kept, lost
