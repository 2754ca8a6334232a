"""A small shop, its backend in Python and its pages in TSX, that calls the events of the storefront plan."""

from __future__ import annotations

from pathlib import Path

PYTHON = {
    "shop/__init__.py": "",
    "shop/names.py": 'from enum import StrEnum\n\nORDER = "order_completed"\n\n\nclass Names(StrEnum):\n'
    '    VIEWED = "product_viewed"\n',
    "shop/telemetry.py": """import trackway as tw

tracker: tw.Tracker | None = tw.Tracker("key")


def log_event(properties, name):
    tracker.track(name, properties)


def get_tracker() -> "tw.Tracker":
    return tracker
""",
    "shop/orders.py": """from trackway import Tracker as T

from . import telemetry
from .names import ORDER, Names
from .telemetry import get_tracker, log_event as log


class Orders:
    def __init__(self, out: T | None, extra):
        self.out = out
        self.extra = extra

    def done(self, order):
        self.out.track(ORDER, {"order_id": 7, "payment_method": "cash", **self.extra})
        send = self.out.track
        send(Names.VIEWED, {"sku": "TEA-100", "position": 0})
        log({"line": {"sku": "TEA-1", "quantity": "2", "price_minor": order.price}}, "cart_item_added")


def others(name, fine, t: T):
    telemetry.tracker.track(f"x{name}")
    get_tracker().track("produkt_viewed", {"sku": "TEA-1"})
    t.track("product_viewed" if fine else "product_seen", properties=dict(sku="TEA-1"))
    with T() as inner:
        inner.track(event="product_viewed")
    name.track("not ours")
""",
}
SCRIPT = {
    "web/names.ts": 'export const ORDER = "order_completed";\nexport enum Names { Viewed = "product_viewed" }\n'
    'export const MAP = { seen: "product_seen" } as const;\n',
    "web/log.ts": "export function logEvent(name: string, p: object) { analytics.track(name, p); }\n",
    "web/button.tsx": """import { ORDER, Names, MAP } from "./names";
import { logEvent as log } from "./log";
import analytics, { AnalyticsBrowser } from "@segment/analytics-next";
const { track } = analytics;
const a = AnalyticsBrowser.load({});
export const Button = (props: { fine: boolean }) => (
  <b onClick={() => analytics?.track(`product_viewed`, { "sku": "x", position: -1, ...props })}>é {track(ORDER)}</b>
);
a.track(Names.Viewed, { sku, rating: undefined, [props.x]: 3 });
log("cart_item_aded", { line: 1 });
window.analytics.track(MAP.seen, { sku: "TEA-1" } as any);
analytics.track(props.fine ? "product_viewed" : `x${y}`, foo);
other.track("not ours");
""",
}


def write(folder: Path, files: dict[str, str]) -> Path:
    """Write the files below a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder
