"""Retention: of those who started in a period, how many came back one, two, three … periods later."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from trackway_analytics.answer import Answer
from trackway_analytics.errors import QuestionError
from trackway_analytics.periods import Period
from trackway_analytics.queries.fields import Bindings, Known, Reader
from trackway_analytics.queries.fragments import Scope, Statement, render, subquery
from trackway_analytics.statistics import share
from trackway_analytics.steps import Step
from trackway_analytics.times import EARLIEST, MICROSECOND
from trackway_plan.renames import Names

if TYPE_CHECKING:
    import pandas as pd
    from plotly.graph_objects import Figure
    from rich.table import Table

First = Literal["ever", "range", "recurring"]
Mode = Literal["on", "on_or_after"]
MAX_COHORTS = 10_000
"""More than a year of hours; cohorts of nobody, which fill the table between the others, count."""


@dataclass(frozen=True, slots=True)
class RetentionQuestion:
    """The options of a retention question; `Events.retention` documents them."""

    start: Step
    return_: Step
    period: Period
    periods: int
    first: First
    mode: Mode
    scope: Scope = field(default_factory=Scope)

    @property
    def always_exact(self) -> bool:
        """Never: the order of events at one time does not matter here."""
        return False

    @property
    def named_events(self) -> tuple[str, ...]:
        """What starts a user and what counts as coming back."""
        return self.start.events + self.return_.events

    def present(self, names: Names) -> RetentionQuestion:
        """The same question in present names."""
        return replace(self, start=self.start.present(names), return_=self.return_.present(names))

    def compile(self, known: Known, *, exact: bool) -> Statement:
        """The statement that counts it."""
        bindings = Bindings()
        reader = Reader(bindings, known)
        self.scope.bind(bindings)
        if self.first == "ever":
            # The first event of a person may lie before the range.
            bindings.params["first"] = EARLIEST
        bindings.params |= {
            "since": self.scope.since or EARLIEST,
            "ever": int(self.first == "ever"),
            "recurring": int(self.first == "recurring"),
            "or_after": int(self.mode == "on_or_after"),
            "periods": self.periods,
            "zone": self.period.zone.key,
        }
        where = self.scope.filter(reader)
        persons = {
            "period": self.period.number_sql("timestamp"),
            "start_event": self.start.condition(reader, "starts"),
            "return_event": self.return_.condition(reader, "returns"),
            "filter": where,
        }
        # Most questions are of this kind: back with any event, or with the one that started.
        if self.return_ in (Step(()), self.start):
            same = self.return_ == self.start
            persons["starts"] = "returns" if same else "arrayDistinct(groupArrayIf(period, started))"
            name = "person_periods_returning"
        else:
            name = "person_periods"
        pieces = {"person_periods": subquery(name, persons), "filter": where}
        return Statement(render("retention", pieces), bindings.params, tuple(bindings.notes))


class Retention(Answer[RetentionQuestion]):
    """
    The answer to a retention question.

    `.df` is wide: cohort, users, then columns 0, 1, 2 … with the share that came back; NaN where the period
    is not over yet. `.counts` has the same shape with numbers of users, `.long()` one row per cell with
    `is_complete`.
    """

    verb = "retention"

    @cached_property
    def seen_until(self) -> datetime:
        """The end of what can be known: `until`, else just after the last event; never in the future."""
        now = datetime.now(UTC)
        if self.question.scope.until:
            return min(now, self.question.scope.until)
        last = max((row["seen_until"] for row in self.rows), default=None)
        return now if last is None else min(now, datetime.fromtimestamp(0, UTC) + (last + 1) * MICROSECOND)

    @property
    def meaning(self) -> str:
        q = self.present
        period = q.period.name
        start = {
            "ever": f"whose first {q.start.noun} ever falls into it",
            "range": f"whose first {q.start.noun} in the range falls into it",
            "recurring": f"with {q.start.spelled()} in it, hence people may be in several cohorts",
        }[q.first]
        when = f"in the {period} that many {period}s later"
        if q.mode == "on_or_after":
            when += " or any time after it"
        week = f", weeks start on {q.period.week_start}" if period == "week" else ""
        return (
            f"Users{q.scope.spelled()} by calendar {period} ({q.period.zone.key}{week}): a cohort is those"
            f" {start}; a column is the share with {q.return_.spelled()} {when} (0: in the cohort's own"
            f" {period}, from the start event on); a {period} that was not over at"
            f" {self.seen_until:%Y-%m-%d %H:%M} UTC is empty; the average is pooled over the"
            " cohorts that are complete."
        )

    def long(self) -> pd.DataFrame:
        """
        Return one row per cell: cohort, period, users, returned, rate, is_complete; rate is NaN where
        incomplete.
        """
        return self._long.copy()

    @cached_property
    def _long(self) -> pd.DataFrame:
        import pandas as pd

        q = self.question
        found = {(row["cohort"], row["after"]): row["users"] for row in self.rows}
        cohorts = [cohort for cohort, after in found if after == -1]
        records = []
        if cohorts and (span := max(cohorts) - min(cohorts) + 1) > MAX_COHORTS:
            # A device whose clock says 1970 must not make a row of every hour since.
            first, last = q.period.label(min(cohorts)), q.period.label(max(cohorts))
            message = (
                f"retention: the cohorts lie between {first:%Y-%m-%d} and {last:%Y-%m-%d}, {span:,} {q.period.name}s;"
                f" {MAX_COHORTS:,} are the most that are shown.\n  Set `since` and `until`, or take a longer `period`."
            )
            raise QuestionError(message)
        for cohort in range(min(cohorts), max(cohorts) + 1) if cohorts else ():
            users = found.get((cohort, -1), 0)
            for after in range(q.periods + 1):
                complete = q.period.end(cohort + after) <= self.seen_until
                returned = found.get((cohort, after), 0)
                rate = share(returned, users) if complete else float("nan")
                records.append((q.period.label(cohort), after, users, returned, rate, complete))
        return pd.DataFrame(records, columns=["cohort", "period", "users", "returned", "rate", "is_complete"])

    @cached_property
    def _frame(self) -> pd.DataFrame:
        return self._wide("rate")

    @cached_property
    def counts(self) -> pd.DataFrame:
        """Like `.df`, with the number of users who came back; NaN where the period is not over yet."""
        return self._wide("returned")

    def _wide(self, what: str) -> pd.DataFrame:
        import pandas as pd

        after = list(range(self.question.periods + 1))
        if self._long.empty:
            return pd.DataFrame(columns=["cohort", "users", *after])
        cells = self._long.assign(cell=self._long[what].where(self._long["is_complete"]))
        wide = cells.pivot(index="cohort", columns="period", values="cell")
        wide.insert(0, "users", cells.groupby("cohort")["users"].first())
        wide.columns.name = None
        return wide.reset_index()

    def average(self) -> pd.DataFrame:
        """
        Return the pooled average: all who came back, over all who could have, of the cohorts complete at that
            period.

        Columns period, users, returned, rate; rate is NaN where no cohort is complete.
        """
        import pandas as pd

        complete = self._long[self._long["is_complete"].astype(bool)]
        records = []
        for after in range(self.question.periods + 1):
            cells = complete[complete["period"] == after]
            users, returned = int(cells["users"].sum()), int(cells["returned"].sum())
            records.append((after, users, returned, share(returned, users)))
        return pd.DataFrame(records, columns=["period", "users", "returned", "rate"])

    def figure(self) -> Figure:
        """A heat map of the cohorts with the pooled average on top; incomplete cells stay empty."""
        from trackway_analytics.views.retention import figure

        return figure(self._frame, self.average(), period=self.question.period.name, semantics=self.semantics)

    def table(self) -> Table:
        """The cohorts as a heat map for the terminal."""
        from trackway_analytics.views.retention import table

        return table(self._frame, self.average(), period=self.question.period.name, semantics=self.semantics)
