"""
Who may come in now, and when the others should come back: bytes in hand and room on the disk, for two lanes.

A request is refused with 429 and a time while coming back helps, and with 503 when the disk cannot take anything at
all. Between the soft and the hard watermark the part of live requests that is refused grows evenly from none to all,
so that what is accepted settles at what the loader can take away. The historical lane gives way first: it is refused
from the soft watermark on, and may hold only a part of the bytes in hand.

Nothing here does I/O or reads a clock.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from trackway_collector.errors import RequestRefused
from trackway_collector.ingest.routes import Lane

HISTORICAL_SHARE = 0.25
"""Part of the bytes in hand that the historical lane may hold."""
FIRST_RETRY_S = 2.0
MAX_RETRY_S = 300
"""Clients wait no longer, whatever they are told."""
UNAVAILABLE_RETRY_S = 5.0
MEMORY = 1 / 256
"""Weight of one request in the share of those refused for want of room."""

Dice = Callable[[], float]
"""A random number from 0 up to 1."""


@dataclass(frozen=True, slots=True)
class Watermarks:
    """When the disk is filling up, bytes. The backlog is what waits to be loaded, of this worker's spools."""

    soft_backlog: float = math.inf
    hard_backlog: float = math.inf
    soft_free: float = 0
    hard_free: float = 0

    def pressure(self, backlog: float, free: float) -> float:
        """Return 0 below the soft watermarks, 1 and more from a hard one on, and between them how far it is."""
        return max(
            _between(backlog, self.soft_backlog, self.hard_backlog),
            _between(-free, -self.soft_free, -self.hard_free),
        )


class _Room:
    """What one lane holds and may hold, bytes; an attribute, since looking an enum up costs more than all the rest."""

    __slots__ = ("held", "most")

    def __init__(self, most: int) -> None:
        self.held = 0
        self.most = most


class Admission:
    """
    Decides on one request after the other.

    Args:
        most_bytes: what all requests may have in hand at the same time, as read and decompressed.
    """

    def __init__(
        self, most_bytes: int = 64 * 1024**2, watermarks: Watermarks | None = None, dice: Dice = random.random
    ) -> None:
        self.most_bytes = most_bytes
        self.refused: Counter[tuple[str, str]] = Counter()
        """(lane, cause) → requests."""
        self.disk_pressure = 0.0
        """How far the disk is on its way from the soft to the hard watermark; 1 and more: nothing is accepted."""
        self._watermarks = watermarks or Watermarks()
        self._refused_share = 0.0
        self._dice = dice
        self._live = _Room(most_bytes)
        self._historical = _Room(int(most_bytes * HISTORICAL_SHARE))

    @property
    def in_hand(self) -> dict[Lane, int]:
        """Bytes in hand, by lane."""
        return {Lane.LIVE: self._live.held, Lane.HISTORICAL: self._historical.held}

    def observe_disk(self, backlog: float, free: float) -> None:
        """Take note of how much waits in the spools and how much the disk has left, bytes."""
        self.disk_pressure = self._watermarks.pressure(backlog, free)

    def enter(self, lane: Lane) -> Held:
        """
        Let a request in, before its body is read; `Held.release()` ends it.

        Raises:
            RequestRefused: 429 or 503; the disk is filling up, or full.
        """
        pressure = self.disk_pressure
        if pressure > 0:
            if pressure >= 1:
                message = "Not stored, send again later: the collector's disk has no room."
                raise self._refusal(503, "disk_full", lane, message, jittered(UNAVAILABLE_RETRY_S, self._dice))
            if lane is Lane.HISTORICAL or self._dice() < pressure:
                message = "Not stored, send again later: the collector's disk is filling up."
                raise self._refusal(429, "disk_filling", lane, message, retry_after_s(pressure, self._dice))
        return Held(self, lane, self._live if lane is Lane.LIVE else self._historical)

    def take(self, lane: Lane, room: _Room, size: int) -> None:
        """
        Count bytes in. A lane that holds nothing takes a body of any size, or a large one would never get in.

        Raises:
            RequestRefused: 429, there is no room for them.
        """
        held, every = room.held, self._live.held + self._historical.held
        if held and (held + size > room.most or every + size > self.most_bytes):
            self._refused_share += MEMORY * (1 - self._refused_share)
            message = "Not stored, send again later: the collector has as many requests in hand as it may."
            raise self._refusal(429, "overloaded", lane, message, retry_after_s(self._refused_share, self._dice))
        self._refused_share -= MEMORY * self._refused_share
        room.held = held + size

    def over_quota(self, lane: Lane, wait_s: float) -> RequestRefused:
        """Return the refusal of a request whose source has used up its quota for the next `wait_s` seconds."""
        # Upwards only: whoever comes back earlier is refused again.
        after_s = min(MAX_RETRY_S, math.ceil(wait_s * (1 + 0.25 * self._dice())))
        message = f"Not stored, send again later: the source's quota has room in {math.ceil(wait_s)} s."
        return self._refusal(429, "over_quota", lane, message, max(1, after_s))

    def _refusal(self, status: int, code: str, lane: Lane, message: str, after_s: int) -> RequestRefused:
        self.refused[lane, code] += 1
        return RequestRefused(status, code, message, retry_after_s=after_s)


class Held:
    """What one request has in hand."""

    __slots__ = ("_admission", "_room", "_size", "body", "lane")

    def __init__(self, admission: Admission, lane: Lane, room: _Room) -> None:
        self.lane = lane
        self.body: bytes | None = None
        """As far as it was read, for the dead letter that the request may become."""
        self._admission = admission
        self._room = room
        self._size = 0

    def take(self, size: int) -> None:
        """
        Hold so many bytes more.

        Raises:
            RequestRefused: 429, there is no room for them.
        """
        self._admission.take(self.lane, self._room, size)
        self._size += size

    def change_to(self, lane: Lane) -> None:
        """
        Go to another lane, when the body says that it belongs there.

        Raises:
            RequestRefused: 429 or 503, that lane has no room.
        """
        size = self._size
        self.release()
        self.lane, self._room = lane, self._admission.enter(lane)._room
        self.take(size)

    def release(self) -> None:
        """Give all of it back."""
        self._room.held -= self._size
        self._size = 0


def retry_after_s(pressure: float, dice: Dice) -> int:
    """Return whole seconds, about 2 at no pressure and up to 300 at full, spread so that not all come back at once."""
    return jittered(FIRST_RETRY_S * (MAX_RETRY_S / FIRST_RETRY_S) ** min(1.0, max(0.0, pressure)), dice)


def jittered(seconds: float, dice: Dice) -> int:
    """Return whole seconds from half of it up to it, one at least."""
    return min(MAX_RETRY_S, max(1, math.ceil(seconds * (0.5 + 0.5 * dice()))))


def _between(value: float, soft: float, hard: float) -> float:
    if value >= hard:
        return 1.0
    return max(0.0, (value - soft) / (hard - soft)) if value > soft else 0.0
