"""
The store is killed inside the engine, between its deduplication log and the rename of the new part.

ClickHouse writes the log first. A retry with the same token would then be taken for a repetition and vanish; counting
the rows finds out. strace kills the process at a chosen rename, so every moment of an insert is visited.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.house import environment
from trackway_collector.ingest.verdicts.decode import BatchDecoder
from trackway_collector.spool import SpoolWriter
from trackway_collector.spool.record import encode_record

EVENTS = 40
RENAMES = "rename,renameat,renameat2"

CHECK = """
import json, sys
from pathlib import Path
from trackway_collector.loader.loop import Loader
from trackway_collector.warehouse import open_warehouse
import time
directory = Path(sys.argv[1])
warehouse = open_warehouse(f"chdb://{directory / 'chdb'}", owner=True)
loader = Loader(warehouse, directory / "spool")
loader.start()
while loader.lag()[0] and not loader.died:
    time.sleep(0.02)
loader.stop()
sql = (
    "SELECT count(), uniqExact(message_id), (SELECT count() FROM quarantine), (SELECT sum(events) FROM loads)"
    " FROM events"
)
print("COUNTS", json.dumps(warehouse.query(sql).rows[0]))
warehouse.close()
"""


async def fill(directory: Path, events: int) -> None:
    """Spool the events in two batches."""
    writer = SpoolWriter(directory / "spool" / "w0")
    writer.start()
    for start in (0, events // 2):
        batch = [
            {"type": "track", "event": "knocked", "messageId": f"m-{n}", "userId": "lina"}
            for n in range(start, start + events // 2)
        ]
        batch += [{"type": "knock", "messageId": f"odd-{start}", "userId": "lina"}] * bool(events)
        body, now_us = json.dumps({"batch": batch}).encode(), time.time_ns() // 1000
        record, body = BatchDecoder(None).decode(body, call="", source="web", received_at_us=now_us)
        await writer.append(encode_record(record), body, record.events)
    await writer.close()


def load(directory: Path, *before: str) -> subprocess.CompletedProcess[str]:
    """Load the spool in a process of its own, with another program in front of it."""
    command = [*before, sys.executable, "-c", CHECK, str(directory)]
    return subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=120, check=False)


def part_of(directory: Path, table: str) -> str:
    """Return where the engine writes the next part of a table before it renames it."""
    (files,) = (directory / "chdb" / "data" / "trackway").glob(table)
    return f"{files.resolve()}/tmp_insert_{datetime.now(UTC):%Y%m}_1_1_0/"


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed (Debian: strace)")
@pytest.mark.parametrize("renamed", ["events", "quarantine", "loads", "first checkpoint", "second checkpoint"])
def test_a_kill_at_a_rename_loses_and_doubles_nothing(tmp_path: Path, renamed: str) -> None:
    """Whichever rename the store dies at, the next start stores exactly what the first did not."""
    asyncio.run(fill(tmp_path, 0))
    assert load(tmp_path).returncode == 0  # the tables exist, and the renames of their creation are over
    asyncio.run(fill(tmp_path, EVENTS))
    nth, _, table = renamed.rpartition(" ")
    path = str(tmp_path / "spool" / "w0" / "checkpoint.json.new") if nth else part_of(tmp_path, table)
    kill = f"inject={RENAMES}:error=EIO:signal=SIGKILL:when={2 if nth == 'second' else 1}"

    killed = load(tmp_path, "strace", "-f", "-qq", "-o", os.devnull, "-P", path, "-e", f"trace={RENAMES}", "-e", kill)
    assert killed.returncode != 0, "strace killed nothing"
    assert "Traceback" not in killed.stderr
    assert Path(path).exists()
    settled = load(tmp_path)

    assert settled.returncode == 0, settled.stderr
    assert json.loads(settled.stdout.rpartition("COUNTS ")[2]) == [EVENTS, EVENTS, 2, EVENTS]
