"""
What is different between two releases of a plan, said in the plan's words: the changelog behind `diff` and `breaking`.

    Release, Release ─ changes ─▶ Change …      `diff` shows them all
                                    └ breaking ─▶ what each means for source, ingest, storage and query

Events and properties are matched by name, then by `formerly`, so that a rename is one change and what is inside goes on
being compared. A change in a group or a named type is one `Change` with all the events it reaches.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import msgspec

from ..model import EventSpec
from ..release import Release
from .change import At, Change, merged, shown_policy, traits_at
from .properties import property_changes
from .rules import once_per_differs, rule_changes
from .similar import possible_renames

_STATUS_KINDS = {
    ("draft", "active"): "event-activated",
    ("active", "deprecated"): "event-deprecated",
    ("draft", "deprecated"): "event-deprecated",
    ("deprecated", "active"): "event-revived",
    ("retired", "active"): "event-revived",
    ("retired", "deprecated"): "event-revived",
}
"""Status before and after to the kind; to `draft` is always back, and to `retired` always retirement."""

_STRICTNESS = ("allow", "flag", "strip", "quarantine", "reject")
_FOR_PEOPLE = ("summary", "owner", "when", "area", "replaced_by", "examples")


def changes(before: Release, after: Release) -> list[Change]:
    """
    Every difference in meaning or wording, in the order plan, events (as in `after`, then those gone), traits.

    Possible renames come last: they are guesses about changes that are in the list already.
    """
    found = [*_plan_changes(before, after), *_event_changes(before, after), *_traits_changes(before, after)]
    found = merged(found, before, after)
    return found + possible_renames(before, after, found)


def event_pairs(before: Release, after: Release) -> dict[str, str]:
    """The name of each event of `after` that was in `before`, to its name there: its own, or a former one."""
    pairs = {name: name for name in after.events if name in before.events}
    for name, event in after.events.items():
        if name in pairs:
            continue
        for old in event.formerly:
            if old.event in before.events and old.event not in after.events:
                pairs[name] = old.event
                break
    return pairs


# ── the plan ────────────────────────────────────────────────────────────


def _plan_changes(before: Release, after: Release) -> Iterator[Change]:
    for key in ("name", "summary"):
        old, new = getattr(before, key), getattr(after, key)
        if old != new:
            yield Change(kind="definition-edited", detail=key, before=old, after=new)
    for name in after.sources:
        keys = ("sources", name)
        if name not in before.sources:
            yield Change(kind="source-added", detail=name, after=name, keys=keys)
            continue
        was, now = before.sources[name], after.sources[name]
        for key in ("kind", "sdk", "summary"):
            if getattr(was, key) != getattr(now, key):
                yield Change(
                    kind="definition-edited",
                    detail=f"{key} of source {name}",
                    before=getattr(was, key),
                    after=getattr(now, key),
                    keys=keys,
                )
        yield from _policy_changes(was.on_violation, now.on_violation, f"source {name}", "", keys)
    for name in before.sources:
        if name not in after.sources:
            yield Change(kind="source-removed", detail=name, before=name)
    yield from _policy_changes(before.on_violation, after.on_violation, "the plan", "", ())


def _policy_changes(
    before: Mapping[str, str], after: Mapping[str, str], whose: str, event: str, keys: tuple[str, ...]
) -> Iterator[Change]:
    """What happens to events that depart from the plan; without a word of its own, `whose` inherits."""
    for code in dict.fromkeys((*before, *after)):
        old, new = before.get(code, ""), after.get(code, "")
        if old == new:
            continue
        # Where one side inherits, which of the two is stricter depends on the source: the stricter is assumed.
        stricter = not old or not new or _STRICTNESS.index(new) > _STRICTNESS.index(old)
        yield Change(
            kind="policy-stricter" if stricter else "policy-looser",
            event=event,
            detail=f"{whose}, {code}",
            before=shown_policy(old),
            after=shown_policy(new),
            keys=keys,
        )


# ── events ────────────────────────────────────────────────────────────


def _event_changes(before: Release, after: Release) -> Iterator[Change]:
    pairs = event_pairs(before, after)
    for name, event in after.events.items():
        if name not in pairs:
            yield Change(kind="event-added", event=name, after=name, keys=("events", name))
        elif event != before.events[pairs[name]]:
            yield from _one_event(before.events[pairs[name]], event, before.sources)
    folded = _folded(before, after, pairs)
    for old, new in folded.items():
        yield from _one_folded(before.events[old], after.events[new])
    kept = {*pairs.values(), *folded}
    for name, event in before.events.items():
        if name not in kept:
            yield Change(kind="event-removed", event=name, before=name, draft=event.status == "draft")


def _folded(before: Release, after: Release, pairs: Mapping[str, str]) -> dict[str, str]:
    """Each event that is gone to the one that was there already and now has its name under `formerly`."""
    gone = before.events.keys() - after.events.keys() - set(pairs.values())
    return {old.event: event.name for event in after.events.values() for old in event.formerly if old.event in gone}


def _one_event(was: EventSpec, now: EventSpec, sources: Collection[str]) -> Iterator[Change]:
    for change in (*_head_changes(was, now, sources), *_event_properties(was, now)):
        yield msgspec.structs.replace(change, draft=True) if was.status == "draft" else change


def _one_folded(was: EventSpec, now: EventSpec) -> Iterator[Change]:
    """
    One event that becomes a part of another: what is sent under its name is judged as that one.

    The changes of its properties keep the name that goes, because clients, evidence and definitions know it by that.
    """
    keys = ("events", now.name)
    renamed = Change(kind="event-renamed", event=now.name, before=was.name, after=now.name, keys=(*keys, "formerly"))
    for change in (renamed, *_event_properties(was, now, At(event=was.name, keys=keys))):
        yield msgspec.structs.replace(change, draft=True) if was.status == "draft" else change


def _head_changes(was: EventSpec, now: EventSpec, sources: Collection[str]) -> Iterator[Change]:
    keys = ("events", now.name)

    def change(kind: str, old: str = "", new: str = "", detail: str = "", key: str = "") -> Change:
        at = (*keys, key) if key else keys
        return Change(kind=kind, event=now.name, before=old, after=new, detail=detail, keys=at)

    if was.name != now.name:
        yield change("event-renamed", was.name, now.name, key="formerly")
    yield from _former_names(was, now)
    if was.status != now.status:
        kind = _STATUS_KINDS.get((was.status, now.status))
        kind = kind or ("status-moved-back" if now.status == "draft" else "event-retired")
        yield change(kind, was.status, now.status)
    if was.remove_after != now.remove_after and now.status in ("deprecated", "retired"):
        yield change(_sunset_kind(was, now), was.remove_after, now.remove_after, key="remove_after")
    for source in now.sent_by if was.sent_by else ():
        if source not in was.sent_by:
            yield change("sender-added", new=source, detail=source, key="sent_by")
    if was.sent_by and not now.sent_by:
        yield change("sender-added", ", ".join(was.sent_by), "any source", detail="any source", key="sent_by")
    if now.sent_by and not was.sent_by and not (sources and set(sources) <= set(now.sent_by)):
        senders = ", ".join(now.sent_by)
        yield change("sender-removed", "any source", senders, detail=f"any source but {senders}", key="sent_by")
    for source in was.sent_by if now.sent_by else ():
        if source not in now.sent_by:
            yield change("sender-removed", source, detail=source, key="sent_by")
    if once_per_differs(was, now):
        yield change("once-per-changed", ", ".join(was.once_per), ", ".join(now.once_per), key="once_per")
    for kind, rule in rule_changes(was, now):
        said = _shown_rule(rule)
        yield change(kind, new=said, key="rules") if kind == "rule-added" else change(kind, said, key="rules")
    yield from _policy_changes(was.on_violation, now.on_violation, f"event {now.name}", now.name, keys)
    for key in _FOR_PEOPLE:
        old, new = getattr(was, key), getattr(now, key)
        if old != new:
            told = key != "examples"
            yield change("definition-edited", old if told else "", new if told else "", detail=key)


def _sunset_kind(was: EventSpec, now: EventSpec) -> str:
    if not was.remove_after:
        return "sunset-set"
    moved_later = not now.remove_after or now.remove_after > was.remove_after
    return "sunset-moved-later" if moved_later else "sunset-moved-earlier"


def _shown_rule(rule: object) -> str:
    return msgspec.json.encode(rule, order="sorted").decode()


def _former_names(was: EventSpec, now: EventSpec) -> Iterator[Change]:
    """
    Former names that came or went, of the event and its properties; a superset is never a loss.

    A property's former name that is the present name of a property of `was` is a rename, told as such.
    """
    kept = {(old.event, old.property): _present(old.now, now) for old in now.formerly}
    for old in was.formerly:
        gone = old.now and old.now not in now.properties  # its property is gone: told as a removal
        meant = _present(_present(old.now, was), now)
        if kept.get((old.event, old.property)) != meant and not gone and (old.event or old.property) != now.name:
            path = old.now if old.property else ""
            yield Change(
                kind="former-name-removed",
                event=now.name,
                path=path,
                before=old.event or old.property,
                keys=("events", now.name, "formerly"),
            )
    had = {(old.event, old.property) for old in was.formerly} | {(was.name, "")}
    for index, old in enumerate(now.formerly):
        if (old.event, old.property) not in had and old.property not in was.properties:
            yield Change(
                kind="former-name-added",
                event=now.name,
                path=old.now if old.property else "",
                after=old.event or old.property,
                keys=("events", now.name, "formerly", str(index)),
            )


def _present(name: str, event: EventSpec) -> str:
    """What a property is called now that is given by a name of any time."""
    onwards = {old.property: old.now for old in event.formerly if old.property}
    for _ in range(len(onwards)):
        if name in event.properties or name not in onwards:
            break
        name = onwards[name]
    return name


def _event_properties(was: EventSpec, now: EventSpec, at: At | None = None) -> Iterator[Change]:
    former = {old.now: old.property for old in reversed(now.formerly) if old.property in was.properties}
    at = at or At(event=now.name, keys=("events", now.name))
    if was.open != now.open:
        yield at.change("opened" if now.open else "closed")
    yield from property_changes(was.properties, now.properties, at, former, is_open=now.open)


# ── traits ────────────────────────────────────────────────────────────


def _traits_changes(before: Release, after: Release) -> Iterator[Change]:
    for kind in dict.fromkeys((*before.traits, *after.traits)):
        yield from property_changes(before.traits.get(kind, {}), after.traits.get(kind, {}), traits_at(kind), {})
