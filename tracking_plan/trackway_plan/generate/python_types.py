"""
Properties of the plan as Python types: `Literal` for choices, `TypedDict` for objects, aliases where they are long.

A value also has a writer where Python has a type of its own for it: `Decimal` and `date` are written as the
plan wants them, however deep they are.
"""

from __future__ import annotations

import keyword
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ..model import PropertySpec
from .layout import WIDTH, Group, docstring, literal, prose
from .names import identifier
from .phrases import about_property

_SCALARS = {
    "string": "str",
    "text": "str",
    "int": "int",
    "number": "float",
    "decimal": "Decimal | str",
    "bool": "bool",
    "timestamp": "datetime | str",
    "date": "date | str",
    "any": "object",
}
IMPORTS = {
    "Any": "typing",
    "Decimal": "decimal",
    "Literal": "typing",
    "Mapping": "collections.abc",
    "NotRequired": "typing",
    "Sequence": "collections.abc",
    "TypeAlias": "typing",
    "TypedDict": "typing",
    "UUID": "uuid",
    "Union": "typing",
    "Unpack": "typing",
    "date": "datetime",
    "datetime": "datetime",
    "partial": "functools",
}
"""Names that generated types use, and the module each comes from."""

_INLINE = 40
"""Characters up to which the choices of a property stand in the signature; longer ones get a name."""


@dataclass
class Types:
    """The types of one module, declared as they are first needed."""

    taken: set[str]
    """Names that the module uses already."""
    declared: list[list[str]] = field(default_factory=list)
    """The lines of each declaration, those that others rest on first."""
    _names: dict[tuple[object, ...], str] = field(default_factory=dict)
    _writers: dict[str, str | None] = field(default_factory=dict)

    def annotation(self, spec: PropertySpec, owner: tuple[str, ...]) -> str:
        """The type of a value; `owner` is the way to it, and names what has to be declared."""
        if spec.kind == "any":
            return "object"
        if spec.any_of:
            kinds = [self._plain(part, owner) for part in spec.any_of]
            parts = list(dict.fromkeys(part for kind in kinds for part in kind.split(" | ")))
        else:
            parts = [self._plain(spec, owner)]
        return " | ".join([*parts, *(["None"] if spec.nullable else [])])

    def named(self, annotation: str, owner: tuple[str, ...]) -> str:
        """A short name for a type that would make a line too long."""

        def lines(name: str) -> list[str]:
            line = f"{name}: TypeAlias = {annotation}"
            # Opened in brackets, where a comma keeps it open at any width.
            parts = re.split(r" \| (?![^\[]*\])", annotation)
            return [line] if len(line) <= WIDTH else list(Group(f"{name}: TypeAlias = Union[", parts, "]").lines())

        return self._declare(("alias", annotation), owner, lines)

    def _plain(self, spec: PropertySpec, owner: tuple[str, ...]) -> str:
        if spec.kind == "choice":
            return self._choice(spec, owner)
        if spec.kind == "list":
            return f"Sequence[{self.annotation(spec.of, owner) if spec.of else 'Any'}]"
        if spec.kind == "object":
            if spec.properties is None:
                return "Mapping[str, Any]"
            name = self._object(spec, owner)
            # No TypedDict of today's Python says "and any other keys".
            return f"{name} | Mapping[str, Any]" if spec.open else name
        return "UUID | str" if spec.format == "uuid" else _SCALARS[spec.kind]

    def _choice(self, spec: PropertySpec, owner: tuple[str, ...]) -> str:
        values = tuple(choice.value for choice in spec.choices)
        group = Group("Literal[", [literal(value) for value in values], "]")
        if not spec.named_type and len(group.flat()) <= _INLINE and " | " not in group.flat():
            return group.flat()

        def lines(name: str) -> list[str]:
            return list(Group(f"{name}: TypeAlias = Literal[", group.parts, "]").lines())

        return self._declare(("choice", values, *_home(spec, owner)), _home(spec, owner), lines)

    def _object(self, spec: PropertySpec, owner: tuple[str, ...]) -> str:
        properties = spec.properties or {}
        home = _home(spec, owner)
        fields = {key: self.annotation(part, (*home, key)) for key, part in properties.items()}
        content = tuple((key, fields[key], part.required) for key, part in properties.items())
        lines = _class_lines if all(map(_is_field, properties)) else _mapping_lines
        name = self._declare(("object", content, *home), home, lambda name: lines(name, spec, fields))
        self._write_fields(name, properties)
        return name

    def _declare(self, key: tuple[object, ...], owner: tuple[str, ...], lines: Callable[[str], list[str]]) -> str:
        if key not in self._names:
            base = identifier(" ".join(owner), "pascal", "Type")
            name, number = base, 2
            while name in self.taken or keyword.iskeyword(name):
                name, number = f"{base}{number}", number + 1
            self.taken.add(name)
            self.declared.append(lines(name))
            self._names[key] = name
        return self._names[key]

    # ── writers ────────────────────────────────────────────────────────────

    def writer(self, spec: PropertySpec, owner: tuple[str, ...]) -> str | None:
        """What writes a value, as a function's name or an expression; None where it goes as it is."""
        kinds = {part.kind for part in (spec.any_of or (spec,))}
        if "decimal" in kinds:
            return "decimal_text"
        if "date" in kinds and "timestamp" not in kinds:
            return "date_text"
        if spec.kind == "list" and spec.of is not None:
            inner = self.writer(spec.of, owner)
            return inner and f"partial(write_each, {inner})"
        if spec.kind == "object" and spec.properties is not None:
            return self._writers[self._object(spec, owner)]
        return None

    def written(self, value: str, spec: PropertySpec, owner: tuple[str, ...]) -> tuple[str, list[str]] | None:
        """A call that writes a value, as (function, arguments); None where the value goes as it is."""
        writer = self.writer(spec, owner)
        if writer is None:
            return None
        inner = writer.removeprefix("partial(write_each, ")
        return (writer, [value]) if inner == writer else ("write_each", [inner.removesuffix(")"), value])

    def _write_fields(self, name: str, properties: Mapping[str, PropertySpec]) -> None:
        if name in self._writers:
            return
        writers = {key: self.writer(spec, (name, key)) for key, spec in properties.items()}
        entries = [f"{literal(key)}: {writer}" for key, writer in writers.items() if writer]
        if not entries:
            self._writers[name] = None
            return
        function = f"_write_{identifier(name, 'snake', 'type')}"
        while function in self.taken:
            function += "_"
        self.taken.add(function)
        self._writers[name] = function
        call = Group("return write_fields(", ["value", Group("{", entries, "}", open=True)], ")")
        self.declared.append([f"def {function}(value: object) -> object:", *call.lines(4)])


