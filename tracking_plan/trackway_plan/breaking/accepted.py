"""accepted.yaml against the findings of today: what counts, what has expired, and what accepts nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from ..findings import Finding, Severity
from ..model import Acceptance
from .catalogue import RULES
from .context import Context
from .rules import POLICY


def with_accepted(found: Sequence[Finding], context: Context) -> Iterator[Finding]:
    """The findings, accepted ones marked, and a finding for each entry that has expired or accepts nothing."""
    plan, past = context.after.plan, context.before.plan
    entries = {entry.fingerprint: entry for entry in (plan.accepted if plan else ())}
    today = context.today.isoformat()
    used = set()
    for finding in found:
        entry = entries.get(finding.fingerprint)
        if entry is not None:
            used.add(entry.fingerprint)
        if entry is not None and entry.until >= today:
            yield msgspec.structs.replace(finding, accepted_until=entry.until)
        else:
            yield finding
    inherited = {entry.fingerprint for entry in (past.accepted if past else ())}
    for entry in entries.values():
        expired = entry.until < today
        if entry.fingerprint in used and expired:
            yield _entry_finding("accepted-expired", entry, context)
        elif entry.fingerprint not in used:
            severity = Severity.NOTE if entry.fingerprint in inherited else Severity.ERROR
            note = "; the plan before has it too, so its change is merged" if entry.fingerprint in inherited else ""
            yield _entry_finding("accepted-unused", entry, context, severity, note)


def _entry_finding(
    rule_id: str, entry: Acceptance, context: Context, severity: Severity = Severity.ERROR, note: str = ""
) -> Finding:
    rule = RULES[rule_id]
    place = context.after.place(("accepted", entry.fingerprint))
    said = rule.says.format(before=entry.fingerprint, after=entry.until, note=note)
    return Finding(
        rule=rule_id,
        severity=severity,
        message=f"{said[0].upper()}{said[1:]} {rule.why[POLICY]}",
        hint=rule.mend,
        before=entry.fingerprint,
        file=place.file if place else "",
        line=place.line if place else 0,
        column=place.column if place else 0,
    )
