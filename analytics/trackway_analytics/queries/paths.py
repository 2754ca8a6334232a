"""Paths: what units did next, step by step, from an event on, back from an event, or from their start."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from trackway_analytics.answer import Answer, ask
from trackway_analytics.labels import OTHER_NODE
from trackway_analytics.queries.fields import Bindings, Known, Reader
from trackway_analytics.queries.fragments import Scope, Statement, render, subquery
from trackway_analytics.queries.timelines import MAX_PACKED_MARK, Unit, population, timelines
from trackway_analytics.statistics import share
from trackway_analytics.times import microseconds, spell
from trackway_analytics.wording import counted
from trackway_plan.renames import Names

if TYPE_CHECKING:
    import pandas as pd
    from plotly.graph_objects import Figure
    from rich.table import Table

    from trackway_analytics.views.paths import Drawn

Direction = Literal["after", "before"]
Report = Literal["paths", "top_paths", "transitions"]

DROP_OFF = "drop-off"
BEGINNING = "start"
EVENT = " (event)"
# Calls that say who somebody is, not what they do.
NOT_BEHAVIOUR = ("$identify", "$group", "$alias")


@dataclass(frozen=True, slots=True)
class PathsQuestion:
    """The options of a path question; `Events.paths` documents them."""

    anchor: tuple[str, ...]
    direction: Direction
    steps: int
    unit: Unit
    collapse: bool
    exclude: tuple[str, ...]
    top: int
    session_gap: timedelta
    scope: Scope = field(default_factory=Scope)

    @property
    def always_exact(self) -> bool:
        """Never: node numbers are small."""
        return False

    @property
    def named_events(self) -> tuple[str, ...]:
        """Where the paths start or end, and what they look past; not what is looked past unasked."""
        return (*self.anchor, *(event for event in self.exclude if event not in NOT_BEHAVIOUR))

    def present(self, names: Names) -> PathsQuestion:
        """The same question in present names."""
        anchor = tuple(dict.fromkeys(names.event(event) for event in self.anchor))
        exclude = tuple(dict.fromkeys(names.event(event) for event in self.exclude))
        return replace(self, anchor=anchor, exclude=exclude)

    def compile(self, known: Known, *, exact: bool) -> Statement:
        """The statement that counts moves from node to node."""
        return self.report("paths", known, exact=exact)

    def report(self, name: Report, known: Known, *, exact: bool, top: int | None = None) -> Statement:
        """One of the statements over the same sequences; they differ in what they count."""
        bindings = Bindings()
        reader = Reader(bindings, known)
        where = self.scope.filter(reader, "session")
        self.scope.bind(bindings)
        event = reader.event_name()
        names = subquery("nodes", {"filter": where, "event": event})
        # `names` is what the report's WITH calls the array; it holds for the subqueries too.
        mark = f"transform({event}, names, arrayEnumerate(names), 0)"
        sequences = {
            "timelines": timelines(self.unit, mark=mark, where=where, exact=exact),
            "too_many": "0" if exact else f"length(names) > {MAX_PACKED_MARK}",
        }
        pieces = {
            "names": names,
            "sequences": subquery("sequences", sequences),
            "population": population(self.unit, where),
        }
        if self.unit == "session":
            bindings.params["session_gap_us"] = microseconds(self.session_gap)
        bindings.params |= {
            "exclude": list(self.exclude),
            "collapse": int(self.collapse),
            "anchor": list(self.anchor),
            "backwards": int(self.direction == "before"),
            "steps": self.steps,
        }
        if top is not None:
            bindings.params["top"] = top
        return Statement(render(name, pieces), bindings.params, tuple(bindings.notes))


class Paths(Answer[PathsQuestion]):
    """
    The answer to a path question.

    `.df` has a row per step, source and target; `.nodes` a row per column and node. Every column adds up to
    `.population`, the units that have the anchor event: whoever stops goes to "drop-off" and stays there,
    nodes that are not among the column's `top` are "other". Back from an event, "start" takes the place of
    "drop-off".
    """

    verb = "paths"

    @property
    def ended(self) -> str:
        """The node of the paths that have no further event."""
        return DROP_OFF if self.question.direction == "after" else BEGINNING

    @cached_property
    def population(self) -> int:
        """How many units have a path: those with the anchor event."""
        return sum(row["paths"] for row in self.rows if row["step"] == 1)

    @cached_property
    def total(self) -> int:
        """How many units have any event in the scope."""
        return self.rows[0]["population"] if self.rows else self.ask_population(self.question.unit)

    @property
    def meaning(self) -> str:
        q = self.present
        sessions = ""
        if q.unit == "session":
            sessions = f" (the client's session id, else {spell(q.session_gap)} without an event end one)"
        anchor = " or ".join(q.anchor)
        if not q.anchor:
            what = f"the first {q.steps} events"
        elif q.direction == "after":
            what = f"the first {anchor} and the next {counted(q.steps - 1, 'event')}"
        else:
            what = f"the first {anchor} and the {counted(q.steps - 1, 'event')} before it"
        repeats = "; an event right after the same event is not counted again" if q.collapse else ""
        left_out = f"; without {', '.join(q.exclude)}" if q.exclude else ""
        return (
            f"Of {counted(self.total, q.unit)}{sessions} with any event{q.scope.spelled()}, the"
            f" {self.population:,} with {anchor or 'any event that counts'}: {what} of each{repeats}{left_out};"
            f" events are ordered by time, then message_id; in each column all but the"
            f" {counted(q.top, 'most frequent event')} are “{OTHER_NODE}”,"
            f" and those with no further event are “{self.ended}”."
        )

    @cached_property
    def _kept(self) -> list[set[str]]:
        """Per column (from 0) the events that keep their name."""
        kept = []
        for column in range(self.question.steps):
            counts = self._counts(column)
            # The anchor is what was asked for; it is never "other".
            named = sorted(
                counts, key=lambda name: (name not in self.present.anchor or column > 0, -counts[name], name)
            )
            kept.append(set(named[: self.question.top]))
        return kept

    def _counts(self, column: int) -> dict[str, int]:
        """Units per event in that column; without those whose path has ended."""
        counts: dict[str, int] = {}
        for row in self.rows:
            # A column's nodes are the sources of the next move; the last column's are targets only.
            if row["step"] == column + 1:
                counts[row["source"]] = counts.get(row["source"], 0) + row["paths"]
            elif row["step"] == column and column == self.question.steps - 1 and row["target"]:
                counts[row["target"]] = counts.get(row["target"], 0) + row["paths"]
        return counts

    def _label(self, column: int, name: str) -> str:
        if not name:
            return self.ended
        if name not in self._kept[column]:
            return OTHER_NODE
        # An event that happens to be called like one of our nodes, or as we would call such a one, stays apart.
        plain = name
        while plain.endswith(EVENT):
            plain = plain.removesuffix(EVENT)
        return f"{name}{EVENT}" if plain in (OTHER_NODE, self.ended) else name

    @cached_property
    def _frame(self) -> pd.DataFrame:
        import pandas as pd

        moves: dict[tuple[int, str, str], int] = {}
        for row in self.rows:
            step = row["step"]
            if step:
                key = step, self._label(step - 1, row["source"]), self._label(step, row["target"])
                moves[key] = moves.get(key, 0) + row["paths"]
        ordered = sorted(moves.items(), key=lambda item: (item[0][0], -item[1], item[0]))
        return pd.DataFrame(
            [(*key, count, share(count, self.population)) for key, count in ordered],
            columns=["step", "source", "target", f"{self.question.unit}s", "share"],
        )

    @cached_property
    def nodes(self) -> pd.DataFrame:
        """Columns column (from 1), node, users or sessions, share; each column adds up to `population`."""
        import pandas as pd

        records = []
        for column in range(self.question.steps):
            counts: dict[str, int] = {}
            for name, count in self._counts(column).items():
                label = self._label(column, name)
                counts[label] = counts.get(label, 0) + count
            gone = self.population - sum(counts.values())
            ordered = sorted(counts.items(), key=lambda item: (item[0] == OTHER_NODE, -item[1], item[0]))
            records += [
                (column + 1, name, count, share(count, self.population))
                for name, count in [*ordered, (self.ended, gone)]
                if count
            ]
        return pd.DataFrame(records, columns=["column", "node", f"{self.question.unit}s", "share"])

    def top(self, n: int = 20) -> pd.DataFrame:
        """
        Return the `n` most frequent whole paths: columns path (events joined by →), length, users or
        sessions, share.
        """
        import pandas as pd

        rows = self._report("top_paths", top=n)
        arrow = " → " if self.question.direction == "after" else " ← "
        return pd.DataFrame(
            [
                (
                    arrow.join(row["nodes"]),
                    len(row["nodes"]),
                    row["paths"],
                    share(row["paths"], self.population),
                )
                for row in rows
            ],
            columns=["path", "length", f"{self.question.unit}s", "share"],
        )

    def transitions(self) -> pd.DataFrame:
        """
        Return how often one event came right after another anywhere in a session or life, whatever the
        anchor.

        Columns source, target, transitions, probability (of this target after that source).
        """
        import pandas as pd

        rows = self._report("transitions")
        leaving: dict[str, int] = {}
        for row in rows:
            leaving[row["source"]] = leaving.get(row["source"], 0) + row["transitions"]
        return pd.DataFrame(
            [
                (
                    row["source"],
                    row["target"],
                    row["transitions"],
                    row["transitions"] / leaving[row["source"]],
                )
                for row in rows
            ],
            columns=["source", "target", "transitions", "probability"],
        )

    def _report(self, name: Report, top: int | None = None) -> list[dict[str, Any]]:
        _, result = ask(
            self.warehouse,
            lambda exact: self.present.report(name, self.known, exact=exact, top=top),
            always_exact=False,
        )
        return result.dicts()

    def _drawn(self) -> Drawn:
        from trackway_analytics.views.paths import Drawn

        q = self.question
        backwards = q.direction == "before"
        return Drawn(self._frame, self.nodes, q.unit, q.steps, backwards, self.ended, self.population, self.semantics)

    def figure(self) -> Figure:
        """A Sankey diagram, one column per step."""
        from trackway_analytics.views.paths import figure

        return figure(self._drawn())

    def table(self) -> Table:
        """The columns side by side, each with its most frequent nodes, for the terminal."""
        from trackway_analytics.views.paths import table

        return table(self._drawn())
