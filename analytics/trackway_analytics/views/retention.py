"""Retention as a heat map, on a page and in the terminal."""

from __future__ import annotations

import math
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import plotly.graph_objects as go
from rich.table import Table
from rich.text import Text

from trackway_analytics.charts import INK, SEQUENTIAL, dressed, readable_on
from trackway_analytics.views.text import records

if TYPE_CHECKING:
    import pandas as pd

# So many columns of periods fit 80 characters beside a date and five-digit counts: with a tenth of a per cent each, and
# with a blank around each.
WITH_TENTHS = 6
WITH_PADDING = 9


def figure(frame: pd.DataFrame, average: pd.DataFrame, *, period: str, semantics: str) -> go.Figure:
    """Return a heat map: a line per cohort, the pooled average above them; colours run from 0 to 100 %."""
    columns = list(average["period"])
    lines = [("all", int(frame["users"].sum()), list(average["rate"]))]
    for row in records(frame):
        lines.append((cohort_name(period, row["cohort"]), row["users"], [row[str(number)] for number in columns]))
    chart = go.Figure()
    # One layer for the cells with black figures, one for those with white: a layer has one colour of text, and what
    # Plotly would choose itself is too pale on the blues in the middle.
    for ink in ("#000000", "#FFFFFF"):
        chart.add_heatmap(
            x=[str(number) for number in columns],
            y=[f"{name} · {users:,}" for name, users, _ in lines],
            z=[[rate if _is_written(rate, ink) else None for rate in rates] for _, _, rates in lines],
            text=[[f"{rate:.0%}" if _is_written(rate, ink) else "" for rate in rates] for _, _, rates in lines],
            texttemplate="%{text}",
            textfont={"color": ink},
            colorscale=SEQUENTIAL,
            zmin=0,
            zmax=1,
            xgap=2,
            ygap=2,
            hoverongaps=False,
            hovertemplate="%{y}<br>" + period + " %{x}: %{z:.1%}<extra></extra>",
            colorbar={"tickformat": ".0%", "outlinewidth": 0, "thickness": 12},
            showscale=ink == "#000000",
        )
    chart.update_xaxes(title=f"{period}s after the start", type="category", showgrid=False)
    chart.update_yaxes(autorange="reversed", type="category", showgrid=False)
    chart.update_layout(height=max(380, 200 + 24 * len(lines)))
    # The average is about all cohorts: set it apart from them.
    chart.add_hline(y=0.5, line={"color": INK, "width": 1})
    return dressed(chart, "Retention", semantics)


def _is_written(rate: float, ink: str) -> bool:
    return not math.isnan(rate) and readable_on(rate) == ink


def table(frame: pd.DataFrame, average: pd.DataFrame, *, period: str, semantics: str) -> Table:
    """Return a line per cohort, darker where more came back; with many periods in whole per cent, then closer."""
    shown = Table(title="Retention", title_justify="left", caption=semantics, caption_justify="left")
    periods = len(average)
    if periods > WITH_PADDING:
        shown.padding = (0, 0, 0, 0)
    shown.add_column("cohort", no_wrap=True)
    shown.add_column("users", justify="right", no_wrap=True)
    for number in average["period"]:
        shown.add_column(str(number), justify="right", no_wrap=True)
    cell = partial(_cell, digits=1 if periods <= WITH_TENTHS else 0)
    for row in records(frame):
        cells = [cell(row[str(number)]) for number in average["period"]]
        shown.add_row(cohort_name(period, row["cohort"]), f"{row['users']:,}", *cells)
    shown.add_section()
    shown.add_row("all", f"{int(frame['users'].sum()):,}", *map(cell, average["rate"]))
    return shown


def cohort_name(period: str, start: datetime) -> str:
    """Return the start of a cohort as short as its period allows."""
    formats = {"hour": "%Y-%m-%d %H:%M", "month": "%Y-%m"}
    return start.strftime(formats.get(period, "%Y-%m-%d"))


def _cell(rate: float, *, digits: int) -> Text:
    if math.isnan(rate):
        return Text("")
    # From nearly black to blue; white text is readable on all of it.
    blue = round(60 + 118 * rate)
    return Text(f"{rate * 100:.{digits}f}", style=f"#ffffff on #{0:02x}{round(30 + 84 * rate):02x}{blue:02x}")
