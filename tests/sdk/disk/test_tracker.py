"""The disk queue in real programs: processes that are killed, fork, run out of disk, and collectors that are away."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.sdk.loopback import Loopback, Scripted, refusal
from tests.sdk.test_sending import wait_until
from trackway import AsyncTracker, ConfigurationError, Tracker
from trackway._disk.place import default_directory, destination

ROOT = Path(__file__).parents[3]
MakeTracker = Callable[..., Tracker]
QUICK: dict[str, Any] = {"backoff_base_s": 0.01, "backoff_cap_s": 0.1, "flush_interval_s": 0.02}
posix = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")


def begin(url: str, directory: Path, **settings: object) -> str:
    """Return the first lines of a program: `tracker` is made for it."""
    given = "".join(f", {name}={value!r}" for name, value in {**QUICK, **settings}.items())
    return (
        f"import os, sys, time; sys.path[:0] = {[str(ROOT / 'sdk'), str(ROOT / 'tracking_plan')]!r}\n"
        f"from trackway import Tracker\n"
        f"tracker = Tracker('shop-key', host={url!r}, queue={str(directory)!r}{given})\n"
    )


AWAY = """
class Away:
    def send(self, request): time.sleep(3600)
    def close(self): pass

tracker = Tracker(tracker.options.write_key, host=tracker.options.host, queue=tracker.options.queue, transport=Away())
"""
"""A collector that answers nobody: whatever this program tracks is pending when it is killed."""


def start(program: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-u", "-c", program], stdout=subprocess.PIPE, text=True)


def run(program: str, status: int = 0) -> str:
    """Run a program to its end; return what it wrote to stderr."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == status, done.stderr
    return done.stderr


def lines(process: subprocess.Popen[str], count: int) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline().strip() for _ in range(count)]


def kill(process: subprocess.Popen[str]) -> list[str]:
    """Kill a process at once, and return what it had still said."""
    process.kill()
    assert process.stdout is not None
    with process.stdout as out:
        said = [line.strip() for line in out if line.endswith("\n")]
    process.wait()
    return said


def on_disk(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.rglob("*") if path.is_file())


def test_no_event_that_track_answered_is_lost_by_killing(tmp_path: Path) -> None:
    """Twelve processes are killed at any moment, with a collector that stumbles; one more sends what they left."""
    answered: list[str] = []
    with Loopback(*[Scripted(), refusal(503, "spool_full"), Scripted(reset="after_body")] * 10) as collector:
        program = begin(collector.url, tmp_path, max_queue_events=50, max_batch_events=20)
        program += "while True: print(tracker.track('Paid', user_id='ana'))"
        for round_ in range(12):
            process = start(program)
            answered += lines(process, 40)
            time.sleep(0.01 * round_)
            answered += kill(process)
        with Tracker("shop-key", host=collector.url, queue=tmp_path, **QUICK) as last:
            last.track("Last", user_id="ana")
            wait_until(lambda: set(answered) <= {event["messageId"] for event in list(collector.stored)})
            assert last.stats().balanced
    assert len(answered) > 480
    assert on_disk(tmp_path) == []


