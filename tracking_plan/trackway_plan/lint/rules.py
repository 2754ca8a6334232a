"""
The table of lint rules: what each is called, how bad it is, why it is there, and how to mend what it finds.

What only people can judge warns; what contradicts the plan's own `naming:`, or leaves open whether personal data
is stored, fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from ..findings import Finding, Severity
from ..model import Plan
from . import contents, lifecycle, names
from .subjects import Found, place_of

Check = Callable[[Plan, date], Iterable[Found]]

_ERROR, _WARN = Severity.ERROR, Severity.WARN


@dataclass(frozen=True)
class LintRule:
    """One rule; `check` is None for the rules about waivers, which are applied after all others."""

    id: str
    severity: Severity
    why: str
    mend: str
    check: Check | None = None

    def found(self, plan: Plan, today: date) -> Iterator[Finding]:
        """What the check finds, as findings."""
        for each in self.check(plan, today) if self.check else ():
            yield self.finding(plan, each)

    def finding(self, plan: Plan, found: Found) -> Finding:
        """One find with this rule's severity, at its place in the files."""
        place = place_of(plan, found.at)
        event = found.at[1] if found.at[:1] == ("events",) and len(found.at) > 1 else ""
        return Finding(
            rule=self.id,
            severity=self.severity,
            message=found.message,
            hint=found.hint or self.mend,
            event=event,
            path=found.property,
            file=place.file,
            line=place.line,
            column=place.column,
            # What an event does not name is told apart by what it is about.
            before="" if event else "/".join(found.at),
            data={"at": list(found.at)},
        )


RULES: tuple[LintRule, ...] = (
    LintRule(
        "name-case",
        _ERROR,
        "Names in two styles are two columns for one idea, and nobody remembers which.",
        "Spell it in the style of `naming:` in plan.yaml.",
        names.case,
    ),
    LintRule(
        "name-length",
        _ERROR,
        "Long names are cut in tables and charts, where two of them then look the same.",
        "Give it a shorter name, or raise `max_length` in plan.yaml.",
        names.length,
    ),
    LintRule(
        "name-shape",
        _ERROR,
        "A name with an object and an action says what happened to what; one word says neither.",
        "Name what it happened to and what happened, such as `order_completed`.",
        names.shape,
    ),
    LintRule(
        "name-action",
        _ERROR,
        "A short list of actions keeps `viewed`, `seen` and `shown` from meaning the same thing.",
        "Use an action that is listed, or add it to `actions` in plan.yaml.",
        names.action,
    ),
    LintRule(
        "name-tense",
        _WARN,
        "An event has happened; a name in another tense reads like an order or a plan.",
        "Write the action in the tense that `naming:` asks for.",
        names.tense,
    ),
    LintRule(
        "name-boolean",
        _WARN,
        "A prefix tells a truth value from a text in every query that uses it.",
        "Begin the name with one of the prefixes in `booleans` of plan.yaml.",
        names.boolean,
    ),
    LintRule(
        "name-too-similar",
        _ERROR,
        "Names that differ only in case or punctuation are mixed up in code, in queries and in meetings.",
        "Keep one of them.",
        names.similar,
    ),
    LintRule(
        "unit-suffix",
        _WARN,
        "A number whose name holds its unit is not added to one in another unit by mistake.",
        "End the name with the unit, and list the unit in `unit_suffixes` of plan.yaml.",
        names.unit_suffix,
    ),
    LintRule(
        "unit-in-name",
        _WARN,
        "A unit that only the name knows reaches neither axis labels nor the generated client.",
        "State the unit as `unit:` too.",
        names.unit_in_name,
    ),
    LintRule(
        "owner-missing",
        _WARN,
        "An event without an owner is changed by anybody and mended by nobody.",
        "Write `owner: <team>`.",
        contents.owner,
    ),
    LintRule(
        "summary-missing",
        _WARN,
        "Who reads a number needs to know what was counted; the name alone is guessed at.",
        "Write `summary:` with one sentence that says what happened.",
        contents.summary,
    ),
    LintRule(
        "pii-missing",
        _ERROR,
        "What is not classified is stored in plain text by default, and found by whoever asks under a law.",
        "Write `pii: none`, or the class: pseudonymous, contact, financial, free_text, location, special.",
        contents.pii,
    ),
    LintRule(
        "required-nullable",
        _WARN,
        "A property that must be there and may be null is optional in fact; a reader of either word is misled.",
        "Drop `required`, or drop `nullable`.",
        contents.required_nullable,
    ),
    LintRule(
        "object-open",
        _WARN,
        "An object of anything cannot be checked, gets no columns, and is where personal data hides.",
        "List its `properties`.",
        contents.open_object,
    ),
    LintRule(
        "event-expired",
        _WARN,
        "The day has passed on which the event was to go; it only warns, so that unrelated changes still merge.",
        "Remove the event once it has stopped arriving, or move the day.",
        lifecycle.expired,
    ),
    LintRule(
        "deprecated-without-successor",
        _WARN,
        "Who has to stop sending an event needs to know what to send instead.",
        "Write `replaced_by: <event>`.",
        lifecycle.no_successor,
    ),
    LintRule(
        "deprecated-without-date",
        _WARN,
        "Without a day, deprecated events stay for ever.",
        "Write `remove_after: <day>`.",
        lifecycle.no_end,
    ),
    LintRule(
        "group-unused",
        _WARN,
        "A group that no event includes is read, kept up and changed for nothing.",
        "Include it in an event, or delete its file.",
        lifecycle.unused_group,
    ),
    LintRule(
        "type-unused",
        _WARN,
        "A type that no property has is read, kept up and changed for nothing.",
        "Use it, or delete it from types.yaml.",
        lifecycle.unused_type,
    ),
    LintRule(
        "waiver-unknown",
        _ERROR,
        "A waiver of a rule that does not exist waives nothing.",
        "Name a rule of `trackway plan lint --rules`.",
    ),
    LintRule(
        "waiver-unused",
        _ERROR,
        "A waiver that waives nothing hides the next mistake of its kind.",
        "Remove it.",
    ),
    LintRule(
        "waiver-expired",
        _ERROR,
        "The day has passed until which somebody promised to mend this.",
        "Mend what it waives, or agree on another day.",
    ),
    LintRule(
        "waiver-endless",
        _ERROR,
        "A waiver without an end is a rule that was abolished in silence.",
        "Write `until: <day>`.",
    ),
)

BY_ID = {rule.id: rule for rule in RULES}
