"""A funnel as a chart and as a terminal table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go
from rich.table import Table

from trackway_analytics.charts import INK, dressed, literal, shortened
from trackway_analytics.views.text import Label, bar, percent, records, seconds

if TYPE_CHECKING:
    import pandas as pd

# "1. " and a name of this length fit beside the bar in 80 columns less a margin of 2, at up to five-digit counts.
LABEL_BESIDE_BAR = 8


def figure(frame: pd.DataFrame, *, units: str, semantics: str) -> go.Figure:
    """Return a bar per step, from 0, labelled with count and conversion; one per value of a breakdown."""
    chart = go.Figure()
    broken_down = "breakdown" in frame
    values = list(frame["breakdown"].unique()) if broken_down else [""]
    for value in values:
        group = frame[frame["breakdown"] == value] if broken_down else frame
        rows = records(group)
        chart.add_bar(
            orientation="h",
            y=[f"{row['step']}. {literal(shortened(row['label'], 44))}" for row in rows],
            # A breakdown is read as shares: groups differ in size, and that is not what is asked.
            x=group["conversion"] if broken_down else group[units],
            name=literal(str(value)),
            text=[f"{row[units]:,} · {percent(row['conversion'])}" for row in rows],
            textposition="inside" if broken_down else "auto",
            insidetextanchor="start",
            textangle=0,
            customdata=[
                [
                    literal(row["label"]),
                    row["drop_off"],
                    row["step_conversion"],
                    row["ci_low"],
                    row["ci_high"],
                ]
                for row in rows
            ],
            hovertemplate=(
                "%{customdata[0]}<br>%{text}<br>of the step before: %{customdata[2]:.1%}"
                " (%{customdata[1]:,} stopped)<br>95 %: %{customdata[3]:.1%} to %{customdata[4]:.1%}"
                "<extra></extra>"
            ),
            error_x={
                "type": "data",
                "symmetric": False,
                "array": group["ci_high"] - group["conversion"],
                "arrayminus": group["conversion"] - group["ci_low"],
                "color": INK,
                "thickness": 1.5,
            }
            if broken_down
            else None,
        )
    chart.update_xaxes(
        title=f"share of {units} with step 1" if broken_down else units,
        tickformat=".0%" if broken_down else ",",
        rangemode="tozero",
    )
    chart.update_yaxes(autorange="reversed", showgrid=False)
    height = 260 + frame["step"].nunique() * max(38, 22 * len(values))
    chart.update_layout(barmode="group", showlegend=broken_down, bargap=0.3, height=height)
    return dressed(chart, "Funnel", semantics)


def table(frame: pd.DataFrame, *, units: str, semantics: str) -> Table:
    """
    Return one row per step: count, conversion, drop-off, time, bar. It fits 80 columns, so that long names take the
    room of the bar, which repeats the conversion.
    """
    shown = Table(caption=semantics, caption_justify="left", title="Funnel", title_justify="left")
    with_bar = max(map(len, frame["label"]), default=0) <= LABEL_BESIDE_BAR and "breakdown" not in frame
    if "breakdown" in frame:
        shown.add_column("value")
    shown.add_column("step")
    for name in (units, "conv.", "of prev.", "lost", "median t"):
        shown.add_column(name, justify="right", no_wrap=True)
    if with_bar:
        shown.add_column("", no_wrap=True, width=8)
    for row in records(frame):
        first = row["step"] == 1
        names = [str(row["breakdown"]) if first else ""] if "breakdown" in row else []
        names.append(f"{row['step']}. {row['label']}")
        cells = [
            f"{row[units]:,}",
            percent(row["conversion"]),
            "" if first else percent(row["step_conversion"]),
            "" if first else f"{row['drop_off']:,}",
            "" if first else seconds(row["median_time_s"]),
        ]
        if with_bar:
            cells.append(bar(row["conversion"], 8))
        shown.add_row(*map(Label, names), *cells)
    return shown
