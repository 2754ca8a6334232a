"""What the checks of one examination know, each adding to it for those that follow."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from trackway._clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trackway._clock import Clock
    from trackway._options import Options
    from trackway_plan import Release


@dataclass(slots=True)
class Case:
    """One examination."""

    options: Options
    """As a tracker here would have them."""
    origins: Mapping[str, str]
    """Setting → where its value came from: `argument`, the variable's name, or `default`."""
    release: Release | None = None
    """The release that events are checked against."""
    warehouse: str | None = None
    """URL of the tables in which the test event is looked for."""
    send: bool = True
    """Whether to send a test event."""
    timeout_s: float = 5.0
    """For a connection, and then for an answer."""
    wait_s: float = 30.0
    """For the test event to be seen in the tables."""
    clock: Clock = field(default_factory=SystemClock)

    reached: bool = False
    """Whether a collector answers."""
    key_refused: bool = False
    page: dict[str, Any] | None = None
    """What the collector said at `/v1/plan`; None if it did not."""
    skew_s: float | None = None
    """How far our clock is ahead of the collector's."""
    message_id: str | None = None
    """Of the test event, once the collector has it."""

    @property
    def secure(self) -> bool:
        """Whether the way is by TLS."""
        return urlsplit(self.options.host).scheme == "https"

    @property
    def hostname(self) -> str:
        """The host's name or address."""
        return urlsplit(self.options.host).hostname or ""

    @property
    def port(self) -> int:
        """The port, of the scheme where none is given."""
        return urlsplit(self.options.host).port or (443 if self.secure else 80)

    def url(self, path: str) -> str:
        """Return the address of a page of the collector."""
        return f"{self.options.host.rstrip('/')}{path}"

    def now(self) -> datetime:
        """Return our time."""
        return datetime.fromtimestamp(self.clock.time_ns() / 1e9, UTC)

    def collectors_now(self) -> datetime:
        """Return the collector's time, as far as it is known."""
        return datetime.fromtimestamp(self.clock.time_ns() / 1e9 - (self.skew_s or 0.0), UTC)
