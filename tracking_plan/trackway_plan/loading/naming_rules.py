"""`naming:` of plan.yaml, read strictly: a rule that is spelled wrong would check nothing."""

from __future__ import annotations

from typing import Any

from yaml.nodes import Node

from ..model import NameRules, Naming
from ..naming import CASES, SHAPE, TENSES
from .nodes import Reader

_EVENT_KEYS = ("case", "shape", "tense", "actions", "max_length")
_PROPERTY_KEYS = ("case", "max_length", "booleans")


def read_naming(reader: Reader, node: Node) -> Naming:
    """The naming rules; what is wrong goes to the reader's problems."""
    keys = reader.mapping(node, "`naming`", ("events", "properties", "unit_suffixes"))
    found: dict[str, Any] = {}
    for key, known in (("events", _EVENT_KEYS), ("properties", _PROPERTY_KEYS)):
        if key in keys:
            found[key] = _name_rules(reader, keys[key], f"`{key}` of `naming`", known)
    if "unit_suffixes" in keys:
        found["unit_suffixes"] = {
            quantity: reader.names(units, f"the units of `{quantity}`")
            for quantity, (_, units) in reader.named(keys["unit_suffixes"], "`unit_suffixes`").items()
        }
    return Naming(**found)


def _name_rules(reader: Reader, node: Node, what: str, known: tuple[str, ...]) -> NameRules:
    keys = reader.mapping(node, what, known)
    found: dict[str, Any] = {}
    for key, value in keys.items():
        named = f"`{key}` of {what}"
        if key == "case":
            found[key] = reader.one_of(value, named, tuple(CASES)) or ""
        elif key == "tense":
            found[key] = reader.one_of(value, named, TENSES) or ""
        elif key == "max_length":
            found[key] = reader.integer(value, named, 1) or 0
        elif key == "shape":
            found[key] = _shape(reader, value, named)
        else:
            found[key] = reader.names(value, named)
    return NameRules(**found)


def _shape(reader: Reader, node: Node, what: str) -> tuple[str, ...]:
    parts = reader.names(node, what)
    if parts and sorted(parts) != sorted(SHAPE):
        hint = "Write `[object, action]` for `order_completed`, or `[action, object]` for `completed_order`."
        reader.problem(node, f"{what} is `[{', '.join(parts)}]`, which the plan language does not know.", hint)
        return ()
    return parts
