"""
`Base`: how a tracker comes to be, in a program and again in its forked children, and what it needs to end with them.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Generic, TypeVar, Unpack, cast

from trackway import _lifecycle
from trackway._books import Books, Stats
from trackway._clock import SystemClock
from trackway._errors import ConfigurationError
from trackway._events.before_send import BeforeSend
from trackway._events.gates import Gates
from trackway._events.payloads import ContextWriter
from trackway._events.plan import PlanCheck, load_release
from trackway._events.scope import scope as scope_of_events
from trackway._events.stamps import Stamps
from trackway._intake import Intake
from trackway._notices import Notices
from trackway._options import OnViolation, Options, Tuning, came_from

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from trackway._clock import Clock
    from trackway._delivery.sending import Sending
    from trackway._disk import DiskQueue
    from trackway._options import BeforeSend as BeforeSendFunction
    from trackway_plan import Release

    # (start of the payload, decoder that accepts what fits the plan, what the decoder leaves to check, what takes out
    # of the properties that which may not be stored)
    Known = tuple[bytes, Callable[[bytes], Any] | None, Callable[[Any], bool] | None, Callable[[bytes], bytes] | None]

T = TypeVar("T")


class Base(Intake, Generic[T]):
    """A tracker without the calls that events are made by; `T` is its kind of transport."""

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
