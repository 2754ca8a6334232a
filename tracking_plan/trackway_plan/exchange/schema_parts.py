"""
One flat schema out of `$ref` and `allOf`: what must all hold, written as one set of keywords.

    {"$ref": "#/$defs/money", "description": "Paid."}  ─ Flattener.flat ─▶  {"type": "number", "description": "Paid."}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from .losses import Losses

Schema = dict[str, Any]

_HIGHEST = ("minimum", "minLength", "minItems", "minProperties")
_LOWEST = ("maximum", "maxLength", "maxItems", "maxProperties")
_WORDS = ("title", "description", "$comment", "default", "examples", "example", "$id", "id", "$schema")
CONDITIONS = "x-trackway-conditions"
"""Under this keyword a flat schema keeps the `if … then … else` of its `allOf`, one after the other."""
_BRANCHES = ("if", "then", "else")
MOST_SCHEMAS = 20_000
"""Schemas that are read of one document; `$ref` upon `$ref` can make billions of a few lines."""


class TooManySchemasError(ValueError):
    """References multiply a document beyond all measure."""


class Flattener:
    """Resolves references inside one document; `losses` hears of those that cannot be followed."""

    def __init__(self, document: Any, losses: Losses) -> None:
        self._document = document
        self._losses = losses
        self._read = 0

    def flat(self, schema: Any, where: str, path: str, opened: tuple[str, ...] = ()) -> tuple[Any, tuple[str, ...]]:
        """
        The schema without `$ref` and `allOf`, and the references it was reached by, its own included.

        Raises:
            TooManySchemasError: the document has no end.
        """
        self._read += 1
        if self._read > MOST_SCHEMAS:
            message = f"references make more than {MOST_SCHEMAS:,} schemas of this document"
            raise TooManySchemasError(message)
        if not isinstance(schema, dict):
            return schema, opened
        own = {key: value for key, value in schema.items() if key not in ("$ref", "allOf")}
        if "$ref" in schema:
            target, opened = self._target(schema["$ref"], where, path, opened)
            own = self._both(target, own, where, path)
        for index, part in enumerate(_list(schema.get("allOf"))):
            at = f"{where}/allOf/{index}"
            inner, opened = self.flat(part, at, path, opened)
            if isinstance(inner, dict):
                if "if" in inner:
                    own[CONDITIONS] = [*own.get(CONDITIONS, []), {key: inner[key] for key in _BRANCHES if key in inner}]
                    inner = {key: value for key, value in inner.items() if key not in _BRANCHES}
                own = self._both(own, inner, at, path)
            elif inner is not True:
                self._losses.add(at, "allOf", "this part is no schema that the plan language can state", path)
        return own, opened

    def _target(self, ref: Any, where: str, path: str, opened: tuple[str, ...]) -> tuple[Schema, tuple[str, ...]]:
        if ref in opened:
            self._losses.add(where, f"$ref {ref}", "it holds itself; its inside is left free", path)
            return {}, opened
        found = self._at(ref)
        if found is None:
            self._losses.add(where, f"$ref {ref}", "there is no such schema in this document; any value fits", path)
            return {}, opened
        target, opened = self.flat(found, where, path, (*opened, ref))
        return target if isinstance(target, dict) else {}, opened

    def _at(self, ref: Any) -> Any:
        """The schema that a reference inside the document names, or None."""
        if not isinstance(ref, str):
            return None
        base, _, pointer = ref.partition("#")
        if base and base.rstrip("#") != self._identity():
            return None
        if pointer and not pointer.startswith("/"):
            return next((each for each in _walk(self._document) if pointer in _anchors(each)), None)
        found = self._document
        for part in pointer.split("/")[1:]:
            key = unquote(part).replace("~1", "/").replace("~0", "~")
            if isinstance(found, dict) and key in found:
                found = found[key]
            elif isinstance(found, list) and key.isdecimal() and len(key) < 9 and int(key) < len(found):
                found = found[int(key)]
            else:
                return None
        return found if isinstance(found, dict | bool) else None

    def _identity(self) -> str:
        identity = self._document.get("$id", self._document.get("id")) if isinstance(self._document, dict) else None
        return identity.rstrip("#") if isinstance(identity, str) else ""

    def _both(self, one: Schema, other: Schema, where: str, path: str) -> Schema:
        """One schema for what must hold of both."""
        found = dict(one)
        for key, value in other.items():
            if key not in found or found[key] == value or (key in _WORDS and value):
                found[key] = value
                continue
            known, joined = found[key], _joined(key, found[key], value)
            if key == "properties" and isinstance(known, dict) and isinstance(value, dict):
                joined = known | {
                    name: {"allOf": [known[name], each]} if name in known and known[name] != each else each
                    for name, each in value.items()
                }
            elif key == "items" and isinstance(known, dict) and isinstance(value, dict):
                joined = {"allOf": [known, value]}
            if joined is None:
                self._losses.add(where, key, "said in two ways that must both hold; the first is kept", path)
            else:
                found[key] = joined
        return found


def _joined(key: str, one: Any, other: Any) -> Any:
    """The value of a keyword that two schemas have, or None where there is no such value."""
    numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in (one, other))
    if key in _HIGHEST and numbers:
        return max(one, other)
    if key in _LOWEST and numbers:
        return min(one, other)
    if key == "required" and isinstance(one, list) and isinstance(other, list):
        return [*one, *(name for name in other if name not in one)]
    if key == "enum" and isinstance(one, list) and isinstance(other, list):
        return [value for value in one if value in other] or None
    if key == "additionalProperties" and False in (one, other):
        return False
    if key == "type":
        types = [each for each in _types(one) if each in _types(other)]
        both = {*_types(one), *_types(other)}
        if not types and {"integer", "number"} <= both:
            types = ["integer"]
        return types or None
    if key in ("definitions", "$defs") and isinstance(one, dict) and isinstance(other, dict):
        return other | one
    return None


def _types(value: Any) -> list[str]:
    return [each if isinstance(each, str) else repr(each) for each in (value if isinstance(value, list) else [value])]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _anchors(schema: Mapping[str, Any]) -> list[Any]:
    identity = schema.get("$id", schema.get("id"))
    named = identity[1:] if isinstance(identity, str) and identity.startswith("#") else None
    return [schema.get("$anchor"), named]


def _walk(document: Any) -> Iterator[dict[str, Any]]:
    """Every mapping of a document, outermost first."""
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
