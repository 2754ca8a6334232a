"""One change of the plan, where it is, and how changes of a group or a named type become one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from ..model import PropertySpec
from ..release import Release

SHARED = ("groups", "types")
"""The parts of a plan whose properties reach several events."""


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    One difference between two releases; `kind` is the id of the breaking rule that judges it.

    `before` and `after` are short, stable texts: fingerprints are made of them, so they hold values of the plan and
    never a sentence.
    """

    kind: str
    event: str = ""
    """Its name in the later release, or in the earlier one if it is gone; "" for the plan, a group, a type, a trait."""
    path: str = ""
    """The property as people write it: `items[].price`, `groups.money.currency`, `types.sku`, `traits.user.email`."""
    before: str = ""
    after: str = ""
    detail: str = ""
    """Which constraint, source, violation code … it is about."""
    note: str = ""
    """More for the message, which is not part of what the change is."""
    keys: tuple[str, ...] = ()
    """Where it was written, as in `Plan.places`; () for what is gone."""
    draft: bool = False
    """Of an event that was a draft: it may change as it likes."""
    group: str = ""
    """The property group it comes from."""
    named_type: str = ""
    """The entry of types.yaml it comes from."""
    type_use: str = ""
    """The named type of the property, where the change may have been written at the type or at the property."""
    included: bool = False
    """The group is as it was; the events include it, or not, since this change."""
    welcome: bool = False
    """It is gone from something open, which takes it all the same."""
    uses: tuple[tuple[str, str], ...] = ()
    """(event, path) of every property that changes; traits have `traits.user` for the event."""
    score: float = 0.0
    """Of a possible rename: how alike the two are, 0 to 1."""
    was: PropertySpec | None = None
    now: PropertySpec | None = None

    @property
    def events(self) -> tuple[str, ...]:
        """The events that this reaches."""
        names = dict.fromkeys(event for event, _ in self.uses) or {self.event: None}
        return tuple(name for name in names if name and not name.startswith("traits."))

    def to_dict(self) -> dict[str, Any]:
        """For `--format json`: what there is to say, without the two specifications."""
        fields = ("kind", "event", "path", "before", "after", "detail", "group", "named_type")
        said: dict[str, Any] = {field: value for field in fields if (value := getattr(self, field))}
        return said | ({"events": list(self.events)} if self.group or self.named_type else {})


@dataclass(frozen=True)
class At:
    """Where a comparison stands: in which event or traits, at which path, and who wrote it."""

    event: str
    keys: tuple[str, ...]
    path: str = ""
    group: str = ""
    named_type: str = ""
    origin: str = ""
    """`groups.money.` or `types.sku` …, for what is shared; "" for an event's own."""

    def change(
        self,
        kind: str,
        before: str = "",
        after: str = "",
        detail: str = "",
        was: PropertySpec | None = None,
        now: PropertySpec | None = None,
    ) -> Change:
        """A change here."""
        return Change(
            kind=kind,
            event="" if self.origin or self.event.startswith("traits.") else self.event,
            path=self.origin or (f"{self.event}.{self.path}" if self.event.startswith("traits.") else self.path),
            before=before,
            after=after,
            detail=detail,
            keys=self.keys,
            group=self.group,
            named_type=self.named_type,
            uses=((self.event, self.path),),
            was=was,
            now=now,
        )

    def into(self, name: str, spec: PropertySpec, other: PropertySpec | None = None) -> At:
        """One property further in; at the top, the property may come from a group (in both releases)."""
        path = f"{self.path}.{name}" if self.path else name
        group = spec.group if spec.group and not self.path and (other is None or other.group == spec.group) else ""
        if group:
            keys = ("groups", group, "properties", name)
            return At(event=self.event, keys=keys, path=path, group=group, origin=f"groups.{group}.{name}")
        origin = f"{self.origin}.{name}" if self.origin else ""
        return replace(self, keys=(*self.keys, "properties", name), path=path, origin=origin)

    def item(self) -> At:
        """The items of the list that is here."""
        origin = f"{self.origin}[]" if self.origin else ""
        return replace(self, keys=(*self.keys, "of"), path=f"{self.path}[]", origin=origin)

    def inside(self, before: PropertySpec, after: PropertySpec) -> At:
        """The same place, in the hands of the named type that says what is here, if both releases name it."""
        name = after.named_type
        if not name or name != before.named_type:
            return self
        return replace(self, keys=("types", name), origin=f"types.{name}", named_type=name, group="")


def traits_at(kind: str) -> At:
    """The traits of a user or an account."""
    return At(event=f"traits.{kind}", keys=("traits", kind))


def merged(changes: Iterable[Change], before: Release, after: Release) -> list[Change]:
    """
    The changes with those of one group or named type made one, in the order of their first.

    A property that comes or goes with a group that is otherwise as it was is the event's own change, unless several
    events share it.
    """
    both = _in_groups(before) & _in_groups(after)
    found: dict[object, list[Change]] = {}
    for index, change in enumerate(changes):
        said = (change.kind, change.before, change.after, change.detail, change.draft)
        key: object
        if change.type_use:
            key = ("types", change.type_use, *said)
        else:
            key = (change.path, *said) if change.group or change.named_type else index
        found.setdefault(key, []).append(change)
    return [_one(same, both) for same in found.values()]


def _one(same: list[Change], both: set[tuple[str, str]]) -> Change:
    first = same[0]
    uses = tuple(use for change in same for use in change.uses)
    if first.type_use and len(same) > 1:
        # `pii`, `unit` … may be written at a type or where it is used: changed in several places, it is the type's.
        name = first.type_use
        return msgspec.structs.replace(
            first,
            event="",
            path=f"types.{name}",
            keys=("types", name),
            group="",
            named_type=name,
            type_use="",
            uses=uses,
        )
    name = first.path.rpartition(".")[2]
    if first.group and (first.group, name) in both and first.kind.startswith(("property-added", "property-removed")):
        if len(uses) == 1:
            event, path = uses[0]
            keys = ("events", event, "include")
            return msgspec.structs.replace(first, event=event, path=path, keys=keys, included=True)
        return msgspec.structs.replace(first, uses=uses, included=True)
    return msgspec.structs.replace(first, uses=uses, type_use="")


def _in_groups(release: Release) -> set[tuple[str, str]]:
    return {
        (spec.group, name) for event in release.events.values() for name, spec in event.properties.items() if spec.group
    }


def shown_policy(action: str) -> str:
    """An action, or the word for none of one's own."""
    return action or "inherited"


def shown_type(spec: PropertySpec) -> str:
    """A type as the plan writes it: `int`, `list of string`, `int or string`."""
    if spec.kind == "list":
        return f"list of {shown_type(spec.of)}" if spec.of else "list"
    if spec.kind == "union":
        return " or ".join(sorted(shown_type(part) for part in spec.any_of))
    if spec.kind == "object" and spec.properties is None:
        return "object of anything"
    return spec.kind
