"""An event as a test looks at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from trackway_plan import Violation

SHOWN_CHARS = 100
"""So much of a value is shown in a message."""


@dataclass(frozen=True, slots=True)
class TrackedEvent:
    """One event that a tracker would have sent."""

    raw: Mapping[str, Any]
    """The event as it stands on the wire."""
    violations: tuple[Violation, ...] = field(default=())
    """How it departs from the plan; empty where nothing checked it."""

    @property
    def type(self) -> str:
        """`track`, `identify`, `page`, `screen`, `group` or `alias`."""
        return str(self.raw["type"])

    @property
    def name(self) -> str:
        """The name of a `track`; for other calls the type with a dollar sign, as in the warehouse: `$page`."""
        return str(self.raw["event"]) if self.type == "track" else f"${self.type}"

    @property
    def properties(self) -> Mapping[str, Any]:
        """
        What the event carries: properties, or traits of `$identify` and `$group`. `name` of a page or screen is among
        them.
        """
        found: dict[str, Any] = dict(self.raw.get("properties") or self.raw.get("traits") or {})
        if self.type in ("page", "screen") and self.raw.get("name"):
            found.setdefault("name", self.raw["name"])
        return found

    @property
    def user_id(self) -> str | None:
        """The person, where the program knows who it is."""
        return self.raw.get("userId")

    @property
    def anonymous_id(self) -> str | None:
        """The visitor, where the program does not."""
        return self.raw.get("anonymousId")

    @property
    def session_id(self) -> str | None:
        """The session that the call or its scope named."""
        return self.context.get("sessionId")

    @property
    def context(self) -> Mapping[str, Any]:
        """The circumstances: library, page, campaign …"""
        return self.raw.get("context") or {}

    @property
    def message_id(self) -> str:
        """The event's identity, as `track` returned it."""
        return str(self.raw["messageId"])

    @property
    def timestamp(self) -> datetime:
        """When it happened; raises ValueError when the program gave a text that is no time."""
        return datetime.fromisoformat(self.raw["timestamp"])

    def person(self) -> str:
        """Return who did it, for a message: `user-7`, or `anonymous a-1`."""
        if self.user_id is not None:
            return self.user_id
        return f"anonymous {self.anonymous_id}"

    def line(self) -> str:
        """Return the event on one line: name, person, what it carries."""
        return f"{self.name}  {self.person()}  {msgspec.json.encode(self.properties).decode()}"

    def __repr__(self) -> str:
        return f"<{shortened(self.line())}>"


def shortened(text: str, chars: int = SHOWN_CHARS) -> str:
    """Return the text, cut where it is too long for a message."""
    return text if len(text) <= chars else f"{text[: chars - 1]}…"
