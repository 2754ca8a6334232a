"""What a change of the plan does to one use in a definition: to an event, a property, or the values it asks for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from ..definitions import Use
from ..diff.releases import changes
from ..model import EventSpec, PropertySpec
from ..near import did_you_mean
from ..release import Release
from ..renames import former_events, former_properties
from ..storage import storage_type

BREAKS, WILL_BREAK, CHANGES, KEPT, UNKNOWN = (
    "definition-breaks",
    "definition-will-break",
    "definition-changes-meaning",
    "definition-kept-by-alias",
    "definition-names-nothing",
)
"""The rules; the second is about what is deprecated, the last about a definition that was wrong before the change."""


@dataclass(frozen=True)
class Effect:
    """What the change does to one use; `subject` and `why` make a sentence."""

    rule: str
    subject: str
    """`` `cart` `` or `` `price` of `cart` ``."""
    why: str
    hint: str = ""
    event: str = ""
    before: str = ""
    after: str = ""
    near: str = ""


@dataclass(frozen=True)
class Comparison:
    """Two revisions of a plan, asked about one use after another."""

    before: Release
    after: Release

    def effects(self, use: Use) -> Iterator[Effect]:
        """All that happens to what a use names; a property of any event is looked for in each event that has it."""
        names = use.events or tuple(self.before.events)
        if not use.property:
            for name in names:
                yield from self._event(name)
            return
        holders = [name for name in names if self._spec(self.before, name, use.property)]
        for name in holders:
            yield from self._property(name, use)
        if not holders and not any(self._spec(self.after, name, use.property) for name in names):
            known = [name for name in names if self._resolved(self.before, name)]
            if known:
                yield self._unknown_property(known, use)

    # ── events ────────────────────────────────────────────────────────────

    def _event(self, name: str) -> Iterator[Effect]:
        old, new = self._resolved(self.before, name), self._resolved(self.after, name)
        if name.startswith("$"):
            return  # page, screen, identify …: no plan lists them
        if new is None and old is None:
            near = did_you_mean(name, self.after.events)
            yield Effect(UNKNOWN, f"`{name}`", "is not in the plan", event=name, near=near)
        elif new is None:
            into = self._guesses.get((name, ""), "")
            where = f"`{into}`, which looks like it," if into else "the event that replaces it"
            hint = f"Add `formerly: [{{event: {name}}}]` to {where} or change the definition."
            yield Effect(BREAKS, f"`{name}`", "is no longer in the plan", hint, name, name, "")
        elif old is not None:
            yield from self._same_event(name, old, new)

    def _same_event(self, name: str, old: EventSpec, new: EventSpec) -> Iterator[Effect]:
        shown = f"`{name}`"
        if new.name != name and old.name == name:
            yield Effect(KEPT, shown, f"is now `{new.name}`, and `formerly` resolves it", "", name, name, new.name)
        if new.status == "retired" != old.status:
            hint = f"Move it to `{new.replaced_by}`." if new.replaced_by else ""
            yield Effect(BREAKS, shown, "is retired, so that nothing new arrives", hint, name, old.status, new.status)
        if new.status == "deprecated" and old.status in ("active", "draft"):
            until = f", to be removed after {new.remove_after}" if new.remove_after else ""
            hint = f"Move it to `{new.replaced_by}` before that." if new.replaced_by else ""
            yield Effect(WILL_BREAK, shown, f"is deprecated{until}", hint, name, old.status, new.status)
        for gained in sorted(self._folded_in(old, new)):
            why = f"now includes `{gained}`, which was an event of its own"
            yield Effect(CHANGES, shown, why, "", name, gained, new.name)
        if set(old.sent_by) != set(new.sent_by):
            sent = [", ".join(sorted(each.sent_by)) or "any source" for each in (old, new)]
            yield Effect(CHANGES, shown, f"was sent by {sent[0]}, now by {sent[1]}", "", name, *sent)
        if _words(old.when) != _words(new.when):
            yield Effect(CHANGES, shown, "is sent at another moment (`when` changed)", "", name, old.when, new.when)

    def _folded_in(self, old: EventSpec, new: EventSpec) -> set[str]:
        """Events that stood beside this one before and are former names of it now."""
        now = {former.event for former in new.formerly if former.event and former.event not in self.after.events}
        stood_beside = new.name in self.before.events
        return {name for name in now if stood_beside and name in self.before.events and name != old.name}

    # ── properties ────────────────────────────────────────────────────────────

    def _property(self, name: str, use: Use) -> Iterator[Effect]:
        event, path = self._resolved(self.after, name), use.property
        old = self._spec(self.before, name, path)
        if event is None or old is None:
            return  # what happened to the event is said of the event
        new, now = _at(event, path)
        shown = f"`{path}` of `{event.name}`"
        if new is None:
            head = path.partition(".")[0]
            into = self._guesses.get((event.name, head), "…")
            hint = f"Add `formerly: [{{property: {head}, now: {into}}}]` to the event, or change the definition."
            if head in event.properties:
                hint = "Keep the old name: only an event's own properties have `formerly`. Or change the definition."
            yield Effect(BREAKS, shown, "is no longer in the plan", hint, name, path, "")
            return
        if now != path:
            yield Effect(KEPT, shown, f"is now `{now}`, and `formerly` resolves it", "", name, path, now)
        yield from _same_property(name, shown, old, new)
        yield from _values(name, shown, use, old, new)

    def _unknown_property(self, names: list[str], use: Use) -> Effect:
        known = {path for name in names for path in self._properties(name)}
        of = f"of {', '.join(f'`{name}`' for name in names)}" if use.events else "of any event"
        near = did_you_mean(use.property, known)
        event = names[0] if use.events else ""
        return Effect(UNKNOWN, f"`{use.property}`", f"is no property {of}", event=event, near=near)

    # ── looking names up ────────────────────────────────────────────────────────────

    @cached_property
    def _guesses(self) -> dict[tuple[str, str], str]:
        """(event that is gone, "") or (event, property that is gone) → the new name that looks like it."""
        found: dict[tuple[str, str], str] = {}
        for change in changes(self.before, self.after):
            if change.kind != "possible-rename":
                continue
            if not change.path:
                found[change.before, ""] = change.after
            for event, path in change.uses if change.path else ():
                if "." not in path:
                    found[event, change.before] = change.after
        return found

    @cached_property
    def _former(self) -> dict[int, dict[str, str]]:
        return {id(release): former_events(release) for release in (self.before, self.after)}

    def _resolved(self, release: Release, name: str) -> EventSpec | None:
        """The event of this name, or the one that was called so."""
        return release.events.get(name) or release.events.get(self._former[id(release)].get(name, ""))

    def _properties(self, name: str) -> Iterable[str]:
        event = self._resolved(self.before, name)
        return event.properties if event else ()

    def _spec(self, release: Release, name: str, path: str) -> PropertySpec | None:
        event = self._resolved(release, name)
        return _at(event, path)[0] if event else None


def _at(event: EventSpec, path: str) -> tuple[PropertySpec | None, str]:
    """The property at a path, or the one that was called so, and its path now; what is inside moves along."""
    head, dot, rest = path.partition(".")
    former = former_properties(event)
    moved = former.get(path) or (former[head] + dot + rest if head in former else "")
    for now in (path, moved):
        spec: PropertySpec | None = None
        inside: dict[str, PropertySpec] | None = event.properties
        for part in now.split(".") if now not in event.properties else [now]:
            spec = inside.get(part) if inside else None
            inside = spec.properties if spec else None
        if spec is not None:
            return spec, now
    return None, path


def _same_property(name: str, shown: str, old: PropertySpec, new: PropertySpec) -> Iterator[Effect]:
    if new.store != old.store and new.store == "drop":
        yield Effect(BREAKS, shown, "is dropped before it is stored", "", name, old.store, new.store)
    elif new.store != old.store:
        why = f"was stored {_stored(old)}, now {_stored(new)}"
        yield Effect(BREAKS if new.store == "hash" else CHANGES, shown, why, "", name, old.store, new.store)
    elif storage_type(old) != storage_type(new):
        kinds = storage_type(old), storage_type(new)
        rule = CHANGES if kinds == ("int", "number") else BREAKS
        yield Effect(rule, shown, f"was {kinds[0]} and is {kinds[1]}", "", name, *kinds)
    if old.required and not old.nullable and (not new.required or new.nullable):
        yield Effect(CHANGES, shown, "may now be absent", "", name, "required", "optional")
    if old.unit != new.unit:
        units = old.unit or "no unit", new.unit or "no unit"
        yield Effect(CHANGES, shown, f"was in {units[0]}, now in {units[1]}", "", name, *units)


def _values(name: str, shown: str, use: Use, old: PropertySpec, new: PropertySpec) -> Iterator[Effect]:
    """Choices that a filter asks for and that are gone, or renamed; new ones where the answer holds every value."""
    if not old.choices or not new.choices:
        return
    now, then = {choice.value for choice in new.choices}, {choice.value for choice in old.choices}
    former = {value: choice.value for choice in new.choices for value in choice.formerly}
    for text in map(str, use.values):
        if text in now or text not in then:
            continue
        if text in former:
            why = f"has `{former[text]}` for `{text}`, and `formerly` resolves it"
            yield Effect(KEPT, shown, why, "", name, text, former[text])
        else:
            hint = f"Add `formerly: [{text}]` to the choice that replaces it, or change the definition."
            yield Effect(BREAKS, shown, f"has no choice `{text}` any more", hint, name, text, "")
    added = sorted(now - then - set(former.values()))
    if added and not old.may_grow and (use.negated or not use.values):
        why = f"has new choices: {', '.join(f'`{value}`' for value in added)}"
        yield Effect(CHANGES, shown, why, "", name, "", ", ".join(added))


def _words(text: str) -> list[str]:
    """What a sentence says, whatever its case, spaces and punctuation."""
    return re.findall(r"\w+", text.casefold())


def _stored(spec: PropertySpec) -> str:
    return {"plain": "as sent", "hash": "hashed", "drop": "not at all"}[spec.store]
