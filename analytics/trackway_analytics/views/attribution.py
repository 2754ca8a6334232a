"""Attribution as a bar chart and as a terminal table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go
from rich.table import Table

from trackway_analytics.charts import dressed, literal
from trackway_analytics.views.text import Label, amount, percent, records

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

SIDE_BY_SIDE = 4
"""Figures that 80 characters hold beside channel and touches."""


def figure(frame: pd.DataFrame, *, models: Sequence[str], conversions: int, semantics: str) -> go.Figure:
    """Return one group of bars per channel, the one with most credit first."""
    chart = go.Figure()
    total = max(1, conversions)
    for model in models:
        chart.add_bar(
            x=[literal(channel) for channel in frame["channel"]],
            y=frame[model],
            name=model.replace("_", " "),
            customdata=frame[model] / total,
            hovertemplate="%{x}, " + model + "<br>%{y:,.1f} conversions, %{customdata:.1%}<extra></extra>",
        )
    chart.update_yaxes(title="credited conversions", tickformat=",", rangemode="tozero")
    chart.update_layout(barmode="group", bargap=0.25)
    return dressed(chart, "Attribution", semantics)


def table(frame: pd.DataFrame, *, models: Sequence[str], conversions: int, semantics: str) -> Table:
    """
    Return one row per channel: credited conversions and their share by each model; then what they add up to.

    With more figures than fit 80 characters, those of one model stand one below the other.
    """
    shown = Table(caption=semantics, caption_justify="left", title="Attribution", title_justify="left")
    with_value = f"{models[0]}_value" in frame
    headings = ["", *(["value"] if with_value else [])]
    stacked = len(models) * (1 + len(headings)) > SIDE_BY_SIDE
    if stacked and with_value:
        shown.padding = (0, 0, 0, 1)  # amounts of money are long
    shown.add_column("channel")
    shown.add_column("touches", justify="right", no_wrap=True)
    for model in models:
        shown.add_column(model.replace("_", "\n" if stacked else " "), justify="right", no_wrap=True)
        for heading in () if stacked else headings:
            shown.add_column(heading, justify="right", no_wrap=True, style="" if heading else "dim")
    total = conversions

    def add(channel: str, touches: int, figures: list[list[str]]) -> None:
        cells = (
            ["\n".join(filter(None, of_model)) for of_model in figures]
            if stacked
            else [cell for cells in figures for cell in cells]
        )
        shown.add_row(Label(channel), f"{touches:,}", *cells)

    for row in records(frame):
        figures = [[amount(row[model]), percent(row[model] / total)] for model in models]
        if with_value:
            for model, of_model in zip(models, figures, strict=True):
                of_model.append(amount(row[f"{model}_value"], 2))
        add(row["channel"], row["touches"], figures)
    shown.add_section()
    # Each conversion is credited once: the sum is whole.
    sums = [[f"{frame[model].sum():,.0f}", ""] for model in models]
    if with_value:
        for model, of_model in zip(models, sums, strict=True):
            of_model.append(amount(frame[f"{model}_value"].sum(), 2))
    add("all", int(frame["touches"].sum()), sums)
    return shown
