"""
A schema of `schema` as Python functions, which find what jsonschema finds, in the same order, some fifty times faster.

jsonschema walks every keyword of every property for every event. Here that is done once for each JSON type that a value
turns out to have: what is left to look at then. Most keywords say nothing about most types
(no text has a minimum), and of a text without limits nothing is left at all.

A keyword, format or value that is not known here raises `UnknownSchemaError`; jsonschema itself judges then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from . import formats
from .failures import Failure, Path
from .patterns import matcher

Test = Callable[[Any], bool]
Tell = Callable[[Any, Path, list[Failure]], None]
"""Adds to the list what is wrong with a value that stands at a path."""
Check = tuple[Test | None, Tell]
"""Whether nothing is to be told about a value, None if only telling shows that; and how it is told."""
Keyword = Callable[[Any, Mapping[str, Any], type, "int | None"], tuple[Check, ...]]
"""From a keyword's limit, its schema, the type of the value and the number of the rule it stands in."""

_JSON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}
_TYPES: tuple[type, ...] = (str, int, float, bool, list, dict, type(None))
"""What msgspec decodes JSON to, and nothing else."""
_NUMBERS = (int, float)


class UnknownSchemaError(Exception):
    """The schema says something that is not known here."""


class Checks(dict[type, tuple[Check, ...]]):
    """
    By the Python type of a decoded JSON value: what is left to check, in the order of the schema's keywords.

    Made for a type when the first such value comes, for most properties never see any but their own.
    """

    __slots__ = ("_rule", "_schema")

    def __init__(self, schema: Mapping[str, Any], rule: int | None = None) -> None:
        super().__init__()
        self._schema = schema
        self._rule = rule

    def __missing__(self, kind: type) -> tuple[Check, ...]:
        schema = self._schema
        if kind not in _TYPES:
            raise UnknownSchemaError(kind.__name__)
        self[kind] = made = tuple(
            check
            for keyword, limit in schema.items()
            for check in _known(_KEYWORDS, keyword)(limit, schema, kind, self._rule)
        )
        return made

    def failures(self, value: Any, path: Path = ()) -> list[Failure]:
        """
        What is wrong with a value that msgspec has decoded from JSON.

        Raises:
            UnknownSchemaError: only jsonschema can say.
        """
        return _found(self[type(value)], value, path)


def _failing(test: Test | None, keyword: str, limit: Any, schema: Mapping[str, Any]) -> Check:
    """The check that adds a failure where the test says no; without a test, always."""

    def tell(value: Any, path: Path, found: list[Failure]) -> None:
        found.append(Failure(path, keyword, limit, value, schema))

    return test, tell


def _limit(keyword: str, kinds: Sequence[type], make: Callable[[Any], Test]) -> Keyword:
    """A keyword that is about values of some types only, and of them about nothing but the value itself."""

    def compiled(limit: Any, schema: Mapping[str, Any], kind: type, _rule: int | None) -> tuple[Check, ...]:
        return (_failing(make(limit), keyword, limit, schema),) if kind in kinds else ()

    return compiled


def _type(names: Any, schema: Mapping[str, Any], kind: type, _rule: int | None) -> tuple[Check, ...]:
    listed = [names] if isinstance(names, str) else names
    if any(kind in _known(_JSON_TYPES, name) for name in listed):
        return ()
    if kind is float and "integer" in listed:
        return (_failing(float.is_integer, "type", names, schema),)  # 1.0 is an integer
    return (_failing(None, "type", names, schema),)


def _enum(values: Iterable[Any], schema: Mapping[str, Any], kind: type, _rule: int | None) -> tuple[Check, ...]:
    if any(type(value) not in _TYPES or type(value) in (list, dict) for value in values):
        raise UnknownSchemaError(str(values))
    kinds = _NUMBERS if kind in _NUMBERS else (kind,)
    alike = frozenset(value for value in values if type(value) in kinds)  # 1.0 is 1, and true is not
    return (_failing(alike.__contains__ if alike else None, "enum", values, schema),)


def _format(name: str, schema: Mapping[str, Any], kind: type, _rule: int | None) -> tuple[Check, ...]:
    check, _ = _known(formats.FORMATS | formats.KIND_FORMATS, name)
    return (_failing(check, "format", name, schema),) if kind is str else ()


def _multiple(divisor: Any) -> Test:
    if type(divisor) is not int:
        raise UnknownSchemaError(str(divisor))
    return lambda value: not value % divisor


def _properties(
    properties: Mapping[str, Any], _schema: Mapping[str, Any], kind: type, _rule: int | None
) -> tuple[Check, ...]:
    if kind is not dict:
        return ()
    parts = [(name, Checks(each)) for name, each in properties.items()]

    def walk(value: dict[str, Any], path: Path, found: list[Failure]) -> None:
        for name, by_type in parts:
            if name in value:
                part = value[name]
                for test, tell in by_type[type(part)]:
                    if test is None or not test(part):
                        tell(part, (*path, name), found)

    return ((None, walk),)


