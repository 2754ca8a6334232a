"""`trackway quarantine replay --fix` is killed at random moments, and the store with it, beside a running house."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.house import environment, open_house, wait_for

EVENTS = 6_000
BATCH = 500
FIX = """\
mapping: 1
base: record
events:
  - {when: {type: trak}, type: track, properties: {n: {field: properties.n, as: int}}}
"""


def misspelt(number: int) -> dict[str, Any]:
    """An event that is set aside: its type is none."""
    return {
        "type": "trak",
        "event": "seen",
        "messageId": f"m-{number}",
        "userId": "lina",
        "properties": {"n": str(number)},
    }


def test_each_mended_event_is_stored_once(tmp_path: Path) -> None:
    """However often the replay is killed and begun again, every event is in `events` once, mended, and none waits."""
    chance = random.Random(11)
    (tmp_path / "mend.yaml").write_text(FIX)
    with open_house(tmp_path / "data") as house:
        for start in range(0, EVENTS, BATCH):
            assert house.post([misspelt(start + number) for number in range(BATCH)])[0] == 200
        wait_for(lambda: house.value("SELECT count() FROM quarantine") == EVENTS, 60, "they are in quarantine")
        command = [sys.executable, "-m", "trackway", "quarantine"]
        where = ["--data-dir", str(house.directory)]
        replay = [*command, "replay", *where, "--fix", str(tmp_path / "mend.yaml")]
        for turn in range(5):
            process = subprocess.Popen(replay, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                process.wait(0.5 + chance.random())
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if turn == 2:
                house.kill("store")

        def replayed() -> bool:
            done = subprocess.run(replay, env=environment(), capture_output=True, text=True, timeout=120)
            return done.returncode == 0

        wait_for(replayed, 60, "a replay goes through")
        wait_for(lambda: house.value("SELECT count() FROM events") == EVENTS, 60, "they are events")
        wait_for(lambda: house.value("SELECT sum(stored) FROM replayed FINAL") == EVENTS, 60, "it is recorded")
        assert house.value("SELECT uniqExact(message_id) FROM events") == EVENTS
        assert house.value("SELECT sum(toUInt64(properties.n)) FROM events") == EVENTS * (EVENTS - 1) // 2
        listed = [*command, "list", *where, "--format", "json"]
        left = subprocess.run(listed, env=environment(), capture_output=True, text=True, timeout=60)
        assert json.loads(left.stdout) == []
        verify = [sys.executable, "-m", "trackway", "warehouse", "verify", *where]
        wait_for(
            lambda: subprocess.run(verify, capture_output=True, timeout=60, env=environment()).returncode == 0,
            30,
            "everything adds up",
        )