def test_what_dead_processes_left_is_adopted_once_by_many(tmp_path: Path) -> None:
    """Four processes at once find the logs of eight dead ones: the collector gets every event exactly once."""
    made = []
    with Loopback() as collector:
        away = begin(collector.url, tmp_path) + AWAY
        for _ in range(8):
            process = start(away + "for _ in range(300): print(tracker.track('Paid', user_id='ana'))\ntime.sleep(60)")
            made += lines(process, 300)
            kill(process)
        adopter = begin(collector.url, tmp_path)
        adopter += "print('ready')\nsys.stdin.readline()\n"
        adopter += "tracker.track('Mine', user_id='ana')\ntime.sleep(1.5)\ntracker.close()\n"
        adopter += "stats = tracker.stats()\nassert stats.balanced\nprint(stats.adopted)"
        adopters = [
            subprocess.Popen(
                [sys.executable, "-u", "-c", adopter], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            for _ in range(4)
        ]
        for each in adopters:
            assert lines(each, 1) == ["ready"]
        for each in adopters:
            assert each.stdin is not None
            each.stdin.write("\n")
            each.stdin.flush()
        adopted = [int(each.communicate(timeout=60)[0]) for each in adopters]
        sent = [event["messageId"] for event in collector.stored if event["event"] == "Paid"]
    assert sum(adopted) == len(made) == 2400
    assert sorted(sent) == sorted(made)
    assert on_disk(tmp_path) == []


def test_an_adopter_that_is_killed_while_it_sends_leaves_the_rest(tmp_path: Path) -> None:
    """Three in a row die at it; nothing is lost."""
    with Loopback(*[Scripted(delay_s=0.05)] * 40) as collector:
        process = start(
            begin(collector.url, tmp_path)
            + AWAY
            + "for _ in range(1000): print(tracker.track('Paid', user_id='ana'))\ntime.sleep(60)"
        )
        made = lines(process, 1000)
        kill(process)
        adopter = begin(collector.url, tmp_path, max_batch_events=50)
        for _ in range(3):
            before = len(collector.stored)
            process = start(adopter + "tracker.track('Mine', user_id='ana')\ntime.sleep(60)")
            wait_until(lambda before=before: len(collector.stored) > before + 60)  # type: ignore[misc]
            kill(process)
        with Tracker("shop-key", host=collector.url, queue=tmp_path, **QUICK) as last:
            last.track("Last", user_id="ana")
            wait_until(lambda: set(made) <= {event["messageId"] for event in list(collector.stored)})
    sent = [event["messageId"] for event in collector.stored if event["event"] == "Paid"]
    # Only what was on its way when an adopter was killed is sent again, under the same id.
    assert len(sent) - len(set(sent)) <= 3 * 50


def test_a_program_that_ends_while_the_collector_is_away_loses_nothing(tmp_path: Path) -> None:
    """It ends in time, says what it left, and its next run sends that."""
    said = run(
        begin("http://127.0.0.1:9", tmp_path, exit_timeout_s=0.2)
        + "for number in range(700): tracker.track('Paid', {'n': number}, user_id='ana')"
    )
    assert "700 event(s) were not sent" in said
    assert "on disk for the next process" in said
    moved = tmp_path / destination("http://127.0.0.1:9", "shop-key")
    with Loopback() as collector:
        moved.rename(tmp_path / destination(collector.url, "shop-key"))  # the collector comes back elsewhere
        with Tracker("shop-key", host=collector.url, queue=tmp_path, **QUICK) as tracker:
            tracker.track("Back", user_id="ana")
            wait_until(lambda: tracker.stats().acked == 701)
            stats = tracker.stats()
        numbers = [event["properties"]["n"] for event in collector.stored if event["event"] == "Paid"]
    assert numbers == list(range(700))
    assert (stats.enqueued, stats.adopted, stats.acked, stats.balanced) == (1, 700, 701, True)


def test_a_program_that_is_always_short_delivers_what_an_earlier_run_left(tmp_path: Path) -> None:
    """A job that tracks, closes and ends: nobody else would ever send what its run during an outage left."""
    with Loopback() as collector:
        left = begin(collector.url, tmp_path) + AWAY
        run(left + "for _ in range(1200): tracker.track('Left', user_id='ana')\nos._exit(0)")
        run(begin(collector.url, tmp_path) + "tracker.track('Short', user_id='ana')\ntracker.close()")
        assert Counter(event["event"] for event in collector.stored) == {"Left": 1200, "Short": 1}
    assert on_disk(tmp_path) == []


def test_more_events_than_memory_holds_are_delivered_in_order(tmp_path: Path, make_tracker: MakeTracker) -> None:
    """During an outage they wait on disk; memory holds no more than it may."""
    with Loopback(*[refusal(503, "spool_full")] * 5) as collector:
        tracker = make_tracker(host=collector.url, queue=tmp_path, max_queue_events=100, max_batch_events=100, **QUICK)
        ids = []
        for number in range(3000):
            ids.append(tracker.track("Paid", {"n": number}, user_id="ana"))
            assert tracker._outbox.pending <= 100
        assert tracker.flush(30)
        assert [event["messageId"] for event in collector.stored] == ids
        assert (tracker.stats().acked, tracker.stats().pending, tracker.stats().balanced) == (3000, 0, True)


def test_spill_keeps_what_memory_cannot_hold_and_the_end_cannot_send(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A memory queue that uses the disk only when it must."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    tracker = Tracker("shop-key", host="http://127.0.0.1:9", overflow="spill", max_queue_events=10, flush_interval_s=60)
    for _ in range(10):
        tracker.track("Paid", user_id="ana")
    assert on_disk(tmp_path) == []
    for _ in range(15):
        assert tracker.track("Paid", user_id="ana") is not None
    assert tracker.close(0.05)
    stats = tracker.stats()
    assert (stats.kept, stats.dropped, stats.pending, stats.balanced) == (25, 0, 0, True)
    with Loopback() as collector:
        queues = tmp_path / "trackway" / "queue"
        (queues / destination("http://127.0.0.1:9", "shop-key")).rename(queues / destination(collector.url, "shop-key"))
        with Tracker("shop-key", host=collector.url, overflow="spill", **QUICK) as after:
            after.track("Paid", user_id="ana")
            wait_until(lambda: len(collector.stored) == 26)
    assert on_disk(tmp_path) == []


@posix
def test_a_forked_child_has_a_log_of_its_own(tmp_path: Path) -> None:
    """Each event is sent once, by the process that tracked it."""
    program = """
tracker.track('Parent', user_id='ana')
child = os.fork()
if child == 0:
    for _ in range(5): tracker.track('Child', user_id='ana')
    os._exit(0 if tracker.flush(10) and tracker.stats().acked == 5 and tracker.stats().adopted == 0 else 1)
assert os.waitpid(child, 0)[1] == 0
tracker.track('Parent', user_id='ana')
"""
    with Loopback() as collector:
        run(begin(collector.url, tmp_path, flush_interval_s=0.3) + program)
        names = [event["event"] for event in collector.stored]
    assert (names.count("Parent"), names.count("Child")) == (2, 5)


@posix
def test_a_child_that_lives_on_does_not_keep_its_dead_parents_lock(tmp_path: Path) -> None:
    """What the parent left is adopted although the child inherited its open files."""
    program = """
tracker.track('Parent', user_id='ana')
if os.fork() == 0:
    print(os.getpid())  # from here on it has let go of what it inherited
time.sleep(60)
"""
    with Loopback() as collector:
        parent = start(begin(collector.url, tmp_path, flush_interval_s=3600) + program)
        (child,) = lines(parent, 1)
        parent.kill()
        parent.wait()
        try:
            with Tracker("shop-key", host=collector.url, queue=tmp_path, **QUICK) as tracker:
                tracker.track("Other", user_id="ana")
                wait_until(lambda: len(collector.stored) == 2)
        finally:
            os.kill(int(child), signal.SIGKILL)
            assert parent.stdout is not None
            parent.stdout.close()


@posix
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_of_multiprocessing_share_a_directory(tmp_path: Path, method: str) -> None:
    """Three workers and their parent, each with a log of its own; nothing is lost, nothing doubled."""
    (tmp_path / "work.py").write_text(
        "def work(settings):\n"
        "    from trackway import Tracker\n"
        "    with Tracker('shop-key', **settings) as tracker:\n"
        "        for _ in range(200): tracker.track('Worker', user_id='ana')\n"
    )
    with Loopback() as collector:
        settings = {"host": collector.url, "queue": str(tmp_path / "queue"), **QUICK}
        program = begin(collector.url, tmp_path / "queue") + (
            f"import multiprocessing; sys.path.insert(0, {str(tmp_path)!r}); import work\n"
            "if __name__ == '__main__':\n"
            "    tracker.track('Parent', user_id='ana')\n"
            f"    with multiprocessing.get_context({method!r}).Pool(3) as pool:\n"
            f"        pool.map(work.work, [{settings!r}] * 3, chunksize=1)\n"
        )
        run(program)
        ids = [event["messageId"] for event in collector.stored]
    assert len(ids) == len(set(ids)) == 601
    assert on_disk(tmp_path / "queue") == []


def test_two_trackers_of_one_process_do_not_mix(tmp_path: Path, make_tracker: MakeTracker) -> None:
    """Of one destination or of two: each sends its own, and destinations have directories of their own."""
    with Loopback() as one, Loopback() as two:
        trackers = [make_tracker(host=url, queue=tmp_path, **QUICK) for url in (one.url, one.url, two.url)]
        for name, tracker in zip("abc", trackers, strict=True):
            for _ in range(50):
                tracker.track(name, user_id="ana")
        assert all(tracker.flush() for tracker in trackers)
        assert sorted(event["event"] for event in one.stored) == ["a"] * 50 + ["b"] * 50
        assert [event["event"] for event in two.stored] == ["c"] * 50
        assert [tracker.stats().adopted for tracker in trackers] == [0, 0, 0]
    assert len(list(tmp_path.iterdir())) == 2


@posix
def test_a_disk_that_is_full_costs_nothing_but_safety(tmp_path: Path) -> None:
    """
    A file may not grow beyond 64 KiB here, and breaks off in mid-record: events go on in new files, and where those
    cannot be had, in memory; all are delivered, and readers find no torn record.
    """
    program = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, 65_536))
