"""
Sending on the caller's own thread: what `Tracker(sync=True)` does with each event, and how events of an `AsyncTracker`
leave when no loop is there to do it.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from trackway._delivery.core import Delivery, Send, Wait
from trackway._delivery.outbox import Read
from trackway._delivery.sender import Sender

if TYPE_CHECKING:
    from trackway._books import Books
    from trackway._clock import Clock
    from trackway._delivery.transport import Transport
    from trackway._options import Options


class DirectSender(Sender):
    """A `Sender` without a thread. One caller at a time sends; the others wait, and often find their event gone."""

    def __init__(
        self, options: Options, books: Books, transport: Transport, clock: Clock, delivery: Delivery | None = None
    ) -> None:
        super().__init__(options, books, transport, clock, delivery)
        self._sync_timeout_s = options.sync_timeout_s
        # Reentrant: a signal handler may track, or end the program, while this very thread is sending.
        self._turn = threading.RLock()

    def start(self) -> bool:
        """Send what was just added, for at most `sync_timeout_s`; the next event has to ask again."""
        self.flush(self._sync_timeout_s)
        return False

    def flush(self, timeout_s: float) -> bool:
        """Send what is pending, for at most `timeout_s`; return whether all of it has left."""
        deadline = time.monotonic() + timeout_s
        with self._lock:
            if not self.outbox.waiting:
                return True
            target = self.outbox.request_flush()
        if self._turn.acquire(timeout=_bounded(timeout_s)):
            try:
                self._deliver(target, deadline)
            finally:
                self._turn.release()
        return self.outbox.settled >= target

    def let_go(self) -> None:
        """Close the connection; the next flush opens one anew."""
        self._transport.close()

    def _deliver(self, target: int, deadline: float) -> None:
        while True:
            now = time.monotonic()
            with self._lock:
                if self.outbox.settled >= target or now >= deadline:
                    return
                step = self._delivery.step(now)
            match step:
                case Send(batch):
                    self._exchange(batch, min(self._request_timeout_s, deadline - now))
                case Read():
                    self._load(step)
                case Wait(for_s) if for_s is not None and now + for_s < deadline:
                    self._bell.wait(for_s)
                case _:
                    # Closed; or the pause before the next attempt is longer than this call may wait; or a request of
                    # this very thread is out, and a signal handler has come in between.
                    return

    def _run(self) -> None:
        """Drain until the deadline of closing, as `finish_close` asks for."""
        if not self._turn.acquire(timeout=_bounded(self._delivery.left_s(time.monotonic()))):
            return
        try:
            with self._lock:
                # A signal that ends the program may have broken into a request of this very thread.
                self.outbox.put_back()
            super()._run()
        finally:
            self._turn.release()


def _bounded(timeout_s: float) -> float:
    return min(max(timeout_s, 0.0), threading.TIMEOUT_MAX)
