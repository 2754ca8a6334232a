"""
Durable, validated acks of one ingest worker on one core, beside a bare aiohttp app and the floor program.

All three are driven in turn by wrk from the other core with the same bodies, unique message ids and connections. Each
round measures all three; the ratio is taken within a round, and the median round is reported.
"""

from __future__ import annotations

import base64
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.ingest_payload import EVENTS, ID_MARK, SOURCE, WRITE_KEY, body, release
from tests.benchmarks.table import Row, print_table

HERE = Path(__file__).parent
CONNECTIONS = 64
SECONDS = 5
ROUNDS = 3


@dataclass(frozen=True)
class Load:
    """What wrk saw of one server."""

    events_per_s: float
    p50_ms: float
    p99_ms: float
    errors: int
    cpu_us_per_event: float


def run(seconds: int = SECONDS, rounds: int = ROUNDS) -> list[Row]:
    """Return the rows of the ingest benchmark, at 100 and at 1 event a request."""
    if shutil.which("wrk") is None:
        return [Row("ingest", None, None, None, None, "events/s", "skipped: wrk is not installed (Debian: wrk)")]
    with tempfile.TemporaryDirectory() as tmp:
        directory = Path(tmp)
        plan = directory / "0001.json"
        frozen = release(directory / "plan")
        plan.write_bytes(frozen.to_json())
        return [row for events in (100, 1) for row in _compare(directory, plan, frozen.hash, events, seconds, rounds)]


def _compare(directory: Path, plan: Path, plan_hash: str, events: int, seconds: int, rounds: int) -> list[Row]:
    bodies = directory / f"bodies-{events}.txt"
    bodies.write_text("\n".join(body(number, events, plan_hash) for number in range(EVENTS)) + "\n")
    results: dict[str, list[Load]] = {"trackway": [], "floor": [], "bare": []}
    for number in range(rounds):
        for mode in results:
            with _server(mode, directory / f"{mode}-{events}-{number}", plan) as (port, pid):
                results[mode].append(_drive(port, pid, bodies, events, seconds))
    ours = [load.events_per_s for load in results["trackway"]]
    rows = []
    for other, target in (("floor", 0.75), ("bare", 0.15 if events == 100 else 0.4)):
        theirs = [load.events_per_s for load in results[other]]
        ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
        middle = sorted(results["trackway"], key=lambda load: load.events_per_s)[len(ours) // 2]
        note = (
            f"p50 {middle.p50_ms:.1f} ms, p99 {middle.p99_ms:.1f} ms, {middle.cpu_us_per_event:.2f} µs CPU an event,"
            f" {middle.errors} errors"
        )
        name = f"ingest, {events} a request, against {other}"
        rows.append(
            Row(name, statistics.median(ours), statistics.median(theirs), ratio, f"≥ {target}", "events/s", note)
        )
    return rows


@contextmanager
def _server(mode: str, directory: Path, plan: Path) -> Iterator[tuple[int, int]]:
    port = _free_port()
    if mode == "trackway":
        command = ["-m", "trackway", "collector", "serve", "--data-dir", str(directory), "--port", str(port)]
        command += ["--plan", str(plan), "--write-key", f"{SOURCE}={WRITE_KEY}", "--max-backlog-mib", "65536"]
    else:
        command = ["-m", "tests.benchmarks.ingest_floor", mode, str(port)]
    process = subprocess.Popen(
        [sys.executable, *command], preexec_fn=lambda: os.sched_setaffinity(0, {0}), stderr=subprocess.PIPE
    )
    try:
        _wait_until_up(port, process)
        yield port, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(directory, ignore_errors=True)


def _drive(port: int, pid: int, bodies: Path, events: int, seconds: int) -> Load:
    authorization = "Basic " + base64.b64encode(f"{WRITE_KEY}:".encode()).decode()
    before = _cpu_s(pid)
    command = ["taskset", "-c", "1", "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", "-s"]
    command += [str(HERE / "ingest.lua"), f"http://127.0.0.1:{port}", "--", str(bodies), ID_MARK, authorization]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    spent = _cpu_s(pid) - before
    result = next(line for line in output.splitlines() if line.startswith("RESULT")).split()
    requests, duration_us, errors, p50_us, p99_us = (float(value) for value in result[1:])
    done = requests * events
    return Load(done / duration_us * 1e6, p50_us / 1e3, p99_us / 1e3, int(errors), spent / max(done, 1) * 1e6)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


def _wait_until_up(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        if process.poll() is not None:
            message = f"the server died: {process.stderr.read().decode() if process.stderr else ''}"
            raise RuntimeError(message)
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/live", timeout=1)
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
        else:
            return
    message = "the server did not come up in 10 s"
    raise RuntimeError(message)


if __name__ == "__main__":
    print_table(run())
