"""
Evidence: how often a proposed change of the plan would really hurt, as stored events tell it.

    breaking ── before, after, events ─▶ EvidenceSource.failing ─▶ EventEvidence an event
                                              └ trackway_analytics.plan_data.evidence asks the warehouse

The plan package knows only the protocol: the source lives with the data and is loaded by name, so that every check
works without a network. Evidence may make a finding milder, never worse, and its absence is said, not assumed.
"""

from __future__ import annotations

import importlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol, cast

from .release import Release

OPENER = "trackway_analytics.plan_data.evidence:open_evidence"
"""What opens the source that asks a warehouse: `open_evidence(url, days, exclude_sources=…, minimum=…)`."""


class EvidenceUnreachableError(Exception):
    """
    The warehouse cannot be asked: exit code 4, because no answer is not the answer "none".

    No `PlanError`: the plan is fine.
    """


@dataclass(frozen=True)
class Failing:
    """How many events fail in one way; an event that fails in two ways counts in both."""

    events: int
    by_source: Mapping[str, int] = field(default_factory=dict)
    """Source to events, "" for events without one."""
    by_rev: Mapping[int, int] = field(default_factory=dict)
    """Plan revision stamped by the client, 0 for none, to events."""


@dataclass(frozen=True)
class EventEvidence:
    """What the stored events of one name say about a change, over the days that were asked for."""

    seen: int
    """Events of this name (former names too) that were looked at, without excluded sources."""
    fitting: int
    """Of those, the ones that fit the plan as it is; the others say nothing about the change."""
    failing: Failing
    """Of the fitting ones, those that would not fit the plan as proposed; each event once."""
    by_violation: Mapping[tuple[str, str], Failing] = field(default_factory=dict)
    """
    (violation code, property path) to the failing events that would have this violation. Paths are as people write
    them, `items[].price`, with "" for a violation of the event itself (`unplanned_event`, `wrong_source`).
    """
    sampled: float = 1.0
    """The share of events that was looked at; the counts are scaled up by it."""


class EvidenceSource(Protocol):
    """Counts stored events that fit one plan and not another."""

    @property
    def days(self) -> int:
        """How many days back it looks."""

    def received(self) -> int:
        """
        All events of those days, whatever their name, without excluded sources: 0 means that nothing can be told.

        Raises:
            EvidenceUnreachableError: the warehouse cannot be asked.
        """

    def failing(self, before: Release, after: Release, events: Collection[str]) -> Mapping[str, EventEvidence]:
        """
        What the stored events say, by the event's name in `before`; names never seen may be left out.

        Fewer failing events than the source's `minimum` in one (source, revision) are noise and count as none.

        Raises:
            EvidenceUnreachableError: the warehouse cannot be asked.
        """


def open_evidence(
    warehouse_url: str, days: int, exclude_sources: Collection[str] = (), minimum: int = 1
) -> EvidenceSource:
    """
    The source that asks a warehouse, from the analytics package.

    Raises:
        EvidenceUnreachableError: the package is not installed, or the warehouse cannot be reached.
    """
    module, _, name = OPENER.partition(":")
    try:
        opener = getattr(importlib.import_module(module), name)
    except ImportError as error:
        message = (
            f"evidence needs the analytics part of trackway, which cannot be imported ({error.name} is missing).\n"
            '  Install it: pip install "trackway[analytics]". Without --evidence, the check works as it is.'
        )
        raise EvidenceUnreachableError(message) from error
    return cast(EvidenceSource, opener(warehouse_url, days, exclude_sources=tuple(exclude_sources), minimum=minimum))
