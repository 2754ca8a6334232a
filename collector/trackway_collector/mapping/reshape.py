"""`rename:` and `drop:`: a record put in order before anything else looks at it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from trackway_collector.mapping.paths import Path, getter

Reshape = Callable[[dict[str, Any]], dict[str, Any]]


def reshape(renames: Mapping[Path, Path], drops: Sequence[Path]) -> Reshape | None:
    """Return the function that moves values to other places and leaves values out; None when nothing is to be done."""
    if not renames and not drops:
        return None
    if all(len(path) == 1 for path in (*renames, *renames.values(), *drops)):
        return _flat({str(old[0]): str(new[0]) for old, new in renames.items()}, {str(path[0]) for path in drops})
    moves = [(old, getter(old), new) for old, new in renames.items()]

    def change(record: dict[str, Any]) -> dict[str, Any]:
        record = copy.deepcopy(record)
        # All are fetched before the first is put down, so that two names can change places.
        values = [(new, get(record)) for _, get, new in moves]
        for path in (*(old for old, _, _ in moves), *drops):
            _remove(record, path)
        for path, value in values:
            if value is not None:
                _put(record, path, value)
        return record

    return change


def _flat(renames: dict[str, str], drops: set[str]) -> Reshape:
    gone = drops | set(renames)

    def change(record: dict[str, Any]) -> dict[str, Any]:
        kept = {name: value for name, value in record.items() if name not in gone}
        for old, new in renames.items():
            if record.get(old) is not None:
                kept[new] = record[old]
        return kept

    return change


def _remove(record: Any, path: Path) -> None:
    holder = getter(path[:-1])(record)
    last = path[-1]
    if isinstance(holder, dict):
        holder.pop(last, None)
    elif isinstance(holder, list) and isinstance(last, int) and -len(holder) <= last < len(holder):
        holder[last] = None  # the others keep their places


def _put(record: dict[str, Any], path: Path, value: Any) -> None:
    holder: Any = record
    for part in path[:-1]:
        inner = holder.get(part)
        if not isinstance(inner, dict):
            inner = holder[part] = {}
        holder = inner
    holder[path[-1]] = value
