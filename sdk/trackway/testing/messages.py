"""What a failing assertion says: what was expected, what was emitted instead, and where the nearest event differs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from trackway.testing.events import shortened
from trackway.testing.matching import MISSING, differences, shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trackway.testing.events import TrackedEvent
    from trackway.testing.recorder import Refusal
    from trackway_plan import Violation

MOST_SHOWN = 30
"""Events of a failing test that are listed; of the rest, how many there are."""

_NOT_PROPERTIES = ("user_id", "anonymous_id", "session_id", "context", "timestamp", "message_id")
"""Fields of an event that somebody may look for among its properties."""


def wanted(name: str, properties: Mapping[str, object]) -> str:
    """Return "`Order Completed` with total=12.5"."""
    if not properties:
        return f"`{name}`"
    return f"`{name}` with " + ", ".join(f"{key}={shown(value)}" for key, value in properties.items())


def explain(
    headline: str,
    events: Sequence[TrackedEvent],
    refusals: Sequence[Refusal],
    name: str | None = None,
    properties: Mapping[str, object] | None = None,
) -> str:
    """Return the headline and everything that happened; where `name` is given, each such event with its differences."""
    lines = [headline, ""]
    if events:
        lines.append(f"emitted ({len(events)}):")
        for number, event in enumerate(events[:MOST_SHOWN], 1):
            lines.append(f"  {number}. {shortened(event.line(), 140)}")
            if name == event.name:
                lines += _compared(properties or {}, event)
        if len(events) > MOST_SHOWN:
            lines.append(f"  … and {len(events) - MOST_SHOWN} more")
        lines += _near(name, events)
    else:
        lines.append("Nothing was emitted.")
    lines += _refused(refusals)
    return "\n".join(lines)


def broken(headline: str, violations: Sequence[tuple[str, Violation]]) -> str:
    """Return the headline and each violation with the name of its event."""
    lines = [headline]
    for name, violation in violations:
        lines.append(f"  `{name}` {violation.path or '(event)'}: {violation.message or ''} [{violation.code}]")
    return "\n".join(lines)


def _compared(properties: Mapping[str, object], event: TrackedEvent) -> list[str]:
    found = differences(properties, event)
    if not found:
        return ["       matches"]
    lines = [f"       {difference}" for difference in found]
    others = [key for key in event.properties if key not in properties]
    if others and any(difference.found is MISSING for difference in found):
        lines.append(f"       it also carries: {', '.join(others)}")
    for name in (each.path for each in found if each.found is MISSING and each.path in _NOT_PROPERTIES):
        lines.append(
            f"       {name} is no property: look at the event that is returned, `event.{name}`"
            f" (here {shown(getattr(event, name))})"
        )
    return lines


def _near(name: str | None, events: Sequence[TrackedEvent]) -> list[str]:
    if name is None:
        return []
    names = {event.name for event in events}
    if name in names:
        return []
    from difflib import get_close_matches

    by_lower = {known.lower().replace("_", " "): known for known in names}
    near = get_close_matches(name.lower().replace("_", " "), by_lower, n=1)
    return [f"No event is named `{name}`." + (f" Did you mean `{by_lower[near[0]]}`?" if near else "")]


def _refused(refusals: Sequence[Refusal]) -> list[str]:
    if not refusals:
        return []
    lines = [f"calls that made no event ({len(refusals)}):"]
    for (reason, name, text), count in Counter(refusals).items():
        times = f" ({count} times)" if count > 1 else ""
        lines.append(f"  {name or 'a call'}{times}: {reason}" + (f", {text}" if text else ""))
    return lines
