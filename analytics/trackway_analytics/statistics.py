"""The little statistics that answers need."""

from __future__ import annotations

import math

# The 97.5 % quantile of the normal distribution: two-sided 95 %.
Z_95 = 1.959963984540054


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of a share; (NaN, NaN) without trials."""
    if trials == 0:
        return math.nan, math.nan
    share, square = successes / trials, Z_95**2
    middle = share + square / (2 * trials)
    half = Z_95 * math.sqrt(share * (1 - share) / trials + square / (4 * trials**2))
    low, high = (middle - half) / (1 + square / trials), (middle + half) / (1 + square / trials)
    # Exactly 0 and 1 at the edges, where rounding would leave 1e-17.
    return (0.0 if successes == 0 else low), (1.0 if successes == trials else high)


def share(part: float, whole: float) -> float:
    """Return part / whole; NaN when the whole is nothing."""
    return part / whole if whole else math.nan
