"""
The program that uses a client: `python -m tests.benchmarks.peers.program CLIENT HOST DIRECTORY TALLY FIRST STORY`.

It tracks events numbered from FIRST on, and ends as the story says; STORY is the JSON of a `Story`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.peers import clients
from tests.benchmarks.peers.tally import Slot, Tally

NUMBERS_PER_PROCESS = 100_000
OVERSIZE_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Story:
    """What the program does, whatever happens to it meanwhile."""

    events: int
    """How many events each process tracks that tracks at all."""
    pause_s: float = 0.0
    """How long it waits between two of them."""
    before_fork: int = 0
    """How many the main process tracks and flushes before it forks."""
    workers: int = 0
    """How many workers it forks, which then do the tracking."""
    oversize_at: int | None = None
    """Which event carries a text of 4 MiB that does not compress."""
    ending: str = "close"
    """"close": it calls flush and close as the client offers them; "exit": it just ends."""


def tell(story: Story, client: clients.Client, tally: Tally, first: int) -> None:
    """Act the story; a worker that was forked returns from here as well, and its interpreter exits as usual."""
    if not story.workers:
        _track(story, client, tally, first, 0, story.events)
        _end(story, client)
        return
    if story.before_fork:
        _track(story, client, tally, first, 0, story.before_fork)
        client.flush()
    workers = []
    for number in range(1, story.workers + 1):
        worker = os.fork()
        if worker == 0:
            _track(story, client, tally, first, number, story.events)
            _end(story, client)
            return
        workers.append(worker)
    for worker in workers:
        os.waitpid(worker, 0)
    _end(story, client)


def _track(story: Story, client: clients.Client, tally: Tally, first: int, process: int, events: int) -> None:
    slot = Slot()
    for number in range(events):
        # Random bytes, so that no compression makes the event small.
        extra = os.urandom(OVERSIZE_BYTES // 2).hex() if number == story.oversize_at else None
        event = first + process * NUMBERS_PER_PROCESS + number
        tally.record(process, slot, lambda event=event, extra=extra: client.track(event, extra))  # type: ignore[misc]
        if story.pause_s:
            time.sleep(story.pause_s)


def _end(story: Story, client: clients.Client) -> None:
    if story.ending == "close":
        client.flush()
        client.close()


if __name__ == "__main__":
    name, host, directory, tally_path, first_number, told = sys.argv[1:]
    tell(Story(**json.loads(told)), clients.make(name, host, directory), Tally(Path(tally_path)), int(first_number))
