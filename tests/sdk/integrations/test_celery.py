"""Celery with a broker in memory, and a real worker that forks: a task's events are those of who published it."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from celery.contrib.testing.worker import start_worker
from celery.signals import before_task_publish, task_postrun, task_prerun

import trackway
from tests.sdk.integrations.conftest import Sent
from tests.sdk.loopback import Loopback, Scripted
from tests.support.house import wait_for
from trackway import Tracker
from trackway._events.scope import current
from trackway.integrations.celery import HEADER, MAX_HEADER_BYTES, instrument

ROOT = Path(__file__).parents[3]


class _Trackers:
    now: Tracker


trackers = _Trackers()
"""Each test puts its own there; the worker lasts for all of them."""


@pytest.fixture(autouse=True)
def _tracker(tracker: Tracker) -> None:
    trackers.now = tracker


@pytest.fixture(scope="module")
def app() -> Iterator[Any]:
    """A Celery app whose broker is memory, with scopes carried."""
    app: Any = Celery("shop", broker="memory://", backend="cache+memory://", set_as_current=False)
    instrument()
    yield app
    for connected in (before_task_publish, task_prerun, task_postrun):
        connected.disconnect(dispatch_uid="trackway")


@pytest.fixture(scope="module")
def pay(app: Any) -> Any:
    """A task that tracks without ids; on request it fails, tries again once, or asks for another task."""

    @app.task(name="shop.pay", bind=True, max_retries=1, default_retry_delay=0)  # type: ignore[untyped-decorator]
    def pay(self: Any, what: str = "") -> object:
        trackers.now.track("Order Paid", {"try": self.request.retries})
        if what == "fail":
            raise LookupError
        if what == "retry" and self.request.retries == 0:
            raise self.retry()
        if what == "chain":
            return pay.delay().id
        inside = current()
        assert inside is not None
        return dict(inside.consent)

    return pay


@pytest.fixture(scope="module")
def worker(app: Any, pay: Any) -> Iterator[None]:
    """A worker in a thread of this process, whose logging is put back: Celery sets the root logger's level."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    with start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=20):
        yield
    root.setLevel(level)
    root.handlers[:] = handlers


@pytest.mark.usefixtures("worker")
def test_a_task_works_for_who_published_it(pay: Any, sent: Sent) -> None:
    """Ids, session, context, properties and consent travel with the message; the task's own name is added."""
    with trackway.scope(
        user_id=lambda: "user-7",
        anonymous_id="v-3",
        session_id="s-1",
        context=lambda: {"ip": "203.0.113.9", "page": {"path": "/basket"}},
        properties={"shop": "tea"},
        consent={"marketing": False},
    ):
        asked = pay.delay()
    assert asked.get(timeout=20) == {"marketing": False}
    (event,) = sent()
    assert (event["userId"], event["anonymousId"]) == ("user-7", "v-3")
    assert event["properties"] == {"shop": "tea", "try": 0}
    assert event["context"]["sessionId"] == "s-1"
    assert event["context"]["ip"] == "203.0.113.9"
    assert event["context"]["page"] == {"path": "/basket"}
    assert event["context"]["task"] == {"id": asked.id, "name": "shop.pay"}


@pytest.mark.usefixtures("worker")
def test_nobody_is_made_up(pay: Any, sent: Sent, tracker: Tracker) -> None:
    """A task that was published outside any scope, as by beat, is nobody's; the one before leaves nothing behind."""
    with trackway.scope(user_id="user-7"):
        pay.delay().get(timeout=20)
    pay.delay().get(timeout=20)
    assert [event["userId"] for event in sent()] == ["user-7"]
    assert tracker.stats().dropped_by_reason == {"no_person": 1}


@pytest.mark.usefixtures("worker")
def test_a_task_that_fails_leaves_no_scope(pay: Any, sent: Sent) -> None:
    """The next task in the same process has its own person."""
    with trackway.scope(user_id="user-7"), pytest.raises(LookupError):
        pay.delay("fail").get(timeout=20)
    with trackway.scope(user_id="user-9"):
        pay.delay().get(timeout=20)
    assert [event["userId"] for event in sent()] == ["user-7", "user-9"]


@pytest.mark.usefixtures("worker")
def test_a_second_try_and_a_task_of_a_task_are_still_for_the_same_person(pay: Any, sent: Sent, app: Any) -> None:
    """The scope is carried on, however many hops; each task's own id is in its context."""
    with trackway.scope(user_id="user-7", context={"ip": "203.0.113.9"}):
        pay.delay("retry").get(timeout=20)
        second = pay.delay("chain").get(timeout=20)
    app.AsyncResult(second).get(timeout=20)
    events = sent()
    assert [event["properties"]["try"] for event in events] == [0, 1, 0, 0]
    assert {event["userId"] for event in events} == {"user-7"}
    assert {event["context"]["ip"] for event in events} == {"203.0.113.9"}
    first, again, chained, last = (event["context"]["task"]["id"] for event in events)
    assert first == again
    assert last == second != chained


def test_a_task_run_on_the_spot_is_inside(app: Any, pay: Any, sent: Sent) -> None:
    """Eager tasks, which send no message, work in the caller's scope; it is the same afterwards."""
    with trackway.scope(user_id="user-7", session_id="s-1") as outer:
        pay.apply()
        assert current() is outer
    (event,) = sent()
    assert event["userId"] == "user-7"
    assert event["context"]["task"]["name"] == "shop.pay"


def _headers(**bound: Any) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    with trackway.scope(**bound):
        before_task_publish.send(sender="shop.pay", headers=headers)
    return headers


