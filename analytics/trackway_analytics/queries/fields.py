"""
Columns and properties of an event as SQL that reads them rightly.

A name is a column of the events table when `COLUMNS` lists it, else a property; `properties.source` is the
property even though there is a column `source`. Neither becomes text: column names come from the list,
property names travel as `{…:Identifier}` parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from trackway_collector.warehouse import Name
from trackway_plan.columns import COLUMNS, ColumnKind

# Sub-types in which an un-hinted JSON path may hold a number. Reading one of them alone loses the rows of the
# others.
NUMERIC_SUBTYPES = ("Int64", "Float64", "UInt64")


@dataclass
class Bindings:
    """The bound parameters of one statement, as they are collected."""

    params: dict[str, object] = field(default_factory=dict)

    def bind(self, name: str, kind: str, value: object) -> str:
        """Add a parameter and return the placeholder to write: `{name:kind}`. A taken name gets a number."""
        unique, number = name, 1
        while unique in self.params:
            number += 1
            unique = f"{name}_{number}"
        self.params[unique] = value
        return f"{{{unique}:{kind}}}"


@dataclass(frozen=True, slots=True)
class Field:
    """A column (`kind` says of what) or a property (`kind` is "property") of an event."""

    name: str
    kind: ColumnKind | Literal["property"]

    @property
    def label(self) -> str:
        """The name as a reader would write it in a question."""
        return f"properties.{self.name}" if self.kind == "property" and self.name in COLUMNS else self.name


def field_named(name: str) -> Field:
    """Return what `name` stands for: a listed column, or else the property of that name."""
    if name.startswith("properties."):
        return Field(name.removeprefix("properties."), "property")
    return Field(name, COLUMNS.get(name, "property"))


@dataclass(frozen=True)
class Reader:
    """
    Writes the SQL that reads fields; `types` is what `property_types(warehouse)` says, typed path → type.
    """

    bindings: Bindings
    types: Mapping[str, str]

    def text(self, of: Field) -> str:
        """SQL of type Nullable(String): the value as text, NULL when the event has none."""
        if of.kind == "text":
            return of.name
        if of.kind != "property":
            return f"toString({of.name})"
        return f"CAST({self._path(of)}, 'Nullable(String)')"

    def number(self, of: Field) -> str:
        """
        SQL of type Nullable(Float64): the value if it is a number or a string that spells one, else NULL.
        """
        return self.compare_number(of, lambda value: f"toFloat64({value})", result="Float64")

    def compare_number(self, of: Field, use: Callable[[str], str], *, result: str = "Bool") -> str:
        """
        SQL that applies `use` to the value as whichever number it is, NULL when it is none.

        Integers are compared as integers: beyond 2^53 a detour through Float64 would change them.
        """
        if of.kind == "number":
            return use(of.name)
        if of.kind != "property":
            return f"CAST(NULL, 'Nullable({result})')"
        path, hint = self._path(of), self._hint(of)
        if hint is None:
            reads = [f"dynamicElement({path}, '{subtype}')" for subtype in NUMERIC_SUBTYPES]
            reads.append(f"toFloat64OrNull(dynamicElement({path}, 'String'))")
            return f"coalesce({', '.join(use(read) for read in reads)})"
        if hint.startswith(("Int", "UInt", "Float")):
            return use(path)
        if hint.startswith("Decimal"):
            return use(f"toFloat64({path})")  # the engine compares no Decimal with a Float64
        if hint == "String":
            return use(f"toFloat64OrNull({path})")
        return f"CAST(NULL, 'Nullable({result})')"

    def boolean(self, of: Field) -> str:
        """SQL of type Nullable(Bool): the value if it is true or false, else NULL."""
        if of.kind == "property":
            hint = self._hint(of)
            if hint is None:
                return f"dynamicElement({self._path(of)}, 'Bool')"
            if hint == "Bool":
                return self._path(of)
        return "CAST(NULL, 'Nullable(Bool)')"

    def missing(self, of: Field) -> str:
        """SQL that is 1 when the event has no such property; for a text column, when it is empty."""
        if of.kind == "property":
            return f"({self._path(of)} IS NULL)"
        return f"({of.name} = '')" if of.kind == "text" else "0"

    def _path(self, of: Field) -> str:
        return f"properties.{self.bindings.bind('property', 'Identifier', Name(of.name))}"

    def _hint(self, of: Field) -> str | None:
        hint = self.types.get(of.name)
        while hint and (wrapper := next((w for w in ("Nullable(", "LowCardinality(") if hint.startswith(w)), None)):
            hint = hint.removeprefix(wrapper).removesuffix(")")
        return hint
