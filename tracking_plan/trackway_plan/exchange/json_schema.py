"""
JSON Schema, draft 4 to 2020-12, as events and properties of the plan.

    {"type": "object", "properties": {"sku": {"type": "string"}}}  ─ event_from_schema ─▶  EventSpec + losses

Nothing becomes stricter than it was: what the plan language cannot state is left open and reported. Where the
two differ in meaning: `integer` is one of 64 bits here, `format` is always asserted, an unanchored pattern becomes
`.*(…).*`, in which `.` is no line break, and no pattern matches a value beyond 1,000 characters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ..model import SCALARS, EventSpec, PropertySpec, Rule
from ..write_yaml import is_writable_union
from .extras import KEYWORD, EventExtras, PropertyExtras, event_with_extras, read_extras, with_extras
from .losses import Loss, Losses
from .names import is_name, plan_name, property_path
from .schema_parts import CONDITIONS, Flattener, TooManySchemasError
from .schema_rules import rule_of
from .schema_scalars import SCALAR_TYPES, Scalars, shown

MOST_DEEP = 20
"""Objects and lists inside each other; the plan language takes 24, the event and unions included."""

_SAID_ELSEWHERE = {
    *("$schema", "$id", "id", "$anchor", "definitions", "$defs", "$comment", "self", "type", KEYWORD),
    *("description", "title", "properties", "required", "additionalProperties", "items", "minItems", "maxItems"),
    *("enum", "const", "anyOf", "oneOf", "if", "then", "else", "additionalItems", "$vocabulary", CONDITIONS),
    *("patternProperties", "unevaluatedProperties"),
}
"""Keywords that are read, or that only name a schema."""

_TYPES = ("string", "integer", "number", "boolean", "array", "object", "null")


def event_from_schema(schema: Any, name: str, *, where: str = "#", file: str = "") -> tuple[EventSpec, list[Loss]]:
    """
    The event whose properties a JSON Schema describes, and what was lost.

    A schema that allows keys it does not mention gives an event, or object, that is `open`.

    Raises:
        TooManySchemasError: references in it multiply beyond 20,000 schemas.
    """
    losses = Losses(file=file, event=name)
    return SchemaReader(schema, losses).event(schema, name, where), losses.found


def property_from_schema(schema: Any, *, where: str = "#", file: str = "") -> tuple[PropertySpec, list[Loss]]:
    """
    The property, without a name, that a JSON Schema describes, and what was lost.

    Raises:
        TooManySchemasError: as `event_from_schema`.
    """
    losses = Losses(file=file)
    return SchemaReader(schema, losses).property(schema, where, ""), losses.found


class SchemaReader:
    """Reads schemas of one document, in which `$ref` is resolved."""

    def __init__(self, document: Any, losses: Losses, types: Mapping[str, PropertySpec] | None = None) -> None:
        """`types` are named types of the plan by the reference that stands for each."""
        self.losses = losses
        self._named = types or {}
        self._flattener = Flattener(document, losses)
        self._scalars = Scalars(losses)

    def event(self, schema: Any, name: str, where: str = "#") -> EventSpec:
        """The event of a schema of its properties."""
        flat, opened = self._flattener.flat(schema, where, "")
        if not isinstance(flat, dict):
            flat = {}
        types = _types(flat)
        if types and "object" not in types:
            self.losses.add(f"{where}/type", f"type: {shown(flat['type'])}", "an event's properties are an object")
        self._unsaid(flat, where, "", ("deprecated", "examples"))
        properties, is_open = self._properties(flat, where, "", opened, 1)
        event = EventSpec(
            name=name,
            summary=self._summary(flat, where, ""),
            status="deprecated" if flat.get("deprecated") is True else "active",
            open=is_open,
            properties=properties,
            rules=self._rules(flat, properties, where),
        )
        if isinstance(examples := flat.get("examples"), list):
            event = msgspec.structs.replace(event, examples=tuple(examples))
        extras = self._extras(flat, where, "", EventExtras)
        return event_with_extras(event, extras) if extras is not None else event

    def property(
        self, schema: Any, where: str, path: str, opened: tuple[str, ...] = (), depth: int = 0
    ) -> PropertySpec:
        """One property, without its name."""
        reference = schema.get("$ref") if isinstance(schema, dict) else None
        if isinstance(reference, str) and reference in self._named:
            named = self._named[reference]
            return msgspec.structs.replace(named, summary=self._summary(schema, where, path) or named.summary)
        flat, opened = self._flattener.flat(schema, where, path, opened)
        if not isinstance(flat, dict):
            if flat is not True:
                self.losses.add(where, shown(flat), "this is no schema of a value; any value fits", path)
            return PropertySpec(kind="any")
        if depth > MOST_DEEP:
            self.losses.add(where, "what is inside", f"it is more than {MOST_DEEP} deep; any value fits", path)
            return PropertySpec(kind="any")
        union = self._union(flat, where, path, opened, depth)
        flat = flat if union is not None else self._alternatives(flat, where, path, opened)
        spec = union or self._typed(flat, where, path, opened, depth)
        spec = msgspec.structs.replace(spec, summary=self._summary(flat, where, path))
        extras = self._extras(flat, where, path, PropertyExtras)
        return with_extras(spec, extras) if extras is not None else spec

    # ── kinds ────────────────────────────────────────────────────────────────

    def _typed(self, flat: dict[str, Any], where: str, path: str, opened: tuple[str, ...], depth: int) -> PropertySpec:
        types = _types(flat) or self._implied(flat, where, path)
        nullable = "null" in types
        kinds = [each for each in types if each != "null"]
        if "number" in kinds and "integer" in kinds:
            kinds.remove("integer")
        if unknown := [each for each in kinds if each not in _TYPES]:
            self.losses.add(
                f"{where}/type", f"type: {shown(unknown)}", "JSON Schema has no such type; any value fits", path
            )
            kinds = []
        if not kinds and nullable:
            self.losses.add(
                f"{where}/type", "type: null", "the plan language has no kind for null alone; any value fits", path
            )
        if len(kinds) == 1 and kinds[0] in ("object", "array"):
            spec = self._list(flat, where, path, opened, depth) if kinds[0] == "array" else None
            spec = spec or self._object(flat, where, path, opened, depth)
            return msgspec.structs.replace(spec, nullable=nullable)
        if kinds and all(each in SCALAR_TYPES for each in kinds):
            self._unsaid(flat, where, path, self._scalars.keywords(kinds))
            return self._scalars.read(flat, kinds, nullable, where, path)
        if kinds and not {*_TYPES} - {"integer"} <= {*types}:
            why = "a union here is of scalar types only; any value fits"
            self.losses.add(f"{where}/type", f"type: {shown(types)}", why, path)
        self._unsaid(flat, where, path)
        if not types:
            self._unsaid_values(flat, where, path)
        return PropertySpec(kind="any")

    def _implied(self, flat: dict[str, Any], where: str, path: str) -> list[str]:
        """The types of a schema that names none: those of its values, or of the one type its keywords speak of."""
        values = [flat["const"]] if "const" in flat else flat.get("enum")
        if isinstance(values, list) and values:
            return list(dict.fromkeys(map(_type_of, values)))
        speaks = {
            "object": ("properties", "required", "additionalProperties", "patternProperties"),
            "array": ("items", "minItems", "maxItems", "uniqueItems", "prefixItems"),
            "string": ("minLength", "maxLength", "pattern", "format"),
            "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        }
        for kind, keywords in speaks.items():
            if said := [key for key in keywords if key in flat]:
                why = f"without `type` it speaks of {kind}s alone and lets all else pass; read as `type: {kind}`"
                self.losses.add(where, said[0], why, path)
                return [kind]
        return []

    def _union(
        self, flat: dict[str, Any], where: str, path: str, opened: tuple[str, ...], depth: int
    ) -> PropertySpec | None:
        """Alternatives that are all scalars of different kinds; None for others, or if more is said beside them."""
        key = "anyOf" if "anyOf" in flat else "oneOf"
        parts = flat.get(key)
        beside = {name for name in flat if name not in _SAID_ELSEWHERE} | ({*flat} & {"type", "enum", "const"})
        if not isinstance(parts, list) or beside or {"anyOf", "oneOf"} <= {*flat}:
            return None
        rest = [part for part in parts if part != {"type": "null"}]
        if len(rest) < 2 or not all(map(_is_scalar, rest)):
            return None
        quiet = SchemaReader({}, Losses())
        specs = [quiet.property(part, where, path, opened, depth + 1) for part in rest]
        sound = all(spec.kind in SCALARS and not spec.summary for spec in specs) and not quiet.losses.found
        if not sound or len({spec.kind for spec in specs}) < len(specs) or not is_writable_union(specs):
            return None
        return PropertySpec(kind="union", any_of=tuple(specs), nullable=len(rest) < len(parts))

    def _list(self, flat: dict[str, Any], where: str, path: str, opened: tuple[str, ...], depth: int) -> PropertySpec:
        self._unsaid(flat, where, path)
        self._unsaid_values(flat, where, path)
        items, of = flat.get("items", True), None
        if isinstance(items, list):
            self.losses.add(f"{where}/items", "items by position", "a list here has one kind of item; any fits", path)
        elif items is False:
            self.losses.add(f"{where}/items", "items: false", "a list here may always hold an item", path)
        else:
            of = self.property(items, f"{where}/items", f"{path}[]", opened, depth + 1)
            if of == PropertySpec(kind="any"):
                of = None
            elif set_apart := [key for key in ("store_as", "column") if getattr(of, key)] + ["store"] * (
                of.store != "plain"
            ):
                self.losses.add(f"{where}/items", ", ".join(set_apart), "an item of a list cannot have it", f"{path}[]")
                of = msgspec.structs.replace(of, store="plain", store_as="", column="")
        least, most = (self._scalars.size(flat, key, where, path) for key in ("minItems", "maxItems"))
        return PropertySpec(kind="list", of=of, min_items=least, max_items=most)

    def _object(self, flat: dict[str, Any], where: str, path: str, opened: tuple[str, ...], depth: int) -> PropertySpec:
        self._unsaid(flat, where, path)
        self._unsaid_values(flat, where, path)
        if "if" in flat or CONDITIONS in flat:
            self.losses.add(f"{where}/if", "if", "rules are of events, not of objects inside them", path)
        properties, is_open = self._properties(flat, where, path, opened, depth + 1)
        if is_open and not properties:
            return PropertySpec(kind="object")
        return PropertySpec(kind="object", properties=properties, open=is_open)

    # ── parts of an object ───────────────────────────────────────────────────

    def _properties(
        self, flat: dict[str, Any], where: str, path: str, opened: tuple[str, ...], depth: int
    ) -> tuple[dict[str, PropertySpec], bool]:
        stated = flat.get("properties")
        if not isinstance(stated, dict):
            if stated is not None:
                self.losses.add(f"{where}/properties", shown(stated), "`properties` is a mapping of schemas", path)
            stated = {}
        is_open = self._is_open(flat, where, path)
        needed = flat.get("required")
        required = [each for each in needed if isinstance(each, str)] if isinstance(needed, list) else []
        found: dict[str, PropertySpec] = {}
        for key, schema in stated.items():
            at, inner = f"{where}/properties/{_escaped(key)}", property_path(path, key)
            if schema is False:
                if is_open:
                    self.losses.add(at, "a key that may not be there", "an open object takes every key", inner)
                continue
            name = self._name(key, found, stated, at, inner)
            # Draft 3 and some generators write `required: true` at the property itself.
            own = isinstance(schema, dict) and schema.get("required") is True
            spec = self.property(schema, at, inner, opened, depth)
            found[name] = msgspec.structs.replace(spec, name=name, required=key in required or own)
        for key in required:
            if key not in stated:
                name = self._name(key, found, stated, f"{where}/required", property_path(path, key))
                found[name] = PropertySpec(name=name, kind="any", required=True)
        return found, is_open

    def _name(self, key: str, found: Mapping[str, Any], stated: Mapping[str, Any], where: str, path: str) -> str:
        if is_name(key):
            return key
        name = plan_name(key, {*found, *stated})
        why = f"a name is on one line, without spaces around, at most 200 long; the plan calls it `{name}`"
        self.losses.add(where, f"the name {shown(key)}", why, path)
        return name

    def _is_open(self, flat: dict[str, Any], where: str, path: str) -> bool:
        patterns = flat.get("patternProperties")
        if isinstance(patterns, dict) and patterns:
            why = "the plan names each key; the object is left open"
            self.losses.add(f"{where}/patternProperties", f"patternProperties: {len(patterns)}", why, path)
            return True
        more = flat.get("additionalProperties", flat.get("unevaluatedProperties", True))
        if more is False:
            return False
        if isinstance(more, dict) and {*more} - {"description", "title"}:
            why = "what other keys hold cannot be said; they may hold anything"
            self.losses.add(f"{where}/additionalProperties", "additionalProperties with a schema", why, path)
        return True

    def _rules(self, flat: dict[str, Any], properties: Mapping[str, PropertySpec], where: str) -> tuple[Rule, ...]:
        rules = []
        for at, each in [(where, flat), *((f"{where}/allOf", part) for part in flat.get(CONDITIONS, ()))]:
            if "if" not in each:
                continue
            found = rule_of(each, properties)
            if isinstance(found, str):
                self.losses.add(f"{at}/if", "if … then", found)
            else:
                rules.extend(found)
        return tuple(rules)

    # ── alternatives, words, and what is not said ────────────────────────────

    def _alternatives(self, flat: dict[str, Any], where: str, path: str, opened: tuple[str, ...]) -> dict[str, Any]:
        """`anyOf` and `oneOf` as one schema, where they only add null, list values, or join scalars."""
        for key in ("anyOf", "oneOf"):
            parts = flat.get(key)
            if not isinstance(parts, list):
                continue
            flat = {name: value for name, value in flat.items() if name != key}
            inner = [self._flattener.flat(part, f"{where}/{key}/{i}", path, opened)[0] for i, part in enumerate(parts)]
            joined = self._scalars.joined(inner)
            if joined is None:
                kinds = {kind for part in inner for kind in (_types(part) if isinstance(part, dict) else [])}
                why = "alternatives of this kind cannot be said; what stands beside them holds"
                if _types(flat) in ([], ["object"]) and kinds <= {"object", "null"} and kinds:
                    joined, why = {"type": sorted(kinds)}, "the alternatives' keys are left open"
                self.losses.add(f"{where}/{key}", f"{key} of {len(parts)}", why, path)
            flat = (joined or {}) | flat
        return flat

    def _summary(self, flat: dict[str, Any], where: str, path: str) -> str:
        texts = [text for key in ("description", "title") if isinstance(text := flat.get(key), str) and text.strip()]
        if len(texts) == 2 and texts[0] != texts[1]:
            self.losses.add(f"{where}/title", f"title: {shown(texts[1])}", "the summary holds the description", path)
        return texts[0] if texts else ""

    def _extras(self, flat: dict[str, Any], where: str, path: str, kind: type[Any]) -> Any:
        if KEYWORD not in flat:
            return None
        try:
            return read_extras(flat[KEYWORD], kind)
        except msgspec.ValidationError as error:
            self.losses.add(f"{where}/{KEYWORD}", KEYWORD, f"it cannot be read: {error}", path)
            return None

    def _unsaid_values(self, flat: dict[str, Any], where: str, path: str) -> None:
        for key in ("enum", "const"):
            if key in flat:
                self.losses.add(f"{where}/{key}", key, "only text, numbers and truth values can be listed", path)

    def _unsaid(self, flat: dict[str, Any], where: str, path: str, read: tuple[str, ...] = ()) -> None:
        """Report the keywords that nothing of the plan stands for."""
        for key, value in flat.items():
            if key in _SAID_ELSEWHERE or key in read or value in _SAYS_NOTHING.get(key, ()):
                continue
            why = _WHY.get(key, "the plan language has no word for it")
            self.losses.add(f"{where}/{_escaped(key)}", f"{key}: {shown(value)}", why, path)


_SAYS_NOTHING: dict[str, tuple[Any, ...]] = {
    "uniqueItems": (False,),
    "labels": ({}, None),
    "minProperties": (0,),
    "deprecated": (False,),
    "readOnly": (False,),
    "writeOnly": (False,),
}
"""Keyword → values that change nothing."""

_WHY = {
    "default": "the plan states no values that are filled in",
    "examples": "examples of the plan are whole events",
    "example": "examples of the plan are whole events",
    "uniqueItems": "a list here may hold a value twice",
    "not": "the plan states what fits, not what does not",
    "dependencies": "a rule asks for a value of a property, not for its presence",
    "dependentRequired": "a rule asks for a value of a property, not for its presence",
}


def endless(error: Exception) -> str:
    """What to say of a document whose references or nesting have no reasonable end."""
    return str(error) if isinstance(error, TooManySchemasError) else "its schemas are nested too deeply"


def _is_scalar(schema: Any) -> bool:
    return isinstance(schema, dict) and schema.get("type") in SCALAR_TYPES


def _types(flat: dict[str, Any]) -> list[Any]:
    value = flat.get("type", [])
    return [each if isinstance(each, str) else shown(each) for each in (value if isinstance(value, list) else [value])]


def _type_of(value: Any) -> str:
    for kind, types in (("boolean", bool), ("integer", int), ("number", float), ("string", str), ("array", list)):
        if isinstance(value, types):
            return kind
    return "null" if value is None else "object"


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


__all__ = ["SchemaReader", "TooManySchemasError", "endless", "event_from_schema", "property_from_schema"]
