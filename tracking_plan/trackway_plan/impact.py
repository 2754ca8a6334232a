"""
What a change of the plan does to the questions people rely on: breaks them, changes what they mean, or leaves them
whole because `formerly` carries the old name.

    before, after: Release ─┐
    definitions ────────────┴─ impact ─▶ Finding per use that is touched, at its place in the definition
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .definitions import Definition, Use
from .findings import Audience, Finding, Severity
from .model import EventSpec, PropertySpec
from .near import did_you_mean
from .release import Release
from .storage import storage_type

BREAKS, CHANGES, KEPT, UNKNOWN = (
    "definition-breaks",
    "definition-changes-meaning",
    "definition-kept-by-alias",
    "definition-names-nothing",
)
"""The four rules; the last is about a definition that was wrong before the change."""

_SEVERITY = {
    BREAKS: Severity.ERROR,
    CHANGES: Severity.WARN,
    KEPT: Severity.NOTE,
    UNKNOWN: Severity.WARN,
}


def impact(before: Release, after: Release, definitions: Iterable[Definition]) -> list[Finding]:
    """One finding for each way in which the change touches a definition; none for those it leaves alone."""
    compare = _Comparison(before, after)
    found = [
        _finding(definition, use, effect)
        for definition in definitions
        for use in definition.uses
        for effect in dict.fromkeys(compare.effects(use))
    ]
    return sorted(found, key=Finding.sort_key)


@dataclass(frozen=True)
class Effect:
    """What the change does to one use."""

    rule: str
    why: str
    hint: str = ""
    event: str = ""
    before: str = ""
    after: str = ""
    near: str = ""


def _finding(definition: Definition, use: Use, effect: Effect) -> Finding:
    verb = {BREAKS: "breaks", CHANGES: "changes its meaning", KEPT: "stays whole", UNKNOWN: "names nothing"}
    return Finding(
        rule=effect.rule,
        severity=_SEVERITY[effect.rule],
        audience=Audience.QUERY,
        message=f"{definition.kind} `{definition.name}` {verb[effect.rule]}, {use.role}: {effect.why}.{effect.near}",
        hint=effect.hint,
        event=effect.event,
        path=use.property,
        before=effect.before,
        after=effect.after,
        file=use.place.file,
        line=use.place.line,
        column=use.place.column,
        data={"definition": definition.name, "kind": definition.kind, "role": use.role, "owner": definition.owner},
    )


@dataclass(frozen=True)
class _Comparison:
    before: Release
    after: Release

    def effects(self, use: Use) -> Iterator[Effect]:
        names = use.events or tuple(self.before.events)
        holders = [name for name in names if use.property and self._spec(self.before, name, use.property)]
        for name in names:
            if not use.property:
                yield from self._event(name)
            elif name in holders:
                yield from self._property(name, use)
        if use.property and not holders and not any(self._spec(self.after, name, use.property) for name in names):
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
            yield Effect(UNKNOWN, f"`{name}` is not in the plan", event=name, near=near)
        elif new is None:
            hint = f"Add `formerly: [{{event: {name}}}]` to the event that replaces it, or change the definition."
            yield Effect(BREAKS, f"`{name}` is no longer in the plan", hint, name, name, "")
        elif old is not None:
            yield from self._same_event(name, old, new)

    def _same_event(self, name: str, old: EventSpec, new: EventSpec) -> Iterator[Effect]:
        if new.name != name and old.name == name:
            why = f"`{name}` is now `{new.name}`, and `formerly` resolves it"
            yield Effect(KEPT, why, event=name, before=name, after=new.name)
        if new.status == "retired" != old.status:
            yield Effect(BREAKS, f"`{name}` is retired, so that nothing new arrives", "", name, old.status, new.status)
        if new.status == "deprecated" and old.status in ("active", "draft"):
            until = f" until {new.remove_after}" if new.remove_after else ""
            hint = f"Move it to `{new.replaced_by}`." if new.replaced_by else ""
            yield Effect(CHANGES, f"`{name}` is deprecated{until}", hint, name, old.status, new.status)
        if set(old.sent_by) != set(new.sent_by):
            sent = [", ".join(sorted(each.sent_by)) or "any source" for each in (old, new)]
            yield Effect(CHANGES, f"`{name}` was sent by {sent[0]}, now by {sent[1]}", "", name, *sent)
        if old.when != new.when:
            why = f"`{name}` is sent at another moment (`when` changed)"
            yield Effect(CHANGES, why, "", name, old.when, new.when)

    # ── properties ────────────────────────────────────────────────────────────

    def _property(self, name: str, use: Use) -> Iterator[Effect]:
        event, path = self._resolved(self.after, name), use.property
        if event is None:
            return  # said of the event
        old = self._spec(self.before, name, path)
        new, now = self._kept(event, path)
        shown = f"`{path}` of `{event.name}`"
        if old is None:
            return
        if new is None:
            hint = f"Add `formerly: [{{property: {path}, now: …}}]` to the event, or change the definition."
            yield Effect(BREAKS, f"{shown} is no longer in the plan", hint, name, path, "")
            return
        if now != path:
            yield Effect(KEPT, f"{shown} is now `{now}`, and `formerly` resolves it", "", name, path, now)
        yield from self._same_property(name, shown, old, new)
        yield from self._values(name, shown, use, old, new)

    def _same_property(self, name: str, shown: str, old: PropertySpec, new: PropertySpec) -> Iterator[Effect]:
        if new.store != old.store and new.store == "drop":
            yield Effect(BREAKS, f"{shown} is dropped before it is stored", "", name, old.store, new.store)
        elif new.store != old.store:
            why = f"{shown} was stored {_stored(old)}, now {_stored(new)}"
            yield Effect(BREAKS if new.store == "hash" else CHANGES, why, "", name, old.store, new.store)
        elif storage_type(old) != storage_type(new):
            kinds = storage_type(old), storage_type(new)
            widened = kinds == ("int", "number")
            why = f"{shown} was {kinds[0]} and is {kinds[1]}"
            yield Effect(CHANGES if widened else BREAKS, why, "", name, *kinds)
        if old.required and not old.nullable and (not new.required or new.nullable):
            yield Effect(CHANGES, f"{shown} may now be absent", "", name, "required", "optional")
        if old.unit != new.unit:
            units = old.unit or "no unit", new.unit or "no unit"
            yield Effect(CHANGES, f"{shown} was in {units[0]}, now in {units[1]}", "", name, *units)

    def _values(self, name: str, shown: str, use: Use, old: PropertySpec, new: PropertySpec) -> Iterator[Effect]:
        if not old.choices or not new.choices:
            return
        now = {choice.value for choice in new.choices}
        former = {value: choice.value for choice in new.choices for value in choice.formerly}
        for value in use.values:
            text = str(value)
            if text in now or text not in {choice.value for choice in old.choices}:
                continue
            if text in former:
                why = f"`{text}` of {shown} is now `{former[text]}`, and `formerly` resolves it"
                yield Effect(KEPT, why, "", name, text, former[text])
            else:
                hint = f"Add `formerly: [{text}]` to the choice that replaces it, or change the definition."
                yield Effect(BREAKS, f"`{text}` is no longer a choice of {shown}", hint, name, text, "")
        added = sorted(now - {choice.value for choice in old.choices} - set(former.values()))
        if added and not old.may_grow and (use.negated or not use.values):
            listed = ", ".join(f"`{value}`" for value in added)
            yield Effect(CHANGES, f"{shown} has new choices: {listed}", "", name, "", ", ".join(added))

    def _unknown_property(self, names: list[str], use: Use) -> Effect:
        known = {path for name in names for path in self._properties(name)}
        of = f"of {', '.join(f'`{name}`' for name in names)}" if use.events else "of any event"
        near = did_you_mean(use.property, known)
        return Effect(
            UNKNOWN, f"`{use.property}` is no property {of}.{near}".rstrip("."), event=names[0] if use.events else ""
        )

    # ── looking names up ────────────────────────────────────────────────────────────

    def _properties(self, name: str) -> Iterable[str]:
        event = self._resolved(self.before, name)
        return event.properties if event else ()

    @staticmethod
    def _resolved(release: Release, name: str) -> EventSpec | None:
        """The event of this name, or the one that was called so."""
        if name in release.events:
            return release.events[name]
        for event in release.events.values():
            if any(former.event == name for former in event.formerly):
                return event
        return None

    def _spec(self, release: Release, name: str, path: str) -> PropertySpec | None:
        event = self._resolved(release, name)
        return self._kept(event, path)[0] if event else None

    @staticmethod
    def _kept(event: EventSpec, path: str) -> tuple[PropertySpec | None, str]:
        """The property at a path, or the one that was called so, and its path now."""
        for now in (path, *(former.now for former in event.formerly if former.property == path)):
            spec: PropertySpec | None = None
            inside: dict[str, PropertySpec] | None = event.properties
            for part in now.split(".") if now not in event.properties else [now]:
                spec = inside.get(part) if inside else None
                inside = spec.properties if spec else None
            if spec is not None:
                return spec, now
        return None, path


def _stored(spec: PropertySpec) -> str:
    return {"plain": "as sent", "hash": "hashed", "drop": "not at all"}[spec.store]
