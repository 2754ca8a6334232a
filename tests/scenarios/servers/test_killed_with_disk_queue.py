"""
10,000 requests to servers whose processes are killed -9 at random, with `queue="<directory>"`: nothing is lost.

A request that was answered has its event in the queue's files, and a killed process leaves those to the living. What
the collector took without the killed process hearing of it is sent again under the same message id, and stored once.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import time
from pathlib import Path

import pytest

from tests.scenarios.servers.ledger import Ledger
from tests.scenarios.servers.serving import Server, serving
from tests.scenarios.servers.test_graceful_restarts import GUNICORN, KINDS, UVICORN, UWSGI
from tests.scenarios.servers.visitors import Visitors
from tests.support.house import free_port

REQUESTS = 10_000
LIVES = 3
"""How often the whole server is started; each life but the last ends by killing everything at once."""
KILLS = 4
"""How many single workers are killed in each life."""

COMMANDS = {f"gunicorn {kind}": [*GUNICORN, *options] for kind, options in KINDS.items() if kind != "gthread-preload"}
COMMANDS["uvicorn workers"] = [*UVICORN, "--workers", "2"]
# uWSGI ends workers after `max-requests` as if it killed them: without calling anything.
COMMANDS["uwsgi lazy"] = [*UWSGI, "--lazy-apps", "--max-requests", "1000"]


def kill_workers(server: Server, visitors: Visitors, until: int, dice: random.Random) -> None:
    """Kill a worker now and then, each of which has answered, until so many requests have been answered."""
    start, known = len(visitors.answered), len(visitors.workers)
    for turn in range(1, KILLS + 1):
        visitors.ask(start + turn * (until - start) // (KILLS + 1))
        visitors.meet(known + 1)
        time.sleep(dice.uniform(0, 0.1))
        known = len(visitors.workers)
        with contextlib.suppress(ProcessLookupError):  # it may have ended by itself
            os.kill(dice.choice([worker for worker in server.workers if worker in visitors.workers]), signal.SIGKILL)
    visitors.meet(known + 1)
    visitors.ask(until)


@pytest.mark.parametrize("kind", COMMANDS)
def test_workers_and_masters_are_killed(kind: str, ledger: Ledger, tmp_path: Path) -> None:
    """Workers are killed one by one and twice all processes at once; who comes after them sends what they left."""
    dice, port, event = random.Random(20261122), free_port(), f"{kind}, killed"
    environ = {"TRACKWAY_QUEUE": str(tmp_path / "queue"), "TEST_QUIET_IMPORT": "1"}
    with Visitors(port) as visitors:
        for life in range(1, LIVES + 1):
            with serving(COMMANDS[kind], ledger.house, event, tmp_path, environ=environ, port=port) as server:
                kill_workers(server, visitors, life * REQUESTS // LIVES, dice)
                if life == LIVES:
                    server.stop()
    with serving(["later.py"], ledger.house, event, tmp_path, environ=environ) as later:
        assert later.wait() == 0, later.said()
    ledger.check(event, visitors)
    assert len(visitors.workers) >= LIVES * (KILLS + 1)


def test_gunicorn_aborts_workers_that_hang(ledger: Ledger, tmp_path: Path) -> None:
    """
    gunicorn ends a worker whose request takes too long by SIGABRT, and a second later by SIGKILL.

    On SIGABRT it waits for the client to close, so the first worker ends in time to send what it holds and the second
    is killed; the events of both are stored.
    """
    event = "gunicorn abort"
    environ = {"TRACKWAY_QUEUE": str(tmp_path / "queue"), "TRACKWAY_FLUSH_INTERVAL_S": "60"}
    command = [*GUNICORN[: GUNICORN.index("--max-requests")], "--timeout", "2"]
    with serving(command, ledger.house, event, tmp_path, environ=environ) as server, Visitors(server.port) as visitors:
        for client_closes in (True, False):
            visitors.ask(len(visitors.answered) + 500)
            with socket.create_connection(("127.0.0.1", server.port)) as connection:
                connection.sendall(b"GET /hang HTTP/1.1\r\nHost: test\r\n\r\n")
                if client_closes:
                    connection.shutdown(socket.SHUT_WR)
                visitors.meet(len(visitors.workers) + 1)
        server.stop()
    with serving(["later.py"], ledger.house, event, tmp_path, environ=environ) as later:
        assert later.wait() == 0, later.said()
    ledger.check(event, visitors)
    assert server.said().count("WORKER TIMEOUT") >= 2
