"""
How figures look: colours that colour-blind readers tell apart, on no background, readable on light and dark
pages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

# Okabe and Ito's palette without black and yellow, which vanish on dark and light pages.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
# Greys in the middle: about 4.5:1 against white and against #111.
INK = "#777E8A"
FAINT = "rgba(119,126,138,0.25)"
LOST = "rgba(119,126,138,0.45)"
# From nothing to everything, without a step that a colour-blind reader loses.
SEQUENTIAL = ((0.0, "rgba(0,114,178,0.06)"), (0.5, "rgba(0,114,178,0.55)"), (1.0, "rgba(0,114,178,1)"))


def dressed(figure: Figure, title: str, meaning: str) -> Figure:
    """Return `figure` with title, house colours, and what it means in small print below."""
    figure.update_layout(
        title={"text": title, "x": 0, "xref": "paper"},
        colorway=list(PALETTE),
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": INK, "family": "system-ui, 'Noto Sans', 'Noto Sans CJK SC', sans-serif", "size": 13},
        margin={"l": 60, "r": 30, "t": 60, "b": 110},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 1, "xanchor": "right"},
        hoverlabel={"font": {"family": "system-ui, sans-serif"}},
        annotations=[
            *figure.layout.annotations,
            {
                "text": wrapped(meaning, 120),
                "xref": "paper",
                "yref": "paper",
                "x": 0,
                "y": 0,
                "yshift": -50,
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


def literal(text: str) -> str:
    """Return `text` so that Plotly shows it as it is: a label is markup to it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def wrapped(text: str, width: int) -> str:
    """Return `text` in lines of about `width` characters."""
    lines: list[str] = [""]
    for word in literal(text).split(" "):
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "<br>".join(lines)
