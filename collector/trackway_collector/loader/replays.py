"""
Quarantined events that come again: the loader's part of `trackway plan replay`.

`trackway plan replay` appends events that now fit to a spool of their own. They were seen before, so the memory of
seen ids cannot tell whether to store them: what counts is whether `events` has them, within the seven days in which
an id is unique. Whoever appended an event twice, or was killed and began again, thus stores it once. What became of
each is written to `replayed`, where a row may be written again and stays one row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from trackway_collector.loader.dedup import WINDOW_DAYS, dedup_key
from trackway_collector.loader.delivery import sql_text
from trackway_collector.loader.row import QUARANTINE, Replay, Row
from trackway_collector.loader.wire import stamp
from trackway_collector.warehouse import Warehouse

REPLAYED = "replayed"
DUPLICATE = "duplicate"

# So many ids travel in one query: they are part of its URL.
_IDS_AT_A_TIME = 500
_WINDOW_US = WINDOW_DAYS * 86_400 * 1_000_000


class _ReplayedRow(msgspec.Struct):
    spool: str
    segment: int
    offset: int
    source: str
    event: str
    message_id: str
    rev: int
    outcome: str
    stored: int
    replay_spool: str
    replay_segment: int
    replay_offset: int
    replayed_at: str


def replay_key(replay: Replay) -> bytes:
    """Return the 16 bytes that stand for one row of quarantine, however often it is replayed."""
    return dedup_key(f"{replay.spool}\0{replay.segment}", str(replay.offset))


def stored_before(warehouse: Warehouse, rows: Sequence[Row]) -> list[bool]:
    """Say for each row whether `events` has the event already, received within seven days of it."""
    replays = [row.replay for row in rows if row.replay is not None]
    found: dict[tuple[str, str], list[int]] = {}
    for start in range(0, len(replays), _IDS_AT_A_TIME):
        part = replays[start : start + _IDS_AT_A_TIME]
        times = [replay.received_at_us for replay in part]
        params: dict[str, object] = {
            "ids": [replay.message_id for replay in part],
            "since": _moment(min(times)) - timedelta(days=WINDOW_DAYS),
            "until": _moment(max(times)) + timedelta(days=WINDOW_DAYS),
        }
        for source, message_id, received_us in warehouse.query(sql_text("stored_ids"), params).rows:
            found.setdefault((source, message_id), []).append(received_us)
    return [
        row.replay is not None
        and any(
            abs(received_us - row.replay.received_at_us) < _WINDOW_US
            for received_us in found.get((row.replay.source, row.replay.message_id), ())
        )
        for row in rows
    ]


def replayed_rows(
    rows: Sequence[Row],
    stored: Mapping[int, bool],
    spool: str,
    segment: int,
    now_us: int,
) -> bytes:
    """
    Return rows of `replayed`, as JSONEachRow text.

    Args:
        rows: every replay of the chunk.
        stored: offset → whether it went to quarantine; those that are not here were stored before.
    """
    lines = []
    for row in rows:
        replay = row.replay
        if replay is None:
            continue
        went_in = stored.get(row.offset) is False
        outcome = replay.outcome if went_in else QUARANTINE + "d" if row.offset in stored else DUPLICATE
        lines.append(
            msgspec.json.encode(
                _ReplayedRow(
                    replay.spool,
                    replay.segment,
                    replay.offset,
                    replay.source,
                    replay.event,
                    replay.message_id,
                    replay.rev,
                    outcome,
                    int(went_in),
                    spool,
                    segment,
                    row.offset,
                    stamp(now_us),
                )
            )
        )
    return b"\n".join(lines)


def _moment(us: int) -> datetime:
    return datetime.fromtimestamp(us / 1e6, UTC)