def _home(spec: PropertySpec, owner: tuple[str, ...]) -> tuple[str, ...]:
    """What names a type: the plan's own name for it, its group's, or the way to it."""
    if spec.named_type:
        return (spec.named_type,)
    return (spec.group, *owner[1:]) if spec.group else owner


def _is_field(name: str) -> bool:
    """Whether a class can have an annotation of this name; `__x` would be another name inside a class."""
    return name.isidentifier() and name.isascii() and not keyword.iskeyword(name) and not name.startswith("__")


def _class_lines(name: str, spec: PropertySpec, fields: Mapping[str, str]) -> list[str]:
    found = [f"class {name}(TypedDict):", *docstring([prose(spec.summary or "An object of the plan.")], 4), ""]
    for key, part in (spec.properties or {}).items():
        found += _line(f"    {key}: ", fields[key], part.required, "")
        found += docstring([prose(about_property(part))], 4)
    return found


def _mapping_lines(name: str, spec: PropertySpec, fields: Mapping[str, str]) -> list[str]:
    entries: list[str] = []
    for key, part in (spec.properties or {}).items():
        entries += [f"        {line}" for line in comment(about_property(part), 8)]
        entries += _line(f"        {literal(key)}: ", fields[key], part.required, ",")
    return [f"{name} = TypedDict(", f"    {literal(name)},", "    {", *entries, "    },", ")"]


def _line(before: str, annotation: str, required: bool, after: str) -> Iterable[str]:
    whole = annotation if required else f"NotRequired[{annotation}]"
    yield f"{before}{whole}{after}"


def comment(text: str, indent: int) -> Iterator[str]:
    """Lines of a comment."""
    for line in textwrap.wrap(prose(text), WIDTH - indent - 2, break_long_words=False, break_on_hyphens=False):
        yield f"# {line}"
