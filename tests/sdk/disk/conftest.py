from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from trackway._disk import DiskQueue

DAY_S = 86_400.0


class Clocks:
    """A wall clock and an uptime that move together, unless somebody sets the wall clock."""

    def __init__(self) -> None:
        self.wall_s = 1_780_000_000.0
        self.up_s = 1000.0
        self.boot = b"first run".ljust(16)

    def pass_s(self, seconds: float) -> None:
        self.wall_s += seconds
        self.up_s += seconds

    def reboot(self) -> None:
        self.up_s = 10.0
        self.boot = bytes(reversed(self.boot))


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


MakeQueue = Callable[..., DiskQueue]


@pytest.fixture
def make_queue(tmp_path: Path, clocks: Clocks) -> Iterator[MakeQueue]:
    """Make queues over one directory, each as another process would; all are let go of at the end."""
    made = []

    def make(**settings: Any) -> DiskQueue:
        queue = DiskQueue(
            tmp_path,
            **{
                "max_bytes": 1 << 30,
                "max_age_s": 6 * DAY_S,
                "wall_ns": lambda: round(clocks.wall_s * 1e9),
                "uptime": lambda: clocks.up_s,
                "boot": clocks.boot,
                "lock": threading.RLock(),
                "syncs_itself": False,
                **settings,
            },
        )
        made.append(queue)
        return queue

    yield make
    for queue in made:
        queue.forget()


def events_of(queue: DiskQueue, max_events: int = 1000) -> list[bytes]:
    """Read all that a queue has to give, its own backlog and what it adopted."""
    found = []
    while (chunk := queue.read(max_events, 1 << 20)) is not None:
        queue.took(chunk)
        found += [event for _, event in chunk.events]
    return found
