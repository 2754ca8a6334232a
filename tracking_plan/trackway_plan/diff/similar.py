"""
Which removal and which addition may be one rename: names and contents compared, without order or direction.

The score of two names or two sets of properties is the same both ways round, so what is suggested from A to B is
suggested from B to A.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence

from ..model import EventSpec, PropertySpec
from ..release import Release
from .change import Change

LIKELY = 0.6
"""The least score that is worth a suggestion."""

MOST = 300
"""More removals or additions than this are another plan, not renames: they are not compared."""


def possible_renames(before: Release, after: Release, changes: Sequence[Change]) -> list[Change]:
    """`possible-rename` changes: the most alike pairs of what is gone and what is new, each name in one pair."""
    gone = [change for change in changes if change.kind == "event-removed"]
    new = [change for change in changes if change.kind == "event-added"]
    found = [
        Change(kind="possible-rename", event=b.event, before=a.event, after=b.event, keys=b.keys, score=score)
        for a, b, score in _pairs(gone, new, lambda a, b: event_score(before.events[a.event], after.events[b.event]))
    ]
    for pool_gone, pool_new in _pools(changes):
        for a, b, score in _pairs(pool_gone, pool_new, _property_change_score):
            event, path = b.uses[0] if not b.event else (b.event, b.path)
            names = a.path.rpartition(".")[2], b.path.rpartition(".")[2]
            found.append(
                Change(
                    kind="possible-rename",
                    event=event if not b.group and not b.named_type else "",
                    path=path if not b.group and not b.named_type else b.path,
                    before=names[0],
                    after=names[1],
                    keys=b.keys,
                    group=b.group,
                    named_type=b.named_type,
                    uses=b.uses,
                    score=score,
                )
            )
    return found


def _pools(changes: Sequence[Change]) -> list[tuple[list[Change], list[Change]]]:
    """Removed and added properties that stood side by side: in one event, group, type or object."""
    pools: dict[tuple[str, str], tuple[list[Change], list[Change]]] = {}
    for change in changes:
        if change.kind.startswith(("property-added", "property-removed")) and not change.included:
            parent = change.path.rpartition(".")[0]
            pools.setdefault((change.event, parent), ([], []))[change.kind != "property-removed"].append(change)
    return [(gone, new) for gone, new in pools.values() if gone and new]


def _pairs(
    gone: Collection[Change], new: Collection[Change], score: Callable[[Change, Change], float]
) -> list[tuple[Change, Change, float]]:
    """The best pairs, each change once; between equals, the first by name, whichever side it is on."""
    if not gone or not new or max(len(gone), len(new)) > MOST:
        return []
    scored = [(score(a, b), a, b) for a in gone for b in new]
    found: list[tuple[Change, Change, float]] = []
    used: set[int] = set()
    for points, a, b in sorted(scored, key=lambda row: (-row[0], sorted((_name(row[1]), _name(row[2]))))):
        if points >= LIKELY and not used & {id(a), id(b)}:
            used |= {id(a), id(b)}
            found.append((a, b, round(points, 2)))
    return found


def _name(change: Change) -> str:
    return change.path or change.event


def event_score(one: EventSpec, other: EventSpec) -> float:
    """How alike two events are, 0 to 1: their names for two fifths, what they carry for three."""
    mine: Counter[Hashable] = Counter((name, spec.kind) for name, spec in one.properties.items() if not spec.group)
    theirs: Counter[Hashable] = Counter((name, spec.kind) for name, spec in other.properties.items() if not spec.group)
    carried = _share(mine, theirs) if mine or theirs else 0.5
    # Two events without properties of their own have only their names to be known by, unless one sentence says of both
    # what happened.
    if one.summary and one.summary == other.summary:
        carried = (1 + carried) / 2
    return 0.4 * name_score(one.name, other.name) + 0.6 * carried


def property_score(one: PropertySpec, name: str, other: PropertySpec, other_name: str) -> float:
    """How alike two properties are, 0 to 1: nothing if they are stored differently."""
    if one.kind != other.kind:
        return 0.0
    traits = [_traits(spec) for spec in (one, other)]
    said = max(len(traits[0]), len(traits[1]))
    # A bare `string` is like any other: only what was said beside the type makes a likeness without a like name.
    shape = _share(*traits) if said else 0.0
    names = name_score(name, other_name)
    return max(0.7 * names + 0.3 * (shape if said else 1.0), 0.2 * names + 0.65 * shape if said > 1 else 0.0)


def _property_change_score(gone: Change, new: Change) -> float:
    assert gone.was is not None  # noqa: S101
    assert new.now is not None  # noqa: S101
    names = (change.path.rpartition(".")[2] for change in (gone, new))
    return property_score(gone.was, next(names), new.now, next(names))


def _traits(spec: PropertySpec) -> Counter[Hashable]:
    keys = (
        "min",
        "max",
        "multiple_of",
        "min_length",
        "max_length",
        "pattern",
        "format",
        "unit",
        "named_type",
        "column",
    )
    said = [(key, str(value)) for key in keys if (value := getattr(spec, key)) not in (None, "")]
    said += [("choice", choice.value) for choice in spec.choices]
    said += [("property", name) for name in spec.properties or ()]
    said += [("required", "")] if spec.required else []
    said += [("pii", spec.pii)] if spec.pii not in (None, "none") else []
    return Counter(said)


def name_score(one: str, other: str) -> float:
    """How alike two names are, 0 to 1, by the pairs of letters they share; case and separators do not count."""
    pairs = [_letter_pairs(name) for name in (one, other)]
    return 1.0 if one == other else _share(*pairs)


def _letter_pairs(name: str) -> Counter[Hashable]:
    letters = "".join(char for char in name.casefold() if char.isalnum())
    return Counter(letters[i : i + 2] for i in range(len(letters) - 1)) or Counter([letters])


def _share(one: Mapping[Hashable, int], other: Mapping[Hashable, int]) -> float:
    """Dice's coefficient: twice what both have, over all that they have."""
    both = sum(min(count, other.get(key, 0)) for key, count in one.items())
    return 2 * both / (sum(one.values()) + sum(other.values())) if one or other else 0.0
