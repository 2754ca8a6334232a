"""`trackway import` is killed: at random moments, and at each of its writes that make something durable."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.house import environment, open_house, wait_for
from trackway_collector.imports.run import SPOOL
from trackway_collector.spool import SpoolReader

ROWS = 40_000
DURABLE = "fsync,fdatasync,rename,renameat,renameat2"
MAPPING = """\
mapping: 1
source: shop
event: order_completed
messageId: {of: [order_id]}
userId: $who
timestamp: $at
properties: {total: {field: total, as: number}}
"""


def orders(directory: Path, rows: int) -> list[str]:
    """Write a CSV file in which every hundredth row is wrong, and its mapping; return the command that imports it."""
    directory.mkdir(exist_ok=True)
    with (directory / "orders.csv").open("w") as file:
        file.write("order_id,who,at,total\n")
        for n in range(rows):
            file.write(f"A-{n},lina,2024-05-01T10:00:00Z,{'none' if n % 100 == 7 else n}\n")
    (directory / "orders.yaml").write_text(MAPPING)
    (directory / "data").mkdir(exist_ok=True)
    return [sys.executable, "-m", "trackway", "import", str(directory / "orders.csv"),
            "--mapping", str(directory / "orders.yaml"), "--data-dir", str(directory / "data")]  # fmt: skip


def spooled(data: Path) -> list[int]:
    """The totals of all events in the spool of imports, in order."""
    found, reader, segment, byte = [], SpoolReader(data / "spool" / SPOOL), 0, 0
    while (chunk := reader.read(segment, byte, max_events=10**6)) is not None:
        segment, byte = chunk.segment, chunk.to_byte
        for block in chunk.blocks:
            for _, body in block.records():
                found += [event["properties"]["total"] for event in json.loads(body)["batch"]]
    return found


def reported(data: Path) -> list[int]:
    """The lines in all reports, in order."""
    reports = (data / "imports").glob("*.refused.jsonl")
    return [json.loads(line)["line"] for report in reports for line in report.read_text().splitlines()]


def expected(rows: int) -> tuple[list[int], list[int]]:
    """The totals that become events, and the lines that are reported."""
    good = [n for n in range(rows) if n % 100 != 7]
    return good, [n + 2 for n in range(rows) if n % 100 == 7]


def test_killed_at_random_moments_each_row_is_imported_once(tmp_path: Path) -> None:
    """However often and whenever it is killed, every good row is spooled once, every bad one reported once."""
    command, chance, kills = orders(tmp_path, ROWS), random.Random(7), 0
    while True:
        process = subprocess.Popen(
            command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        try:
            process.wait(0.3 + chance.random() * 0.6 if kills < 12 else 120)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            kills += 1
            continue
        said, wrong = process.communicate()
        assert process.returncode in (0, 1), said + wrong
        break
    assert kills
    good, bad = expected(ROWS)
    assert spooled(tmp_path / "data") == good
    assert reported(tmp_path / "data") == bad
    again = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=60)
    assert again.returncode == 0
    assert "nothing new" in again.stdout
    assert spooled(tmp_path / "data") == good


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed (Debian: strace)")
@pytest.mark.parametrize("nth", range(1, 15))
def test_killed_at_a_durable_write(tmp_path: Path, nth: int) -> None:
    """Killed at its n-th fsync or rename, whichever file that is of, the next run brings just what is missing."""
    rows = 3_000
    command = orders(tmp_path, rows)
    kill = f"inject={DURABLE}:error=EIO:signal=SIGKILL:when={nth}"
    traced = ["strace", "-f", "-qq", "-o", os.devnull, "-e", f"trace={DURABLE}", "-e", kill, *command]
    killed = subprocess.run(traced, env=environment(), capture_output=True, text=True, timeout=120)
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=120)
    assert done.returncode in (0, 1), killed.stderr + done.stderr
    good, bad = expected(rows)
    assert spooled(tmp_path / "data") == good
    assert reported(tmp_path / "data") == bad


def test_an_import_beside_a_running_house(tmp_path: Path) -> None:
    """While `up` runs, rows are killed on their way and imported twice, and the warehouse has each of them once."""
    command = orders(tmp_path, ROWS)
    with open_house(tmp_path / "data") as house:
        first = subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: any((house.spool_dir / SPOOL).glob("*.seg")), 20, "it imports")
        time.sleep(0.2)
        first.kill()
        first.wait()
        house.kill("store")
        subprocess.run(command, env=environment(), stdout=subprocess.DEVNULL, timeout=60)
        subprocess.run(command, env=environment(), stdout=subprocess.DEVNULL, timeout=60)
        good, _ = expected(ROWS)
        wait_for(lambda: house.value("SELECT count() FROM events") == len(good), 60, "all rows are stored")
        assert house.value("SELECT uniqExact(properties.total) FROM events") == len(good)
        assert house.value("SELECT sum(duplicates) FROM loads") == 0
