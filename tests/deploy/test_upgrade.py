"""Upgrade without loss: one process ends and the next begins while clients go on sending through nginx."""

from __future__ import annotations

import itertools
import threading
from pathlib import Path

from tests.support.house import wait_for
from tests.support.nginx import Nginx
from tests.support.served import ServedCollector
from tests.support.wire import batch, exchange, post


def test_restarts_under_load_lose_nothing_that_was_answered(tmp_path: Path) -> None:
    """
    Every batch that was answered 200 is in the spool, over three restarts; the others were told to come back, and
    came, so that in the end nothing at all is missing.
    """
    collector = ServedCollector(tmp_path / "data", {"TRACKWAY_WORKERS": "2"})
    collector.start()
    nginx = Nginx(tmp_path / "nginx", collector.port)
    nginx.start()
    acked: list[str] = []
    refused: set[int] = set()
    stop = threading.Event()

    def client(name: str) -> None:
        for number in itertools.count():
            if stop.is_set():
                return
            message_id = f"{name}-{number}"
            while True:  # as an SDK does: the same batch, until it is answered 200
                statuses = [answer.status for answer in exchange(nginx.tls, post(batch(message_id)))]
                if statuses == [200]:
                    break
                refused.update(statuses)
            acked.append(message_id)

    clients = [threading.Thread(target=client, args=(f"client{number}",)) for number in range(4)]
    try:
        for one in clients:
            one.start()
        for restart in range(3):
            wait_for(lambda: len(acked) > 50 * (restart + 1), 60, "events are answered")  # noqa: B023
            assert collector.stop() == 0
            collector.start()
    finally:
        stop.set()
        for one in clients:
            one.join()
        collector.stop()
        nginx.stop()

    assert len(acked) > 100
    assert refused <= {503}
    assert set(acked) <= set(collector.spooled_ids())
