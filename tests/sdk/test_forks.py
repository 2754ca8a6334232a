"""Processes that come of others: forked in every way, spawned, ended in every way. Each event is sent once."""

from __future__ import annotations

import os
import subprocess
import textwrap
from pathlib import Path

import pytest

from tests.sdk.loopback import Loopback
from tests.sdk.test_lifecycle import PYTHON, ROOT, run

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
PATIENT = {**os.environ, "TRACKWAY_EXIT_TIMEOUT_S": "30"}
"""Machines that run tests may be slow; what a deadline does is tested elsewhere."""


def names(collector: Loopback) -> list[str]:
    return sorted(event["event"] for event in collector.stored)


def run_file(text: str, url: str, directory: Path) -> None:
    """Run a program from a file, as spawned processes need it."""
    paths = [str(ROOT / "sdk"), str(ROOT / "tracking_plan")]
    file = directory / "program.py"
    file.write_text(f"import sys; sys.path[:0] = {paths!r}\n{textwrap.dedent(text)}")
    done = subprocess.run([PYTHON, str(file), url], env=PATIENT, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


@forks
def test_a_fork_in_the_middle_of_a_flush() -> None:
    """The thread that waits in the parent goes on; the child has nothing to wait for, and a lock of its own."""
    program = """
import os, threading
for n in range(300): tracker.track('Parent', user_id='ana')
flushing = threading.Thread(target=tracker.flush)
flushing.start()
child = os.fork()
if child == 0:
    assert tracker.stats().enqueued == 0
    assert tracker.flush(5)
    tracker.track('Child', user_id='ana')
    os._exit(0 if tracker.close() else 1)
flushing.join()
assert os.waitpid(child, 0)[1] == 0
assert tracker.stats().acked == 300, tracker.stats()
"""
    with Loopback() as collector:
        run(program, collector.url)
        assert names(collector) == ["Child"] + ["Parent"] * 300


@forks
def test_a_fork_of_a_fork() -> None:
    """Each generation sends its own."""
    program = """
import os
def generation(number):
    tracker.track(f'Generation {number}', user_id='ana')
    if number < 3:
        child = os.fork()
        if child == 0:
            generation(number + 1)
            os._exit(0 if tracker.close() else 1)
        assert os.waitpid(child, 0)[1] == 0
generation(0)
"""
    with Loopback() as collector:
        run(program, collector.url)
        assert names(collector) == [f"Generation {number}" for number in range(4)]


@forks
def test_a_fork_while_another_thread_imports_and_logs() -> None:
    """Locks of imports and of logging are taken in one order, so that neither process waits for ever."""
    program = """
import logging, os, threading
stop = False
def talk():
    while not stop: logging.getLogger(f'talk').isEnabledFor(7); logging.getLogger('talk.' + os.urandom(2).hex())
threads = [threading.Thread(target=talk, daemon=True) for _ in range(2)]
for thread in threads: thread.start()
for number in range(10):
    fresh = Tracker('shop-key', host=tracker.options.host, flush_interval_s=0)
    fresh.track('Parent', user_id='ana')
    child = os.fork()
    if child == 0:
        tracker.track('Child', user_id='ana')
        os._exit(0 if tracker.close() else 1)
    assert os.waitpid(child, 0)[1] == 0
stop = True
"""
    with Loopback() as collector:
        run(program, collector.url)
        assert names(collector) == ["Child"] * 10 + ["Parent"] * 10


@forks
def test_a_child_that_leaves_by_os_exit_drains_when_asked_to() -> None:
    """Nothing runs at `os._exit`, so nothing can be done there; `drain_all` before it does what an exit would do."""
    program = """
import os, trackway
child = os.fork()
if child == 0:
    other = Tracker('shop-key', host=tracker.options.host, flush_interval_s=60)
    tracker.track('One', user_id='ana')
    other.track('Two', user_id='ana')
    trackway.drain_all()
    assert tracker.track('Late', user_id='ana') is None
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""
    with Loopback() as collector:
        run(program, collector.url)
        assert names(collector) == ["One", "Two"]


@pytest.mark.parametrize(
    "method", [pytest.param("fork", marks=forks), pytest.param("forkserver", marks=forks), "spawn"]
)
def test_processes_of_multiprocessing_send_what_they_tracked(method: str, tmp_path: Path) -> None:
    """Whatever way they start in; at their end nobody has to flush."""
    program = """
import multiprocessing
from trackway import Tracker
tracker = Tracker('shop-key', host=sys.argv[1], flush_interval_s=60)
def work(number):
    tracker.track(f'Worker {number}', user_id='ana')
if __name__ == '__main__':
    tracker.track('Main', user_id='ana')
    context = multiprocessing.get_context(METHOD)
    workers = [context.Process(target=work, args=(number,)) for number in range(3)]
    for worker in workers: worker.start()
    for worker in workers: worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 3
"""
    with Loopback() as collector:
        run_file(program.replace("METHOD", repr(method)), collector.url, tmp_path)
        assert names(collector) == ["Main", "Worker 0", "Worker 1", "Worker 2"]


@pytest.mark.parametrize("method", [pytest.param("fork", marks=forks), "spawn"])
def test_workers_of_a_process_pool_executor_send_what_they_tracked(method: str, tmp_path: Path) -> None:
    """The executor lets its workers end by themselves."""
    program = """
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from trackway import Tracker
tracker = Tracker('shop-key', host=sys.argv[1], flush_interval_s=60)
def work(number):
    tracker.track(f'Worker {number}', user_id='ana')
if __name__ == '__main__':
    tracker.track('Main', user_id='ana')
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(METHOD)) as pool:
        list(pool.map(work, range(4)))
