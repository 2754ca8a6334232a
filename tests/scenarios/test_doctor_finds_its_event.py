"""`trackway doctor` beside a whole Trackway: its event arrives in the tables, and nobody takes it for a product's."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.house import KEY, environment, open_house, wait_for
from trackway_analytics.plan_data.census import census
from trackway_plan import EventSpec, Plan, compile_release


def test_the_event_is_found_again(tmp_path: Path) -> None:
    """
    The doctor waits until its event can be queried, says where it is, and fails when it comes to no table; the census
    of the plan leaves it out.
    """
    pytest.importorskip("chdb", reason="chDB is not installed: pip install 'trackway[embedded]'")
    plan = Plan(name="shop", events={"Order Completed": EventSpec(name="Order Completed")})
    (tmp_path / "0001.json").write_bytes(compile_release(plan, 1).to_json())
    data = tmp_path / "data"
    with open_house(data, "--plan", str(tmp_path / "0001.json")) as house:
        wait_for(lambda: house.value("SELECT count() FROM events") == 0, 60, "the store answers")

        def doctor(*options: str) -> tuple[int, dict[str, str]]:
            command = [sys.executable, "-m", "trackway", "doctor", "--format", "json", "--host", house.url, *options]
            keyed = environment() | {"TRACKWAY_WRITE_KEY": KEY}
            done = subprocess.run(command, capture_output=True, text=True, env=keyed, timeout=120, check=False)
            found = next(check for check in json.loads(done.stdout)["checks"] if check["check"] == "found")
            return done.returncode, found

        status, found = doctor("--plan", str(tmp_path / "0001.json"), "--warehouse", f"chdb://{data / 'chdb'}")
        assert (status, found["message"]) == (0, "it is in the table `events`, verdict ok")

        # Without a plan the event carries no stamp; the collector says so, and that is worth a note.
        status, found = doctor("--warehouse", f"chdb://{data / 'chdb'}")
        assert (status, found["status"]) == (0, "note")
        assert found["message"] == "it is in the table `events`, verdict flagged (unstamped)"

        house.kill("store")
        status, found = doctor("--warehouse", f"chdb://{tmp_path / 'elsewhere'}", "--wait", "1")
        assert (status, found["status"]) == (1, "problem")

        wait_for(lambda: house.value("SELECT count() FROM events") == 3, 60, "the store is back and has loaded all")
        assert house.value("SELECT count() FROM events WHERE event = '$doctor' AND person_id = 'trackway-doctor'") == 3
        with house.warehouse() as opened:
            assert census(opened).senders == ()
