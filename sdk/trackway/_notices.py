"""
What the program asked to hear of: `on_drop` and `on_error`.

Drops and errors happen under the tracker's lock; they are noted there and told outside of it, on the thread where they
happened: the caller's for a call that is refused, the sender's (in an `AsyncTracker` the loop's) for what it gives up,
the closing one's for what is left at the end. A callback may track: what it loses itself is counted and not told, or
one loss would go on for ever.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from trackway._books import Dropped

    OnDrop = Callable[[Dropped, dict[str, Any]], object]
    OnError = Callable[[Exception], object]
    Event = bytes | dict[str, Any]

log = logging.getLogger("trackway")


class Notices:
    """Drops and errors that wait to be told. `drop` and `error` are called under the lock, `tell` is not."""

    def __init__(self, on_drop: OnDrop | None, on_error: OnError | None) -> None:
        self._on_drop = on_drop
        self._on_error = on_error
        self._waiting: deque[tuple[Dropped, Event] | Exception] = deque()
        self._telling: set[int] = set()
        self._failures = 0

    def drop(self, reason: Dropped, events: Iterable[Event]) -> None:
        """Note dropped events; an event is decoded when it is told, and only where somebody listens."""
        if self._on_drop is not None and threading.get_ident() not in self._telling:
            self._waiting.extend((reason, event) for event in events)

    def error(self, error: Exception) -> None:
        """Note that something failed."""
        if self._on_error is not None and threading.get_ident() not in self._telling:
            self._waiting.append(error)

    def tell(self) -> None:
        """Call back for all that waits; what the callbacks raise is logged by its kind and goes no further."""
        me = threading.get_ident()
        if not self._waiting or me in self._telling:
            return
        self._telling.add(me)
        try:
            while self._waiting:
                try:
                    notice = self._waiting.popleft()
                except IndexError:  # another thread has told it
                    return
                self._call(notice)
        finally:
            self._telling.discard(me)

    def _call(self, notice: tuple[Dropped, Event] | Exception) -> None:
        try:
            if isinstance(notice, Exception):
                if self._on_error is not None:
                    self._on_error(notice)
            elif self._on_drop is not None:
                reason, event = notice
                self._on_drop(reason, msgspec.json.decode(event) if isinstance(event, bytes) else event)
        except (Exception, SystemExit) as error:  # sys.exit() in a callback must not end the sender
            self._failures += 1
            if self._failures == 10 ** (len(str(self._failures)) - 1):
                which = "on_error" if isinstance(notice, Exception) else "on_drop"
                log.error("%s failed (%s), %d time(s) so far.", which, type(error).__name__, self._failures)
