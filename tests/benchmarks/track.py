"""
What `Tracker.track()` costs its caller, beside segment-analytics-python in the same process.

Both really send: to a server in another process, on loopback. A round is a burst of calls to each client, one
after the other, each call timed, while that client's own thread is sending; between bursts the queues drain
untimed. Ours checks every event against a plan, theirs has none to check.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "sdk"), str(ROOT / "tracking_plan")]

from tests.benchmarks.table import Row, print_table  # noqa: E402
from trackway import Tracker  # noqa: E402
from trackway_plan import Choice, EventSpec, Plan, PropertySpec, Release, compile_release  # noqa: E402

BURST = 2000
ROUNDS = 15
PROPERTIES: dict[str, object] = {
    "order_id": "o-2026-05-19-000017",
    "total": "129.95",
    "currency": "EUR",
    "items": 3,
    "weight_kg": 1.75,
    "express": True,
    "coupon": None,
    "shop": "Antwerp, Meir 48",
    "payment": "card",
    "categories": ["tea", "cups"],
}


def run(burst: int = BURST, rounds: int = ROUNDS) -> list[Row]:
    """Return p50 and p99 of one call, in microseconds."""
    try:
        from segment.analytics.client import Client
    except ImportError:
        note = "skipped: segment-analytics-python is not installed (group dev)"
        return [Row("track()", None, None, None, "<= 0.4", "µs", note)]
    ours: list[int] = []
    theirs: list[int] = []
    with _server() as url:
        tracker = Tracker("bench", host=url, plan=_release(), on_violation="flag")
        client = Client("bench", host=url, max_queue_size=100_000)
        for number in range(rounds + 1):
            if number == 1:  # the first round warms both up
                ours.clear()
                theirs.clear()
            ours += _burst(lambda: tracker.track("Order Completed", PROPERTIES, user_id="user-000017"), burst)
            assert tracker.flush(30), tracker.stats()
            theirs += _burst(lambda: client.track("user-000017", "Order Completed", PROPERTIES), burst)
            client.flush()
        client.join()
        tracker.close()
    stats = tracker.stats()
    assert stats.acked == stats.enqueued == burst * (rounds + 1), stats
    assert stats.flagged == 0, stats
    note = f"{rounds} bursts of {burst:,} calls, {len(PROPERTIES)} properties, plan checked"
    return [
        _row("track() p50", ours, theirs, 50, "<= 0.4", note),
        _row("track() p99", ours, theirs, 99, None, "while the sender is busy"),
    ]


def _row(name: str, ours: list[int], theirs: list[int], percent: int, target: str | None, note: str) -> Row:
    mine, other = (sorted(times)[len(times) * percent // 100] / 1000 for times in (ours, theirs))
    return Row(name, mine, other, mine / other, target, "µs", note)


def _burst(call: Callable[[], object], count: int) -> list[int]:
    clock = time.perf_counter_ns
    times = []
    for _ in range(count):
        start = clock()
        call()
        times.append(clock() - start)
    return times


def _release() -> Release:
    kinds = {
        "order_id": PropertySpec(kind="string", required=True, max_length=40),
        "total": PropertySpec(kind="decimal", required=True),
        "currency": PropertySpec(kind="choice", choices=tuple(Choice(value=code) for code in ("EUR", "USD", "GBP"))),
        "items": PropertySpec(kind="int", min=1),
        "weight_kg": PropertySpec(kind="number", min=0),
        "express": PropertySpec(kind="bool"),
        "coupon": PropertySpec(kind="string", nullable=True),
        "shop": PropertySpec(kind="string"),
        "payment": PropertySpec(kind="choice", choices=(Choice(value="card"), Choice(value="cash"))),
        "categories": PropertySpec(kind="list", of=PropertySpec(kind="string"), max_items=20),
    }
    event = EventSpec(name="Order Completed", properties=kinds)
    return compile_release(Plan(name="bench", events={event.name: event}), rev=1)


@contextmanager
def _server() -> Iterator[str]:
    server = subprocess.Popen([sys.executable, __file__, "serve"], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
    finally:
        server.terminate()
        server.wait()
        server.stdout.close()


async def _serve() -> None:
    """Read requests and answer 200, as cheaply as it goes: the server must not be what is measured."""
    answer = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{"success":true}'

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
                await reader.readexactly(int(length))
                writer.write(answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, limit=1 << 20)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        asyncio.run(_serve())
    else:
        print_table(run())
