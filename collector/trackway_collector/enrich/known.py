"""What is known of an event when a step looks at it, and what a step is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trackway_collector.spool.record import Client


@dataclass(frozen=True, slots=True)
class Known:
    """An event's context on its way into columns."""

    columns: Mapping[str, Any]
    """Column → value: what the client sent, then what the steps before this one have found."""
    context: Mapping[str, Any]
    """What of the event's context has no column."""
    client: Client | None
    """The person's own device; None when a server sent the event."""

    def text(self, column: str) -> str:
        """A column's value; empty when there is none."""
        value = self.columns.get(column)
        return value if type(value) is str else ""

    def section(self, name: str) -> Mapping[str, Any]:
        """An object of the context; empty when it is none."""
        value = self.context.get(name)
        return value if isinstance(value, dict) else {}


Step = Callable[[Known], Mapping[str, str]]
"""Returns columns to fill; those that have a value keep it, and empty values fill nothing."""
