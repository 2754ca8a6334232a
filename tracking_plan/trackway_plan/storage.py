"""
How properties are stored: a path for each, and one storage type for each path over the whole plan.

`properties` is one JSON column in the warehouse, so the same name in two events is the same column. An
integer here and text there would make one of them unreadable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from .model import PropertySpec
from .redact import stored

_CLASSES = {"string": "text", "text": "text", "choice": "text"}
_LOW_CARDINALITY = re.compile(r"LowCardinality\((.*)\)")


def storage_type(spec: PropertySpec) -> str:
    """
    What a value is stored as: `text`, `int`, `number`, `decimal`, `list of text` …, with the column when one
    is named.

    `string`, `text` and `choice` are all text, and LowCardinality is a matter of speed, not of type. A hash is text,
    whatever it is of.
    """
    if stored(spec) == "hash":
        return "text"
    if spec.kind == "list":
        return f"list of {storage_type(spec.of)}" if spec.of else "list of any"
    if spec.kind == "union":
        return " or ".join(sorted({storage_type(part) for part in spec.any_of}))
    found = _LOW_CARDINALITY.fullmatch(spec.column)
    column = (found[1] if found else spec.column).replace(" ", "")
    plain = _CLASSES.get(spec.kind, spec.kind)
    return f"{plain} ({column})" if column and column != "String" else plain


def storage_paths(properties: Mapping[str, PropertySpec], prefix: str = "") -> Iterator[tuple[str, PropertySpec]]:
    """
    Every path in the warehouse (`shipping.city`), those inside objects too; `store_as` counts.

    What is dropped has no path, and a hash has none inside it.
    """
    for name, spec in properties.items():
        how = stored(spec)
        if how == "drop":
            continue
        path = prefix + (spec.store_as or name)
        yield path, spec
        if how == "plain" and spec.kind == "object" and spec.properties:
            yield from storage_paths(spec.properties, f"{path}.")
