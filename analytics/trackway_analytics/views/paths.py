"""Paths as a Sankey diagram and as a terminal table."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

import plotly.graph_objects as go
from rich.console import Group
from rich.table import Table

from trackway_analytics.charts import INK, LOST, PALETTE, dressed, literal, shortened
from trackway_analytics.labels import OTHER_NODE
from trackway_analytics.views.text import Label, percent, records

if TYPE_CHECKING:
    import pandas as pd

SIDE_BY_SIDE = 5
"""Columns of nodes that 80 characters hold."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What is drawn of a paths answer."""

    moves: pd.DataFrame
    """A row per step, source and target."""
    nodes: pd.DataFrame
    """A row per column and node."""
    unit: str
    steps: int
    backwards: bool
    ended: str
    """The node of the paths that have no further event."""
    population: int
    semantics: str


def figure(paths: Drawn) -> go.Figure:
    """Return a Sankey diagram: a column per step, in the order of time; a colour per event."""
    frame, steps = paths.moves, paths.steps
    unit = f"{paths.unit}s"
    moves = [(row["step"], row["source"], row["target"]) for row in records(frame)]
    places: dict[tuple[int, str], int] = {}
    for step, source, target in moves:
        places.setdefault((step, source), len(places))
        places.setdefault((step + 1, target), len(places))
    colours: dict[str, str] = {OTHER_NODE: INK, paths.ended: LOST}
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
                "x": [_across(column, steps, backwards=paths.backwards) for column, _ in places],
                "y": _down(paths, list(places)),
                "pad": 12,
                "thickness": 14,
                "line": {"width": 0},
            },
            link={
                "source": [end[paths.backwards] for end in ends],
                "target": [end[not paths.backwards] for end in ends],
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


def _down(paths: Drawn, places: list[tuple[int, str]]) -> list[float]:
    """
    The middle of each node in a column filled from above, most frequent first, "other" and the ended last.
    """
    unit = f"{paths.unit}s"
    above = dict.fromkeys(range(1, paths.steps + 1), 0.0)
    middle: dict[tuple[int, str], float] = {}
    for row in records(paths.nodes):
        place = row["column"], row["node"]
        # Who has ended before is drawn once only, where it happened.
        if place in places:
            size = row[unit] / max(1, paths.population)
            middle[place] = above[place[0]] + size / 2
            above[place[0]] += size + 0.03
    return [min(0.999, max(0.001, middle.get(p, 0.5) / max(1.0, above[p[0]]))) for p in places]


def table(paths: Drawn) -> Table:
    """
    Return the columns side by side: node, count and share, most frequent first. More columns than fit 80 characters
    stand one below the other.
    """
    shown = Table(caption=paths.semantics, caption_justify="left", title="Paths", title_justify="left")
    steps, unit = paths.steps, f"{paths.unit}s"
    after = not paths.backwards
    headings = [f"step {place + 1}" if after else f"{place} before" if place else "event" for place in range(steps)]
    columns: list[list[tuple[str, str, str]]] = [[] for _ in headings]
    for row in records(paths.nodes):
        columns[row["column"] - 1].append((row["node"], f"{row[unit]:,}", percent(row["share"])))
    if steps <= SIDE_BY_SIDE:
        _side_by_side(shown, headings, columns)
    else:
        _one_below_the_other(shown, headings, columns, unit)
    return shown


def _side_by_side(shown: Table, headings: list[str], columns: list[list[tuple[str, str, str]]]) -> None:
    # A blank line between the rows: names of several lines would run into each other.
    shown.leading = 1
    for heading in headings:
        shown.add_column(heading)
    for cells in zip_longest(*columns):
        shown.add_row(*(_node(*cell) if cell else "" for cell in cells))


def _node(name: str, count: str, share: str) -> Group:
    return Group(Label(name), Label("", pieces=(f"{count}  ", share), style="dim"))


def _one_below_the_other(
    shown: Table, headings: list[str], columns: list[list[tuple[str, str, str]]], unit: str
) -> None:
    shown.add_column("", no_wrap=True)
    shown.add_column("event")
    for name in (unit, "share"):
        shown.add_column(name, justify="right", no_wrap=True)
    for heading, column in zip(headings, columns, strict=True):
        for place, (name, count, share) in enumerate(column):
            shown.add_row("" if place else heading, Label(name), count, share)
        shown.add_section()
