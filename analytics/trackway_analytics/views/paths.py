"""Paths as a Sankey diagram and as a terminal table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go
from rich.table import Table

from trackway_analytics.charts import INK, LOST, PALETTE, dressed, literal
from trackway_analytics.queries.paths import OTHER
from trackway_analytics.views.text import percent

if TYPE_CHECKING:
    from trackway_analytics.queries.paths import Paths


def figure(paths: Paths) -> go.Figure:
    """Return a Sankey diagram: a column per step, in the order of time; a colour per event."""
    frame, steps = paths.df, paths.question.steps
    unit = f"{paths.question.unit}s"
    backwards = paths.question.direction == "before"
    places: dict[tuple[int, str], int] = {}
    for row in frame.itertuples():
        for place in ((row.step, row.source), (row.step + 1, row.target)):
            places.setdefault(place, len(places))
    colours: dict[str, str] = {OTHER: INK, paths.ended: LOST}
    for _, name in places:
        colours.setdefault(name, PALETTE[(len(colours) - 2) % len(PALETTE)])
    ends = [(places[r.step, r.source], places[r.step + 1, r.target]) for r in frame.itertuples()]
    chart = go.Figure(
        go.Sankey(
            arrangement="snap",
            node={
                "label": [literal(name) for _, name in places],
                "color": [colours[name] for _, name in places],
                "x": [_across(column, steps, backwards=backwards) for column, _ in places],
                "y": _down(paths, list(places)),
                "pad": 12,
                "thickness": 14,
                "line": {"width": 0},
            },
            link={
                "source": [end[backwards] for end in ends],
                "target": [end[not backwards] for end in ends],
                "value": list(frame[unit]),
                "color": "rgba(119,126,138,0.22)",
                "customdata": list(frame["share"]),
                "hovertemplate": (
                    "%{source.label} → %{target.label}<br>%{value:,} " + unit + ", %{customdata:.1%} of all"
                    "<extra></extra>"
                ),
            },
        )
    )
    chart.update_layout(height=560)
    return dressed(chart, "Paths", paths.semantics)


def _across(column: int, steps: int, *, backwards: bool) -> float:
    # Plotly puts nodes at exactly 0 or 1 wherever it likes.
    place = 0.001 + 0.998 * (column - 1) / (steps - 1)
    return 1 - place if backwards else place


def _down(paths: Paths, places: list[tuple[int, str]]) -> list[float]:
    """The middle of each node in a column filled from above, most frequent first, "other" and the ended last."""
    nodes, unit = paths.nodes, f"{paths.question.unit}s"
    middle: dict[tuple[int, str], float] = {}
    for column, group in nodes.groupby("column"):
        # Who has ended before is drawn once only, where it happened.
        arrived = {p for p in places if p[0] == column}
        above = 0.0
        for row in group.itertuples():
            if (row.column, row.node) in arrived:
                size = getattr(row, unit) / max(1, paths.population)
                middle[row.column, row.node] = above + size / 2
                above += size + 0.03
        total = max(1.0, above)
        for place in arrived & middle.keys():
            middle[place] /= total
    return [min(0.999, max(0.001, middle.get(place, 0.5))) for place in places]


def table(paths: Paths) -> Table:
    """Return the columns side by side: node, count and share, most frequent first."""
    shown = Table(caption=paths.semantics, caption_justify="left", title="Paths", title_justify="left")
    unit = f"{paths.question.unit}s"
    columns: list[list[str]] = []
    for column, group in paths.nodes.groupby("column"):
        columns.append(
            [f"{row.node}\n  {getattr(row, unit):,} · {percent(row.share)}" for row in group.itertuples()]
        )
        place = int(column) - 1
        heading = f"step {place + 1}" if paths.question.direction == "after" else ("event" if not place else f"{place} before")
        shown.add_column(heading)
    for line in range(max(map(len, columns), default=0)):
        cells = [cells[line] if line < len(cells) else "" for cells in columns]
        shown.add_row(*(cell.replace("[", "\\[") for cell in cells))
    return shown
