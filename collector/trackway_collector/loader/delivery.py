"""
Bring one chunk's rows into their tables exactly once, whatever the engine answers or fails to answer.

An insert ends in one of three ways. The engine says yes. The engine refuses the data: then the rows are halved until
the one that is to blame stands alone, and that one goes to quarantine. Or nobody knows: the connection broke, the time
ran out, the process died in between. A deduplication token alone does not settle that, because ClickHouse writes its
deduplication log before it renames the part: killed between the two, it takes the retry for a repetition and the rows
are gone. So the loader makes sure that the query has ended, counts the chunk's rows by (spool, segment, offset), and
inserts what is missing under a token never used before.
"""

from __future__ import annotations

import itertools
import logging
import random
import secrets
import threading
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any

import msgspec

from trackway_collector.loader.quarantine import poison_row
from trackway_collector.loader.row import QUARANTINE, Row
from trackway_collector.spool import Chunk
from trackway_collector.warehouse import Warehouse
from trackway_collector.warehouse.errors import Terminal, Transient, WarehouseError

logger = logging.getLogger(__name__)

FIRST_BACKOFF_S = 0.2
MAX_BACKOFF_S = 15.0
ENDED_POLL_S = 0.2


class Stopped(Exception):
    """The loader is asked to stop while an outcome is unknown; the next start settles it."""


class LoadRow(msgspec.Struct):
    """A row of `loads`: what became of a chunk."""

    spool: str
    segment: int
    first_offset: int
    last_offset: int
    events: int
    quarantined: int
    duplicates: int
    attempts: int
    loaded_at: str


