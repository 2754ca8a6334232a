"""Numbers as people read them, and bars made of characters."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_LENGTHS = ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s"))


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a data frame as dicts."""
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def percent(share: float) -> str:
    """Return 0.283 as "28.3 %"; what is not known as "–"."""
    return "–" if math.isnan(share) else f"{share * 100:.1f} %"


def seconds(length: float) -> str:
    """Return a duration in its two largest units: "3 d 4 h", "12 s"."""
    if math.isnan(length):
        return "–"
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
