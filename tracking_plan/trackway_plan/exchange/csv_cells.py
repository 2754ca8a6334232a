"""One row of a table as a property, cell by cell; what a cell cannot mean is lost, and told."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from ..loading.property import COLUMNS as STORAGE_COLUMNS
from ..loading.property import CONSTRAINTS
from ..model import KINDS, PII_CLASSES, SCALARS, STORES, Choice, PropertySpec
from ..normalise import NORMALISERS
from ..verdict.formats import FORMATS, is_decimal
from ..verdict.patterns import matcher
from ..write_yaml import is_writable_union
from .losses import Losses
from .names import is_name

KIND_WORDS = {
    "str": "string",
    "varchar": "string",
    "integer": "int",
    "long": "int",
    "float": "number",
    "double": "number",
    "boolean": "bool",
    "datetime": "timestamp",
    "date-time": "timestamp",
    "enum": "choice",
    "array": "list",
    "map": "object",
    "json": "any",
    "mixed": "any",
    "": "any",
    "numeric": "number",
    "url": "string",
}
YES, NO = ("true", "yes", "y", "1", "x", "required"), ("false", "no", "n", "0", "", "-", "optional")
_SIZES = {"multiple_of": 1, "min_length": 0, "max_length": 1, "min_items": 0, "max_items": 1}


class Cells:
    """One row, read cell by cell; what cannot be read is lost."""

    def __init__(self, row: dict[str, str], where: str, losses: Losses) -> None:
        self._row = row
        self._where = where
        self._losses = losses
        self.path = row.get("property", "")

    def text(self, column: str) -> str:
        return self._row.get(column) or ""

    def lost(self, column: str, why: str) -> None:
        self._losses.add(self._where, f"{column}: {self.text(column)[:60]}", why, self.path)

    def flag(self, column: str) -> bool:
        word = self.text(column).strip().lower().rstrip("*")
        if word not in YES and word not in NO:
            self.lost(column, "neither yes nor no; read as no")
        return word in YES

    def word(self, column: str, known: Iterable[str]) -> str:
        word = self.text(column).strip().lower()
        if word and word not in known:
            self.lost(column, f"not one of {', '.join(known)}")
            return ""
        return word

    def spec(self) -> PropertySpec:
        """The property of the row, without what is inside it."""
        kinds = [self._kind(each) for each in split(self.text("type"))] or ["any"]
        parts = [PropertySpec(kind=kind, **self._limits(kind)) for kind in dict.fromkeys(kinds)]
        parts = [self._sound(part) for part in parts]
        spec = parts[0]
        if len(parts) > 1:
            sound = all(part.kind in SCALARS for part in parts) and is_writable_union(parts)
            if not sound:
                self.lost("type", "a union is of scalar types with limits of their own; any value fits")
            spec = PropertySpec(kind="union", any_of=tuple(parts)) if sound else PropertySpec(kind="any")
        store_as = self.text("store as")
        column = self.text("column")
        if column and re.fullmatch(STORAGE_COLUMNS.get(spec.kind, ""), column) is None:
            self.lost("column", f"it cannot hold {spec.kind}")
            column = ""
        return msgspec.structs.replace(
            spec,
            required=self.flag("required"),
            nullable=self.flag("nullable"),
            open=self.flag("open object"),
            summary=self.text("summary"),
            unit=self.text("unit"),
            pii=self.word("pii", PII_CLASSES) or None,
            store=self.word("store", STORES) or "plain",
            store_as=store_as if is_name(store_as) else "",
            column=column,
        )

    def _kind(self, word: str) -> str:
        plain = word.strip().lower()
        kind = KIND_WORDS.get(plain, plain)
        if kind == "choice" and not self.text("choices"):
            self.lost("type", "a choice without choices; any text fits")
            return "string"
        if kind in KINDS:
            return "choice" if kind in ("string", "text") and self.text("choices") else kind
        self.lost("type", "the plan language does not know this type; any value fits")
        return "any"

    def _limits(self, kind: str) -> dict[str, Any]:
        limits: dict[str, Any] = {}
        for key in CONSTRAINTS[kind]:
            column = key.replace("_", " ")
            text = self.text(column)
            if not text or key in ("of", "properties", "open"):
                continue
            try:
                limits[key] = self._limit(key, kind, text)
            except ValueError as error:
                self.lost(column, str(error))
        return limits

    def _limit(self, key: str, kind: str, text: str) -> Any:
        if key in ("may_grow", "low_cardinality"):
            return self.flag(key.replace("_", " "))
        if key == "choices":
            values = list(dict.fromkeys(split(text)))
            if not values or not all(map(is_name, values)):
                raise ValueError("not values that a choice can have")  # noqa: EM101
            return tuple(Choice(value=value) for value in values)
        if key == "pattern":
            matcher(text)
            return text
        if key == "format":
            if text not in FORMATS:
                raise ValueError(f"not one of {', '.join(FORMATS)}")  # noqa: EM102
            return text
        if key == "normalise":
            if text not in NORMALISERS:
                raise ValueError(f"not one of {', '.join(NORMALISERS)}")  # noqa: EM102
            return text
        if key in _SIZES:
            if int(text) < _SIZES[key]:
                raise ValueError(f"below {_SIZES[key]}")  # noqa: EM102
            return int(text)
        if kind == "decimal":
            if not is_decimal(text):
                raise ValueError("not a decimal number")  # noqa: EM101
            return text
        return int(text) if kind == "int" or re.fullmatch(r"-?\d+", text) else float(text)

    def _sound(self, part: PropertySpec) -> PropertySpec:
        if part.kind == "choice" and not part.choices:
            return PropertySpec(kind="string")
        return part


def split(text: str) -> list[str]:
    """The parts between `|`; spaces around a part are not its own."""
    parts = [""]
    escaped = False
    for char in text:
        if escaped or char not in "\\|":
            parts[-1] += char
            escaped = False
        elif char == "\\":
            escaped = True
        else:
            parts.append("")
    return [part.strip() for part in parts if part.strip()]
