"""What must be true when everything works again: acknowledged = stored, nothing twice, every book balanced."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests.soak.clients import Report
from tests.support.house import House
from trackway_collector.loader.verify import verify

STORED = (Path(__file__).parent / "books.sql").read_text("utf-8")
LOADED = "SELECT sum(events), sum(quarantined), sum(duplicates), sum(last_offset - first_offset) FROM loads"


def what_is_wrong(house: House, reports: Iterable[Report]) -> list[str]:
    """
    Return a sentence for each thing that is not as it must be; nothing when all debts are paid.

    Every event of a client is acknowledged when the client has finished, so it owes `<client>-0` to `<client>-<n-1>`.
    """
    wrong = [report.fault for report in reports if report.fault]
    owed = {report.client: report.acknowledged for report in reports}
    with house.warehouse() as warehouse:
        stored = {client: tuple(rest) for client, *rest in warehouse.query(STORED).rows}
        for client, events in owed.items():
            rows, different, highest = stored.pop(client, (0, 0, -1))
            if different != events or highest + 1 != events:
                wrong.append(f"{client}: {events} acknowledged, {different} stored, the last of them {highest}")
            if rows != different:
                wrong.append(f"{client}: {rows - different} rows too many")
        wrong += [f"{client}: nobody sent this, and it is stored" for client in stored]
        ((events, quarantined, duplicates, offsets),) = warehouse.query(LOADED).rows
        if events + quarantined + duplicates != offsets:
            wrong.append(f"loads: {events} + {quarantined} + {duplicates} are not the {offsets} offsets of the spools")
        if events != sum(owed.values()) or quarantined:
            wrong.append(f"loads: {events} stored and {quarantined} quarantined of {sum(owed.values())}")
        for count in verify(warehouse, house.spool_dir):
            if count.missing:
                wrong.append(f"spool {count.spool}, segment {count.segment}: {count.missing} missing")
    return wrong
