"""Paths as a Sankey diagram and as a terminal table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go
from rich.markup import escape
from rich.table import Table

from trackway_analytics.charts import INK, LOST, PALETTE, dressed, literal, shortened
from trackway_analytics.queries.paths import OTHER
from trackway_analytics.views.text import percent, records

if TYPE_CHECKING:
    from trackway_analytics.queries.paths import Paths


def figure(paths: Paths) -> go.Figure:
    """Return a Sankey diagram: a column per step, in the order of time; a colour per event."""
    frame, steps = paths.df, paths.question.steps
    unit = f"{paths.question.unit}s"
    backwards = paths.question.direction == "before"
    moves = [(row["step"], row["source"], row["target"]) for row in records(frame)]
    places: dict[tuple[int, str], int] = {}
    for step, source, target in moves:
        places.setdefault((step, source), len(places))
        places.setdefault((step + 1, target), len(places))
    colours: dict[str, str] = {OTHER: INK, paths.ended: LOST}
    for _, name in places:
        colours.setdefault(name, PALETTE[(len(colours) - 2) % len(PALETTE)])
    ends = [(places[step, source], places[step + 1, target]) for step, source, target in moves]
    chart = go.Figure(
        go.Sankey(
            arrangement="snap",
            # No halo: it is drawn for a white page.
            textfont={"color": INK, "shadow": "none"},
            node={
                "label": [literal(shortened(name, max(10, 80 // steps))) for _, name in places],
                "customdata": [literal(name) for _, name in places],
                "hovertemplate": "%{customdata}<br>%{value:,} " + unit + "<extra></extra>",
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
                    "%{source.customdata} → %{target.customdata}<br>%{value:,} " + unit + ", %{customdata:.1%}"
                    " of all<extra></extra>"
                ),
            },
        )
    )
    chart.update_layout(height=620)
    return dressed(chart, "Paths", paths.semantics)


def _across(column: int, steps: int, *, backwards: bool) -> float:
    # Plotly puts nodes at exactly 0 or 1 wherever it likes.
    place = 0.001 + 0.998 * (column - 1) / (steps - 1)
    return 1 - place if backwards else place


def _down(paths: Paths, places: list[tuple[int, str]]) -> list[float]:
    """
    The middle of each node in a column filled from above, most frequent first, "other" and the ended last.
    """
    unit = f"{paths.question.unit}s"
    above = dict.fromkeys(range(1, paths.question.steps + 1), 0.0)
    middle: dict[tuple[int, str], float] = {}
    for row in records(paths.nodes):
        place = row["column"], row["node"]
        # Who has ended before is drawn once only, where it happened.
        if place in places:
            size = row[unit] / max(1, paths.population)
            middle[place] = above[place[0]] + size / 2
            above[place[0]] += size + 0.03
    return [min(0.999, max(0.001, middle.get(p, 0.5) / max(1.0, above[p[0]]))) for p in places]


def table(paths: Paths) -> Table:
    """Return the columns side by side: node, count and share, most frequent first."""
    shown = Table(caption=paths.semantics, caption_justify="left", title="Paths", title_justify="left")
    unit = f"{paths.question.unit}s"
    after = paths.question.direction == "after"
    columns: list[list[str]] = [[] for _ in range(paths.question.steps)]
    for row in records(paths.nodes):
        columns[row["column"] - 1].append(f"{row['node']}\n  {row[unit]:,} · {percent(row['share'])}")
    for place in range(paths.question.steps):
        heading = f"step {place + 1}" if after else f"{place} before" if place else "event"
        shown.add_column(heading, overflow="fold")
    for line in range(max(map(len, columns), default=0)):
        cells = [cells[line] if line < len(cells) else "" for cells in columns]
        shown.add_row(*map(escape, cells))
    return shown
