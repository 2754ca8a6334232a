"""Clients that send, and send again what was not acked, while a test does its worst."""

from __future__ import annotations

import random
import threading
import time
import uuid
from typing import Any

from tests.support.house import House


class RetryingClient(threading.Thread):
    """
    Sends events until told to stop, then until all of its own are acknowledged.

    A batch without an answer goes back among the waiting events, so that its events are sent again in other company.
    `give_up` ends it with events waiting: those were never acked.
    """

    def __init__(self, house: House, name: str, seed: int) -> None:
        super().__init__(name=name, daemon=True)
        self.acknowledged: list[str] = []
        self.unanswered = 0
        self.finish = threading.Event()
        self.give_up = threading.Event()
        self._house = house
        self._random = random.Random(seed)
        self._waiting: list[dict[str, Any]] = []

    def run(self) -> None:
        """Send, regroup, send again."""
        while (self._waiting or not self.finish.is_set()) and not self.give_up.is_set():
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
