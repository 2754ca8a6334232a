"""
One adapter a client, each written as that client's documentation says to use it, with its defaults.

An adapter imports its client when it is made: nothing of the others is loaded into a measured process.
"""

from __future__ import annotations

from importlib import import_module, metadata
from typing import Protocol, cast

EVENT = "Order Completed"
USER = "user-000017"
PROPERTIES: dict[str, object] = {
    "order_id": "o-2026-05-19-000017",
    "total": "129.95",
    "currency": "EUR",
    "items": 3,
    "weight_kg": 1.75,
    "express": True,
    "coupon": None,
    "shop": "Antwerp, Meir 48",
    "payment": "card",
    "categories": ["tea", "cups"],
}
"""What every event carries, besides its number."""


class Client(Protocol):
    """What the programs here ask of a client."""

    def track(self, number: int, extra: str | None = None) -> None:
        """Track one `EVENT` whose property `n` is `number`; `extra` is a text of any length for the property `note`."""
        ...

    def flush(self) -> None:
        """Call what the client has for it, with its defaults; nothing where it has nothing."""
        ...

    def close(self) -> None:
        """Call what the client has for the end of a program."""
        ...


# name: (module, class, distribution)
_KNOWN = {
    "trackway": ("trackway_sdk", "Memory", ""),
    "trackway-disk": ("trackway_sdk", "Disk", ""),
    "segment": ("segment", "Segment", "segment-analytics-python"),
    "rudder": ("rudder", "Rudder", "rudder-sdk-python"),
    "posthog": ("posthog", "PostHog", "posthog"),
    "snowplow": ("snowplow", "Snowplow", "snowplow-tracker"),
    "snowplow-async": ("snowplow", "SnowplowAsync", "snowplow-tracker"),
    "mixpanel": ("mixpanel", "Mixpanel", "mixpanel"),
    "mixpanel-buffered": ("mixpanel", "MixpanelBuffered", "mixpanel"),
    "amplitude": ("amplitude", "Amplitude", "amplitude-analytics"),
}
OURS = ("trackway", "trackway-disk")
DEFAULTS = ("segment", "rudder", "posthog", "snowplow", "mixpanel", "amplitude")
"""The others, as their quick starts make them."""
PEERS = tuple(name for name in _KNOWN if name not in OURS)
"""The others, and the faster variants that two of them offer."""


def make(name: str, host: str, directory: str = "") -> Client:
    """
    Return a client that sends to `host` (`http://127.0.0.1:port`); `directory` is where ours may keep its disk queue.
    """
    module, kind, _ = _KNOWN[name]
    adapter = getattr(import_module(f"{__name__}.{module}"), kind)
    return cast("Client", adapter(host, directory))


def properties(number: int, extra: str | None) -> dict[str, object]:
    """Return the properties of one event."""
    given = {**PROPERTIES, "n": number}
    return given if extra is None else {**given, "note": extra}


def version(name: str) -> str:
    """Return the installed version of a client, of the process that asks."""
    return metadata.version(_KNOWN[name][2])


def distribution(name: str) -> str:
    """Return what a client is called on PyPI."""
    return _KNOWN[name][2]
