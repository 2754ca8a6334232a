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
from pathlib import Path

import pytest

from tests.support.house import environment
from trackway_collector.ingest.decode import BatchDecoder
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
sql = "SELECT count(), uniqExact(message_id), (SELECT count() FROM quarantine), (SELECT sum(events) FROM loads) FROM events"
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
        body, now_us = json.dumps({"batch": batch}).encode(), time.time_ns() // 1000
        record, body = BatchDecoder(None).decode(body, call="", source="web", received_at_us=now_us, ip="")
        await writer.append(encode_record(record), body, record.events)
    await writer.close()


def load(directory: Path, *before: str) -> subprocess.CompletedProcess[str]:
    """Load the spool in a process of its own, with another program in front of it."""
    command = [*before, sys.executable, "-c", CHECK, str(directory)]
    return subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=120, check=False)


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed (Debian: strace)")
def test_a_kill_at_any_rename_of_an_insert_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """Whichever rename of a part the store dies at, the next start stores exactly what the first did not."""
    killed_at = []
    for nth in (1, 2, 3, 4):
        directory = tmp_path / f"rename-{nth}"
        asyncio.run(fill(directory, 0))
        assert load(directory).returncode == 0  # the tables exist, and the renames of their creation are over
        asyncio.run(fill(directory, EVENTS))
        kill = f"inject={RENAMES}:error=EIO:signal=SIGKILL:when={nth}"
        traced = load(directory, "strace", "-f", "-qq", "-o", os.devnull, "-e", f"trace={RENAMES}", "-e", kill)
        assert traced.returncode != 0, "strace killed nothing"
        assert "Traceback" not in traced.stderr
        killed_at.append("part" if list(directory.glob("chdb/store/*/*/tmp_insert_*")) else "checkpoint")

        settled = load(directory)

        assert settled.returncode == 0, settled.stderr
        counts = json.loads(settled.stdout.rpartition("COUNTS ")[2])
        assert counts == [EVENTS, EVENTS, 0, EVENTS], nth
    assert killed_at == ["checkpoint", "part", "part", "checkpoint"]
