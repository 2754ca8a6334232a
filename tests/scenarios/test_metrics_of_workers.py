"""One page tells of all workers and the store, whatever dies: its numbers are those of the clients."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.house import House, open_house, wait_for
from tests.support.metrics import settled_total, total

EVENTS = "trackway_events_total"


def send(house: House, batches: int) -> None:
    """Send batches of three events, each over a connection of its own, so that several workers get some."""
    for _ in range(batches):
        assert house.post([{"type": "track", "event": "knocked", "userId": "lina"}] * 3)[0] == 200


def test_no_count_vanishes_or_doubles_with_its_worker(tmp_path: Path) -> None:
    """A worker is killed, all are killed, the house is stopped and starts with fewer: the sum is what was sent."""
    with open_house(tmp_path / "data", "--workers", "2") as house:
        send(house, 40)
        assert settled_total(house, EVENTS) == 120
        assert 0 < total(house, EVENTS, worker="w1") < 120
        for victim in ("w1", "ingest", "store"):
            house.kill(victim)
            wait_for(lambda: house.get("/ready")[0] == 200, 30, "somebody accepts")
            wait_for(lambda: total(house, "trackway_worker_up") == 3, 30, "all are back")
            assert settled_total(house, EVENTS) == 120
        send(house, 10)
        assert settled_total(house, EVENTS) == 150
        wait_for(lambda: total(house, "trackway_loader_stored_events_total", worker="store") == 150, 30, "stored")
        assert total(house, "trackway_loader_lag_bytes") == 0
        assert total(house, "trackway_requests_total", status="200") == 50
        assert total(house, "trackway_ack_seconds_count") == 50
        assert house.stop() == 0
        house.start()
        assert settled_total(house, EVENTS) == 150
        files = {path.name for path in (tmp_path / "data" / "metrics").iterdir()}
        assert files == {"w0.json", "w1.json", "store.json"}


def test_logs_can_be_json(tmp_path: Path) -> None:
    """With `--log-format json` every line of every process is an object that says who wrote it, and when."""
    with open_house(tmp_path / "data", "--workers", "2", "--log-format", "json") as house:
        house.kill("w1")
        wait_for(lambda: "starting it again" in (tmp_path / "data.log").read_text(), 30, "the supervisor has noticed")
        wait_for(lambda: total(house, "trackway_worker_up") == 3, 30, "it is back")
        send(house, 1)
        assert house.get("/v1/nothing-here")[0] == 404
        assert house.stop() == 0
    lines = [line for line in (tmp_path / "data.log").read_text().splitlines() if line.startswith("{")]
    told = [json.loads(line) for line in lines]
    assert {line["process"] for line in told} >= {"supervisor", "w0", "w1"}
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in told)
    (refused,) = [line for line in told if line["message"] == "refused"]
    assert (refused["status"], refused["code"]) == (404, "unknown_path")
    assert refused["request_id"]
