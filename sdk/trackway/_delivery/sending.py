"""`Sending`: what a tracker needs of whoever sends for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import threading

    from trackway._delivery.outbox import Outbox


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
