"""
`infer`: a first draft of a plan from observed events, with how sure each guess is.

    volumes ─▶ events worth a draft ─▶ profile ─▶ guess ─▶ Plan ─▶ write_yaml ─▶ comments put in ─▶ files
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import yaml

from trackway_analytics.plan_data.guess import Guess, guess_properties
from trackway_analytics.plan_data.profile import SAMPLE, Profile, profile_event
from trackway_analytics.plan_data.stored import Window, volumes
from trackway_plan import load_plan
from trackway_plan.errors import PlanError
from trackway_plan.model import EventSpec, Plan, PropertySpec, Source
from trackway_plan.pii import personal_data
from trackway_plan.storage import storage_type
from trackway_plan.write_yaml import plan_files

if TYPE_CHECKING:
    from trackway_collector.warehouse import Warehouse

MAX_EVENTS = 500
MINIMUM = 20

_HEAD = """\
# Drafted by `trackway plan infer` from events received {since} to {until}.
# Each guess has its reasons above it. None says `pii: none`: that nothing was recognised proves nothing. Read every
# line, give each property its pii class and each event a summary and an owner, then run `trackway plan validate`.
"""


class NothingToInferError(PlanError):
    """The window holds no events that a draft could be made of."""


class WillNotOverwriteError(PlanError):
    """There is something in the place where the draft was to be written."""


@dataclass
class Draft:
    """A drafted plan as files, and what was left out of it."""

    plan: Plan
    files: dict[str, str]
    events: int
    """How many events it was drafted from."""
    rare: int = 0
    """Event names with too few events."""
    hidden: int = 0
    """Event names that hold personal data themselves."""
    suspects: list[tuple[str, str]] = field(default_factory=list)
    """(event, property) in which a detector recognised personal data."""

    def write(self, directory: Path) -> list[Path]:
        """
        Write the files into a directory that is empty or not there; all of them or none.

        Raises:
            WillNotOverwriteError: something is there.
        """
        if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
            message = (
                f"{directory}: there is something here already, and a draft overwrites nothing.\n"
                "  Name another folder with --into, and take over what you like."
            )
            raise WillNotOverwriteError(message)
        directory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".draft-", dir=directory.parent) as scratch:
            root = Path(scratch) / "plan"
            for name, text in self.files.items():
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            load_plan(root)  # what cannot be loaded is not handed to anybody
            shutil.copytree(root, directory, dirs_exist_ok=True)
        return [directory / name for name in self.files]


def infer(
    warehouse: Warehouse,
    window: Window,
    *,
    name: str = "inferred",
    events: Collection[str] = (),
    minimum: int = MINIMUM,
    sample: int = SAMPLE,
) -> Draft:
    """
    Draft a plan from the events of a window, of all names or of those given.

    Args:
        minimum: names with fewer events are left out, and counted.
        sample: of names with more events a share is looked at.

    Raises:
        NothingToInferError: there are no such events.
        WarehouseError: of `trackway_collector.warehouse`.
    """
    found = volumes(warehouse, window, events)
    worth = {each: volume for each, volume in found.items() if volume.events >= minimum and each}
    plain = {each: volume for each, volume in worth.items() if not personal_data(each)}
    if not plain:
        message = (
            f"there are no events to draft a plan from: {len(found)} names were received since {window.since:%Y-%m-%d},"
            f" and none of them {minimum} times or more.\n  Look further back with --since 90d, or lower --minimum."
        )
        raise NothingToInferError(message)
    chosen = dict(list(plain.items())[:MAX_EVENTS])
    profiles = [
        profile_event(warehouse, each, window, volume, spec=None, sample=sample) for each, volume in chosen.items()
    ]
    draft = draft_plan(name, profiles, window)
    draft.rare = len(found) - len(worth) + len(plain) - len(chosen)
    draft.hidden = len(worth) - len(plain)
    return draft


def draft_plan(name: str, profiles: list[Profile], window: Window) -> Draft:
    """The plan that the profiles suggest, and its files with comments."""
    guesses = {profile.event: guess_properties(profile) for profile in profiles}
    _one_type_a_name(guesses, {profile.event: profile.events for profile in profiles})
    sources = sorted({source for profile in profiles for source in profile.sources if source})
    plan = Plan(
        name=name,
        sources={source: Source(name=source) for source in sources},
        events={profile.event: _event(profile, guesses[profile.event]) for profile in profiles},
    )
    heads = {profile.event: _head(profile) for profile in profiles}
    files = {
        path: _commented(text, heads, guesses) if path.startswith("events/") else text
        for path, text in plan_files(plan).items()
    }
    dates = {"since": f"{window.since:%Y-%m-%d}", "until": f"{window.until:%Y-%m-%d}"}
    files["plan.yaml"] = _HEAD.format(**dates) + files["plan.yaml"]
    suspects = [(event, path) for event, made in guesses.items() for path, each in made.items() if each.suspect]
    return Draft(plan, files, round(sum(profile.volume.events for profile in profiles)), suspects=suspects)


def _event(profile: Profile, guesses: Mapping[str, Guess]) -> EventSpec:
    properties = {name: msgspec.structs.replace(made.spec, name=name) for name, made in guesses.items()}
    main = max(profile.sources, key=lambda source: profile.sources[source], default="")
    return EventSpec(name=profile.event, area=main or "events", status="draft", properties=properties)


def _head(profile: Profile) -> list[str]:
    total = profile.events or 1
    parts = sorted(profile.sources.items(), key=lambda item: -item[1])
    senders = ", ".join(f"{source or 'no source'} {count / total:.0%}" for source, count in parts)
    looked = f", of which {profile.share:.1%} were looked at" if profile.share < 1 else ""
    lines = [f"{profile.volume.events:,} events{looked}; from {senders}"]
    if profile.overflow:
        lines.append("too many different names to list them all: some keys may be data")
    return lines


def _one_type_a_name(guesses: Mapping[str, dict[str, Guess]], weights: Mapping[str, float]) -> None:
    """
    Give a name one storage type over all events, as the plan language asks.

    Integers in one event and fractions in another are numbers in both; else the type of most events keeps the
    name, and the others get a `store_as`.
    """
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for event, made in guesses.items():
        for path, spec in _paths(made):
            votes[path][storage_type(spec)] += max(1, round(weights[event]))
    numbers = {path for path, types in votes.items() if {"int", "number"} <= set(types)}
    for path in numbers:
        votes[path]["number"] += votes[path].pop("int")
    for made in guesses.values():
        for name, each in made.items():
            before = each.spec
            each.spec = _settled(each.spec, name, votes, numbers)
            if each.spec.store_as and not before.store_as:
                each.note(name, "store_as: other events use this name with another type; better rename one of them")


def _paths(made: Mapping[str, Guess]) -> list[tuple[str, PropertySpec]]:
    found: list[tuple[str, PropertySpec]] = []

    def walk(path: str, spec: PropertySpec) -> None:
        found.append((path, spec))
        for name, inner in (spec.properties or {}).items():
            walk(f"{path}.{name}", inner)

    for name, each in made.items():
        walk(name, each.spec)
    return found


def _settled(spec: PropertySpec, path: str, votes: Mapping[str, Counter[str]], numbers: set[str]) -> PropertySpec:
    if path in numbers and spec.kind == "int":
        spec = msgspec.structs.replace(spec, kind="number")
    own, (winner, _) = storage_type(spec), votes[path].most_common(1)[0]
    if own != winner:
        name = path.rpartition(".")[2]
        spec = msgspec.structs.replace(spec, store_as=f"{name}_{'_'.join(own.split())}")
    if spec.properties:
        inside = {name: _settled(inner, f"{path}.{name}", votes, numbers) for name, inner in spec.properties.items()}
        spec = msgspec.structs.replace(spec, properties=inside)
    return spec


def _commented(text: str, heads: Mapping[str, list[str]], guesses: Mapping[str, Mapping[str, Guess]]) -> str:
    """An event's file with the reasons for each guess above it."""
    root = yaml.compose(text, yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)  # noqa: S101 - write_yaml wrote it
    keys = {key.value: value for key, value in root.value}
    event = keys["event"].value
    above: dict[int, list[str]] = defaultdict(list, {0: list(heads[event])})
    if "properties" in keys:
        comments = {path: lines for each in guesses[event].values() for path, lines in each.comments.items()}
        for line, path in _places(keys["properties"], ""):
            inside = "" if path in guesses[event] else f"{path}: "
            above[line] += [inside + reason for reason in comments.get(path, ())]
    commented = []
    for number, own in enumerate(text.splitlines()):
        indent = own[: len(own) - len(own.lstrip())]
        commented += [f"{indent}# {reason}" for reason in above.get(number, ())]
        commented.append(own)
    return "\n".join(commented) + "\n"


def _places(properties: yaml.Node, at: str) -> Iterator[tuple[int, str]]:
    """(line, path) of each property, those inside objects and lists too; several may share a line."""
    for key, value in _pairs(properties):
        path = f"{at}.{key.value}" if at else str(key.value)
        yield key.start_mark.line, path
        yield from _places_inside(value, path)


def _places_inside(spec: yaml.Node, path: str) -> Iterator[tuple[int, str]]:
    for key, value in _pairs(spec):
        if key.value == "properties":
            yield from _places(value, path)
        elif key.value == "of":
            yield key.start_mark.line, f"{path}[]"
            yield from _places_inside(value, f"{path}[]")


def _pairs(node: yaml.Node) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
    return node.value if isinstance(node, yaml.MappingNode) else []
