"""Calls against the plan: the one validator's verdict on what is literal, and events that are only on one side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..findings import Finding, Severity
from ..model import EventSpec, Place, Plan, ViolationCode
from ..release import Release
from ..verdict.validator import Validator
from .calls import UNKNOWN, Call, Scan

NEVER_CALLED = "planned-never-called"
NEVER_PLANNED = "called-never-planned"
DYNAMIC = "dynamic-event"
UNREADABLE = "unreadable-file"
SKIPPED = "skipped-file"

RULES = {
    NEVER_CALLED: "An event that nothing sends is a promise to analysts that nobody keeps.",
    NEVER_PLANNED: "An event that the plan does not know arrives unchecked, and nobody knows what it means.",
    DYNAMIC: "A name that only the running program knows cannot be checked, and can fill the store with names.",
    UNREADABLE: "Calls in a file that cannot be read are not seen.",
    SKIPPED: "Calls in a file that is too large or binary are not seen.",
    "deprecated-event": "A deprecated event should be replaced before it goes.",
} | {
    code.value.replace("_", "-"): "A call that the plan's validator would flag is wrong before it is ever sent."
    for code in ViolationCode
    if code not in (ViolationCode.DEPRECATED_EVENT, ViolationCode.UNPLANNED_EVENT)
}

_SOFT = {ViolationCode.DEPRECATED_EVENT: Severity.WARN, ViolationCode.PII_SUSPECT: Severity.WARN}


def judge(plan: Plan, release: Release, scan: Scan) -> list[Finding]:
    """Every finding about the code and the plan; about data and definitions, see `table`."""
    validator = Validator(release)
    found = [finding for call in scan.calls for finding in _about(call, validator)]
    # A name that is dynamic may be any event, so what is never called is then only likely.
    unsure = any(call.event is None for call in scan.calls)
    called = {call.event for call in scan.calls}
    found += [_never_called(plan, event, unsure) for event in release.events.values() if _is_missed(event, called)]
    found += [
        Finding(
            rule=UNREADABLE,
            severity=Severity.WARN,
            message=f"{why}; calls in it are not seen.",
            file=place.file,
            line=place.line,
            column=place.column,
        )
        for place, why in scan.unreadable
    ]
    found += [
        Finding(
            rule=SKIPPED,
            severity=Severity.NOTE,
            message=f"not read: {why}.",
            file=path,
            line=1,
            column=1,
        )
        for path, why in scan.skipped
        if not why.startswith(("installed", "a link"))
    ]
    return sorted(found, key=Finding.sort_key)


def _is_missed(event: EventSpec, called: set[str | None]) -> bool:
    return event.status == "active" and event.name not in called


def _never_called(plan: Plan, event: EventSpec, unsure: bool) -> Finding:
    place = plan.places.get(("events", event.name)) or Place(file="plan.yaml", line=1, column=1)
    maybe = " Some calls have a name that only the running program knows; it may be one of them." if unsure else ""
    return Finding(
        rule=NEVER_CALLED,
        severity=Severity.WARN,
        message=f"`{event.name}` is planned, and no call of it was found.{maybe}",
        hint="Send it, scan the code that does, or retire it with `status: retired`.",
        event=event.name,
        file=place.file,
        line=place.line,
        column=place.column,
    )


def _about(call: Call, validator: Validator) -> Iterator[Finding]:
    if call.event is None:
        message = f"`{call.via}` is called with an event name that only the running program knows."
        hint = "Write the name as a literal or a constant, or name the function around it in `coverage: {wrappers: …}`."
        yield _finding(DYNAMIC, Severity.NOTE, call, message, call.place, hint=hint)
        return
    if call.event.startswith("$"):
        return
    values, unknown = known_parts(dict(call.properties))
    for violation in validator.check_track(call.event, values).violations:
        code, path = ViolationCode(violation.code), violation.path
        if code is ViolationCode.UNPLANNED_EVENT:
            hint = "Add it to the plan, or call the event that was meant."
            yield _finding(NEVER_PLANNED, Severity.ERROR, call, violation.message, call.place, hint=hint)
        elif not _is_open(code, path, unknown, call):
            first = _first(path)
            place = call.places.get(first, call.place)
            severity = _SOFT.get(code, Severity.ERROR)
            yield _finding(code.value.replace("_", "-"), severity, call, violation.message, place, path=first)


def _is_open(code: ViolationCode, path: str, unknown: set[str], call: Call) -> bool:
    """Whether the running program may still make it right."""
    if any(path == each or path.startswith(f"{each}/") for each in unknown):
        return True
    missing = code in (ViolationCode.MISSING_REQUIRED, ViolationCode.RULE_FAILED)
    return missing and call.partial and path.count("/") <= 1


def known_parts(value: Any, at: str = "") -> tuple[Any, set[str]]:
    """The value with null in place of what is unknown, and where that is, as JSON pointers."""
    if value is UNKNOWN:
        return None, {at}
    if isinstance(value, Mapping):
        parts = {key: known_parts(part, f"{at}/{_token(key)}") for key, part in value.items()}
        return {key: part for key, (part, _) in parts.items()}, {each for _, more in parts.values() for each in more}
    if isinstance(value, list):
        items = [known_parts(part, f"{at}/{number}") for number, part in enumerate(value)]
        return [part for part, _ in items], {each for _, more in items for each in more}
    return value, set()


def _token(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _first(path: str) -> str:
    return path.split("/")[1].replace("~1", "/").replace("~0", "~") if path else ""


def _finding(
    rule: str, severity: Severity, call: Call, message: str, place: Place, path: str = "", hint: str = ""
) -> Finding:
    said = message if rule in (DYNAMIC, NEVER_PLANNED, "deprecated-event") else f"`{call.event}`: {message}"
    return Finding(
        rule=rule,
        severity=severity,
        message=said,
        hint=hint,
        event=call.event or "",
        path=path,
        file=place.file,
        line=place.line,
        column=place.column,
    )
