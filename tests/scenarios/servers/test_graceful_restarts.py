"""
10,000 requests to each kind of server while its workers are replaced: each answered one's event is stored once.

Trackers are as they come: the queue is in memory, so every process has to send what it holds before it is gone.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from tests.scenarios.servers.ledger import Ledger
from tests.scenarios.servers.serving import Server, serving
from tests.scenarios.servers.visitors import Visitors

REQUESTS = 10_000
RELOADS = 3

GUNICORN = ["-m", "gunicorn", "wsgi:application", "--bind", "127.0.0.1:{port}", "--workers", "2"]
GUNICORN += ["--no-control-socket", "--graceful-timeout", "20"]
# Workers also replace themselves; the jitter keeps them from doing so all at once.
GUNICORN += ["--max-requests", "1500", "--max-requests-jitter", "500"]
KINDS = {
    "sync": [],
    "sync-preload": ["--preload"],
    "gthread": ["--worker-class", "gthread", "--threads", "4"],
    "gthread-preload": ["--worker-class", "gthread", "--threads", "4", "--preload"],
    "gevent": ["--worker-class", "gevent"],
    "gevent-preload": ["--worker-class", "gevent", "--preload"],
}

UVICORN = ["-m", "uvicorn", "asgi:application", "--port", "{port}", "--log-level", "warning"]

UWSGI = ["-c", "import sys, pyuwsgi; pyuwsgi.run(sys.argv[1:])", "--http-socket", "127.0.0.1:{port}"]
# Or a reload would start the interpreter without its virtual environment.
UWSGI += ["--binary-path", sys.executable]
UWSGI += ["--wsgi-file", "wsgi.py", "--master", "--processes", "2", "--enable-threads"]
# By itself uWSGI ends a worker that is in the middle of a request without calling anything.
UWSGI += ["--hook-master-start", "unix_signal:15 gracefully_kill_them_all"]
UWSGI += ["--disable-logging", "--http-keepalive"]
UWSGI_KINDS = {"preload": [], "preload-hooks": ["--py-call-uwsgi-fork-hooks"], "lazy": ["--lazy-apps"]}


def reload_under_load(server: Server) -> Visitors:
    """Ask 10,000 requests; send SIGHUP three times on the way and SIGTERM at the end, while visitors go on asking."""
    with Visitors(server.port) as visitors:
        for turn in range(1, RELOADS + 1):
            visitors.ask(turn * REQUESTS // (RELOADS + 1))
            known = len(visitors.workers)
            server.signal(signal.SIGHUP)
            visitors.meet(known + 1)
        visitors.ask(REQUESTS)
        server.stop()
    return visitors


@pytest.mark.parametrize("kind", KINDS)
def test_gunicorn_reloads_under_load(kind: str, ledger: Ledger, tmp_path: Path) -> None:
    """Reloads, and workers that end after so many requests: nothing is lost, doubled or even sent again."""
    event, repeats = f"gunicorn {kind}", ledger.repeats()
    with serving([*GUNICORN, *KINDS[kind]], ledger.house, event, tmp_path) as server:
        visitors = reload_under_load(server)
    ledger.check(event, visitors)
    assert set(ledger.numbers(f"{event}: loaded").values()) == {1}
    assert ledger.repeats() == repeats


@pytest.mark.parametrize("kind", UWSGI_KINDS)
def test_uwsgi_reloads_under_load(kind: str, ledger: Ledger, tmp_path: Path) -> None:
    """
    The same of uWSGI, whose master loads the application and forks, or leaves the loading to its workers.

    Without the fork hooks the master must have no threads, so the application does not track while it is loaded.
    `max-requests` is not here: uWSGI ends such workers without calling anything, which only a queue on disk survives.
    """
    event, repeats = f"uwsgi {kind}", ledger.repeats()
    quiet = {"TEST_QUIET_IMPORT": "1"} if kind == "preload" else {}
    with serving([*UWSGI, *UWSGI_KINDS[kind]], ledger.house, event, tmp_path, environ=quiet) as server:
        visitors = reload_under_load(server)
    ledger.check(event, visitors)
    assert set(ledger.numbers(f"{event}: loaded").values()) == (set() if quiet else {1})
    assert ledger.repeats() == repeats


def test_uvicorn_replaces_its_workers_under_load(ledger: Ledger, tmp_path: Path) -> None:
    """The same of uvicorn's supervisor, for an application that closes its tracker at shutdown."""
    event, repeats = "uvicorn workers", ledger.repeats()
    with serving([*UVICORN, "--workers", "2"], ledger.house, event, tmp_path) as server:
        visitors = reload_under_load(server)
    ledger.check(event, visitors)
    assert set(ledger.numbers(f"{event}: loaded").values()) == {1}
    assert ledger.repeats() == repeats


def test_uvicorn_is_stopped_under_load(ledger: Ledger, tmp_path: Path) -> None:
    """A single process of uvicorn is stopped by SIGTERM while it answers; it sends what it tracked."""
    event, repeats = "uvicorn", ledger.repeats()
    with serving(UVICORN, ledger.house, event, tmp_path) as server, Visitors(server.port) as visitors:
        visitors.ask(REQUESTS)
        server.stop()
    ledger.check(event, visitors)
    assert ledger.repeats() == repeats
