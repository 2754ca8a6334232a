"""What is allowed and done for each source: `[sources.NAME]` of trackway.toml, and the default for all others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from trackway_collector.ingest.privacy.policy import Kind, Privacy


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may hold. The defaults are those of Segment's API."""

    event_bytes: int = 32 * 1024
    """Size of one event, bytes of JSON."""
    batch_bytes: int = 500 * 1024
    """Size of a whole body after decompression, bytes."""
    batch_events: int = 2_500
    """Events in one batch."""
    message_id_chars: int = 100
    """Length of a `messageId`; a longer one is replaced and the event flagged."""


@dataclass(frozen=True, slots=True)
class SourcePolicy:
    """What is allowed and done for one source."""

    limits: Limits = Limits()
    privacy: Privacy = field(default_factory=Privacy)
    kind: Kind = ""
    """`client`: the people's own devices send; `server`: servers do; empty: as the plan says, else told by headers."""


@dataclass(frozen=True, slots=True)
class Policies:
    """The policy of every source."""

    default: SourcePolicy = SourcePolicy()
    by_source: Mapping[str, SourcePolicy] = field(default_factory=lambda: MappingProxyType({}))

    def of(self, source: str) -> SourcePolicy:
        """Return the policy of a source; the default for one that has none of its own."""
        return self.by_source.get(source, self.default)

    @property
    def most_batch_bytes(self) -> int:
        """The largest body that any source may send, bytes: what is read before it is known who sends."""
        every = (self.default, *self.by_source.values())
        return max(policy.limits.batch_bytes for policy in every)
