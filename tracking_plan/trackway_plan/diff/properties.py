"""
What changed about properties, at any depth: which came and went, what they may be, and how they are kept.

Types are compared by what fits on the wire. One is wider than another if whatever fits the other fits it too: `number`
than `int`, `string` than `choice` or `date`, a union than its parts, `any` than all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from ..model import SCALARS, STORES, TEXTS, PropertySpec
from ..redact import normalise_rule
from ..storage import storage_type
from ..verdict.fast import value_accepts
from .change import At, Change, shown_type

Properties = Mapping[str, PropertySpec]

_LOWER_BOUNDS = ("min", "min_length", "min_items")
_UPPER_BOUNDS = ("max", "max_length", "max_items")
_OTHERS = ("multiple_of", "pattern", "format")
_NO_LIMIT = {"min_length": 0, "min_items": 0, "multiple_of": 1}
_PII_MIDDLE = 2
_PII_RANK = {None: 0, "none": 0, "pseudonymous": 1, "special": 3}
"""How much a class protects; those that are not here stand between `pseudonymous` and `special`."""


def property_changes(
    before: Properties, after: Properties, at: At, former: Mapping[str, str], *, is_open: bool = False
) -> Iterator[Change]:
    """
    The changes from one set of properties to another.

    Args:
        former: present name to the name in `before`, of those that were renamed.
        is_open: in `after`, properties that are not mentioned are welcome.
    """
    old_names = {name: former.get(name, name) if name not in before else name for name in after}
    for name, now in after.items():
        was = before.get(old_names[name])
        here = at.into(name, now, was)
        if was is None:
            kind = "property-added-required" if now.required else "property-added-optional"
            yield here.change(kind, after=shown_type(now), now=now)
            continue
        if old_names[name] != name:
            yield here.change("property-renamed", old_names[name], name, was=was, now=now)
        if was != now:
            yield from _one_property(was, now, here)
    kept = set(old_names.values())
    for name, was in before.items():
        if name not in kept:
            here = at.into(name, was)
            yield msgspec.structs.replace(
                here.change("property-removed", before=shown_type(was), was=was),
                keys=here.keys if here.group else (),
                welcome=is_open,
            )


def _one_property(was: PropertySpec, now: PropertySpec, at: At) -> Iterator[Change]:
    if was.required != now.required:
        yield at.change("property-became-required" if now.required else "property-became-optional", was=was, now=now)
    for change in _keeping_changes(was, now, at):
        same_type = now.named_type if now.named_type == was.named_type and not at.origin.startswith("types.") else ""
        yield msgspec.structs.replace(change, type_use=same_type) if same_type else change
    yield from value_changes(was, now, at.inside(was, now))


def _keeping_changes(was: PropertySpec, now: PropertySpec, at: At) -> Iterator[Change]:
    """How a value is kept and what it means: privacy, column, unit, words."""
    if was.nullable != now.nullable and "any" not in (was.kind, now.kind):  # it takes null too, whatever it says
        yield at.change("property-became-nullable" if now.nullable else "property-became-not-null", was=was, now=now)
    if was.pii != now.pii:
        kind = _pii_kind(was.pii, now.pii)
        detail = "pii" if kind == "definition-edited" else ""
        yield at.change(kind, was.pii or "", now.pii or "", detail=detail, was=was, now=now)
    if was.store != now.store:
        less = STORES.index(now.store) > STORES.index(was.store)
        yield at.change("store-restricted" if less else "store-loosened", was.store, now.store, was=was, now=now)
    if (old_rule := normalise_rule(was)) != (new_rule := normalise_rule(now)):
        yield at.change("normalise-changed", old_rule or "none", new_rule or "none", was=was, now=now)
    if (was.store_as or was.name) != (now.store_as or now.name) and was.name == now.name:
        yield at.change("store-name-changed", was.store_as or was.name, now.store_as or now.name, was=was, now=now)
    if was.kind == now.kind and storage_type(was) != storage_type(now):
        if "hash" in (was.store, now.store):
            yield at.change("column-changed", storage_type(was), storage_type(now), was=was, now=now)
        elif was.kind in SCALARS:
            columns = (was.column or "the default", now.column or "the default")
            yield at.change("column-changed", *columns, was=was, now=now)
    if was.unit != now.unit:
        kind = "unit-changed" if was.unit and now.unit else "definition-edited"
        yield at.change(kind, was.unit, now.unit, detail="unit", was=was, now=now)
    if was.summary != now.summary:
        yield at.change("definition-edited", was.summary, now.summary, detail="summary", was=was, now=now)


def _pii_kind(was: str | None, now: str | None) -> str:
    old, new = (_PII_RANK.get(name, _PII_MIDDLE) for name in (was, now))
    if old == new:
        return "pii-changed" if old else "definition-edited"
    return "pii-raised" if new > old else "pii-lowered"


# ── what values fit ────────────────────────────────────────────────────────────


def value_changes(was: PropertySpec, now: PropertySpec, at: At) -> Iterator[Change]:
    """What changed about the values that fit: the type, then its limits, then what is inside."""
    kind = type_change(was, now)
    if kind:
        yield at.change(kind, shown_type(was), shown_type(now), was=was, now=now)
    if kind in ("type-changed", "list-scalar-switch"):
        return
    if was.kind == now.kind == "list":
        if was.of is not None and now.of is not None:
            yield from _one_item(was.of, now.of, at.item())
    elif was.kind == now.kind == "object":
        yield from _object_changes(was, now, at)
    elif "union" in (was.kind, now.kind):
        yield from _part_changes(was, now, at)
        return
    yield from _limit_changes(was, now, at)


def _part_changes(was: PropertySpec, now: PropertySpec, at: At) -> Iterator[Change]:
    """What changed about the limits of each type of a union: by the part of the other that is kindest to it."""
    told = set()
    for old in was.any_of or (was,):
        takers = sorted((new for new in now.any_of or (now,) if fits(old, new)), key=lambda new: new.kind != old.kind)
        found = [list(_limit_changes(old, new, at)) for new in takers]
        for change in min(found, key=_losses, default=[]):
            said = (change.kind, change.before, change.after, change.detail)
            if said not in told:
                told.add(said)
                yield change


def _losses(changes: list[Change]) -> int:
    return sum(change.kind in ("constraint-tightened", "choice-removed") for change in changes)


def _object_changes(was: PropertySpec, now: PropertySpec, at: At) -> Iterator[Change]:
    """
    What changed inside an object; one of anything is an open one that mentions nothing.

    A property that an open object did not mention could hold anything. That it is mentioned now, as optional, is no
    break: nobody relied on a word that was not there.
    """
    if was.properties is None and now.properties is not None and not now.open:
        return  # told as a narrower type
    if was.properties is not None and now.properties is not None and was.open != now.open:
        yield at.change("opened" if now.open else "closed", was=was, now=now)
    yield from property_changes(was.properties or {}, now.properties or {}, at, {}, is_open=is_open(now))


def is_open(spec: PropertySpec) -> bool:
    """Whether an object takes keys that the plan does not mention."""
    return spec.open or spec.properties is None


def _one_item(was: PropertySpec, now: PropertySpec, at: At) -> Iterator[Change]:
    yield from _keeping_changes(was, now, at)
    yield from value_changes(was, now, at.inside(was, now))


def type_change(was: PropertySpec, now: PropertySpec) -> str:
    """`type-widened`, `type-narrowed`, `type-changed`, `list-scalar-switch`, or "" where the type is the same."""
    if {"string", "text"} == {was.kind, now.kind} or (was.kind == now.kind and was.kind in SCALARS):
        return ""
    wider, narrower = fits(was, now), fits(now, was)
    if (wider and narrower) or (was.of is not None and now.of is not None):
        return ""  # of two lists, the difference is in the items, and told there
    if wider or narrower:
        return "type-widened" if wider else "type-narrowed"
    if was.kind == now.kind and was.kind in ("list", "object"):
        return ""  # the difference is inside, and told there
    return "list-scalar-switch" if "list" in (was.kind, now.kind) else "type-changed"


def fits(inner: PropertySpec, outer: PropertySpec) -> bool:
    """Whether each value of one type is of the other, limits (and null) aside."""
    if outer.kind == "any":
        return True
    if inner.kind == "union":
        return all(fits(part, outer) for part in inner.any_of)
    if outer.kind == "union":
        return any(fits(inner, part) for part in outer.any_of)
    if outer.kind in ("string", "text"):
        return inner.kind in TEXTS
    if inner.kind != outer.kind:
        return (inner.kind, outer.kind) == ("int", "number")
    if inner.kind == "list":
        return outer.of is None or outer.of.kind == "any" or (inner.of is not None and fits(inner.of, outer.of))
    if inner.kind == "object":
        return is_open(outer) or inner.properties is not None
    return True


def _limit_changes(was: PropertySpec, now: PropertySpec, at: At) -> Iterator[Change]:
    if was.kind == now.kind == "choice":
        yield from _choice_changes(was, now, at)
    elif was.kind == "choice" and all(value_accepts(now, choice.value) for choice in was.choices):
        return  # each of a few texts is seen to fit, whatever the limits of the new type
    if not _comparable(was.kind, now.kind):
        return
    for key in (*_LOWER_BOUNDS, *_UPPER_BOUNDS, *_OTHERS):
        old, new = _limit(was, key), _limit(now, key)
        if old != new and (old is None or new is None or _number(old) != _number(new)):
            kind = "constraint-tightened" if _tighter(key, old, new) else "constraint-loosened"
            yield at.change(kind, _shown(old), _shown(new), detail=key, was=was, now=now)


def _comparable(was: str, now: str) -> bool:
    numbers = ("int", "number")
    return was == now or (was in numbers and now in numbers) or (was in TEXTS and now in ("string", "text"))


def _tighter(key: str, old: Any, new: Any) -> bool:
    """Whether some value that fitted may not fit any more; two patterns or formats cannot be compared."""
    if new is None:
        return False
    if old is None:
        return True
    if key in _LOWER_BOUNDS:
        return bool(_number(new) > _number(old))
    if key in _UPPER_BOUNDS:
        return bool(_number(new) < _number(old))
    return bool(old % new) if key == "multiple_of" else True


def _limit(spec: PropertySpec, key: str) -> Any:
    """A limit, None if every value keeps it."""
    value = getattr(spec, key)
    return None if value == _NO_LIMIT.get(key) else value


def _number(value: Any) -> Any:
    """A bound as a number, exactly: those of decimals are text."""
    try:
        return Decimal(str(value))
    except ArithmeticError:
        return value


def _shown(value: Any) -> str:
    return "" if value is None else str(value)


def _choice_changes(was: PropertySpec, now: PropertySpec, at: At) -> Iterator[Change]:
    old = {choice.value: choice for choice in was.choices}
    new = {choice.value: choice for choice in now.choices}
    renamed = {
        former: choice.value
        for choice in now.choices
        for former in choice.formerly
        if former in old and former not in new and choice.value not in old
    }
    for value, choice in new.items():
        if value not in old and value not in renamed.values():
            # A value that is folded into another one by `formerly` is not new either.
            yield at.change("choice-added", after=value, was=was, now=now)
        if value in old:
            for former in old[value].formerly:
                if former not in choice.formerly and former not in new:
                    yield at.change("former-name-removed", former, value, was=was, now=now)
            for former in choice.formerly:
                if former not in old[value].formerly and former not in old:
                    yield at.change("former-name-added", value, former, was=was, now=now)
            if old[value].summary != choice.summary:
                texts = (old[value].summary, choice.summary)
                yield at.change("definition-edited", *texts, detail=f"summary of {value}", was=was, now=now)
    for value in old:
        if value in new:
            continue
        if into := renamed.get(value) or _folded(value, new):
            yield at.change("choice-renamed", value, into, was=was, now=now)
        else:
            yield at.change("choice-removed", before=value, was=was, now=now)
    if was.may_grow != now.may_grow:
        yield at.change("choices-may-grow" if now.may_grow else "choices-closed", was=was, now=now)


def _folded(value: str, new: Mapping[str, Any]) -> str:
    """The choice that this one now is a former name of."""
    return next((name for name, choice in new.items() if value in choice.formerly), "")