for number in range(2000): tracker.track('Paid', {'n': number, 'x': 'x' * 200}, user_id='ana')
assert tracker.flush(20)
stats = tracker.stats()
assert stats.balanced and stats.acked == 2000, stats
assert 0 < stats.unsaved < 2000, stats
"""
    with Loopback() as collector:
        said = run(begin(collector.url, tmp_path) + program)
        assert [event["properties"]["n"] for event in collector.stored] == list(range(2000))
    assert said.count("cannot take events") == 1
    assert "damaged" not in said


def test_the_syncing_thread_ends_when_there_is_nothing_to_sync(tmp_path: Path, make_tracker: MakeTracker) -> None:
    """No thread before the first event, and none for ever after the last."""

    def names() -> list[str]:
        return [thread.name for thread in threading.enumerate()]

    with Loopback() as collector:
        tracker = make_tracker(host=collector.url, queue=tmp_path, **QUICK)
        assert "trackway-disk" not in names()
        tracker.track("Paid", user_id="ana")
        assert "trackway-disk" in names()
        assert tracker.flush()
        wait_until(lambda: "trackway-disk" not in names())
        tracker.track("Paid", user_id="ana")
        assert "trackway-disk" in names()


def test_neither_key_nor_host_is_written(tmp_path: Path, make_tracker: MakeTracker) -> None:
    """Not into a file, and not into a name."""
    tracker = make_tracker(host="http://collect.invalid:9", queue=tmp_path)
    tracker.track("Paid", user_id="ana")
    for path in tmp_path.rglob("*"):
        assert b"shop-key" not in os.fsencode(path)
        assert b"collect.invalid" not in os.fsencode(path)
        if path.is_file():
            assert b"shop-key" not in path.read_bytes()


def test_a_directory_that_cannot_be_used_raises_at_once(tmp_path: Path, make_tracker: MakeTracker) -> None:
    """The message says which, why, and what to write."""
    (tmp_path / "file").write_text("")
    for bad in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/trackway")):
        with pytest.raises(ConfigurationError, match=rf"`queue`: the directory {bad} cannot be used") as caught:
            make_tracker(queue=bad)
        assert 'queue="/var/lib/my-app/trackway", or TRACKWAY_QUEUE' in str(caught.value)
    with pytest.raises(ConfigurationError, match="`queue` is ' '"):
        make_tracker(queue=" ")


def test_a_directory_beside_the_program_is_a_path(
    tmp_path: Path, make_tracker: MakeTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bare word is a misspelt "disk" and raises; `./waiting` and a `Path` are directories."""
    monkeypatch.chdir(tmp_path)
    for given in ("./waiting", Path("waiting"), "waiting/"):
        make_tracker(queue=given).close()
        assert (tmp_path / "waiting").is_dir()


