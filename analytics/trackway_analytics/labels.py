"""
What answers call what has no name of its own: the rest, the missing, the untouched.

A value of the data may read just so. It is then shown in quotes, `"(other)"`, and one that has such quotes already in
one more pair, so that no two things ever share a label.
"""

from __future__ import annotations

import re

OTHER = "(other)"
NONE = "(none)"
NO_TOUCH = "(no touch)"
OTHER_NODE = "other"
"""Of a path's column; events that read so are marked, see `Paths`."""

_LIKE_OURS = re.compile(rf'"*(?:{"|".join(map(re.escape, (OTHER, NONE, NO_TOUCH)))})"*')


def value_label(value: str) -> str:
    """Return what a value of a breakdown, or a channel, is called: itself, or NONE; in quotes if it reads as ours."""
    if not value:
        return NONE
    return f'"{value}"' if _LIKE_OURS.fullmatch(value) else value
