"""The plan in tests: by which release an event is checked that its own tracker has not checked."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import msgspec

from trackway._events.plan import load_release

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trackway._intake import Intake
    from trackway_plan import Release, Validator, Violation


class PlanJudge:
    """Checks the events of trackers that do not: by their own plan where it is switched off, else by a given one."""

    def __init__(self, given: Release | None) -> None:
        self._given = given
        self._validators: dict[int, tuple[Release, Validator]] = {}
        self.unchecked: set[str] = set()
        """Names of events that no plan was there for."""

    def violations(self, tracker: Intake, event: Mapping[str, Any]) -> tuple[Violation, ...]:
        """Return what is wrong with an event that its tracker has said nothing against."""
        own = tracker._plan_check
        if own is not None and own.on:
            return ()
        release = own.release if own is not None else self._given
        if release is None:
            self.unchecked.add(f"`{event['event']}`" if event["type"] == "track" else f"`${event['type']}`")
            return ()
        check, source = self._validator(release), tracker.options.source
        if event["type"] == "track":
            return check.check_track(event["event"], msgspec.json.encode(event["properties"]), source).violations
        if event["type"] in ("identify", "group"):
            kind = "user" if event["type"] == "identify" else "account"
            return check.check_traits(kind, msgspec.json.encode(event["traits"]), source).violations  # type: ignore[arg-type]
        return ()

    def _validator(self, release: Release) -> Validator:
        from trackway_plan import Validator

        known = self._validators.get(id(release))
        if known is None:  # with the release, so that its id stays its own
            known = self._validators[id(release)] = (release, Validator(release))
        return known[1]


def release_of(plan: Release | str | os.PathLike[str] | None) -> Release | None:
    """Return a release as it is, or the one in a file; raises ConfigurationError when there is none."""
    return load_release(os.fspath(plan)) if isinstance(plan, str | os.PathLike) else plan
