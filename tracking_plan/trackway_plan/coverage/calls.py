"""What a scan finds: calls that send events, and files that were not read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ..model import Place


class _Unknown:
    """A value that the syntax does not tell."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = _Unknown()
"""A value that only the running program knows."""


@dataclass(frozen=True)
class Call:
    """One place in the code that sends an event."""

    event: str | None
    """None where only the running program knows it."""
    place: Place
    via: str
    """What is called: `tracker.track`, `log_event` …"""
    properties: Mapping[str, Any] = field(default_factory=dict)
    """As JSON would have them, with `UNKNOWN` for values that are not literal."""
    partial: bool = False
    """There may be more properties than these."""
    places: Mapping[str, Place] = field(default_factory=dict)
    """Property to where it is written."""


@dataclass
class Scan:
    """All that was found in the code."""

    calls: list[Call] = field(default_factory=list)
    unreadable: list[tuple[Place, str]] = field(default_factory=list)
    """Files that are not the language their name says: where, and why."""
    skipped: list[tuple[str, str]] = field(default_factory=list)
    """Files and folders that were not read: path, and why."""
    files: int = 0
    """Files that were read."""
