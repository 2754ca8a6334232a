"""
A `Plan` as the YAML files of its directory, in canonical order: the way back from `load`.

    Plan ─ plan_files ─▶ {"events/checkout/order_completed.yaml": "event: order_completed\n…"} ─ write_plan ─▶ files

Reading what was written gives the same plan. Comments are not in a `Plan`, so this is for plans that a program
made (`import`, `infer`); `fmt` edits files that people wrote.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from .errors import PlanError
from .layout.order import EVENT, PLAN, PROPERTY_KEYS
from .loading.property import COMMON, CONSTRAINTS
from .model import Choice, EventSpec, Group, Naming, Plan, PropertySpec, Source, Waiver
from .yaml_text import Raw, block

_OPENED = frozenset({"properties", "types", "choices", "rules", "examples", "formerly", "waive", "accepted"})

_UNSAFE = re.compile(r"[^\w-]+")
_LONGEST_FILE_NAME = 80


class CannotWriteError(PlanError):
    """A plan that the plan language cannot state, such as a union whose parts have different bounds of one name."""


def write_plan(plan: Plan, directory: str | os.PathLike[str], *, force: bool = False) -> list[Path]:
    """
    Write the plan's files and return their paths, plan.yaml first.

    With `force`, the YAML of a plan that stands there is removed first; its releases are never touched.

    Raises:
        CannotWriteError: a plan stands there already and `force` is not given, or the folder cannot be written,
        or the plan language cannot state the plan; nothing has been written.
    """
    root = Path(directory)
    files = plan_files(plan)
    old = [path for path in _yaml_of_a_plan(root) if path.is_file()]
    if old and not force:
        message = (
            f"{root}: there is a plan here already ({old[0].name}); nothing was written.\n"
            "  Name another folder, or say --force to replace its YAML (releases/ stays)."
        )
        raise CannotWriteError(message)
    try:
        for path in old:
            path.unlink()
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        message = f"{error.filename or root}: this cannot be written: {error.strerror}."
        raise CannotWriteError(message) from error
    return [root / name for name in files]


def _yaml_of_a_plan(root: Path) -> Iterable[Path]:
    yield from (root / name for name in ("plan.yaml", "types.yaml", "accepted.yaml"))
    for pattern in ("groups/*.yaml", "traits/*.yaml", "events/*/*.yaml"):
        yield from sorted(root.glob(pattern))


def plan_files(plan: Plan) -> dict[str, str]:
    """
    Path in the plan's directory → YAML text, for every file of the plan.

    Raises:
        CannotWriteError: the plan language cannot state the plan.
    """
    writer = _Writer(plan)
    files = {"plan.yaml": block(writer.head())}
    if plan.types:
        types = {name: writer.property(spec, own_type=name) for name, spec in plan.types.items()}
        files["types.yaml"] = block({"types": types}, opened=_OPENED)
    groups = _FileNames()
    for group in plan.groups.values():
        files[groups.path("groups", group.name)] = block(writer.group(group), opened=_OPENED)
    for kind, specs in plan.traits.items():
        traits = {"traits": kind, "properties": writer.properties(specs)}
        files[f"traits/{kind}.yaml"] = block(traits, opened=_OPENED)
    names = _FileNames()
    for event in plan.events.values():
        files[names.path(f"events/{area_name(event.area)}", event.name)] = event_yaml(event, plan)
    if plan.accepted:
        rows = [msgspec.to_builtins(each) for each in plan.accepted]
        files["accepted.yaml"] = block({"accepted": rows}, opened=_OPENED)
    return files


def event_yaml(event: EventSpec, plan: Plan | None = None) -> str:
    """One event as the text of its file; with `plan`, its named types are written by name."""
    return block(_Writer(plan).event(event), opened=_OPENED)


def property_data(spec: PropertySpec, plan: Plan | None = None) -> dict[str, Any]:
    """One property as the mapping that stands after its name, keys in canonical order."""
    return _Writer(plan).property(spec)


def area_name(area: str) -> str:
    """The folder under events/ for an area: the area itself where it can be a folder's name."""
    return _UNSAFE.sub("_", area).strip("_")[:_LONGEST_FILE_NAME] if _unsafe_folder(area) else area


def _unsafe_folder(area: str) -> bool:
    return (
        not area
        or area.startswith(".")
        or len(area) > _LONGEST_FILE_NAME
        or re.search(r'[/\\:*?"<>|\s]', area) is not None
    )


def is_writable_union(parts: Iterable[PropertySpec]) -> bool:
    """Whether one property can state these as its types: a bound goes to every part that takes it."""
    try:
        _Writer(None).property(PropertySpec(kind="union", any_of=tuple(parts)))
    except CannotWriteError:
        return False
    return True


