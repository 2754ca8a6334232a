"""
The ClickHouse DDL that a plan asks for: typed paths, and views in which every name is the present one.

    release, names ─▶ storage(…)  typed paths to add, paths whose type the plan changed
                   └▶ views(…)    `events_now`, and a view for each event of which a property was renamed or moved
    both ─▶ script(…)             one commented SQL text

A path never changes its type: ClickHouse would write every stored value again, and lose what does not fit. A property
of another type gets another path (`store_as: price__2`), and the event's view reads both. Statements of a view cannot
have bound parameters, so names stand in it as quoted literals, all written by `quoted` and `_identifier`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from trackway_collector.warehouse.embedded import quoted
from trackway_collector.warehouse.plan_columns import STORAGE_TYPES, former_paths, json_type, typed_paths
from trackway_plan import PropertySpec, Release
from trackway_plan.renames import Names, Reading, Sent

REVISION = "if(plan_rev != 0, plan_rev, validated_rev)"
ALL_EVENTS = "events_now"

_INNER = re.compile(r"(?:Nullable|LowCardinality)\((.*)\)")


@dataclass(frozen=True, slots=True)
class Retyped:
    """A path that has another type than the plan now gives it; it keeps the one it has."""

    column: str
    path: str
    has: str
    wanted: str

    @property
    def next_name(self) -> str:
        """The `store_as` that gives the new type a path of its own: `price__2`, and `price__3` after that."""
        other = re.sub(r"__\d+\Z", "", self.path)
        number = int(found[1]) + 1 if (found := re.search(r"__(\d+)\Z", self.path)) else 2
        return f"{other}__{number}"


@dataclass(frozen=True, slots=True)
class Storage:
    """What a plan asks of one JSON column."""

    column: str
    present: Mapping[str, str]
    added: Mapping[str, str]
    retyped: tuple[Retyped, ...] = ()

    def statement(self) -> str:
        """The ALTER that adds the paths; '' if there are none."""
        if not self.added:
            return ""
        return f"ALTER TABLE events MODIFY COLUMN {self.column} {json_type({**self.present, **self.added})};"


def storage(release: Release, present: Mapping[str, Mapping[str, str]] | None = None) -> list[Storage]:
    """
    What the release asks of `properties` and `traits`, beyond what they have.

    Args:
        present: column → path → type, as the warehouse or another release has it; None for empty columns.
    """
    wanted = {
        "properties": typed_paths(event.properties for event in release.events.values()) | former_paths(release),
        "traits": typed_paths(release.traits.values()),
    }
    found = []
    for column, paths in wanted.items():
        has = (present or {}).get(column, {})
        added = {path: kind for path, kind in paths.items() if path not in has}
        retyped = [
            Retyped(column, path, has[path], kind) for path, kind in paths.items() if has.get(path, kind) != kind
        ]
        found.append(Storage(column, has, added, tuple(retyped)))
    return found


def views(release: Release, names: Names) -> dict[str, str]:
    """View → its `CREATE OR REPLACE VIEW`; none for a plan in which nothing was renamed."""
    found = {}
    if former := names.former_events():
        found[ALL_EVENTS] = (
            f"CREATE OR REPLACE VIEW {ALL_EVENTS} AS\nSELECT * REPLACE ({_event_name(former)} AS event)\nFROM events;"
        )
    for name, event in release.events.items():
        columns = [
            f"    {_read(reading, event.properties.get(path))} AS {_identifier(path)}"
            for path in event.properties
            if (reading := names.readings(path.replace(".", "%2E")).get(name)) is not None
        ]
        if columns:
            view = _view_name(name, found)
            listed = ",\n".join(["    * REPLACE (" + quoted(name) + " AS event)", *columns])
            where = _condition(names.events(name))
            # In a subquery, where `event` is still the column and not the name that the view puts in its place.
            source = f"(SELECT * FROM events WHERE {where})"  # noqa: S608 - literals are written by `quoted`
            found[view] = f"CREATE OR REPLACE VIEW {view} AS\nSELECT\n{listed}\nFROM {source};"
    return found


def script(release: Release, stored: Iterable[Storage], made: Mapping[str, str], compared_with: str) -> str:
    """The whole text: what it is for, the typed paths, what stays as it is and why, the views."""
    lines = [
        f"-- Storage of plan {release.name}, rev {release.rev} ({release.hash}), compared with {compared_with}.",
        "-- `trackway up` adds the typed paths by itself where no stored value would change.",
        "-- The views are for your own SQL: `trackway query` resolves former names by itself.",
        "",
    ]
    for part in stored:
        if statement := part.statement():
            count = len(part.added)
            lines += [f"-- {count:,} typed {'path' if count == 1 else 'paths'} of `{part.column}` to add: "
                      + ", ".join(sorted(part.added)), statement, ""]  # fmt: skip
        for change in part.retyped:
            lines += [
                f"-- {change.column}.{change.path} stays {change.has}; the plan says {change.wanted}.",
                "--   Another type would rewrite, and cut, what is stored; what does not fit is kept in `misfits`.",
                f"--   Write `store_as: {change.next_name}` at the property: the new type gets a path of its own,",
                "--   and queries read both.",
                "",
            ]
    for view, statement in made.items():
        what = "every event under its present name" if view == ALL_EVENTS else "renamed properties under present names"
        lines += [f"-- {view}: {what}.", statement, ""]
    if len(lines) == 4:
        lines += ["-- There is nothing to do.", ""]
    return "\n".join(lines)


def _read(reading: Reading, spec: PropertySpec | None) -> str:
    stored = STORAGE_TYPES.get(spec.kind, "Nullable(String)") if spec is not None else "Nullable(String)"
    inner = stored
    while found := _INNER.fullmatch(inner):
        inner = found[1]
    reads = []
    for sent in reading.paths:
        read = f"CAST(properties.{_path(sent.name)}, 'Nullable(String)')"
        if inner != "String":
            read = f"accurateCastOrNull({read}, {quoted(inner)})"
        reads.append(f"if({_span(sent)}, {read}, NULL)" if sent.bounded else read)
    value = reads[0] if len(reads) == 1 else f"coalesce({', '.join(reads)})"
    if not reading.values:
        return value
    return f"transform({value}, {_array(reading.values)}, {_array(reading.values.values())}, {value})"


def _event_name(former: Mapping[str, tuple[tuple[int | None, str], ...]]) -> str:
    simple = {old: spans[0][1] for old, spans in former.items() if len(spans) == 1}
    renamed = f"transform(event, {_array(simple)}, {_array(simple.values())}, event)" if simple else "event"
    branches = []
    for old, spans in former.items():
        after = 0
        for through, present in spans if len(spans) > 1 else ():
            branches += [f"event = {quoted(old)} AND {_span(Sent(old, after, through))}", quoted(present)]
            after = through or 0
    return f"multiIf({', '.join([*branches, renamed])})" if branches else renamed


def _condition(sent: Iterable[Sent]) -> str:
    every = list(sent)
    parts = [f"event IN ({', '.join(quoted(each.name) for each in every)})"]
    parts += [f"(event != {quoted(each.name)} OR {_span(each)})" for each in every if each.bounded]
    return " AND ".join(parts)


def _span(sent: Sent) -> str:
    bounds = [f"{REVISION} > {sent.after}"] if sent.after else []
    bounds += [f"{REVISION} <= {sent.through}"] if sent.through is not None else []
    return " AND ".join(bounds)


def _array(texts: Iterable[str]) -> str:
    return f"[{', '.join(quoted(text) for text in texts)}]"


def _path(path: str) -> str:
    return ".".join(_identifier(part) for part in path.split("."))


def _identifier(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _view_name(event: str, taken: Iterable[str]) -> str:
    """`event_` and the event's name in ASCII letters, digits and `_`, with a number where two come out alike."""
    plain = "event_" + (re.sub(r"[^a-z0-9]+", "_", event.lower()).strip("_") or "named")
    name, number = plain, 1
    while name in taken:
        number += 1
        name = f"{plain}_{number}"
    return name
