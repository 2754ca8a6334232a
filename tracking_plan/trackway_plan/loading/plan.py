"""
A directory of YAML files to a `Plan`, or every problem in it at once.

    plan.yaml                      name, sources, groups everywhere, policy, naming, compatibility
    types.yaml                     named types
    groups/*.yaml                  property groups
    traits/user.yaml, account.yaml
    events/<area>/<event>.yaml     one event per file
    accepted.yaml                  breaking findings that were accepted (read here, used by `plan breaking`)
    releases/NNNN.json             not read here

Files are read first, one by one (`nodes`, `property`); then the plan is checked as a whole (`checks`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from yaml.nodes import Node

from ..compatibility import read_compatibility
from ..errors import PlanErrors, Problem
from ..model import FORMAT, KINDS, Acceptance, Group, Place, Plan, PropertySpec, Source
from .checks import check_plan
from .clients import read_clients, read_coverage
from .event import EventReader, read_key, read_list, read_names, read_policy, read_texts, read_waiver
from .memo import Memo, content_of
from .naming_rules import read_naming
from .nodes import Reader
from .property import PropertyReader
from .yaml_file import read_file

_TRAITS = ("user", "account")
_NEAR_FOLDERS = {"event": "events", "group": "groups", "trait": "traits"}


def load_plan(directory: str | os.PathLike[str], memo: Memo | None = None) -> Plan:
    """
    The plan in a directory; with a `memo`, files that are equal to ones it knows are not parsed again.

    Raises:
        PlanErrors: with every problem found, each as file, line, column, what is wrong and what to write
        instead.
    """
    plan, problems = read_plan(directory, memo)
    if problems:
        raise PlanErrors(problems)
    return plan


def read_plan(directory: str | os.PathLike[str], memo: Memo | None = None) -> tuple[Plan, list[Problem]]:
    """What could be read of a plan, and every problem in it; with problems, only good for showing them."""
    return _Loader(Path(directory), memo or Memo()).load()


class _Loader:
    def __init__(self, directory: Path, memo: Memo) -> None:
        self.directory = directory
        self.memo = memo
        self.types = content_of(directory / "types.yaml") or b""
        self.problems: list[Problem] = []
        self.specs = PropertyReader()
        self.places: dict[tuple[str, ...], Place] = self.specs.places

    def load(self) -> tuple[Plan, list[Problem]]:
        root = self.directory / "plan.yaml"
        if not root.is_file():
            message = "there is no plan here: plan.yaml is missing."
            hint = "Name the plan's directory, or write a plan.yaml with `plan: <name>` and `format: 1`."
            return Plan(name=""), [Problem(str(root), 1, 1, message, hint)]
        self._misplaced()
        self._types()
        head = self._one("plan.yaml", self._head) or {"name": ""}
        plan = Plan(
            **head,
            types={name: spec for name in self.specs.type_nodes if (spec := self.specs.named_type(name)) is not None},
            groups={group.name: group for group in self._each("groups", "*.yaml", self._group, "groups")},
            traits={
                kind: specs for kind in _TRAITS if (specs := self._one(f"traits/{kind}.yaml", self._traits)) is not None
            },
            events={
                event.name: event for event in self._each("events", "*/*.yaml", EventReader(self.specs).event, "events")
            },
            accepted=self._one("accepted.yaml", self._accepted) or (),
            places=self.places,
        )
        self.problems += check_plan(plan, {problem.file for problem in self.problems})
        return plan, sorted(set(self.problems))

    def _one(self, name: str, read: Callable[[Reader, Node], Any]) -> Any:
        path = self.directory / name
        if not path.is_file():
            return None
        node = read_file(path, str(path), self.problems)
        return None if node is None else read(Reader(str(path), self.problems), node)

    def _each(self, folder: str, glob: str, read: Callable[[Reader, Node], Any], section: str) -> Iterator[Any]:
        """What each file of a folder holds; a name that two files claim is a problem of the second."""
        for path in sorted((self.directory / folder).glob(glob)):
            name = path.relative_to(self.directory).as_posix()
            found = self.memo.read(path, name, self.types, self.places, self.problems, partial(self._one, name, read))
            if found is None:
                continue
            place, key = found[0], (section, found[1].name)
            if key in self.places:
                first = self.places[key]
                message = f"`{found[1].name}` is defined already, in {first.file}:{first.line}."
                self.problems.append(Problem(place.file, place.line, place.column, message, "Rename or remove one."))
                continue
            self.places[key] = place
            yield found[1]

    def _misplaced(self) -> None:
        """YAML files that would silently not be read."""
        for folder, meant in _NEAR_FOLDERS.items():
            for path in sorted((self.directory / folder).glob("**/*.y*ml")):
                hint = f"Rename the folder `{folder}` to `{meant}`."
                self.problems.append(Problem(str(path), 1, 1, "no part of a plan is read from this place.", hint))
        allowed = {"plan.yaml", "types.yaml", "accepted.yaml", *(f"traits/{kind}.yaml" for kind in _TRAITS)}
        for folder in ("", "groups", "traits", "events"):
            paths = (self.directory / folder).glob("**/*.y*ml" if folder == "events" else "*.y*ml")
            for path in paths:
                name = path.relative_to(self.directory).as_posix()
                right = name in allowed or (folder == "groups" and path.suffix == ".yaml")
                right = right or (folder == "events" and path.suffix == ".yaml" and name.count("/") == 2)
                if not right:
                    hint = (
                        "Files are plan.yaml, types.yaml, accepted.yaml, groups/<group>.yaml, "
                        "traits/user.yaml, traits/account.yaml and events/<area>/<event>.yaml."
                    )
                    self.problems.append(Problem(str(path), 1, 1, "no part of a plan is read from this place.", hint))

    # ── plan.yaml ────────────────────────────────────────────────────────────

    def _head(self, reader: Reader, node: Node) -> dict[str, Any]:
        what = "the plan"
        keys = reader.mapping(
            node,
            what,
            _HEAD_KEYS,
            required=("plan", "format"),
        )
        head: dict[str, Any] = {"name": ""}
        for key, read in (("plan", reader.name), ("summary", reader.text), ("everywhere", reader.names)):
            if key in keys:
                head["name" if key == "plan" else key] = read(keys[key], f"`{key}`") or ""
        if "format" in keys and (form := reader.integer(keys["format"], "`format`")) not in (None, FORMAT):
            hint = f"This version of trackway reads `format: {FORMAT}`."
            reader.problem(keys["format"], f"the plan has format {form}, which this version cannot read.", hint)
        if "sources" in keys:
            head["sources"] = {
                name: self._source(reader, name, key, value)
                for name, (key, value) in reader.named(keys["sources"], "`sources`").items()
            }
        if "on_violation" in keys:
            head["on_violation"] = read_policy(reader, keys["on_violation"])
        if "naming" in keys:
            head["naming"] = read_naming(reader, keys["naming"])
        if "generate" in keys:
            head["generate"] = read_clients(reader, keys["generate"], self.places)
        if "coverage" in keys:
            head["coverage"] = read_coverage(reader, keys["coverage"])
        head["waive"] = read_list(self.places, reader, keys, "waive", what, (), read_waiver)
        if "compatibility" in keys:
            head["compatibility"] = read_compatibility(reader, keys["compatibility"])
            self.places["compatibility",] = reader.place(keys["compatibility"])
        head["everywhere"] = tuple(head.get("everywhere") or ())
        self.places["everywhere",] = reader.place(keys.get("everywhere", node))
        return head

    def _source(self, reader: Reader, name: str, key: Node, node: Node) -> Source:
        self.places["sources", name] = reader.place(key)
        if node.tag.endswith(":null"):
            return Source(name=name)
        keys = reader.mapping(node, f"source `{name}`", ("kind", "sdk", "summary", "on_violation"))
        return Source(
            name=name,
            kind=read_key(keys, "kind", lambda n: reader.one_of(n, f"`kind` of source `{name}`", ("client", "server")))
            or "",
            sdk=read_key(keys, "sdk", lambda n: reader.text(n, f"`sdk` of source `{name}`")) or "",
            summary=read_key(keys, "summary", lambda n: reader.text(n, f"`summary` of source `{name}`")) or "",
            on_violation=read_key(keys, "on_violation", lambda n: read_policy(reader, n)) or {},
        )

    # ── types.yaml, groups, traits ────────────────────────────────────────────────────────────

    def _types(self) -> None:
        def read(reader: Reader, node: Node) -> None:
            keys = reader.mapping(node, "types.yaml", ("types",), required=("types",))
            types = reader.named(keys["types"], "`types`") if "types" in keys else {}
            for name, (key, value) in types.items():
                if name in KINDS:
                    reader.problem(key, f"the plan language has a type `{name}` already.", "Give yours another name.")
                else:
                    self.specs.type_nodes[name] = reader, value

        self._one("types.yaml", read)

    def _group(self, reader: Reader, node: Node) -> tuple[Place, Group] | None:
        keys = reader.mapping(
            node, "a group", ("group", "summary", "include", "properties", "waive"), required=("group",)
        )
        name = read_key(keys, "group", lambda n: reader.name(n, "the name of the group"))
        if name is None:
            return None
        what, at = f"group `{name}`", ("groups", name)
        group = Group(
            name=name,
            summary=read_key(keys, "summary", lambda n: reader.text(n, f"`summary` of {what}")) or "",
            include=read_names(self.places, reader, keys, "include", what, at),
            properties=read_key(keys, "properties", lambda n: self.specs.properties(reader, n, what, at)) or {},
            waive=read_list(self.places, reader, keys, "waive", what, at, read_waiver),
        )
        return reader.place(keys["group"]), group

    def _traits(self, reader: Reader, node: Node) -> dict[str, PropertySpec]:
        kind = Path(reader.file).stem
        keys = reader.mapping(
            node, f"traits of a {kind}", ("traits", "summary", "properties"), required=("properties",)
        )
        if "traits" in keys:
            reader.one_of(keys["traits"], "`traits`", (kind,))
        at = ("traits", kind)
        return read_key(keys, "properties", lambda n: self.specs.properties(reader, n, f"traits of a {kind}", at)) or {}

    def _accepted(self, reader: Reader, node: Node) -> tuple[Acceptance, ...]:
        keys = reader.mapping(node, "accepted.yaml", ("accepted",), required=("accepted",))
        found: list[Acceptance] = []
        for item in reader.items(keys["accepted"], "`accepted`") if "accepted" in keys else ():
            texts = read_texts(reader, item, "an accepted finding", ("fingerprint", "reason", "until"), ("author",))
            if texts:
                self.places["accepted", texts["fingerprint"]] = reader.place(item)
                found.append(Acceptance(**texts))
        return tuple(found)


_HEAD_KEYS = (
    *("plan", "format", "summary", "sources", "everywhere", "on_violation", "naming", "compatibility"),
    *("generate", "coverage", "waive"),
)
