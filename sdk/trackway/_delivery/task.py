"""
The task that empties the outbox of an `AsyncTracker`. It lives in the loop that tracks, starts with the first event
there, and ends with the loop; what is pending then waits for the next loop, or for the end of the program.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
import time
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple

from trackway._books import Dropped
from trackway._delivery.answers import Retry, Verdict
from trackway._delivery.core import Delivery, Packer, Send, Wait
from trackway._delivery.direct import DirectSender
from trackway._delivery.loops import Life, Waiter
from trackway._delivery.outbox import Read
from trackway._errors import NetworkError

if TYPE_CHECKING:
    from collections.abc import Callable

    from trackway._books import Books
    from trackway._clock import Clock
    from trackway._delivery.outbox import Batch
    from trackway._delivery.transport import AsyncTransport, Request, Transport
    from trackway._options import Options

log = logging.getLogger("trackway")

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

CLEAN_UP_S = 1.0
"""How long `close()` waits for connections to close, after all that matters is done."""


class SenderTask:
    """Drives a `Delivery` over an asynchronous transport. `lock` guards it and the books; never held over an await."""

    def __init__(
        self,
        options: Options,
        books: Books,
        transport: AsyncTransport,
        clock: Clock,
        *,
        last_transport: Callable[[], Transport],
        when_ended: Callable[[], None],
    ) -> None:
        """`last_transport` makes what sends where no loop runs; `when_ended` is called once, after closing."""
        self._options = options
        self._books = books
        self._notices = books.notices
        self._packer = Packer(options)
        self._transport = transport
        self._clock = clock
        self._last_transport = last_transport
        self._when_ended = when_ended
        self._delivery = Delivery(options, books, wake=self._wake)
        self.lock = self._lock = self._delivery.lock
        self.outbox = self._delivery.outbox
        self._life: Life | None = None
        self._waiters: list[Waiter] = []
        self._ended = False
        self._lost = 0
        self._progress = threading.Condition(self._lock)

    @property
    def is_here(self) -> bool:
        """Whether there is a task in the loop that runs here. Asked for each event, so it does no more."""
        life = self._life
        return life is not None and life.loop is asyncio._get_running_loop()

    def start(self) -> bool:
        """Have a task in the loop that runs here, unless there is one in a loop that still runs. Never final."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return False  # the first call inside a loop starts the task
        with self._lock:
            life = self._life
            if self._ended or (life is not None and (life.loop is loop or life.goes_on)):
                return False
            if life is not None:
                # Its loop was stopped or closed over our head.
                self._replace(life)
            self._life = life = Life(loop)
            # Not in the context of whoever tracks first: his scope and his trace are his.
            life.task = loop.create_task(self._drive(life), name="trackway-sender", context=contextvars.Context())
        return False

    async def flush(self, timeout_s: float) -> bool:
        """Wait until all that is pending now has left, at most `timeout_s`; return whether it has."""
        with self._lock:
            if not self.outbox.waiting:
                return True
            target = self.outbox.request_flush()
        await self._wait(target, timeout_s)
        return self.outbox.settled >= target

    def begin_close(self, timeout_s: float) -> None:
        """Make everything due, with a deadline; return at once. The second call does nothing."""
        with self._lock:
            self._delivery.begin_close(time.monotonic(), timeout_s)

    def wait_for_room(self, size: int, timeout_s: float) -> bool:
        """Return False: whoever waited would hold up the loop that makes the room."""
        return False

    def progressed(self) -> None:
        """Let those go on who wait for events to leave."""
        with self._lock:
            self._notify()

    async def finish_close(self) -> bool:
        """
        Wait until all is sent or the deadline of `begin_close` is reached, drop and count the rest, end the task; True
        if nothing was lost. When it is cancelled, the task goes on to the deadline.
        """
        with self._lock:
            if self._ended:
                return True
            life = self._life
        try:
            await self._wait(float("inf"), self._delivery.left_s(time.monotonic()))
        except asyncio.CancelledError:
            left_s = self._delivery.left_s(time.monotonic())
            asyncio.get_running_loop().call_later(left_s, self._end)
            raise
        self._end()
        life = life or self._life
        if life is not None and life.task is not None and life.loop is asyncio.get_running_loop():
            await asyncio.wait({life.task}, timeout=CLEAN_UP_S)
        return not self._lost

    def flush_here(self, timeout_s: float) -> bool:
        """Send what is pending from this thread, without a loop, for at most `timeout_s`; whether all has left."""
        with self._lock:
            if not self.outbox.waiting:
                return True
        direct = self._direct(timeout_s)
        try:
            return direct.flush(timeout_s)
        finally:
            direct.let_go()

    def finish_close_here(self) -> bool:
        """Do what `finish_close` does from this thread, without a loop: at the end of the program."""
        if self._ended:
            return True
        whole = self._direct(self._delivery.left_s(time.monotonic())).finish_close()
        self._end()
        return whole

    def _direct(self, timeout_s: float) -> DirectSender:
        """Return what sends from this thread, when the task has let go of the outbox."""
        with self._lock:
            life, self._life = self._life, None
            if life is not None:
                if life.goes_on and life.thread != threading.get_ident():
                    # A loop in another thread may be about to have the answer.
                    life.ring()
                    self._progress.wait_for(lambda: not self.outbox.is_out, timeout_s / 2)
                self._replace(life)
            else:
                self.outbox.put_back()
        return DirectSender(self._options, self._books, self._last_transport(), self._clock, self._delivery)

    def _replace(self, life: Life) -> None:
        life.replaced = True
        life.cancel()
        self.outbox.put_back()

    async def _wait(self, target: float, timeout_s: float) -> None:
        waiter = Waiter(target)
        with self._lock:
            if self._ended or self.outbox.settled >= target:
                return
            self._waiters.append(waiter)
        try:
            self.start()
            await waiter.wait(timeout_s)
        finally:
            with self._lock:
                self._waiters.remove(waiter)

    def _wake(self) -> None:
        if self._life is not None:
            self._life.ring()

    async def _drive(self, life: Life) -> None:
        thrown_away = False
        try:
            await asyncio.sleep(0)  # with eager tasks, the call that tracked would do the work
            while self._life is life:
                with self._lock:
                    step = self._delivery.step(time.monotonic())
                match step:
                    case Send(batch):
                        await self._exchange(batch, life)
                    case Read():
                        await self._load(step, life)
                    case Wait(for_s):
                        await life.wait(for_s)
                    case _:
                        self._end()
                        break
        except GeneratorExit:  # the loop was dropped with its tasks: nothing can be awaited
            thrown_away = True
            raise
        finally:
            with self._lock:
                last = self._life is None or self._life is life
                if self._life is life:
                    self._life = None
                self._progress.notify_all()
            if last and not thrown_away:
                try:
                    await self._transport.close()
                except Exception:
                    log.debug("The transport could not be closed.", exc_info=True)

    async def _load(self, step: Read, life: Life) -> None:
        chunk = await self._apart(life.loop, self._delivery.read, step)
        with self._lock:
            if not life.replaced:
                self._delivery.loaded(chunk)
            self._notify()
        self._tell()

    async def _exchange(self, batch: Batch, life: Life) -> None:
        try:
            result = await self._send(batch, life)
        except BaseException:  # the loop ends, or the time to close is up
            with self._lock:
                if not life.replaced:
                    self.outbox.put_back()
            raise
        with self._lock:
            if not life.replaced:
                self._delivery.settle(batch, result, time.monotonic())
            self._notify()
        self._tell()

    async def _send(self, batch: Batch, life: Life) -> Verdict:
        timeout_s = self._delivery.request_timeout_s(time.monotonic(), self._options.request_timeout_s)
        try:
            request = await self._pack(batch, timeout_s, life.loop)
            answer = await self._transport.send(request)
            return self._packer.verdict(request, answer, batch, self._clock.time_ns() / 1e9)
        except NetworkError as error:
            return Retry(str(error))
        except Exception as error:
            # Whatever a transport does wrong, the events are still ours; retrying is bounded by give_up_after_s.
            log.debug("The transport failed.", exc_info=True)
            return Retry(type(error).__name__)

    async def _pack(self, batch: Batch, timeout_s: float, loop: asyncio.AbstractEventLoop) -> Request:
        if batch.size > self._options.gzip_over_bytes:
            return await self._apart(loop, self._packer.request, batch, self._clock.time_ns(), timeout_s)
        return self._packer.request(batch, self._clock.time_ns(), timeout_s)

    @staticmethod
    async def _apart(loop: asyncio.AbstractEventLoop, work: Callable[[*Ts], T], *args: *Ts) -> T:
        """Do what takes its time in a thread of the loop's executor; here, where that is shut down at the end."""
        try:
            future = loop.run_in_executor(None, work, *args)
        except RuntimeError:
            return work(*args)
        return await future

    def _tell(self) -> None:
        if self._notices is not None:
            self._notices.tell()

    def _notify(self) -> None:
        self._progress.notify_all()
        for waiter in self._waiters:
            if self._ended or self.outbox.settled >= waiter.target:
                waiter.release()

    def _end(self) -> None:
        """Drop and count what is left after closing; once."""
        with self._lock:
            lost = self._delivery.abandon(Dropped.NOT_SENT_IN_TIME)
            life, self._life = self._life, None
            first, self._ended = not self._ended, True
            self._lost += lost or 0
            self._notify()
        if life is not None and life.task is not _current_task():
            life.cancel()
        self._tell()
        if first:
            self._when_ended()
            self._delivery.close_disk()
        if lost is not None:  # else it was done, and told, on another way
            self._delivery.report_close(lost)


def _current_task() -> asyncio.Task[object] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None
