"""
Sessions for events whose client sends none: what one device does without a pause longer than the gap.

A session's id is made from its source, its environment, its device and the time of its first event, so the same events
in the same order give the same ids. An event that comes late joins the session it falls into, or lies within the gap
of; else it is a session of its own, and two sessions that it would have joined stay two. Neither midnight nor a new
campaign ends a session.

The memory holds the latest sessions of the devices that were seen last. After a restart it is read back from the rows
that are stored.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

PREFIX = "auto-"
"""What the ids of sessions that the collector made begin with."""

GAP_S = 1800
MAX_DEVICES = 250_000
_SESSIONS_PER_DEVICE = 4
_MAX_DEVICE_CHARS = 100


class Visit(NamedTuple):
    """An event that needs a session."""

    source: str
    environment: str
    device: str
    """The anonymous id, which outlives logging in; the user id where there is none."""
    at_us: int
    """When it happened, microseconds since 1970."""


@dataclass(slots=True)
class _Session:
    id: str
    first_us: int
    last_us: int


class Sessions:
    """
    Gives events their sessions.

    Args:
        gap_s: a pause longer than this ends a session; 0 gives no sessions at all.
        max_devices: so many devices are remembered; of more, those seen longest ago begin anew.
    """

    def __init__(self, gap_s: int = GAP_S, max_devices: int = MAX_DEVICES) -> None:
        self.gap_s = gap_s
        self.max_devices = max_devices
        self._gap_us = gap_s * 1_000_000
        self._devices: OrderedDict[str, list[_Session]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._devices)

    def assign(self, visits: Sequence[Visit]) -> list[str]:
        """Return each visit's session id; the visits of one call are taken in the order they happened."""
        ids = [""] * len(visits)
        for position in sorted(range(len(visits)), key=lambda position: visits[position].at_us):
            ids[position] = self._session(visits[position])
        return ids

    def remember(self, visit: Visit, session_id: str, last_us: int) -> None:
        """Take a stored session back into memory; `visit` is its first event that is known."""
        self._put(_key(visit), _Session(session_id, visit.at_us, last_us))

    def forget_before(self, oldest_us: int) -> None:
        """Forget devices that were last seen so long ago that no event still to come can belong to their session."""
        limit_us = oldest_us - 2 * self._gap_us
        while self._devices:
            key, sessions = next(iter(self._devices.items()))
            if sessions[-1].last_us >= limit_us:
                return
            del self._devices[key]

    def _session(self, visit: Visit) -> str:
        key = _key(visit)
        at_us, gap_us = visit.at_us, self._gap_us
        for session in reversed(self._devices.get(key, ())):
            if session.first_us - gap_us <= at_us <= session.last_us + gap_us:
                session.first_us = min(session.first_us, at_us)
                session.last_us = max(session.last_us, at_us)
                self._devices.move_to_end(key)
                return session.id
        text = f"{key}\0{at_us}".encode("utf-8", "surrogatepass")
        session = _Session(PREFIX + hashlib.blake2b(text, digest_size=12).hexdigest(), at_us, at_us)
        self._put(key, session)
        return session.id

    def _put(self, key: str, session: _Session) -> None:
        sessions = self._devices.setdefault(key, [])
        sessions.append(session)
        sessions.sort(key=lambda each: each.last_us)
        del sessions[:-_SESSIONS_PER_DEVICE]
        self._devices.move_to_end(key)
        if len(self._devices) > self.max_devices:
            self._devices.popitem(last=False)


def _key(visit: Visit) -> str:
    device = visit.device
    if len(device) > _MAX_DEVICE_CHARS:  # as long as an event may be, and a quarter of a million are remembered
        device = hashlib.blake2b(device.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return f"{visit.source}\0{visit.environment}\0{device}"
