"""What the loader finds out about an event beyond what its client sent; `steps` says in what order."""

from trackway_collector.enrich.channels import ChannelRules, Traffic, channel_of, default_rules, load_rules
from trackway_collector.enrich.known import Known, Step
from trackway_collector.enrich.steps import Enrichment, steps

__all__ = [
    "ChannelRules",
    "Enrichment",
    "Known",
    "Step",
    "Traffic",
    "channel_of",
    "default_rules",
    "load_rules",
    "steps",
]
