"""
How figures look: colours that colour-blind readers tell apart, on no background, readable on light and dark
pages.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

# Okabe and Ito's palette without black and yellow, which vanish on dark and light pages.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
# Greys in the middle: about 4.5:1 against white and against #111.
INK = "#777E8A"
FAINT = "rgba(119,126,138,0.25)"
LOST = "rgba(119,126,138,0.45)"
# From nothing to everything. Opaque: what is written on a cell is chosen by the cell's colour alone.
SEQUENTIAL = ((0.0, "#E3EEF6"), (0.5, "#6FB1D8"), (1.0, "#0072B2"))


def dressed(figure: Figure, title: str, meaning: str) -> Figure:
    """Return `figure` with title, house colours, and what it means in small print below."""
    lines = wrapped(meaning, 120)
    figure.update_layout(
        title={"text": title, "x": 0, "xref": "paper"},
        colorway=list(PALETTE),
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": INK, "family": "system-ui, 'Noto Sans', 'Noto Sans CJK SC', sans-serif", "size": 13},
        margin={"l": 60, "r": 30, "t": 60, "b": 75 + 15 * len(lines)},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 1, "xanchor": "right"},
        hoverlabel={"font": {"family": "system-ui, sans-serif"}},
        annotations=[
            *figure.layout.annotations,
            {
                "text": "<br>".join(lines),
                "xref": "paper",
                "yref": "paper",
                "x": 0,
                "y": 0,
                "yshift": -55,
                "xanchor": "left",
                "yanchor": "top",
                "align": "left",
                "showarrow": False,
                "font": {"size": 11},
            },
        ],
    )
    figure.update_xaxes(gridcolor=FAINT, zerolinecolor=FAINT, automargin=True)
    figure.update_yaxes(gridcolor=FAINT, zerolinecolor=FAINT, automargin=True)
    return figure


def readable_on(share: float) -> str:
    """Return white or black, whichever stands out more (WCAG 2.2) on the colour of `share` in SEQUENTIAL."""
    light = _luminance(share) + 0.05
    return "#FFFFFF" if 1.05 / light > light / 0.05 else "#000000"


def _luminance(share: float) -> float:
    """Return the relative luminance of a colour between two of SEQUENTIAL, mixed as Plotly does: channel by channel."""
    share = min(max(share, 0.0), 1.0)
    (low, begin), (high, end) = next(pair for pair in pairwise(SEQUENTIAL) if share <= pair[1][0])
    part = (share - low) / (high - low)
    total = 0.0
    for place, weight in ((1, 0.2126), (3, 0.7152), (5, 0.0722)):
        first, last = (int(colour[place : place + 2], 16) for colour in (begin, end))
        channel = (first + part * (last - first)) / 255
        total += weight * (channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4)
    return total


def literal(text: str) -> str:
    """Return `text` so that Plotly shows it as it is: a label is markup to it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def wrapped(text: str, width: int) -> list[str]:
    """Return `text`, as literal text, in lines of about `width` characters."""
    lines: list[str] = [""]
    for word in literal(text).split(" "):
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def shortened(text: str, width: int) -> str:
    """Return `text` in at most `width` characters: names often begin alike, so most of the end is kept."""
    if len(text) <= width:
        return text
    begin = width // 3
    return f"{text[:begin]}…{text[-(width - begin - 1) :]}"
