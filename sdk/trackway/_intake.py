"""
`Intake`: what becomes of an event that is bytes by now. `before_send` may change it; then the outbox takes it, or where
that is full what `overflow` says; or it is refused, which the books and the log say.
"""

from __future__ import annotations

import logging
import sys
import time
from typing import TYPE_CHECKING, Any

from trackway import _lifecycle
from trackway._books import Dropped
from trackway._control import Controlled
from trackway._errors import PlanViolationError
from trackway._events.arguments import Refused, own_stamp
from trackway._events.plan import NO_VIOLATIONS
from trackway._events.stamps import ID_END, ID_START
from trackway._listening import listeners
from trackway._options import MAX_EVENT_BYTES, Options

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from trackway._books import Books
    from trackway._events.before_send import BeforeSend
    from trackway._events.plan import PlanCheck
    from trackway._events.stamps import Stamps
    from trackway._notices import Notices
    from trackway_plan import Violation

log = logging.getLogger("trackway")

_FAILURES = frozenset({Dropped.INTERNAL_ERROR, Dropped.BEFORE_SEND_FAILED})


class Intake(Controlled):
    """The part of a tracker that takes events, or does not."""

    options: Options
    _transport: object
    _plan_check: PlanCheck | None
    _before_send: BeforeSend | None
    _books: Books
    _notices: Notices | None
    _stamps: Stamps
    _closed: bool
    _running: bool

    def _run(self) -> None:
        """See to it that what was just queued is sent."""
        raise NotImplementedError

    def _enqueue(
        self,
        start: bytes,
        rest: bytes,
        message_id: str | None,
        timestamp: datetime | str | None,
        violations: Sequence[Violation] = NO_VIOLATIONS,
        *,
        changed: bool = False,
    ) -> str | None:
        """Put an event's message id and timestamp between its two parts, and the event into the outbox."""
        if self._before_send is not None and not changed:
            return self._enqueue_changed(self._before_send, start, rest, message_id, timestamp)
        with self._lock:
            if self._closed:
                raise Refused(Dropped.CLOSED)
            stamp = self._stamps.next()
            own_id: str | None = None
            if message_id is not None or timestamp is not None:
                stamp, own_id = own_stamp(stamp, message_id, timestamp)
            event = start + stamp + rest
            if len(event) > MAX_EVENT_BYTES:
                raise Refused(Dropped.EVENT_TOO_LARGE, event)
            kept = bool(listeners) and self._stays_here(event, violations)
            taken = kept or self._outbox.add(event)
            if taken:
                self._books.acked += kept
                self._books.enqueued += 1
                if violations:
                    self._books.flagged += 1
        if not taken:
            self._squeeze_in(event, violations)
        if not self._running and not kept:
            self._run()
        return stamp[ID_START:ID_END].decode() if own_id is None else own_id

    def _enqueue_changed(
        self,
        before_send: BeforeSend,
        start: bytes,
        rest: bytes,
        message_id: str | None,
        timestamp: datetime | str | None,
    ) -> str | None:
        """Queue what `before_send` makes of an event. It runs without the lock."""
        with self._lock:
            if self._closed:
                raise Refused(Dropped.CLOSED)
            stamp, _ = own_stamp(self._stamps.next(), message_id, timestamp)
        event = before_send.change(start + stamp + rest)
        return self._enqueue(event.start, event.rest, event.message_id, event.timestamp, event.violations, changed=True)

    def _squeeze_in(self, event: bytes, violations: Sequence[Violation]) -> None:
        """Do with an event that the outbox has no room for what `overflow` says. Called without the lock."""
        deadline = time.monotonic() + self.options.block_timeout_s
        while True:
            if self.options.overflow == "block" and not self._wait_for_room(len(event), deadline):
                raise Refused(self._outbox.refusal, event)
            with self._lock:
                if self._closed:
                    raise Refused(Dropped.CLOSED, event)
                if self.options.overflow == "drop_oldest":
                    self._outbox.make_room(len(event))
                if self._outbox.add(event):
                    self._books.enqueued += 1
                    if violations:
                        self._books.flagged += 1
                    break
            if self.options.overflow != "block":
                raise Refused(self._outbox.refusal, event)
        self._tell()

    def _wait_for_room(self, size: int, deadline: float) -> bool:
        """Wait until there may be room; False when the time is over, or where waiting would be wrong."""
        left_s = deadline - time.monotonic()
        # Inside an asyncio loop waiting would stop all of it; under our own lock (a signal handler or a finaliser that
        # came in between) nobody could make room.
        if left_s <= 0 or _in_event_loop() or _lifecycle.is_held(self._lock):
            return False
        return self._sending.wait_for_room(size, left_s)

    def _tell(self) -> None:
        """Call `on_drop` and `on_error` for what waits to be told; not under the lock, a later call does it then."""
        if self._notices is not None and not _lifecycle.is_held(self._lock):
            self._notices.tell()

    def _stays_here(self, event: bytes, violations: Sequence[Violation]) -> bool:
        """Tell those who listen; return whether one of them keeps the event, as a collector would."""
        kept = [listener.heard(self, event, violations) for listener in listeners]  # all hear it, also behind a yes
        return any(kept)

    def _refuse(
        self, error: Exception, given: dict[str, Any], user_id: object, anonymous_id: object, message_id: object
    ) -> None:
        """
        Enter in the books that an event was not taken, and log it: the 1st, 10th, 100th … time of each
        reason. `given` is what is told of an event that was not made.
        """
        violated = isinstance(error, PlanViolationError)
        reason = error.reason if isinstance(error, Refused) else Dropped.INTERNAL_ERROR
        if violated:
            reason = Dropped.VIOLATION
        with self._lock:
            self._books.enqueued += 1
            self._books.dropped[reason] += 1
            count = self._books.dropped[reason]
            if self._notices is not None:
                made: bytes | None = getattr(error, "event", None) if not violated else None
                ids = {"userId": user_id, "anonymousId": anonymous_id, "messageId": message_id}
                said = {name: value for name, value in (given | ids).items() if value is not None}
                self._notices.drop(reason, [made or said])
                if reason in _FAILURES:
                    cause = error.__cause__ if isinstance(error, Refused) else error
                    self._notices.error(cause if isinstance(cause, Exception) else error)
        for listener in listeners:
            listener.refused(self, error, given)
        if count == 10 ** (len(str(count)) - 1):
            cause = error.__cause__ if isinstance(error, Refused) else error
            why = type(cause).__name__ if reason in _FAILURES and cause is not None else reason.hint
            level = logging.DEBUG if reason.asked_for else logging.ERROR
            log.log(level, "Dropped %d event(s) so far: %s%s.", count, reason.value, f" ({why})" if why else "")
        self._tell()
        if violated:
            raise error


def _in_event_loop() -> bool:
    asyncio = sys.modules.get("asyncio")  # where nobody imported it no loop runs
    return asyncio is not None and asyncio._get_running_loop() is not None
