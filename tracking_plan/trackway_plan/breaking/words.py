"""One change in words: a sentence that names it, and how to mend it."""

from __future__ import annotations

from ..diff.change import Change
from ..near import listed
from .rules import Rule

MOST_EVENTS = 8
"""Events that are named one by one where a group or type reaches many; JSON has them all."""
_LONGEST = 60


def message(rule: Rule, change: Change) -> str:
    """What changed, in one sentence; then the events it reaches, if it is shared."""
    values = {
        "subject": subject(change),
        "event": change.event,
        "before": _short(change.before),
        "after": _short(change.after),
        "before_or_none": _short(change.before) or "none",
        "after_or_none": _short(change.after) or "none",
        "pii_before": f"`pii: {change.before}`" if change.before else "without a class",
        "pii_after": f"`pii: {change.after}`" if change.after else "without a class",
        "detail": change.detail,
        "note": change.note or (f"{change.score:.0%}" if change.score else ""),
    }
    said = rule.says.format(**values)
    said = said[0].upper() + said[1:]
    events = change.events
    if (change.group or change.named_type) and not change.event and events:
        count = "1 event" if len(events) == 1 else f"{len(events):,} events"
        said += f" That reaches {count}: {listed(events, MOST_EVENTS)}."
    return said


def subject(change: Change) -> str:
    """What it is about: `` `items[].price` of `order_completed` ``, `` `currency` of group `money` ``."""
    path = change.path
    if path.startswith("traits."):
        _, kind, name = path.split(".", 2)
        return f"trait `{name}` of {'a user' if kind == 'user' else 'an account'}"
    if change.event:
        return f"`{path}` of `{change.event}`" if path else f"`{change.event}`"
    if change.named_type:
        inner = path.removeprefix(f"types.{change.named_type}").lstrip(".")
        return f"`{inner}` of type `{change.named_type}`" if inner else f"type `{change.named_type}`"
    if change.group:
        return f"`{path.removeprefix(f'groups.{change.group}.')}` of group `{change.group}`"
    return "the plan"


def hint(rule: Rule, change: Change) -> str:
    """How to mend it; for a possible rename, the very lines to write."""
    if rule.id != "possible-rename":
        return rule.mend
    if not change.path:
        return f"{rule.mend}\nIn the file of `{change.after}`: formerly: [{{event: {change.before}}}]"
    if "." in change.path.removeprefix(f"groups.{change.group}.") or change.named_type:
        return "If it is the same thing, keep the old name: only an event's own properties have `formerly`."
    line = f"formerly: [{{property: {change.before}, now: {change.after}}}]"
    return f"{rule.mend}\nIn the file of {'each event' if change.group else f'`{change.event}`'}: {line}"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