class _FileNames:
    """File names made of names: small letters, no two alike even where case does not count."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def path(self, folder: str, name: str) -> str:
        stem = _UNSAFE.sub("_", name.lower()).strip("_")[:_LONGEST_FILE_NAME] or "event"
        path, number = f"{folder}/{stem}.yaml", 1
        while path.lower() in self._taken:
            number += 1
            path = f"{folder}/{stem}_{number}.yaml"
        self._taken.add(path.lower())
        return path


class _Writer:
    def __init__(self, plan: Plan | None) -> None:
        self.plan = plan or Plan(name="")

    def head(self) -> dict[str, Any]:
        plan = self.plan
        data: dict[str, Any] = {"plan": plan.name, "format": plan.format, "summary": plan.summary}
        data["sources"] = {name: _source(source) for name, source in plan.sources.items()}
        data["everywhere"] = list(plan.everywhere)
        data |= {"on_violation": plan.on_violation, "compatibility": plan.compatibility}
        data |= {"naming": _naming(plan.naming), "waive": _waivers(plan.waive)}
        data["generate"] = [msgspec.to_builtins(client) for client in plan.generate]
        data["coverage"] = msgspec.to_builtins(plan.coverage)
        return _filled({key: data[key] for key in PLAN.keys if key in data}, keep=("plan", "format"))

    def group(self, group: Group) -> dict[str, Any]:
        data: dict[str, Any] = {"group": group.name, "summary": group.summary, "include": list(group.include)}
        data |= {"properties": self.properties(group.properties), "waive": _waivers(group.waive)}
        return _filled(data, keep=("group",))

    def event(self, event: EventSpec) -> dict[str, Any]:
        data = {key: getattr(event, key) for key in EVENT.keys if key not in ("event", "properties", "rules")}
        data |= {
            "event": event.name,
            "properties": self.properties(event.properties),
            "rules": [
                {"if": {name: _one_or_more(values) for name, values in rule.when.items()}}
                | {"then_required": list(rule.then_required)}
                for rule in event.rules
            ],
            "formerly": [msgspec.to_builtins(each) for each in event.formerly],
            "waive": _waivers(event.waive),
            "remove_after": Raw(event.remove_after),
        }
        return _filled({key: data[key] for key in EVENT.keys}, keep=("event", "status"))

    def properties(self, properties: Mapping[str, PropertySpec]) -> dict[str, Any]:
        return {name: self.property(spec) for name, spec in properties.items()}

    def property(self, spec: PropertySpec, own_type: str = "") -> dict[str, Any]:
        """`own_type` is the entry of types.yaml being written, which cannot be named in itself."""
        base = self.plan.types.get(spec.named_type) if spec.named_type != own_type else None
        if base is not None:
            data = {"type": spec.named_type} | _common(spec, base)
        elif spec.kind == "union":
            data = {"type": [self._part(part) for part in spec.any_of]} | _common(spec) | self._parts_limits(spec)
        else:
            data = {"type": spec.kind} | _common(spec) | self._limits(spec)
        return {key: data[key] for key in PROPERTY_KEYS if key in data}

    def _part(self, part: PropertySpec) -> str:
        return part.named_type if part.named_type in self.plan.types else part.kind

    def _parts_limits(self, spec: PropertySpec) -> dict[str, Any]:
        """The keys of a union: each goes to every part that takes it, so these must agree."""
        limits: dict[str, Any] = {}
        for key in dict.fromkeys(key for part in spec.any_of for key in CONSTRAINTS[part.kind]):
            takers = [
                part for part in spec.any_of if key in CONSTRAINTS[part.kind] and part.named_type not in self.plan.types
            ]
            found = [self._limits(part).get(key) for part in takers]
            if len({_comparable(value) for value in found}) > 1:
                message = (
                    f"a union whose parts have different `{key}` cannot be written: {found}.\n"
                    "  Give each part a name in types.yaml."
                )
                raise CannotWriteError(message)
            if found and found[0] is not None:
                limits[key] = found[0]
        return limits

    def _limits(self, spec: PropertySpec) -> dict[str, Any]:
        defaults = PropertySpec(kind=spec.kind)
        limits: dict[str, Any] = {}
        for key in CONSTRAINTS[spec.kind]:
            value = getattr(spec, key)
            if value == getattr(defaults, key) and type(value) is type(getattr(defaults, key)):
                continue
            if key == "choices":
                value = _choices(spec.choices)
            elif key == "of":
                value = self._item(spec.of)
            elif key == "properties":
                value = self.properties(spec.properties or {})
            elif spec.kind == "decimal":
                value = Raw(value)
            limits[key] = value
        return limits

    def _item(self, spec: PropertySpec | None) -> Any:
        data = self.property(spec) if spec else {}
        return data["type"] if data.keys() == {"type"} else data


def _common(spec: PropertySpec, base: PropertySpec | None = None) -> dict[str, Any]:
    """The keys that every property takes, where they differ from what the type brings."""
    plain = base or PropertySpec(kind=spec.kind)
    keys = [key for key in COMMON if key != "type" and getattr(spec, key) != getattr(plain, key)]
    return {key: getattr(spec, key) for key in keys}


def _choices(choices: Iterable[Choice]) -> Any:
    found = list(choices)
    if not any(choice.summary or choice.formerly for choice in found):
        return [choice.value for choice in found]
    return {choice.value: _choice(choice) for choice in found}


def _choice(choice: Choice) -> Any:
    if choice.formerly:
        return _filled({"summary": choice.summary, "formerly": list(choice.formerly)})
    return choice.summary


def _naming(naming: Naming) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(naming)
    return {key: rules for key, rules in found.items() if rules}


def _waivers(waivers: Iterable[Waiver]) -> list[dict[str, Any]]:
    return [msgspec.to_builtins(each) for each in waivers]


def _source(source: Source) -> dict[str, Any]:
    return _filled({key: getattr(source, key) for key in ("kind", "sdk", "summary", "on_violation")})


def _one_or_more(values: tuple[Any, ...]) -> Any:
    return values[0] if len(values) == 1 else list(values)


def _comparable(value: Any) -> Any:
    """A bound by its number: `0` of an int and `"0"` of a decimal are one in YAML."""
    if isinstance(value, str) and not isinstance(value, Raw):
        return value
    return Decimal(str(value)) if isinstance(value, int | float | Raw) and not isinstance(value, bool) else repr(value)


def _filled(data: dict[str, Any], keep: tuple[str, ...] = ()) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key in keep or value not in ("", None, (), [], {}, False)}
