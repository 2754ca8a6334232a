"""
What a change of the plan does to the questions people rely on: breaks them, changes what they mean, or leaves them
whole because `formerly` carries the old name.

    before, after: Release ─┐            ┌─ effects of each use ─┐
    definitions ────────────┴─ impact ──┴─ one per subject ─────┴─▶ Finding, at its place in the definition

A definition gets one finding for each event or property whose change touches it, however often it names that and
however much changed about it: the worst effect gives the rule.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..definitions import Definition, Use
from ..findings import Audience, Finding, Severity
from ..near import listed
from ..release import Release
from .effects import BREAKS, CHANGES, KEPT, UNKNOWN, WILL_BREAK, Comparison, Effect

__all__ = ["BREAKS", "CHANGES", "KEPT", "UNKNOWN", "WILL_BREAK", "impact"]

_RULES = {
    BREAKS: (Severity.ERROR, "breaks"),
    UNKNOWN: (Severity.WARN, "names nothing"),
    WILL_BREAK: (Severity.WARN, "will break"),
    CHANGES: (Severity.WARN, "changes its meaning"),
    KEPT: (Severity.NOTE, "stays whole"),
}
"""Rule to its severity and its words, the worst first."""

_Found = list[tuple[Use, Effect]]


def impact(before: Release, after: Release, definitions: Iterable[Definition]) -> list[Finding]:
    """One finding for each thing of the plan whose change touches a definition; none for those it leaves alone."""
    compare = Comparison(before, after)
    found = []
    for definition in definitions:
        by_subject: dict[tuple[str, str], _Found] = {}
        for use in definition.uses:
            for effect in compare.effects(use):
                by_subject.setdefault((effect.event, effect.subject), []).append((use, effect))
        found += [_finding(definition, effects) for effects in by_subject.values()]
    return sorted(found, key=Finding.sort_key)


def _finding(definition: Definition, found: _Found) -> Finding:
    """All that happens to one subject, at the first place that it hits worst."""
    order = list(_RULES)
    use, worst = min(found, key=lambda each: order.index(each[1].rule))
    effects = sorted({effect: None for _, effect in found}, key=lambda effect: order.index(effect.rule))
    severity, verb = _RULES[worst.rule]
    roles = _distinct(use.role for use, _ in found)
    why = "; ".join(_distinct(effect.why for effect in effects))
    near = " ".join(_distinct(effect.near for effect in effects))
    return Finding(
        rule=worst.rule,
        severity=severity,
        audience=Audience.QUERY,
        message=f"{definition.kind} `{definition.name}` {verb} ({listed(roles, 6)}): {worst.subject} {why}.{near}",
        hint="\n".join(_distinct(effect.hint for effect in effects)),
        event=worst.event,
        path=use.property,
        before=", ".join(_distinct(effect.before for effect in effects)),
        after=", ".join(_distinct(effect.after for effect in effects)),
        file=use.place.file,
        line=use.place.line,
        column=use.place.column,
        data={"definition": definition.name, "kind": definition.kind, "roles": roles, "owner": definition.owner},
    )


def _distinct(texts: Iterable[Any]) -> list[str]:
    return list(dict.fromkeys(text for text in texts if text))
