"""The ledger: what was sent, what was answered 200, what is stored. Every difference is named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from trackway import Stats
from trackway_analytics.demo.replay import Log
from trackway_analytics.demo.sqlfile import read_sql
from trackway_collector.warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class Line:
    """One source's account, from the log to the table."""

    source: str
    expected: int
    """Events in the log."""
    sent: int
    acked: int
    """Answered 200 by the collector."""
    refused: int
    """Rejected by the collector or dropped by the SDK."""
    stored: int
    """Rows in `events`."""
    different: int
    """Different message ids among them."""
    flagged: int
    unplanned: int
    quarantined: int

    @property
    def lost(self) -> int:
        """Answered 200 and not there."""
        return max(0, self.acked - self.different - self.quarantined)

    @property
    def twice(self) -> int:
        """Rows too many."""
        return self.stored - self.different

    def problems(self) -> list[str]:
        """Return one sentence for each figure that is off."""
        claims = {
            f"{self.sent:,} of the log's {self.expected:,} events were sent": self.sent != self.expected,
            f"{self.acked:,} of {self.sent:,} sent events were answered 200": self.acked != self.sent,
            f"{self.refused:,} events were refused": self.refused != 0,
            f"{self.lost:,} events were answered 200 and are not stored": self.lost != 0,
            f"{self.twice:,} rows are stored twice": self.twice != 0,
            f"{self.stored:,} rows are stored for {self.acked:,} answers": self.stored != self.acked,
            f"{self.quarantined:,} events are in quarantine": self.quarantined != 0,
            f"{self.unplanned:,} events are not in the plan": self.unplanned != 0,
            f"{self.flagged:,} events are flagged": self.flagged != 0,
        }
        return [f"{self.source}: {claim}" for claim, is_off in claims.items() if is_off]


def draw_up(warehouse: Warehouse, logs: Iterable[Log], stats: Mapping[str, Stats]) -> list[Line]:
    """Return the ledger of all logs: the trackers' accounts beside what the tables hold now."""
    stored = {row[0]: row[1:] for row in warehouse.query(read_sql("demo/ledger")).rows}
    quarantined = dict(warehouse.query(read_sql("demo/quarantined")).rows)
    lines = []
    for log in logs:
        account = stats[log.source]
        rows, different, flagged, unplanned = stored.get(log.source, (0, 0, 0, 0))
        lines.append(
            Line(
                source=log.source,
                expected=log.events,
                sent=account.enqueued,
                acked=account.acked,
                refused=account.rejected + account.dropped,
                stored=rows,
                different=different,
                flagged=flagged,
                unplanned=unplanned,
                quarantined=quarantined.get(log.source, 0),
            )
        )
    return lines


def arrived(warehouse: Warehouse) -> int:
    """Return how many events can be asked for: stored and quarantined rows together."""
    ((events, quarantined),) = warehouse.query(read_sql("demo/arrived")).rows
    return int(events) + int(quarantined)
