"""ClickHouse goes away for a minute under load: nothing is lost, and everybody who looks is told."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clickhouse_server import ServerMissingError, ServerProcess
from tests.support.house import House, open_house, wait_for
from trackway_collector.warehouse.store_file import StoreFile

AWAY_S = 60


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server of this test's own, to be stopped and started."""
    try:
        with ServerProcess(tmp_path / "clickhouse") as process:
            yield process
    except ServerMissingError as error:
        pytest.skip(f"no ClickHouse server: {error}")


class Sender(threading.Thread):
    """Sends a batch every few milliseconds and notes what became of it."""

    def __init__(self, house: House) -> None:
        super().__init__(daemon=True)
        self.acknowledged = 0
        self.refused: list[tuple[int, str, str]] = []
        self.enough = threading.Event()
        self._house = house

    def run(self) -> None:
        """Send until told that it is enough."""
        while not self.enough.wait(0.02):
            events = [
                {"type": "track", "event": "knocked", "messageId": str(uuid.uuid4()), "userId": "lina",
                 "properties": {"pad": str(uuid.uuid4()) * 8}}
                for _ in range(50)
            ]  # fmt: skip
            status, answer, headers = self._house.post(events)
            if status == 200:
                self.acknowledged += len(events)
            else:
                self.refused.append((status, answer["code"], headers.get("Retry-After", "")))


def metric(house: House, name: str) -> float:
    """Return the value of a metric of the collector."""
    line = next(line for line in house.get("/metrics")[1].splitlines() if line.startswith(f"{name}{{"))
    return float(line.split()[1])


def console_status(house: House) -> str:
    """Return what the console's page is fed with."""
    store = StoreFile.read(house.directory / "store.json")
    assert store is not None
    status, text = house.get(f"/api/live?token={store.token}", house.console_port)
    assert status == 200, text
    return text


def test_a_minute_without_clickhouse_loses_nothing(tmp_path: Path, server: ServerProcess) -> None:
    """
    While the server is away events are acknowledged, `/ready` stays 200, and metrics and console show the lag; with
    the server back, every acknowledged event is stored once.
    """
    url = server.url.replace("/default", "/trackway")
    with open_house(tmp_path / "data", "--warehouse", url) as house:
        sender = Sender(house)
        sender.start()
        wait_for(lambda: (house.value("SELECT count() FROM events") or 0) > 0, 30, "events are stored")
        server.stop()
        before = sender.acknowledged
        ends = time.monotonic() + AWAY_S
        while time.monotonic() < ends:
            assert house.get("/ready")[0] == 200
            time.sleep(1)

        assert sender.acknowledged > before
        assert not sender.refused
        assert metric(house, "trackway_spool_oldest_seconds") > AWAY_S / 2
        assert metric(house, "trackway_spool_backlog_bytes") > 0
        assert '"lag_seconds"' in console_status(house)
        server.start()
        sender.enough.set()
        sender.join(30)
        wait_for(lambda: house.value("SELECT count() FROM events") == sender.acknowledged, 90, "the backlog is stored")

        assert house.value("SELECT uniqExact(message_id) FROM events") == sender.acknowledged
        wait_for(lambda: metric(house, "trackway_spool_backlog_bytes") == 0, 10, "the lag is gone")


def test_a_full_spool_refuses_with_retry_after(tmp_path: Path, server: ServerProcess) -> None:
    """With the server away for longer than the spool has room, clients get 429, then 503, and a time to come back."""
    url = server.url.replace("/default", "/trackway")
    with open_house(tmp_path / "data", "--warehouse", url, "--max-backlog-mib", "1") as house:
        server.stop()
        sender = Sender(house)
        sender.start()
        wait_for(lambda: [status for status, _, _ in sender.refused].count(503) > 3, 120, "the spool is full")
        wait_for(lambda: house.get("/ready")[0] == 503, 10, "not ready")
        assert house.get("/live")[0] == 200

        sender.enough.set()
        sender.join(30)
        server.start()
        wait_for(
            lambda: house.value("SELECT count() FROM events") == sender.acknowledged, 60, "what was accepted is stored"
        )

        assert {code for _, code, _ in sender.refused} <= {"disk_filling", "disk_full", "spool_full"}
        assert all(int(retry_after) > 0 for _, _, retry_after in sender.refused)
        wait_for(lambda: house.get("/ready")[0] == 200, 10, "events are accepted again")
