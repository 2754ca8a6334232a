"""Attribution as a bar chart and as a terminal table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go
from rich.markup import escape
from rich.table import Table

from trackway_analytics.charts import dressed, literal
from trackway_analytics.views.text import percent, records

if TYPE_CHECKING:
    from trackway_analytics.queries.attribution import Attribution


def figure(attribution: Attribution) -> go.Figure:
    """Return one group of bars per channel, the one with most credit first."""
    frame, chart = attribution.df, go.Figure()
    total = max(1, attribution.conversions)
    for model in attribution.question.models:
        chart.add_bar(
            x=[literal(channel) for channel in frame["channel"]],
            y=frame[model],
            name=model.replace("_", " "),
            customdata=frame[model] / total,
            hovertemplate="%{x}, " + model + "<br>%{y:,.1f} conversions, %{customdata:.1%}<extra></extra>",
        )
    chart.update_yaxes(title="credited conversions", tickformat=",", rangemode="tozero")
    chart.update_layout(barmode="group", bargap=0.25)
    return dressed(chart, "Attribution", attribution.semantics)


def table(attribution: Attribution) -> Table:
    """
    Return one row per channel: credited conversions and their share by each model; then what they add up to.
    """
    shown = Table(caption=attribution.semantics, caption_justify="left", title="Attribution", title_justify="left")
    shown.add_column("channel")
    shown.add_column("touches", justify="right")
    q, frame = attribution.question, attribution.df
    for model in q.models:
        shown.add_column(model.replace("_", " "), justify="right")
        shown.add_column("", justify="right", style="dim")
        if q.value:
            shown.add_column("value", justify="right")
    total = attribution.conversions
    for row in records(frame):
        cells = [escape(row["channel"]), f"{row['touches']:,}"]
        for model in q.models:
            cells += [f"{row[model]:,.1f}", percent(row[model] / total)]
            if q.value:
                cells.append(f"{row[f'{model}_value']:,.2f}")
        shown.add_row(*cells)
    shown.add_section()
    sums = ["all", f"{int(frame['touches'].sum()):,}"]
    for model in q.models:
        # Each conversion is credited once: the sum is whole.
        sums += [f"{frame[model].sum():,.0f}", ""]
        if q.value:
            sums.append(f"{frame[f'{model}_value'].sum():,.2f}")
    shown.add_row(*sums)
    return shown
