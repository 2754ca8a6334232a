"""
Clients of other products, pointed at this collector: their wire → our batch.

An adapter is one small file that says which paths it serves, how a request reads as events of ours, and what its client
wants to hear. What it makes is judged, spooled and answered for like any batch, so nothing behind this folder knows of
adapters. An event that cannot be translated does not cost the others: it goes to quarantine as it came, with a reason.
"""

from __future__ import annotations

from trackway_collector.ingest.adapters import ga4, matomo, posthog, rudder, snowplow
from trackway_collector.ingest.adapters.base import Adapter

ADAPTERS: tuple[Adapter, ...] = (posthog.ADAPTER, snowplow.ADAPTER, rudder.ADAPTER, matomo.ADAPTER, ga4.ADAPTER)
