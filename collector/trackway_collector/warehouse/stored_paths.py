"""
What the JSON columns hold, and whether a typed path can be added without changing a stored value.

`ALTER TABLE … MODIFY COLUMN properties JSON(…)` writes the whole column again, through text
(`stored_paths.sql`). On the way a value that does not fit the new type stops the ALTER for ever, 1.5 becomes
1 in an Int64, and a string without type that looks like a date becomes a DateTime. So the paths are looked at
first:

* A new path must hold no value yet, or only values that come out as they went in.
* A string that would come out as a date gets the type String in the same ALTER, and so stays a string.
* If such strings share their path with other types, nothing is added until a migration moves the data.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from importlib import resources

from trackway_collector.warehouse.base import Warehouse

logger = logging.getLogger(__name__)

TEXT = "Nullable(String)"

# Type of a path → types of stored values that come out of the ALTER equal.
_KEEPS = {
    "Nullable(Int64)": {"Int64"},
    "Nullable(Float64)": {"Float64"},
    "Nullable(Bool)": {"Bool"},
    TEXT: {"String"},
    "LowCardinality(Nullable(String))": {"String"},
}


def safe_to_add(warehouse: Warehouse, column: str, wanted: Mapping[str, str]) -> dict[str, str]:
    """
    The typed paths to add to `column`: those of `wanted` that change no stored value, and what protects the
    others.
    """
    if not warehouse.query("SELECT count() FROM events").one():
        return dict(wanted)
    sql = resources.files(__package__).joinpath("stored_paths.sql").read_text("utf-8").replace("events_column", column)
    stored: dict[str, set[str]] = {}
    turned: dict[str, set[str]] = {}
    for path, types, again in warehouse.query(sql).rows:
        stored[path] = set(types)
        if not set(again) <= set(types):
            turned[path] = set(again) - set(types)
    added = {}
    for path, kind in wanted.items():
        held = stored.get(path, set())
        if held <= _KEEPS.get(kind, set()) or (
            kind == "Nullable(Float64)" and _integers_are_exact(warehouse, column, path, held)
        ):
            added[path] = kind
        else:
            logger.warning("%s.%s stays untyped: it holds %s, and %s would change values", column, path, held, kind)
    for path, types in turned.items():
        if path in added:
            continue
        # A typed path prints its own type and is not written as another.
        if stored[path] == {"String"}:
            added[path] = TEXT
        elif "String" in stored[path]:
            logger.warning("%s: no typed path is added, since strings in %s would become %s", column, path, types)
            return {}
    return added


def _integers_are_exact(warehouse: Warehouse, column: str, path: str, held: set[str]) -> bool:
    """Whether a path of integers and floats holds only integers that a Float64 can hold."""
    if not held <= {"Int64", "Float64"}:
        return False
    quoted = "`" + path.replace("`", "\\`") + "`"
    sql = f"SELECT countIf(abs(toInt128({column}.{quoted}.:Int64)) > 9007199254740992) FROM events"  # noqa: S608
    return not warehouse.query(sql).one()
