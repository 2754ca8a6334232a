"""What two releases alone do not tell: the calendar, the names of old releases, and the gate itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import msgspec

from ..compatibility import Compatibility
from ..diff.change import Change
from ..diff.similar import name_score
from ..evidence import EventEvidence
from ..findings import Audience, Severity
from ..model import EventSpec, PropertySpec
from ..near import listed
from ..release import Release
from ..revisions.named import Revision
from ..storage import storage_type

_SAME_EVENT = 0.4
"""Two events of one name that share less of their properties than this mean different things."""


@dataclass(frozen=True)
class Context:
    """What the rules go by beside the changes."""

    before: Revision
    after: Revision
    today: date
    compatibility: Compatibility
    pairs: Mapping[str, str]
    """Event in `after` to its name in `before`."""
    history: Iterable[Release] = ()
    """Older releases, the newest first."""
    evidence: Mapping[str, EventEvidence] | None = None
    """Name in `before` to what stored events say; None if nobody was asked."""
    days: int = 0
    """How far back the evidence looks."""
    received: int = 0
    """All events of those days; of none, nothing can be told."""


def in_context(changes: Sequence[Change], context: Context) -> Iterator[Change]:
    """The changes that count: without those of drafts, with what only the context tells."""
    yield from gate_changes(context)
    for change in changes:
        if change.draft:
            continue
        if change.kind == "event-removed":
            yield _removal(change, context)
            continue
        yield change
        if change.kind in ("event-deprecated", "sunset-set", "sunset-moved-earlier"):
            yield from _notice(change, context)
        if change.kind in ("event-added", "event-revived", "property-added-optional", "property-added-required"):
            yield from _reused(change, context)


def _removal(change: Change, context: Context) -> Change:
    """An event may go when it was deprecated, its day has passed, and it is quiet, or it has been retired."""
    event = context.before.release.events[change.event]
    told = ""
    if event.status not in ("deprecated", "retired"):
        told = ", which is in use and was never deprecated"
    elif event.remove_after and event.remove_after >= context.today.isoformat():
        told = f" before its sunset, {event.remove_after}"
    elif event.status == "deprecated" and not event.remove_after:
        told = ", which is deprecated without a `remove_after`"
    elif event.status == "deprecated" and context.evidence is None:
        told = ": its sunset has passed, but there is no evidence that it is quiet"
    elif event.status == "deprecated" and not context.received:
        told = f": its sunset has passed, but no event at all was received in the last {context.days} days"
    elif event.status == "deprecated" and not _is_quiet(change.event, context):
        told = f": its sunset has passed, but it still arrives (last {context.days} days)"
    if told:
        return msgspec.structs.replace(change, note=told)
    why = f", {event.remove_after}" if event.remove_after else ": it was retired"
    return msgspec.structs.replace(change, kind="event-removed-after-sunset", note=why)


def _is_quiet(event: str, context: Context) -> bool:
    """Whether so few of all events are still this one that nobody would miss it."""
    found = (context.evidence or {}).get(event)
    return found is None or found.seen / context.received < context.compatibility.quiet_below


def _notice(change: Change, context: Context) -> Iterator[Change]:
    event = context.after.release.events[change.event]
    if not event.remove_after or event.status != "deprecated":
        return
    days = (date.fromisoformat(event.remove_after) - context.today).days
    if days < context.compatibility.notice_days:
        said = f"in {days} days" if days >= 0 else "a day that has passed"
        note = f"{said}; `notice_days` is {context.compatibility.notice_days}"
        keys = ("events", event.name, "remove_after")
        yield Change(
            kind="notice-too-short", event=event.name, after=event.remove_after, note=note, keys=keys, uses=change.uses
        )


# ── names that come back ────────────────────────────────────────────────────────────


def _reused(change: Change, context: Context) -> Iterator[Change]:
    for event, path in change.uses if change.path else ((change.event, ""),):
        if event.startswith("traits."):
            continue
        why = _other_meaning(event, path, context)
        if why:
            yield msgspec.structs.replace(change, kind="name-reused", before="", after=path or event, note=why)
            return


def _other_meaning(name: str, path: str, context: Context) -> str:
    """How the last release that had this name understood it, if that was something else."""
    now = context.after.release.events.get(name)
    if now is None:
        return ""  # it is folded into another event, which has its own history
    before = context.before.release
    for release in (before, *context.history):
        was = release.events.get(context.pairs.get(name, name)) or release.events.get(name)
        if was is None:
            continue
        if not path:
            return _different_event(was, now, release.rev)
        old, new = _spec_at(was, path), _spec_at(now, path)
        if old is not None and new is not None:
            return _different_property(path, old, new, release.rev)
    return ""


def _different_property(path: str, old: PropertySpec, new: PropertySpec, rev: int) -> str:
    if storage_type(old) != storage_type(new):
        return f"in rev {rev} it was stored as {storage_type(old)}, now as {storage_type(new)}"
    if old.unit != new.unit and old.unit and new.unit:
        return f"in rev {rev} it was in {old.unit}, now in {new.unit}"
    return ""


def _different_event(was: EventSpec, now: EventSpec, rev: int) -> str:
    for name, old in was.properties.items():
        new = now.properties.get(name)
        if new is not None and (why := _different_property(name, old, new, rev)):
            return f"`{name}`: {why}"
    mine, theirs = ({n for n, spec in event.properties.items() if not spec.group} for event in (was, now))
    alike = 2 * len(mine & theirs) / (len(mine) + len(theirs)) if mine or theirs else 1.0
    if alike < _SAME_EVENT and not any(name_score(a, b) > _SAME_EVENT for a in mine - theirs for b in theirs - mine):
        return f"in rev {rev} it carried {listed(sorted(mine), 4) or 'nothing'}, now {listed(sorted(theirs), 4)}"
    return ""


def _spec_at(event: EventSpec, path: str) -> PropertySpec | None:
    """The property at a path such as `items[].price`."""
    properties: Mapping[str, PropertySpec] = event.properties
    spec: PropertySpec | None = None
    for part in path.split("."):
        spec = properties.get(part.rstrip("[]"))
        for _ in range(part.count("[]")):
            spec = spec.of if spec else None
        if spec is None:
            return None
        properties = spec.properties or {}
    return spec


# ── the gate itself ────────────────────────────────────────────────────────────


def gate_changes(context: Context) -> Iterator[Change]:
    """A `compatibility:` that is milder, or stricter, than in the plan before."""
    if context.before.plan is None or context.after.plan is None:
        return
    was, now = Compatibility.of(context.before.plan), context.compatibility
    for audience in Audience:
        levels = [gate.worst.get(audience, Severity.ERROR.value) for gate in (was, now)]
        yield from _gate_change(audience.value, *levels, milder=_mildness(levels[1]) > _mildness(levels[0]))
    yield from _gate_change(
        "notice_days", str(was.notice_days), str(now.notice_days), milder=now.notice_days < was.notice_days
    )
    shares = [f"{gate.quiet_below:.6%}".rstrip("0%").rstrip(".") + "%" for gate in (was, now)]
    yield from _gate_change("quiet_below", *shares, milder=now.quiet_below > was.quiet_below)


def _gate_change(key: str, old: str, new: str, *, milder: bool) -> Iterator[Change]:
    if old != new:
        kind = "gate-loosened" if milder else "gate-tightened"
        yield Change(kind=kind, before=old, after=new, detail=key, keys=("compatibility",))


def _mildness(level: str) -> int:
    return [*(each.value for each in Severity), "off"].index(level)
