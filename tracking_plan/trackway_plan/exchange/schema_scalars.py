"""Text, numbers and truth values of JSON Schema as scalar properties of the plan, alone or in a union."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import msgspec

from ..model import Choice, PropertySpec
from ..verdict.patterns import PatternError
from ..verdict.schema import INT_MAX, INT_MIN
from .foreign_patterns import to_plan
from .losses import Losses
from .names import is_name

SCALAR_TYPES = ("string", "integer", "number", "boolean")

FORMATS = {
    "email": "email",
    "idn-email": "email",
    "uuid": "uuid",
    "hostname": "hostname",
    "ipv4": "ipv4",
    "ipv6": "ipv6",
}
"""Formats of JSON Schema that the plan has too; `date-time` and `date` are kinds."""

_TEXT = ("minLength", "maxLength", "pattern", "format")
_NUMBER = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_KINDS = {"date-time": "timestamp", "date": "date"}


def shown(value: Any) -> str:
    """A value of the input, cut to 60 characters."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:59]}…"


class Scalars:
    """Reads scalars; what they lose goes to `losses`."""

    def __init__(self, losses: Losses) -> None:
        self.losses = losses

    def keywords(self, kinds: Sequence[str]) -> tuple[str, ...]:
        """The keywords that speak of these types; others change nothing, and are reported by the caller."""
        return (*_TEXT, *_NUMBER)

    def read(self, flat: dict[str, Any], kinds: Sequence[str], nullable: bool, where: str, path: str) -> PropertySpec:
        """The property of a schema whose types are all scalar."""
        values = [flat["const"]] if "const" in flat else flat.get("enum")
        if values is not None and not isinstance(values, list):
            self.losses.add(f"{where}/enum", f"enum: {shown(values)}", "`enum` is a list of values", path)
            values = None
        if values is not None:
            nullable = nullable and None in values
            used = [kind for kind in kinds if any(_fits(value, kind) for value in values)]
            kinds = used or kinds
        parts = []
        for kind in kinds:
            own = None if values is None else [value for value in values if _fits(value, kind)]
            parts.append(self._one(flat, kind, own, where, path))
        if len(parts) == 1:
            return msgspec.structs.replace(parts[0], nullable=nullable)
        return PropertySpec(kind="union", any_of=tuple(parts), nullable=nullable)

    def _one(self, flat: dict[str, Any], kind: str, values: list[Any] | None, where: str, path: str) -> PropertySpec:
        if kind == "boolean":
            if values and len({*values}) == 1:
                self.losses.add(f"{where}/enum", f"only {shown(values[0])}", "a bool is true or false", path)
            return PropertySpec(kind="bool")
        if kind == "string":
            return self._string(flat, values, where, path)
        return self._number(flat, kind, values, where, path)

    # ── text ─────────────────────────────────────────────────────────────────

    def _string(self, flat: dict[str, Any], values: list[Any] | None, where: str, path: str) -> PropertySpec:
        least, most = (self.size(flat, key, where, path) for key in ("minLength", "maxLength"))
        if values:
            found = list(dict.fromkeys(value for value in values if len(value) >= (least or 0)))
            found = [value for value in found if most is None or len(value) <= most]
            for key in ("pattern", "format"):
                if key in flat:
                    self.losses.add(f"{where}/{key}", f"{key}: {shown(flat[key])}", "a choice lists its values", path)
            if found and all(map(is_name, found)):
                return PropertySpec(kind="choice", choices=tuple(Choice(value=value) for value in found))
            odd = next((value for value in found if not is_name(value)), None)
            why = (
                f"{shown(json.dumps(odd))} cannot be a choice; any text fits" if odd is not None else "no value is left"
            )
            self.losses.add(f"{where}/enum", f"enum of {len(values)}", why, path)
            return PropertySpec(kind="string")
        kind, form = self._format(flat, where, path)
        if kind != "string":
            for key in ("minLength", "maxLength", "pattern"):
                if key in flat:
                    self.losses.add(f"{where}/{key}", f"{key}: {shown(flat[key])}", f"a {kind} has its own shape", path)
            return PropertySpec(kind=kind)
        pattern = self._pattern(flat, where, path)
        return PropertySpec(kind="string", min_length=least, max_length=most, pattern=pattern, format=form)

    def _format(self, flat: dict[str, Any], where: str, path: str) -> tuple[str, str | None]:
        name = flat.get("format")
        if name is None:
            return "string", None
        if isinstance(name, str) and name in _KINDS:
            return _KINDS[name], None
        if isinstance(name, str) and name in FORMATS:
            return "string", FORMATS[name]
        if name == "uri" and flat.get("pattern") == URL_PATTERN:
            return "string", "url"
        why = (
            "the plan's `url` is http and https alone"
            if name in ("uri", "url", "iri")
            else "the plan has no such format"
        )
        self.losses.add(f"{where}/format", f"format: {shown(name)}", f"{why}; any text fits", path)
        return "string", None

    def _pattern(self, flat: dict[str, Any], where: str, path: str) -> str | None:
        pattern = flat.get("pattern")
        if pattern is None or (pattern == URL_PATTERN and flat.get("format") == "uri"):
            return None
        try:
            if not isinstance(pattern, str):
                raise PatternError("it is not text")  # noqa: EM101
            return to_plan(pattern)
        except PatternError as error:
            self.losses.add(f"{where}/pattern", f"pattern: {shown(pattern)}", f"{error}; any text fits", path)
            return None

    def size(self, flat: dict[str, Any], key: str, where: str, path: str) -> int | None:
        """A length or count; of a maximum at least 1, as the plan language has it."""
        value = flat.get(key)
        if value is None:
            return None
        whole = _is_number(value) and value == int(value)
        if whole and int(value) >= (1 if key.startswith("max") else 0):
            return int(value)
        self.losses.add(f"{where}/{key}", f"{key}: {shown(value)}", "no such size can be said", path)
        return None

    # ── numbers ──────────────────────────────────────────────────────────────

    def _number(self, flat: dict[str, Any], kind: str, values: list[Any] | None, where: str, path: str) -> PropertySpec:
        divisor: Any = flat.get("multipleOf")
        multiple = int(divisor) if _is_number(divisor) and divisor >= 1 and divisor == int(divisor) else None
        whole = kind == "integer" or multiple is not None
        if divisor is not None and multiple is None:
            why = "only an int is a multiple, and of a whole number"
            self.losses.add(f"{where}/multipleOf", f"multipleOf: {shown(divisor)}", why, path)
        least, most = self._bound(flat, "minimum", whole, where, path), self._bound(flat, "maximum", whole, where, path)
        if values:
            least, most = self._listed(values, least, most, whole, where, path)
        multiple = None if multiple == 1 and kind == "number" else multiple
        return PropertySpec(kind="int" if whole else "number", min=least, max=most, multiple_of=multiple)

    def _listed(self, values: list[Any], least: Any, most: Any, whole: bool, where: str, path: str) -> tuple[Any, Any]:
        """A list of numbers as bounds: exact if they are neighbours."""
        low, high = min(values), max(values)
        if not whole or {*values} != {*range(int(low), int(high) + 1)} if high - low < 1000 else True:
            why = f"only text can be listed; any number from {low} to {high} fits"
            self.losses.add(f"{where}/enum", f"enum: {shown(values)}", why, path)
        low, high = (int(low), int(high)) if whole else (low, high)
        return low if least is None else max(low, least), high if most is None else min(high, most)

    def _bound(self, flat: dict[str, Any], key: str, whole: bool, where: str, path: str) -> int | float | None:
        """The inclusive bound of `minimum` or `maximum` and its exclusive companion, in either way of writing."""
        upper = key == "maximum"
        exclusive_key = "exclusiveMaximum" if upper else "exclusiveMinimum"
        bound: Any = flat.get(key)
        exclusive: Any = flat.get(exclusive_key)
        found = [(bound, exclusive is True)] if _is_number(bound) else []
        if _is_number(exclusive):
            found.append((exclusive, True))
        for name, value in ((key, bound), (exclusive_key, exclusive)):
            if value is not None and not _is_number(value) and not (name == exclusive_key and isinstance(value, bool)):
                self.losses.add(f"{where}/{name}", f"{name}: {shown(value)}", "a bound is a number", path)
        inclusive = [self._inclusive(value, is_out, upper, whole, f"{where}/{key}", path) for value, is_out in found]
        known = [value for value in inclusive if value is not None]
        return (min(known) if upper else max(known)) if known else None

    def _inclusive(
        self, value: int | float, exclusive: bool, upper: bool, whole: bool, where: str, path: str
    ) -> int | float | None:
        if not whole:
            if exclusive:
                name = "exclusiveMaximum" if upper else "exclusiveMinimum"
                self.losses.add(where, f"{name}: {value}", f"bounds are inclusive; {value} itself fits too", path)
            return value
        if exclusive:
            value = math.ceil(value) - 1 if upper else math.floor(value) + 1
        value = math.floor(value) if upper else math.ceil(value)
        return value if INT_MIN <= value <= INT_MAX else None

    # ── alternatives ─────────────────────────────────────────────────────────

    def joined(self, parts: list[Any]) -> dict[str, Any] | None:
        """Alternatives as one schema: with null, of listed values, or of scalars without conditions of their own."""
        if not parts or not all(isinstance(part, dict) for part in parts):
            return None
        nulls = [part for part in parts if part.get("type") == "null" or part.get("enum") == [None]]
        rest = [part for part in parts if part not in nulls]
        if len(rest) == 1 and nulls and ("type" in rest[0] or "enum" in rest[0]):
            return _with_null(rest[0])
        listed = [part.get("const") for part in rest]
        if rest and all("const" in part for part in rest):
            told = {
                v: p.get("description") or p.get("title")
                for v, p in zip(listed, rest, strict=True)
                if isinstance(v, str)
            }
            words = [{"value": value, "summary": text} for value, text in told.items() if isinstance(text, str)]
            extras = {"x-trackway": {"choices": words}} if words else {}
            return {"enum": listed + [None] * bool(nulls)} | extras
        return _union(rest, bool(nulls))


