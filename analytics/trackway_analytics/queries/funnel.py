"""The funnel: how many units took the steps in order, within a window, and where the others stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from trackway_analytics.answer import Answer
from trackway_analytics.labels import OTHER, value_label
from trackway_analytics.queries.fields import Bindings, Known, Reader, field_named
from trackway_analytics.queries.fragments import Scope, Statement, render
from trackway_analytics.queries.timelines import MARK_BITS, Unit, population, timelines
from trackway_analytics.statistics import share, wilson
from trackway_analytics.steps import Step
from trackway_analytics.times import microseconds, spell
from trackway_analytics.wording import counted
from trackway_plan.renames import Names

if TYPE_CHECKING:
    import pandas as pd
    from plotly.graph_objects import Figure
    from rich.table import Table

Entry = Literal["first", "any"]
MAX_STEPS = 32
_FOREVER_US = 2**62


@dataclass(frozen=True, slots=True)
class FunnelQuestion:
    """The options of a funnel; `Events.funnel` documents them."""

    steps: tuple[Step, ...]
    within: timedelta | None
    entry: Entry
    unit: Unit
    breakdown: str | None
    top: int
    session_gap: timedelta
    scope: Scope = field(default_factory=Scope)

    @property
    def always_exact(self) -> bool:
        """A breakdown carries a value along; more steps than bits do not fit the packed form."""
        return self.breakdown is not None or len(self.steps) > MARK_BITS

    @property
    def named_events(self) -> tuple[str, ...]:
        """Those of the steps."""
        return tuple(event for step in self.steps for event in step.events)

    def present(self, names: Names) -> FunnelQuestion:
        """The same question in present names."""
        return replace(self, steps=tuple(step.present(names) for step in self.steps))

    def compile(self, known: Known, *, exact: bool) -> Statement:
        """The statement that counts it."""
        bindings = Bindings()
        reader = Reader(bindings, known)
        self.scope.bind(bindings)
        mark = self._mark(reader)
        value = f"ifNull({reader.text(field_named(self.breakdown))}, '')" if self.breakdown else "''"
        where = self.scope.filter(reader, self.unit)
        looked_at = where
        if self.unit == "user" and all(step.events for step in self.steps):
            # The mark says the same; by names the engine finds the parts of the table to read, as it is
            # sorted by them.
            names = list(dict.fromkeys(event for step in self.steps for event in step.events))
            looked_at = f"{where} AND {reader.event_in(names, 'events')}"
        pieces = {
            "timelines": timelines(self.unit, mark=mark, where=looked_at, exact=exact, value=value),
            "population": population(self.unit, where),
        }
        if self.unit == "session":
            bindings.params["session_gap_us"] = microseconds(self.session_gap)
        bindings.params |= {
            "steps": len(self.steps),
            "first_entry_only": int(self.entry == "first"),
            "window_us": microseconds(self.within) if self.within else _FOREVER_US,
            "top": self.top if self.breakdown else 1,
        }
        return Statement(render("funnel", pieces), bindings.params, tuple(bindings.notes))

    def _mark(self, reader: Reader) -> str:
        """SQL of a bit mask: bit i is set when the event can be step i (from 0)."""
        stored = [reader.sent_names(step.events) for step in self.steps]
        plain = not any(sent.bounded for names in stored for sent in names)
        if plain and all(len(step.events) and not step.where for step in self.steps):
            # Names alone: one look-up instead of a comparison a step.
            masks: dict[str, int] = {}
            for number, sent_names in enumerate(stored):
                for sent in sent_names:
                    masks[sent.name] = masks.get(sent.name, 0) | 1 << number
            names = reader.bindings.bind("step_events", "Array(String)", list(masks))
            marks = reader.bindings.bind("step_marks", "Array(UInt64)", list(masks.values()))
            return f"transform(event, {names}, {marks}, toUInt64(0))"
        bits = [
            f"bitShiftLeft(toUInt64({step.condition(reader, f'step_{number + 1}')}), {number})"
            for number, step in enumerate(self.steps)
        ]
        return " + ".join(bits) if len(bits) == 1 else f"({' + '.join(bits)})"


class Funnel(Answer[FunnelQuestion]):
    """A funnel's answer. `.population` is the number of units with any event in the scope."""

    verb = "funnel"

    @property
    def units(self) -> str:
        """What is counted: "users" or "sessions"; also the name of the data frame's column."""
        return f"{self.question.unit}s"

    @cached_property
    def population(self) -> int:
        """How many users or sessions have any event in the scope."""
        return self.rows[0]["population"] if self.rows else self.ask_population(self.question.unit)

    @property
    def meaning(self) -> str:
        q = self.present
        path = " → ".join(step.spelled() for step in q.steps)
        window = f"each within {spell(q.within)} of the first" if q.within else "without a time limit"
        if q.entry == "first":
            entry = f"counted from each {q.unit}'s first {q.steps[0].spelled()} only"
        else:
            entry = f"any {q.steps[0].spelled()} may start the funnel and the furthest attempt counts"
        sessions = ""
        if q.unit == "session":
            sessions = f" (the client's session id, else {spell(q.session_gap)} without an event end one)"
        broken = ""
        if q.breakdown:
            broken = f", split by {field_named(q.breakdown).label} at the {q.unit}'s first {q.steps[0].spelled()}"
        return (
            f"Of {counted(self.population, q.unit)}{sessions} with any event{q.scope.spelled()}, those who did"
            f" {path} in this order (other events may come between), {window}; {entry}{broken}; conversion is of"
            " those who took the first step, median_time_s is the median time since it, intervals are 95 % Wilson."
        )

    @cached_property
    def _frame(self) -> pd.DataFrame:
        import pandas as pd

        entered = [row for row in self.rows if row["entered"]]
        if not self.question.breakdown:
            return pd.DataFrame(self._steps(entered[0] if entered else None), columns=self._columns)
        records: list[dict[str, Any]] = []
        for row in entered:
            value = OTHER if row["is_other"] else value_label(row["breakdown_value"])
            records += [{"breakdown": value, **step} for step in self._steps(row)]
        return pd.DataFrame(records, columns=["breakdown", *self._columns])

    @property
    def _columns(self) -> list[str]:
        names = "step label {} conversion step_conversion drop_off share ci_low ci_high median_time_s"
        return names.format(self.units).split()

    def _steps(self, row: Mapping[str, Any] | None) -> list[dict[str, Any]]:
        reached = list(row["reached"]) if row else []
        medians = list(row["median_us"]) if row else []
        counts = [reached[i] if i < len(reached) else 0 for i in range(len(self.question.steps))]
        records = []
        for i, step in enumerate(self.present.steps):
            before = counts[i - 1] if i else counts[0]
            # The first step is what the others are compared with: a share of 1 by definition.
            low, high = wilson(counts[i], counts[0]) if i else (share(counts[0], counts[0]),) * 2
            records.append(
                {
                    "step": i + 1,
                    "label": str(step),
                    self.units: counts[i],
                    "conversion": share(counts[i], counts[0]),
                    "step_conversion": share(counts[i], before),
                    "drop_off": before - counts[i],
                    "share": share(counts[i], self.population),
                    "ci_low": low,
                    "ci_high": high,
                    "median_time_s": medians[i] / 1e6 if counts[i] else float("nan"),
                }
            )
        return records

    def figure(self) -> Figure:
        """
        Bars of the units that reached each step, with the share that came from the first; the axis starts at
        0.
        """
        from trackway_analytics.views.funnel import figure

        return figure(self._frame, units=self.units, semantics=self.semantics)

    def table(self) -> Table:
        """The steps with bars, for the terminal."""
        from trackway_analytics.views.funnel import table

        return table(self._frame, units=self.units, semantics=self.semantics)
