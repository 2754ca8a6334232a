"""
The census: who still sends which event, stamped with which revision of the plan, how often and until when.

    open_census(url, days) ─▶ Census ─▶ .quiet("cart", 0.001)     may it be removed?
                                      ├▶ .behind(12)               "rev 7 still 4.1 % of app events, last seen 2 h ago"
                                      └▶ .volumes                  for the docs site
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from trackway_analytics.plan_data.opening import answering
from trackway_analytics.plan_data.stored import bound, sql_file
from trackway_plan.environments import PRODUCTION

if TYPE_CHECKING:
    from trackway_collector.warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class Sender:
    """The events of one name from one source with one stamped revision."""

    event: str
    source: str
    rev: int
    """0 for events without a stamp."""
    stored: int
    quarantined: int
    """Both over the days that were asked for."""
    first_seen: datetime
    last_seen: datetime
    """Both of all times, by the collector's clock."""

    @property
    def events(self) -> int:
        """Stored and quarantined together."""
        return self.stored + self.quarantined


@dataclass(frozen=True, slots=True)
class Share:
    """What part of a whole some events are, and when the last of them came."""

    name: str
    """The event, the source or the revision they have in common."""
    events: int
    of: int
    """Events of the whole: of the source, say."""
    first_seen: datetime
    last_seen: datetime

    @property
    def share(self) -> float:
        """Between 0 and 1; 0 of nothing is 0."""
        return self.events / self.of if self.of else 0.0


@dataclass(frozen=True)
class Census:
    """All senders of the events asked for; counts are over `days`, until `now`."""

    senders: tuple[Sender, ...]
    days: int
    now: datetime

    @property
    def events(self) -> int:
        """All events of the days."""
        return sum(sender.events for sender in self.senders)

    @property
    def volumes(self) -> Mapping[str, Share]:
        """Event → its share of all events, most frequent first; events that stopped are there with 0."""
        return _shares(self.senders, lambda sender: sender.event)

    def sources(self, event: str = "") -> Mapping[str, Share]:
        """Source → its share of one event, or of all."""
        return _shares(self._of(event), lambda sender: sender.source)

    def revisions(self, source: str = "", event: str = "") -> Mapping[int, Share]:
        """Stamped revision → its share of what a source (or all of them) sends."""
        chosen = [sender for sender in self._of(event) if not source or sender.source == source]
        shares = _shares(chosen, lambda sender: str(sender.rev))
        return {int(rev): share for rev, share in sorted(shares.items(), key=lambda item: int(item[0]))}

    def quiet(self, event: str, below: float) -> bool:
        """
        Whether an event's share of all events of the days is under `below` (0.001 is 0.1 %), so that it may go.

        With `below` 0, only an event that nobody sent is quiet. Where no event of any name arrived nothing is quiet:
        an empty warehouse is no proof.
        """
        found = self.volumes.get(event)
        count = found.events if found else 0
        return bool(self.events) and (count == 0 or count / self.events < below)

    def behind(self, newest: int) -> list[str]:
        """
        One line for each source and revision before `newest` that still sends, the largest share first.

        `rev 7 still 4.1 % of app events (1,204), last seen 2 h ago`; unstamped events have a line of their own.
        """
        found = [
            (share.share, source, rev, share)
            for source in self.sources()
            for rev, share in self.revisions(source).items()
            if rev < newest and share.events
        ]
        return [
            f"{f'rev {rev} still' if rev else 'unstamped:'} {percent(part)} of {source or 'unnamed'} events "
            f"({share.events:,}), last seen {ago(self.now - share.last_seen)}"
            for part, source, rev, share in sorted(found, key=lambda item: (-item[0], item[1], item[2]))
        ]

    def _of(self, event: str) -> tuple[Sender, ...]:
        return tuple(sender for sender in self.senders if not event or sender.event == event)


def census(
    warehouse: Warehouse,
    days: int = 30,
    *,
    events: Collection[str] = (),
    now: datetime | None = None,
    environment: str = PRODUCTION,
) -> Census:
    """
    Count who sends what in an environment (or ALL): of all track events, or of those named, over the last `days` days.

    Raises:
        WarehouseError: of `trackway_collector.warehouse`: it cannot be asked.
    """
    end = now or datetime.now(UTC)
    params = {
        "events": sorted(events),
        "since": end - timedelta(days=days),
        "until": end,
        "environment": bound(environment),
    }
    rows = warehouse.query(sql_file("census"), params).rows
    return Census(tuple(Sender(*row) for row in rows), days, end)


def open_census(
    warehouse_url: str,
    days: int = 30,
    *,
    events: Collection[str] = (),
    now: datetime | None = None,
    environment: str = PRODUCTION,
) -> Census:
    """
    The census of the warehouse at an address, for `review`, `breaking` and `docs`, which load this by name.

    Raises:
        EvidenceUnreachableError: of `trackway_plan.evidence`: the warehouse gives no answer.
    """
    with answering(warehouse_url) as warehouse:
        return census(warehouse, days, events=events, now=now, environment=environment)


def percent(share: float) -> str:
    """`4.1 %`, `37 %`; what rounds to nothing is `< 0.1 %`, and only all is `100 %`."""
    if share <= 0 or share >= 1:
        return f"{100 * share:.0f} %"
    if share < 0.001:
        return "< 0.1 %"
    text = f"{100 * share:.1f}" if share < 0.1 or share >= 0.995 else f"{100 * share:.0f}"
    return "> 99.9 %" if text == "100.0" else f"{text} %"


def ago(length: timedelta) -> str:
    """How long ago, in its largest unit: `2 h ago`, `just now`."""
    seconds = length.total_seconds()
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{int(seconds // size):,} {unit} ago"
    return "just now"


def _shares(senders: Collection[Sender], key: Callable[[Sender], str]) -> dict[str, Share]:
    groups: dict[str, list[Sender]] = {}
    for sender in senders:
        groups.setdefault(key(sender), []).append(sender)
    total = sum(sender.events for sender in senders)
    shares = [
        Share(
            name,
            sum(sender.events for sender in group),
            total,
            min(sender.first_seen for sender in group),
            max(sender.last_seen for sender in group),
        )
        for name, group in groups.items()
    ]
    return {share.name: share for share in sorted(shares, key=lambda share: (-share.events, share.name))}