def _required(names: Sequence[str], schema: Mapping[str, Any], kind: type, rule: int | None) -> tuple[Check, ...]:
    if kind is not dict:
        return ()
    all_of_them = frozenset(names)

    def tell(value: dict[str, Any], path: Path, found: list[Failure]) -> None:
        for name in names:  # jsonschema complains about the whole list once for each that is missing
            if name not in value:
                found.append(Failure(path, "required", names, value, schema, rule))

    return ((lambda value: all_of_them <= value.keys(), tell),)


def _additional(allowed: Any, schema: Mapping[str, Any], kind: type, _rule: int | None) -> tuple[Check, ...]:
    if allowed is not False:
        raise UnknownSchemaError(str(allowed))
    if kind is not dict:
        return ()
    planned = frozenset(schema.get("properties", ()))
    return (_failing(lambda value: value.keys() <= planned, "additionalProperties", allowed, schema),)


def _items(items: Mapping[str, Any], _schema: Mapping[str, Any], kind: type, _rule: int | None) -> tuple[Check, ...]:
    if kind is not list:
        return ()
    by_type = Checks(items)

    def walk(value: list[Any], path: Path, found: list[Failure]) -> None:
        for index, item in enumerate(value):
            for test, tell in by_type[type(item)]:
                if test is None or not test(item):
                    tell(item, (*path, index), found)

    return ((None, walk),)


def _all_of(parts: Iterable[Any], _schema: Mapping[str, Any], kind: type, _rule: int | None) -> tuple[Check, ...]:
    return tuple(check for number, part in enumerate(parts) for check in Checks(part, number)[kind])


def _any_of(parts: Sequence[Any], schema: Mapping[str, Any], kind: type, _rule: int | None) -> tuple[Check, ...]:
    of_parts = [Checks(part)[kind] for part in parts]
    if not all(of_parts):
        return ()  # one of them has nothing against any such value

    def tell(value: Any, path: Path, found: list[Failure]) -> None:
        against: list[tuple[int, Failure]] = []
        for number, checks in enumerate(of_parts):
            failures = _found(checks, value, path)
            if not failures:
                return
            against += [(number, failure) for failure in failures]
        found.append(Failure(path, "anyOf", parts, value, schema, None, tuple(against)))

    return ((None, tell),)


def _if(condition: Any, schema: Mapping[str, Any], kind: type, rule: int | None) -> tuple[Check, ...]:
    conditions = Checks(condition)[kind]
    then, otherwise = (Checks(schema.get(branch, {}), rule)[kind] for branch in ("then", "else"))
    if not conditions:
        return then

    def tell(value: Any, path: Path, found: list[Failure]) -> None:
        found += _found(otherwise if _found(conditions, value, path) else then, value, path)

    return ((None, tell),)


def _found(checks: Iterable[Check], value: Any, path: Path) -> list[Failure]:
    found: list[Failure] = []
    for test, tell in checks:
        if test is None or not test(value):
            tell(value, path, found)
    return found


def _part_of_if(_limit: Any, _schema: Mapping[str, Any], _kind: type, _rule: int | None) -> tuple[Check, ...]:
    return ()


def _known(names: Mapping[str, Any], name: str) -> Any:
    if name not in names:
        raise UnknownSchemaError(name)
    return names[name]


_KEYWORDS: dict[str, Keyword] = {
    "type": _type,
    "enum": _enum,
    "format": _format,
    "pattern": _limit("pattern", (str,), lambda pattern: matcher(pattern[4:-2])),
    "minLength": _limit("minLength", (str,), lambda least: lambda text: len(text) >= least),
    "maxLength": _limit("maxLength", (str,), lambda most: lambda text: len(text) <= most),
    "decimalMinimum": _limit("decimalMinimum", (str,), lambda low: partial(formats.decimal_at_least, bound=low)),
    "decimalMaximum": _limit("decimalMaximum", (str,), lambda high: partial(formats.decimal_at_most, bound=high)),
    "minimum": _limit("minimum", _NUMBERS, lambda low: lambda value: value >= low),
    "maximum": _limit("maximum", _NUMBERS, lambda high: lambda value: value <= high),
    "exclusiveMinimum": _limit("exclusiveMinimum", _NUMBERS, lambda low: lambda value: value > low),
    "exclusiveMaximum": _limit("exclusiveMaximum", _NUMBERS, lambda high: lambda value: value < high),
    "multipleOf": _limit("multipleOf", _NUMBERS, _multiple),
    "minItems": _limit("minItems", (list,), lambda least: lambda items: len(items) >= least),
    "maxItems": _limit("maxItems", (list,), lambda most: lambda items: len(items) <= most),
    "properties": _properties,
    "required": _required,
    "additionalProperties": _additional,
    "items": _items,
    "allOf": _all_of,
    "anyOf": _any_of,
    "if": _if,
    "then": _part_of_if,
    "else": _part_of_if,
}
"""Every keyword that `schema` writes."""