URL_PATTERN = "^[Hh][Tt][Tt][Pp][Ss]?://"
"""What an exported `format: url` says beside `format: uri`."""


def _with_null(part: dict[str, Any]) -> dict[str, Any]:
    found = dict(part)
    if "type" in part:
        types = part["type"] if isinstance(part["type"], list) else [part["type"]]
        found["type"] = [*types, *(["null"] if "null" not in types else [])]
    if isinstance(part.get("enum"), list):
        found["enum"] = [*part["enum"], None]
    return found


def _union(parts: list[dict[str, Any]], nullable: bool) -> dict[str, Any] | None:
    """Alternatives of different scalar types as one schema: their keywords never speak of the same type."""
    found: dict[str, Any] = {"type": ["null"] if nullable else []}
    for part in parts:
        kind = part.get("type")
        if kind not in SCALAR_TYPES or kind in found["type"] or {"enum", "const"} & {*part}:
            return None
        found["type"].append(kind)
        for key, value in part.items():
            if key == "type":
                continue
            if key in found and found[key] != value:
                return None
            found[key] = value
    numeric = {"integer", "number"} & {*found["type"]}
    limited = any(key in part for part in parts for key in _NUMBER)
    return None if len(numeric) == 2 and limited else found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _fits(value: Any, kind: str) -> bool:
    if kind == "string":
        return isinstance(value, str)
    if kind == "boolean":
        return isinstance(value, bool)
    return _is_number(value) and (kind == "number" or value == int(value))
