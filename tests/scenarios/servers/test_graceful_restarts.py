"""10,000 requests to each kind of server while its workers are replaced: each answered one's event is stored once."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.scenarios.servers.ledger import Ledger
from tests.scenarios.servers.serving import Server, serving
from tests.scenarios.servers.visitors import Visitors

REQUESTS = 10_000

GUNICORN = ["gunicorn", "wsgi:application", "--bind", "127.0.0.1:{port}", "--workers", "2", "--graceful-timeout", "20"]
# Workers also replace themselves; the jitter keeps them from doing so all at once.
RECYCLED = ["--max-requests", "1500", "--max-requests-jitter", "500"]

KINDS = {
    "sync": [],
    "sync-preload": ["--preload"],
    "gthread": ["--worker-class", "gthread", "--threads", "4"],
    "gthread-preload": ["--worker-class", "gthread", "--threads", "4", "--preload"],
    "gevent": ["--worker-class", "gevent"],
    "gevent-preload": ["--worker-class", "gevent", "--preload"],
}


def visit(server: Server, signalled: int | None, times: int = 3) -> Visitors:
    """Ask all requests, and send the signal so many times on the way."""
    visitors = Visitors(server.port, REQUESTS)
    visitors.start()
    try:
        for turn in range(1, times + 1):
            visitors.wait_for(turn * REQUESTS // (times + 1))
            if signalled is not None:
                server.signal(signalled)
        visitors.wait_for(REQUESTS)
    finally:
        visitors.give_up()
        visitors.join(30)
    return visitors


@pytest.mark.parametrize("kind", KINDS)
def test_gunicorn_reloads_under_load(kind: str, ledger: Ledger, tmp_path: Path) -> None:
    """SIGHUP three times, workers that end after so many requests, SIGTERM in the end: nothing is lost or doubled."""
    event, repeats = f"gunicorn {kind}", ledger.repeats()
    with serving([*GUNICORN, *KINDS[kind], *RECYCLED], ledger.house, event, tmp_path) as server:
        visitors = visit(server, signal.SIGHUP)
        assert server.stop() == 0, server.said()
    ledger.check(event, visitors)
    assert len(visitors.workers) >= 8
    assert set(ledger.numbers(f"{event}: loaded").values()) == {1}
    assert ledger.repeats() == repeats
