"""`AsyncTracker`: for programs that run in an event loop. A task sends what is queued; there is no thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from trackway import _lifecycle
from trackway._capture import Capture
from trackway._clock import seconds
from trackway._delivery.transport import AsyncTransport, HttpTransport, Transport
from trackway._errors import ConfigurationError

if TYPE_CHECKING:
    from types import TracebackType

    from trackway._delivery.task import SenderTask


class AsyncTracker(Capture[AsyncTransport | Transport]):
    """
    Sends events to a collector from within an event loop, and accounts for each of them.

        async with AsyncTracker("write-key", host="https://collect.example.com", plan="plan.json") as tracker:
            tracker.track("Order Completed", {"total": "12.50"}, user_id="user-7")

    `track` and its siblings are plain calls, the same as `Tracker`'s; they never wait and may be called from any
    thread, and before a loop runs. The first call inside a running loop starts a task there that sends.

    Nothing is lost with a loop: what is pending when it ends is sent by the next loop of the process, or at the end of
    the program, without a loop, within `exit_timeout_s`.
    """

    async def flush(self, timeout: float = 10.0) -> bool:
        """
        Wait until every event tracked so far has left, for at most `timeout` seconds; returns whether it has.
        """
        return await self._sender.flush(seconds(timeout, 10.0))

    async def close(self, timeout: float | None = None) -> bool:
        """
        Send what is pending and stop; what is left after `timeout` seconds is dropped and counted. Returns
        whether none was.

        The default timeout is `close_timeout_s`. Closing again does nothing; events tracked later are dropped
        and counted. When this is cancelled, sending goes on in the background, until the same deadline.
        """
        self._begin_close(seconds(timeout, self.options.close_timeout_s))
        return await self._sender.finish_close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def _open_transport(self) -> AsyncTransport | Transport:
        from trackway._delivery.aiohttp_transport import AiohttpTransport

        return AiohttpTransport(self.options.host)

    def _make_sender(self) -> SenderTask:
        from trackway._delivery import adapters, task

        for name, value, mend in _IMPOSSIBLE:
            if getattr(self.options, name, None) == value:
                msg = f"`{name}` is {value!r}, which an AsyncTracker cannot do. {mend}"
                raise ConfigurationError(msg)
        self._sender = task.SenderTask(
            self.options,
            self._books,
            adapters.as_async(self._transport),
            self._clock,
            last_transport=self._last_transport,
            when_ended=lambda: _lifecycle.done(self),
        )
        return self._sender

    def _last_transport(self) -> Transport:
        """Return what sends where no loop runs: urllib3 in aiohttp's place, or the transport that was given."""
        from trackway._delivery import adapters, aiohttp_transport

        if isinstance(self._transport, aiohttp_transport.AiohttpTransport):
            self._transport.forget()
            return HttpTransport(self.options.host)
        return adapters.as_blocking(self._transport)

    def _run(self) -> None:
        if not self._sender.is_here:
            super()._run()

    def _flush_here(self, timeout_s: float) -> bool:
        return self._sender.flush_here(timeout_s)

    async def _flush_in_loop(self, timeout_s: float) -> bool:
        return await self._sender.flush(timeout_s)

    def _finish_exit(self) -> None:
        self._sender.finish_close_here()


_IMPOSSIBLE = (
    ("sync", True, "Use Tracker, which can."),
    ("overflow", "block", "A loop must not be blocked: choose another policy, or use Tracker in threads."),
)
