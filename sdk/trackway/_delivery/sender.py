"""
The thread that empties the outbox. It starts with the first event, in the process that tracks it, and sleeps
when idle.
"""

from __future__ import annotations

import base64
import contextlib
import logging
import threading
import time
import zlib
from typing import TYPE_CHECKING

from trackway._books import Dropped
from trackway._delivery.answers import Retry, Verdict, verdict
from trackway._delivery.outbox import Outbox
from trackway._delivery.transport import Request
from trackway._errors import NetworkError
from trackway._events.stamps import rfc3339
from trackway._version import LIBRARY, __version__

if TYPE_CHECKING:
    from trackway._books import Books
    from trackway._clock import Clock
    from trackway._delivery.outbox import Batch
    from trackway._delivery.transport import Transport
    from trackway._options import Options

log = logging.getLogger("trackway")

GZIP_LEVEL = 1
"""Level 1 makes events about 5 times smaller; level 6 takes three times as long for another quarter."""


class Bell:
    """
    A lock used as a binary semaphore: `ring` never blocks and may be called from signal handlers, as
    Event.set may not.
    """

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def ring(self) -> None:
        """Let the present or the next `wait` return at once."""
        with contextlib.suppress(RuntimeError):  # it has been rung already
            self._lock.release()

    def wait(self, timeout_s: float | None) -> None:
        """Return when the bell has been rung since the last wait, or after the timeout."""
        self._lock.acquire(timeout=-1 if timeout_s is None else min(timeout_s, threading.TIMEOUT_MAX))


class Sender:
    """
    Drives an outbox over a transport. `lock` guards the outbox and the books; it is never held during I/O.
    """

    def __init__(self, options: Options, books: Books, transport: Transport, clock: Clock) -> None:
        self._options = options
        self._transport = transport
        self._clock = clock
        # Reentrant: a signal handler or a finaliser may track while this very thread is tracking.
        self.lock = self._lock = threading.RLock()
        self._bell = Bell()
        self._progress = threading.Condition(self._lock)
        self.outbox = Outbox(options, books, wake=self._bell.ring)
        self._thread: threading.Thread | None = None
        self._closing = False
        self._closed = False
        self._close_timeout_s = 0.0
        self._deadline: float | None = None
        key = base64.b64encode(f"{options.write_key}:".encode()).decode()
        self._headers = {
            "Authorization": f"Basic {key}",
            "Accept": "application/vnd.trackway.v1+json",
            "Content-Type": "application/json",
            "User-Agent": f"{LIBRARY}/{__version__}",
        }

    def start(self) -> None:
        """
        Start the thread, once. Where no thread can be had (interpreter shutdown), `finish_close` does the sending.
        """
        with self._lock:
            if self._thread is not None or self._closing:
                return
            # A daemon: a hanging network must not keep the program alive past its exit deadline.
            self._thread = threading.Thread(target=self._run, name="trackway-sender", daemon=True)
            try:
                self._thread.start()
            except RuntimeError as error:
                self._thread = None
                log.warning("No thread for sending could be started (%s); events wait for close().", error)

    def flush(self, timeout_s: float) -> bool:
        """Wait until all that is pending now has left, at most `timeout_s`; return whether it has."""
        with self._lock:
            if not self.outbox.pending:
                return True
            target = self.outbox.request_flush()
            return self._progress.wait_for(lambda: self.outbox.settled >= target, timeout_s)

    def begin_close(self, timeout_s: float) -> None:
        """Make everything due, with a deadline; return at once. The second call does nothing."""
        with self._lock:
            if self._closing:
                return
            self._closing = True
            self._close_timeout_s = timeout_s
            self._deadline = time.monotonic() + timeout_s
            self.outbox.drain()

    def finish_close(self) -> bool:
        """
        Send what is pending until the deadline of `begin_close`, drop and count the rest, end the thread; True if
        nothing was lost.
        """
        with self._lock:
            if self._closed or self._deadline is None:
                return True
            self._closed = True
            thread, deadline = self._thread, self._deadline
        if thread is None:
            self._run()
        elif thread is not threading.current_thread():
            thread.join(max(0.0, deadline - time.monotonic()))
        with self._lock:
            lost = self.outbox.abandon(Dropped.NOT_SENT_IN_TIME)
            self._progress.notify_all()
        self._bell.ring()
        self._transport.close()
        if lost:
            log.error(
                "%d event(s) were not sent within the %.1f s that close() had, and are dropped.",
                lost,
                self._close_timeout_s,
            )
        return not lost

    def _run(self) -> None:
        while True:
            with self._lock:
                now = time.monotonic()
                due_in = self.outbox.due_in(now)
                if self._closing and (due_in is None or now + due_in >= (self._deadline or 0)):
                    return
                batch = self.outbox.take(now) if due_in == 0 else None
            if batch is None:
                self._bell.wait(due_in)
                continue
            result = self._send(batch)
            with self._lock:
                self.outbox.settle(batch, result, time.monotonic())
                self._progress.notify_all()

    def _send(self, batch: Batch) -> Verdict:
        try:
            answer = self._transport.send(self._request(batch))
            return verdict(answer, batch.events, self._clock.time_ns() / 1e9)
        except NetworkError as error:
            return Retry(str(error))
        except Exception as error:
            # Whatever a transport does wrong, the events are still ours; retrying is bounded by
            # give_up_after_s.
            log.debug("The transport failed.", exc_info=True)
            return Retry(type(error).__name__)

    def _request(self, batch: Batch) -> Request:
        sent_at = rfc3339(self._clock.time_ns())
        body = b'{"batch":[%b],"sentAt":"%b"}' % (b",".join(batch.events), sent_at.encode())
        headers = dict(self._headers)
        if batch.attempts > 1:
            headers["X-Retry-Count"] = str(batch.attempts - 1)
        if len(body) > self._options.gzip_over_bytes:
            body = zlib.compress(body, GZIP_LEVEL, wbits=31)  # 31: in a gzip container; releases the GIL
            headers["Content-Encoding"] = "gzip"
        timeout_s = self._options.request_timeout_s
        if self._deadline is not None:
            timeout_s = max(0.05, min(timeout_s, self._deadline - time.monotonic()))
        return Request(body, headers, timeout_s)
