"""What is on the site, as plain data that JSON holds: every event, and what the other pages are made of."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import msgspec

from ..definitions import Definition
from ..model import EventSpec, Group, Plan, Rule
from ..release import Release, compile_release, events_in_place
from ..renames import former_properties
from ..reports.escape import visible
from .history import histories, log
from .properties import rows
from .used_by import used_by
from .volumes import Volumes


def contents(
    plan: Plan,
    releases: Sequence[Release] = (),
    definitions: Sequence[Definition] = (),
    *,
    volumes: Volumes | None = None,
    directory: str | os.PathLike[str] = "",
    source_url: str = "",
) -> dict[str, Any]:
    """
    The site's data.

    Args:
        plan: as it stands in its directory.
        releases: every release of it, in rising order.
        volumes: how often events arrived; None if no warehouse was asked.
        directory: what the plan was loaded from; pages name their file relative to it.
        source_url: where that directory is shown, so that pages link to their files; "" for no links.
    """
    files = _Files(plan, directory)
    events = events_in_place(plan)
    revisions = with_plan(plan, releases)
    told, uses = histories(revisions), used_by(revisions[-1], definitions)
    newest = releases[-1] if releases else None
    return {
        "plan": _bare(
            name=plan.name,
            summary=plan.summary,
            rev=newest.rev if newest else 0,
            date=newest.created if newest else "",
            unreleased=newest is None or revisions[-1] is not newest,
            policy=plan.on_violation,
            source_url=source_url.rstrip("/"),
        ),
        "events": [
            _event(plan, event, files)
            | _bare(
                history=told.get(name, []),
                used_by=uses.get(name, []),
                volume=_volume(event, volumes),
            )
            for name, event in sorted(events.items())
        ],
        "groups": [_group(plan, group, files) for _, group in sorted(plan.groups.items())],
        "types": [
            _bare(name=name, file=files.of("types", name), properties=rows({name: spec}))
            for name, spec in sorted(plan.types.items())
        ],
        "traits": [
            _bare(name=kind, file=files.of("traits", kind), properties=rows(specs))
            for kind, specs in sorted(plan.traits.items())
        ],
        "sources": [
            _bare(name=name, kind=source.kind, sdk=source.sdk, summary=source.summary, policy=source.on_violation)
            for name, source in sorted(plan.sources.items())
        ],
        "definitions": [_definition(each) for each in sorted(definitions, key=lambda each: (each.kind, each.name))],
        "log": log(revisions),
        "volumes": None if volumes is None else {"since": _minute(volumes.since), "until": _minute(volumes.until)},
    }


def with_plan(plan: Plan, releases: Sequence[Release]) -> list[Release]:
    """The releases, and the plan as it stands as revision 0 behind them if it is not the last of them."""
    now = compile_release(plan, 0)
    return [*releases] if releases and releases[-1].hash == now.hash else [*releases, now]


def _event(plan: Plan, event: EventSpec, files: _Files) -> dict[str, Any]:
    return _bare(
        name=event.name,
        area=event.area,
        file=files.of("events", event.name),
        summary=event.summary,
        when=event.when,
        status=event.status,
        owner=event.owner,
        sent_by=event.sent_by,
        replaced_by=event.replaced_by,
        remove_after=event.remove_after,
        once_per=event.once_per,
        open=event.open,
        include=tuple(dict.fromkeys((*plan.everywhere, *plan.events[event.name].include))),
        properties=rows(event.properties, former_properties(event)),
        rules=[_rule(rule) for rule in event.rules],
        formerly=[_bare(name=old.event, through=old.through) for old in event.formerly if old.event],
        policy=event.on_violation,
        examples=[example_text(each) for each in event.examples],
    )


def _group(plan: Plan, group: Group, files: _Files) -> dict[str, Any]:
    return _bare(
        name=group.name,
        summary=group.summary,
        file=files.of("groups", group.name),
        include=group.include,
        everywhere=group.name in plan.everywhere,
        properties=rows(group.properties),
    )


def _rule(rule: Rule) -> dict[str, Any]:
    when = {name: [json.dumps(value, ensure_ascii=False) for value in values] for name, values in rule.when.items()}
    return {"when": when, "then": list(rule.then_required)}


def _definition(definition: Definition) -> dict[str, Any]:
    options = {
        key: [_option_text(each) for each in (value if isinstance(value, list) else [value])]
        for key, value in definition.options.items()
    }
    return _bare(
        kind=definition.kind,
        name=definition.name,
        summary=definition.summary,
        owner=definition.owner,
        options=options,
        events=list(dict.fromkeys(name for use in definition.uses for name in use.events)),
    )


def _option_text(value: Any) -> str:
    """An option or one item of it: `cart`, `event: cart, where: price > 10`, `cart, wishlist`."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_option_text(each)}" for key, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(_option_text, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _volume(event: EventSpec, volumes: Volumes | None) -> list[dict[str, Any]]:
    """What arrived under any name of the event, the busiest source first."""
    if volumes is None:
        return []
    names = [event.name, *(old.event for old in event.formerly if old.event)]
    by_source: dict[str, tuple[int, str]] = {}
    for each in (each for name in dict.fromkeys(names) for each in volumes.by_event.get(name, ())):
        count, last = by_source.get(each.source, (0, ""))
        seen = _minute(each.last_seen_at) if each.last_seen_at else ""
        by_source[each.source] = (count + each.events, max(last, seen))
    ranked = sorted(by_source.items(), key=lambda item: (-item[1][0], item[0]))
    return [_bare(source=source, events=count, last=last) for source, (count, last) in ranked]


def example_text(example: Mapping[str, Any]) -> str:
    """An example as JSON to copy; what a reader could not see stands as JSON's own `\\u202e`."""
    return visible(json.dumps(msgspec.to_builtins(example), ensure_ascii=False, indent=2))


def _minute(moment: Any) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")  # type: ignore[no-any-return]


@dataclass(frozen=True)
class _Files:
    """Where things of the plan were written, as paths inside its directory."""

    plan: Plan
    directory: str | os.PathLike[str]

    def of(self, *at: str) -> str:
        place = self.plan.places.get(at)
        if place is None:
            return ""
        path = PurePath(place.file)
        return (path.relative_to(self.directory) if path.is_relative_to(self.directory) else path).as_posix()


def _bare(**values: Any) -> dict[str, Any]:
    """The values without those that say nothing."""
    return {key: value for key, value in values.items() if value or (value == 0 and key in ("rev", "events"))}
