"""10,000 tasks on Celery's prefork workers, which are recycled, restarted or killed: what was done is stored, once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from tests.scenarios.servers.ledger import Ledger
from tests.scenarios.servers.serving import APPS, serving
from tests.support.house import KEY, House, environment, wait_for

TASKS = 10_000
WAITING = 400
"""So many messages are in the queue at most; kombu lists the directory for each that it takes."""

WORKER = ["-m", "celery", "-A", "tasks", "worker", "--pool", "prefork", "--concurrency", "2", "--loglevel", "WARNING"]
WORKER += ["--without-gossip", "--without-mingle", "--without-heartbeat", "--max-tasks-per-child", "1500"]

SEND = """
import sys, tasks
for number in range(1, int(sys.argv[1]) + 1): tasks.work.delay(number)
"""


class Tasks:
    """The messages of 10,000 tasks, and what has become of them, in a directory."""

    def __init__(self, directory: Path, house: House, event: str) -> None:
        self.directory = directory
        variables = {"TEST_EVENT": event, "TEST_DIRECTORY": str(directory), "TEST_QUIET_IMPORT": "1"}
        variables |= {"TRACKWAY_WRITE_KEY": KEY, "TRACKWAY_HOST": house.url}
        subprocess.run([sys.executable, "-c", SEND, str(TASKS)], env=environment() | variables, cwd=APPS, check=True)
        # The names begin with the time, so this is the order in which they were sent.
        self._waiting = sorted((directory / "outgoing").iterdir(), reverse=True)

    def done(self) -> Counter[int]:
        """Return how often each task has noted that it tracked its event."""
        return Counter(
            int(line) for note in (self.directory / "done").iterdir() for line in note.read_text().splitlines()
        )

    def reach(self, done: int) -> None:
        """Hand out messages until so many tasks are done."""

        def handed_out() -> bool:
            queue = self.directory / "queue"
            for _ in range(min(WAITING - len(os.listdir(queue)), len(self._waiting))):
                message = self._waiting.pop()
                message.rename(queue / message.name)
            return self.done().total() >= done

        wait_for(handed_out, 120, f"{done} tasks are done")


def test_celery_is_restarted_under_load(ledger: Ledger, tmp_path: Path) -> None:
    """
    Children end after 1,500 tasks and the worker is shut down warmly, twice: nothing is lost or doubled.

    Events would wait for half a minute to leave, so most of them leave when their process ends.
    """
    event, repeats = "celery", ledger.repeats()
    tasks = Tasks(tmp_path, ledger.house, event)
    environ = {"TEST_DIRECTORY": str(tmp_path), "TRACKWAY_FLUSH_INTERVAL_S": "30"}
    for turn in (1, 2):
        with serving(WORKER, ledger.house, event, tmp_path, environ=environ) as server:
            tasks.reach(turn * TASKS // 2)
            assert server.stop() == 0, server.said()
    ledger.settle()
    assert ledger.numbers(event) == tasks.done()
    assert len(tasks.done()) == TASKS
    assert len(list((tmp_path / "done").iterdir())) >= 8
    assert ledger.repeats() == repeats


def test_celery_is_killed_under_load(ledger: Ledger, tmp_path: Path) -> None:
    """
    Children are killed -9 right after a task tracked its event, thrice all processes at once: what was done is stored.

    Where all are killed, each of the two children may have tracked an event and not noted it.
    """
    event = "celery, killed"
    environ = {"TEST_DIRECTORY": str(tmp_path), "TRACKWAY_QUEUE": str(tmp_path / "events"), "TEST_KILL_EVERY": "900"}
    tasks = Tasks(tmp_path, ledger.house, event)
    for done in (TASKS // 3, TASKS * 2 // 3, TASKS - WAITING):
        with serving(WORKER, ledger.house, event, tmp_path, environ=environ):
            tasks.reach(done)
    with serving(["later.py"], ledger.house, event, tmp_path, environ=environ) as later:
        assert later.wait() == 0, later.said()
    ledger.settle()
    stored, noted = ledger.numbers(event), tasks.done()
    assert noted - stored == Counter()
    assert (stored - noted).total() <= 3 * 2
