"""
One property of the plan from its YAML: `{type: choice, required: true, choices: {card: Any card scheme}}`.

Types are a kind (`string`, `int`, …), a name from types.yaml, or a list of scalar kinds for a union. Which
keys a kind takes is the table `CONSTRAINTS`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from yaml.nodes import MappingNode, Node, SequenceNode

from ..model import KINDS, PII_CLASSES, SCALARS, STORES, Choice, Place, PropertySpec
from ..near import did_you_mean, listed
from ..normalise import NORMALISERS
from ..verdict.formats import FORMATS, is_decimal
from ..verdict.patterns import PatternError, matcher
from ..verdict.schema import INT_MAX, INT_MIN
from .nodes import Reader

COMMON = (
    "type",
    "summary",
    "required",
    "nullable",
    "pii",
    "store",
    "store_as",
    "column",
    "unit",
)
_LENGTHS = ("min_length", "max_length", "pattern", "format", "normalise", "low_cardinality")
CONSTRAINTS: dict[str, tuple[str, ...]] = {
    "string": _LENGTHS,
    "text": _LENGTHS,
    "int": ("min", "max", "multiple_of"),
    "number": ("min", "max"),
    "decimal": ("min", "max"),
    "bool": (),
    "timestamp": (),
    "date": (),
    "choice": ("choices", "may_grow", "low_cardinality"),
    "list": ("of", "min_items", "max_items"),
    "object": ("properties", "open"),
    "any": (),
}
"""Kind to the keys it takes beside those every property takes."""

COLUMNS: dict[str, str] = {
    "string": r"String|LowCardinality\(String\)",
    "text": r"String|LowCardinality\(String\)",
    "choice": r"String|LowCardinality\(String\)",
    "int": r"U?Int(8|16|32|64)",
    "number": r"Float(32|64)",
    "decimal": r"Decimal\(([1-9]|[12]\d|3[0-8]), ?([0-9]|[12]\d|3[0-8])\)",
    "bool": r"Bool",
    "timestamp": r"DateTime64\([0-9]\)|DateTime",
    "date": r"Date|Date32",
}
"""Kind to the ClickHouse types that `column:` may choose."""

_MAX_VALUES = 1000
_MAX_DEPTH = 24
_ALL_KEYS = (*COMMON, *dict.fromkeys(key for keys in CONSTRAINTS.values() for key in keys))


@dataclass
class PropertyReader:
    """Reads properties of one plan; named types are read when first used, and remembered."""

    type_nodes: dict[str, tuple[Reader, Node]] = field(default_factory=dict)
    places: dict[tuple[str, ...], Place] = field(default_factory=dict)
    _types: dict[str, PropertySpec | None] = field(default_factory=dict)
    _open: list[str] = field(default_factory=list)

    def properties(self, reader: Reader, node: Node, what: str, at: tuple[str, ...]) -> dict[str, PropertySpec]:
        """The properties of an event, a group, traits or an object."""
        found = {}
        for name, (key, value) in reader.named(node, f"`properties` of {what}").items():
            self.places[(*at, "properties", name)] = reader.place(key)
            spec = self.property(reader, value, f"property `{name}` of {what}", (*at, "properties", name))
            if spec is not None:
                found[name] = msgspec.structs.replace(spec, name=name)
        return found

    def named_type(self, name: str) -> PropertySpec | None:
        """The entry of types.yaml, or None if it is wrong, which has then been reported."""
        if name not in self._types:
            reader, node = self.type_nodes[name]
            self._open.append(name)
            self.places["types", name] = reader.place(node)
            spec = self.property(reader, node, f"type `{name}`", ("types", name))
            self._open.pop()
            self._types[name] = spec and msgspec.structs.replace(spec, name="", named_type=name)
        return self._types[name]

    def property(self, reader: Reader, node: Node, what: str, at: tuple[str, ...]) -> PropertySpec | None:
        """One property; None if its type cannot be made out."""
        if not isinstance(node, MappingNode):
            reader.problem(node, f"{what} must be a mapping.", f"Write `{{type: {_scalar(node) or 'string'}}}`.")
            return None
        keys = reader.mapping(node, what, _ALL_KEYS)
        if "type" not in keys:
            reader.problem(node, f"{what} needs the key `type`.", f"Known types: {', '.join(KINDS)}.")
            return None
        base = self._type(reader, keys["type"], what)
        if base is None:
            return None
        values = self._common(reader, keys, what, base)
        self._constraints(reader, keys, what, at, base, values)
        spec = msgspec.structs.replace(base, **values)
        if spec.store == "hash" and (spec.properties is not None or (spec.of and spec.of.kind == "object")):
            message = f"{what} has `store: hash`, which would make one text of a whole object with its own properties."
            hint = "Write `store: hash` at the properties inside, or `store: drop` here."
            reader.problem(keys.get("store", node), message, hint)
        return spec if self._sane(reader, node, what, spec) else None

    def _type(self, reader: Reader, node: Node, what: str) -> PropertySpec | None:
        if isinstance(node, SequenceNode):
            return self._union(reader, node, what)
        name = reader.name(node, f"the type of {what}")
        if name is None:
            return None
        if name in self.type_nodes:
            if name in self._open:
                circle = " → ".join([*self._open[self._open.index(name) :], name])
                reader.problem(
                    node,
                    f"types go in a circle: {circle}.",
                    "Make one of them `type: object` without `properties`.",
                )
                return None
            return self.named_type(name)
        if name in KINDS:
            return PropertySpec(kind=name)
        known = [*self.type_nodes, *KINDS]
        hint = f"Known types: {listed(sorted(known), 40)}."
        instead = _OTHER_WORDS.get(name.lower())
        hint += (
            f"\nWrite `type: {instead}`."
            if instead
            else "\nWrite one of these, or add the type in types.yaml under `types:`."
        )
        meant = "" if instead else did_you_mean(name, known)
        reader.problem(node, f"{what} has type `{name}`, which the plan language does not know.{meant}", hint)
        return None

    def _union(self, reader: Reader, node: Node, what: str) -> PropertySpec | None:
        parts = []
        for item in reader.items(node, f"the type of {what}"):
            if _scalar(item) == "null":
                reader.problem(item, f"{what} has `null` among its types.", "Write `nullable: true` instead.")
                continue
            part = self._type(reader, item, what)
            if part is not None and part.kind not in SCALARS:
                hint = f"Scalar types: {', '.join(SCALARS)}."
                reader.problem(
                    item,
                    f"{what} has `{_scalar(item)}` among its types; a union is of scalar types only.",
                    hint,
                )
            elif part is not None:
                parts.append(part)
        if len(parts) < 2:
            if len(node.value) < 2:
                reader.problem(
                    node,
                    f"{what} is a union of fewer than two types.",
                    "Name at least two, or write the type alone.",
                )
            return None
        return PropertySpec(kind="union", any_of=tuple(parts))

    def _common(self, reader: Reader, keys: dict[str, Node], what: str, base: PropertySpec) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key, read in _COMMON_READERS.items():
            if key in keys and (value := read(reader, keys[key], f"`{key}` of {what}")) is not None:
                values[key] = value
        if "column" in values and re.fullmatch(COLUMNS.get(base.kind, ""), values["column"]) is None:
            allowed = COLUMNS.get(base.kind)
            hint = (
                f"For `{base.kind}`, columns match {allowed}." if allowed else f"`{base.kind}` has no column to choose."
            )
            reader.problem(
                keys["column"],
                f"`column` of {what} is `{values['column']}`, which cannot hold `{base.kind}`.",
                hint,
            )
        return values

    def _constraints(
        self,
        reader: Reader,
        keys: dict[str, Node],
        what: str,
        at: tuple[str, ...],
        base: PropertySpec,
        values: dict[str, Any],
    ) -> None:
        """Read the keys that depend on the kind into `values`; in a union, into the parts that take them."""
        parts = list(base.any_of) or [base]
        for key, node in keys.items():
            if key in _COMMON_READERS or key == "type":
                continue
            takers = [i for i, part in enumerate(parts) if key in CONSTRAINTS[part.kind] and not part.named_type]
            if not takers:
                self._refuse_key(reader, node, key, what, base)
            for i in takers:
                read = {key: self._constraint(reader, node, key, f"`{key}` of {what}", at, parts[i])}
                parts[i] = msgspec.structs.replace(parts[i], **read)
                if base.kind != "union":
                    values |= read
        for part in parts:
            if part.kind == "choice" and not part.choices and "choices" not in keys:
                reader.problem(
                    keys["type"],
                    f"{what} has type `choice` and needs the key `choices`.",
                    "Write `choices: [first, second]`.",
                )
        if base.kind == "union":
            values["any_of"] = tuple(parts)

    def _refuse_key(self, reader: Reader, node: Node, key: str, what: str, base: PropertySpec) -> None:
        if base.named_type:
            hint = f"Write it in types.yaml at `{base.named_type}`; here only: {', '.join(COMMON)}."
            reader.problem(node, f"{what} cannot change `{key}` of the type `{base.named_type}`.", hint)
            return
        takers = [kind for kind, its in CONSTRAINTS.items() if key in its]
        own = CONSTRAINTS.get(base.kind, ())
        hint = f"`{key}` is for: {', '.join(takers)}."
        hint += f" `{base.kind}` takes: {', '.join(own)}." if own else ""
        reader.problem(node, f"{what} has type `{base.kind}`, which takes no `{key}`.", hint)

    def _constraint(
        self, reader: Reader, node: Node, key: str, what: str, at: tuple[str, ...], spec: PropertySpec
    ) -> Any:
        if key == "of":
            return self._item(reader, node, what, at)
        if key == "properties":
            return self.properties(reader, node, what.removeprefix("`properties` of "), at)
        if key in ("min", "max"):
            return _bound(reader, node, what, spec.kind)
        return _CONSTRAINT_READERS[key](reader, node, what)

    def _item(self, reader: Reader, node: Node, what: str, at: tuple[str, ...]) -> PropertySpec | None:
        if not isinstance(node, MappingNode):
            item = self._type(reader, node, what)
            if item is not None and item.store == "drop":
                message = f"{what} is `{item.named_type}`, which is dropped, so that the list would always be empty."
                reader.problem(node, message, "Write `store: drop` at the list.")
            return item
        spec = self.property(reader, node, what, (*at, "of"))
        for key, value in node.value:
            if key.value in ("required", "store", "store_as", "column"):
                reader.problem(
                    key,
                    f"{what} has `{key.value}`, which an item of a list cannot have.",
                    "Write it at the list.",
                )
            del value
        return spec

    def _sane(self, reader: Reader, node: Node, what: str, spec: PropertySpec) -> bool:
        for part in spec.any_of or (spec,):
            for low, high in (("min", "max"), ("min_length", "max_length"), ("min_items", "max_items")):
                least, most = getattr(part, low), getattr(part, high)
                if least is not None and most is not None and _exceeds(least, most):
                    reader.problem(node, f"{what} has `{low}: {least}` above `{high}: {most}`, so no value fits.")
        if spec.open and spec.properties is None:
            reader.problem(node, f"{what} is `open` without `properties`.", "Leave `open` out: it holds anything.")
        # A scalar holds one value, and most properties are scalars.
        values, depth = (1, 1) if spec.kind in SCALARS else _extent(spec)
        if values > _MAX_VALUES or depth > _MAX_DEPTH:
            message = f"{what} holds {values} values, {depth} deep; the limits are {_MAX_VALUES} and {_MAX_DEPTH}."
            reader.problem(node, message, "Make an inner part `type: object` without `properties`, or split the event.")
            return False
        return True


def _extent(spec: PropertySpec) -> tuple[int, int]:
    inner = [*(spec.properties or {}).values(), *spec.any_of, *([spec.of] if spec.of else [])]
    extents = [_extent(part) for part in inner]
    return 1 + sum(count for count, _ in extents), 1 + max((depth for _, depth in extents), default=0)


def _exceeds(least: Any, most: Any) -> bool:
    from decimal import Decimal

    return Decimal(str(least)) > Decimal(str(most))


def _scalar(node: Node) -> str:
    return "" if isinstance(node, MappingNode | SequenceNode) else str(node.value)


def _bound(reader: Reader, node: Node, what: str, kind: str) -> int | float | str | None:
    if kind == "decimal":
        text = reader.text(node, what)
        if text is not None and not is_decimal(text):
            reader.problem(node, f"{what} must be a plain decimal number, not `{text}`.", 'Write it as in "0.01".')
            return None
        return text
    if kind == "number":
        return reader.number(node, what)
    value = reader.integer(node, what)
    if value is not None and not INT_MIN <= value <= INT_MAX:
        reader.problem(node, f"{what} is beyond 64 bits.", "An int is a signed 64-bit integer.")
        return None
    return value


def _choices(reader: Reader, node: Node, what: str) -> tuple[Choice, ...]:
    if isinstance(node, SequenceNode):
        found = [Choice(value=name) for name in reader.names(node, what)]
    else:
        found = [_choice(reader, name, value) for name, (_, value) in reader.named(node, what).items()]
    if not found:
        reader.problem(node, f"{what} is empty.", "Write `choices: [first, second]`.")
    _former_values(reader, node, what, found)
    return tuple(found)


def _former_values(reader: Reader, node: Node, what: str, choices: list[Choice]) -> None:
    """Report former values that are values, or belong to two choices."""
    meant = {choice.value: choice.value for choice in choices}
    for choice in choices:
        for old in choice.formerly:
            if old in meant:
                instead = "a value of its own" if meant[old] == old else f"one of `{meant[old]}`"
                message = f"{what}: `{old}` is a former value of `{choice.value}` and {instead}."
                reader.problem(node, message, "Keep one of them: a stored value can mean one thing only.")
            meant.setdefault(old, choice.value)


def _choice(reader: Reader, name: str, node: Node) -> Choice:
    if isinstance(node, MappingNode):
        keys = reader.mapping(node, f"choice `{name}`", ("summary", "formerly"))
        summary = reader.text(keys["summary"], f"`summary` of choice `{name}`") if "summary" in keys else ""
        formerly = reader.names(keys["formerly"], f"`formerly` of choice `{name}`") if "formerly" in keys else ()
        return Choice(value=name, summary=summary or "", formerly=formerly)
    return Choice(
        value=name,
        summary=("" if _scalar(node) == "" else reader.text(node, f"the summary of choice `{name}`")) or "",
    )


def _pattern(reader: Reader, node: Node, what: str) -> str | None:
    pattern = reader.text(node, what)
    try:
        if pattern is not None:
            matcher(pattern)
    except PatternError as error:
        hint = "A pattern is a small regular expression that matches the whole value; see the plan language."
        reader.problem(node, f"{what} cannot be used: {error}.", hint)
        return None
    return pattern


def _size(least: int) -> Callable[[Reader, Node, str], int | None]:
    return lambda reader, node, what: reader.integer(node, what, least)


def _word(known: tuple[str, ...]) -> Callable[[Reader, Node, str], str | None]:
    return lambda reader, node, what: reader.one_of(node, what, known)


_COMMON_READERS: dict[str, Callable[[Reader, Node, str], Any]] = {
    "summary": Reader.text,
    "required": Reader.boolean,
    "nullable": Reader.boolean,
    "pii": _word(PII_CLASSES),
    "store": _word(STORES),
    "store_as": Reader.name,
    "column": Reader.text,
    "unit": Reader.text,
}
_CONSTRAINT_READERS: dict[str, Callable[[Reader, Node, str], Any]] = {
    "choices": _choices,
    "may_grow": Reader.boolean,
    "low_cardinality": Reader.boolean,
    "open": Reader.boolean,
    "pattern": _pattern,
    "format": _word(tuple(FORMATS)),
    "normalise": _word(tuple(NORMALISERS)),
    "multiple_of": _size(1),
    "min_length": _size(0),
    "max_length": _size(1),
    "min_items": _size(0),
    "max_items": _size(1),
}
_OTHER_WORDS = {
    "str": "string",
    "integer": "int",
    "long": "int",
    "float": "number",
    "double": "number",
    "boolean": "bool",
    "money": "decimal",
    "datetime": "timestamp",
    "date-time": "timestamp",
    "time": "timestamp",
    "enum": "choice",
    "array": "list",
    "dict": "object",
    "map": "object",
    "json": "any",
}
