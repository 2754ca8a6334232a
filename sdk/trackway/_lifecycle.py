"""What the process does to trackers: it ends (drain, with a deadline) or forks (the child starts empty)."""

from __future__ import annotations

import atexit
import contextlib
import importlib
import logging  # noqa: F401  # before our hooks for forks are registered, see `importing`
import os
import sys
import threading
import weakref
from typing import Protocol

from trackway import _uwsgi


class Living(Protocol):
    """What has to know how its process fares: a tracker."""

    def _begin_flush(self) -> None:
        """Make everything due; return at once."""

    def _flush_here(self, timeout_s: float) -> bool:
        """Flush, with or without a loop, and wait for it on this thread."""

    async def _flush_in_loop(self, timeout_s: float) -> bool:
        """Flush, and wait for it without holding up the loop."""

    def _holds_lock(self) -> bool:
        """Whether this very thread is in the middle of a call that holds the tracker's lock."""

    def _begin_exit(self) -> None:
        """Stop taking events and begin to drain, with a deadline; return at once."""

    def _finish_exit(self) -> None:
        """Wait until all is drained or the deadline is reached."""

    def _reset_after_fork(self) -> None:
        """Start empty, in a forked child."""


_known: weakref.WeakSet[Living] = weakref.WeakSet()
# Strong: a tracker that a function made and forgot may still have events to send.
_in_use: set[Living] = set()

importing = threading.RLock()
"""
Held around every late import; forks wait for it. A child that is forked while another thread of its parent
imports a module inherits that module's import lock, held by a thread it does not have: importing it would
wait for ever.

Hooks that run before a fork are called last registered first: logging's must be registered before ours, so that its
lock is taken after this one. An import that logs takes them in that order, too.
"""

forking = threading.RLock()
"""
Held where a fork must wait for a moment, and may be taken under a tracker's lock: no code of others runs under it, as
it does under `importing`, where a finaliser may track.
"""


def watch(tracker: Living) -> None:
    """Have the tracker reset in forked children."""
    _known.add(tracker)


def in_use(tracker: Living) -> None:
    """Have the tracker drained at exit; it has events."""
    if not _in_use:
        _uwsgi.complain()
        _drain_at_worker_exit()
    _in_use.add(tracker)


def done(tracker: Living) -> None:
    """Forget a closed tracker."""
    _in_use.discard(tracker)


def in_use_now() -> list[Living]:
    """Return the trackers that may have events to send."""
    return list(_in_use)


def begin_flush() -> None:
    """Make due what all trackers of this process have pending; return at once."""
    for tracker in in_use_now():
        tracker._begin_flush()


def interrupted() -> bool:
    """Whether whoever calls this, a signal handler, has come between the lines of this SDK, or must not wait."""
    gevent = sys.modules.get("gevent")
    if gevent is not None and gevent.getcurrent() is gevent.get_hub():
        return True  # gevent's hub; waiting there is an error
    return is_held(importing) or any(tracker._holds_lock() for tracker in in_use_now())


def is_held(lock: threading.RLock) -> bool:
    """Whether this very thread holds the lock."""
    # What threading.Condition asks its lock, under the name it has in all versions and in gevent.
    owned: bool = lock._is_owned()  # type: ignore[attr-defined]
    return owned


def drain_all() -> None:
    """
    Do now what the end of the program does: send what every tracker of this process has pending, within each one's
    `exit_timeout_s`, and close them. For ends that Python does not see, such as `os._exit`.
    """
    # atexit functions run on the main thread while daemon threads still live, so the senders can do the work.
    # All begin before any is waited for: three trackers hold the program up no longer than one.
    leaving = in_use_now()
    for tracker in leaving:
        tracker._begin_exit()
    for tracker in leaving:
        tracker._finish_exit()


def _drain_at_worker_exit() -> None:
    # multiprocessing leaves its forked workers by os._exit: atexit does not run there, its own finalizers do. They
    # are registered in the worker, which forgets its parent's. Lowest priority: others may still track.
    process = sys.modules.get("multiprocessing.process")
    if process is not None and process.parent_process() is not None:
        from multiprocessing.util import Finalize

        Finalize(None, drain_all, exitpriority=-100)
    # Celery's workers leave by os._exit as well, after this signal.
    celery = sys.modules.get("celery.signals")
    if celery is not None:
        celery.worker_process_shutdown.connect(_drain_worker_of_celery, weak=False)


def _drain_worker_of_celery(**_: object) -> None:
    # Celery has the kernel kill a worker's process when the *thread* that forked it ends, and a process that came later
    # was forked by the pool's supervisor, which ends while its workers are still told to leave. This one is leaving,
    # within a deadline.
    with contextlib.suppress(Exception):
        importlib.import_module("billiard.util").set_pdeathsig(0)
    drain_all()


def _before_fork() -> None:
    importing.acquire()
    forking.acquire()


def _after_fork() -> None:
    forking.release()
    importing.release()


def _reset_in_child() -> None:
    _after_fork()
    _reset_all()


def _reset_all() -> None:
    _in_use.clear()
    for tracker in list(_known):
        tracker._reset_after_fork()


atexit.register(drain_all)
if hasattr(os, "register_at_fork"):  # Windows does not fork
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_reset_in_child)
_uwsgi.call_in_workers(_reset_all)
