"""gevent's monkey patching, in every order in which programs come to it."""

from __future__ import annotations

import pytest

from tests.sdk.loopback import Loopback
from tests.sdk.test_lifecycle import run

PATCH = "from gevent import monkey, sleep, spawn, joinall; monkey.patch_all()\n"

# Greenlets that track and give way; then the sender has nothing to do, and the others must go on while it waits.
PROGRAM = """
def visit(number):
    for turn in range(100):
        tracker.track("Paid", {"number": number * 100 + turn}, user_id="ana")
        sleep(0)
joinall([spawn(visit, number) for number in range(10)], raise_error=True)
assert tracker.flush(20), tracker.stats()
for _ in range(20): sleep(0.01)
assert tracker.stats().acked == 1000
"""

FORK = """
import os
child = os.fork()
if child:
    assert os.waitpid(child, 0)[1] == 0
    os._exit(0)
"""

ORDERS = {
    "at once": PATCH + "tracker = Tracker(host=tracker.options.host, write_key='shop-key')\n" + PROGRAM,
    "after the tracker was made": PATCH + PROGRAM,
    "in a forked child": FORK + PATCH + PROGRAM,
    "in a forked child of a process that tracked": "tracker.track('Loaded', user_id='ana')\ntracker.flush()\n"
    + FORK
    + PATCH
    + PROGRAM,
    "before a fork": PATCH + FORK + PROGRAM,
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("order", ORDERS)
def test_gevent_patches(order: str) -> None:
    """Whenever gevent patches, all greenlets go on while the sender waits, and every event arrives once."""
    with Loopback() as collector:
        run(ORDERS[order], collector.url)
        numbers = [event["properties"]["number"] for event in collector.stored if event["event"] == "Paid"]
    assert sorted(numbers) == list(range(1000))


@pytest.mark.filterwarnings("ignore")
def test_gevent_patches_under_a_tracker_that_sends() -> None:
    """The thread that was started before is the system's, and goes on; the greenlets' events leave by it."""
    with Loopback() as collector:
        program = (
            "tracker.track('Loaded', user_id='ana')\ntracker.flush()\n" + PATCH + PROGRAM.replace("== 1000", "== 1001")
        )
        run(program, collector.url)
        numbers = [event["properties"]["number"] for event in collector.stored if event["event"] == "Paid"]
    assert sorted(numbers) == list(range(1000))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("busy", ["sleep(60)", "while True: sleep(0)"])
def test_a_signal_drains_under_gevent(busy: str) -> None:
    """Whether it comes to a greenlet or to the hub, where nothing may wait."""
    program = (
        PATCH
        + "import os, signal\ntracker = Tracker(host=tracker.options.host, write_key='shop-key', flush_interval_s=60)\n"
        + "tracker.handle_signals()\ntracker.track('Paid', user_id='ana')\n"
        + "def kill(): sleep(0.2); os.kill(os.getpid(), signal.SIGTERM)\n"
        + f"spawn(kill)\n{busy}\n"
    )
    with Loopback() as collector:
        run(program, collector.url, status=-15)
        assert len(collector.stored) == 1
