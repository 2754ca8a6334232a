"""`flush_after`: for functions that are frozen or ended when they return, as those of AWS Lambda are."""

from __future__ import annotations

import functools
import logging
import time
from typing import TYPE_CHECKING, Any, TypeVar, overload

from trackway import _lifecycle

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trackway._async_tracker import AsyncTracker
    from trackway._lifecycle import Living
    from trackway._tracker import Tracker

F = TypeVar("F", bound="Callable[..., Any]")

log = logging.getLogger("trackway")


@overload
def flush_after(handler: F) -> F: ...
@overload
def flush_after(
    *,
    tracker: Tracker | AsyncTracker | None = None,
    timeout_s: float = 2.0,
    margin_s: float = 0.2,
    remaining_s: Callable[..., float] | None = None,
) -> Callable[[F], F]: ...


def flush_after(
    handler: Callable[..., Any] | None = None,
    *,
    tracker: Tracker | AsyncTracker | None = None,
    timeout_s: float = 2.0,
    margin_s: float = 0.2,
    remaining_s: Callable[..., float] | None = None,
) -> Any:
    """
    Return the handler so that it flushes before it returns; for plain and `async` functions.

        @flush_after
        def handler(event, context):
            tracker.track("Order Completed", {"total": "12.50"}, user_id="user-7")
            return {"statusCode": 200}

    What the handler returns or raises is not changed, whatever becomes of the flush. It takes `timeout_s` at most, and
    ends `margin_s` before the platform's own deadline: that of AWS Lambda is found in the handler's arguments (an
    object with `get_remaining_time_in_millis`); for other platforms, `remaining_s` is called with the handler's
    arguments and returns seconds. What has not left by then stays queued for the next call.

    Without `tracker`, all trackers of the process that have events are flushed.
    """

    import inspect  # here: few programs decorate a handler, and every program imports this module

    def decorate(handler: Callable[..., Any]) -> Callable[..., Any]:
        def seconds(args: tuple[Any, ...], kwargs: dict[str, Any]) -> float:
            left_s = remaining_s(*args, **kwargs) if remaining_s is not None else _of_lambda((*args, *kwargs.values()))
            return timeout_s if left_s is None else max(0.0, min(timeout_s, left_s - margin_s))

        @functools.wraps(handler)
        def plain(*args: Any, **kwargs: Any) -> Any:
            try:
                return handler(*args, **kwargs)
            finally:
                try:
                    _flush(_chosen(tracker), seconds(args, kwargs))
                except Exception:
                    log.error("flush_after failed.", exc_info=True)

        @functools.wraps(handler)
        async def awaited(*args: Any, **kwargs: Any) -> Any:
            try:
                return await handler(*args, **kwargs)
            finally:
                try:
                    await flush_in_loop(_chosen(tracker), seconds(args, kwargs))
                except Exception:
                    log.error("flush_after failed.", exc_info=True)

        is_async = inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(type(handler).__call__)
        return awaited if is_async else plain

    return decorate if handler is None else decorate(handler)


def _chosen(tracker: Tracker | AsyncTracker | None) -> Sequence[Living]:
    return _lifecycle.in_use_now() if tracker is None else (tracker,)


def _of_lambda(arguments: Sequence[Any]) -> float | None:
    """Return the seconds that AWS Lambda says are left, None when this is not AWS Lambda."""
    for argument in arguments:
        left_ms = getattr(argument, "get_remaining_time_in_millis", None)
        if callable(left_ms):
            return float(left_ms()) / 1000
    return None


def _flush(trackers: Sequence[Living], timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    for tracker in trackers:
        tracker._begin_flush()  # all before the first is waited for
    for tracker in trackers:
        tracker._flush_here(max(0.0, deadline - time.monotonic()))


async def flush_in_loop(trackers: Sequence[Living], timeout_s: float) -> None:
    """Flush several trackers at once, without holding up the loop."""
    deadline = time.monotonic() + timeout_s
    for tracker in trackers:
        tracker._begin_flush()
    for tracker in trackers:
        await tracker._flush_in_loop(max(0.0, deadline - time.monotonic()))
