"""
How old an event on disk is, by clocks that may be wrong.

The wall clock jumps: machines start in 1970 and learn the time later, operators correct it by years. Losing events to
that would be worse than sending one too late, so an event is old only when no better clock says otherwise:

* of the same run of the machine (boot id), the uptime counts, which never jumps;
* of an earlier run, the wall clock, but never further than it stood when this process began plus what has passed since:
  a jump forward in a running process makes nothing old;
* a clock that stands before 2020, and ages over a year, are mistakes: such an event counts as new.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING

from trackway._disk.layout import Header

if TYPE_CHECKING:
    from collections.abc import Callable

UNSET_BEFORE_S = 1_577_836_800
"""2020-01-01: a clock that stands earlier has never been set."""
LONGEST_S = 366 * 86_400


def uptime() -> float:
    """Return seconds since the machine started, those it slept included where the system tells."""
    return time.clock_gettime(_BOOTTIME) if _BOOTTIME is not None else time.monotonic()


def boot_id() -> bytes:
    """Return 16 bytes that are the same for all processes of this run of the machine, or of this process only."""
    with contextlib.suppress(OSError, ValueError), open("/proc/sys/kernel/random/boot_id") as file:
        return bytes.fromhex(file.read().strip().replace("-", ""))[:16].ljust(16, b"\0")
    return _process_id


_BOOTTIME: int | None = getattr(time, "CLOCK_BOOTTIME", None)
_process_id = os.urandom(16)


class Ages:
    """Tells ages, and makes the headers that it tells them by."""

    def __init__(
        self, wall_ns: Callable[[], int], uptime: Callable[[], float] = uptime, boot: bytes | None = None
    ) -> None:
        self._wall_ns = wall_ns
        self.uptime = uptime
        self._boot = boot_id() if boot is None else boot
        self._began = uptime()
        self._wall_s_began = wall_ns() / 1e9

    def header(self) -> Header:
        """Return the header of a segment that is created now."""
        return Header(self._boot, round(self.uptime() * 1000), max(0, self._wall_ns() // 1_000_000))

    def age_s(self, header: Header, after_ms: int) -> float:
        """Return how many seconds ago an event was appended to the segment with this header; 0 if nobody knows."""
        if header.boot == self._boot:
            return max(0.0, self.uptime() - (header.uptime_ms + after_ms) / 1000)
        now_s = min(self._wall_ns() / 1e9, self._wall_s_began + self.uptime() - self._began)
        then_s = (header.wall_ms + after_ms) / 1000
        if then_s < UNSET_BEFORE_S or not 0 <= now_s - then_s <= LONGEST_S:
            return 0.0
        return now_s - then_s
