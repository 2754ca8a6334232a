"""The clients, and the answers that each of them meets."""

from __future__ import annotations

from typing import Literal, NamedTuple

from tests.clients.faults import Fault
from tests.clients.journey import CALLS

RETRY_AFTER_S = 5
SLOW_S = 8.0
"""Longer than the five seconds after which the drivers' clients give up on an answer."""

ANSWERS = {
    "200": Fault(),
    "400": Fault(400),
    "401": Fault(401),
    "413": Fault(413),
    "429": Fault(429, retry_after_s=RETRY_AFTER_S),
    "503": Fault(503, times=2),
    "slow": Fault(delay_s=SLOW_S),
    "reset-before": Fault(times=2, reset="before"),
    "reset-after": Fault(times=2, reset="after"),
}
TITLES = {
    "429": f"429, `Retry-After: {RETRY_AFTER_S}`",
    "slow": "slow",
    "reset-before": "reset before the body",
    "reset-after": "reset after the body",
}
"""How an answer is headed in docs/other_clients.md, where not by its own name."""


class Client(NamedTuple):
    """One client in one version."""

    package: str
    version: str
    runtime: Literal["python", "node", "browser"]
    program: tuple[str, ...]
    """The driver in `drivers` and its argument."""
    wire: Literal["segment", "posthog", "snowplow"] = "segment"
    calls: tuple[str, ...] = CALLS
    """Which of the calls it has."""
    variant: str = ""
    """How it is set up, where not as its documentation begins."""

    @property
    def name(self) -> str:
        """Name it in a source, a file or a test."""
        parts = (self.package.replace("@", "").replace("/", "-"), self.version, self.variant)
        return "-".join(part for part in parts if part)


CLIENTS = [
    Client("segment-analytics-python", "2.4.0", "python", ("segment_python", "segment")),
    Client("segment-analytics-python", "2.3.4", "python", ("segment_python", "segment")),
    Client("rudder-sdk-python", "2.1.9", "python", ("segment_python", "rudder")),
    Client("posthog", "7.91.1", "python", ("posthog",), "posthog"),
    Client("snowplow-tracker", "1.1.0", "python", ("snowplow",), "snowplow", ("track", "page", "screen")),
    Client("@segment/analytics-node", "3.1.0", "node", ("node.mjs", "segment")),
    Client("@rudderstack/rudder-sdk-node", "3.0.13", "node", ("node.mjs", "rudder")),
    Client("@segment/analytics-next", "1.84.3", "browser", ("page.html",)),
    Client("@segment/analytics-next", "1.84.3", "browser", ("page.html",), variant="batching"),
]
