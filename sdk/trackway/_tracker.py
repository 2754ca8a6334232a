"""
`Tracker`: for programs with threads, or with nothing but a main one. Its own thread sends what is queued; with
`sync=True` each call sends, and there is no thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from trackway import _lifecycle
from trackway._capture import Capture
from trackway._clock import seconds
from trackway._delivery.direct import DirectSender
from trackway._delivery.sender import Sender
from trackway._delivery.transport import HttpTransport, Transport

if TYPE_CHECKING:
    from types import TracebackType


class Tracker(Capture[Transport]):
    """
    Sends events to a collector, in the background, and accounts for each of them.

        with Tracker("write-key", host="https://collect.example.com", plan="plan.json") as tracker:
            tracker.track("Order Completed", {"total": "12.50"}, user_id="user-7")

    Every call returns at once with the event's `messageId`, or None when the event was refused; `stats()`
    says why. After the constructor nothing raises, except PlanViolationError with `on_violation="raise"`.
    Safe to use from any thread; one tracker a process is enough.

    With `sync=True` a call returns when its event has left, or after `sync_timeout_s`; what could not be sent by then
    stays queued and goes before the next event.
    """

    def flush(self, timeout: float = 10.0) -> bool:
        """
        Wait until every event tracked so far has left, for at most `timeout` seconds; returns whether it has.
        """
        return self._sender.flush(seconds(timeout, 10.0))

    def close(self, timeout: float | None = None) -> bool:
        """
        Send what is pending and stop; what is left after `timeout` seconds is dropped and counted. Returns
        whether none was.

        The default timeout is `close_timeout_s`. Closing again does nothing; events tracked later are dropped
        and counted.
        """
        self._begin_close(seconds(timeout, self.options.close_timeout_s))
        try:
            return self._sender.finish_close()
        finally:
            _lifecycle.done(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _open_transport(self) -> Transport:
        return HttpTransport(self.options.host)

    def _make_sender(self) -> Sender:
        kind = DirectSender if self.options.sync else Sender
        self._sender = kind(self.options, self._books, self._transport, self._clock)
        return self._sender

    def _flush_here(self, timeout_s: float) -> bool:
        return self._sender.flush(timeout_s)

    async def _flush_in_loop(self, timeout_s: float) -> bool:
        import asyncio

        return await asyncio.to_thread(self._sender.flush, timeout_s)

    def _finish_exit(self) -> None:
        self._sender.finish_close()
