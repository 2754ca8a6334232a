"""`trackway plan replay` against a running `trackway up`, and replays whose store is killed at every rename."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.test_killed_between_log_and_rename import RENAMES, fill, load, part_of
from tests.support.house import environment, open_house, wait_for
from trackway_collector.replay.replay import append
from trackway_collector.spool import EventVerdict, Record
from trackway_collector.spool.record import encode_record
from trackway_plan import Choice, EventSpec, Plan, PropertySpec, Release, compile_release

EVENTS = 20
REFUSED = 6


def release(rev: int, *choices: str) -> Release:
    """A plan in which a purchase is paid by one of these; what is not one of them is set aside."""
    by = PropertySpec(name="by", kind="choice", choices=tuple(Choice(value=value) for value in choices))
    event = EventSpec(name="bought", properties={"by": by}, on_violation={"value_not_allowed": "quarantine"})
    return compile_release(Plan(name="shop", events={"bought": event}), rev)


def bought(number: int) -> dict[str, Any]:
    by = "cash" if number < REFUSED else "card"
    return {
        "type": "track",
        "event": "bought",
        "messageId": f"m-{number}",
        "userId": "lina",
        "properties": {"by": by},
    }


def replayed() -> list[tuple[bytes, bytes]]:
    """What a replay by revision 2 appends, without asking the warehouse: every refused event, twice."""
    now_us = time.time_ns() // 1000
    records = []
    for number in range(REFUSED):
        said = EventVerdict("ok", (), (), f"m-{number}")
        record = Record("web", now_us, 1, "ok", 2, careful=True, exceptions={0: said}, replay_of=("w0-1", 1, number))
        records.append((encode_record(record), json.dumps({"batch": [bought(number)]}).encode()))
    return records * 2


def first_part(directory: Path, table: str) -> str:
    """Return where the engine writes the first part of a table before it renames it."""
    part = part_of(directory, table)
    # `replayed` has no partitions, and a part of a ReplacingMergeTree counts as merged once.
    return part if table != "replayed" else re.sub(r"tmp_insert_\d+_1_1_0", "tmp_insert_all_1_1_1", part)


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed (Debian: strace)")
@pytest.mark.parametrize("renamed", ["events", "replayed", "loads", "first checkpoint", "second checkpoint"])
def test_a_kill_at_a_rename_stores_each_replay_once(tmp_path: Path, renamed: str) -> None:
    """Whichever rename the store dies at, every replayed event is in `events` once, and `replayed` says so."""
    asyncio.run(fill(tmp_path, 0))
    assert load(tmp_path).returncode == 0  # the tables exist, and the renames of their creation are over
    append(tmp_path / "spool", replayed())
    nth, _, table = renamed.rpartition(" ")
    spool = tmp_path / "spool" / "replay"
    path = str(spool / "checkpoint.json.new") if nth else first_part(tmp_path, table)
    kill = f"inject={RENAMES}:error=EIO:signal=SIGKILL:when={2 if nth == 'second' else 1}"

    killed = load(tmp_path, "strace", "-f", "-qq", "-o", os.devnull, "-P", path, "-e", f"trace={RENAMES}", "-e", kill)
    assert killed.returncode != 0, "strace killed nothing"
    append(tmp_path / "spool", replayed())
    settled = load(tmp_path)

    assert settled.returncode == 0, settled.stderr
    assert json.loads(settled.stdout.rpartition("COUNTS ")[2]) == [REFUSED, REFUSED, 0, REFUSED]


def test_replay_against_a_running_house(tmp_path: Path) -> None:
    """The command asks a running `up`, puts what fits through its spool, and says what became of it; twice is once."""
    plan = tmp_path / "plan"
    (plan / "releases").mkdir(parents=True)
    (plan / "releases" / "0001.json").write_bytes(release(1, "card").to_json())
    with open_house(tmp_path / "data", "--plan", str(plan)) as house:
        assert house.post([bought(number) for number in range(EVENTS)])[0] == 200
        wait_for(lambda: house.value("SELECT count() FROM quarantine") == REFUSED, 20, "they are in quarantine")
        (plan / "releases" / "0002.json").write_bytes(release(2, "card", "cash").to_json())

        def replay(*more: str) -> dict[str, Any]:
            command = [
                sys.executable,
                "-m",
                "trackway",
                "plan",
                "replay",
                str(plan),
                "--data-dir",
                str(house.directory),
            ]
            done = subprocess.run(
                [*command, "--format", "json", *more], capture_output=True, text=True, timeout=60, env=environment()
            )
            assert done.returncode == 0, done.stderr
            found: dict[str, Any] = json.loads(done.stdout)
            return found

        assert replay("--dry-run", "--rev", "2")["fitting"] == REFUSED
        assert house.value("SELECT count() FROM events") == EVENTS - REFUSED
        said = replay()
        replay()
        wait_for(lambda: house.value("SELECT count() FROM events") == EVENTS, 20, "they are events")
        assert (said["fitting"], said["staying"], said["rev"]) == (REFUSED, 0, 2)
        wait_for(lambda: house.value("SELECT sum(stored) FROM replayed FINAL") == REFUSED, 20, "it is recorded")
        assert replay()["fitting"] == 0
        verify = [sys.executable, "-m", "trackway", "warehouse", "verify", "--data-dir", str(house.directory)]
        wait_for(
            lambda: subprocess.run(verify, capture_output=True, timeout=60, env=environment()).returncode == 0,
            20,
            "everything adds up",
        )
        assert house.value("SELECT uniqExact(message_id) FROM events") == EVENTS
