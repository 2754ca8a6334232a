from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.sdk.loopback import Loopback, Scripted
from tests.sdk.test_lifecycle import PYTHON, ROOT
from trackway import ConfigurationError, Tracker
from trackway.testing import RecordingTransport

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no signals that one process sends to another")

BEGIN = f"""
import sys; sys.path[:0] = {[str(ROOT / "sdk"), str(ROOT / "tracking_plan")]!r}
import asyncio, os, signal, threading, time
from trackway import AsyncTracker, Tracker
HOST = sys.argv[1]
def ready(): print('ready', flush=True)
"""


@contextmanager
def program(text: str, url: str) -> Iterator[subprocess.Popen[str]]:
    """Run a program until it says that it is ready."""
    command = [PYTHON, "-c", BEGIN + text, url]
    # Machines that run tests may be slow; those programs that are about the deadline have their own.
    env = {**os.environ, "TRACKWAY_EXIT_TIMEOUT_S": "30"}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n", process.communicate()[1]
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("kind", ["Tracker", "AsyncTracker", "Tracker in a loop", "sync"])
def test_a_program_without_a_handler_drains_and_dies_by_the_signal(number: signal.Signals, kind: str) -> None:
    """Nothing is lost, and whoever waits for the process sees the signal; SIGINT ends it by KeyboardInterrupt."""
    make = {"AsyncTracker": "AsyncTracker('k', host=HOST", "sync": "Tracker('k', host=HOST, sync=True"}
    text = f"tracker = {make.get(kind, 'Tracker(chr(107), host=HOST')}, flush_interval_s=60, handle_signals=True)\n"
    if kind in ("Tracker", "sync"):
        text += "for _ in range(700): tracker.track('Paid', user_id='ana')\nready()\ntime.sleep(60)"
    else:
        text += """
async def main():
    for _ in range(700): tracker.track('Paid', user_id='ana')
    await asyncio.sleep(0.1)
    ready()
    await asyncio.sleep(60)
asyncio.run(main())
"""
    with Loopback() as collector, program(text, collector.url) as process:
        process.send_signal(number)
        errors = process.communicate(timeout=20)[1]
        assert process.returncode == -number if number == signal.SIGTERM else process.returncode in (-number, 1)
        assert len(collector.stored) == 700
        assert ("KeyboardInterrupt" in errors) == (number == signal.SIGINT)


def test_a_busy_program_loses_only_what_it_tracks_after_the_signal() -> None:
    """
    The signal may come in the middle of a call that holds the tracker's lock: the drain then happens beside it. Every
    call that returned before the signal is stored.
    """
    text = """
tracker = Tracker('k', host=HOST, handle_signals=True, exit_timeout_s=10)
signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
signal.setitimer(signal.ITIMER_REAL, 0.05)
ready()
for n in range(10_000_000):
    if tracker.track('Paid', {'n': n}, user_id='ana') is None: break
    os.write(2, b'#') if n % 100 == 0 else None
time.sleep(60)
"""
    for _ in range(5):
        with Loopback() as collector, program(text, collector.url) as process:
            errors = process.communicate(timeout=30)[1]
            assert process.returncode == -signal.SIGTERM
            numbers = [event["properties"]["n"] for event in collector.stored]
            assert numbers == list(range(len(numbers)))
            assert len(numbers) > 100 * (errors.count("#") - 1)


def test_a_handler_of_the_programs_own_is_called_and_decides() -> None:
    """It is chained, not replaced: a flush has begun when it runs, and the program goes on if it wants to."""
    text = """
signal.signal(signal.SIGTERM, lambda number, frame: print('handled', number, flush=True))
tracker = Tracker('k', host=HOST, flush_interval_s=60)
tracker.handle_signals()
tracker.handle_signals()
tracker.track('Before', user_id='ana')
ready()
sys.stdin.read()
tracker.track('After', user_id='ana')
"""
    command = [PYTHON, "-c", BEGIN + text]
    with (
        Loopback() as collector,
        subprocess.Popen(
            [*command, collector.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process,
    ):
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == f"handled {int(signal.SIGTERM)}\n"
        until(lambda: len(collector.stored) == 1)
        process.communicate(timeout=20)
        assert process.returncode == 0
        assert [event["event"] for event in collector.stored] == ["Before", "After"]


def test_an_ignored_signal_stays_ignored() -> None:
    """Under nohup, or where a parent decided so."""
    text = """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
tracker = Tracker('k', host=HOST, handle_signals=True)
ready()
os.kill(os.getpid(), signal.SIGTERM)
tracker.track('Paid', user_id='ana')
assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
"""
    with Loopback() as collector, program(text, collector.url) as process:
        assert process.wait(20) == 0
        assert len(collector.stored) == 1


def test_a_second_signal_ends_the_drain_at_once() -> None:
    """Whoever asks twice means it."""
    text = """
tracker = Tracker('k', host=HOST, handle_signals=True, exit_timeout_s=60)
tracker.track('Paid', user_id='ana')
ready()
time.sleep(60)
"""
    with Loopback(Scripted(delay_s=30)) as collector, program(text, collector.url) as process:
        until(lambda: bool(collector.seen))
        process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == -signal.SIGTERM


def test_the_drain_keeps_its_deadline() -> None:
    """A collector that is gone does not keep a program that was asked to end."""
    text = """
tracker = Tracker('k', host='http://127.0.0.1:9', handle_signals=True, exit_timeout_s=0.3)
tracker.track('Paid', user_id='ana')
ready()
time.sleep(60)
"""
    with program(text, "") as process:
        process.send_signal(signal.SIGTERM)
        assert "1 event(s) were not sent" in process.communicate(timeout=20)[1]
        assert process.returncode == -signal.SIGTERM


def test_an_application_of_asyncio_handles_the_signal_itself() -> None:
    """`loop.add_signal_handler` takes the place of ours; the application closes its tracker on the way out."""
    text = """
tracker = AsyncTracker('k', host=HOST, flush_interval_s=60, handle_signals=True)
async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    tracker.track('Paid', user_id='ana')
    ready()
    await stop.wait()
    assert await tracker.close()
asyncio.run(main())
"""
    with Loopback() as collector, program(text, collector.url) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert len(collector.stored) == 1


def test_a_worker_that_is_terminated_drains_if_it_was_asked_to() -> None:
    """`multiprocessing` ends the workers of a pool by SIGTERM; the handler is inherited by forked ones."""
    text = """
import multiprocessing
tracker = Tracker('k', host=HOST, flush_interval_s=60, handle_signals=True)
def work(number): tracker.track('Paid', {'n': number}, user_id='ana')
with multiprocessing.get_context('fork').Pool(2) as pool:
    pool.map(work, range(20))
ready()
"""
    with Loopback() as collector, program(text, collector.url) as process:
        assert process.wait(20) == 0
        until(lambda: len(collector.stored) == 20)


def test_only_the_main_thread_can_handle_signals() -> None:
    """Python has it so; the error says where to call instead."""
    tracker = Tracker("shop-key", transport=RecordingTransport())
    errors: list[str] = []

    def work() -> None:
        for call in (tracker.handle_signals, lambda: Tracker("shop-key", handle_signals=True)):
            try:
                call()
            except ConfigurationError as error:
                errors.append(str(error))

    thread = threading.Thread(target=work, name="worker-1")
    thread.start()
    thread.join()
    assert len(errors) == 2
    assert all("from the main thread, and this one is 'worker-1'" in error for error in errors)


def until(condition: object) -> None:
    assert callable(condition)
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("it did not happen within ten seconds")
