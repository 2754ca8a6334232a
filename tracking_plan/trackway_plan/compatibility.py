"""
`compatibility:` of plan.yaml: how bad breaking may be for each audience, how much notice is promised, what is quiet.

    compatibility: {query: error, ingest: error, storage: error, source: warn, notice_days: 30, quiet_below: 0.1%}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from yaml.nodes import Node

from .findings import Audience, Severity
from .loading.nodes import Reader
from .model import Plan

OFF = "off"
LEVELS = (*(each.value for each in Severity), OFF)
KEYS = (*(each.value for each in Audience), "notice_days", "quiet_below")

_SHARE = re.compile(r"(\d{1,3}(?:\.\d{1,6})?)\s*%")


@dataclass(frozen=True)
class Compatibility:
    """What the team has promised; the default takes the catalogue at its word."""

    worst: Mapping[Audience, str] = field(default_factory=dict)
    """The worst a finding may be for an audience: error, warn, note, or `off` for no findings."""
    notice_days: int = 0
    """Days between saying that an event will be removed and its `remove_after`."""
    quiet_below: float = 0.0
    """The share of failing events below which evidence makes an ingest error a warning; 0 means none may fail."""

    @classmethod
    def of(cls, plan: Plan | None) -> Compatibility:
        """What a plan promises; a revision without its YAML promises nothing in particular."""
        said = plan.compatibility if plan else {}
        return cls(
            worst={audience: str(said[audience]) for audience in Audience if audience in said},
            notice_days=int(said.get("notice_days", 0)),
            quiet_below=_share(said.get("quiet_below", "0%")),
        )

    def capped(self, severity: Severity, audience: Audience) -> Severity | None:
        """The severity as this plan takes it, None if it wants to hear nothing."""
        worst = self.worst.get(audience, Severity.ERROR.value)
        if worst == OFF:
            return None
        return Severity(worst) if severity.reaches(Severity(worst)) else severity


def read_compatibility(reader: Reader, node: Node) -> dict[str, Any]:
    """The mapping as it stands, every value checked."""
    found: dict[str, Any] = {}
    for key, value in reader.mapping(node, "`compatibility`", KEYS).items():
        what = f"`{key}` of `compatibility`"
        if key == "notice_days":
            days = reader.integer(value, what, 0)
            if days is not None:
                found[key] = days
        elif key == "quiet_below":
            share = reader.text(value, what)
            if share is not None and not _is_share(share):
                reader.problem(value, f"{what} must be a share of the events, not `{share}`.", "Write it as in 0.1%.")
            elif share is not None:
                found[key] = share
        elif (level := reader.one_of(value, what, LEVELS)) is not None:
            found[key] = level
    return found


def _is_share(text: str) -> bool:
    match = _SHARE.fullmatch(text)
    return bool(match and float(match[1]) <= 100)


def _share(text: str) -> float:
    match = _SHARE.fullmatch(text)
    return float(match[1]) / 100 if match else 0.0
