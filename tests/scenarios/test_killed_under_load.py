"""The collector is killed again and again while clients send and retry: what was acknowledged is there once."""

from __future__ import annotations

import random
import threading
import time
import uuid
from pathlib import Path
from typing import Any

from tests.support.house import House, open_house, wait_for

KILLS = 10
CLIENTS = 4


class RetryingClient(threading.Thread):
    """
    Sends events until told to stop, then until all of its own are acknowledged.

    A batch without an answer goes back among the waiting events, so that its events are sent again in other company.
    """

    def __init__(self, house: House, name: str, seed: int) -> None:
        super().__init__(name=name, daemon=True)
        self.acknowledged: list[str] = []
        self.unanswered = 0
        self.finish = threading.Event()
        self._house = house
        self._random = random.Random(seed)
        self._waiting: list[dict[str, Any]] = []

    def run(self) -> None:
        """Send, regroup, send again."""
        while self._waiting or not self.finish.is_set():
            if not self.finish.is_set():
                self._waiting += [self._event() for _ in range(self._random.randint(1, 30))]
            self._random.shuffle(self._waiting)
            cut = self._random.randint(1, 60)
            batch, self._waiting = self._waiting[:cut], self._waiting[cut:]
            try:
                status, _, _ = self._house.post(batch, timeout_s=5)
            except OSError:
                status = 0
            if status == 200:
                self.acknowledged += [event["messageId"] for event in batch]
            else:
                self.unanswered += 1
                self._waiting += batch
                time.sleep(0.05)

    def _event(self) -> dict[str, Any]:
        return {"type": "track", "event": "knocked", "messageId": str(uuid.uuid4()), "userId": self.name}


def test_ten_kills_under_load_lose_and_double_nothing(tmp_path: Path) -> None:
    """
    Killed ten times at random moments, the whole house or one process of it, while clients resend in other groupings:
    count() = uniqExact(message_id) = acknowledged, and the loads add up.
    """
    dice = random.Random(20260519)
    with open_house(tmp_path / "data") as house:
        clients = [RetryingClient(house, f"client-{n}", seed=n) for n in range(CLIENTS)]
        for client in clients:
            client.start()
        for number in range(KILLS):
            time.sleep(dice.uniform(0.3, 1.5))
            victim = ((), ("ingest",), ("store",))[number % 3]
            house.kill(*victim)
            if not victim:
                house.start()
        for client in clients:
            client.finish.set()
        for client in clients:
            client.join(60)
        acknowledged = [message_id for client in clients for message_id in client.acknowledged]
        wait_for(lambda: house.value("SELECT count() FROM events") == len(acknowledged), 60, "all events are stored")

        assert any(client.unanswered for client in clients)
        assert len(acknowledged) == len(set(acknowledged)) > 1_000
        with house.warehouse() as warehouse:
            stored = {row[0] for row in warehouse.query("SELECT message_id FROM events").rows}
            assert warehouse.query("SELECT count(), uniqExact(message_id) FROM events").rows == [(len(stored),) * 2]
            assert stored == set(acknowledged)
            ((loaded, quarantined, last),) = warehouse.query(
                "SELECT sum(events), sum(quarantined), sum(last_offset - first_offset) - sum(duplicates) FROM loads"
            ).rows
        assert (loaded, quarantined, last) == (len(stored), 0, len(stored))
        assert house.stop() == 0
