"""
The loader: read a chunk, make rows, drop what was seen, insert, move the checkpoint. For ever.

While one chunk is being inserted, which is the engine's work, the next is already being read and turned into rows,
which is Python's. Order per chunk:

    1. the range is frozen as `pending` in the checkpoint, fsynced
    2. rows into `events`, rows into `quarantine` (and, of replays, into `replayed`), one row into `loads`
    3. the checkpoint moves behind the range, fsynced
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Container, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from trackway_collector.enrich import Enrichment
from trackway_collector.enrich.sessions import Sessions
from trackway_collector.loader.dedup import SeenKeys
from trackway_collector.loader.delivery import FIRST_BACKOFF_S, Delivery, LoadRow, Stopped
from trackway_collector.loader.replays import REPLAYED, replay_key, replayed_rows, stored_before
from trackway_collector.loader.row import EVENTS, QUARANTINE, Row
from trackway_collector.loader.rows import RowMaker
from trackway_collector.loader.sources import Source, Sources
from trackway_collector.loader.starting import days_to_remember, prepare_tables, remember_day, row_maker
from trackway_collector.loader.visits import give_sessions, remember_sessions
from trackway_collector.releases import LiveReleases
from trackway_collector.spool import Checkpoint, Chunk, Pending, SpoolReader, load_checkpoint, save_checkpoint
from trackway_collector.spool.layout import spool_name, take_lock
from trackway_collector.warehouse import Terminal, Transient, Warehouse
from trackway_plan import Release

logger = logging.getLogger(__name__)

T = TypeVar("T")

MAX_CHUNK_EVENTS = 50_000
# Rows take a few times the memory of the events they are made of, and two chunks are in hand at a time.
MAX_CHUNK_BYTES = 64 * 1024 * 1024
IDLE_S = 0.05
HOUSEKEEPING_S = 1.0
# Every insert makes a part that the engine must merge later, so a trickle is gathered for this long.
GATHER_S = 0.25
GATHER_BELOW_EVENTS = 5_000


@dataclass(slots=True)
class LoaderStats:
    """What the loader has done since it started."""

    stored: int = 0
    quarantined: int = 0
    duplicates: int = 0
    chunks: int = 0
    stored_at: float = 0.0
    """When a chunk was last stored, seconds since 1970."""
    normalised: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(rule, property) → values that `normalise` gave another form, as their rows were made."""


@dataclass(slots=True)
class _Prepared:
    """A chunk with its rows, ready to be inserted."""

    source: Source
    chunk: Chunk
    rows: list[Row]
    duplicates: int
    replays: list[Row]
    """Every event of it that was in quarantine, the duplicates too."""


