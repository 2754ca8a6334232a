"""
Spool → ClickHouse rows, beside a direct INSERT of the very same rows.

Ours reads the spool, judges repetitions, makes rows, inserts, and moves the checkpoint. Theirs is handed the finished
JSONEachRow text in blocks of the same size. Same engine, same process, same cores, in turn.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
import uuid
from pathlib import Path

from tests.benchmarks.ingest_payload import EVENTS, ID_MARK, SOURCE, body, release
from tests.benchmarks.table import Row, print_table
from trackway_collector.ingest.verdicts.decode import BatchDecoder
from trackway_collector.loader.loop import MAX_CHUNK_EVENTS, Loader
from trackway_collector.loader.rows import RowMaker
from trackway_collector.loader.values import fits_for
from trackway_collector.spool import SpoolReader, SpoolWriter
from trackway_collector.spool.record import encode_record
from trackway_collector.warehouse import Warehouse, apply_plan, migrate, open_warehouse, property_types
from trackway_plan import Release

ROUNDS = 3


def run(events: int = 500_000, rounds: int = ROUNDS) -> list[Row]:
    """Return the one row of the load benchmark; the two row counts must be equal."""
    with tempfile.TemporaryDirectory() as tmp:
        directory = Path(tmp)
        plan = release(directory / "plan")
        asyncio.run(_fill_spool(directory / "spool" / "w0", plan, events))
        warehouse = open_warehouse(f"chdb://{directory / 'chdb'}", owner=True)
        ours, theirs = [], []
        for _ in range(rounds):
            theirs.append(events / _direct(warehouse, plan, directory / "spool" / "w0", events))
            ours.append(events / _loader(warehouse, plan, directory / "spool", events)[0])
        warehouse.close()
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    note = f"{events:,} events of about 590 bytes, blocks of {MAX_CHUNK_EVENTS:,}, embedded engine"
    row = Row("load, spool → rows, against INSERT", statistics.median(ours), statistics.median(theirs), ratio, "≥ 0.5",
              "rows/s", note)  # fmt: skip
    return [row]


def direct(events: int, rounds: int) -> float:
    """Return how many finished rows a second ClickHouse's own INSERT takes."""
    events -= events % 100
    with tempfile.TemporaryDirectory() as tmp:
        directory = Path(tmp)
        plan = release(directory / "plan")
        asyncio.run(_fill_spool(directory / "spool" / "w0", plan, events))
        warehouse = open_warehouse(f"chdb://{directory / 'chdb'}", owner=True)
        seconds = [_direct(warehouse, plan, directory / "spool" / "w0", events) for _ in range(rounds)]
        warehouse.close()
    return events / statistics.median(seconds)


def cost(events: int, rounds: int) -> tuple[float, float]:
    """Return what loading an event takes, µs: processor time of the whole process, engine included; wall clock."""
    with tempfile.TemporaryDirectory() as tmp:
        directory = Path(tmp)
        plan = release(directory / "plan")
        asyncio.run(_fill_spool(directory / "spool" / "w0", plan, events))
        warehouse = open_warehouse(f"chdb://{directory / 'chdb'}", owner=True)
        found = [_loader(warehouse, plan, directory / "spool", events) for _ in range(rounds)]
        warehouse.close()
    wall_s, cpu_s = (statistics.median(seconds) for seconds in zip(*found, strict=True))
    return cpu_s / events * 1e6, wall_s / events * 1e6


async def _fill_spool(directory: Path, plan: Release, events: int) -> None:
    writer = SpoolWriter(directory)
    writer.start()
    decoder = BatchDecoder(plan)
    bodies = [body(number, 100, plan.hash).split(ID_MARK) for number in range(EVENTS)]
    for number in range(events // 100):
        pieces = bodies[number % EVENTS]
        text = pieces[0] + "".join(f"{uuid.uuid4()}{piece}" for piece in pieces[1:])
        at_us = time.time_ns() // 1000
        record, kept = decoder.decode(text.encode(), call="", source=SOURCE, received_at_us=at_us)
        await writer.append(encode_record(record), kept, record.events)
    await writer.close()


def _empty_tables(warehouse: Warehouse, plan: Release) -> None:
    warehouse.create_database()
    warehouse.command(f"DROP DATABASE IF EXISTS `{warehouse.database}` SYNC")
    warehouse.create_database()
    migrate(warehouse)
    apply_plan(warehouse, plan)


def _direct(warehouse: Warehouse, plan: Release, spool: Path, events: int) -> float:
    _empty_tables(warehouse, plan)
    maker = RowMaker("bench", fits_for(property_types(warehouse)), {}, {plan.rev})
    reader, blocks = SpoolReader(spool), []
    segment = byte = 0
    while (chunk := reader.read(segment, byte, max_events=MAX_CHUNK_EVENTS)) is not None:
        blocks.append(b"\n".join(row.text for row in maker.rows(chunk)))
        segment, byte = chunk.segment, chunk.to_byte
    started = time.perf_counter()
    for number, block in enumerate(blocks):
        warehouse.insert_rows("events", block, token=str(number), query_id=f"direct-{uuid.uuid4()}")
    seconds = time.perf_counter() - started
    _check(warehouse, events)
    return seconds


def _loader(warehouse: Warehouse, plan: Release, spool_dir: Path, events: int) -> tuple[float, float]:
    """Load all of the spool; return seconds of wall clock and of processor time."""
    _empty_tables(warehouse, plan)
    (spool_dir / "w0" / "checkpoint.json").unlink(missing_ok=True)
    loader = Loader(warehouse, spool_dir, plan)
    started, spent = time.perf_counter(), time.process_time()
    loader.start()
    while loader.stats.stored < events and not loader.died:
        time.sleep(0.005)
    seconds, spent = time.perf_counter() - started, time.process_time() - spent
    loader.stop()
    _check(warehouse, events)
    return seconds, spent


def _check(warehouse: Warehouse, events: int) -> None:
    stored = warehouse.query("SELECT count(), uniqExact(message_id) FROM events").rows
    if stored != [(events, events)]:
        message = f"stored {stored}, expected {events} different ones"
        raise AssertionError(message)


if __name__ == "__main__":
    print_table(run())
