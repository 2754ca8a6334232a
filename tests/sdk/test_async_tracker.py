from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest
import uvloop

from tests.sdk.loopback import Loopback, Scripted, refusal
from tests.sdk.test_lifecycle import PYTHON, ROOT
from trackway import AsyncTracker, ConfigurationError
from trackway.testing import Answer, RecordingTransport, Request

QUICK: dict[str, Any] = {"backoff_base_s": 0.01, "flush_interval_s": 0.05, "on_violation": "flag"}


def make(url: str, **settings: Any) -> AsyncTracker:
    return AsyncTracker("shop-key", host=url, **{**QUICK, **settings})


def run(program: str, url: str, *, exit_timeout_s: float = 30) -> str:
    """Run a program with `tracker` made for it, and return what it wrote to stderr."""
    begin = f"import sys; sys.path[:0] = {[str(ROOT / 'sdk'), str(ROOT / 'tracking_plan')]!r}\nimport asyncio\n"
    begin += (
        f"from trackway import AsyncTracker\ntracker = AsyncTracker('shop-key', host={url!r}, backoff_base_s=0.05)\n"
    )
    done = subprocess.run(
        [PYTHON, "-c", begin + program],
        env={**os.environ, "TRACKWAY_EXIT_TIMEOUT_S": str(exit_timeout_s)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


async def test_events_leave_in_order_in_batches_over_one_connection() -> None:
    """As with `Tracker`: 1,200 events are three requests."""
    with Loopback() as collector:
        async with make(collector.url, flush_interval_s=60) as tracker:
            ids = [tracker.track("Paid", {"n": number}, user_id="ana") for number in range(1200)]
            assert await tracker.flush()
    assert [event["messageId"] for event in collector.stored] == ids
    assert [len(seen.ids) for seen in collector.seen] == [500, 500, 200]
    assert len({seen.connection for seen in collector.seen}) == 1
    assert tracker.stats().balanced


async def test_events_leave_by_age_without_a_flush() -> None:
    """One event alone is sent after the interval; nobody has to await anything of ours."""
    with Loopback() as collector:
        tracker = make(collector.url)
        tracker.track("Paid", user_id="ana")
        await until(lambda: len(collector.stored) == 1)
        await tracker.close()


async def test_no_thread_and_no_task_exist_before_the_first_event() -> None:
    """A tracker that is made and not used costs nothing; one that is used has a task, which ends with `close`."""
    threads = set(threading.enumerate())
    tasks = asyncio.all_tasks()
    tracker = AsyncTracker("shop-key", transport=Recorder(), on_violation="flag")
    assert asyncio.all_tasks() == tasks
    tracker.track("Paid", user_id="ana")
    assert [task.get_name() for task in asyncio.all_tasks() - tasks] == ["trackway-sender"]
    await tracker.close()
    assert asyncio.all_tasks() == tasks
    assert set(threading.enumerate()) <= threads


async def test_the_loop_goes_on_while_a_collector_does_not_answer() -> None:
    """Neither `track` nor the request holds the loop up: other tasks have their turn all the time."""
    with Loopback(Scripted(delay_s=0.5)) as collector:
        tracker = make(collector.url)
        tracker.track("Paid", user_id="ana")
        await until(lambda: bool(collector.seen))
        turns = 0
        while not collector.stored:
            await asyncio.sleep(0)
            turns += 1
        assert turns > 100
        assert await tracker.close()


async def test_a_large_batch_is_packed_off_the_loop() -> None:
    """Compression takes a while; it happens in a thread, and the batch arrives whole."""
    with Loopback() as collector:
        tracker = make(collector.url, gzip_over_bytes=1000)
        tracker.track("Paid", {"note": "x" * 20_000}, user_id="ana")
        assert await tracker.flush()
        assert collector.seen[0].headers["Content-Encoding"] == "gzip"
        assert collector.stored[0]["properties"]["note"] == "x" * 20_000
        assert await tracker.close()


@pytest.mark.parametrize("trouble", [refusal(503, "spool_full"), Scripted(reset="after_body"), Scripted(delay_s=1.0)])
async def test_a_passing_trouble_is_retried_with_the_same_ids(trouble: Scripted) -> None:
    """A refusal for now, a connection that breaks, an answer that does not come in time."""
    with Loopback(trouble) as collector:
        tracker = make(collector.url, request_timeout_s=0.3)
        message_id = tracker.track("Paid", user_id="ana")
        assert await tracker.flush()
        assert [seen.ids for seen in collector.seen] == [[message_id]] * 2
        assert (tracker.stats().acked, tracker.stats().retries) == (1, 1)
        assert await tracker.close()


async def test_redirects_and_cookies_are_not_followed() -> None:
    """What answers with them is no collector, and the key goes to nobody else."""
    with Loopback(Scripted(302, headers={"Location": "http://127.0.0.1:9/", "Set-Cookie": "a=b"})) as collector:
        tracker = make(collector.url)
        tracker.track("Paid", user_id="ana")
        assert await tracker.flush()
        assert len(collector.seen) == 2
        assert "Cookie" not in collector.seen[1].headers
        await tracker.close()


async def test_close_gives_up_at_its_deadline_and_counts(caplog: pytest.LogCaptureFixture) -> None:
    """Also when a request hangs for longer."""
    with Loopback(Scripted(delay_s=3.0)) as collector:
        tracker = make(collector.url, flush_interval_s=0)
        tracker.track("Paid", user_id="ana")
        await until(lambda: bool(collector.seen))
        assert not await tracker.close(timeout=0.1)
        assert await tracker.close()
        tracker.track("Late", user_id="ana")
    stats = tracker.stats()
    assert (stats.pending, dict(stats.dropped_by_reason)) == (0, {"not_sent_in_time": 1, "closed": 1})
    assert stats.balanced
    assert "1 event(s) were not sent" in caplog.text


async def test_flush_returns_false_when_its_time_is_up() -> None:
    """And True at once when there is nothing to wait for."""
    tracker = make("http://127.0.0.1:9")
    assert await tracker.flush(0)
    tracker.track("Paid", user_id="ana")
    assert not await tracker.flush(0.05)
    assert not await tracker.close(0)


async def test_a_flush_that_is_cancelled_changes_nothing() -> None:
    """The events go on their way, once, and the books balance."""
    with Loopback(Scripted(delay_s=0.3)) as collector:
        tracker = make(collector.url)
        tracker.track("Paid", user_id="ana")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(tracker.flush(), 0.1)
        assert tracker.stats().balanced
        assert await tracker.flush()
        assert len(collector.stored) == 1
        assert await tracker.close()


async def test_a_close_that_is_cancelled_goes_on_in_the_background() -> None:
    """Its deadline stays: what has left is acked, what has not is dropped then and counted."""
    with Loopback(Scripted(delay_s=0.3)) as collector:
        tracker = make(collector.url)
        tracker.track("Paid", user_id="ana")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(tracker.close(), 0.1)
        assert tracker.track("Late", user_id="ana") is None
        await until(lambda: tracker.stats().acked == 1)
    hopeless = make("http://127.0.0.1:9")
    hopeless.track("Paid", user_id="ana")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(hopeless.close(timeout=0.3), 0.1)
    assert (hopeless.stats().pending, hopeless.stats().balanced) == (1, True)
    await until(lambda: hopeless.stats().dropped == 1)
    assert hopeless.stats().balanced


async def test_calls_from_other_threads_are_sent_by_the_loop() -> None:
    """Four threads, 2,000 events, beside the loop: each is sent once, each thread's in its order."""
    with Loopback(refusal(503, "spool_full")) as collector:
        tracker = make(collector.url, max_batch_events=100)
        tracker.track("Start", user_id="ana")

        def work(person: str) -> None:
            for number in range(500):
                tracker.track("Paid", {"n": number}, user_id=person)

        await asyncio.gather(*(asyncio.to_thread(work, f"person-{n}") for n in range(4)))
        assert await tracker.flush(30)
        for n in range(4):
            numbers = [event["properties"]["n"] for event in collector.stored if event["userId"] == f"person-{n}"]
            assert numbers == list(range(500))
        assert (tracker.stats().acked, tracker.stats().balanced) == (2001, True)
        assert await tracker.close()


async def test_a_thread_wakes_a_loop_that_sleeps() -> None:
    """An event from another thread is due at once when its batch is full, and the loop hears of it."""
    with Loopback() as collector:
        tracker = make(collector.url, max_batch_events=2, flush_interval_s=60)
        tracker.track("Start", user_id="ana")
        assert await tracker.flush()
        await asyncio.to_thread(lambda: [tracker.track("Paid", user_id="ana") for _ in range(2)])
        await until(lambda: len(collector.stored) == 3)
        await tracker.close()


def test_calls_before_any_loop_are_queued_for_the_first_one() -> None:
    """A module may track while it is imported."""
    with Loopback() as collector:
        tracker = make(collector.url)
        tracker.track("Imported", user_id="ana")
        asyncio.run(_track_and_flush(tracker, "Served"))
        assert [event["event"] for event in collector.stored] == ["Imported", "Served"]


def test_a_flush_alone_starts_the_task() -> None:
    """What was tracked without a loop leaves with the first `flush` in one."""
    with Loopback() as collector:
        tracker = make(collector.url)
        tracker.track("Imported", user_id="ana")
        assert asyncio.run(tracker.flush())
        assert len(collector.stored) == 1


@pytest.mark.parametrize("kind", ["asyncio", "uvloop"])
def test_what_a_loop_leaves_behind_the_next_one_sends(kind: str) -> None:
    """`asyncio.run` after `asyncio.run`: each loop has a task and a connection of its own, and no event is lost."""
    start: Callable[[Coroutine[Any, Any, None]], None] = uvloop.run if kind == "uvloop" else asyncio.run
    with Loopback() as collector:
        tracker = make(collector.url, flush_interval_s=60)
        for number in range(3):
            start(_track_and_flush(tracker, f"Flushed {number}"))
            start(_just_track(tracker, f"Left {number}"))
        assert tracker.stats().pending == 1
        assert asyncio.run(tracker.close())
        stored = [event["event"] for event in collector.stored]
        assert stored == [f"{word} {number}" for number in range(3) for word in ("Flushed", "Left")]
        assert tracker.stats().balanced


def test_a_request_that_the_end_of_a_loop_breaks_off_is_sent_again() -> None:
    """Whether the collector has it is unknown; the next loop asks with the same ids."""
    with Loopback(Scripted(delay_s=1.0)) as collector:
        tracker = make(collector.url, flush_interval_s=0)

        async def leave() -> None:
            tracker.track("Paid", user_id="ana")
            await until(lambda: bool(collector.seen))

        asyncio.run(leave())
        assert (tracker.stats().pending, tracker.stats().balanced) == (1, True)
        assert asyncio.run(tracker.close())
        assert collector.seen[0].ids == collector.seen[1].ids
        assert tracker.stats().acked == 1


def test_a_loop_that_is_closed_without_ending_its_tasks_is_replaced(caplog: pytest.LogCaptureFixture) -> None:
    """Old programs end their loops that way. The next loop takes everything over, and nothing is logged about it."""
    with Loopback() as collector:
        tracker = make(collector.url, flush_interval_s=60)
        for number in range(2):
            loop = asyncio.new_event_loop()
            loop.run_until_complete(_track_and_flush(tracker, f"Flushed {number}"))
            loop.run_until_complete(_just_track(tracker, f"Left {number}"))
            loop.close()
        del loop
        assert asyncio.run(tracker.close())
        assert [event["event"] for event in collector.stored] == ["Flushed 0", "Left 0", "Flushed 1", "Left 1"]
        with caplog.at_level(logging.WARNING):
            del tracker
            gc.collect()
        assert caplog.text == ""


def test_two_loops_in_two_threads_share_a_tracker() -> None:
    """The task lives in one of them; `flush` works in both."""
    with Loopback() as collector:
        tracker = make(collector.url)
        together = threading.Barrier(2)
        failed = []

        async def work(person: str) -> None:
            await asyncio.to_thread(together.wait)
            for _ in range(20):
                tracker.track("Paid", user_id=person)
                if not await tracker.flush():
                    failed.append(person)
            await asyncio.to_thread(together.wait)

        threads = [threading.Thread(target=asyncio.run, args=(work(person),)) for person in ("ana", "ben")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert failed == []
        assert len({event["messageId"] for event in collector.stored}) == 40
        assert asyncio.run(tracker.close())


async def test_the_task_does_not_live_in_the_context_of_who_tracks_first() -> None:
    """A request's context variables (its trace, its scope) are not kept alive, and not seen by the sender."""
    request: ContextVar[str] = ContextVar("request", default="none")
    seen = []

    class Curious(Recorder):
        async def send(self, request_: Request) -> Answer:
            seen.append(request.get())
            return await super().send(request_)

    tracker = AsyncTracker("shop-key", transport=Curious(), on_violation="flag")
    request.set("the first")
    tracker.track("Paid", user_id="ana")
    assert await tracker.close()
    assert seen == ["none"]


async def test_a_blocking_transport_works_too() -> None:
    """Its calls wait in a thread; the fake of the tests is one."""
    transport = RecordingTransport([503, None])
    async with AsyncTracker("shop-key", transport=transport, **QUICK) as tracker:
        tracker.track("Paid", user_id="ana")
    assert [event["event"] for event in transport.events] == ["Paid"]
    assert tracker.stats().retries == 2


def test_the_end_of_a_program_drains_without_a_loop() -> None:
    """Its loop has ended; what is pending leaves over urllib3."""
    program = """
async def main():
    for n in range(700): tracker.track('Paid', {'n': n}, user_id='ana')
asyncio.run(main())
"""
    with Loopback() as collector:
        assert run(program, collector.url) == ""
        assert [event["properties"]["n"] for event in collector.stored] == list(range(700))


def test_a_program_that_never_had_a_loop_is_drained_as_well() -> None:
    """The calls were legal, so the events count."""
    with Loopback() as collector:
        assert run("tracker.track('Paid', user_id='ana')", collector.url) == ""
        assert len(collector.stored) == 1


def test_a_program_ends_in_time_when_the_collector_is_gone() -> None:
    """The end is held up for `exit_timeout_s` at most, and the loss is logged."""
    program = "async def main(): tracker.track('Paid', user_id='ana')\nasyncio.run(main())"
    assert "1 event(s) were not sent" in run(program, "http://127.0.0.1:9", exit_timeout_s=0.5)


def test_what_the_end_of_a_program_cannot_send_is_on_disk_for_the_next_one(tmp_path: Path) -> None:
    """With a disk queue; the drain without a loop leaves the rest there, says so once, and the next loop sends it."""
    begin = f"tracker = AsyncTracker('shop-key', host=HOST, queue={str(tmp_path)!r})\n"
    program = "async def main(): tracker.track('Kept', user_id='ana')\nasyncio.run(main())"
    with Loopback(*[refusal(503, "spool_full", Retry_After="60")]) as collector:
        begin = begin.replace("HOST", repr(collector.url))
        errors = run(begin + program, collector.url, exit_timeout_s=0.5)
        assert errors.count("they are on disk for the next process") == 1
        again = """
async def main():
    tracker.track('New', user_id='ana')
    while tracker.stats().adopted == 0: await asyncio.sleep(0.01)
    assert await tracker.close(20)
asyncio.run(main())
"""
        run(begin + again, collector.url)
        assert sorted(event["event"] for event in collector.stored) == ["Kept", "New"]


def test_a_loop_that_is_still_there_at_the_end_loses_nothing_and_complains_of_nothing() -> None:
    """Neither one that was stopped and left open, nor one that runs in a daemon thread."""
    program = """
import threading
async def main(name): tracker.track(name, user_id='ana'); await tracker.flush(); tracker.track(name, user_id='ana')
asyncio.new_event_loop().run_until_complete(main('Left open'))
loop = asyncio.new_event_loop()
threading.Thread(target=loop.run_forever, daemon=True).start()
asyncio.run_coroutine_threadsafe(main('In a thread'), loop).result()
"""
    with Loopback() as collector:
        assert run(program, collector.url) == ""
        assert [event["event"] for event in collector.stored] == ["Left open"] * 2 + ["In a thread"] * 2


def test_a_transport_of_ones_own_drains_the_end_as_well() -> None:
    """Where no loop runs, each of its calls gets one."""
    program = """
class Printing:
    async def send(self, request):
        await asyncio.sleep(0)
        print(request.body.decode(), file=sys.stderr)
        from trackway.testing import Answer
        return Answer(200, b'{"success":true}')
    async def close(self): print('closed', file=sys.stderr)
other = AsyncTracker('shop-key', transport=Printing())
other.track('Paid', user_id='ana')
"""
    body, closed = run(program, "http://127.0.0.1:9").splitlines()
    assert [event["event"] for event in json.loads(body)["batch"]] == ["Paid"]
    assert closed == "closed"


def test_a_forked_child_has_a_task_and_a_connection_of_its_own() -> None:
    """Forked out of a running loop: each event is sent once, by the process that tracked it."""
    program = """
import os
async def main():
    for _ in range(10): tracker.track('Paid', {'by': 'parent'}, user_id='ana')
    await tracker.flush()
    tracker.track('Paid', {'by': 'parent'}, user_id='ana')
    child = os.fork()
    if child == 0:
        return True
    assert (await asyncio.to_thread(os.waitpid, child, 0))[1] == 0
    await tracker.close()

async def work():
    assert tracker.stats().enqueued == 0
    for _ in range(10): tracker.track('Paid', {'by': 'child'}, user_id='ana')
    assert await tracker.close()

loop = asyncio.new_event_loop()
if loop.run_until_complete(main()):
    asyncio.run(work())
    assert tracker.stats().acked == 10
    os._exit(0)
"""
    with Loopback() as collector:
        run(program, collector.url)
        by = [event["properties"]["by"] for event in collector.stored]
    assert (by.count("parent"), by.count("child"), len(by)) == (11, 10, 21)


def test_without_aiohttp_the_constructor_says_what_to_install() -> None:
    """It is seen at once, not with the first event; with a transport of one's own, aiohttp is not needed."""
    program = f"""
import sys; sys.path[:0] = {[str(ROOT / "sdk"), str(ROOT / "tracking_plan")]!r}
sys.modules['aiohttp'] = None
import trackway, trackway.testing
trackway.AsyncTracker('key', transport=trackway.testing.RecordingTransport())
try: trackway.AsyncTracker('key')
except trackway.ConfigurationError as error: print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "AsyncTracker needs aiohttp, which is not installed. Run: pip install 'trackway[async]'\n"


def test_what_would_block_the_loop_is_a_configuration_error() -> None:
    """`sync` is for `Tracker`."""
    with pytest.raises(ConfigurationError, match=r"`sync` is True, which an AsyncTracker cannot do\. Use Tracker"):
        AsyncTracker("shop-key", sync=True)


async def test_the_end_of_a_tracker_is_quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing of aiohttp or asyncio is left to complain about, neither a session nor a task."""
    with Loopback() as collector, caplog.at_level(logging.WARNING):
        tracker = make(collector.url)
        tracker.track("Paid", user_id="ana")
        await tracker.close()
        del tracker
        gc.collect()
    assert caplog.text == ""


class Recorder:
    """An asynchronous transport that takes everything."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    async def send(self, request: Request) -> Answer:
        await asyncio.sleep(0)
        self.requests.append(request)
        return Answer(200, b'{"success":true}')

    async def close(self) -> None:
        pass


async def _track_and_flush(tracker: AsyncTracker, event: str) -> None:
    tracker.track(event, user_id="ana")
    assert await tracker.flush()


async def _just_track(tracker: AsyncTracker, event: str) -> None:
    tracker.track(event, user_id="ana")
    await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it did not happen within ten seconds")
