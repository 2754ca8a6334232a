"""Sessions that the collector gives: from rows in hand to session ids, and back from stored rows at the start."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from trackway_collector.enrich.sessions import Sessions, Visit
from trackway_collector.loader.delivery import sql_text
from trackway_collector.loader.row import Row
from trackway_collector.warehouse import Warehouse


def give_sessions(rows: Iterable[Row], sessions: Sessions) -> None:
    """Write a session id into each row whose event needs one."""
    if not sessions.gap_s:
        return
    waiting = [(row, row.visit) for row in rows if row.visit is not None]
    if not waiting:
        return
    for (row, _), session_id in zip(waiting, sessions.assign([visit for _, visit in waiting]), strict=True):
        row.text = b'%b,"session_id":"%b"}' % (row.text[:-1], session_id.encode())


def remember_sessions(warehouse: Warehouse, sessions: Sessions, oldest_waiting_us: int) -> None:
    """
    Read back the sessions that events still to be loaded may belong to.

    A session that is open when the oldest of them was received has a row received within the gap before it.
    """
    if not sessions.gap_s:
        return
    since = datetime.fromtimestamp(oldest_waiting_us / 1e6, UTC) - timedelta(seconds=2 * sessions.gap_s)
    found = warehouse.query(sql_text("open_sessions"), {"since": since, "most": sessions.max_devices}).rows
    for source, environment, device, session_id, first_us, last_us in reversed(found):
        sessions.remember(Visit(source, environment, device, first_us), session_id, last_us)
