"""
The loader: read a chunk, make rows, drop what was seen, insert, move the checkpoint. For ever.

While one chunk is being inserted, which is the engine's work, the next is already being read and turned into rows,
which is Python's. Order per chunk:

    1. the range is frozen as `pending` in the checkpoint, fsynced
    2. rows into `events`, rows into `quarantine`, one row into `loads`
    3. the checkpoint moves behind the range, fsynced
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Container, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import IO, TypeVar

from trackway_collector.loader.dedup import WINDOW_DAYS, SeenKeys
from trackway_collector.loader.delivery import Delivery, LoadRow, Stopped, sql_text
from trackway_collector.loader.renames import renames_of
from trackway_collector.loader.rows import EVENTS, QUARANTINE, Row, RowMaker
from trackway_collector.loader.values import fits_for
from trackway_collector.spool import Checkpoint, Chunk, Pending, SpoolReader, load_checkpoint, save_checkpoint
from trackway_collector.spool.layout import segment_numbers, segment_path, spool_name, take_lock
from trackway_collector.warehouse import Transient, Warehouse, apply_plan, migrate, property_types, record_release
from trackway_collector.warehouse.plan_columns import typed_paths
from trackway_plan import Release
from trackway_plan.renames import former_events

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
    """What the loader has done since it started, and how far behind it is."""

    stored: int = 0
    quarantined: int = 0
    duplicates: int = 0
    chunks: int = 0
    loaded_committed_at_us: int = 0
    """When the newest chunk that is in the warehouse was committed to the spool."""


@dataclass(slots=True)
class _Source:
    """One spool being loaded."""

    reader: SpoolReader
    name: str
    maker: RowMaker
    lock: IO[bytes]
    segment: int
    byte: int
    passed_at: dict[int, float] = field(default_factory=dict)


@dataclass(slots=True)
class _Prepared:
    """A chunk with its rows, ready to be inserted."""

    source: _Source
    chunk: Chunk
    rows: list[Row]
    duplicates: int


class Loader:
    """
    Loads every spool under `spool_dir` into the warehouse, in one thread and a helper.

    Args:
        release: the plan whose numbers and choices get typed columns; None without a plan.
        grace_s: segments that are loaded are kept this long.
    """

    def __init__(
        self, warehouse: Warehouse, spool_dir: Path, release: Release | None = None, *, grace_s: float = 900
    ) -> None:
        self.stats = LoaderStats()
        self.died = False
        self._warehouse = warehouse
        self._release = release
        self._spool_dir = spool_dir
        self._grace_s = grace_s
        self._stop = threading.Event()
        self._delivery = Delivery(warehouse, self._stop)
        self._seen = SeenKeys()
        self._sources: dict[Path, _Source] = {}
        self._last_insert = 0.0
        self._last_housekeeping = 0.0
        self._last_served: Path | None = None
        self._on_death: Callable[[], None] | None = None
        self._thread = threading.Thread(target=self._run, name="loader", daemon=True)

    @property
    def error(self) -> str | None:
        """Why nothing is being stored at the moment; None when all is well."""
        return self._delivery.error

    @property
    def attempts(self) -> int:
        """Inserts tried since the start."""
        return self._delivery.attempts

    def start(self, died: Callable[[], None] | None = None) -> None:
        """Start loading in the background; `died` is called from there if loading ends in an error."""
        self._on_death = died
        self._thread.start()

    def stop(self, timeout_s: float = 30) -> None:
        """Finish the chunk at hand, or leave it pending when the engine is away, and return."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        for source in self._sources.values():
            source.lock.close()

    def lag(self) -> tuple[int, float]:
        """Return how many bytes wait in the spools and how many seconds the oldest of them has waited."""
        waiting = 0
        for directory in self._spools():
            checkpoint = load_checkpoint(directory)
            waiting += SpoolReader(directory).waiting_bytes(checkpoint.segment, checkpoint.byte)
        return waiting, max(0.0, time.time() - self._oldest_waiting_us() / 1e6) if waiting else 0.0

    def _oldest_waiting_us(self) -> int:
        """Return when the oldest event that is not loaded was committed; now, when all are."""
        oldest_us = time.time_ns() // 1000
        for directory in self._spools():
            checkpoint = load_checkpoint(directory)
            oldest_us = min(oldest_us, SpoolReader(directory).peek(checkpoint.segment, checkpoint.byte) or oldest_us)
        return oldest_us

    # --- the loader's thread -----------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._until_answered(self._prepare_tables)
            self._remember_stored()
            with ThreadPoolExecutor(1, thread_name_prefix="loader-rows") as helper:
                self._load_for_ever(helper)
        except Stopped:
            logger.info("the loader stopped with a chunk pending; the next start settles it")
        except Exception as error:
            self.died = True
            self._delivery.error = str(error)
            logger.exception("the loader died; the spool keeps everything until the store process starts again")
            if self._on_death is not None:
                self._on_death()

    def _load_for_ever(self, helper: ThreadPoolExecutor) -> None:
        prepared = self._prepare()
        while not self._stop.is_set():
            self._keep_house()  # under steady load there is no idle moment for it
            if prepared is None:
                self._stop.wait(IDLE_S)
                prepared = self._prepare()
                continue
            self._gather(prepared)
            ahead: Future[_Prepared | None] = helper.submit(self._prepare)
            self._store(prepared)
            prepared = ahead.result()

    def _keep_house(self) -> None:
        """Forget what is over, now and then; the helper must not be at work, it uses the same memory."""
        if time.monotonic() - self._last_housekeeping >= HOUSEKEEPING_S:
            self._last_housekeeping = time.monotonic()
            self._delete_passed_segments()
            self._seen.forget_before(self._oldest_waiting_us())

    def _gather(self, prepared: _Prepared) -> None:
        if prepared.chunk.events < GATHER_BELOW_EVENTS:
            wait_s = self._last_insert + GATHER_S - time.monotonic()
            if wait_s > 0:
                self._stop.wait(wait_s)
        self._last_insert = time.monotonic()

    def _prepare(self) -> _Prepared | None:
        """Return the next chunk of any spool with its rows; chunks are stored in the order they are returned."""
        for source in self._open_sources():
            chunk = source.reader.read(
                source.segment, source.byte, max_events=MAX_CHUNK_EVENTS, max_bytes=MAX_CHUNK_BYTES
            )
            if chunk is None:
                continue
            source.segment, source.byte = chunk.segment, chunk.to_byte
            self._last_served = source.reader.directory
            return self._with_rows(source, chunk, present=())
        return None

    def _with_rows(self, source: _Source, chunk: Chunk, present: Container[int]) -> _Prepared:
        rows = [row for row in source.maker.rows(chunk) if row.offset not in present]
        seen = self._seen.seen([row.key for row in rows])
        fresh: dict[bytes, Row] = {}
        for row, was_seen in zip(rows, seen, strict=True):
            if not was_seen:
                fresh.setdefault(row.key, row)
        # From here on these keys count as stored: the chunk will be, whatever it takes.
        self._seen.add(fresh, chunk.committed_at_us)
        return _Prepared(source, chunk, list(fresh.values()), len(rows) - len(fresh))

    def _store(self, prepared: _Prepared) -> None:
        source, chunk = prepared.source, prepared.chunk
        directory = source.reader.directory
        if prepared.rows or prepared.duplicates:
            span = Pending(chunk.segment, chunk.first_offset, chunk.last_offset, chunk.from_byte, chunk.to_byte)
            save_checkpoint(directory, Checkpoint(chunk.segment, chunk.from_byte, span))
            self._deliver(prepared)
        save_checkpoint(directory, Checkpoint(chunk.segment, chunk.to_byte))
        self.stats.loaded_committed_at_us = chunk.committed_at_us

    def _deliver(self, prepared: _Prepared, *, present: Mapping[int, bool] | None = None) -> None:
        """Insert the rows; `present` are those that an earlier start has stored, and whether in quarantine."""
        source, chunk = prepared.source, prepared.chunk
        attempts = self._delivery.attempts
        stored: list[Row] = []
        for table in (EVENTS, QUARANTINE):
            rows = [row for row in prepared.rows if row.table == table]
            stored += self._delivery.deliver(source.name, chunk, table, rows)
        there = list((present or {}).values()) + [row.table == QUARANTINE for row in stored]
        quarantined = sum(there)
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

    # --- starting ----------------------------------------------------------------------------------------------

    def _spools(self) -> list[Path]:
        return sorted(path.parent for path in self._spool_dir.glob("*/spool.json"))

    def _open_sources(self) -> list[_Source]:
        """Return the sources in turn: the one that was served last comes last."""
        for directory in self._spools():
            if directory not in self._sources:
                self._sources[directory] = self._open(directory)
        directories = list(self._sources)
        after = directories.index(self._last_served) + 1 if self._last_served is not None else 0
        return [self._sources[directory] for directory in directories[after:] + directories[:after]]

    def _open(self, directory: Path) -> _Source:
        lock = take_lock(directory / "loader.lock", "loads")
        name = spool_name(directory)
        types = self._until_answered(property_types, self._warehouse, "properties")
        traits = self._until_answered(property_types, self._warehouse, "traits")
        checkpoint = load_checkpoint(directory)
        renames = renames_of(self._release)
        # Under a former name of the event, properties come under former names too, which the plan gives no type.
        doubted = former_events(self._release) if self._release is not None else ()
        maker = RowMaker(name, fits_for(types), fits_for(traits), self._trusted_rev(types), renames, doubted)
        source = _Source(SpoolReader(directory), name, maker, lock, checkpoint.segment, checkpoint.byte)
        if checkpoint.pending is not None:
            self._settle(source, checkpoint.pending)
        return source

    def _trusted_rev(self, types: Mapping[str, str]) -> int | None:
        if self._release is None:
            return None
        events = self._release.events.values()
        planned = typed_paths(event.properties for event in events)
        as_planned = all(types.get(path) == kind for path, kind in planned.items())
        return self._release.rev if as_planned else None

    def _settle(self, source: _Source, pending: Pending) -> None:
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
        save_checkpoint(source.reader.directory, Checkpoint(chunk.segment, chunk.to_byte))
        source.segment, source.byte = chunk.segment, chunk.to_byte

    def _prepare_tables(self) -> None:
        migrate(self._warehouse)
        if self._release is not None:
            apply_plan(self._warehouse, self._release)
            record_release(self._warehouse, self._release)

    def _remember_stored(self) -> None:
        """
        Read the keys of the window from the warehouse, day by day.

        The window ends with the receipt of the oldest event still to be loaded, however long the warehouse was away.
        """
        day = datetime.fromtimestamp(self._oldest_waiting_us() / 1e6, UTC).date() - timedelta(days=WINDOW_DAYS)
        while day <= datetime.now(UTC).date() + timedelta(days=1):
            self._until_answered(self._remember_day, day)
            day += timedelta(days=1)

    def _remember_day(self, day: date) -> None:
        hours = self._warehouse.query(sql_text("seen_keys"), {"day": day}).rows
        at_us = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000_000
        self._seen.add([bytes.fromhex(keys) for (keys,) in hours], at_us)

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

    def _delete_passed_segments(self) -> None:
        now = time.monotonic()
        for directory, source in self._sources.items():
            checkpoint = load_checkpoint(directory)
            for number in segment_numbers(directory):
                if number >= checkpoint.segment:
                    break
                if now - source.passed_at.setdefault(number, now) >= self._grace_s:
                    segment_path(directory, number).unlink(missing_ok=True)
                    del source.passed_at[number]
