"""Properties as rows of a table: what stands inside objects and lists comes below them, by its path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..model import PropertySpec


def rows(properties: Mapping[str, PropertySpec], former: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """
    One row per property, in the order of the plan; what there is nothing to say about is left out of a row.

    Args:
        former: former name → property, of the event.
    """
    found = [row for name, spec in properties.items() for row in _rows(spec, name, name, 0)]
    for old, now in (former or {}).items():
        for row in found:
            if row["path"] == now:
                row.setdefault("formerly", []).append(old)
    return found


def _rows(spec: PropertySpec, name: str, path: str, depth: int) -> Iterator[dict[str, Any]]:
    yield {"name": name, "path": path} | ({"depth": depth} if depth else {}) | _said(spec)
    for inner_path, inner in ((path, spec), (f"{path}[]", spec.of)):
        if inner is None:
            continue
        for key, child in (inner.properties or {}).items():
            yield from _rows(child, key, f"{inner_path}.{key}", depth + 1)


def _said(spec: PropertySpec) -> dict[str, Any]:
    item = spec.of or PropertySpec(kind="any")
    said = {
        "type": type_text(spec),
        "named": spec.named_type or item.named_type,
        "summary": spec.summary,
        "required": spec.required,
        "nullable": spec.nullable,
        "limits": [*limits(spec), *(f"each {limit}" for limit in limits(item))],
        "choices": [_choice(each) for part in (spec, item, *spec.any_of) for each in part.choices],
        "may_grow": spec.may_grow or item.may_grow,
        "open": spec.open or item.open,
        "pii": spec.pii,
        "store": spec.store if spec.store != "plain" else "",
        "store_as": spec.store_as,
        "normalise": spec.normalise or item.normalise,
        "column": spec.column,
        "unit": spec.unit,
        "group": spec.group,
    }
    return {key: value for key, value in said.items() if value}


def _choice(choice: Any) -> dict[str, Any]:
    said = {"value": choice.value, "summary": choice.summary, "formerly": list(choice.formerly)}
    return {key: value for key, value in said.items() if value or key == "value"}


def type_text(spec: PropertySpec) -> str:
    """A type in words: `int`, `list of string`, `int or string`, `object of anything`."""
    if spec.kind == "list":
        return f"list of {type_text(spec.of)}" if spec.of else "list of anything"
    if spec.kind == "union":
        return " or ".join(type_text(part) for part in spec.any_of)
    if spec.kind == "object" and spec.properties is None:
        return "object of anything"
    return spec.kind


def limits(spec: PropertySpec) -> list[str]:
    """The constraints in words: `at least 0`, `1 to 200 items`, `pattern ^[A-Z]{3}$`."""
    found = [
        _between(spec.min, spec.max, ""),
        f"multiple of {spec.multiple_of}" if spec.multiple_of is not None else "",
        _between(spec.min_length, spec.max_length, " characters"),
        _between(spec.min_items, spec.max_items, " items"),
        f"format {spec.format}" if spec.format else "",
        f"pattern {spec.pattern}" if spec.pattern else "",
    ]
    found += [limit for part in spec.any_of for limit in limits(part)]
    return [limit for limit in found if limit]


def _between(low: object, high: object, what: str) -> str:
    if low is not None and high is not None:
        return f"{low} to {high}{what}" if low != high else f"exactly {low}{what}"
    if low is not None:
        return f"at least {low}{what}"
    return f"at most {high}{what}" if high is not None else ""
