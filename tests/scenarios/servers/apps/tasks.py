"""
A Celery application with one task, which tracks one event; the messages wait in a directory.

kombu's reader may meet a message that is being written, and its worker dies of that. So a message is written to
`outgoing`; whoever sends one moves it to `queue`.

The task notes its number once `track` has returned, in a file of its process: a task that Celery runs twice is noted
twice, so what is stored can be compared with what was done. Every `$TEST_KILL_EVERY`th kills its process after that:
from outside one would now and then hit a process that holds the lock of billiard's queue, which then nobody gets.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

from celery import Celery

from trackway import Tracker

EVENT = os.environ["TEST_EVENT"]
KILL_EVERY = int(os.environ.get("TEST_KILL_EVERY", 1_000_000))
DIRECTORY = Path(os.environ["TEST_DIRECTORY"])

for folder in ("queue", "outgoing", "done", "control"):
    (DIRECTORY / folder).mkdir(exist_ok=True)

app = Celery("tasks", broker="filesystem://")
app.conf.update(
    broker_transport_options={
        "data_folder_in": str(DIRECTORY / "queue"),
        "data_folder_out": str(DIRECTORY / "outgoing"),
        "control_folder": str(DIRECTORY / "control"),
        "polling_interval": 0.02,
    },
    task_ignore_result=True,
    worker_enable_remote_control=False,
    worker_prefetch_multiplier=8,
)

tracker = Tracker()
if "TEST_QUIET_IMPORT" not in os.environ:
    tracker.track(f"{EVENT}: loaded", {"number": os.getpid()}, user_id="worker")


@app.task  # type: ignore[untyped-decorator]
def work(number: int) -> None:
    """Track the event with this number."""
    tracker.track(EVENT, {"number": number}, user_id=f"visitor-{number % 100}")
    note = os.open(DIRECTORY / "done" / str(os.getpid()), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(note, b"%d\n" % number)
    os.close(note)
    if number % KILL_EVERY == 0:
        os.kill(os.getpid(), signal.SIGKILL)
