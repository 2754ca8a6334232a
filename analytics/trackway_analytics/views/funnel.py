"""A funnel as a chart and as a terminal table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go
from rich.markup import escape
from rich.table import Table

from trackway_analytics.charts import dressed, literal
from trackway_analytics.views.text import bar, percent, records, seconds

if TYPE_CHECKING:
    from trackway_analytics.queries.funnel import Funnel


def figure(funnel: Funnel) -> go.Figure:
    """Return bars per step (grouped by breakdown value), labelled with count and conversion."""
    frame, chart = funnel.df, go.Figure()
    broken_down = "breakdown" in frame
    for value in frame["breakdown"].unique() if broken_down else [""]:
        group = frame[frame["breakdown"] == value] if broken_down else frame
        # A breakdown is read as shares: groups differ in size, and that is not what is asked.
        heights = group["conversion"] if broken_down else group[funnel.units]
        chart.add_bar(
            x=[f"{row['step']}. {literal(row['label'])}" for row in records(group)],
            y=heights,
            name=literal(str(value)),
            text=[
                f"{count:,}<br>{percent(conversion)}"
                for count, conversion in zip(group[funnel.units], group["conversion"], strict=True)
            ],
            textposition="outside",
            cliponaxis=False,
            customdata=group[["drop_off", "step_conversion", "ci_low", "ci_high"]],
            hovertemplate=(
                "%{x}<br>%{text}<br>of the step before: %{customdata[1]:.1%} (%{customdata[0]:,} stopped)"
                "<br>95 %: %{customdata[2]:.1%} to %{customdata[3]:.1%}<extra></extra>"
            ),
            error_y={
                "type": "data",
                "symmetric": False,
                "array": group["ci_high"] - group["conversion"],
                "arrayminus": group["conversion"] - group["ci_low"],
            }
            if broken_down
            else None,
        )
    chart.update_yaxes(
        title=f"share of {funnel.units} with step 1" if broken_down else funnel.units,
        tickformat=".0%" if broken_down else ",",
        rangemode="tozero",
    )
    chart.update_layout(barmode="group", showlegend=broken_down, bargap=0.35)
    return dressed(chart, "Funnel", funnel.semantics)


def table(funnel: Funnel) -> Table:
    """Return one row per step: count, conversion, drop-off, time, bar. It fits 80 columns."""
    shown = Table(caption=funnel.semantics, caption_justify="left", title="Funnel", title_justify="left")
    frame = funnel.df
    if "breakdown" in frame:
        shown.add_column("value", overflow="fold")
    shown.add_column("step", overflow="fold")
    for name in (funnel.units, "conv.", "of prev.", "lost", "median t"):
        shown.add_column(name, justify="right", no_wrap=True)
    shown.add_column("", no_wrap=True, width=8)
    for row in records(frame):
        first = row["step"] == 1
        cells = [str(row["breakdown"]) if first else ""] if "breakdown" in row else []
        cells += [
            f"{row['step']}. {row['label']}",
            f"{row[funnel.units]:,}",
            percent(row["conversion"]),
            "" if first else percent(row["step_conversion"]),
            "" if first else f"{row['drop_off']:,}",
            "" if first else seconds(row["median_time_s"]),
            bar(row["conversion"], 8),
        ]
        shown.add_row(*map(escape, cells))
    return shown
