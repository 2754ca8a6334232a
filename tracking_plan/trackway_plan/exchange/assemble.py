"""
Events of other tools as one sound plan: what the plan language asks of a whole plan is put right here.

Sources and events that are named must exist, one name has one storage type, examples validate. Each repair that
costs something is a loss; a property that is merely stored under a name of its own is a note.
"""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from ..findings import Finding, Severity
from ..loading.plan import read_plan
from ..model import DEFAULT_POLICY, Action, EventSpec, Plan, PropertySpec, Source
from ..redact import stored as how_stored
from ..storage import storage_type
from ..verdict.formats import is_date
from ..verdict.validator import Shape
from ..write_yaml import area_name, write_plan
from .bounds import with_room
from .documents import ImportRefusedError
from .losses import Losses
from .names import event_name, is_name, plan_name, property_path
from .places import with_places

DEFAULT_AREA = "imported"
Properties = dict[str, PropertySpec]


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What an import gives."""

    plan: Plan
    findings: tuple[Finding, ...]
    """Losses (warnings), then notes."""


class Collector:
    """Events and traits as they are found, under names that the plan takes and that differ."""

    def __init__(self, losses: Losses) -> None:
        self.losses = losses
        self.events: dict[str, EventSpec] = {}
        self.traits: dict[str, Properties] = {}
        self.types: Properties = {}

    def name(self, text: str, where: str) -> str:
        """The name of the next event; a loss if it had to be changed."""
        name = text if is_name(text) and not text.startswith("$") and text not in self.events else ""
        if not name:
            name = event_name(text, self.events)
            why = "it stands twice" if text in self.events else "the plan language does not take it"
            self.losses.event = name
            self.losses.add(where, f"the name {text!r}", f"{why}; the plan calls it `{name}`")
        self.losses.event = name
        return name

    def add(self, event: EventSpec) -> None:
        """Keep an event whose name came from `name`."""
        properties = with_room(event.properties, self.losses)
        area = area_name(event.area) or DEFAULT_AREA
        self.events[event.name] = msgspec.structs.replace(event, area=area, properties=properties)

    def add_traits(self, kind: str, event: EventSpec, where: str) -> None:
        """Keep the properties of an identify or group call as traits."""
        self.losses.event = ""
        if event.open:
            why = "traits the plan does not mention are flagged; events alone can be open"
            self.losses.add(where, f"other traits of the {kind}", why)
        if event.rules:
            self.losses.add(where, f"rules of the {kind}'s traits", "rules are of events")
        self.traits[kind] = self.traits.get(kind, {}) | with_room(event.properties, self.losses)

    def plan(self, name: str, summary: str = "") -> Imported:
        """
        The sound plan.

        Raises:
            ImportRefusedError: a problem is left that nothing was known to mend.
        """
        notes: list[Finding] = []
        events = {name: self._sound(event) for name, event in self.events.items()}
        sources = dict.fromkeys(source for event in events.values() for source in event.sent_by)
        roots = {("events", key): event.properties for key, event in events.items()}
        roots |= {("traits", kind): specs for kind, specs in self.traits.items()}
        apart = _StoredApart(notes).apply(roots)
        plan = Plan(
            name=plan_name(name, instead="imported"),
            summary=summary,
            sources={each: Source(name=each) for each in sources},
            types=self.types,
            traits={kind: apart["traits", kind] for kind in ("user", "account") if kind in self.traits},
            events={
                key: msgspec.structs.replace(event, properties=apart["events", key]) for key, event in events.items()
            },
        )
        _refuse_problems(plan)
        return Imported(plan=plan, findings=(*(loss.finding() for loss in with_places(self.losses.found)), *notes))

    def _sound(self, event: EventSpec) -> EventSpec:
        """The event without what rests on things that are not there."""
        self.losses.event = event.name
        ended = event.status in ("deprecated", "retired")
        known, actions = event.properties, [action.value for action in Action]
        changes: dict[str, Any] = {
            "sent_by": tuple(dict.fromkeys(filter(is_name, event.sent_by))),
            "once_per": tuple(dict.fromkeys(name for name in event.once_per if name in known)),
            "replaced_by": event.replaced_by if ended and event.replaced_by in self.events else "",
            "remove_after": event.remove_after if ended and is_date(event.remove_after) else "",
            "on_violation": {k: v for k, v in event.on_violation.items() if k in DEFAULT_POLICY and v in actions},
            "formerly": tuple(
                old
                for old in event.formerly
                if old.event not in self.events and old.property not in known and (not old.now or old.now in known)
            ),
            "examples": tuple(self._fitting_examples(event)),
        }
        for key, value in changes.items():
            if value != getattr(event, key) and key != "examples":
                self.losses.add("#", key, "it names what is not in the plan, or is not of its form")
        return msgspec.structs.replace(event, **changes)

    def _fitting_examples(self, event: EventSpec) -> Iterable[dict[str, Any]]:
        shape = Shape(event.name, event.properties, event)
        for index, example in enumerate(event.examples):
            if isinstance(example, dict) and not shape.findings(msgspec.json.encode(example)):
                yield example
            else:
                self.losses.add(f"#/examples/{index}", "an example", "it does not fit what the schema says")


class _StoredApart:
    """Gives properties of one name and different storage types names of their own in the warehouse."""

    def __init__(self, notes: list[Finding]) -> None:
        self._notes = notes
        self._types: dict[tuple[str, str], str] = {}

    def apply(self, roots: Mapping[tuple[str, str], Properties]) -> dict[tuple[str, str], Properties]:
        return {
            root: self._properties(specs, root[0], "", "", root[1] if root[0] == "events" else "")
            for root, specs in roots.items()
        }

    def _properties(self, specs: Properties, section: str, prefix: str, path: str, event: str) -> Properties:
        found: Properties = {}
        taken: set[str] = {spec.store_as or name for name, spec in specs.items()}
        for name, spec in specs.items():
            shown = property_path(path, name)
            stored = self._free(spec, name, section, prefix, taken, shown, event)
            if stored != (spec.store_as or name):
                spec = msgspec.structs.replace(spec, store_as=stored)
            if spec.kind == "object" and spec.properties and how_stored(spec) == "plain":
                inner = self._properties(spec.properties, section, f"{prefix}{stored}.", shown, event)
                spec = msgspec.structs.replace(spec, properties=inner)
            found[name] = spec
        return found

    def _free(
        self, spec: PropertySpec, name: str, section: str, prefix: str, taken: set[str], shown: str, event: str
    ) -> str:
        own, base = storage_type(spec), spec.store_as or name
        if how_stored(spec) == "drop":
            return base  # what is dropped is in nobody's way
        candidates = deque([base])
        number = 1
        while True:
            stored = candidates.popleft()
            known = self._types.setdefault((section, prefix + stored), own)
            if known == own and (stored == base or stored not in taken):
                break
            number += 1
            candidates.append(f"{base}_{number}")
        if stored != base:
            taken.add(stored)
            message = f"`{shown}` is {own} here and {self._types[section, prefix + base]} elsewhere"
            self._notes.append(
                Finding(
                    rule="stored-apart",
                    severity=Severity.NOTE,
                    message=f"{message}; it is stored as `{stored}`.",
                    event=event,
                    path=shown,
                )
            )
        return stored


def _refuse_problems(plan: Plan) -> None:
    """Nothing that `validate` would refuse is ever written: the plan's files are loaded before anybody sees them."""
    with tempfile.TemporaryDirectory(prefix="trackway-import-") as folder:
        write_plan(plan, folder)
        problems = read_plan(folder)[1]
    if problems:
        shown = [f"{Path(each.file).relative_to(folder)}: {each.message} {each.hint}" for each in problems[:20]]
        rest = "".join(f"\n  {line.strip()}" for line in shown)
        message = f"{plan.name}: the imported plan would not be valid:{rest}\n  Mend the input and import it again."
        raise ImportRefusedError(message)
