"""What `trackway doctor` says of a disk queue, after processes that were really killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.house import environment, free_port
from trackway._disk.survey import survey
from trackway._doctor.case import Case
from trackway._doctor.disk import check_disk
from trackway._doctor.findings import Finding
from trackway._doctor.settings import read_settings

KILLED = """
import sys
from trackway import Tracker
tracker = Tracker("the-key", host=sys.argv[1], queue=sys.argv[2])
for number in range(int(sys.argv[3])):
    tracker.track("Paid", {"number": number}, user_id="ana")
print("tracked", flush=True)
sys.stdin.read()
"""


def leave_events(queue: Path, host: str, events: int) -> None:
    """Have a process track events to a collector that is not there, and kill it -9."""
    command = [sys.executable, "-c", KILLED, host, str(queue), str(events)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"tracked\n"
        assert (True, events) in [(log.alive, log.events) for log in survey(queue, time.time_ns)]
        process.kill()
        assert process.wait() == -signal.SIGKILL


def examined(host: str, queue: str) -> Finding:
    """Return what the doctor says of a queue."""
    options, origins, plan = read_settings({"write_key": "the-key", "host": host, "queue": queue}, {})
    return check_disk(Case(options, origins, plan))


def test_what_killed_processes_left_is_counted(tmp_path: Path) -> None:
    """Events of ended processes are told by destination: ours, and those of other collectors; nothing is taken over."""
    ours, other = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    for host, events in ((ours, 3), (ours, 4), (other, 5)):
        leave_events(tmp_path / "queue", host, events)
    for _ in range(2):  # the second look sees the same: the first has changed nothing
        found = examined(ours, str(tmp_path / "queue"))
        assert found.status == "note"
        assert "7 events of 2 ended processes wait; 5 events for other collectors or keys wait" in found.message
        assert (found.facts["left_events"], found.facts["left_for_others_events"]) == (7, 5)
        assert "is sent" in found.mend or "sends them" in found.mend


def test_an_empty_queue_is_fine(tmp_path: Path) -> None:
    """A queue that is not there yet is made, as a tracker would make it."""
    found = examined("http://127.0.0.1:8077", str(tmp_path / "queue"))
    assert (found.status, found.facts["waiting_events"]) == ("ok", 0)
    assert str(tmp_path / "queue") in found.message


def test_no_queue_is_no_problem() -> None:
    """Where events wait in memory there is nothing to look at."""
    assert examined("http://127.0.0.1:8077", "memory").status == "skipped"


def test_a_directory_that_cannot_be_used(tmp_path: Path) -> None:
    """A queue below a file is a problem, with what to write instead."""
    (tmp_path / "file").write_text("")
    found = examined("http://127.0.0.1:8077", str(tmp_path / "file" / "queue"))
    assert found.status == "problem"
    assert "cannot be used (NotADirectoryError" in found.message
    assert "Write a directory on a local disk" in found.mend


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_disk_without_room(tmp_path: Path) -> None:
    """A disk that is nearly full is a problem before events are lost to it."""
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(small)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        found = examined("http://127.0.0.1:8077", str(small / "queue"))
    finally:
        subprocess.run(["umount", str(small)], check=True)
    assert found.status == "problem"
    assert "8 MiB free" in found.message
