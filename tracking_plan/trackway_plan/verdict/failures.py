"""
What is wrong with a value by a schema: jsonschema's errors, reduced to what an explanation needs.

`compiled` finds the same failures without jsonschema; that both find the same ones is what a test holds them to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

Path = tuple[str | int, ...]


class Failure(Struct, frozen=True, gc=False):
    """One keyword of a schema that a value fails."""

    path: Path
    """Where the value is."""
    keyword: str
    limit: Any
    """What the schema says under the keyword."""
    instance: Any
    """The value."""
    schema: Mapping[str, Any]
    """The schema that has the keyword."""
    rule: int | None = None
    """The number of the event's rule that requires what is missing; None where no rule is about it."""
    parts: tuple[tuple[int, Failure], ...] = ()
    """Of an `anyOf`: what each of its parts has against the value, with the number of the part."""


def of_errors(errors: Iterable[Any]) -> Iterator[Failure]:
    """The failures in jsonschema's errors, in the same order."""
    return map(_of_error, errors)


def _of_error(error: Any) -> Failure:
    path: Path = tuple(error.absolute_path)
    where = error.absolute_schema_path
    # The rules are the only `allOf` of an event: allOf / number of the rule / then / required.
    rule = int(where[1]) if not path and where and where[0] == "allOf" else None
    parts = tuple((int(each.schema_path[0]), _of_error(each)) for each in error.context or ())
    return Failure(path, str(error.validator), error.validator_value, error.instance, error.schema, rule, parts)
