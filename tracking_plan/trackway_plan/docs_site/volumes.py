"""How often events arrived, as the site shows it; who counts them lives with the data and is handed in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec


class SourceVolume(msgspec.Struct, frozen=True, kw_only=True):
    """How often one source sent an event within the window."""

    source: str
    events: int
    last_seen_at: datetime | None = None
    """When the last one was received (UTC)."""


class Volumes(msgspec.Struct, frozen=True, kw_only=True):
    """What was received in a window, by event and source; an event that did not come is left out."""

    since: datetime
    until: datetime
    by_event: Mapping[str, tuple[SourceVolume, ...]]
