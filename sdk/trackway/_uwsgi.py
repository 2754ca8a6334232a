"""
uWSGI forks its workers in C: what was registered with `os.register_at_fork` runs only if an option says so, and other
threads than the forking one are not asked to hold still.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

log = logging.getLogger("trackway")


def call_in_workers(reset: Callable[[], None]) -> None:
    """Have `reset` called in each process that uWSGI forks from this one, unless this is no process of uWSGI."""
    uwsgi = sys.modules.get("uwsgi")
    if uwsgi is None:
        return
    pid = os.getpid()

    def reset_once() -> None:
        # With py-call-uwsgi-fork-hooks Python's own hook has done it; what was queued since then must stay.
        nonlocal pid
        if os.getpid() != pid:
            pid = os.getpid()
            reset()

    os.register_at_fork(after_in_child=reset_once)
    try:
        # It takes uWSGI's one hook for itself when it is imported, and has room for several functions.
        chain = importlib.import_module("uwsgidecorators").postfork_chain
    except Exception:  # it is not installed, or uWSGI runs without a master
        earlier = getattr(uwsgi, "post_fork_hook", None)

        def post_fork_hook() -> None:
            reset_once()
            if earlier is not None:
                earlier()

        uwsgi.post_fork_hook = post_fork_hook  # type: ignore[attr-defined]
    else:
        chain.insert(0, reset_once)


def complain() -> None:
    """Warn of options of uWSGI that keep a sending thread from working; to be called when one is about to start."""
    uwsgi = sys.modules.get("uwsgi")
    if uwsgi is None:
        return
    if not (_is_on(uwsgi, "enable-threads") or _is_on(uwsgi, "threads")):
        log.warning(
            "uWSGI runs without threads, so events leave only while a request is handled."
            "\n  Add `enable-threads = true` to its configuration."
        )
    preloads = not (uwsgi.worker_id() or _is_on(uwsgi, "lazy-apps") or _is_on(uwsgi, "lazy"))
    if preloads and not _is_on(uwsgi, "py-call-uwsgi-fork-hooks"):
        log.warning(
            "An event was tracked while uWSGI's master loads the program; workers forked meanwhile may hang."
            "\n  Add `py-call-uwsgi-fork-hooks = true` to its configuration, or track in the workers only."
        )


def _is_on(uwsgi: ModuleType, option: str) -> bool:
    value = uwsgi.opt.get(option, False)
    return (value.decode() if isinstance(value, bytes) else str(value)).lower() not in ("false", "off", "no", "0", "")
