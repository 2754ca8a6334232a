"""Attribution: how the conversions are shared out among the channels that touched people before."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from trackway_analytics.answer import Answer
from trackway_analytics.labels import NO_TOUCH, value_label
from trackway_analytics.queries.fields import Bindings, Known, Reader, field_named
from trackway_analytics.queries.fragments import Scope, Statement, render, subquery
from trackway_analytics.queries.timelines import MAX_PACKED_MARK, timelines
from trackway_analytics.steps import Step
from trackway_analytics.times import EARLIEST, microseconds, spell
from trackway_analytics.wording import counted
from trackway_plan.renames import Names

if TYPE_CHECKING:
    import pandas as pd
    from plotly.graph_objects import Figure
    from rich.table import Table

Model = Literal["first", "last", "linear", "position", "time_decay"]

# What one touch gets of its conversion: SQL over place (from 1), length (touches of the journey), fresh and
# all_fresh. The row of a journey without touches has length 0, and gets all of it.
CREDITS: dict[str, str] = {
    "first": "place <= 1",
    "last": "place = length",
    "linear": "1 / greatest(length, 1)",
    "position": "multiIf(length <= 1, 1., length = 2, 0.5, place IN (1, length), 0.4, 0.2 / (length - 2))",
    "time_decay": "if(length = 0, 1., fresh / all_fresh)",
}
MODELS = tuple(CREDITS)
_FOREVER_US = 2**62


@dataclass(frozen=True, slots=True)
class AttributionQuestion:
    """The options of an attribution question; `Events.attribution` documents them."""

    conversion: Step
    touch: Step | None
    channel: str
    models: tuple[str, ...]
    lookback: timedelta | None
    half_life: timedelta
    value: str | None
    scope: Scope = field(default_factory=Scope)

    @property
    def always_exact(self) -> bool:
        """A value has to be carried along."""
        return self.value is not None

    @property
    def named_events(self) -> tuple[str, ...]:
        """Conversions and touches."""
        return self.conversion.events + (self.touch.events if self.touch else ())

    def present(self, names: Names) -> AttributionQuestion:
        """The same question in present names."""
        touch = self.touch.present(names) if self.touch else None
        return replace(self, conversion=self.conversion.present(names), touch=touch)

    def compile(self, known: Known, *, exact: bool) -> Statement:
        """The statement that counts it."""
        bindings = Bindings()
        reader = Reader(bindings, known)
        # Touches before the range count for conversions in it.
        self.scope.bind(bindings, reach_back=self.lookback or timedelta.max)
        bindings.params |= {
            "since": self.scope.since or EARLIEST,
            "lookback_us": microseconds(self.lookback) if self.lookback else _FOREVER_US,
            "half_life_us": float(microseconds(self.half_life)),
        }
        where = self.scope.filter(reader)
        channel = f"ifNull({reader.text(field_named(self.channel))}, '')"
        touch = self.touch.condition(reader, "touches") if self.touch else f"({channel} != '')"
        conversion = self.conversion.condition(reader, "conversions")
        mark = (
            f"2 * if({touch}, transform({channel}, names, arrayEnumerate(names), 0), 0)"
            f" + ({conversion} AND timestamp >= {{since:DateTime64(6, 'UTC')}})"
        )
        paid = reader.of_events(self.conversion.events)
        value = f"if({conversion}, {paid.number(field_named(self.value))}, NULL)" if self.value else "NULL"
        pieces = {
            "names": subquery("channels", {"channel": channel, "touch_event": touch, "filter": where}),
            "timelines": timelines(
                "user",
                mark=mark,
                where=where,
                exact=exact,
                value=value,
                no_value="arrayMap(x -> CAST(NULL, 'Nullable(Float64)'), gathered)",
            ),
            # A mark is a channel's number and one bit.
            "too_many": "0" if exact else f"length(names) > {MAX_PACKED_MARK // 2}",
            "credits": ",\n".join(self._credits()),
        }
        return Statement(render("attribution", pieces), bindings.params, tuple(bindings.notes))

    def _credits(self) -> list[str]:
        columns = [f"sum({CREDITS[model]}) AS credit_{model}" for model in self.models]
        if self.value:
            columns += [f"sum(({CREDITS[model]}) * value) AS value_{model}" for model in self.models]
        return columns


class Attribution(Answer[AttributionQuestion]):
    """
    The answer to an attribution question.

    `.df` has a row per channel: touches, then a column per model with the conversions credited to it, which
    add up to `.conversions`; with `value`, a column `<model>_value` each as well.
    """

    verb = "attribution"

    @cached_property
    def conversions(self) -> int:
        """How many conversions were shared out."""
        return self.rows[0]["conversions"] if self.rows else 0

    @property
    def meaning(self) -> str:
        q = self.present
        channel = field_named(q.channel).label
        touch = q.touch.spelled() if q.touch else f"any event with {channel}"
        window = f"in the {spell(q.lookback)} before it" if q.lookback else "at any time before it"
        spoken = {
            "first": "first and last give it to one touch",
            "last": "first and last give it to one touch",
            "linear": "linear gives each touch the same",
            "position": "position gives first and last 40 % each, those between the rest (two: half each)",
            "time_decay": f"time_decay halves a touch's weight with every {spell(q.half_life)} before it",
        }
        models = "; ".join(dict.fromkeys(spoken[model] for model in q.models))
        untouched = next((row for row in self.rows if row["untouched"]), None)
        value = ""
        if q.value:
            missing = self.rows[0]["without_value"] if self.rows else 0
            lacking = f"{counted(missing, 'conversion')} {'lacks' if missing == 1 else 'lack'}"
            value = f"; values are {field_named(q.value).label}, which {lacking}"
        return (
            f"{counted(self.conversions, 'conversion')} ({q.conversion.spelled()}){q.scope.spelled()}, each credited"
            f" once to the person's touches ({touch}, by {channel}) {window}; {models}; a conversion"
            f" without a touch goes to “{NO_TOUCH}”{'' if untouched else ' (there is none)'}{value}."
        )

    @cached_property
    def _frame(self) -> pd.DataFrame:
        import pandas as pd

        q = self.question
        names = {f"credit_{model}": model for model in q.models}
        if q.value:
            names |= {f"value_{model}": f"{model}_value" for model in q.models}
        records = [
            {
                "channel": NO_TOUCH if row["untouched"] else value_label(row["channel_name"]),
                "touches": row["touches"],
                **{name: float(row[column] or 0) for column, name in names.items()},
            }
            for row in self.rows
        ]
        frame = pd.DataFrame(records, columns=["channel", "touches", *names.values()])
        order = frame.sort_values([q.models[0], "channel"], ascending=[False, True], kind="stable")
        return order.reset_index(drop=True)

    def figure(self) -> Figure:
        """Bars per channel, one per model; the axis starts at 0."""
        from trackway_analytics.views.attribution import figure

        return figure(self._frame, models=self.question.models, conversions=self.conversions, semantics=self.semantics)

    def table(self) -> Table:
        """Channels by models, for the terminal."""
        from trackway_analytics.views.attribution import table

        return table(self._frame, models=self.question.models, conversions=self.conversions, semantics=self.semantics)
