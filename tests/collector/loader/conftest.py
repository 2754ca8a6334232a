"""A spool, a loader and a warehouse, on both engines."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from trackway_collector.ingest.rules.sources import Limits, Policies, SourcePolicy
from trackway_collector.ingest.verdicts.decode import BatchDecoder
from trackway_collector.loader.loop import Loader
from trackway_collector.spool import SpoolWriter
from trackway_collector.spool.record import encode_record
from trackway_collector.warehouse import Warehouse
from trackway_plan import Release


class Pipeline:
    """Batches go in at one end and rows come out at the other; no HTTP."""

    def __init__(self, warehouse: Warehouse, directory: Path) -> None:
        self.warehouse = warehouse
        self.spool_dir = directory / "spool"
        self.release: Release | None = None
        self.limits = Limits()

    def spool(self, *batches: list[Any] | bytes, source: str = "web", worker: str = "w0", at_us: int = 0) -> None:
        """Append batches to a worker's spool, as the ingest worker would."""
        asyncio.run(self._spool(batches, source, worker, at_us or time.time_ns() // 1000))

    def spool_call(self, body: bytes, call: str, source: str = "web") -> None:
        """Append one event that came by a route of its own."""

        async def spool() -> None:
            writer = SpoolWriter(self.spool_dir / "w0")
            writer.start()
            decoder = BatchDecoder(self.release, Policies(SourcePolicy(self.limits)))
            record, kept = decoder.decode(body, call=call, source=source, received_at_us=time.time_ns() // 1000)
            await writer.append(encode_record(record), kept, record.events)
            await writer.close()

        asyncio.run(spool())

    async def _spool(self, batches: tuple[Any, ...], source: str, worker: str, at_us: int) -> None:
        writer = SpoolWriter(self.spool_dir / worker)
        writer.start()
        decoder = BatchDecoder(self.release, Policies(SourcePolicy(self.limits)))
        for batch in batches:
            body = batch if isinstance(batch, bytes) else msgspec.json.encode({"batch": batch})
            record, body = decoder.decode(body, call="", source=source, received_at_us=at_us)
            await writer.append(encode_record(record), body, record.events)
        await writer.close()

    def load(self, warehouse: Warehouse | None = None, seconds: float = 30) -> Loader:
        """Run a loader until it has caught up, and stop it."""
        loader = Loader(warehouse or self.warehouse, self.spool_dir, self.release)
        loader.start()
        wait_for(lambda: loader.died or loader.lag()[0] == 0, seconds)
        loader.stop()
        return loader

    def rows(self, columns: str, table: str = "events") -> list[tuple[Any, ...]]:
        """Return rows in spool order."""
        return self.warehouse.query(f"SELECT {columns} FROM {table} ORDER BY spool, segment, offset").rows  # noqa: S608


def wait_for(truth: Callable[[], bool], seconds: float) -> None:
    """Return when it is true; fail when it has not become so in time."""
    end = time.monotonic() + seconds
    while not truth():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def pipeline(warehouse: Warehouse, tmp_path: Path) -> Pipeline:
    """An empty spool before an empty warehouse."""
    return Pipeline(warehouse, tmp_path)
