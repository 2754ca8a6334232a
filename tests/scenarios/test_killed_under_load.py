"""The collector is killed again and again while clients send and retry: what was acknowledged is there once."""

from __future__ import annotations

import random
import time
from pathlib import Path

from tests.support.house import open_house, wait_for
from tests.support.load import RetryingClient

KILLS = 10
CLIENTS = 4


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
