"""Who asks for what changes: the uses of events and properties in definitions."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ..diff_change import Change

LOADER = "trackway_plan.definitions:load_definitions"


@dataclass(frozen=True)
class _Reference:
    event: str
    value: Any
    file: str
    line: int
    property: str


class Reference(Protocol):
    """One place in a definition that names an event, and perhaps a property and a value of it."""

    # `property` comes last: it hides the decorator of that name.
    @property
    def event(self) -> str: ...
    @property
    def value(self) -> Any: ...
    @property
    def file(self) -> str: ...
    @property
    def line(self) -> int: ...
    @property
    def property(self) -> str: ...


def load_references(directory: Path) -> list[Reference] | None:
    """Every use in the definitions of a directory; None if there are none to go by."""
    if not directory.is_dir():
        return None
    module, _, name = LOADER.partition(":")
    try:
        load = getattr(importlib.import_module(module), name)
    except ImportError:
        return None
    definitions = load(directory)
    return references_of(definitions) if definitions else None


def references_of(definitions: Iterable[Any]) -> list[Reference]:
    """The uses of some definitions, one for each event and value; "" for a property of any event."""
    return [
        _Reference(event, value, use.place.file, use.place.line, use.property)
        for definition in definitions
        for use in definition.uses
        for event in use.events or ("",)
        for value in use.values or (None,)
    ]


def referring(change: Change, references: Iterable[Reference] | None, pairs: Mapping[str, str]) -> Sequence[str]:
    """`file:line` of each use that a change concerns, each once."""
    value = change.before if change.kind == "choice-removed" else None
    found: dict[str, None] = {}
    for event, path in change.uses or ((change.event, change.path),):
        names = (event, pairs.get(event, event))
        for use in references or ():
            if (use.event in names or (path and not use.event)) and _about(use, path, value):
                found[f"{use.file}:{use.line}"] = None
    return list(found)


def _about(use: Reference, path: str, value: str | None) -> bool:
    if not path:
        return True
    mine, theirs = path.replace("[]", ""), (use.property or "").replace("[]", "")
    inside = theirs == mine or theirs.startswith(f"{mine}.")
    return inside and (value is None or use.value in (None, "", value))
