"""
Findings: what the plan's checks have to say, one object from every verb to every report.

    lint, breaking, coverage, drift … ─▶ Finding ─▶ Report ─▶ `reports` (text, json, github, sarif …)

A finding is known by its fingerprint, which is made of what happened (rule, event, property, before → after),
never of the sentence that tells it: rewording does not void what somebody accepted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec


class Severity(StrEnum):
    """How bad a finding is; `--fail-on` names the first that makes a check fail."""

    ERROR = "error"
    WARN = "warn"
    NOTE = "note"

    def reaches(self, bar: Severity) -> bool:
        """Whether this is at least as bad as `bar`."""
        order = list(Severity)
        return order.index(self) <= order.index(bar)


class Audience(StrEnum):
    """Whom a change of the plan concerns."""

    SOURCE = "source"
    """Those who build with the generated client."""
    INGEST = "ingest"
    """Clients that are out in the world: whether what they send still fits."""
    STORAGE = "storage"
    """Columns and what is in them."""
    QUERY = "query"
    """Whoever asks questions of the data."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How often a finding would really happen, counted over stored events of the last `days`."""

    days: int
    events: int
    """Events of this name that were looked at."""
    failing: int
    """Of those, the ones that fit the plan as it is and would not fit it as proposed."""
    by_source: Mapping[str, int] = {}
    """Source to failing events."""
    by_rev: Mapping[int, int] = {}
    """Plan revision stamped by the client (0 = none) to failing events."""
    sampled: float = 1.0
    """The share of events that was looked at; `events` and `failing` are scaled up by it."""


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that a check found; `line` and `column` count from 1, 0 where there is no place."""

    rule: str
    severity: Severity
    message: str
    hint: str = ""
    """How to mend it; may have several lines."""
    audience: Audience | None = None
    event: str = ""
    path: str = msgspec.field(default="", name="property")
    """The property, as people write it: `items[].price`; JSON calls it `property`."""
    before: str = ""
    after: str = ""
    file: str = ""
    line: int = 0
    column: int = 0
    evidence: Evidence | None = None
    accepted_until: str = ""
    """Set where accepted.yaml holds it; it then fails nothing."""
    data: Mapping[str, Any] = {}
    """More for machines, such as the events a change of a group concerns."""

    @property
    def fingerprint(self) -> str:
        """12 hex digits that name this finding from commit to commit, whatever its wording and line."""
        parts = (self.rule, self.audience or "", self.event, self.path, self.before, self.after)
        return hashlib.sha256("\x1f".join(parts).encode("utf-8", "replace")).hexdigest()[:12]

    @property
    def where(self) -> str:
        """`file:line:column`, as editors and grep follow it; the file alone without a line; "" without a place."""
        return f"{self.file}:{self.line}:{self.column}" if self.file and self.line else self.file

    def sort_key(self) -> tuple[Any, ...]:
        """Worst first, then in the order of files and lines."""
        order = list(Severity)
        return order.index(self.severity), self.file, self.line, self.column, self.rule, self.event, self.path


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What one verb has to say."""

    verb: str
    """`lint`, `breaking` …"""
    subject: str
    """What was looked at: the plan's name, or `storefront: origin/main → working tree`."""
    findings: tuple[Finding, ...] = ()
    facts: Mapping[str, Any] = {}
    """More for `--format json`: counts, the change list, the census …"""
    summary: str = ""
    """The line that ends the text, where `subject: counts` would say too little."""
    rules: Mapping[str, str] = {}
    """Rule to why there is such a rule, for formats that explain them (SARIF)."""
    home: str = ""
    """The file that findings without a place are shown at, where a format needs one: the plan's plan.yaml."""
    changed: Mapping[str, frozenset[int]] = {}
    """File to the lines that the change at hand touches, where that is known; formats with room for few show
    findings on these lines first."""
    bar: Severity = Severity.ERROR
    """The least severity that fails the check."""

    def failing(self, bar: Severity | None = None) -> tuple[Finding, ...]:
        """The findings that fail the check: at or above `bar` (the report's own, unless given), and not accepted."""
        least = bar or self.bar
        return tuple(f for f in self.findings if f.severity.reaches(least) and not f.accepted_until)

    def by_urgency(self) -> list[Finding]:
        """
        The findings in the order a reviewer needs them.

        Worst first, accepted ones behind their equals; among those the ones on changed lines, then by file and line.
        """

        def key(finding: Finding) -> tuple[Any, ...]:
            touched = finding.line in self.changed.get(finding.file, ())
            severity, *place = finding.sort_key()
            return severity, bool(finding.accepted_until), not touched, *place

        return sorted(self.findings, key=key)
