"""
Events on their way out: the bounded queue, the cutting of batches, the retry schedule. A pure state machine.

It reads no clock, does no I/O and takes no lock; whoever drives it (a thread today) passes the time in and
holds a lock around every call:

    add(event) … → due_in(now) → take(now) → (send) → settle(batch, verdict, now)

Every event added leaves through `settle`, `make_room`, `purge` or `abandon`, once, and is entered in the books there.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from trackway._books import Dropped
from trackway._delivery.answers import Acked, Recode, Rejected, Retry, Split, Verdict
from trackway._delivery.losses import LossReport, LossReports
from trackway._errors import DeliveryError
from trackway._options import DEFAULT_HOST

if TYPE_CHECKING:
    from collections.abc import Callable

    from trackway._books import Books
    from trackway._delivery.ondisk import OnDisk
    from trackway._disk import Chunk
    from trackway._options import Options

log = logging.getLogger("trackway")

ENOUGH_EVENTS = 100
"""
So many leave at once when nothing else is on its way: what waits in memory is what a killed process loses. While a
batch is out more come together, up to `max_batch_events`, so a busy program sends fewer and larger ones.
"""


def dice() -> float:
    """Return a random number of [0, 1). Other processes throw other ones, forked or not, and `random` is no import."""
    return int.from_bytes(os.urandom(6)) / 2**48


class Batch(msgspec.Struct, eq=False):
    """Events that travel together, in order, until the collector has answered for them."""

    events: list[bytes]
    size: int
    """Bytes of the events, without what stands around them."""
    attempts: int = 0
    first_sent: float | None = None
    """Monotonic seconds of the first attempt."""
    ahead: int = 0
    """How many events that were in it have left already, while these were to be sent again."""
    losses: LossReport | None = None
    """What its next request says about events that were lost."""
    purges: list[Callable[[bytes], bool]] = msgspec.field(default_factory=list)
    """Which of its events were purged while it was out; they go when it comes back."""


class Read(msgspec.Struct, frozen=True):
    """Disk work is due: `Delivery.read`, without the lock, then `Delivery.loaded`, with it."""

    max_events: int
    max_bytes: int
    adopt: bool
    """Look for what dead processes left before reading."""


class Outbox:
    """
    What is pending, in the order it was added. At most one batch is out at a time, so the order is kept on
    the wire.
    """

    def __init__(
        self,
        options: Options,
        books: Books,
        *,
        wake: Callable[[], None],
        dice: Callable[[], float] = dice,
    ) -> None:
        """Call `wake` whenever `due_in` has become shorter; `dice` returns [0, 1) for the jitter."""
        self._options = options
        self._books = books
        self._wake = wake
        self._dice = dice
        self._max_events = options.max_queue_events
        self._max_bytes = options.max_queue_bytes
        self._batch_events = options.max_batch_events
        self._batch_bytes = options.max_batch_bytes
        self._enough = min(ENOUGH_EVENTS, options.max_batch_events)
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._again: deque[Batch] = deque()
        self._out: Batch | None = None
        self._waiting_since: float | None = None
        self._not_before = 0.0
        self._asked_to_wait = False
        self._flush_through = 0
        self._draining = False
        self._ahead = 0
        self._scattered = 0
        self._reports = LossReports(books.dropped)
        self.disk: OnDisk | None = None
        """Where there is a disk queue."""
        self.pending = 0
        """Events in memory that are not settled."""
        self.pending_bytes = 0
        self.settled = 0
        """
        Events that have left, since the start, as far as all before them have: event number n has left when
        settled ≥ n.
        """

    @property
    def waiting(self) -> int:
        """Events added and not settled, in memory or on disk."""
        return self.pending if self.disk is None else self.pending + self.disk.backlog

    @property
    def refusal(self) -> Dropped:
        """Why `add` said no."""
        return Dropped.QUEUE_FULL if self.disk is None else self.disk.refusal

    def add(self, event: bytes) -> bool:
        """
        Take an event in; False when the queue is at its limit. In the caller's path: no calls but the append.
        """
        size = len(event)
        room = self.pending < self._max_events and self.pending_bytes + size <= self._max_bytes
        if self.disk is not None:
            reading = self.disk.reading
            leave_room = reading is not None and (  # for what it brings
                self.pending + reading.max_events >= self._max_events
                or self.pending_bytes + reading.max_bytes + size > self._max_bytes
            )
            if not self.disk.put(event, room and not leave_room, room):
                if self.disk.backlog == 1:
                    self._wake()
                return True
        if not room:
            return False
        queue = self._queue
        queue.append(event)
        self.pending += 1
        self.pending_bytes += size
        before = self._queued_bytes
        # Each event's comma counts: the limit is for the batch as it stands on the wire.
        self._queued_bytes = after = before + size + 1
        count = len(queue)
        # While a batch is out its sender is awake, and looks here when it has settled it.
        if (count == 1 or count == self._enough or before < self._batch_bytes <= after) and self._out is None:
            self._wake()
        return True

    def due_in(self, now: float) -> float | None:
        """
        Return seconds until a batch should be taken, 0 for at once, None when there is nothing to wait for.
        """
        if self._out is not None:
            return None
        pause = max(0.0, self._not_before - now)
        if self._again:
            return pause
        if not self._queue:
            self._waiting_since = None
            return None
        if (
            len(self._queue) >= self._enough
            or self._queued_bytes >= self._batch_bytes
            or self._draining
            or self.settled < self._flush_through
            or self.waiting > self.pending  # more is on disk: company enough
        ):
            return pause
        if self._waiting_since is None:
            self._waiting_since = now
        return max(pause, self._waiting_since + self._options.flush_interval_s - now)

    def take(self, now: float) -> Batch:
        """Return the next batch to send; it stays pending until it is settled. Only when `due_in` is 0."""
        batch = self._again.popleft() if self._again else self._cut()
        batch.attempts += 1
        if batch.first_sent is None:
            batch.first_sent = now
        self._out = batch
        batch.losses = self._reports.due()
        # What is left, or comes now, waits from here on.
        self._waiting_since = now
        self._books.requests += 1
        self._books.retries += batch.attempts > 1
        return batch

    def settle(self, batch: Batch, verdict: Verdict, now: float) -> None:
        """Enter in the books what became of the batch, or put it back to be sent again."""
        if batch is not self._out:
            return  # abandoned in the meantime: it is in the books already
        self._out = None
        if isinstance(verdict, Acked):
            self._reports.acked(batch.losses)
        if batch.events:  # else it carried nothing but a report of losses, which is tried once
            self._settle(batch, verdict, now)
            self._gather()

    def _settle(self, batch: Batch, verdict: Verdict, now: float) -> None:
        match verdict:
            case Acked():
                self._ack(batch, verdict, now)
            case Rejected(code, stranger):
                self._reject({code: len(batch.events)}, batch, self._whose(stranger))
                self._leave(batch)
            case Split():
                self._take_out(batch)
                self._put_back(*_halves(batch))
            case Retry():
                self._retry(batch, verdict, now)
            case Recode():
                # No attempt failed: nobody could read what was sent.
                batch.attempts -= 1
                self._take_out(batch)
                self._put_back(batch)

    @property
    def is_out(self) -> bool:
        """Whether a batch is on its way, without an answer yet."""
        return self._out is not None

    def put_back(self) -> None:
        """
        Queue the batch that is out again, in front: its request was broken off here and has no answer. Whether the
        collector has it is unknown; the ids tell it when it comes again.
        """
        batch, self._out = self._out, None
        if batch is not None and batch.events:  # a report of losses alone is tried once
            self._take_out(batch)
            self._put_back(batch)
            self._gather()

    def request_flush(self) -> int:
        """
        Make everything added so far due; return the number that `settled` reaches when all of it has left.
        """
        target = self.settled + self._ahead + self.waiting
        if target > self._flush_through:
            self._flush_through = target
            self._wake()
        return target

    def drain(self) -> None:
        """Make everything due from now on, and cut short a pause that only we chose: there is no later."""
        self._draining = True
        if not self._asked_to_wait:
            self._not_before = 0.0
        self._wake()

    def abandon(self, reason: Dropped) -> int:
        """
        Leave all that is pending to the disk, or drop it, a batch that is out included; return how many events were
        dropped.
        """
        waiting = self.waiting
        out = [self._out] if self._out is not None else []
        for batch in out:
            waiting -= self._take_out(batch)
        left = [event for batch in (*out, *self._again) for event in batch.events]
        left += self._queue
        if self.disk is not None:
            kept, left = self.disk.keep(left)
            self._books.kept += kept
        self._books.drop(reason, left)
        self._queue.clear()
        self._again.clear()
        self._out = None
        self._queued_bytes = self.pending = self.pending_bytes = 0
        self.settled += waiting + self._ahead
        self._ahead = self._scattered = 0
        return len(left)

    def has_room(self, size: int) -> bool:
        """Return whether an event of `size` bytes fits in now."""
        return self.pending < self._max_events and self.pending_bytes + size <= self._max_bytes

    def make_room(self, size: int) -> bool:
        """
        Drop the oldest events that wait until one of `size` bytes fits in; False, and nothing dropped, if none would
        do: what is on its way, or comes back from there, may have been stored and stays.
        """
        queue, count = self._queue, 0
        pending, pending_bytes = self.pending, self.pending_bytes
        while pending >= self._max_events or pending_bytes + size > self._max_bytes:
            if count == len(queue):
                return False
            pending -= 1
            pending_bytes -= len(queue[count])
            count += 1
        oldest = [queue.popleft() for _ in range(count)]
        self._queued_bytes -= sum(map(len, oldest)) + count
        self._gone(Dropped.QUEUE_FULL, oldest)
        older = self._again[-1] if self._again else self._out
        if older is None or not older.events:
            self.settled += count
        else:
            older.ahead += count
            self._ahead += count
        return True

    def purge(self, matches: Callable[[bytes], bool]) -> tuple[int, int]:
        """
        Drop the events that match; return how many went, and how many are on their way at this moment. Those go, too,
        unless the answer says that they have arrived.
        """
        kept: deque[bytes] = deque()
        gone: list[bytes] = []
        for event in self._queue:
            (gone if matches(event) else kept).append(event)
        self._queue = kept
        self._queued_bytes -= sum(map(len, gone)) + len(gone)
        self._gone(Dropped.PURGED, gone)
        self._scattered += len(gone)
        self._ahead += len(gone)
        count = len(gone)
        again = list(self._again)
        self._again.clear()
        for batch in again:
            batch.purges.append(matches)
            count += self._take_out(batch)
        self._put_back(*again)
        if self.disk is not None:
            own, inherited = self.disk.purge(matches)
            self._scattered += own
            self._ahead += own
            count += own + inherited
        on_their_way = 0
        if self._out is not None and (on_their_way := sum(map(matches, self._out.events))):
            self._out.purges.append(matches)
        self._gather()
        return count, on_their_way

    def take_report(self) -> Batch | None:
        """
        Return a batch without events that carries a report of losses; None when there is nothing to report. For the
        end, when no other batch will take it along.
        """
        if self._out is not None or (report := self._reports.due()) is None:
            return None
        self._books.requests += 1
        self._out = Batch([], 0, attempts=1, losses=report)
        return self._out

    def read_due(self, now: float, *, only_own: bool) -> Read | None:
        """
        Return what should be read from the disk now; None when memory has a batch, or one to send again. With
        `only_own`, nothing that dead processes left.
        """
        if (
            self.disk is None
            or self._out is not None
            or self._again
            or len(self._queue) >= self._batch_events
            or self._queued_bytes >= self._batch_bytes
        ):
            return None
        return self.disk.due(now, self._max_events - self.pending, self._max_bytes - self.pending_bytes, only_own)

    def load(self, chunk: Chunk | None) -> None:
        """Queue what was read from the disk; None when nothing was there."""
        if self.disk is None:
            return
        self.disk.reading = None
        if chunk is None:
            return
        for event in self.disk.took(chunk):
            self._queue.append(event)
            self.pending += 1
            self.pending_bytes += len(event)
            self._queued_bytes += len(event) + 1
        if not chunk.adopted and (lost := chunk.count - len(chunk.events)):  # they were waiting, and will not come
            self._scattered += lost
            self._ahead += lost
            self._gather()

    def _cut(self) -> Batch:
        size = count = 0
        for event in islice(self._queue, self._batch_events):
            if count and size + len(event) + 1 > self._batch_bytes:
                break
            size += len(event) + 1
            count += 1
        self._queued_bytes -= size
        take = self._queue.popleft
        return Batch([take() for _ in range(count)], size)

    def _ack(self, batch: Batch, acked: Acked, now: float) -> None:
        self._not_before = 0.0
        self._books.acked += len(batch.events) - len(acked.retry) - acked.rejected.total()
        self._books.acked_by_result.update(acked.results)
        self._reject(acked.rejected, batch)
        if not acked.retry:
            self._leave(batch)
            return
        events = [batch.events[position] for position in acked.retry]
        left = len(batch.events) - len(events)
        if self.disk is not None:
            again_ids = {id(event) for event in events}
            self.disk.gone(event for event in batch.events if id(event) not in again_ids)
        again = Batch(events, sum(map(len, events)) + len(events), batch.attempts, batch.first_sent, batch.ahead + left)
        again.purges = batch.purges
        self.pending -= left
        self.pending_bytes -= batch.size - again.size - left
        self._ahead += left
        self._retry(again, Retry("not_stored", acked.wait_s), now)

    def _retry(self, batch: Batch, verdict: Retry, now: float) -> None:
        options = self._options
        self._take_out(batch)
        if not batch.events:  # all of it was purged
            self._leave(batch)
            return
        if gave_up := self._hopeless(batch, now):
            self._books.drop(gave_up, batch.events)
            self._failed(verdict.reason, len(batch.events), batch, will_retry=False)
            log.error("Gave up %d event(s) after %d attempts: %s.", len(batch.events), batch.attempts, verdict.reason)
            self._leave(batch)
            return
        self._failed(verdict.reason, len(batch.events), batch, will_retry=True)
        # Full jitter: many programs that lost the same collector must not come back in step.
        doublings = 0 if self._draining else min(batch.attempts - 1, 32)
        ceiling = min(options.backoff_cap_s, options.backoff_base_s * 2.0**doublings)
        pause = self._dice() * ceiling + (verdict.wait_s or 0.0)
        self._asked_to_wait = verdict.wait_s is not None
        self._not_before = now + pause
        self._again.appendleft(batch)
        if batch.attempts & (batch.attempts - 1) == 0:  # the 1st, 2nd, 4th, 8th … time
            log.warning(
                "Sending %d event(s) failed (%s, attempt %d); trying again in %.1f s, %d pending.%s",
                len(batch.events),
                verdict.reason,
                batch.attempts,
                pause,
                self.pending,
                self._whose(verdict.stranger),
            )

    def _hopeless(self, batch: Batch, now: float) -> Dropped | None:
        """Return why a batch should not be tried again, if it should not. On disk, events have their own time."""
        too_old = self.disk.too_old(batch.events) if self.disk is not None else None
        if too_old is not None:
            return Dropped.TOO_OLD if too_old else None
        late = batch.first_sent is not None and now - batch.first_sent >= self._options.give_up_after_s
        return Dropped.GAVE_UP if late else None

    def _reject(self, rejected: dict[str, int], batch: Batch, whose: str = "") -> None:
        for code, count in rejected.items():
            self._books.reject(code, count)
            self._failed(code, count, batch, will_retry=False)
            log.error("The collector refused %d event(s) for good: %s.%s", count, code, whose)

    def _whose(self, stranger: str) -> str:
        """Return what to add to the log about an answer that is no collector's, '' where it is one's."""
        if not stranger:
            return ""
        url = f"{self._options.host.rstrip('/')}/v1/batch"
        return (
            f"\n  {url} answered {stranger}, and not as a collector does."
            f"\n  `host` should be the collector's address, for example {DEFAULT_HOST}."
        )

    def _failed(self, reason: str, events: int, batch: Batch, *, will_retry: bool) -> None:
        if self._books.notices is not None and events:
            self._books.notices.error(DeliveryError(reason, events, batch.attempts, will_retry=will_retry))

    def _take_out(self, batch: Batch) -> int:
        """Drop those events of a batch that is not out which were purged meanwhile; return how many."""
        if not batch.purges:
            return 0
        gone = [event for event in batch.events if any(matches(event) for matches in batch.purges)]
        batch.events = [event for event in batch.events if not any(matches(event) for matches in batch.purges)]
        batch.size -= sum(map(len, gone)) + len(gone)
        batch.purges = []
        batch.ahead += len(gone)
        self._ahead += len(gone)
        self._gone(Dropped.PURGED, gone)
        return len(gone)

    def _put_back(self, *batches: Batch) -> None:
        """Queue batches, oldest first, before all that waits; of one that was purged whole nothing is left to send."""
        for batch in reversed(batches):
            if batch.events:
                self._again.appendleft(batch)
            else:
                self._scattered += batch.ahead

    def _gone(self, reason: Dropped, events: list[bytes]) -> None:
        if self.disk is not None:
            self.disk.gone(events)
        self._books.drop(reason, events)
        self.pending -= len(events)
        self.pending_bytes -= sum(map(len, events))

    def _gather(self) -> None:
        """
        Count as settled what was purged from among those that waited, now that none is left which might be older.
        """
        if self._scattered and not self.waiting:
            self.settled += self._scattered
            self._ahead -= self._scattered
            self._scattered = 0

    def _leave(self, batch: Batch) -> None:
        if self.disk is not None:
            self.disk.gone(batch.events)
        self.pending -= len(batch.events)
        self.pending_bytes -= batch.size - len(batch.events)
        self.settled += len(batch.events) + batch.ahead
        self._ahead -= batch.ahead


def _halves(batch: Batch) -> tuple[Batch, Batch]:
    middle = len(batch.events) // 2
    first, second = batch.events[:middle], batch.events[middle:]
    return (
        Batch(first, sum(map(len, first)) + len(first), 0, batch.first_sent),
        Batch(second, sum(map(len, second)) + len(second), 0, batch.first_sent, batch.ahead),
    )
