"""How a process is asked to stop, and what makes sure that it does."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable

logger = logging.getLogger(__name__)

EXIT_NOT_DONE = 4
"""The process ended at its deadline with something left to do; what was acked is in the spool."""


def stop_on_signals(stop: asyncio.Event, *, parent_pipe: bool) -> None:
    """
    Set `stop` on SIGTERM and SIGINT; under a supervisor on SIGTERM and when standard input ends.

    Ctrl-C reaches the supervisor and its processes alike: there it is the supervisor that says who stops when. It
    holds the other end of their standard input and never writes, so that its death, too, is an end of input.
    """
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    if not parent_pipe:
        loop.add_signal_handler(signal.SIGINT, stop.set)
        return
    loop.add_signal_handler(signal.SIGINT, lambda: None)

    def ended() -> None:
        with contextlib.suppress(BlockingIOError):
            if not os.read(sys.stdin.fileno(), 1024):
                loop.remove_reader(sys.stdin)
                stop.set()

    loop.add_reader(sys.stdin, ended)


class Deadline:
    """
    Ends the process, with status 4, when it has not stopped in time: a thread of its own, for a disk that hangs.

    Args:
        timeout_s: from `start()` on.
        left: says what is left to do, for the log.
    """

    def __init__(self, timeout_s: float, left: Callable[[], str]) -> None:
        self._timeout_s = timeout_s
        self._left = left
        self._done = threading.Event()

    def start(self) -> None:
        """Start the clock."""
        threading.Thread(target=self._watch, name="stop-deadline", daemon=True).start()

    def met(self) -> None:
        """Stop the clock: everything is done."""
        self._done.set()

    def _watch(self) -> None:
        if self._done.wait(self._timeout_s):
            return
        logger.error("not stopped within %g s, leaving now with %s", self._timeout_s, self._left())
        # No tidy way out: what hangs is a thread in a system call, and the interpreter would wait for it.
        logging.shutdown()
        os._exit(EXIT_NOT_DONE)
