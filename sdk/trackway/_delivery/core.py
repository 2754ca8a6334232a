"""
What a sender does next: `Delivery`, an outbox that can be closed. A pure state machine, as the outbox is: the thread
and the task that drive it differ only in how they wait and how they send.

    step(now) → Send(batch): pack it, send it, settle(batch, verdict, now)
              → Read(…): read(it), without the lock, then loaded(chunk)
              → Wait(seconds): until then, or until `wake` is called
              → STOP: closed, and nothing is left to do in time
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

import msgspec

from trackway._delivery.answers import Recode, verdict
from trackway._delivery.compression import FALLBACK, compress
from trackway._delivery.outbox import Outbox, Read, dice
from trackway._delivery.transport import Request, client_headers
from trackway._events.stamps import rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable

    from trackway._books import Books, Dropped
    from trackway._delivery.answers import Answer, Verdict
    from trackway._delivery.outbox import Batch
    from trackway._disk import Chunk
    from trackway._options import Options

log = logging.getLogger("trackway")

_NAMES = {"gzip": "gzip", "none": "plain JSON"}

log = logging.getLogger("trackway")

LEAST_REQUEST_S = 0.05
"""A request that starts just before the deadline still gets this long."""
SHARE_OF_OTHERS = 0.25
"""
Of the time that closing has, this much may go by until what dead processes left is no longer read. Programs that are
always short, as jobs are, have no other time for it; after our own events, which come first.
"""


class Send(msgspec.Struct, frozen=True):
    """This batch is due."""

    batch: Batch


class Wait(msgspec.Struct, frozen=True):
    """Nothing is due before `for_s` seconds have passed; None: before something is added."""

    for_s: float | None


class Stop:
    """All has left, or there is no time left."""


STOP = Stop()
Step = Send | Read | Wait | Stop


class Delivery:
    """The outbox of one process, and its end. Callers hold `lock` around every call."""

    def __init__(
        self,
        options: Options,
        books: Books,
        *,
        wake: Callable[[], None],
        dice: Callable[[], float] = dice,
    ) -> None:
        # Reentrant: a signal handler or a finaliser may track while this very thread is tracking.
        self.lock = threading.RLock()
        self.outbox = Outbox(options, books, wake=wake, dice=dice)
        self._books = books
        self.closing = False
        self.close_timeout_s = 0.0
        self.deadline: float | None = None
        """Monotonic seconds; None until closing begins."""
        self._abandoned = False
        self._reported = False

    def step(self, now: float) -> Step:
        """Return what to do now; a batch to be sent is out until it is settled."""
        in_time = self.deadline is None or now < self.deadline
        if in_time and (read := self.outbox.read_due(now, only_own=self._only_own(now))) is not None:
            return read
        due_in = self.outbox.due_in(now)
        if due_in is None and (report := self._last_report(now)) is not None:
            return Send(report)
        if self.deadline is not None and (due_in is None or now + due_in >= self.deadline):
            return STOP
        return Send(self.outbox.take(now)) if due_in == 0 else Wait(due_in)

    def settle(self, batch: Batch, verdict: Verdict, now: float) -> None:
        """Enter what became of a batch that was sent."""
        self.outbox.settle(batch, verdict, now)

    def read(self, step: Read) -> Chunk | None:
        """Read from the disk what is due. Takes its time, so it is called without the lock, and by one at a time."""
        return None if self.outbox.disk is None else self.outbox.disk.read(step)

    def loaded(self, chunk: Chunk | None) -> None:
        """Queue what was read, unless all was abandoned meanwhile: then it is where it was, on disk."""
        if not self._abandoned:
            self.outbox.load(chunk)

    def begin_close(self, now: float, timeout_s: float) -> None:
        """Make everything due, and set the deadline. The second call does nothing."""
        if not self.closing:
            self.closing = True
            self.close_timeout_s = timeout_s
            self.deadline = now + timeout_s
            self.outbox.drain()

    def _only_own(self, now: float) -> bool:
        """Return whether closing has no time for what dead processes left: as long as ours is there, and later on."""
        late = self.deadline is not None and now >= self.deadline - (1 - SHARE_OF_OTHERS) * self.close_timeout_s
        return self.closing and (late or self.outbox.pending > 0)

    def _last_report(self, now: float) -> Batch | None:
        """Return a batch that tells of losses when no other will: all has left, and there is time; once."""
        if not self.left_s(now) or self._reported or self.outbox.waiting:
            return None
        self._reported = True
        return self.outbox.take_report()

    def left_s(self, now: float) -> float:
        """Return the seconds until the deadline, 0 when it has passed or closing has not begun."""
        return 0.0 if self.deadline is None else max(0.0, self.deadline - now)

    def request_timeout_s(self, now: float, usual_s: float) -> float:
        """Return how long a request that starts now may take."""
        return usual_s if self.deadline is None else max(LEAST_REQUEST_S, min(usual_s, self.left_s(now)))

    def abandon(self, reason: Dropped) -> int | None:
        """
        Leave to the disk what is left after closing, or drop it, and return how many events were dropped; None when
        it was done before.
        """
        if self._abandoned:
            return None
        self._abandoned = True
        return self.outbox.abandon(reason)

    def close_disk(self) -> None:
        """Let go of the disk queue, if there is one. The last call; without the lock, because it waits for the disk."""
        if self.outbox.disk is not None:
            self.outbox.disk.queue.close()

    def report_close(self, lost: int) -> None:
        """Log what closing could not send in time."""
        if kept := self._books.kept:
            log.warning(
                "%d event(s) were not sent within the %.1f s that close() had; they are on disk for the next process.",
                kept,
                self.close_timeout_s,
            )
        if lost:
            log.error(
                "%d event(s) were not sent within the %.1f s that close() had, and are dropped.",
                lost,
                self.close_timeout_s,
            )


class Packer:
    """
    Makes the request that carries a batch, and reads its answer. Takes its time, so it is called without the lock, by
    whoever sends: one request at a time.
    """

    def __init__(self, options: Options) -> None:
        self._headers = client_headers(options.write_key)
        self._encoding: str = options.compression
        self._compress_over_bytes = options.gzip_over_bytes

    def request(self, batch: Batch, sent_at_ns: int, timeout_s: float) -> Request:
        """Return the request for one attempt; `sent_at_ns` is the client's clock."""
        losses = b"" if batch.losses is None else batch.losses.members()
        body = b'{%b"batch":[%b],"sentAt":"%b"}' % (losses, b",".join(batch.events), rfc3339(sent_at_ns).encode())
        headers = dict(self._headers)
        if batch.attempts > 1:
            headers["X-Retry-Count"] = str(batch.attempts - 1)
        if self._encoding != "none" and len(body) > self._compress_over_bytes:
            body = compress(body, self._encoding)
            headers["Content-Encoding"] = self._encoding
        return Request(body, headers, timeout_s)

    def verdict(self, request: Request, answer: Answer, batch: Batch, now_s: float) -> Verdict:
        """
        Return what an answer means for the batch; `now_s` is Unix time. After one that says that an encoding cannot be
        read, that encoding is not used again.
        """
        found = verdict(answer, batch.events, now_s, request.headers.get("Content-Encoding", ""))
        if isinstance(found, Recode):
            self._encoding = FALLBACK[found.encoding]
            log.warning("The collector cannot read %s; %s is sent from now on.", found.encoding, _NAMES[self._encoding])
        return found
