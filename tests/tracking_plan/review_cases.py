"""What the golden reviews share: the day, and stored events as somebody might have them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from pathlib import Path

from trackway_plan.evidence import EventEvidence, Failing
from trackway_plan.release import Release

GOLDEN = Path(__file__).parents[1] / "golden" / "review"
TODAY = date(2026, 11, 22)


class StoredEvents:
    """Evidence that says the same of every change: a few orders come without a day of delivery, a few are free."""

    days = 14

    def received(self) -> int:
        """Two million events of all names."""
        return 2_000_000

    def failing(self, before: Release, after: Release, events: Collection[str]) -> Mapping[str, EventEvidence]:
        """1,250 carts and 48,210 orders, of which 1,930 have no `delivery_on` and 12 cost nothing."""
        orders = EventEvidence(
            seen=48_210,
            fitting=48_110,
            failing=Failing(1_942, {"api": 1_942}, {1: 1_930, 0: 12}),
            by_violation={
                ("missing_required", "delivery_on"): Failing(1_930, {"api": 1_930}, {1: 1_930}),
                ("out_of_range", "amount_minor"): Failing(12, {"api": 12}, {0: 12}),
            },
        )
        carts = Failing(1_250, {"web": 1_250}, {1: 1_250})
        known = {
            "order_completed": orders,
            "cart_item_added": EventEvidence(1_250, 1_250, carts, {("unplanned_event", ""): carts}),
        }
        return {name: evidence for name, evidence in known.items() if name in events}


def behind(newest: int) -> list[str]:
    """The census of the same shop."""
    return ["unstamped: 4.1 % of api events (1,977), last seen 2 h ago"]