class Loader:
    """
    Loads every spool under `spool_dir` into the warehouse, in one thread and a helper.

    Args:
        releases: the live releases, the newest of which decides on typed columns; a single one; None without a plan.
        grace_s: segments that are loaded are kept this long.
        enrichment: what fills columns that clients leave empty; by default with this package's channel rules.
        sessions: gives events a session whose clients send none; by default after half an hour's pause.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        spool_dir: Path,
        releases: LiveReleases | Release | None = None,
        *,
        grace_s: float = 900,
        enrichment: Enrichment | None = None,
        sessions: Sessions | None = None,
    ) -> None:
        self.stats = LoaderStats()
        self.cause_of_death: Exception | None = None
        self._warehouse = warehouse
        self._releases = LiveReleases.of([releases]) if isinstance(releases, Release) else releases
        self._adopted: LiveReleases | None = None
        self._stop = threading.Event()
        self._delivery = Delivery(warehouse, self._stop)
        self._seen = SeenKeys()
        self._replayed = SeenKeys()
        self._enrichment = enrichment or Enrichment()
        self._sessions = sessions or Sessions()
        self._sources = Sources(spool_dir, grace_s)
        self._last_insert = 0.0
        self._last_housekeeping = 0.0
        self._on_death: Callable[[], None] | None = None
        self._thread = threading.Thread(target=self._run, name="loader", daemon=True)

    @property
    def error(self) -> str | None:
        """Why nothing is being stored at the moment; None when all is well."""
        return self._delivery.error

    @property
    def died(self) -> bool:
        """Whether loading ended in an error, which is `cause_of_death`."""
        return self.cause_of_death is not None

    @property
    def attempts(self) -> int:
        """Inserts tried since the start."""
        return self._delivery.attempts

    @property
    def errors(self) -> Mapping[str, int]:
        """Errors of the warehouse since the start, by their class."""
        return self._delivery.errors

    def start(self, died: Callable[[], None] | None = None) -> None:
        """Start loading in the background; `died` is called from there if loading ends in an error."""
        self._on_death = died
        self._thread.start()

    def adopt(self, releases: LiveReleases) -> None:
        """Store by these releases from the next chunk on; typed paths that the newest asks for are added before it."""
        self._adopted = releases

    def stop(self, timeout_s: float = 30) -> None:
        """Finish the chunk at hand, or leave it pending when the engine is away, and return."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        self._sources.close()

    def lag(self) -> tuple[int, float]:
        """Return how many bytes wait in the spools and how many seconds the oldest of them has waited."""
        return self._sources.lag()

    # --- the loader's thread -----------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._until_answered(prepare_tables, self._warehouse, self._releases)
            for spool in self._sources.in_doubt():
                self._delivery.end_earlier_inserts(spool)  # before keys and sessions are read: theirs belong to them
            for day in days_to_remember(self._sources.oldest_waiting_us()):
                self._until_answered(remember_day, self._warehouse, self._seen, day)
            oldest_us = self._sources.oldest_waiting_us()
            self._until_answered(remember_sessions, self._warehouse, self._sessions, oldest_us)
            with ThreadPoolExecutor(1, thread_name_prefix="loader-rows") as helper:
                self._load_for_ever(helper)
        except Stopped:
            logger.info("the loader stopped with a chunk pending; the next start settles it")
        except Terminal as error:
            self._die(error)  # the store process says it
        except Exception as error:
            logger.exception("the loader died; the spool keeps everything until the store process starts again")
            self._die(error)

    def _die(self, error: Exception) -> None:
        self._delivery.error = str(error)
        self.cause_of_death = error
        if self._on_death is not None:
            self._on_death()

    def _load_for_ever(self, helper: ThreadPoolExecutor) -> None:
        prepared = self._prepare()
        while not self._stop.is_set():
            self._keep_house()  # under steady load there is no idle moment for it
            if self._adopted is not None:
                # Rows in hand were made for the types there were: they go first.
                if prepared is not None:
                    self._store(prepared)
                self._take_over(self._adopted)
                prepared = self._prepare()
            if prepared is None:
                self._stop.wait(IDLE_S)
                prepared = self._prepare()
                continue
            self._gather(prepared)
            ahead: Future[_Prepared | None] = helper.submit(self._prepare)
            self._store(prepared)
            prepared = ahead.result()

    def _take_over(self, adopted: LiveReleases) -> None:
        """Make the releases that came live the ones in force."""
        self._releases = adopted
        self._until_answered(prepare_tables, self._warehouse, adopted)
        for source in self._sources.opened():
            source.maker = self._maker(source.name)
        if self._adopted is adopted:  # else others came live meanwhile, and the next turn takes them over
            self._adopted = None

    def _keep_house(self) -> None:
        """Forget what is over, now and then; the helper must not be at work, it uses the same memory."""
        if time.monotonic() - self._last_housekeeping >= HOUSEKEEPING_S:
            self._last_housekeeping = time.monotonic()
            self._sources.delete_passed_segments()
            self._seen.forget_before(self._sources.oldest_waiting_us())
            self._replayed.forget_before(self._sources.oldest_waiting_us())
            self._sessions.forget_before(self._sources.oldest_waiting_us())

    def _gather(self, prepared: _Prepared) -> None:
        if prepared.chunk.events < GATHER_BELOW_EVENTS:
            wait_s = self._last_insert + GATHER_S - time.monotonic()
            if wait_s > 0:
                self._stop.wait(wait_s)
        self._last_insert = time.monotonic()

    def _prepare(self) -> _Prepared | None:
        """Return the next chunk of any spool with its rows; chunks are stored in the order they are returned."""
        for source in self._sources.in_turn(self._open):
            chunk = source.reader.read(
                source.segment, source.byte, max_events=MAX_CHUNK_EVENTS, max_bytes=MAX_CHUNK_BYTES
            )
            if chunk is None:
                continue
            source.segment, source.byte = chunk.segment, chunk.to_byte
            self._sources.served(source)
            return self._with_rows(source, chunk, present=())
        return None

    def _with_rows(self, source: Source, chunk: Chunk, present: Container[int]) -> _Prepared:
        every = list(source.maker.rows(chunk))
        rows = [row for row in every if row.offset not in present]
        replays = [row for row in every if row.replay is not None]
        if present:  # an earlier start stored them, maybe since this one read what is stored
            there = [_key(row) for row in every if row.offset in present]
            (self._replayed if replays else self._seen).add(there, chunk.committed_at_us)
        seen = self._seen_replays(rows) if replays else self._seen.seen([row.key for row in rows])
        fresh: dict[bytes, Row] = {}
        for row, was_seen in zip(rows, seen, strict=True):
            if not was_seen:
                fresh.setdefault(row.key, row)
        give_sessions(fresh.values(), self._sessions)
        # From here on these keys count as stored: the chunk will be, whatever it takes.
        (self._replayed if replays else self._seen).add(fresh, chunk.committed_at_us)
        return _Prepared(source, chunk, list(fresh.values()), len(rows) - len(fresh), replays)

    def _seen_replays(self, rows: list[Row]) -> list[bool]:
        """Say for each row whether it is stored, or will be by a chunk before this one."""
        for row in rows:
            row.key = _key(row)
        stored = self._until_answered(stored_before, self._warehouse, rows)
        return [a or b for a, b in zip(stored, self._replayed.seen([row.key for row in rows]), strict=True)]

    def _store(self, prepared: _Prepared) -> None:
        source, chunk = prepared.source, prepared.chunk
        directory = source.reader.directory
        if prepared.rows or prepared.duplicates:
            span = Pending(chunk.segment, chunk.first_offset, chunk.last_offset, chunk.from_byte, chunk.to_byte)
            self._save(directory, Checkpoint(chunk.segment, chunk.from_byte, span))
            self._deliver(prepared)
        self._save(directory, Checkpoint(chunk.segment, chunk.to_byte))

    def _save(self, directory: Path, checkpoint: Checkpoint) -> None:
        """Move a checkpoint; a disk that refuses is waited for, and what is loaded goes meanwhile to make room."""
        backoff_s = FIRST_BACKOFF_S
        while True:
            try:
                save_checkpoint(directory, checkpoint)
            except OSError as error:
                backoff_s = self._delivery.wait(error, backoff_s, "the checkpoint cannot be written")
                self._sources.delete_passed_segments()
            else:
                if backoff_s > FIRST_BACKOFF_S:
                    self._delivery.error = None
                return

    def _deliver(self, prepared: _Prepared, *, present: Mapping[int, bool] | None = None) -> None:
        """Insert the rows; `present` are those that an earlier start has stored, and whether in quarantine."""
        source, chunk = prepared.source, prepared.chunk
        attempts = self._delivery.attempts
        stored: list[Row] = []
        for table in (EVENTS, QUARANTINE):
            rows = [row for row in prepared.rows if row.table == table]
            stored += self._delivery.deliver(source.name, chunk, table, rows)
        there = dict(present or {}) | {row.offset: row.table == QUARANTINE for row in stored}
        quarantined = sum(there.values())
        if prepared.replays:
            now_us = time.time_ns() // 1000
            lines = replayed_rows(prepared.replays, there, source.name, chunk.segment, now_us)
            self._delivery.put(source.name, REPLAYED, lines)
        load = LoadRow(
            source.name,
            chunk.segment,
            chunk.first_offset,
            chunk.last_offset,
            len(there) - quarantined,
            quarantined,
            prepared.duplicates,
            self._delivery.attempts - attempts,
            f"{time.time():.6f}",
        )
        self._delivery.record(load, in_doubt=present is not None)
        self.stats.stored += load.events
        self.stats.quarantined += quarantined
        self.stats.duplicates += prepared.duplicates
        self.stats.chunks += 1
        self.stats.stored_at = time.time()

    # --- starting ----------------------------------------------------------------------------------------------

    def _open(self, directory: Path) -> Source:
        lock = take_lock(directory / "loader.lock", "loads")
        name = spool_name(directory)
        maker = self._maker(name)
        checkpoint = load_checkpoint(directory)
        source = Source(SpoolReader(directory), name, maker, lock, checkpoint.segment, checkpoint.byte)
        if checkpoint.pending is not None:
            self._settle(source, checkpoint.pending)
        return source

    def _maker(self, spool: str) -> RowMaker:
        own = (self._enrichment, self.stats.normalised)
        return self._until_answered(row_maker, self._warehouse, spool, self._releases, *own)

    def _settle(self, source: Source, pending: Pending) -> None:
        """Complete a chunk whose insert was begun before this start and may have happened, wholly or in part."""
        chunk = source.reader.read(pending.segment, pending.from_byte, max_events=2**62, to_byte=pending.to_byte)
        if chunk is None or chunk.segment != pending.segment:
            logger.error("%s: the pending range of segment %d is gone", source.reader.directory, pending.segment)
            return
        self._delivery.end_earlier_inserts(source.name)
        present = self._delivery.stored_offsets(source.name, chunk)
        prepared = self._with_rows(source, chunk, present)
        logger.info(
            "settling %d events of segment %d: %d stored before, %d missing",
            chunk.events,
            chunk.segment,
            len(present),
            len(prepared.rows),
        )
        self._deliver(prepared, present=present)
        self._save(source.reader.directory, Checkpoint(chunk.segment, chunk.to_byte))
        source.segment, source.byte = chunk.segment, chunk.to_byte

    def _until_answered(self, work: Callable[..., T], *arguments: object) -> T:
        """Return what the work does, tried again and again while the warehouse is away."""
        backoff_s = IDLE_S
        while True:
            try:
                done = work(*arguments)
            except Transient as error:
                backoff_s = self._delivery.wait(error, backoff_s)
            else:
                self._delivery.error = None
                return done


def _key(row: Row) -> bytes:
    return replay_key(row.replay) if row.replay is not None else row.key
