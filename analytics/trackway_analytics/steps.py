"""
What counts as one step of a funnel, as the start of a cohort, as a touch: one of several events, with a
filter.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from trackway_analytics.errors import QuestionError
from trackway_analytics.queries.fields import Reader
from trackway_analytics.queries.where import compile_where
from trackway_plan.renames import Names


@dataclass(frozen=True, slots=True)
class Step:
    """One of `events`, with properties that satisfy `where`. No events means any event."""

    events: tuple[str, ...]
    where: str | None = None
    label: str = ""

    def __str__(self) -> str:
        return self.label or self.spelled()

    def spelled(self) -> str:
        """What the step asks for: `cart or wishlist, where price > 10`."""
        names = " or ".join(self.events) or "any event"
        return f"{names}, where {self.where}" if self.where else names

    @property
    def noun(self) -> str:
        """What the step asks for after "first": `event` rather than `any event`."""
        return self.spelled() if self.events else "event"

    def present(self, names: Names) -> Step:
        """The same step with its events under their present names."""
        return replace(self, events=tuple(dict.fromkeys(names.event(event) for event in self.events)))

    def condition(self, reader: Reader, name: str) -> str:
        """SQL that is 1 for the events of this step; `name` names its bound parameters."""
        parts = []
        if self.events:
            parts.append(reader.event_in(self.events, name))
        if self.where:
            parts.append(compile_where(self.where, reader.of_events(self.events)))
        return f"({' AND '.join(parts)})" if parts else "1"


Steplike = str | Step


def step(*events: str, where: str | None = None, label: str = "") -> Step:
    """
    Return a step that any one of `events` takes if it satisfies `where` (the language: `queries/where.py`).

    `label` is what answers call it; default: the events' names.

    Raises:
        QuestionError: no event, or something that is not an event's name.
    """
    if not events:
        message = 'A step needs at least one event. Write step("cart") or step("cart", "wishlist").'
        raise QuestionError(message)
    for event in events:
        if not isinstance(event, str) or not event:
            message = f"step: {event!r} is no event name. Names are strings that are not empty."
            raise QuestionError(message)
    return Step(tuple(dict.fromkeys(events)), where, label)


def as_step(option: str, value: Steplike) -> Step:
    """Return `value` as a step: "cart" is step("cart")."""
    if isinstance(value, Step):
        return value
    if isinstance(value, str) and value:
        return step(value)
    message = f'{option}={value!r} is neither an event\'s name nor a step. Write "cart" or step("cart", where="…").'
    raise QuestionError(message)


def as_events(option: str, value: Steplike | Iterable[Steplike] | None) -> Step:
    """
    Return one step for what may be one event, one step, or several events; None is any event.

    Raises:
        QuestionError: several steps with filters, whose filters cannot be one.
    """
    if value is None:
        return Step(())
    if isinstance(value, (str, Step)):
        return as_step(option, value)
    steps = [as_step(option, item) for item in value]
    if not steps:
        message = f"{option} names no event."
        raise QuestionError(message)
    if len(steps) == 1:
        return steps[0]
    if any(item.where for item in steps):
        message = f'{option}: several events share one filter. Write step("a", "b", where=…).'
        raise QuestionError(message)
    return step(*(name for item in steps for name in item.events))