@pytest.mark.usefixtures("app")
def test_the_header_is_one_text_of_bounded_length() -> None:
    """A scope too large for a message goes without context and properties; ids and consent always go."""
    assert _headers(user_id="user-7", properties={"shop": "tea"}) == {
        HEADER: '{"user_id":"user-7","properties":{"shop":"tea"}}'
    }
    large = _headers(user_id="user-7", consent={"a": True}, properties={"x": "x" * MAX_HEADER_BYTES}, context={"a": 1})
    assert large == {HEADER: '{"user_id":"user-7","consent":{"a":true}}'}
    assert _headers(user_id="\ud800", properties={"cycle": object}) != {}


@pytest.mark.usefixtures("app")
def test_the_context_may_stay_at_home() -> None:
    """With `carry_context=False` neither address nor page is in the broker's messages."""
    instrument(carry_context=False)
    try:
        assert _headers(user_id="user-7", context={"ip": "203.0.113.9"}) == {HEADER: '{"user_id":"user-7"}'}
    finally:
        instrument()


@pytest.mark.usefixtures("worker")
def test_a_no_that_is_no_boolean_is_a_no_in_the_task_as_well(pay: Any, sent: Sent, tracker: Tracker) -> None:
    """A cookie's text in `consent` is taken as a no where a task is published, and so it is where the task works."""
    with trackway.scope(user_id="user-7", consent={"analytics": "false"}):  # type: ignore[dict-item]
        pay.delay().get(timeout=20)
    assert sent() == []
    assert tracker.stats().dropped_by_reason == {"no_consent": 1}


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("text", ["", "{", "[1]", '{"user_id":{}}', "null", 7], ids=str)
def test_a_broken_header_costs_the_scope_and_not_the_task(pay: Any, text: object, tracker: Tracker) -> None:
    """Another program's header of the same name, or a damaged one, is passed over."""
    assert pay.apply_async(headers={HEADER: text}).get(timeout=20) == {}
    assert tracker.stats().dropped_by_reason == {"no_person": 1}


@pytest.mark.skipif(sys.platform == "win32", reason="Celery's prefork pool wants fork")
@pytest.mark.parametrize("recycled", [True, False], ids=["recycled", "stopped"])
def test_worker_processes_that_come_and_go_lose_nothing(recycled: bool, tmp_path: Path) -> None:
    """
    A process is replaced after every 7 tasks; or two processes stop with their worker, while the collector takes two
    seconds to answer: all 42 events arrive, each once and each with the person who published its task.
    """
    with Loopback(*(Scripted(delay_s=0 if recycled else 2) for _ in range(42))) as collector:
        environment = {
            **os.environ,
            "SHOP_BROKER": str(tmp_path),
            "SHOP_COLLECTOR": collector.url,
            "PYTHONPATH": os.pathsep.join([str(ROOT / "sdk"), str(ROOT / "tracking_plan"), str(ROOT)]),
        }
        publish = """
import trackway
from tests.sdk.integrations.celery_shop import pay
for number in range(42):
    with trackway.scope(user_id=f"user-{number}"):
        pay.delay(number)
"""
        subprocess.run([sys.executable, "-c", publish], env=environment, cwd=ROOT, check=True, timeout=60)
        arguments = ["-A", "tests.sdk.integrations.celery_shop", "worker", "-P", "prefork", "-l", "info"]
        arguments += ["-c", "1", "--max-tasks-per-child", "7"] if recycled else ["-c", "2"]
        log = tmp_path / "worker.log"
        with log.open("wb") as output:
            worker = subprocess.Popen(
                [sys.executable, "-m", "celery", *arguments, "--without-gossip", "--without-mingle"],
                env=environment,
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            wait_for(lambda: log.read_text().count("succeeded") == 42, 90, f"42 tasks are done; see {log}")
            if recycled:
                wait_for(lambda: len(collector.stored) == 42, 60, f"every process has sent what it had; see {log}")
            worker.send_signal(signal.SIGTERM)
            worker.wait(60)
        finally:
            if worker.poll() is None:
                os.killpg(worker.pid, signal.SIGKILL)
                worker.wait()
    assert sorted(event["properties"]["number"] for event in collector.stored) == list(range(42)), log.read_text()
    processes = {event["properties"]["pid"] for event in collector.stored}
    assert len(processes) == 6 if recycled else len(processes) <= 2
    assert all(event["userId"] == f"user-{event['properties']['number']}" for event in collector.stored)
    assert {event["context"]["task"]["name"] for event in collector.stored} == {"shop.pay"}


LEAVING = """
import os, signal, sys, threading, time
from billiard.util import set_pdeathsig
from celery.signals import worker_process_shutdown
from trackway import Tracker

tracker = Tracker("shop-key", host=sys.argv[1], flush_interval_s=3600, exit_timeout_s=20)
children = []

def supervise():
    pid = os.fork()
    if pid == 0:
        set_pdeathsig(signal.SIGKILL)
        tracker.track("Order Paid", user_id="user-7")
        worker_process_shutdown.send(sender=None, pid=os.getpid(), exitcode=0)
        os._exit(0)
    children.append(pid)
    time.sleep(1.5)

thread = threading.Thread(target=supervise)
thread.start()
thread.join()
sys.exit(os.waitpid(children[0], 0)[1] != 0)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills a process when the thread that forked it ends")
def test_a_process_that_is_leaving_is_not_killed_with_the_thread_that_forked_it() -> None:
    """
    Celery asks Linux to kill its processes with their parent, and Linux takes the thread that forked for that: the
    pool's supervisor, which ends while the processes that it forked are sending what they have.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "sdk"), str(ROOT / "tracking_plan")])}
    with Loopback(Scripted(delay_s=4)) as collector:
        done = subprocess.run([sys.executable, "-c", LEAVING, collector.url], env=environment, timeout=60)
    assert done.returncode == 0
    assert [event["userId"] for event in collector.stored] == ["user-7"]