"""
    with Loopback() as collector:
        run_file(program.replace("METHOD", repr(method)), collector.url, tmp_path)
        assert names(collector) == ["Main", "Worker 0", "Worker 1", "Worker 2", "Worker 3"]


@forks
def test_a_pool_that_is_closed_and_joined_loses_nothing(tmp_path: Path) -> None:
    """Its workers end by themselves then; `terminate`, and a `with` block, kill them: see the tests of signals."""
    program = """
import multiprocessing
from trackway import Tracker
tracker = Tracker('shop-key', host=sys.argv[1], flush_interval_s=60)
def work(number):
    tracker.track('Worker', user_id='ana')
if __name__ == '__main__':
    pool = multiprocessing.get_context('fork').Pool(2)
    pool.map(work, range(10))
    pool.close()
    pool.join()
"""
    with Loopback() as collector:
        run_file(program, collector.url, tmp_path)
        assert names(collector) == ["Worker"] * 10


def test_an_exit_function_may_track_and_threads_may_still_run(tmp_path: Path) -> None:
    """
    What exit functions track leaves if they were registered after `import trackway`: Python calls the last one first.
    Daemon threads that go on tracking hold nothing up, and no thread is started when Python starts none any more.
    """
    program = """
import atexit, threading
from trackway import Tracker
tracker = Tracker('shop-key', host=sys.argv[1], flush_interval_s=60)
first = Tracker('shop-key', host=sys.argv[1], flush_interval_s=60)
atexit.register(lambda: tracker.track('At exit', user_id='ana'))
atexit.register(lambda: first.track('First event of all', user_id='ana'))
tracker.track('Before', user_id='ana')
def work():
    while True: threading.Event().wait(0.01)
threading.Thread(target=work, daemon=True).start()
"""
    with Loopback() as collector:
        file = tmp_path / "program.py"
        file.write_text(f"import sys; sys.path[:0] = {[str(ROOT / 'sdk'), str(ROOT / 'tracking_plan')]!r}\n{program}")
        done = subprocess.run(
            [PYTHON, str(file), collector.url], env=PATIENT, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        assert names(collector) == ["At exit", "Before", "First event of all"]


def test_a_system_without_forks_and_signals_can_do_the_rest(tmp_path: Path) -> None:
    """As on Windows: no os.fork, no register_at_fork, no SIGTERM but what a program raises itself."""
    program = """
import os, signal, socket
for module, missing in ((os, ('fork', 'register_at_fork', 'forkpty', 'getppid')), (signal, ('SIGALRM', 'SIGHUP'))):
    for name in missing: module.__dict__.pop(name, None)
import logging, random, threading, urllib3
from trackway import AsyncTracker, Tracker
import asyncio
with Tracker('shop-key', host=sys.argv[1], handle_signals=True) as tracker: tracker.track('Thread', user_id='ana')
with Tracker('shop-key', host=sys.argv[1], sync=True) as tracker: tracker.track('Sync', user_id='ana')
async def main():
    async with AsyncTracker('shop-key', host=sys.argv[1]) as tracker: tracker.track('Task', user_id='ana')
asyncio.run(main())
Tracker('shop-key', host=sys.argv[1]).track('Exit', user_id='ana')
"""
    with Loopback() as collector:
        run_file(program, collector.url, tmp_path)
        assert names(collector) == ["Exit", "Sync", "Task", "Thread"]