class Delivery:
    """
    Delivers one chunk at a time into a warehouse.

    Args:
        stop: set when the loader should give up waiting for an engine that is away.
    """

    def __init__(self, warehouse: Warehouse, stop: threading.Event) -> None:
        self._warehouse = warehouse
        self._stop = stop
        # A token covers repetitions within one life of the engine, so it must not outlive ours either.
        self._life = secrets.token_hex(4)
        self._inserts = itertools.count(1)
        self.attempts = 0
        """Inserts tried since the start."""
        self.errors: Counter[str] = Counter()
        """Class of error → how often, since the start."""
        self.error: str | None = None
        """Why the engine does not take rows at the moment; None when it does."""

    def deliver(self, spool: str, chunk: Chunk, table: str, rows: Sequence[Row]) -> list[Row]:
        """
        Return when all rows are in the table, or in quarantine where the table refused them.

        Returns:
            The rows as stored: poison rows have become quarantine rows.

        Raises:
            Stopped: asked to stop before it was done.
        """
        stored: list[Row] = []
        work = [list(rows)] if rows else []
        while work:
            part = work.pop()
            try:
                self._insert_until_known(spool, chunk, table, part)
                stored += part
            except Terminal as error:
                if len(part) > 1:
                    half = len(part) // 2
                    work += [part[half:], part[:half]]
                    continue
                if table == QUARANTINE:
                    raise
                self.errors[type(error).__name__] += 1
                poison = part[0]
                logger.error("offset %d of segment %d goes to quarantine: %s", poison.offset, chunk.segment, error)
                stored += self.deliver(spool, chunk, QUARANTINE, [poison_row(poison, str(error))])
        return stored

    def record(self, row: LoadRow, *, in_doubt: bool) -> None:
        """
        Write the chunk's row in `loads`.

        Args:
            in_doubt: it may be there already, so look first.
        """
        params: dict[str, object] = {"spool": row.spool, "segment": row.segment, "first": row.first_offset}
        backoff_s = FIRST_BACKOFF_S
        while not (in_doubt and self._ask("load_is_recorded", params)[0][0]):
            query_id = self._next_query_id(row.spool)
            try:
                self._insert("loads", msgspec.json.encode(row), query_id, query_id)
                return
            except Transient as error:
                in_doubt = True
                backoff_s = self.wait(error, backoff_s)
                self._wait_for_end(query_id)

    def put(self, spool: str, table: str, rows: bytes) -> None:
        """Insert rows that may be there already: the table keeps one of those with the same key."""
        backoff_s = FIRST_BACKOFF_S
        while True:
            query_id = self._next_query_id(spool)
            try:
                self._insert(table, rows, query_id, query_id)
                return
            except Transient as error:
                backoff_s = self.wait(error, backoff_s)
                self._wait_for_end(query_id)

    def stored_offsets(self, spool: str, chunk: Chunk) -> dict[int, bool]:
        """Return which of the chunk's offsets are in the warehouse, and of each whether it is in quarantine."""
        since = datetime.fromtimestamp(chunk.received_from_us() / 1e6, UTC) - timedelta(seconds=1)
        params: dict[str, object] = {
            "spool": spool,
            "segment": chunk.segment,
            "first": chunk.first_offset,
            "last": chunk.last_offset,
            "since": since,
        }
        return {offset: bool(quarantined) for offset, quarantined in self._ask("stored_offsets", params)}

    def end_earlier_inserts(self, spool: str) -> None:
        """
        Return when the engine no longer works on an insert that an earlier start sent for this spool.

        A server goes on with an insert whose sender has died; rows counted before its end could come twice.
        """
        params: dict[str, object] = {"prefix": _query_ids(spool)}
        while running := self._ask("running_inserts", params):
            for (query_id,) in running:
                self._wait_for_end(query_id)

    def _insert_until_known(self, spool: str, chunk: Chunk, table: str, rows: list[Row]) -> None:
        missing = rows
        backoff_s = FIRST_BACKOFF_S
        while missing:
            first, last = missing[0].offset, missing[-1].offset + 1
            query_id = self._next_query_id(spool)
            token = f"{spool}:{chunk.segment}:{first}-{last}:{table}:{query_id}"
            try:
                self._insert(table, b"\n".join(row.text for row in missing), token, query_id)
                return
            except Transient as error:
                backoff_s = self.wait(error, backoff_s)
                self._wait_for_end(query_id)
                present = self.stored_offsets(spool, chunk)
                missing = [row for row in missing if row.offset not in present]

    def _insert(self, table: str, rows: bytes, token: str, query_id: str) -> None:
        self.attempts += 1
        self._warehouse.insert_rows(table, rows, token=token, query_id=query_id)
        self.error = None

    def _next_query_id(self, spool: str) -> str:
        return f"{_query_ids(spool)}{self._life}-{next(self._inserts)}"

    def _ask(self, name: str, params: dict[str, object]) -> Sequence[tuple[Any, ...]]:
        """Return the rows of a query, asked again and again while the engine does not answer."""
        backoff_s = FIRST_BACKOFF_S
        while True:
            try:
                return self._warehouse.query(sql_text(name), params).rows
            except WarehouseError as error:
                backoff_s = self.wait(error, backoff_s)

    def _wait_for_end(self, query_id: str) -> None:
        """Return when the insert is no longer running: only then can rows be counted."""
        backoff_s = ENDED_POLL_S
        while True:
            try:
                if not self._warehouse.query_is_running(query_id):
                    return
                self._warehouse.cancel_query(query_id)
                if self._stop.wait(ENDED_POLL_S):
                    raise Stopped
            except WarehouseError as error:
                backoff_s = self.wait(error, backoff_s)

    def wait(self, error: Exception, backoff_s: float, what: str = "the warehouse does not take rows") -> float:
        """
        Note the error, sleep with jitter and return the next back-off.

        Raises:
            Stopped: asked to stop meanwhile.
        """
        if self.error is None:
            logger.warning("%s, the spool keeps what comes: %s", what, error)
        self.error = str(error)
        self.errors[type(error).__name__] += 1
        if self._stop.wait(backoff_s * random.uniform(0.5, 1.0)):  # noqa: S311 - jitter
            raise Stopped
        return min(backoff_s * 2, MAX_BACKOFF_S)


def _query_ids(spool: str) -> str:
    """Return what the ids of a spool's inserts begin with; a spool's name is unique for ever."""
    return f"trackway-load-{spool}-"


def sql_text(name: str) -> str:
    """Return the text of a query of this package."""
    return (resources.files("trackway_collector.loader") / "sql" / f"{name}.sql").read_text("utf-8")
