"""
The plan patch that a drift report ends in: YAML to paste, a file at a time, with the reason above each part.

Only what the data can say is suggested: a property, a choice, a type, `required: false`. Where a limit is broken, or a
property holds personal data, people must decide, and a comment says so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from trackway_analytics.plan_data.departures import DepartureCount
from trackway_analytics.plan_data.guess import LEAST_OF_A_CHOICE, guess
from trackway_analytics.plan_data.infer import draft_plan
from trackway_analytics.plan_data.profile import Profile, PropertyProfile, may_be_shown
from trackway_plan import Release, ViolationCode
from trackway_plan.model import Place, PropertySpec
from trackway_plan.pii import personal_data
from trackway_plan.write_yaml import property_data
from trackway_plan.yaml_text import block

_OPENED = frozenset({"properties", "choices"})


class Patch:
    """Suggestions, gathered by the file they belong to."""

    def __init__(
        self, release: Release, places: Mapping[tuple[str, ...], Place], profiles: Mapping[str, Profile]
    ) -> None:
        self._release = release
        self._places = places
        self._profiles = profiles
        self._parts: dict[str, dict[str, Any]] = defaultdict(dict)
        self._reasons: dict[str, list[str]] = defaultdict(list)
        self._whole: dict[str, str] = {}

    def add(self, found: DepartureCount, reason: str) -> str:
        """Suggest something about a departure; returns the suggestion as text, "" where people must decide."""
        event = max(found.events, key=lambda name: found.events[name])
        if found.code == ViolationCode.UNPLANNED_EVENT:
            return self._new_event(event)
        if found.code == ViolationCode.WRONG_SOURCE:
            spec = self._release.events[event]
            change: dict[str, Any] = {"sent_by": sorted({*spec.sent_by, *found.by_source} - {""})}
            return self._record(self._file(event, ""), change, reason)
        keys = self._keys(found, event)
        if not keys:
            return ""
        return self._record(self._file(event, found.group), _nested(found.path, keys), reason)

    def remark(self, event: str, group: str, path: str, keys: dict[str, Any], reason: str) -> str:
        """Suggest keys for a property."""
        return self._record(self._file(event, group), _nested(path, keys), reason)

    def files(self) -> dict[str, str]:
        """File → what to change in it, as YAML with its reasons as comments."""
        texts = {
            file: "".join(f"# {reason}\n" for reason in self._reasons[file]) + block(part, opened=_OPENED)
            for file, part in self._parts.items()
        }
        return dict(sorted((texts | self._whole).items()))

    def _keys(self, found: DepartureCount, event: str) -> dict[str, Any]:
        one = _merged(self._profiles, found)
        spec = _spec_at(self._release, event, found.path)
        if found.code == ViolationCode.UNPLANNED_PROPERTY and one is not None:
            made = guess(self._profiles[event], one, found.path)
            return property_data(made.spec)
        if found.code == ViolationCode.MISSING_REQUIRED:
            return {"required": False}
        if found.code == ViolationCode.VALUE_NOT_ALLOWED and one is not None and spec is not None:
            known = [choice.value for choice in spec.choices]
            new = [
                str(value)
                for (kind, value), held in sorted(one.by_value.items(), key=lambda item: -item[1].count)
                if kind == "string"
                and value not in known
                and held.count >= LEAST_OF_A_CHOICE
                and may_be_shown(str(value), held)
            ]
            return {"choices": known + new} if new else {}
        if found.code == ViolationCode.WRONG_TYPE and one is not None and spec is not None:
            made = guess(self._profiles[event], one, found.path)
            kinds = property_data(made.spec)
            return {"type": kinds["type"]} if kinds["type"] not in (spec.kind, "object", "list") else {}
        return {}

    def _new_event(self, event: str) -> str:
        profile = self._profiles.get(event)
        if profile is None or personal_data(event):
            return ""
        files = draft_plan("", [profile], profile.window).files
        path, text = next((path, text) for path, text in files.items() if path.startswith("events/"))
        self._whole[path] = text
        return text

    def _record(self, file: str, change: dict[str, Any], reason: str) -> str:
        _merge(self._parts[file], change)
        if reason not in self._reasons[file]:
            self._reasons[file].append(reason)
        return f"{file}:\n{block(change, opened=_OPENED)}"

    def _file(self, event: str, group: str) -> str:
        place = self._places.get(("groups", group) if group else ("events", event))
        return place.file if place else f"groups/{group}.yaml" if group else f"event {event}"


def _nested(path: str, keys: dict[str, Any]) -> dict[str, Any]:
    """`ship.items[].price` → `{properties: {ship: {properties: {items: {of: {properties: {price: …}}}}}}}`."""
    inner: Any = keys
    for part in reversed(path.split(".")):
        lists = part.count("[]")
        for _ in range(lists):
            inner = {"of": inner}
        inner = {"properties": {part.removesuffix("[]" * lists): inner}}
    assert isinstance(inner, dict)  # noqa: S101
    return inner


def _merge(into: dict[str, Any], change: Mapping[str, Any]) -> None:
    for key, value in change.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


def _merged(profiles: Mapping[str, Profile], found: DepartureCount) -> PropertyProfile | None:
    """What the property holds over all events concerned."""
    parts = [
        profiles[event].properties[found.path]
        for event in found.events
        if event in profiles and found.path in profiles[event].properties
    ]
    if len(parts) < 2:
        return parts[0] if parts else None
    whole = PropertyProfile(found.path, parent=parts[0].parent)
    for part in parts:
        whole.present += part.present
        for kind, count in part.kinds.items():
            whole.kinds[kind] += count
        for source, count in part.sources.items():
            whole.sources[source] += count
        for key, held in part.values.items():
            whole.values.setdefault(key, type(held)()).add(held.count, held.people)
    return whole


def _spec_at(release: Release, event: str, path: str) -> PropertySpec | None:
    event_spec = release.events.get(event)
    properties, spec = (event_spec.properties if event_spec else {}), None
    for part in path.split("."):
        spec = properties.get(part.rstrip("[]"))
        for _ in range(part.count("[]")):
            spec = spec.of if spec else None
        properties = (spec.properties or {}) if spec else {}
    return spec
