"""A table of trackway.toml as a type: which names it has, what each may be, and how it is shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args, get_origin

import msgspec

from trackway_collector.errors import ConfigError
from trackway_plan.near import near


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """A table, or one inside another: its fields are the names that it may have."""


def describe(policy: msgspec.Struct, differs_from: msgspec.Struct | None = None) -> Iterator[tuple[str, str]]:
    """Yield (name, value) of each setting of a policy, `limits.event_bytes`; with an other only where it differs."""
    for name in policy.__struct_fields__:
        value = getattr(policy, name)
        other = None if differs_from is None else getattr(differs_from, name)
        if isinstance(value, msgspec.Struct):
            yield from ((f"{name}.{member}", text) for member, text in describe(value, other))
        elif differs_from is None or value != other:
            yield name, ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def merged(every: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values for every source, replaced by a source's own where it has them."""
    values = dict(every)
    for name, value in own.items():
        below = every.get(name)
        values[name] = merged(below, value) if isinstance(value, Mapping) and isinstance(below, Mapping) else value
    return values


def check_names(table: object, type_: type[msgspec.Struct], where: str) -> None:
    """
    Refuse names that no table of this type has, with the one that was probably meant.

    Raises:
        ConfigError: there is such a name, or what should be a table is none.
    """
    if not isinstance(table, Mapping):
        message = f"{where}] is no table."
        raise ConfigError(message)
    known = {known.name: known.type for known in msgspec.structs.fields(type_)}
    for name, value in table.items():
        if name not in known:
            meant = near(name, known)
            hint = f"Did you mean `{meant}`?" if meant else f"Known: {', '.join(known)}."
            message = f"{where}]: `{name}` is not known.\n  {hint}"
            raise ConfigError(message)
        member = known[name]
        if isinstance(member, type) and issubclass(member, msgspec.Struct):
            check_names(value, member, f"{where}.{name}")


def wrong_value(error: msgspec.ValidationError, type_: type[msgspec.Struct]) -> str:
    """Return which setting of a table is wrong and, where only some words will do, which they are."""
    what, _, at = str(error).partition(" - at `$.")
    name = at.rstrip("`")
    kind: Any = type_
    for part in name.split("."):
        is_table = isinstance(kind, type) and issubclass(kind, msgspec.Struct)
        kind = {field.name: field.type for field in msgspec.structs.fields(kind)}.get(part) if is_table else None
    words = [str(word) for word in get_args(kind) if word] if get_origin(kind) is Literal else []
    hint = f"\n  Known: {', '.join(words)}." if words else ""
    return f"`{name}` is wrong: {what[:1].lower()}{what[1:]}.{hint}"
