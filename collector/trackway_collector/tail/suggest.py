"""What to do about an event that the plan does not know, or not so: a near match, and lines to paste into the plan."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trackway_collector.timestamps import parse_timestamp_us
from trackway_plan import Release
from trackway_plan.near import near


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Advice for one violation."""

    advice: str
    patch: str = ""
    """YAML to paste; empty when the code, not the plan, should change."""


def suggest(
    event: str, source: str, violation: str, properties: Mapping[str, Any], release: Release
) -> Suggestion | None:
    """Return advice on `violation` (`code` or `code /path`) of an event, or None when there is none to give."""
    code, _, path = violation.partition(" ")
    if code == "unplanned_event":
        return _new_event(event, source, properties, release)
    name = path.strip("/").replace("~1", "/").replace("~0", "~")
    if code == "unplanned_property" and name in properties:
        return _new_property(event, name, properties[name], release)
    if code == "value_not_allowed" and isinstance(properties.get(name), str):
        value = properties[name]
        return Suggestion(
            f"`{name}` may not be that. If the new choice is meant, add it to `{name}` of `{event}`:",
            f"    choices:\n      {_scalar(value)}: <what it means>\n",
        )
    return None


def _new_event(event: str, source: str, properties: Mapping[str, Any], release: Release) -> Suggestion:
    match = near(event, release.events)
    did_you_mean = f" Did you mean `{match}`?" if match else ""
    lines = [
        f"event: {_scalar(event)}",
        "summary: <what happened, in one sentence>",
        "owner: <the team that answers for it>",
        f"sent_by: [{_scalar(source)}]",
    ]
    if properties:
        lines += [
            "properties:",
            *(f"  {_scalar(name)}: {{type: {_kind(value)}}}" for name, value in properties.items()),
        ]
    file = f"events/<area>/{re.sub(r'[^0-9a-zA-Z]+', '_', event).strip('_').lower() or 'event'}.yaml"
    return Suggestion(
        f"`{event}` is not in the plan.{did_you_mean} If it is meant, save this as {file}:", "\n".join(lines) + "\n"
    )


def _new_property(event: str, name: str, value: Any, release: Release) -> Suggestion:
    spec = release.events.get(event)
    match = near(name, spec.properties) if spec else None
    did_you_mean = f" Did you mean `{match}`?" if match else ""
    return Suggestion(
        f"`{event}` has no property `{name}`.{did_you_mean} If it is meant, add to its properties:",
        f"  {_scalar(name)}: {{type: {_kind(value)}}}\n",
    )


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        dated = "T" in value and re.search(r"(Z|[+-]\d\d:\d\d)$", value) and parse_timestamp_us(value) is not None
        return "timestamp" if dated else "string"
    return "list" if isinstance(value, list) else "object" if isinstance(value, dict) else "any"


def _scalar(text: str) -> str:
    # A plain word is plain YAML; JSON's quoting is YAML's for everything else.
    plain = re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_ ]*[a-zA-Z0-9_]|[a-zA-Z]", text)
    reserved = text.lower() in {"y", "n", "yes", "no", "true", "false", "on", "off", "null"}
    return text if plain and not reserved else json.dumps(text, ensure_ascii=False)
