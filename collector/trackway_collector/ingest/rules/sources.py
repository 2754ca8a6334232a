"""
What is allowed and done for each source: `[sources.NAME]` of trackway.toml, and the default for all others.

A new setting is a field here, or a sub-table: a struct of its own and a field that holds it. What a table may say, how
a wrong one is refused and how `--show-config` prints it all follow from these types.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated

import msgspec

from trackway_collector.errors import ConfigError
from trackway_collector.ingest.privacy.policy import Kind, Privacy
from trackway_collector.ingest.room.quota import Quota
from trackway_collector.ingest.rules.tables import Table, check_names, merged, wrong_value

EVERY_SOURCE = "*"
"""The table whose values hold for each source that does not say otherwise."""

MAX_BATCH_BYTES = 64 * 1024**2

_Bytes = Annotated[int, msgspec.Meta(ge=1024, le=MAX_BATCH_BYTES)]
_Events = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


class Limits(Table, frozen=True):
    """What one request may hold. The defaults are those of Segment's API."""

    event_bytes: _Bytes = 32 * 1024
    """Size of one event, bytes of JSON."""
    batch_bytes: _Bytes = 500 * 1024
    """Size of a whole body after decompression, bytes."""
    batch_events: _Events = 2_500
    """Events in one batch."""
    message_id_chars: Annotated[int, msgspec.Meta(ge=36, le=1_000)] = 100
    """Length of a `messageId`; a longer one is replaced and the event flagged."""


class SourcePolicy(Table, frozen=True):
    """What is allowed and done for one source."""

    limits: Limits = Limits()
    quota: Quota = Quota()
    privacy: Privacy = Privacy()
    kind: Kind = ""
    """`client`: the people's own devices send; `server`: servers do; empty: as the plan says, else told by headers."""
    foreign_ids: tuple[str, ...] = ()
    """What other products' clients carry where a write key should be: `snowplow:APP`, `matomo:SITE`, `ga4:STREAM`."""


@dataclass(frozen=True, slots=True)
class Policies:
    """The policy of every source."""

    default: SourcePolicy = field(default_factory=SourcePolicy)
    by_source: Mapping[str, SourcePolicy] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def of_tables(cls, tables: object, origin: str) -> Policies:
        """
        Return the policies that `[sources.NAME]` tables state; `[sources."*"]` holds for all and each may differ.

        Args:
            tables: what is under `sources`.
            origin: where that stands, for messages: a file or a variable.

        Raises:
            ConfigError: a name is not known, or a value is not what it should be; the message says where.
        """
        if not isinstance(tables, Mapping):
            message = f"`sources` from {origin} is no table.\n  Write [sources.NAME], or [sources.NAME.limits] …"
            raise ConfigError(message)
        policies = {}
        for source, table in tables.items():
            name = source if source.isidentifier() else f'"{source}"'
            where = f"{origin}: [sources.{name}"
            check_names(table, SourcePolicy, where)
            whole = merged(tables.get(EVERY_SOURCE, {}), table)
            try:
                policies[source] = msgspec.convert(whole, SourcePolicy)
            except msgspec.ValidationError as error:
                message = f"{where}]: {wrong_value(error, SourcePolicy)}"
                raise ConfigError(message) from error
        _check_foreign_ids(policies, origin)
        default = policies.pop(EVERY_SOURCE, SourcePolicy())
        return cls(default, MappingProxyType(policies))

    def of(self, source: str) -> SourcePolicy:
        """Return the policy of a source; the default for one that has none of its own."""
        return self.by_source.get(source, self.default)

    def source_of(self, foreign_id: str) -> str | None:
        """Return the source that names a foreign id as its own; None when there is none."""
        if not foreign_id:
            return None
        return next((name for name, policy in self.by_source.items() if foreign_id in policy.foreign_ids), None)

    @property
    def most_batch_bytes(self) -> int:
        """The largest body that any source may send, bytes: what is read before it is known who sends."""
        every = (self.default, *self.by_source.values())
        return max(policy.limits.batch_bytes for policy in every)

    @property
    def sets_cookies(self) -> bool:
        """Whether a source sets the first-party cookie, for which a browser has to send credentials."""
        return any(policy.privacy.cookie.name for policy in (self.default, *self.by_source.values()))


def _check_foreign_ids(policies: Mapping[str, SourcePolicy], origin: str) -> None:
    """
    Refuse a foreign id that would be of several sources.

    Raises:
        ConfigError: there is one.
    """
    if EVERY_SOURCE in policies and policies[EVERY_SOURCE].foreign_ids:
        message = f"{origin}: `foreign_ids` says which source events are of, so it cannot be for all of them."
        raise ConfigError(message)
    owners: dict[str, str] = {}
    for source, policy in policies.items():
        for foreign_id in policy.foreign_ids:
            if (owner := owners.setdefault(foreign_id, source)) != source:
                message = (
                    f"{origin}: `{foreign_id}` is in `foreign_ids` of `{owner}` and of `{source}`."
                    "\n  Events have one source: name it in that source's table alone."
                )
                raise ConfigError(message)
