"""
The thread that empties the outbox. It starts with the first event, in the process that tracks it, and sleeps
when idle.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from trackway import _lifecycle
from trackway._books import Dropped
from trackway._delivery.answers import Retry, Verdict
from trackway._delivery.core import Delivery, Packer, Send, Wait
from trackway._delivery.outbox import Read
from trackway._errors import NetworkError

if TYPE_CHECKING:
    from trackway._books import Books
    from trackway._clock import Clock
    from trackway._delivery.outbox import Batch
    from trackway._delivery.transport import Transport
    from trackway._options import Options

log = logging.getLogger("trackway")


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
        try:  # noqa: SIM105 - suppress() takes longer than the rest, and this is in the caller's path
            self._lock.release()
        except RuntimeError:  # it has been rung already
            pass

    def wait(self, timeout_s: float | None) -> None:
        """Return when the bell has been rung since the last wait, or after the timeout."""
        self._lock.acquire(timeout=-1 if timeout_s is None else min(timeout_s, threading.TIMEOUT_MAX))


class Sender:
    """
    Drives a `Delivery` over a transport. `lock` guards it and the books; it is never held during I/O.
    """

    def __init__(
        self, options: Options, books: Books, transport: Transport, clock: Clock, delivery: Delivery | None = None
    ) -> None:
        """Make a delivery of its own, or drive one that was begun elsewhere."""
        self._request_timeout_s = options.request_timeout_s
        self._packer = Packer(options)
        self._transport = transport
        self._clock = clock
        self._notices = books.notices
        self._bell = Bell()
        self._delivery = delivery or Delivery(options, books, wake=self._wake)
        self.lock = self._lock = self._delivery.lock
        self._progress = threading.Condition(self._lock)
        self.outbox = self._delivery.outbox
        self._thread: threading.Thread | None = None
        self._drained = False

    def start(self) -> bool:
        """
        Start the thread, once. Where no thread can be had (interpreter shutdown), `finish_close` does the sending.
        """
        with self._lock:
            if self._thread is not None or self._delivery.closing:
                return True
            # Made of the locks of now: gevent may have replaced those of then, and a greenlet that waits on one of
            # the operating system's holds up all others.
            self._bell = Bell()
            # A daemon: a hanging network must not keep the program alive past its exit deadline.
            self._thread = threading.Thread(target=self._run, name="trackway-sender", daemon=True)
            try:
                self._thread.start()
            except RuntimeError as error:
                self._thread = None
                log.warning("No thread for sending could be started (%s); events wait for close().", error)
        return True

    def flush(self, timeout_s: float) -> bool:
        """Wait until all that is pending now has left, at most `timeout_s`; return whether it has."""
        with self._lock:
            if not self.outbox.waiting:
                return True
            target = self.outbox.request_flush()
            if self._thread is threading.current_thread():  # a callback that flushes; it would wait for itself
                return False
            return self._progress.wait_for(lambda: self.outbox.settled >= target, timeout_s)

    def wait_for_room(self, size: int, timeout_s: float) -> bool:
        """
        Wait until an event of `size` bytes may fit, at most `timeout_s`; False at once where nobody would make room.
        """
        with self._lock:
            if self._thread is None or self._thread is threading.current_thread():
                return False
            return self._progress.wait_for(lambda: self._delivery.closing or self.outbox.has_room(size), timeout_s)

    def progressed(self) -> None:
        """Let those go on who wait for events to leave."""
        with self._lock:
            self._progress.notify_all()

    def begin_close(self, timeout_s: float) -> None:
        """Make everything due, with a deadline; return at once. The second call does nothing."""
        with self._lock:
            self._delivery.begin_close(time.monotonic(), timeout_s)
            self._progress.notify_all()  # a call that waits for room need not

    def finish_close(self) -> bool:
        """
        Send what is pending until the deadline of `begin_close`, drop and count the rest, end the thread; True if
        nothing was lost.
        """
        with self._lock:
            thread, left_s = self._thread, self._delivery.left_s(time.monotonic())
        if thread is None or not thread.is_alive() or thread is threading.current_thread():
            # There never was a thread, it was killed (gevent can), or a callback on it closes.
            self._run()
        elif _lifecycle.is_held(self._lock):
            # A signal handler has come in between a call that holds the lock: the thread needs it, and a join would
            # keep it. Waiting on the condition lets go of it.
            with self._lock:
                self._progress.wait_for(lambda: self._drained, left_s)
        else:
            thread.join(left_s)
        with self._lock:
            lost = self._delivery.abandon(Dropped.NOT_SENT_IN_TIME)
            self._progress.notify_all()
        self._tell()
        if lost is None:
            return True
        self._bell.ring()
        self._transport.close()
        self._delivery.close_disk()
        self._delivery.report_close(lost)
        return not lost

    def _wake(self) -> None:
        self._bell.ring()

    def _run(self) -> None:
        while True:
            with self._lock:
                step = self._delivery.step(time.monotonic())
            match step:
                case Send(batch):
                    self._exchange(batch, self._request_timeout_s)
                case Read():
                    self._load(step)
                case Wait(for_s):
                    self._bell.wait(for_s)
                case _:
                    with self._lock:
                        self._drained = True
                        self._progress.notify_all()
                    return

    def _load(self, step: Read) -> None:
        chunk = self._delivery.read(step)
        with self._lock:
            self._delivery.loaded(chunk)
            self._progress.notify_all()
        self._tell()

    def _exchange(self, batch: Batch, usual_s: float) -> None:
        """Send the batch once and settle it. `usual_s` is how long that may take when there is no deadline."""
        try:
            result = self._send(batch, self._delivery.request_timeout_s(time.monotonic(), usual_s))
        except BaseException:  # KeyboardInterrupt, or what gevent throws into its greenlets
            with self._lock:
                self._delivery.outbox.put_back()
            raise
        with self._lock:
            self._delivery.settle(batch, result, time.monotonic())
            self._progress.notify_all()
        self._tell()

    def _tell(self) -> None:
        if self._notices is not None:
            self._notices.tell()

    def _send(self, batch: Batch, timeout_s: float) -> Verdict:
        try:
            request = self._packer.request(batch, self._clock.time_ns(), timeout_s)
            answer = self._transport.send(request)
            return self._packer.verdict(request, answer, batch, self._clock.time_ns() / 1e9)
        except NetworkError as error:
            return Retry(str(error))
        except Exception as error:
            # Whatever a transport does wrong, the events are still ours; retrying is bounded by
            # give_up_after_s.
            log.debug("The transport failed.", exc_info=True)
            return Retry(type(error).__name__)
