"""
The one validator: the same verdict for the same event in SDK, collector, tests, replay and CI.

    raw JSON ─▶ msgspec struct of the event (fast) ─▶ its extra check ─▶ ok
                    │ refused                            │ refused
                    └───────────▶ compiled schema ◀──────┘ ─▶ violations ─▶ policy ─▶ outcome

msgspec is the fast yes. What it refuses is judged by the event's JSON Schema, whose verdict is final and whose reasons
people read: compiled, which finds what jsonschema finds, and by jsonschema itself where it cannot be compiled.

An event under a former name is judged by the event it is now. One with properties under former names is judged by
the event as it was: the same, with those properties (and the rules about them) under the names that were sent. Where
a former and the present name are both there, the present one counts and the former is unplanned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Literal, get_args

import msgspec
from msgspec import UNSET, Struct

from .. import redact
from ..model import DEFAULT_POLICY, Action, EventSpec, PropertySpec, ViolationCode
from ..near import NearNames
from ..release import Release
from ..renames import as_it_was, era_of, former_events, former_properties, names_in_use
from . import compiled, explain, failures, fast

Outcome = Literal["ok", "unplanned", "flagged", "quarantined", "rejected"]
Properties = bytes | Mapping[str, Any]
Untold = list[tuple[ViolationCode, failures.Path]]

_SEVERITY: tuple[Outcome, ...] = get_args(Outcome)
_SEVERITIES: dict[str, int] = {
    action.value: _SEVERITY.index(outcome)
    for action, outcome in (
        (Action.FLAG, "flagged"),
        (Action.STRIP, "flagged"),
        (Action.QUARANTINE, "quarantined"),
        (Action.REJECT, "rejected"),
    )
}

MOST_VARIANTS = 64
"""Combinations of former property names that are remembered for an event; clients of one revision send one."""

UNREADABLE = (msgspec.MsgspecError, ValueError, TypeError, OverflowError, RecursionError)


class Violation(Struct, frozen=True):
    """One departure from the plan; `path` is a JSON pointer into the properties, "" for the event itself."""

    code: str
    path: str
    message: str


class Verdict(Struct, frozen=True):
    """What becomes of an event under revision `rev` of the plan, and why."""

    outcome: Outcome
    violations: tuple[Violation, ...] = ()
    """What was found and not allowed; of a rejected event, what it was rejected for comes first."""
    rev: int = 0
    strip: tuple[failures.Path, ...] = ()
    """Where the properties stand that the policy removes before anything is kept (`redact.without`)."""


class Shape:
    """How one set of properties (an event's or a person's) is checked, both ways."""

    __slots__ = (
        "_checks",
        "_former",
        "_spec",
        "_validator",
        "_variants",
        "event",
        "extra",
        "redacted_extra",
        "redacted_struct",
        "rules",
        "schema",
        "struct",
        "type",
    )

    def __init__(self, name: str, properties: Mapping[str, PropertySpec], event: EventSpec | None = None) -> None:
        from . import schema

        self.rules = schema.checkable_rules(event) if event else ()
        self._spec = PropertySpec(kind="object", properties=dict(properties))
        self._validator: Any = None
        self._former = former_properties(event) if event else {}
        self._variants: dict[tuple[tuple[str, str], ...], Shape] = {}
        self.event = event
        is_open = event is not None and event.open
        self.type = fast.object_type(name, properties, is_open=is_open)
        self.struct: type[Struct] | None = None if is_open else self.type
        """The type where it is a struct: whoever decodes many events as one message needs that."""
        self.extra = fast.open_test(properties, self.rules) if is_open else fast.object_test(properties, self.rules)
        self._only_under({})
        # What the collector need not touch: already hashed, and without what is dropped.
        self.redacted_struct, self.redacted_extra = self.struct, self.extra
        if self.struct is not None and redact.member_rules(properties):
            self.redacted_struct = fast.struct_type(name, properties, redacted=True)
            self.redacted_extra = fast.object_test(properties, self.rules, redacted=True)
        self.schema = schema.object_schema(properties) if event is None else schema.event_schema(event)
        self._checks = compiled.Checks(self.schema)

    def _only_under(self, used: Mapping[str, str]) -> None:
        """Refuse the fast yes to an open event under other names than these: to it they are just more properties."""
        test, former = self.extra, self._former
        if test is None or not former or self.event is None or not self.event.open:
            return
        renamed = frozenset(used)

        def passes(value: Any) -> bool:
            as_named = all(used.get(new) == old for new, old in names_in_use(value, former).items())
            return as_named and renamed.isdisjoint(value) and test(value)

        self.extra = passes

    def accepts(self, raw: bytes) -> bool:
        """The fast yes: True means jsonschema accepts it, False only that it must be asked."""
        if self.type is None:
            return False
        try:
            value = msgspec.json.decode(raw, type=self.type)
        except UNREADABLE:
            return False
        return self.extra is None or self.extra(value)  # noqa: S610 - not Django's

    def findings(
        self, properties: Properties, untold: Untold | None = None, *, value: Any = UNSET, refused: bool = False
    ) -> list[explain.Finding]:
        """
        What is wrong with these properties, after both ways; empty if nothing is.

        Of a code that comes more than 20 times, where the rest are is added to `untold`. Who has asked for the fast
        yes says that it was `refused`, and who has decoded the properties gives the `value`, to save it here.
        """
        try:
            raw = properties if isinstance(properties, bytes) else msgspec.json.encode(properties)
            if not refused and self.accepts(raw):
                return []
            if value is UNSET:
                value = msgspec.json.decode(raw)
        except UNREADABLE as error:
            return [(ViolationCode.WRONG_TYPE, (), f"The properties cannot be read as JSON: {_reason(error)}.")]
        shape = self.as_sent(value) if self._former else self
        if shape is not self and shape.accepts(raw):
            return []
        return shape.schema_findings(value, untold)

    def as_sent(self, value: Any) -> Shape:
        """The shape for properties as they are named in this event: this one, or one under former names."""
        used = names_in_use(value, self._former) if self._former and isinstance(value, dict) else {}
        return self.under(used) if used else self

    def under(self, used: Mapping[str, str]) -> Shape:
        """This shape with some properties (the keys) under former names."""
        if not used or self.event is None:
            return self
        key = tuple(sorted(used.items()))
        shape = self._variants.get(key)
        if shape is None:
            event = as_it_was(self.event, used)
            shape = Shape(f"{event.name}_as_it_was", event.properties, event)
            shape._former = self._former
            shape._only_under(used)
            if len(self._variants) < MOST_VARIANTS:
                self._variants[key] = shape
        return shape

    def schema_findings(self, value: Any, untold: Untold | None = None) -> list[explain.Finding]:
        """What the schema alone finds wrong with decoded properties."""
        found = explain.findings(self._spec, self._failures(value), self.rules, untold)
        return [self._about_both(finding) for finding in found] if self._former else found

    def _failures(self, value: Any) -> Iterable[failures.Failure]:
        try:
            return self._checks.failures(value)
        except compiled.UnknownSchemaError:
            if self._validator is None:
                from .schema import schema_validator

                self._validator = schema_validator(self.schema)
            return failures.of_errors(self._validator.iter_errors(value))

    def _about_both(self, finding: explain.Finding) -> explain.Finding:
        """The finding, or a better one where a property came under a former name and the present one as well."""
        code, path, _ = finding
        present = self._former.get(str(path[0])) if len(path) == 1 else None
        if code is not ViolationCode.UNPLANNED_PROPERTY or present is None:
            return finding
        known = self._spec.properties or {}
        counts = next((name for name in known if self._former.get(name, name) == present), present)
        message = f"`{explain.shown_path(path)}` is a former name of `{present}`; `{counts}` is sent too, and counts."
        return code, path, message


class Validator:
    """Judges events by one release of a plan; safe to share between threads."""

    def __init__(self, release: Release) -> None:
        self.release = release
        self._ok = Verdict("ok", (), release.rev)
        self._policies: dict[tuple[str | None, str | None], dict[str, str]] = {}
        self._events = {
            name: Shape(f"Event{index}", event.properties, event)
            for index, (name, event) in enumerate(release.events.items())
        }
        self._former_events = former_events(release)
        for old, name in self._former_events.items():
            self._events[old] = self._events[name]
        self._traits = {kind: Shape(f"{kind}_traits", specs) for kind, specs in release.traits.items()}
        # (source, event) → decoder and check, for those where a decode that succeeds means "ok".
        self._fast: dict[tuple[str | None, str], tuple[Callable[[bytes], Any], fast.Test | None]] = {}
        for source in (None, *release.sources):
            for name in self._fast_events(source):
                shape = self._likely(name)
                self._fast[source, name] = msgspec.json.Decoder(shape.type).decode, shape.extra
        self._near_event = lru_cache(maxsize=1024)(NearNames(release.events).did_you_mean)

    def _likely(self, name: str) -> Shape:
        """The shape of an event as it is sent under this name: under a former one, with the properties of then."""
        shape = self._events[name]
        if name in self._former_events and shape.event is not None:
            return shape.under(era_of(shape.event, name))
        return shape

    def check_track(
        self, event: str, properties: Properties, source: str | None = None, *, value: Any = UNSET
    ) -> Verdict:
        """
        The verdict on a track event; `properties` as raw JSON, or as a mapping, which is written as JSON
        first. Who has decoded them with msgspec already may give the `value`, which saves time on violations.

        Without a `source`, or with one the plan does not know, nothing is said about who may send the event.
        """
        found = self._fast.get((source, event)) or self._fast_unknown(source, event)
        if found is not None:
            decode, extra = found
            try:
                if type(properties) is not bytes:
                    properties = msgspec.json.encode(properties)
                typed = decode(properties)
            except UNREADABLE:
                pass
            else:
                if extra is None or extra(typed):
                    return self._ok
        return self._explain(event, properties, source, value, refused=found is not None)

    def check_traits(self, kind: Literal["user", "account"], traits: Properties, source: str | None = None) -> Verdict:
        """The verdict on the traits of a user or an account; "unplanned" if the plan has none."""
        shape = self._traits.get(kind)
        if shape is None:
            return Verdict("unplanned", (), self.release.rev)
        untold: Untold = []
        return self._verdict(shape.findings(traits, untold), None, source, untold)

    def with_finding(
        self, verdict: Verdict, code: ViolationCode, message: str, event: str | None, source: str | None
    ) -> Verdict:
        """The verdict, and what somebody else found about the same event, by the same policy."""
        shape = self._events.get(event) if event is not None else None
        own = self._verdict([(code, (), message)], shape.event if shape else None, source)
        if not own.violations:
            return verdict
        worse = own.outcome == "rejected" and verdict.outcome != "rejected"
        both = own.violations + verdict.violations if worse else verdict.violations + own.violations
        outcome = max(verdict.outcome, own.outcome, key=_SEVERITY.index)
        return Verdict(outcome, both, verdict.rev, verdict.strip)

    def properties_type(self, event: str, *, redacted: bool = False) -> type[Struct] | None:
        """
        The struct whose successful decode, with `extra_check`, means "ok"; None if there is none.

        With `redacted` it also means that `redact` would not change the event.
        """
        shape = self._likely(event) if event in self._events else None
        return (shape.redacted_struct if redacted else shape.struct) if shape else None

    def extra_check(self, event: str, *, redacted: bool = False) -> fast.Test | None:
        """What a decoded struct must still pass (formats, rules …), or None if decoding says it all."""
        shape = self._likely(event) if event in self._events else None
        return (shape.redacted_extra if redacted else shape.extra) if shape else None

    def traits_type(self, kind: str) -> type[Struct] | None:
        """As `properties_type`, for the traits of a user or account."""
        shape = self._traits.get(kind)
        return shape.struct if shape else None

    def traits_check(self, kind: str) -> fast.Test | None:
        """As `extra_check`, for the traits of a user or account."""
        shape = self._traits.get(kind)
        return shape.extra if shape else None

    def fast_events(self, source: str | None) -> tuple[str, ...]:
        """The events in use, and their former names, that a source may send and that have a `properties_type`."""
        return tuple(name for name in self._fast_events(source) if self._likely(name).struct is not None)

    def json_schema(self, event: str) -> dict[str, Any] | None:
        """The JSON Schema of an event's properties, or None for an event the plan does not know."""
        shape = self._events.get(event)
        return shape.schema if shape else None

    def _fast_events(self, source: str | None) -> tuple[str, ...]:
        return tuple(
            name
            for name in (*self.release.events, *self._former_events)
            if (event := self.release.events[self._former_events.get(name, name)]).status in ("active", "draft")
            and self._likely(name).type is not None
            and self._may_send(event, source)
        )

    def _may_send(self, event: EventSpec, source: str | None) -> bool:
        return source is None or not event.sent_by or source in event.sent_by or source not in self.release.sources

    def _fast_unknown(self, source: str | None, event: str) -> Any:
        return self._fast.get((None, event)) if source not in self.release.sources else None

    def _explain(self, event: str, properties: Properties, source: str | None, value: Any, *, refused: bool) -> Verdict:
        shape = self._events.get(event)
        if shape is None or shape.event is None:
            message = f"`{event[:200]}` is not in plan {self.release.name} rev {self.release.rev}."
            finding = (ViolationCode.UNPLANNED_EVENT, (), message + self._near_event(event))
            return self._verdict([finding], None, source)
        untold: Untold = []
        refused = refused and event not in self._former_events  # of which another shape was asked
        wrong = shape.findings(properties, untold, value=value, refused=refused)
        return self._verdict([*self._about_event(shape.event, source), *wrong], shape.event, source, untold)

    def _about_event(self, event: EventSpec, source: str | None) -> list[explain.Finding]:
        found: list[explain.Finding] = []
        instead = f" Send `{event.replaced_by}` instead." if event.replaced_by else ""
        if event.status == "deprecated":
            until = f" and will be removed after {event.remove_after}" if event.remove_after else ""
            found.append((ViolationCode.DEPRECATED_EVENT, (), f"`{event.name}` is deprecated{until}.{instead}"))
        elif event.status == "retired":
            found.append((ViolationCode.RETIRED_EVENT, (), f"`{event.name}` is retired.{instead}"))
        if not self._may_send(event, source):
            message = f"`{event.name}` is sent by {', '.join(event.sent_by)}, not by {source}."
            found.append((ViolationCode.WRONG_SOURCE, (), message))
        return found

    def _verdict(
        self,
        found: list[explain.Finding],
        event: EventSpec | None,
        source: str | None,
        untold: Untold | None = None,
    ) -> Verdict:
        worst = 0
        violations: list[Violation] = []
        rejecting: list[Violation] = []
        strip: list[failures.Path] = []
        policy = self._policy(event, source)
        for code, path, message in found:
            action = policy[code]
            if action == "strip" and not path:
                # "There are 80 more" is marked as the 20 were; where nothing can be removed, the default holds.
                action = "flag" if any(code == each for each, _ in untold or ()) else DEFAULT_POLICY[code]
            if action == "allow":
                continue
            violation = Violation(str(code), explain.pointer(path), message)
            (rejecting if action == "reject" else violations).append(violation)
            worst = max(worst, _SEVERITIES[action])
            if action == "strip":
                strip.append(_property(path))
        if not worst:
            return self._ok
        if untold:
            strip += [_property(path) for code, path in untold if policy[code] == "strip"]
        if strip:
            strip += _former_names(event, strip)
        return Verdict(_SEVERITY[worst], (*rejecting, *violations), self.release.rev, tuple(strip))

    def _policy(self, event: EventSpec | None, source: str | None) -> dict[str, str]:
        """What is done about each violation, by code: the event's own policy, else the source's, else the plan's."""
        if source not in self.release.sources:
            source = None
        key = (event.name if event is not None else None, source)
        policy = self._policies.get(key)
        if policy is None:
            plan: dict[str, str] = dict.fromkeys(map(str, ViolationCode), "flag") | self.release.on_violation
            sender = self.release.sources[source].on_violation if source is not None else {}
            policy = self._policies[key] = plan | sender | (event.on_violation if event is not None else {})
        return policy


def _former_names(event: EventSpec | None, strip: list[failures.Path]) -> list[failures.Path]:
    """What goes with properties that are removed: their former names, which would count in their place."""
    former = former_properties(event) if event is not None and event.formerly and strip else {}
    gone = {former.get(str(path[0]), str(path[0])) for path in strip if len(path) == 1}
    return [(old,) for old, new in former.items() if new in gone and (old,) not in strip]


def _property(path: failures.Path) -> failures.Path:
    """The innermost property on a path: a list without one of its items would be another list."""
    end = len(path)
    while end and isinstance(path[end - 1], int):
        end -= 1
    return path[:end]


def _reason(error: BaseException) -> str:
    """Why JSON could not be read, without quoting the value: UnicodeEncodeError's text would."""
    if isinstance(error, UnicodeError):
        return "a text in it is not valid Unicode (a lone surrogate, or bytes that are not UTF-8)"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    text = str(error).rstrip(".")
    # msgspec says "truncated" of a lone surrogate escape, too.
    return "it is cut off, or a text in it has a lone surrogate" if text == "Input data was truncated" else text
