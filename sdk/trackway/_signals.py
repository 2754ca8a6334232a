"""
Signals that end a program, on request: pending events are sent first, then it ends as it would have.

| what the program has for the signal | what becomes of it |
| --- | --- |
| nothing (the system's default: die) | drain within `exit_timeout_s`, then die by it; a second one: at once |
| a handler of its own | begin a flush, which does not wait, then call that handler |
| SIGINT: Python's own, KeyboardInterrupt | left alone: the program ends the usual way, and that drains |
| ignored, or a handler that is not Python's | left alone |
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from typing import TYPE_CHECKING

from trackway import _lifecycle
from trackway._errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    Handler = Callable[[int, FrameType | None], object]

_NAMES = ("SIGTERM", "SIGINT", "SIGBREAK")
"""Those that ask a program to end; SIGBREAK is what Windows has for Ctrl-Break."""

_ours: dict[int, Handler] = {}


def handle() -> None:
    """
    Put a handler before those of the program, for SIGTERM and SIGINT. Doing so again does nothing.

    Raises:
        ConfigurationError: this is not the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        msg = (
            "Signals can only be handled from the main thread, and this one is "
            f"{threading.current_thread().name!r}.\n"
            "  Call `tracker.handle_signals()` where the program starts, or leave `handle_signals` out."
        )
        raise ConfigurationError(msg)
    for name in _NAMES:
        number = getattr(signal, name, None)
        if number is not None:
            _handle(number)


def _handle(number: int) -> None:
    before = signal.getsignal(number)
    if before is None or before is signal.SIG_IGN or before is signal.default_int_handler:
        return
    if before is _ours.get(number):
        return
    _ours[number] = ours = _last if before is signal.SIG_DFL else _chained(before)  # type: ignore[arg-type]
    signal.signal(number, ours)


def _chained(before: Handler) -> Handler:
    def handler(number: int, frame: FrameType | None) -> object:
        _lifecycle.begin_flush()
        return before(number, frame)

    return handler


def _last(number: int, frame: FrameType | None) -> None:
    """Drain, then die by the signal, so that whoever waits for this process sees what ended it."""
    for known in _ours:
        if signal.getsignal(known) is _last:
            signal.signal(known, signal.SIG_DFL)  # a second signal does not wait
    if _lifecycle.interrupted():
        # This thread holds what sending needs, or must not wait. Let it go on, and drain beside it.
        with contextlib.suppress(RuntimeError):  # no threads any more: the end of the program, and that drains
            threading.Thread(target=_drain_and_die, args=(number,), name="trackway-exit", daemon=True).start()
    else:
        _drain_and_die(number)


def _drain_and_die(number: int) -> None:
    try:
        _lifecycle.drain_all()
    finally:
        # Process 1 of a container: the system does not deliver there what nobody handles.
        if os.getpid() != 1:
            os.kill(os.getpid(), number)
            time.sleep(1)  # another thread may be the one that gets it
        os._exit(128 + number)
