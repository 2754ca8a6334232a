"""
Figures that others published about the bundled logs. The demo's answers must meet them exactly.

* Session funnel of the shop: the README of retentioneering 5.2.4 gives 28.3 %, 14.2 % and 4.8 % of 3,605
  sessions for cart → shipping_details → purchase, which is 1,022 / 512 / 173.
* Credits of the channel sample: ChannelAttribution 2.2.5 and mta 0.0.9, two programs with the same sample,
  agree on them. First and last touch are whole conversions; linear credits are rounded to six digits.
"""

from __future__ import annotations

SHOP_SESSIONS = 3605
SHOP_SESSION_FUNNEL = {"cart": 1022, "shipping_details": 512, "purchase": 173}

CONVERSIONS = 19_785
CREDITS: dict[str, dict[str, float]] = {
    "first": {
        "alpha": 6308, "iota": 4606, "eta": 3164, "beta": 2831, "theta": 1606, "lambda": 902,
        "gamma": 165, "epsilon": 99, "kappa": 74, "zeta": 27, "mi": 2, "delta": 1,
    },
    "last": {
        "alpha": 8447, "eta": 4167, "iota": 3355, "lambda": 1207, "beta": 989, "theta": 653,
        "epsilon": 531, "kappa": 230, "zeta": 107, "gamma": 92, "delta": 5, "mi": 2,
    },
    "linear": {
        "alpha": 7574.718594, "iota": 3857.096221, "eta": 3539.951157, "beta": 2083.500145,
        "lambda": 1035.257572, "theta": 1022.801394, "epsilon": 272.170438, "kappa": 137.964078,
        "zeta": 136.551540, "gamma": 121.041639, "mi": 2.222222, "delta": 1.725,
    },
}  # fmt: skip


def funnel_differences(sessions: int, found: dict[str, int]) -> list[str]:
    """Return one sentence for each step of the shop's session funnel that is not as published."""
    off = [
        f"shop: {found.get(step, 0):,} sessions reached {step}, published are {published:,}"
        for step, published in SHOP_SESSION_FUNNEL.items()
        if found.get(step, 0) != published
    ]
    if sessions != SHOP_SESSIONS:
        off.append(f"shop: there are {sessions:,} sessions, published are {SHOP_SESSIONS:,}")
    return off


def credit_differences(model: str, found: dict[str, float]) -> list[str]:
    """
    Return one sentence for each channel whose credit differs from the published one in the first six digits.
    """
    published = CREDITS[model]
    return [
        f"channels: {model} credits {channel} with {found.get(channel, 0):.6f}, "
        f"published is {published.get(channel, 0):.6f}"
        for channel in sorted(published.keys() | found.keys())
        # The published figures are rounded to six decimals: half a unit of the last place, and the float's
        # own error.
        if abs(found.get(channel, 0) - published.get(channel, 0)) > 0.6e-6
    ]