def test_the_directory_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TRACKWAY_QUEUE names it, or says "disk" for the usual place."""
    for value, expected in ((str(tmp_path / "here"), tmp_path / "here"), ("disk", tmp_path / "trackway" / "queue")):
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
        monkeypatch.setenv("TRACKWAY_QUEUE", value)
        Tracker("shop-key").close()
        assert [path.name for path in expected.iterdir()] == [destination("http://127.0.0.1:8077", "shop-key")]


def test_the_usual_place_is_the_systems(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A relative XDG_STATE_HOME is ignored, as its specification asks."""
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    local = {"LOCALAPPDATA": str(tmp_path / "Local")}
    assert default_directory({}, "linux") == tmp_path / ".local" / "state" / "trackway" / "queue"
    assert default_directory({"XDG_STATE_HOME": "state"}, "linux") == tmp_path / ".local/state/trackway/queue"
    assert default_directory({}, "darwin") == tmp_path / "Library" / "Application Support" / "trackway" / "queue"
    assert default_directory(local, "win32") == tmp_path / "Local" / "trackway" / "queue"


def test_destinations_differ_by_host_and_key_and_not_by_spelling() -> None:
    """A slash at the end or capitals in the host's name make no other collector."""
    assert destination("https://Collect.example.com/", "k") == destination("https://collect.example.com", "k")
    names = {destination(host, key) for host in ("http://a", "http://b", "http://a/x") for key in ("k", "l")}
    assert len(names) == 6


async def test_the_asynchronous_tracker_has_the_same_queue(tmp_path: Path) -> None:
    """It sends what a dead process left and more than memory holds, and keeps what it cannot send at the end."""
    with Loopback(refusal(503, "spool_full")) as collector:
        process = start(
            begin(collector.url, tmp_path, flush_interval_s=3600)
            + "for _ in range(120): print(tracker.track('Left', user_id='ana'))\ntime.sleep(60)"
        )
        left = lines(process, 120)
        kill(process)
        settings = {**QUICK, "max_queue_events": 50, "max_batch_events": 20}
        async with AsyncTracker("shop-key", host=collector.url, queue=tmp_path, **settings) as tracker:
            mine = [tracker.track("Mine", user_id="ana") for _ in range(300)]
            assert await tracker.flush(20)
            while tracker.stats().adopted < 120 or tracker.stats().pending:
                await asyncio.sleep(0.01)
            assert tracker.stats().balanced
        ids = [event["messageId"] for event in collector.stored]
        assert [each for each in ids if each not in left] == mine
        assert Counter(ids) == Counter([*left, *mine])
    assert on_disk(tmp_path) == []
    away = AsyncTracker("shop-key", host="http://127.0.0.1:9", queue=tmp_path, **QUICK)
    for _ in range(5):
        away.track("Mine", user_id="ana")
    await away.close(0.05)
    assert (away.stats().kept, away.stats().dropped, away.stats().balanced) == (5, 0, True)
