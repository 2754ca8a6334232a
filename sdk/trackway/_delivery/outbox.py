"""
Events on their way out: the bounded queue, the cutting of batches, the retry schedule. A pure state machine.

It reads no clock, does no I/O and takes no lock; whoever drives it (a thread today) passes the time in and
holds a lock around every call:

    add(event) … → due_in(now) → take(now) → (send) → settle(batch, verdict, now)

Every event added leaves through `settle` or `abandon`, once, and is entered in the books there.
"""

from __future__ import annotations

import logging
import random
from collections import deque
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING

from trackway._books import Dropped
from trackway._delivery.answers import Acked, Recode, Rejected, Retry, Split, Verdict
from trackway._options import DEFAULT_HOST

if TYPE_CHECKING:
    from collections.abc import Callable

    from trackway._books import Books
    from trackway._delivery.ondisk import OnDisk
    from trackway._disk import Chunk
    from trackway._options import Options

log = logging.getLogger("trackway")


@dataclass(slots=True, eq=False)
class Batch:
    """Events that travel together, in order, until the collector has answered for them."""

    events: list[bytes]
    size: int
    """Bytes of the events, without what stands around them."""
    attempts: int = 0
    first_sent: float | None = None
    """Monotonic seconds of the first attempt."""
    ahead: int = 0
    """How many events that were in it have left already, while these were to be sent again."""


@dataclass(frozen=True, slots=True)
class Read:
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
        dice: Callable[[], float] = random.random,
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
            if reading is not None and room:  # what it brings needs room, too
                room = (
                    self.pending + reading.max_events < self._max_events
                    and self.pending_bytes + reading.max_bytes + size <= self._max_bytes
                )
            if not self.disk.put(event, room):
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
        if count == 1 or count == self._batch_events or before < self._batch_bytes <= after:
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
            len(self._queue) >= self._batch_events
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
        match verdict:
            case Acked():
                self._ack(batch, verdict, now)
            case Rejected(code, stranger):
                self._reject({code: len(batch.events)}, self._whose(stranger))
                self._leave(batch)
            case Split():
                self._again.extendleft(reversed(_halves(batch)))
            case Retry():
                self._retry(batch, verdict, now)
            case Recode():
                # No attempt failed: nobody could read what was sent.
                batch.attempts -= 1
                self._again.appendleft(batch)

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
        waiting = lost = self.waiting
        if self.disk is not None:
            batches = [self._out] if self._out is not None else []
            kept = self.disk.keep(chain(*(batch.events for batch in [*batches, *self._again]), self._queue))
            self._books.kept += kept
            lost -= kept
        if lost:
            self._books.dropped[reason] += lost
        self._queue.clear()
        self._again.clear()
        self._out = None
        self._queued_bytes = self.pending = self.pending_bytes = 0
        self.settled += waiting + self._ahead
        self._ahead = 0
        return lost

    def read_due(self, now: float, closing: bool) -> Read | None:
        """Return what should be read from the disk now; None when memory has a batch, or one to send again."""
        if (
            self.disk is None
            or self._out is not None
            or self._again
            or len(self._queue) >= self._batch_events
            or self._queued_bytes >= self._batch_bytes
        ):
            return None
        return self.disk.due(now, self._max_events - self.pending, self._max_bytes - self.pending_bytes, closing)

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
        if not chunk.adopted:  # they were waiting, and will not come
            self.settled += chunk.count - len(chunk.events)

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
        self._reject(acked.rejected)
        if not acked.retry:
            self._leave(batch)
            return
        events = [batch.events[position] for position in acked.retry]
        left = len(batch.events) - len(events)
        if self.disk is not None:
            again_ids = {id(event) for event in events}
            self.disk.gone(event for event in batch.events if id(event) not in again_ids)
        again = Batch(events, sum(map(len, events)) + len(events), batch.attempts, batch.first_sent, batch.ahead + left)
        self.pending -= left
        self.pending_bytes -= batch.size - again.size - left
        self._ahead += left
        self._retry(again, Retry("not_stored", acked.wait_s), now)

    def _retry(self, batch: Batch, verdict: Retry, now: float) -> None:
        options = self._options
        if reason := self._hopeless(batch, now):
            self._books.dropped[reason] += len(batch.events)
            log.error("Gave up %d event(s) after %d attempts: %s.", len(batch.events), batch.attempts, verdict.reason)
            self._leave(batch)
            return
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

    def _reject(self, rejected: dict[str, int], whose: str = "") -> None:
        for code, count in rejected.items():
            self._books.reject(code, count)
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
