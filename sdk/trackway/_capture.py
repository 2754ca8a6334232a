"""
`Capture`: the calls a program makes, the same for every kind of tracker. They encode, check and queue on the caller's
thread, and neither raise nor wait. Who sends what is queued is a tracker's own business: see `Sending`.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, Unpack, cast

from trackway import _lifecycle
from trackway._books import Books, Dropped, Stats
from trackway._clock import SystemClock
from trackway._control import Controlled
from trackway._errors import ConfigurationError, PlanViolationError
from trackway._events.arguments import Refused, encode_text, is_given, own_stamp
from trackway._events.arguments import name as name_of
from trackway._events.before_send import BeforeSend
from trackway._events.gates import Gates
from trackway._events.payloads import ContextWriter, object_body, object_member, people
from trackway._events.plan import NO_VIOLATIONS, PlanCheck, load_release
from trackway._events.scope import current
from trackway._events.scope import scope as scope_of_events
from trackway._events.stamps import ID_END, ID_START, Stamps
from trackway._listening import listeners
from trackway._notices import Notices
from trackway._options import MAX_EVENT_BYTES, OnViolation, Options, Tuning, came_from

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from trackway._clock import Clock
    from trackway._delivery.outbox import Outbox
    from trackway._disk import DiskQueue
    from trackway._options import BeforeSend as BeforeSendFunction
    from trackway_plan import Release, Violation

    Id = str | int
    """Numbers are sent as text."""
    # (start of the payload, decoder that accepts what fits the plan, what the decoder leaves to check, what takes out
    # of the properties that which may not be stored)
    Known = tuple[bytes, Callable[[bytes], Any] | None, Callable[[Any], bool] | None, Callable[[bytes], bytes] | None]

T = TypeVar("T")

log = logging.getLogger("trackway")

MAX_KNOWN_EVENTS = 10_000
"""
Event names are remembered up to here; a program that puts ids into names would otherwise fill the memory.
"""


class Sending(Protocol):
    """Who empties the outbox: a thread (`Sender`) or a task (`SenderTask`)."""

    @property
    def lock(self) -> threading.RLock:
        """Guards outbox and books; never held during I/O."""
        ...

    @property
    def outbox(self) -> Outbox:
        """Where events are added, under the lock."""
        ...

    def start(self) -> bool:
        """
        See to it that what was just added is sent. Called after each event, without the lock, until it returns True:
        from then on events leave without being asked for.
        """
        ...

    def begin_close(self, timeout_s: float) -> None:
        """Make everything due, with a deadline; return at once. The second call does nothing."""
        ...

    def wait_for_room(self, size: int, timeout_s: float) -> bool:
        """Wait until an event of `size` bytes may fit; False where that would be in vain. Called without the lock."""
        ...

    def progressed(self) -> None:
        """Say to who waits that events have left the outbox in another way than by being sent."""
        ...


class Capture(Controlled, Generic[T]):
    """What trackers have in common; `T` is their kind of transport."""

    _disk: DiskQueue | None = None

    scope = scope_of_events
    """`trackway.scope`, at hand where a tracker is."""

    def __init__(
        self,
        write_key: str | None = None,
        *,
        host: str | None = None,
        plan: str | os.PathLike[str] | Release | None = None,
        source: str | None = None,
        on_violation: OnViolation | None = None,
        hash_key: str | None = None,
        queue: str | os.PathLike[str] | None = None,
        transport: T | None = None,
        clock: Clock | None = None,
        **tuning: Unpack[Tuning],
    ) -> None:
        """
        Read the settings (arguments over `TRACKWAY_…` variables over defaults; see `Options`) and the plan.

        `transport` and `clock` replace the network and the wall clock, in tests (see `trackway.testing`).

        Raises:
            ConfigurationError: a setting is missing, unknown or wrong, or the plan cannot be read.
        """
        given = {
            "write_key": write_key,
            "host": host,
            "plan": os.fspath(plan) if isinstance(plan, str | os.PathLike) else None,
            "source": source,
            "on_violation": on_violation,
            "hash_key": hash_key,
            "queue": os.path.abspath(queue) if isinstance(queue, os.PathLike) else queue,
            **tuning,
        }
        self.options = Options.build(given)
        self._gates = Gates(self.options)
        self._gated = self._gates.needed
        try:
            check = _plan_check(plan, self.options)
            self._disk_directory = _disk_directory(self.options)
        except ConfigurationError as error:
            msg = f"{error}{came_from(str(error), {**given, 'plan': plan}, os.environ)}"
            raise ConfigurationError(msg) from error
        self._context = ContextWriter(check.stamp if check else None)
        chain = cast("Sequence[BeforeSendFunction]", self.options.before_send)
        self._before_send = BeforeSend(chain, check, self._context) if chain else None
        # What before_send may still change is judged after it, once.
        self._plan = None if chain else check
        self._plan_check = check
        self._plain_end = self._context.plain
        _check_seam("transport", transport, "send", "close")
        _check_seam("clock", clock, "time_ns")
        self._transport: T = transport if transport is not None else self._open_transport()
        self._clock: Clock = clock if clock is not None else SystemClock()
        self._known: dict[str, Known] = {}
        self._closed = False
        self._reset_after_fork()
        _lifecycle.watch(self)
        if self.options.handle_signals:
            self.handle_signals()

    def _open_transport(self) -> T:
        """Return the way to the network where the caller gave none; nothing is opened before the first batch."""
        raise NotImplementedError

    def _make_sender(self) -> Sending:
        """Return a sender with an empty outbox, for this process."""
        raise NotImplementedError

    def track(
        self,
        event: str,
        properties: Mapping[str, object] | None = None,
        *,
        user_id: Id | None = None,
        anonymous_id: Id | None = None,
        session_id: Id | None = None,
        timestamp: datetime | str | None = None,
        context: Mapping[str, object] | None = None,
        integrations: Mapping[str, object] | None = None,
        message_id: str | None = None,
    ) -> str | None:
        """
        Send that a person did something; returns the `messageId`, None if the event was refused.

        `timestamp` is when it happened (default: now; a `datetime` without a zone is taken as UTC).
        `properties` may hold any values: docs/values.md lists what becomes of those that JSON has no word for, and of
        arguments of a wrong type.
        """
        try:
            if type(event) is not str:
                event = name_of(event)
            start, decode, leftover, redact = self._known.get(event) or self._learn(event)
            if (scope := current()) is not None:
                user_id, anonymous_id, session_id, context = scope.fill(user_id, anonymous_id, session_id, context)
                properties = scope.fill_properties(properties)
            if self._gated or (scope is not None and scope.consent):
                context = self._gates.admit(event, user_id, anonymous_id, context, scope)
                properties = self._gates.fill(properties)
            body = object_body(properties)
            violations: Sequence[Violation] = NO_VIOLATIONS
            if decode is not None:
                try:
                    fields = decode(body)
                    fits = leftover is None or leftover(fields)
                except Exception:  # whatever it is, the full check has the last word
                    fits = False
                if not fits and self._plan is not None:
                    violations = self._plan.track(event, body)
            elif self._plan is not None:
                violations = self._plan.track(event, body)
            if redact is not None:
                body = redact(body)
            rest = b'%b,"properties":%b' % (people(user_id, anonymous_id), body)
            if integrations is not None:
                rest += object_member(b"integrations", integrations)
            if context is None and session_id is None and not violations:
                rest += self._plain_end
            else:
                rest += self._context.end(context, session_id, violations)
            return self._enqueue(start, rest, message_id, timestamp, violations)
        except Exception as error:
            self._refuse(
                error, {"type": "track", "event": event, "properties": properties}, user_id, anonymous_id, message_id
            )
            return None

    def identify(
        self,
        user_id: Id | None = None,
        traits: Mapping[str, object] | None = None,
        *,
        anonymous_id: Id | None = None,
        session_id: Id | None = None,
        timestamp: datetime | str | None = None,
        context: Mapping[str, object] | None = None,
        integrations: Mapping[str, object] | None = None,
        message_id: str | None = None,
    ) -> str | None:
        """Send what is known about a person; returns the `messageId`, None if the event was refused."""
        try:
            if (scope := current()) is not None:
                user_id, anonymous_id, session_id, context = scope.fill(user_id, anonymous_id, session_id, context)
            if self._gated or (scope is not None and scope.consent):
                context = self._gates.admit("$identify", user_id, anonymous_id, context, scope)
            body = object_body(traits)
            violations: Sequence[Violation] = NO_VIOLATIONS
            if self._plan is not None:
                violations = self._plan.identify(body)
                body = self._plan.redact_traits("user", body)
            rest = b'%b,"traits":%b' % (people(user_id, anonymous_id), body)
            rest += self._end(integrations, context, session_id, violations)
            return self._enqueue(b'{"type":"identify",', rest, message_id, timestamp, violations)
        except Exception as error:
            self._refuse(error, {"type": "identify", "traits": traits}, user_id, anonymous_id, message_id)
            return None

    def page(
        self,
        name: str = "",
        properties: Mapping[str, object] | None = None,
        *,
        user_id: Id | None = None,
        anonymous_id: Id | None = None,
        session_id: Id | None = None,
        timestamp: datetime | str | None = None,
        context: Mapping[str, object] | None = None,
        integrations: Mapping[str, object] | None = None,
        message_id: str | None = None,
    ) -> str | None:
        """Send that a person saw a web page; returns the `messageId`, None if the event was refused."""
        try:
            start = b'{"type":"page","name":%b,' % encode_text(name_of(name))
            if (scope := current()) is not None:
                user_id, anonymous_id, session_id, context = scope.fill(user_id, anonymous_id, session_id, context)
                properties = scope.fill_properties(properties)
            if self._gated or (scope is not None and scope.consent):
                context = self._gates.admit("$page", user_id, anonymous_id, context, scope)
                properties = self._gates.fill(properties)
            rest = people(user_id, anonymous_id) + object_member(b"properties", properties)
            rest += self._end(integrations, context, session_id)
            return self._enqueue(start, rest, message_id, timestamp)
        except Exception as error:
            self._refuse(
                error, {"type": "page", "name": name, "properties": properties}, user_id, anonymous_id, message_id
            )
            return None

    def screen(
        self,
        name: str = "",
        properties: Mapping[str, object] | None = None,
        *,
        user_id: Id | None = None,
        anonymous_id: Id | None = None,
        session_id: Id | None = None,
        timestamp: datetime | str | None = None,
        context: Mapping[str, object] | None = None,
        integrations: Mapping[str, object] | None = None,
        message_id: str | None = None,
    ) -> str | None:
        """Send that a person saw an app's screen; returns the `messageId`, None if the event was refused."""
        try:
            start = b'{"type":"screen","name":%b,' % encode_text(name_of(name))
            if (scope := current()) is not None:
                user_id, anonymous_id, session_id, context = scope.fill(user_id, anonymous_id, session_id, context)
                properties = scope.fill_properties(properties)
            if self._gated or (scope is not None and scope.consent):
                context = self._gates.admit("$screen", user_id, anonymous_id, context, scope)
                properties = self._gates.fill(properties)
            rest = people(user_id, anonymous_id) + object_member(b"properties", properties)
            rest += self._end(integrations, context, session_id)
            return self._enqueue(start, rest, message_id, timestamp)
        except Exception as error:
            self._refuse(
                error, {"type": "screen", "name": name, "properties": properties}, user_id, anonymous_id, message_id
            )
            return None

    def group(
        self,
        group_id: Id,
        traits: Mapping[str, object] | None = None,
        *,
        user_id: Id | None = None,
        anonymous_id: Id | None = None,
        session_id: Id | None = None,
        timestamp: datetime | str | None = None,
        context: Mapping[str, object] | None = None,
        integrations: Mapping[str, object] | None = None,
        message_id: str | None = None,
    ) -> str | None:
        """
        Send that a person belongs to an account, and the account's traits; returns the `messageId` or None.
        """
        try:
            if not is_given(group_id):
                raise Refused(Dropped.NO_PERSON)
            if (scope := current()) is not None:
                user_id, anonymous_id, session_id, context = scope.fill(user_id, anonymous_id, session_id, context)
            if self._gated or (scope is not None and scope.consent):
                context = self._gates.admit("$group", user_id, anonymous_id, context, scope)
            body = object_body(traits)
            violations: Sequence[Violation] = NO_VIOLATIONS
            if self._plan is not None:
                violations = self._plan.group(body)
                body = self._plan.redact_traits("account", body)
            start = b'{"type":"group","groupId":%b,' % encode_text(group_id)
            rest = b'%b,"traits":%b' % (people(user_id, anonymous_id), body)
            rest += self._end(integrations, context, session_id, violations)
            return self._enqueue(start, rest, message_id, timestamp, violations)
        except Exception as error:
            self._refuse(
                error, {"type": "group", "groupId": group_id, "traits": traits}, user_id, anonymous_id, message_id
            )
            return None

    def alias(
        self,
        previous_id: Id,
        user_id: Id,
        *,
        session_id: Id | None = None,
        timestamp: datetime | str | None = None,
        context: Mapping[str, object] | None = None,
        integrations: Mapping[str, object] | None = None,
        message_id: str | None = None,
    ) -> str | None:
        """
        Send that `previous_id` and `user_id` are one person; returns the `messageId`, None if it was refused.
        """
        try:
            if not is_given(previous_id):
                raise Refused(Dropped.NO_PERSON)
            start = b'{"type":"alias","previousId":%b,' % encode_text(previous_id)
            if (scope := current()) is not None:
                _, _, session_id, context = scope.fill(user_id, None, session_id, context)
            if self._gated or (scope is not None and scope.consent):
                context = self._gates.admit("$alias", user_id, None, context, scope)
            rest = people(user_id, None) + self._end(integrations, context, session_id)
            return self._enqueue(start, rest, message_id, timestamp)
        except Exception as error:
            self._refuse(error, {"type": "alias", "previousId": previous_id}, user_id, None, message_id)
            return None

    def handle_signals(self) -> None:
        """
        Have SIGTERM and SIGINT send what is pending before they end the program; for all trackers of this process.

        Where the program has a handler of its own, it is called as before, after a flush has begun. Where it has none,
        the process drains within `exit_timeout_s` and dies by the same signal. Ignored signals stay ignored. A handler
        that is installed later, also by asyncio's `add_signal_handler`, takes the place of this one.

        Raises:
            ConfigurationError: this is not the main thread.
        """
        from trackway import _signals

        _signals.handle()

    def stats(self) -> Stats:
        """
        Return the account of all events so far: enqueued + adopted = acked + rejected + dropped + kept + pending.
        """
        with self._lock:
            return self._books.stats(self._outbox.waiting)

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"{self._outbox.waiting} pending"
        return f"<{type(self).__name__} to {self.options.host}, {state}>"

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

    def _learn(self, event: str) -> Known:
        """Return what is the same for all events of this name."""
        if not event:
            raise Refused(Dropped.NO_EVENT_NAME)
        fast = self._plan.fast(event) if self._plan is not None else None
        decode, leftover = fast or (None, None)
        redact = self._plan.redacts(event) if self._plan is not None else None
        known = (b'{"type":"track","event":%b,' % encode_text(event), decode, leftover, redact)
        if len(self._known) < MAX_KNOWN_EVENTS:
            self._known[event] = known
        return known

    def _end(
        self,
        integrations: Mapping[str, object] | None,
        context: Mapping[str, object] | None,
        session_id: Id | None,
        violations: Sequence[Violation] = NO_VIOLATIONS,
    ) -> bytes:
        end = self._context.end(context, session_id, violations)
        return end if integrations is None else object_member(b"integrations", integrations) + end

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

    def _run(self) -> None:
        _lifecycle.in_use(self)
        self._running = self._sending.start()

    def _begin_close(self, timeout_s: float) -> None:
        with self._lock:
            self._closed = True
        self._sending.begin_close(timeout_s)

    def _begin_flush(self) -> None:
        with self._lock:
            self._outbox.request_flush()

    def _flush_here(self, timeout_s: float) -> bool:
        """Flush, with or without a loop, and wait for it on this thread."""
        raise NotImplementedError

    async def _flush_in_loop(self, timeout_s: float) -> bool:
        """Flush, and wait for it without holding up the loop."""
        raise NotImplementedError

    def _holds_lock(self) -> bool:
        return _lifecycle.is_held(self._lock)

    def _begin_exit(self) -> None:
        self._begin_close(self.options.exit_timeout_s)

    def _finish_exit(self) -> None:
        """Wait until all is drained or the deadline is reached, at the end of the program."""
        raise NotImplementedError

    def _reset_after_fork(self) -> None:
        """
        Start empty: with a lock nobody holds, no thread, ids of our own. What was queued here, the parent
        sends.
        """
        if self._disk is not None:
            self._disk.forget()
        options = self.options
        listening = options.on_drop is not None or options.on_error is not None
        self._notices = Notices(options.on_drop, options.on_error) if listening else None
        self._books = Books(self._notices)
        self._sending = sending = self._make_sender()
        self._outbox = sending.outbox
        self._lock = sending.lock
        if self._disk_directory is not None:
            self._disk = self._open_disk(self._disk_directory)
        self._stamps = Stamps(self._clock.time_ns)
        self._running = False

    def _open_disk(self, directory: Path) -> DiskQueue:
        """Give the outbox a disk queue; no file is opened before the first event."""
        from trackway._delivery.ondisk import OnDisk
        from trackway._disk import DiskQueue

        queue = DiskQueue(
            directory,
            max_bytes=self.options.max_disk_bytes,
            max_age_s=self.options.max_disk_age_s,
            wall_ns=self._clock.time_ns,
            lock=self._lock,
        )
        self._outbox.disk = OnDisk(queue, self.options, self._books)
        return queue


