"""Numbers as people read them, names that fold where a reader would, and bars made of characters."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len, chop_cells
from rich.measure import Measurement
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from rich.console import Console, ConsoleOptions, RenderResult

_LENGTHS = ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s"))
# After a separator, before a capital in the middle of a name, and around each character of Chinese, Japanese, Korean.
_FOLDS = re.compile(r"(?<=[\s_\-./:])(?=[^\s_\-./:])|(?<=[a-z0-9])(?=[A-Z])|(?<=[\u2e80-\ud7af])|(?=[\u2e80-\ud7af])")
# From here on a tenth says nothing.
_NO_TENTHS = 100_000


class Label:
    """A name in a cell of a terminal table: too long for its column, it goes on in the next line at a `_`, a blank …"""

    def __init__(self, text: str, *, style: str = "", pieces: Sequence[str] | None = None) -> None:
        """Show `text`, or `pieces` that only come apart whole."""
        self.pieces = _FOLDS.split(text) if pieces is None else list(pieces)
        self.style = style

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in folded(self.pieces, options.max_width):
            yield Text(line, style=self.style, no_wrap=True, overflow="crop", justify="left")

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        widths = [cell_len(piece.rstrip()) for piece in self.pieces]
        whole = Measurement(max(widths, default=0), cell_len("".join(self.pieces).rstrip()))
        return whole.with_maximum(options.max_width)


def folded(pieces: Sequence[str], width: int) -> list[str]:
    """Return the pieces in lines of at most `width` cells; only a piece that is longer than a line is broken itself."""
    lines = [""]
    for piece in pieces:
        if lines[-1] and cell_len(lines[-1] + piece.rstrip()) > width:
            lines.append("")
        parts = chop_cells(piece, width) if cell_len(piece.rstrip()) > width else [piece]
        lines[-1] += parts[0]
        lines += parts[1:]
    return [line.rstrip() for line in lines]


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a data frame as dicts."""
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def percent(share: float) -> str:
    """Return 0.283 as "28.3 %"; what is not known as "–"."""
    return "–" if math.isnan(share) else f"{share * 100:.1f} %"


def amount(number: float, digits: int = 1) -> str:
    """Return a number with `digits` after the point, none where it is so large that they say nothing."""
    return f"{number:,.{digits if abs(number) < _NO_TENTHS else 0}f}"


def seconds(length: float) -> str:
    """Return a duration in its two largest units: "3 d 4 h", "12 s"; less than half a millisecond is "0 s"."""
    if math.isnan(length):
        return "–"
    if length < 1:
        thousandths = round(length * 1000)
        return f"{thousandths} ms" if 0 < thousandths < 1000 else f"{thousandths // 1000} s"
    if length < 60:
        return f"{length:.3g} s"
    for size, name, lower_size, lower in _LENGTHS:
        if length >= size:
            whole, rest = divmod(int(length), size)
            return f"{whole} {name} {rest // lower_size} {lower}" if rest >= lower_size else f"{whole} {name}"
    return f"{length:.0f} s"


def bar(share: float, width: int) -> str:
    """Return a bar of `width` characters filled by `share`, to an eighth of a character."""
    if math.isnan(share):
        return ""
    whole, eighths = divmod(round(max(0.0, min(1.0, share)) * width * 8), 8)
    return "█" * whole + ("" if not eighths else " ▏▎▍▌▋▊▉"[eighths])
