"""From changes to findings: the catalogue's letter, what evidence and definitions say to it, and what was accepted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date

import msgspec

from ..compatibility import Compatibility
from ..definitions import Definition
from ..diff.change import Change
from ..diff.releases import changes, event_pairs
from ..evidence import EventEvidence, EvidenceSource
from ..findings import Audience, Evidence, Finding, Severity
from ..release import Release
from ..revisions.named import Revision
from ..storage import storage_type
from .accepted import with_accepted
from .catalogue import RULES
from .context import Context, gate_changes, in_context
from .measure import kept_out, lowered, measured
from .references import referring
from .rules import LETTERS, POLICY, Rule
from .words import hint, message

_BY_STORAGE = ("type-widened", "type-narrowed", "type-changed")
"""Rules that concern storage only if what is stored is another type: `choice` and `string` are one column."""


def findings(
    before: Revision,
    after: Revision,
    *,
    today: date,
    history: Iterable[Release] = (),
    evidence: EvidenceSource | None = None,
    definitions: Sequence[Definition] | None = None,
) -> list[Finding]:
    """
    What going from one revision to another breaks, worst first; what accepted.yaml holds is marked.

    Args:
        today: the day that sunsets, notice and acceptances are counted from.
        history: the plan's older releases, the newest first, to find names that come back.
        evidence: what counts stored events; None if there is no warehouse.
        definitions: who asks for what; None if there are none to go by.

    Raises:
        EvidenceUnreachableError: the warehouse cannot be asked.
    """
    found = changes(before.release, after.release)
    context = Context(
        before,
        after,
        today,
        Compatibility.of(after.plan),
        event_pairs(before.release, after.release),
        history,
        days=evidence.days if evidence else 0,
    )
    if evidence is not None:
        context = replace(context, evidence=_asked(evidence, found, context), received=evidence.received())
    judged = [
        finding
        for change in in_context(found, context)
        if not RULES[change.kind].silent
        for finding in _judged(change, context, definitions)
    ]
    return sorted(with_accepted(judged, context), key=Finding.sort_key)


def _asked(source: EvidenceSource, found: Iterable[Change], context: Context) -> dict[str, EventEvidence]:
    """The evidence on every event with a change that may concern clients."""
    events = {
        context.pairs.get(name, name)
        for change in found
        if RULES[change.kind].codes and not change.draft
        for name in change.events
    }
    known = sorted(events & context.before.release.events.keys())
    return dict(source.failing(context.before.release, context.after.release, known)) if known else {}


def _judged(change: Change, context: Context, definitions: Sequence[Definition] | None) -> Iterator[Finding]:
    rule = RULES[change.kind]
    if rule.policy != "-":
        yield _finding(rule, change, context, None, LETTERS[rule.policy])
    for audience in Audience:
        letter = rule.level(audience)
        if letter == "-" or not _concerns(rule, audience, change):
            continue
        severity, evidence, aside = LETTERS[letter], None, ""
        if audience is Audience.INGEST and severity is Severity.WARN and kept_out(change, rule, context):
            severity = Severity.ERROR
        if audience is Audience.INGEST and rule.codes and change.events and context.evidence is not None:
            evidence = measured(change, rule, context)
            severity, aside = lowered(severity, evidence, context)
        if letter == "R":
            named = referring(change, definitions, context.pairs)
            if definitions is not None and not named:
                continue
            severity = Severity.ERROR if named else Severity.WARN
            aside = f"Used by {', '.join(named)}." if named else "There are no definitions to say who asks for it."
        capped = context.compatibility.capped(severity, audience)
        if capped is not None:
            yield _finding(rule, change, context, audience, capped, evidence, aside)


def _concerns(rule: Rule, audience: Audience, change: Change) -> bool:
    if rule.id == "choice-added" and change.now is not None and change.now.may_grow:
        return False
    if change.welcome and audience is Audience.INGEST:
        return False
    if rule.id in _BY_STORAGE and audience is Audience.STORAGE and change.was and change.now:
        return storage_type(change.was) != storage_type(change.now)
    return True


def _finding(
    rule: Rule,
    change: Change,
    context: Context,
    audience: Audience | None,
    severity: Severity,
    evidence: Evidence | None = None,
    aside: str = "",
) -> Finding:
    place = context.after.place(change.keys or ("events", change.event))
    said = f"{change.detail} " if change.detail not in ("", change.before, change.after) else ""
    data: dict[str, object] = {"events": list(change.events)} if change.group or change.named_type else {}
    return Finding(
        rule=rule.id,
        severity=severity,
        audience=audience,
        message=" ".join(filter(None, (message(rule, change), _why(rule, audience), aside))),
        hint=hint(rule, change),
        event=change.event,
        path=change.path,
        before=(said + change.before) if change.before or not change.after else "",
        after=(said + change.after) if change.after else "",
        file=place.file if place else "",
        line=place.line if place else 0,
        column=place.column if place else 0,
        evidence=evidence,
        data=data,
    )


def _why(rule: Rule, audience: Audience | None) -> str:
    """What happens to the audience; a bare note of the changelog has none."""
    if audience is None and rule.policy == "-":
        return ""
    return rule.why.get(audience or POLICY, "")


def changelog(before: Revision, after: Revision) -> list[Finding]:
    """Every change as a note, in the order of the plan: what `diff` shows."""
    context = Context(before, after, date.min, Compatibility.of(after.plan), {})
    every = [*gate_changes(context), *changes(before.release, after.release)]
    return [
        msgspec.structs.replace(_finding(RULES[change.kind], change, context, None, Severity.NOTE), hint="")
        for change in every
    ]
