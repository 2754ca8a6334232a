"""
All that a request is handled by: who may send, what is allowed to whom, what the plan says.

`Reload` makes another one when a file has changed, beside the requests; the worker puts it in the place of the old one
by a single assignment. A request takes the one in force when it begins and keeps it to its end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from trackway_collector.ingest.rules.keys import Keys
from trackway_collector.ingest.rules.sources import Policies
from trackway_collector.ingest.verdicts.decode import BatchDecoder
from trackway_collector.ingest.webhooks.settings import Webhook


@dataclass(frozen=True, slots=True)
class InForce:
    """Keys, policies and plan that belong together; never changed, only replaced."""

    keys: Keys
    decoder: BatchDecoder
    webhooks: Mapping[str, Webhook] = field(default_factory=dict)
    """By name: providers that may call."""

    @property
    def policies(self) -> Policies:
        """What is allowed and done for each source."""
        return self.decoder.policies
