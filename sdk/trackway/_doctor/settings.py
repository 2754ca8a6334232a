"""Which settings a tracker here would have, where each came from, and what its plan is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING

from trackway._doctor.findings import Finding, note, ok
from trackway._events.plan import PlanCheck, load_release
from trackway._options import Options

if TYPE_CHECKING:
    from trackway._doctor.case import Case
    from trackway_plan import Release

SECRET = ("write_key", "hash_key")
ALWAYS_SHOWN = ("host", "write_key", "plan")


def read_settings(
    arguments: Mapping[str, object], environ: Mapping[str, str] | None = None
) -> tuple[Options, dict[str, str], Release | None]:
    """
    Return the settings as `Tracker(…)` reads them, where each came from, and the release that `plan` names.

    Raises:
        ConfigurationError: a tracker would refuse them, or the plan cannot be read.
    """
    environ = os.environ if environ is None else environ
    options = Options.build(arguments, environ)
    origins = {item.name: _origin(item.name, arguments, environ) for item in fields(Options)}
    release = load_release(options.plan) if options.plan is not None else None
    if release is not None:
        PlanCheck(release, options.source, "off", options.hash_key)  # it refuses a source that the plan does not know
    return options, origins, release


def check_settings(case: Case) -> Finding:
    """Show the settings that matter, and every one that is not a default."""
    parts = []
    facts: dict[str, object] = {}
    for name, origin in sorted(case.origins.items(), key=lambda item: item[0] not in ALWAYS_SHOWN):
        if origin == "default" and name not in ALWAYS_SHOWN:
            continue
        shown = _shown(name, getattr(case.options, name))
        parts.append(f"{name} {shown} ({origin})")
        facts[name] = {"value": shown, "from": origin}
    return ok("settings", " · ".join(parts), **facts)


def check_plan(case: Case) -> Finding:
    """Say what events are checked against."""
    release = case.release
    if release is None:
        return note(
            "plan",
            "none: events are neither checked nor stamped here",
            "TRACKWAY_PLAN or --plan names a release, as releases/0001.json.",
        )
    events = len(release.events)
    return ok("plan", f"`{release.name}` revision {release.rev}, {events} events", name=release.name, rev=release.rev)


def _shown(name: str, value: object) -> str:
    if name in SECRET:
        return masked(value)
    if name == "super_properties" and isinstance(value, Mapping):  # what they are may be personal
        return ", ".join(value) or "none"
    return "none" if value is None else str(value)


def masked(value: object) -> str:
    """Return a secret's length and nothing else of it."""
    return "none" if value is None else f"of {len(str(value))} characters"


def _origin(name: str, arguments: Mapping[str, object], environ: Mapping[str, str]) -> str:
    if arguments.get(name) is not None:
        return "argument"
    variable = f"TRACKWAY_{name.upper()}"
    return variable if environ.get(variable) else "default"