def _disk_directory(options: Options) -> Path | None:
    """Return where events wait on disk, None where they do not; raises ConfigurationError when they cannot."""
    if options.queue == "memory" and options.overflow != "spill":
        return None
    from trackway._disk.place import open_directory

    return open_directory("disk" if options.queue == "memory" else options.queue, options.host, options.write_key)


_FAILURES = frozenset({Dropped.INTERNAL_ERROR, Dropped.BEFORE_SEND_FAILED})


def _in_event_loop() -> bool:
    asyncio = sys.modules.get("asyncio")  # where nobody imported it no loop runs
    return asyncio is not None and asyncio._get_running_loop() is not None


def _check_seam(name: str, given: object, *methods: str) -> None:
    missing = [method for method in methods if not callable(getattr(given, method, None))]
    if given is not None and missing:
        msg = f"`{name}` is a {type(given).__name__} without {' and '.join(missing)}(). See trackway.testing for one."
        raise ConfigurationError(msg)


def _plan_check(plan: str | os.PathLike[str] | Release | None, options: Options) -> PlanCheck | None:
    if options.plan is not None and (plan is None or isinstance(plan, str | os.PathLike)):
        return PlanCheck(load_release(options.plan), options.source, options.on_violation, options.hash_key)
    if plan is None:
        return None
    if not hasattr(plan, "rev"):
        msg = f"`plan` is a {type(plan).__name__}. Write the path of a release, or a trackway_plan.Release."
        raise ConfigurationError(msg)
    return PlanCheck(cast("Release", plan), options.source, options.on_violation, options.hash_key)
