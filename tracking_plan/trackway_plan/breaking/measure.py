"""What the stored events say to one finding: how many would fail, where from, and whether that is quiet enough."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ..diff.change import Change
from ..evidence import EventEvidence, Failing
from ..findings import Evidence, Severity
from .context import Context
from .rules import Rule


def measured(change: Change, rule: Rule, context: Context) -> Evidence:
    """The events that would fail because of this change, over all events it reaches."""
    seen = failing = 0
    by_source: Counter[str] = Counter()
    by_rev: Counter[int] = Counter()
    sampled = 1.0
    for event, path in change.uses or ((change.event, change.path),):
        found = _of(event, context)
        if found is None:
            continue
        seen += found.seen
        sampled = min(sampled, found.sampled)
        # An event that fails in two ways is in both counts: it is still one event.
        most = found.failing.events
        ways = list(_ways(found, rule, path))
        failing += min(sum(way.events for way in ways), most)
        for way in ways:
            by_source.update(way.by_source)
            by_rev.update(way.by_rev)
    return Evidence(
        days=context.days,
        events=seen,
        failing=failing,
        by_source=dict(by_source.most_common()),
        by_rev=dict(by_rev.most_common()),
        sampled=sampled,
    )


def lowered(severity: Severity, evidence: Evidence, context: Context) -> tuple[Severity, str]:
    """The severity after evidence, which never makes it worse, and a sentence that says why."""
    if not context.received:
        return severity, f"No event at all was received in the last {evidence.days} days, so nothing can be told."
    shown = f"{evidence.failing:,} of {evidence.events:,} events of the last {evidence.days} days would fail"
    if not evidence.events:
        shown = f"No such event was seen in the last {evidence.days} days"
    quiet = not evidence.failing or evidence.failing / max(evidence.events, 1) < context.compatibility.quiet_below
    if quiet and severity is Severity.ERROR:
        return Severity.WARN, f"{shown}: quiet, so this is a warning."
    return severity, f"{shown}."


def kept_out(change: Change, rule: Rule, context: Context) -> bool:
    """Whether the plan's policy would set aside or refuse what still arrives, instead of storing it with a mark."""
    release = context.after.release
    policies = [release.on_violation, *(source.on_violation for source in release.sources.values())]
    names = {event for event, _ in change.uses} or {change.event}
    policies += [release.events[name].on_violation for name in names if name in release.events]
    return any(policy.get(code) in ("quarantine", "reject") for policy in policies for code in rule.codes)


def _of(event: str, context: Context) -> EventEvidence | None:
    return (context.evidence or {}).get(context.pairs.get(event, event))


def _ways(found: EventEvidence, rule: Rule, path: str) -> Iterator[Failing]:
    codes = {code.value for code in rule.codes}
    whole = rule.id in ("rule-added", "event-removed", "sender-removed", "former-name-removed", "name-reused")
    for (code, where), failing in found.by_violation.items():
        here = whole or where == path or where.startswith((f"{path}.", f"{path}["))
        if code in codes and here:
            yield failing
