"""Events of one name, read back from `events` and `quarantine`: all of them, or a share that says how large it is."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import msgspec

from trackway_analytics.plan_data.restore import READ_SETTINGS, Restorer
from trackway_plan.environments import ALL, PRODUCTION

if TYPE_CHECKING:
    from trackway_collector.warehouse import Warehouse

WHOLE = 2**32
QUARANTINE_SHARE = 5
"""Payloads are large and equal ones are not counted together: of them this many times fewer are looked at."""

_decode = msgspec.json.Decoder().decode


@cache
def sql_file(name: str) -> str:
    """The text of `<name>.sql` in this folder."""
    return (files("trackway_analytics.plan_data") / f"{name}.sql").read_text(encoding="utf-8")


def bound(environment: str) -> str:
    """Return an environment as the statements take it: "" for ALL."""
    return "" if environment == ALL else environment


@dataclass(frozen=True)
class Window:
    """Events of one environment, or ALL, with since ≤ received_at < until, none from the sources in `excluded`."""

    since: datetime
    until: datetime
    excluded: tuple[str, ...] = ()
    environment: str = PRODUCTION

    @classmethod
    def last(
        cls,
        length: timedelta,
        excluded: Collection[str] = (),
        now: datetime | None = None,
        environment: str = PRODUCTION,
    ) -> Window:
        """The window that ends now."""
        end = now or datetime.now(UTC)
        return cls(end - length, end, tuple(sorted(excluded)), environment)

    def before(self, length: timedelta) -> Window:
        """The window of that length that ends where this one begins."""
        return Window(self.since - length, self.since, self.excluded, self.environment)

    @property
    def params(self) -> dict[str, object]:
        """The bound parameters that every statement about a window has."""
        return {
            "since": self.since,
            "until": self.until,
            "excluded": list(self.excluded),
            "environment": bound(self.environment),
        }


@dataclass(frozen=True)
class Volume:
    """How many events of one name a window holds."""

    stored: int = 0
    quarantined: int = 0

    @property
    def events(self) -> int:
        """Both together."""
        return self.stored + self.quarantined


@dataclass(frozen=True, slots=True)
class Observed:
    """`count` events that are equal but for their ids and times."""

    source: str
    rev: int
    """The plan revision that the client stamped, 0 for none."""
    count: int
    properties: Any
    """As sent; an object unless the client sent something else."""
    people: tuple[int, ...] = ()
    """Hashes of up to 8 of the people behind them; empty where that is not known."""
    weight: float = 1.0
    """How many events each of these stands for: 1 / the share that was looked at."""


@dataclass(frozen=True)
class Shares:
    """What share of a name's events is looked at, so that at most about `sample` are."""

    stored: float = 1.0
    quarantined: float = 1.0
    volume: Volume = field(default_factory=Volume)

    @classmethod
    def of(cls, volume: Volume, sample: int) -> Shares:
        """All of up to `sample` events, else a share."""
        return cls(_share(volume.stored, sample), _share(volume.quarantined, sample // QUARANTINE_SHARE), volume)

    @property
    def overall(self) -> float:
        """The share over both tables."""
        looked = self.volume.stored * self.stored + self.volume.quarantined * self.quarantined
        return looked / self.volume.events if self.volume.events else 1.0


def volumes(warehouse: Warehouse, window: Window, events: Collection[str] = ()) -> dict[str, Volume]:
    """Event → how many the window holds, the most frequent first; of all names unless some are given."""
    params = window.params | {"events": sorted(events)}
    return {name: Volume(int(s), int(q)) for name, s, q in warehouse.query(sql_file("volumes"), params).rows}


def people_behind(warehouse: Warehouse, event: str, window: Window, shares: Shares) -> float:
    """How many equally busy people the stored events that `observed` reads are worth (`people.sql`)."""
    return float(warehouse.query(sql_file("people"), _params(event, window, shares.stored)).one())


def observed(
    warehouse: Warehouse, event: str, window: Window, restorer: Restorer, shares: Shares, *, quarantined: bool = True
) -> Iterator[Observed]:
    """
    The events of one name, equal ones together; at most about as many as `shares` was made for.

    Which events make the share is decided by their message_id, so the same ones are looked at each time.
    """
    if shares.volume.stored:
        params = _params(event, window, shares.stored)
        rows = warehouse.query(sql_file("stored_events"), params, READ_SETTINGS).rows
        for source, rev, stored, misfits, people, count in rows:
            sent = restorer.sent(stored, misfits)
            yield Observed(source, int(rev), int(count), sent, tuple(people), 1 / shares.stored)
    if quarantined and shares.volume.quarantined:
        params = _params(event, window, shares.quarantined)
        for source, rev, payload in warehouse.query(sql_file("quarantined_events"), params).rows:
            found, properties = _properties_of(payload)
            if found:
                yield Observed(source, int(rev), 1, properties, (), 1 / shares.quarantined)


def _share(count: int, sample: int) -> float:
    return 1.0 if count <= sample else max(1, round(WHOLE * sample / count)) / WHOLE


def _params(event: str, window: Window, share: float) -> Mapping[str, object]:
    return window.params | {"event": event, "slice": round(share * WHOLE)}


def _properties_of(payload: str) -> tuple[bool, Any]:
    """Whether a payload can be read, and its properties: what the collector's validator would be given."""
    try:
        event = _decode(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False, None
    if not isinstance(event, dict):
        return False, None
    properties = event.get("properties")
    return True, {} if properties is None else properties
