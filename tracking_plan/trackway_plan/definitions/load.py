"""Definitions from their YAML files, or every problem in them at once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from yaml.nodes import MappingNode, Node, SequenceNode

from ..errors import PlanErrors, Problem
from ..loading.nodes import Reader
from ..loading.yaml_file import read_file
from ..near import did_you_mean, listed
from .model import KINDS, MEASURES, NEEDED, Definition
from .uses import UseReader

_TEXTS = ("summary", "owner")


def load_definitions(directory: str | os.PathLike[str]) -> list[Definition]:
    """
    The definitions in a directory and its folders, in the order of their names; none if there is no directory.

    Raises:
        PlanErrors: with every problem found, each as file, line, column, what is wrong and what to write instead.
    """
    found, problems = read_definitions(directory)
    if problems:
        raise PlanErrors(problems)
    return found


def definitions_of(plan: Path, named: Path | None = None) -> list[Definition]:
    """
    The definitions that belong to the plan in a directory: in `named`, else in its `definitions`, else beside it.

    Raises:
        PlanErrors: one of them cannot be read.
    """
    return load_definitions(named or definitions_directory(plan))


def definitions_directory(plan: Path) -> Path:
    """Where the definitions of the plan in a directory are: in its `definitions` if there is one, else beside it."""
    inside = plan / "definitions"
    return inside if inside.is_dir() else Path(os.path.normpath(plan / ".." / "definitions"))


def read_definitions(directory: str | os.PathLike[str]) -> tuple[list[Definition], list[Problem]]:
    """What could be read of the definitions, and every problem in them."""
    problems: list[Problem] = []
    found: dict[tuple[str, str], Definition] = {}
    for path in sorted(Path(directory).glob("**/*.y*ml")):
        node = read_file(path, str(path), problems)
        definition = None if node is None else _definition(Reader(str(path), problems), node)
        if definition is None:
            continue
        key = (definition.kind, definition.name)
        if key in found:
            first, place = found[key].place, definition.place
            message = f"{definition.kind} `{definition.name}` is defined already, in {first.file}:{first.line}."
            problems.append(Problem(place.file, place.line, place.column, message, "Rename or remove one."))
        else:
            found[key] = definition
    return sorted(found.values(), key=lambda each: (each.name, each.kind)), sorted(set(problems))


def _definition(reader: Reader, node: Node) -> Definition | None:
    kind = _kind(reader, node)
    if kind is None:
        return None
    keys = reader.mapping(node, f"a {kind}", (kind, *_TEXTS, *KINDS[kind]), required=NEEDED[kind])
    name = reader.name(keys[kind], f"the name of the {kind}") if kind in keys else None
    if name is None:
        return None
    what = f"{kind} `{name}`"
    texts = {key: reader.text(keys[key], f"`{key}` of {what}") or "" for key in _TEXTS if key in keys}
    options = {key: _option(reader, key, keys[key], what) for key in KINDS[kind] if key in keys}
    if kind == "metric":
        _measure(reader, keys, what)
    uses = UseReader(reader, kind, what).uses(keys)
    return Definition(kind=kind, name=name, options=options, uses=uses, place=reader.place(keys[kind]), **texts)


def _kind(reader: Reader, node: Node) -> str | None:
    """Which kind a file defines: the first key that names one."""
    if not isinstance(node, MappingNode):
        reader.problem(node, "a definition must be a mapping.", f"Begin with one of: {', '.join(KINDS)}.")
        return None
    written = [str(key.value) for key, _ in node.value]
    kinds = [key for key in written if key in KINDS]
    if len(kinds) == 1:
        return kinds[0]
    near = "".join(did_you_mean(key, KINDS) for key in written[:1])
    message = "a file holds one definition; this names " + (listed(f"`{kind}`" for kind in kinds) or "none") + "."
    reader.problem(node, message + ("" if kinds else near), f"Begin with one of: {', '.join(KINDS)}.")
    return None


def _measure(reader: Reader, keys: dict[str, Node], what: str) -> None:
    measure = reader.one_of(keys["measure"], f"`measure` of {what}", MEASURES) if "measure" in keys else None
    computed = measure in MEASURES[MEASURES.index("sum") :]
    if computed and "of" not in keys:
        reader.problem(keys["measure"], f"`measure: {measure}` of {what} needs a property.", "Write `of: <property>`.")
    elif measure is not None and not computed and "of" in keys:
        reader.problem(keys["of"], f"`measure: {measure}` of {what} takes no property.", "Leave `of` out.")


def _option(reader: Reader, key: str, node: Node, what: str) -> Any:
    """An option as Python has it; dates and durations stay text, as the questions read them."""
    if isinstance(node, SequenceNode | MappingNode) or key in ("steps", "top", "periods", "collapse"):
        return reader.data(node, f"`{key}` of {what}")
    if node.tag.endswith(":null"):
        return None
    return reader.text(node, f"`{key}` of {what}")
