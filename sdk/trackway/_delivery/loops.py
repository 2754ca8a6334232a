"""What an `AsyncTracker` has in event loops: the `Life` of its task in one of them, and those who wait in any."""

from __future__ import annotations

import asyncio
import contextlib
import threading


class Life:
    """One task in one loop. The outbox outlives it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.thread = threading.get_ident()
        self.task: asyncio.Task[None] | None = None
        self.replaced = False
        """Whether somebody else sends what this task has on its way; its answer comes too late, then."""
        self._bell = asyncio.Event()

    @property
    def goes_on(self) -> bool:
        """Whether the loop runs now, so that the task will do its work without being helped."""
        return self.task is not None and not self.task.done() and self.loop.is_running()

    def ring(self) -> None:
        """Let the present or the next `wait` return at once. From any thread, and from signal handlers."""
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self.loop.call_soon_threadsafe(self._bell.set)

    async def wait(self, for_s: float | None) -> None:
        """Return when the bell has been rung since the last wait, or after that time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(for_s):
                await self._bell.wait()
        self._bell.clear()

    def cancel(self) -> None:
        """Have the task break off what it does. It says nothing if its loop never runs again."""
        if self.task is not None:
            # asyncio's own switch for tasks that nobody is to be told about; it has no public name.
            self.task._log_destroy_pending = False  # type: ignore[attr-defined]
            with contextlib.suppress(RuntimeError):
                self.loop.call_soon_threadsafe(self.task.cancel)


class Waiter:
    """A `flush` or `close` that waits, in whatever loop it was called."""

    def __init__(self, target: float) -> None:
        self.target = target
        self._loop = asyncio.get_running_loop()
        self._done: asyncio.Future[None] = self._loop.create_future()

    def release(self) -> None:
        """Let it go on. From any thread."""
        with contextlib.suppress(RuntimeError):  # its loop is closed
            self._loop.call_soon_threadsafe(self._finish)

    def _finish(self) -> None:
        if not self._done.done():
            self._done.set_result(None)

    async def wait(self, timeout_s: float) -> None:
        """Return when released, or after the timeout."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._done
